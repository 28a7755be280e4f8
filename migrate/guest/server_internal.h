/* SPDX-License-Identifier: Apache-2.0 */
/* server_internal - what the files of the service share: requests, connections, models */
#ifndef SK_SERVER_INTERNAL_H
#define SK_SERVER_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "migrate/guest/guest.h"
#include "migrate/guest/http.h"
#include "migrate/guest/server.h"
#include "migrate/guest/tlp.h"

/** struct sk_call - One request on its way through the service */
struct sk_call {
	struct sk_conn *conn; /* NULL: UDP; a queued call holds a reference */
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct sk_echo echo; /* of UDP and TCP */
	bool is_http, keep_alive, is_head;
	unsigned int urgency;
	uint64_t object;
	uint64_t due_ns; /* event-driven: when its wait is over */
	struct sk_call *next;
};

/** struct sk_conn - One TCP connection */
struct sk_conn {
	struct sk_server *server;
	int sock;
	atomic_int references;
	pthread_mutex_t lock; /* of sending, and of the next two */
	bool is_serving;      /* HTTP: the next request waits, as answers come in order */
	bool is_broken;
	bool is_paused; /* not read meanwhile */
	size_t len;
	char in[SK_HTTP_MAX_HEAD + sizeof(struct sk_echo)];
	pthread_t thread; /* of the model with a thread per connection */
	bool has_thread, is_ended;
	struct sk_conn *next;
};

/** struct sk_queue - Calls that wait for a thread, most urgent first, else in order of arrival */
struct sk_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sk_call *first[8], **last[8]; /* by urgency */
	unsigned int len, max;
	bool is_closed;
};

/** struct sk_worker - A thread that takes its calls from a queue */
struct sk_worker {
	struct sk_server *server;
	struct sk_queue *queue;
	pthread_t thread;
};

struct sk_server {
	struct sk_server_opts opts;
	uint64_t start_ns;			/* of the tick */
	int sock, listener, epoll, wake, timer; /* the first is of UDP */
	pthread_t front;
	bool has_front;
	atomic_bool is_stopping;
	struct sk_tlp tlp;
	atomic_ullong served, refused;
	atomic_ullong next_page;
	volatile uint64_t *data;
	struct sk_conn *conns; /* of the front thread */
	struct sk_queue *queues;
	struct sk_worker *workers;
	unsigned int nr_queues, nr_workers;
	struct sk_call *waiting, **waiting_last; /* event-driven */
	pthread_mutex_t lock;			 /* of the next two */
	pthread_cond_t idle;
	unsigned int nr_temporary; /* threads made per request that still run */
};

/** sk_server_hurry() - Real-time priority for a thread that answers, of a service without service time */
void sk_server_hurry(const struct sk_server *server);

/* ---- server_call.c: what serving a request is ---------------------------------------- */

/** sk_call_touch() - Write what a request writes of the data */
void sk_call_touch(struct sk_server *server);
/** sk_call_work() - Touch, and cost the service time */
void sk_call_work(struct sk_server *server, struct sk_tlp_thread *me);
/** sk_call_answer() - Send the answer */
void sk_call_answer(struct sk_server *server, struct sk_call *call);
/** sk_call_refuse() - Say that there is no room */
void sk_call_refuse(struct sk_server *server, struct sk_call *call);

/* ---- server_conn.c: connections ------------------------------------------------------ */

/** sk_conn_new() - Takes the socket; -ENOMEM leaves it open */
int sk_conn_new(struct sk_server *server, int sock, struct sk_conn **ret);
/** sk_conn_put() - Give a reference back; the last one closes it */
void sk_conn_put(struct sk_conn *conn);
/** sk_conn_read() - Take what has come; false at the end or a failure */
bool sk_conn_read(struct sk_conn *conn, bool may_wait);
/**
 * sk_conn_parse() - Hand on each whole request
 * Return: 0 when more must come; 1 when HTTP's answer must be sent before the next request is
 * taken; -EPROTO for a malformed one; -EPIPE for a broken connection
 */
int sk_conn_parse(struct sk_conn *conn, struct sk_tlp_thread *me);
/** sk_conn_send() - All of it, or the connection is broken */
void sk_conn_send(struct sk_conn *conn, const void *bytes, size_t len);
/** sk_conn_main() - The thread of a connection in the model that has one each */
void *sk_conn_main(void *arg);

/* ---- server_model.c: which thread serves --------------------------------------------- */

/** sk_model_start() - Start the threads that wait for requests */
int sk_model_start(struct sk_server *server, struct sk_err *err);
/** sk_model_submit() - Have a call served, by this thread now or by another; copied if it waits */
void sk_model_submit(struct sk_server *server, struct sk_call *call,
		     struct sk_tlp_thread *me);
/** sk_model_expire() - Event-driven: answer the calls whose wait is over, set the timer to the next */
void sk_model_expire(struct sk_server *server);
/** sk_model_stop() - End the threads, drop what waits */
void sk_model_stop(struct sk_server *server);

#endif
