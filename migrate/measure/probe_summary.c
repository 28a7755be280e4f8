// SPDX-License-Identifier: Apache-2.0
/* probe_summary - from samples to numbers; pure arithmetic
 *
 * Response times count from the intended send time. A request whose reply took longer than
 * the time-out is lost, but its reply still ends a silence: the service spoke. In quantiles
 * a lost request counts as the time-out: leaving it out would make the strategy that loses
 * most look fastest.
 *
 * Silence is the longest gap between replies, by the time they came. Outage begins with the
 * intended send time of the first request that had to wait: the request behind the one that
 * was answered last. It is the time for which a client that then asked heard nothing, and so
 * does not grow with the distance between requests. Both begin in the window; one that its last
 * request has to wait in goes on behind it, to the next reply to whichever request.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/stats.h"
#include "migrate/measure/probe.h"

#define DEFAULT_TIMEOUT_NS (2 * SK_NS_PER_S)
#define MAX_LATE_P99_US	   1000.0

/** struct window - The samples in question; sorted arrays have room for all of them */
struct window {
	const struct sk_sample *samples;
	size_t n;
	size_t nr_behind; /* further samples, intended behind the window */
	uint64_t timeout_ns;
	double *values;
	const struct sk_sample **replies; /* by the time they came */
	size_t nr_replies;
};

static int by_received(const void *a, const void *b)
{
	const struct sk_sample *x = *(const struct sk_sample *const *)a;
	const struct sk_sample *y = *(const struct sk_sample *const *)b;

	if (x->received_ns != y->received_ns)
		return x->received_ns < y->received_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void add_response_times(struct window *w, struct sk_probe_summary *ret)
{
	size_t n;

	for (size_t i = 0; i < w->n; i++) {
		const struct sk_sample *s = &w->samples[i];
		bool is_lost = !s->received_ns ||
			       s->received_ns - s->intended_ns > w->timeout_ns;

		w->values[i] = (double)(is_lost ? w->timeout_ns
						: s->received_ns - s->intended_ns) /
			       1e3;
		ret->lost += is_lost;
	}
	n = ret->lost < w->n ? w->n : 0; /* of silence alone there is no distribution */
	ret->mean_us = sk_stats_mean(w->values, n);
	sk_stats_sort(w->values, n);
	ret->p50_us = sk_stats_quantile(w->values, n, 0.5);
	ret->p90_us = sk_stats_quantile(w->values, n, 0.9);
	ret->p99_us = sk_stats_quantile(w->values, n, 0.99);
	ret->p999_us = sk_stats_quantile(w->values, n, 0.999);
	ret->max_us = sk_stats_quantile(w->values, n, 1);
}

static void add_lateness(struct window *w, struct sk_probe_summary *ret)
{
	for (size_t i = 0; i < w->n; i++)
		w->values[i] =
			(double)(w->samples[i].sent_ns - w->samples[i].intended_ns) / 1e3;
	sk_stats_sort(w->values, w->n);
	ret->late_p99_us = sk_stats_quantile(w->values, w->n, 0.99);
	ret->late_ok = w->n == 0 || ret->late_p99_us <= MAX_LATE_P99_US;
}

static void note_gap(uint64_t start, uint64_t end, uint64_t *gap, uint64_t *gap_start)
{
	if (end <= start || end - start <= *gap)
		return;
	*gap = end - start;
	*gap_start = start;
}

/* When a wait ends that the window's last request is in: with a reply to a later one, or the last request. */
static uint64_t end_of_wait(const struct window *w)
{
	const struct sk_sample *end = w->samples + w->n, *all = end + w->nr_behind;
	uint64_t first = UINT64_MAX;

	for (const struct sk_sample *s = end; s < all; s++)
		if (s->received_ns && s->received_ns < first)
			first = s->received_ns;
	return first < UINT64_MAX ? first : all[-1].intended_ns;
}

static void add_gaps(struct window *w, struct sk_probe_summary *ret)
{
	uint64_t last_reply = w->samples[0].intended_ns;
	const struct sk_sample *waiting = w->samples, *end = w->samples + w->n;

	for (size_t i = 0; i <= w->nr_replies; i++) {
		bool is_last = i == w->nr_replies;
		uint64_t until = !is_last	 ? w->replies[i]->received_ns
				 : waiting < end ? end_of_wait(w)
						 : end[-1].intended_ns;
		uint64_t asked = waiting < end ? waiting->intended_ns : until;

		note_gap(last_reply, until, &ret->silence_ns, &ret->silence_start_ns);
		note_gap(asked > last_reply ? asked : last_reply, until, &ret->outage_ns,
			 &ret->outage_start_ns);
		if (is_last)
			break;
		last_reply = until;
		if (w->replies[i] + 1 > waiting)
			waiting = w->replies[i] + 1;
	}
}

/* How many replies came up to this time. */
static size_t replies_until(const struct window *w, uint64_t at_ns)
{
	size_t low = 0, high = w->nr_replies;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->replies[middle]->received_ns <= at_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * No reply is older than one that had come before its request was sent. Of requests under way
 * at once, on several connections, any may be answered first. @peaks: room for all replies.
 */
static bool ticks_grow(const struct window *w, uint64_t *peaks)
{
	for (size_t i = 0; i < w->nr_replies; i++)
		peaks[i] = i && peaks[i - 1] > w->replies[i]->tick ? peaks[i - 1]
								   : w->replies[i]->tick;
	for (size_t i = 0; i < w->nr_replies; i++) {
		size_t before = replies_until(w, w->replies[i]->sent_ns);

		if (before > 0 && peaks[before - 1] > w->replies[i]->tick)
			return false;
	}
	return true;
}

static size_t first_at(const struct sk_sample *samples, size_t n, uint64_t from_ns)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (samples[middle].intended_ns < from_ns)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

int sk_probe_summarize(const struct sk_sample *samples, size_t n, uint64_t from_ns,
		       uint64_t to_ns, uint64_t timeout_ns, struct sk_probe_summary *ret)
{
	size_t first = first_at(samples, n, from_ns), end = first_at(samples, n, to_ns);
	sk_autofree double *values = NULL;
	sk_autofree uint64_t *peaks = NULL;
	sk_autofree const struct sk_sample **replies = NULL;
	struct window w = {.samples = samples ? samples + first : NULL,
			   .n = samples && end > first ? end - first : 0,
			   .nr_behind = n - end,
			   .timeout_ns = timeout_ns ? timeout_ns : DEFAULT_TIMEOUT_NS};

	*ret = (struct sk_probe_summary){.sent = w.n,
					 .p50_us = NAN,
					 .p90_us = NAN,
					 .p99_us = NAN,
					 .p999_us = NAN,
					 .max_us = NAN,
					 .mean_us = NAN,
					 .late_p99_us = NAN,
					 .late_ok = true,
					 .tick_monotonic = true};
	if (w.n == 0)
		return 0;
	w.values = values = malloc(w.n * sizeof(*values));
	w.replies = replies = malloc(w.n * sizeof(*replies));
	peaks = malloc(w.n * sizeof(*peaks));
	if (!values || !replies || !peaks)
		return -ENOMEM;
	for (size_t i = 0; i < w.n; i++)
		if (w.samples[i].received_ns)
			replies[w.nr_replies++] = &w.samples[i];
	qsort(replies, w.nr_replies, sizeof(*replies), by_received);
	add_lateness(&w, ret);
	add_response_times(&w, ret);
	add_gaps(&w, ret);
	ret->tick_monotonic = ticks_grow(&w, peaks);
	return 0;
}
