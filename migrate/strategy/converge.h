/* SPDX-License-Identifier: Apache-2.0 */
/* converge - whether a running migration will end, from its statistics; pure arithmetic
 *
 *	struct sk_converge c = {0};
 *	sk_converge_feed(&c, &sample);		// each statistics, at 10 Hz
 *	sk_converge_text(&c, line, sizeof(line));
 *
 * What is left falls during a pass and jumps up as the next begins, so its value at one moment says
 * nothing. Passes are compared by where they began, which is what was written during the one before,
 * and progress by the least that was ever left: it never runs backwards.
 *
 * QEMU's dirty rate counts the different pages of a pass: with a working set that a pass goes over
 * more than once it is too low, and the verdict does not rest on it alone.
 */
#ifndef SK_CONVERGE_H
#define SK_CONVERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "migrate/measure/timeline.h"

/** enum sk_outlook - What is to be expected of a job */
enum sk_outlook {
	SK_OUTLOOK_UNKNOWN, /* the first pass: nothing to compare with */
	SK_OUTLOOK_CONVERGES,
	SK_OUTLOOK_STUCK,     /* passes do not become shorter */
	SK_OUTLOOK_POST_COPY, /* it ends by construction */
};

/** struct sk_converge - One job's; zero-initialise */
struct sk_converge {
	bool is_postcopy;		/* set by the caller with the switch */
	uint64_t pass;			/* of the newest statistics */
	double rate_bps;		/* sent, smoothed */
	double dirty_bps;		/* written */
	double total, remaining, least; /* bytes; least: ever left */
	double began,
		began_before; /* what was left as this pass began, and the one before */
	unsigned int stuck;   /* passes in a row that began no shorter */
	double progress;      /* 0 to 1, never less than before */
	double average_bps;   /* sent, since the first statistics */
	uint64_t first_ns, first_sent, last_ns, last_sent;
};

/** sk_converge_feed() - Take statistics in, in the order of time */
void sk_converge_feed(struct sk_converge *c, const struct sk_job_sample *sample);
/** sk_converge_outlook() - What is to be expected now */
enum sk_outlook sk_converge_outlook(const struct sk_converge *c);
/** sk_converge_left_s() - Seconds left; NAN when that is not known, INFINITY when it will not end */
double sk_converge_left_s(const struct sk_converge *c);
/** sk_converge_text() - "pass 3, 71 %, 20 MB/s dirtied against 31 MB/s sent, 4.2 s left: converging"; returns @buf */
const char *sk_converge_text(const struct sk_converge *c, char *buf, size_t size);

#endif
