/* SPDX-License-Identifier: Apache-2.0 */
/* probe - an open-loop client that times a service from the intended send time
 *
 *	sk_probe_start(&opts, &probe, err);	// two threads: sender and receiver
 *	... the migration ...
 *	sk_probe_stop(probe, err);		// waits for late replies, at most opts.timeout_ns
 *	samples = sk_probe_samples(probe, &n);
 *	sk_probe_summarize(samples, n, from, to, timeout, &summary);
 */
#ifndef SK_PROBE_H
#define SK_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"

/** enum sk_probe_kind - What a request is */
enum sk_probe_kind {
	SK_PROBE_UDP,  /* a datagram that comes back */
	SK_PROBE_TCP,  /* the same as a message of a stream */
	SK_PROBE_HTTP, /* GET over HTTP/1.1, connections kept, requests pipelined */
	SK_PROBE_ICMP, /* echo request: the machine answers, not a service */
};
/** sk_probe_kind_name() - "udp", "tcp", "http", "icmp" */
const char *sk_probe_kind_name(enum sk_probe_kind kind);

/**
 * enum sk_probe_model - When requests are sent
 *
 * In an open loop at fixed times, whatever the service does. In the others, for comparison, a
 * caller sends no further request before the answer or the time-out of its last: in a stall they
 * send less, and so see less of it.
 */
enum sk_probe_model {
	SK_PROBE_OPEN,
	SK_PROBE_SINGLE, /* each client is one thread with a socket of its own */
	SK_PROBE_THREADS, /* a thread and a socket for each request, so many at a time as there are clients */
	SK_PROBE_DISPATCHER, /* clients share a socket; one thread collects answers and wakes by request number */
	SK_PROBE_CALLBACKS, /* one thread; an answer calls what sends that client's next request */
};
/** sk_probe_model_name() - "open", "single", "threads", "dispatcher", "callbacks" */
const char *sk_probe_model_name(enum sk_probe_model model);

#define SK_PROBE_MAX_CLIENTS 256
#define SK_PROBE_MAX_SAMPLES (1ull << 26) /* of one probe, so of hz times its duration */

/** struct sk_probe_target - Parsed "tcp://10.77.0.10:7007?hz=1000&clients=4" */
struct sk_probe_target {
	enum sk_probe_kind kind;
	char host[64];
	uint16_t port;	      /* 0 for ICMP */
	char path[128];	      /* HTTP: with a slash in front */
	unsigned int hz;      /* of all clients together, 1 to 20,000; default 1,000 */
	unsigned int clients; /* sources, in turns; 0: see sk_probe_target_clients() */
	enum sk_probe_model model;
	unsigned int urgency; /* 0 first to 7 last; default 3 */
	unsigned int objects; /* request N is for object N modulo this; 0: none */
};
/**
 * sk_probe_target_parse() - Read a probe URL
 *
 * udp://HOST:PORT, tcp://HOST:PORT, http://HOST[:PORT][/PATH], icmp://HOST. Settings hz, clients,
 * model, urgency, objects stand behind '?', joined by '&'; of HTTP behind '#', as '?' is the service's.
 * Return: 0; -EINVAL with a hint, naming the part that is wrong
 */
int sk_probe_target_parse(const char *url, struct sk_probe_target *ret,
			  struct sk_err *err);
/** sk_probe_target_clients() - How many: as set, or 1, or 16 of threads, dispatcher and callbacks */
unsigned int sk_probe_target_clients(const struct sk_probe_target *target);
/** sk_probe_target_set() - One setting, by "KEY" and its text; -EINVAL, -ERANGE */
int sk_probe_target_set(struct sk_probe_target *target, const char *key,
			const char *value, struct sk_err *err);
/** sk_probe_target_print() - The way back, with all settings; heap text. 0 or -ENOMEM */
int sk_probe_target_print(const struct sk_probe_target *target, char **ret);

/** struct sk_probe_opts - What to send and for how long at most */
struct sk_probe_opts {
	struct sk_probe_target target;
	int netns_fd; /* send from this network namespace (borrowed, until sk_probe_start() returns); -1 the caller's */
	const char *
		from; /* send from another machine: "ssh://host", see sk_ssh_argv(); borrowed; NULL: from here */
	uint64_t
		max_duration_ns; /* memory for this long is reserved before; then it stops by itself */
	uint64_t timeout_ns; /* a request unanswered for so long is lost; 0 is 2 s */
};

/** struct sk_sample - One request; times in ns since the probe's start, on CLOCK_MONOTONIC */
struct sk_sample {
	uint64_t
		intended_ns; /* when it should have been sent: response time counts from here */
	uint64_t sent_ns;
	uint64_t received_ns; /* 0: no reply */
	uint64_t
		tick; /* guest's tick in the reply; without one 0, or all bits set: refused */
};

