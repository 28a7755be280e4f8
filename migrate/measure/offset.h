/* SPDX-License-Identifier: Apache-2.0 */
/* offset - how far another machine's clock is from ours, with its error bar
 *
 * Each exchange has four times: t1 our sending, t2 its receiving, t3 its sending, t4 our receiving.
 * Its clock is ((t2 - t1) + (t3 - t4)) / 2 ahead of ours, and at most ((t4 - t1) - (t3 - t2)) / 2 off
 * that, however the way there and the way back share the delay. The exchange with the least delay has
 * the narrowest bound; the true offset lies within all bounds at once.
 *
 * Source: Mills, RFC 5905, section 8; Marzullo and Owicki 1983 (intersection of bounds).
 */
#ifndef SK_OFFSET_H
#define SK_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/json.h"

/** struct sk_exchange - One question and its answer; CLOCK_REALTIME in ns, of either side */
struct sk_exchange {
	uint64_t asked_ns, received_ns, replied_ns, answered_ns; /* t1 to t4 */
};

/** struct sk_clock_offset - What to add to our clock to have the other's */
struct sk_clock_offset {
	int64_t offset_ns;
	uint64_t error_ns; /* the true offset is at most so far away from @offset_ns */
	uint64_t rtt_ns;   /* least delay of an exchange */
	size_t nr;	   /* exchanges that were used */
};

/**
 * sk_offset_estimate() - Pure
 * @ret:	Untouched on failure
 *
 * The middle of the interval in which all bounds agree. Where they do not, a clock was set
 * meanwhile or runs at another rate: then the exchange with the least delay alone counts.
 * Exchanges whose times run backwards are passed over.
 * Return: 0; -ENODATA when none is left
 */
int sk_offset_estimate(const struct sk_exchange *exchanges, size_t n,
		       struct sk_clock_offset *ret);

/** sk_offset_join() - What two measurements at different times both allow, and all between: the clock may drift meanwhile; pure */
void sk_offset_join(const struct sk_clock_offset *a, const struct sk_clock_offset *b,
		    struct sk_clock_offset *ret);
/** sk_offset_is_significant() - Whether it is larger than its error: a smaller one may be none, and to correct by it would only add the error */
bool sk_offset_is_significant(const struct sk_clock_offset *offset);

/**
 * sk_offset_ask_service() - Ask a service of ours (skiff serve, a lab's guest) by its control port
 * @host:	Address, or ADDRESS:PORT
 * @netns_fd:	Ask from this network namespace (borrowed); -1 the caller's
 * @n:		Exchanges, at most 64
 *
 * Return: 0; -ETIMEDOUT; other -errno
 */
int sk_offset_ask_service(const char *host, int netns_fd, unsigned int n,
			  struct sk_clock_offset *ret, struct sk_err *err);

/**
 * sk_offset_ask_shell() - Ask a machine on which a shell can be run
 * @shell:	How a command is run there: {"ssh", "-o", "BatchMode=yes", "host2", NULL}, or
 *		{"sh", "-c", NULL} for this one; the command is added as one argument
 * @n:		Exchanges, at most 64
 *
 * A loop there answers each line with its clock: it needs read and GNU date, nothing of skiff.
 * Return: 0; -ETIMEDOUT; -EPROTO when something else answers; other -errno
 */
int sk_offset_ask_shell(const char *const *shell, unsigned int n,
			struct sk_clock_offset *ret, struct sk_err *err);

/** sk_offset_json() - {offset_us, error_us, rtt_us, exchanges} */
struct sk_json *sk_offset_json(const struct sk_clock_offset *offset);

#endif
