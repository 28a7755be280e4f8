// SPDX-License-Identifier: Apache-2.0
/* passes - the passes over memory, from pass events and job statistics; pure arithmetic */
#include "migrate/measure/passes.h"

/** struct curve - Job statistics of one migration in order of time */
struct curve {
	const struct sk_job_sample *jobs;
	size_t n;
	uint64_t start_ns,
		end_ns; /* first byte; completed: the last sample comes after it */
};

static uint64_t time_at(const struct curve *c, size_t i)
{
	uint64_t at = c->jobs[i].real_ns;

	return c->end_ns && at > c->end_ns ? c->end_ns : at;
}

/* Bytes sent until a moment. Statistics that fall back, as to 0, tell nothing. */
static uint64_t sent_at(const struct curve *c, uint64_t real_ns)
{
	uint64_t before_ns = c->start_ns, before = 0;

	for (size_t i = 0; i < c->n; i++) {
		uint64_t at = time_at(c, i), bytes = c->jobs[i].memory_processed;

		if (at < before_ns || bytes < before)
			continue;
		if (at > real_ns) {
			if (real_ns <= before_ns)
				return before;
			return before + (uint64_t)((double)(bytes - before) *
						   (double)(real_ns - before_ns) /
						   (double)(at - before_ns));
		}
		before_ns = at;
		before = bytes;
	}
	return before;
}

/* The statistics last read in a span; NULL without any. */
static const struct sk_job_sample *last_in(const struct curve *c, uint64_t from_ns,
					   uint64_t to_ns)
{
	const struct sk_job_sample *last = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (time_at(c, i) >= from_ns && time_at(c, i) <= to_ns)
			last = &c->jobs[i];
	return last;
}

static uint64_t end_of_pass(const struct sk_event *next, uint64_t start_ns,
			    const struct sk_verdict *v)
{
	const uint64_t ends[] = {next ? next->real_ns : 0, v->postcopy_ns, v->stop_ns,
				 v->completed_ns};
	uint64_t end = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(ends); i++)
		if (ends[i] > start_ns && (!end || ends[i] < end))
			end = ends[i];
	return end;
}

size_t sk_passes_make(struct sk_timeline *timeline, const struct sk_verdict *verdict,
		      struct sk_pass *ret, size_t max)
{
	struct curve c = {.start_ns = verdict->active_ns,
			  .end_ns = verdict->completed_ns};
	const struct sk_event *event, *next;
	size_t nr = 0;

	c.jobs = sk_timeline_jobs(timeline, &c.n);
	event = sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "MIGRATION_PASS",
				 verdict->api_call_ns);
	for (; event && nr < max; event = next) {
		const struct sk_job_sample *last;
		struct sk_pass *pass = &ret[nr];

		/* QEMU also announces one as it begins to send pages on demand. */
		if (verdict->postcopy_ns && event->real_ns >= verdict->stop_ns)
			break;
		next = sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE,
					"MIGRATION_PASS", event->real_ns + 1);
		*pass = (struct sk_pass){.start_ns = event->real_ns};
		pass->end_ns = end_of_pass(next, event->real_ns, verdict);
		if (!pass->end_ns)
			break;
		pass->bytes = sent_at(&c, pass->end_ns) - sent_at(&c, pass->start_ns);
		last = last_in(&c, pass->start_ns, pass->end_ns);
		if (last) {
			pass->has_remaining = true;
			pass->remaining_bytes = last->memory_remaining;
			pass->dirty_pages_per_s = last->dirty_rate;
		}
		nr++;
	}
	return nr;
}