/** struct sk_probe - A running or ended probe; opaque */
struct sk_probe;
/**
 * sk_probe_start() - Start sending, 2 ms from now
 * @opts:	Copied; the host of the target is resolved now
 * @ret:	Free with sk_probe_free(), which stops it
 *
 * Return: 0, also when the service is not there yet; -EINVAL; -EPERM for a namespace; with
 * opts.from also -ENOENT without skiff there, -ECONNREFUSED when ssh fails, -ETIMEDOUT, -EPROTO
 */
int sk_probe_start(const struct sk_probe_opts *opts, struct sk_probe **ret,
		   struct sk_err *err);
/** sk_probe_wait_reply() - Until the first reply, at most @timeout_ms: the service is there. -ETIMEDOUT */
int sk_probe_wait_reply(struct sk_probe *probe, unsigned int timeout_ms,
			struct sk_err *err);
/** sk_probe_start_time() - CLOCK_REALTIME ns of sample time 0, read in one step with CLOCK_MONOTONIC;
 *  from another machine: on our clock, most exact after sk_probe_stop() */
uint64_t sk_probe_start_time(const struct sk_probe *probe);
/** struct sk_probe_counts - What is known beside the samples */
struct sk_probe_counts {
	size_t kernel_stamps; /* answers whose time the kernel told; of the others the program did */
	size_t refused; /* answers that said no, such as HTTP's 503: they count as lost */
	size_t reconnects; /* connections that broke or were given up */
};
/** sk_probe_counts() - Valid after sk_probe_stop() */
void sk_probe_counts(const struct sk_probe *probe, struct sk_probe_counts *ret);
/** sk_probe_is_realtime() - Whether the thread that sends had real-time priority */
bool sk_probe_is_realtime(const struct sk_probe *probe);
/**
 * sk_probe_cut() - Why samples end too early, or NULL; after sk_probe_stop()
 *
 * The connection to the machine that probes broke, or opts.max_duration_ns was over before the stop.
 * What was measured before stands; of the time after the last sample nothing is known. To
 * stop such a probe is no failure.
 */
const char *sk_probe_cut(const struct sk_probe *probe);
/**
 * sk_probe_describe() - Add to an object: kind, model, clients, stamps ("kernel", "program" or
 *	"mixed": who told when answers came; null when none did), refused, reconnects, realtime
 *	(the sending thread has that priority); from another machine also
 *	from, clock (see sk_offset_json(), corrected, after_too), cut
 */
void sk_probe_describe(const struct sk_probe *probe, struct sk_json *object);
/** sk_probe_icmp_payload() - Where the request lies in an echo reply; 0 when it is none of ours */
size_t sk_probe_icmp_payload(const unsigned char *packet, size_t len, bool has_ip,
			     bool is_v6);
/** sk_probe_stop() - Send no more; returns once all replies are there or the time-out is over */
int sk_probe_stop(struct sk_probe *probe, struct sk_err *err);
/** sk_probe_finish() - The same without cutting it short: all of opts.max_duration_ns */
int sk_probe_finish(struct sk_probe *probe, struct sk_err *err);
/** sk_probe_samples() - All requests in the order sent (borrowed); valid after sk_probe_stop() */
const struct sk_sample *sk_probe_samples(const struct sk_probe *probe, size_t *ret_n);
/** sk_probe_free() - Stop it if it runs, release all; NULL is fine */
void sk_probe_free(struct sk_probe *probe);
SK_DEFINE_AUTO(struct sk_probe, sk_probe_free)

/**
 * struct sk_probe_summary - A window of samples
 *
 * Response times in µs over all requests. A lost one counts as the time-out, so that what
 * lies there is a lower bound. NaN when none was answered.
 */
struct sk_probe_summary {
	size_t sent, lost;
	double p50_us, p90_us, p99_us, p999_us, max_us, mean_us;
	double late_p99_us; /* sent - intended */
	bool late_ok; /* late_p99_us at most 1,000: else the run is to be discarded */
	uint64_t silence_ns, silence_start_ns; /* longest gap between replies */
	/* The same from the intended time of the first request that had to wait */
	uint64_t outage_ns, outage_start_ns;
	bool tick_monotonic;
	bool is_cut; /* of some requests of the window nothing is known: see sk_verdict_cut() */
};
/** sk_probe_summarize() - Pure; requests intended within [from, to) ns. 0 or -ENOMEM */
int sk_probe_summarize(const struct sk_sample *samples, size_t n, uint64_t from_ns,
		       uint64_t to_ns, uint64_t timeout_ns, struct sk_probe_summary *ret);
/** sk_probe_save() - samples.bin (header documented in the .c file) in a folder; sk_probe_load() reads it */
int sk_probe_save(int dirfd, const char *name, const struct sk_sample *samples, size_t n,
		  struct sk_err *err);
int sk_probe_load(int dirfd, const char *name, struct sk_sample **ret, size_t *ret_n,
		  struct sk_err *err);

#endif
