/* SPDX-License-Identifier: Apache-2.0 */
/* probe_internal - what the files of the probe share: the run, its sources, its models */
#ifndef SK_PROBE_INTERNAL_H
#define SK_PROBE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "migrate/guest/guest.h"
#include "migrate/guest/http.h"
#include "migrate/measure/probe.h"

struct sk_source;
struct sk_remote;

/** struct sk_probe - A running or ended probe */
struct sk_probe {
	struct sk_probe_opts opts;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	uint64_t start_mono, start_real;
	uint32_t run;
	struct sk_source **sources;
	unsigned int nr_sources;
	int epoll;    /* of the thread that collects answers */
	int netns_fd; /* opts.netns_fd for as long as the probe lives, or -1 */
	struct sk_sample *samples;
	size_t max_samples;
	size_t nr_ready;		    /* their memory has been touched */
	atomic_size_t nr_sent, nr_received; /* samples below nr_sent are published */
	atomic_size_t nr_kernel_stamps, nr_refused, nr_reconnects;
	atomic_bool is_stopping, is_sent;
	atomic_bool is_realtime;  /* the thread that sends has that priority */
	atomic_bool is_abandoned; /* nobody wants the samples: do not wait for answers */
	struct sk_remote *remote; /* it runs on another machine */
	pthread_mutex_t
		lock; /* of taking a sample where several threads do, and of the next */
	pthread_cond_t first_reply; /* on CLOCK_MONOTONIC */
	bool has_reply, is_running;
	pthread_t sender, receiver;
	bool has_receiver;
	struct sk_caller *callers; /* closed models */
	unsigned int nr_callers;
	atomic_uint *owner; /* by request: its caller + 1; 0 none */
	char over
		[80]; /* it ended by itself before it was told to stop; empty: it did not */
};

/* ---- probe.c ------------------------------------------------------------------------- */

/** sk_probe_now() - ns since the start */
uint64_t sk_probe_now(const struct sk_probe *probe);
/** sk_probe_sleep_until() - To a time since the start; false when the probe is to stop before it */
bool sk_probe_sleep_until(struct sk_probe *probe, uint64_t at_ns);
/** sk_probe_raise_priority() - Real-time priority for the calling thread; whether it may */
bool sk_probe_raise_priority(int priority);
/** sk_probe_begin() - Take the next sample, of a request that is about to be sent; false when memory is used up */
bool sk_probe_begin(struct sk_probe *probe, uint64_t intended_ns, size_t *ret_seq);
/** sk_probe_note_reply() - There was a reply: wake sk_probe_wait_reply() */
void sk_probe_note_reply(struct sk_probe *probe);
/** sk_probe_read_clocks() - CLOCK_MONOTONIC and CLOCK_REALTIME at the same moment: the closest of several pairs */
void sk_probe_read_clocks(uint64_t *ret_mono, uint64_t *ret_real);
/** sk_probe_collect() - Collect answers on the calling thread until all are there or timed out */
void sk_probe_collect(struct sk_probe *probe);

/* ---- source*.c: one socket or connection to the service ------------------------------ */

/** struct sk_source_ops - A kind of it */
struct sk_source_ops {
	/** Open the socket; a service that is away is no failure */
	int (*open)(struct sk_source *source, struct sk_err *err);
	/** Send a request, or have it sent as soon as that can be; never waits */
	void (*send)(struct sk_source *source, size_t seq);
	/** Take what has come */
	void (*receive)(struct sk_source *source);
	/** Time-outs and new connections; from time to time, by the thread that receives */
	void (*mind)(struct sk_source *source);
	void (*close)(struct sk_source *source);
};

#define SK_SOURCE_IN	8192
#define SK_SOURCE_OUT	512
#define SK_SOURCE_MSECS 20 /* between two calls of mind() */

/** struct sk_source - Its state; the last group only of TCP and HTTP, under the lock */
struct sk_source {
	struct sk_probe *probe;
	const struct sk_source_ops *ops;
	int fd;
	int epoll;   /* that watches @fd, or -1 */
	bool is_raw; /* ICMP: IP headers in front */
	uint16_t icmp_id;

	pthread_mutex_t lock;
	enum { SK_STREAM_CLOSED, SK_STREAM_CONNECTING, SK_STREAM_OPEN } state;
	uint64_t opened_ns;   /* OPEN: since when */
	uint64_t deadline_ns; /* CLOSED: try again then; CONNECTING: give up then */
	size_t *ring,
		ring_size; /* requests that are not answered yet, in the order of sending */
	size_t head, sent, tail; /* running numbers; below sent: written */
	size_t out_len, out_at;
	bool wants_out;
	char out[SK_SOURCE_OUT];
	size_t in_len;
	char in[SK_SOURCE_IN];
	struct sk_http_reader http;
};

/** sk_source_new() - Make and open one; @epoll watches it if it is not -1 */
int sk_source_new(struct sk_probe *probe, int epoll, struct sk_source **ret,
		  struct sk_err *err);
/** sk_source_free() - Close it; NULL is fine */
void sk_source_free(struct sk_source *source);
SK_DEFINE_AUTO(struct sk_source, sk_source_free)
/** sk_source_watch() - Have its descriptor watched for @events from now on */
void sk_source_watch(struct sk_source *source, int op, uint32_t events);
/** sk_source_stamps() - Have the kernel stamp what comes on a socket */
void sk_source_stamps(int fd);
/** sk_source_recv() - recvmsg(2) without waiting; when it came, in ns since the start, by the kernel's stamp if there is one */
ssize_t sk_source_recv(struct sk_source *source, void *bytes, size_t len,
		       uint64_t *ret_at, bool *ret_is_kernel);
/** sk_source_fill() - The request of a sample as the service's echo packet */
void sk_source_fill(const struct sk_probe *probe, size_t seq, struct sk_echo *ret);
/** struct sk_reply - An answer */
struct sk_reply {
	uint32_t run;
	uint64_t seq, tick;
	uint64_t at_ns; /* since the start */
	bool is_kernel;
};
/** sk_source_reply() - Note an answer in its sample; whether it was the first to a request of this run */
bool sk_source_reply(struct sk_probe *probe, const struct sk_reply *reply);

extern const struct sk_source_ops sk_source_datagram; /* UDP and ICMP */
extern const struct sk_source_ops sk_source_stream;   /* TCP and HTTP */

/* ---- probe_model.c: closed loops ----------------------------------------------------- */

/** sk_closed_start() - Start the threads of a closed model */
int sk_closed_start(struct sk_probe *probe, struct sk_err *err);
/** sk_closed_join() - Wait for them */
void sk_closed_join(struct sk_probe *probe);
/** sk_closed_answered() - A request of this caller was answered */
void sk_closed_answered(struct sk_probe *probe, unsigned int caller);
/** sk_closed_free() - Release what they used */
void sk_closed_free(struct sk_probe *probe);

#endif
