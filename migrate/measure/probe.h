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

/** struct sk_probe_target - Parsed "udp://10.77.0.10:7007?hz=1000" */
struct sk_probe_target {
	char host[64];
	uint16_t port;
	unsigned int hz; /* 1 to 20,000; default 1,000 */
};
/** sk_probe_target_parse() - Read a probe URL; -EINVAL names the part that is wrong */
int sk_probe_target_parse(const char *url, struct sk_probe_target *ret,
			  struct sk_err *err);

/** struct sk_probe_opts - What to send and for how long at most */
struct sk_probe_opts {
	struct sk_probe_target target;
	int netns_fd; /* send from this network namespace (borrowed); -1 the caller's */
	uint64_t
		max_duration_ns; /* memory for this long is allocated before; then it stops by itself */
	uint64_t timeout_ns; /* a request unanswered for so long is lost; 0 is 2 s */
};

/** struct sk_sample - One request; times in ns since the probe's start, on CLOCK_MONOTONIC */
struct sk_sample {
	uint64_t
		intended_ns; /* when it should have been sent: response time counts from here */
	uint64_t sent_ns;
	uint64_t received_ns; /* 0: no reply */
	uint64_t tick;	      /* guest's tick sequence in the reply; 0: none */
};

/** struct sk_probe - A running or ended probe; opaque */
struct sk_probe;
/**
 * sk_probe_start() - Start sending, 2 ms from now
 * @opts:	Copied; the host of the target is resolved now
 * @ret:	Free with sk_probe_free(), which stops it
 *
 * Return: 0, also when the service is not there yet; -EINVAL; -EPERM for a namespace
 */
int sk_probe_start(const struct sk_probe_opts *opts, struct sk_probe **ret,
		   struct sk_err *err);
/** sk_probe_wait_reply() - Until the first reply, at most @timeout_ms: the service is there. -ETIMEDOUT */
int sk_probe_wait_reply(struct sk_probe *probe, unsigned int timeout_ms,
			struct sk_err *err);
/** sk_probe_start_time() - CLOCK_REALTIME ns of sample time 0, read in one step with CLOCK_MONOTONIC */
uint64_t sk_probe_start_time(const struct sk_probe *probe);
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
