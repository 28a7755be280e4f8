// SPDX-License-Identifier: Apache-2.0
/* converge - whether a running migration will end, from its statistics; pure arithmetic */
#include "migrate/strategy/converge.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/parse.h"

#define SMOOTH	     0.3 /* weight of the newest rate: a second of 10 Hz */
#define NO_SHORTER   0.95
#define STUCK_PASSES 2
#define SETTLED	     0.9

static void feed_rate(struct sk_converge *c, const struct sk_job_sample *s)
{
	double now;

	if (c->last_ns && s->real_ns > c->last_ns &&
	    s->memory_processed >= c->last_sent) {
		now = (double)(s->memory_processed - c->last_sent) * 1e9 /
		      (double)(s->real_ns - c->last_ns);
		c->rate_bps = c->rate_bps > 0 ? c->rate_bps + SMOOTH * (now - c->rate_bps)
					      : now;
	}
	if (!c->first_ns) {
		c->first_ns = s->real_ns;
		c->first_sent = s->memory_processed;
	} else if (s->real_ns > c->first_ns && s->memory_processed > c->first_sent) {
		c->average_bps = (double)(s->memory_processed - c->first_sent) * 1e9 /
				 (double)(s->real_ns - c->first_ns);
	}
	c->last_ns = s->real_ns;
	c->last_sent = s->memory_processed;
}

static void begin_pass(struct sk_converge *c, uint64_t pass)
{
	c->began_before = c->began;
	c->began = c->remaining;
	c->pass = pass;
	/* The first pass is all of the memory: the second is no measure of it. */
	if (pass < 3 || c->began_before <= 0)
		return;
	c->stuck = c->began >= NO_SHORTER * c->began_before ? c->stuck + 1 : 0;
}

void sk_converge_feed(struct sk_converge *c, const struct sk_job_sample *s)
{
	double page = s->page_size ? (double)s->page_size : 4096;

	if (!s->memory_total)
		return;
	feed_rate(c, s);
	if (c->total <= 0)
		c->least = (double)s->memory_total;
	c->total = (double)s->memory_total;
	c->remaining = fmin((double)s->memory_remaining, c->total);
	if (s->dirty_rate)
		c->dirty_bps = (double)s->dirty_rate * page;
	if (s->iteration > c->pass)
		begin_pass(c, s->iteration);
	c->least = fmin(c->least, c->remaining);
	c->progress = fmax(c->progress, 1 - c->least / c->total);
}

enum sk_outlook sk_converge_outlook(const struct sk_converge *c)
{
	if (c->is_postcopy)
		return SK_OUTLOOK_POST_COPY;
	if (c->pass < 2)
		return SK_OUTLOOK_UNKNOWN;
	if (c->stuck >= STUCK_PASSES ||
	    (c->stuck && c->dirty_bps >= SETTLED * c->rate_bps))
		return SK_OUTLOOK_STUCK;
	return SK_OUTLOOK_CONVERGES;
}

double sk_converge_left_s(const struct sk_converge *c)
{
	double share;

	if (c->rate_bps <= 0)
		return NAN;
	switch (sk_converge_outlook(c)) {
	case SK_OUTLOOK_UNKNOWN:
		return NAN;
	case SK_OUTLOOK_STUCK:
		return INFINITY;
	case SK_OUTLOOK_POST_COPY:
		return c->remaining / c->rate_bps;
	case SK_OUTLOOK_CONVERGES:
		break;
	}
	/* Each pass is shorter by this share: a geometric series. */
	share = c->pass > 2 && c->began_before > 0 ? c->began / c->began_before
						   : c->dirty_bps / c->rate_bps;
	return c->remaining / c->rate_bps / (1 - fmin(share, SETTLED));
}

static const char *say_left(const struct sk_converge *c, char *buf, size_t size)
{
	char time[SK_FORMAT_SIZE];
	double left = sk_converge_left_s(c);

	buf[0] = '\0';
	if (isfinite(left))
		(void)snprintf(buf, size, ", about %s left",
			       sk_format_duration((uint64_t)(left * 10) * 100000000ull,
						  time));
	return buf;
}

const char *sk_converge_text(const struct sk_converge *c, char *buf, size_t size)
{
	char left[64];
	int percent = (int)(c->progress * 100);

	(void)say_left(c, left, sizeof(left));
	switch (sk_converge_outlook(c)) {
	case SK_OUTLOOK_POST_COPY:
		(void)snprintf(buf, size, "post-copy, %d %%, %.0f MB/s%s", percent,
			       c->rate_bps / 1e6, left);
		break;
	case SK_OUTLOOK_UNKNOWN:
		(void)snprintf(buf, size, "pass %" PRIu64 ", %d %%, %.0f MB/s", c->pass,
			       percent, c->rate_bps / 1e6);
		break;
	case SK_OUTLOOK_CONVERGES:
		(void)snprintf(buf, size,
			       "pass %" PRIu64 ", %d %%, %.0f MB/s dirtied against %.0f "
			       "MB/s sent%s: converging",
			       c->pass, percent, c->dirty_bps / 1e6, c->rate_bps / 1e6,
			       left);
		break;
	case SK_OUTLOOK_STUCK:
		(void)snprintf(buf, size,
			       "pass %" PRIu64 ", %d %%, will not converge: %.0f MB/s "
			       "dirtied against %.0f MB/s sent",
			       c->pass, percent, c->dirty_bps / 1e6, c->rate_bps / 1e6);
		break;
	}
	return buf;
}
