/* SPDX-License-Identifier: Apache-2.0 */
/* server - a service under test: UDP, TCP and HTTP on one port number, threads as the model says
 *
 *	sk_server_parse("worker-pool,workers=8,time=2ms,work=sleep", &opts, err);
 *	sk_server_start(&opts, &server, err);
 *	sk_server_stats(server, &stats);
 *	sk_server_free(server);
 *
 * UDP: a datagram of struct sk_echo comes back with the tick filled in. TCP: the same as a stream.
 * HTTP/1.1 on the same TCP port, told apart by the first bytes: any GET or HEAD is answered by 200
 * with the field Skiff-Tick. What the queue has no room for is refused: UDP by silence, TCP with the
 * tick SK_ECHO_REFUSED, HTTP by 503.
 */
#ifndef SK_SERVER_H
#define SK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/** enum sk_server_model - Which thread serves a request */
enum sk_server_model {
	SK_SERVER_ITERATIVE, /* one thread, one request after the other */
	SK_SERVER_THREAD_PER_REQUEST,
	SK_SERVER_THREAD_PER_CONNECTION, /* UDP has one socket, and so one thread */
	SK_SERVER_WORKER_POOL,		 /* a bounded queue, most urgent first */
	SK_SERVER_THREAD_PER_OBJECT,	 /* requests for one object queue up */
	SK_SERVER_EVENT_DRIVEN,		 /* one thread that never waits for one request */
};

/** struct sk_server_opts - A service; start from SK_SERVER_OPTS_INIT */
struct sk_server_opts {
	const char *address; /* IPv4 or IPv6 to bind; NULL for all of IPv4 (borrowed) */
	uint16_t port;	     /* UDP and TCP; 0 lets the kernel choose */
	enum sk_server_model model;
	unsigned int workers; /* of the pool */
	unsigned int threads; /* at most at a time, of those made per request */
	unsigned int queue;   /* requests that wait at most, of the pool or an object */
	unsigned int objects; /* request N is for object N modulo this */
	uint64_t service_ns;  /* what a request costs */
	bool sleeps;	      /* by waiting, as for a disk; else by processor time */
	uint64_t touch_bytes; /* memory written per request, a word in each page */
	uint64_t data_bytes;  /* over which that goes round */
};

#define SK_SERVER_OPTS_INIT                                                              \
	((struct sk_server_opts){.workers = 4,                                           \
				 .threads = 256,                                         \
				 .queue = 128,                                           \
				 .objects = 8,                                           \
				 .data_bytes = 4u << 20})

/**
 * sk_server_parse() - Read "MODEL[,workers=N][,threads=N][,queue=N][,objects=N][,time=TIME][,work=busy|sleep]
 *	[,touch=SIZE][,data=SIZE]"
 * @opts:	Members that the text names are set, on success only
 *
 * Return: 0; -EINVAL or -ERANGE with the word that is wrong
 */
int sk_server_parse(const char *text, struct sk_server_opts *opts, struct sk_err *err);
/** sk_server_model_name() - "worker-pool" and so on */
const char *sk_server_model_name(enum sk_server_model model);

/** struct sk_server_stats - What it did so far */
struct sk_server_stats {
	uint64_t served;
	uint64_t refused; /* for want of a thread or of room in the queue */
	uint64_t active_ns, cpu_ns;
	uint64_t
		tlp_milli; /* thread-level parallelism in thousandths; 0 before any request */
	uint64_t peak_threads; /* that worked at the same time */
};

/** struct sk_server - A running service; opaque */
struct sk_server;

/**
 * sk_server_start() - Answers from here on
 * @ret:	Stop and free with sk_server_free()
 *
 * Return: 0; -EADDRINUSE; -EINVAL for an address; -ENOMEM
 */
int sk_server_start(const struct sk_server_opts *opts, struct sk_server **ret,
		    struct sk_err *err);
/** sk_server_free() - Close all connections, end the threads, release all; NULL is fine */
void sk_server_free(struct sk_server *server);
SK_DEFINE_AUTO(struct sk_server, sk_server_free)
/** sk_server_port() - Its port, as chosen by the kernel if that was asked */
uint16_t sk_server_port(const struct sk_server *server);
/** sk_server_tick() - Ticks of 1 ms of its life; 1 at least */
uint64_t sk_server_tick(const struct sk_server *server);
/** sk_server_opts() - What it was started with (borrowed) */
const struct sk_server_opts *sk_server_opts(const struct sk_server *server);
/** sk_server_stats() - Copy the counters, then begin anew with those of parallelism if @reset */
void sk_server_stats(struct sk_server *server, bool reset, struct sk_server_stats *ret);

#endif
