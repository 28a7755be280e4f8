// SPDX-License-Identifier: Apache-2.0
/* verdict - from a time line and a probe's samples to the published numbers; pure arithmetic
 *
 * Theory of operation
 *
 * 1. Marks: the moments that all durations are made of, from QEMU's own stamps where there is
 *    an event of QEMU, else from libvirt's.
 * 2. Proof of the mode from the order of events, without looking at what was asked. Pre-copy:
 *    active, stop, completed, resume. Stop-and-copy: stop before active. Post-copy: the guest
 *    resumes at the destination before the source has completed, and both sides said so.
 *    Hybrid: the same, with a whole pass over memory before it. What auto chose, and what a time-out
 *    made of the job, is in the time line as its course.
 *    What is shown and that, or what was asked, must agree, else the run is degenerate.
 * 3. Durations and the reported downtime. The latter only of the JOB_COMPLETED event: while a
 *    job runs, the same statistic is a forecast.
 * 4. The probe's windows.
 */
#include "migrate/measure/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "migrate/measure/passes.h"

#define TAIL_NS (2 * SK_NS_PER_S)

static const char *const mode_names[] = {
	[SK_MODE_PRE_COPY] = "pre-copy",   [SK_MODE_STOP_AND_COPY] = "stop-and-copy",
	[SK_MODE_POST_COPY] = "post-copy", [SK_MODE_HYBRID] = "hybrid",
	[SK_MODE_AUTO] = "auto",	   [SK_MODE_DEGENERATE] = "degenerate",
};

const char *sk_mode_name(enum sk_mode mode)
{
	return (size_t)mode < SK_ARRAY_SIZE(mode_names) ? mode_names[mode] : "unknown";
}

int sk_mode_parse(const char *text, enum sk_mode *ret, struct sk_err *err)
{
	for (unsigned int mode = 0; mode < SK_MODE_DEGENERATE; mode++)
		if (strcmp(text, mode_names[mode]) == 0) {
			*ret = (enum sk_mode)mode;
			return 0;
		}
	return sk_err_set(err, EINVAL,
			  "'%s' is not a mode: use pre-copy, stop-and-copy, post-copy, "
			  "hybrid or auto",
			  text);
}

static uint64_t time_of(const struct sk_event *event)
{
	return event ? event->real_ns : 0;
}

/* First MIGRATION event of QEMU with this status. */
static uint64_t find_status(struct sk_timeline *timeline, enum sk_side side,
			    const char *status, uint64_t from_ns)
{
	size_t n;
	const struct sk_event *events = sk_timeline_events(timeline, &n);
	char quoted[40];

	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", status);
	for (size_t i = 0; i < n; i++)
		if (events[i].kind == SK_EVENT_QMP && events[i].side == side &&
		    events[i].real_ns >= from_ns &&
		    strcmp(events[i].name, "MIGRATION") == 0 &&
		    strstr(events[i].detail, quoted))
			return events[i].real_ns;
	return 0;
}

static uint64_t find_qmp(struct sk_timeline *timeline, enum sk_side side,
			 const char *name, uint64_t from_ns)
{
	return time_of(sk_timeline_find(timeline, SK_EVENT_QMP, side, name, from_ns));
}

static uint64_t find_lifecycle(struct sk_timeline *timeline, enum sk_side side,
			       const char *name, uint64_t from_ns)
{
	return time_of(
		sk_timeline_find(timeline, SK_EVENT_LIFECYCLE, side, name, from_ns));
}

/* The last STOP of the source before the destination ran. */
static uint64_t find_stop(struct sk_timeline *timeline, uint64_t from_ns,
			  uint64_t resume_ns)
{
	uint64_t stop = 0, next = from_ns;

	while ((next = find_qmp(timeline, SK_SIDE_SOURCE, "STOP", next)) &&
	       (!resume_ns || next <= resume_ns))
		stop = next++;
	return stop;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void set_marks(struct sk_timeline *timeline, struct sk_verdict *v)
{
	uint64_t from, suspend;

	v->api_call_ns = time_of(
		sk_timeline_find(timeline, SK_EVENT_API_CALL, SK_SIDE_SOURCE, NULL, 0));
	v->api_return_ns = time_of(
		sk_timeline_find(timeline, SK_EVENT_API_RETURN, SK_SIDE_SOURCE, NULL, 0));
	suspend = time_of(sk_timeline_find(timeline, SK_EVENT_SUSPEND_CALL,
					   SK_SIDE_SOURCE, NULL, 0));
	from = suspend && suspend < v->api_call_ns ? suspend : v->api_call_ns;
	v->setup_ns = find_status(timeline, SK_SIDE_SOURCE, "setup", from);
	v->active_ns = find_status(timeline, SK_SIDE_SOURCE, "active", from);
	v->postcopy_ns = find_status(timeline, SK_SIDE_SOURCE, "postcopy-active", from);
	if (!v->postcopy_ns)
		v->postcopy_ns = find_lifecycle(timeline, SK_SIDE_SOURCE,
						"suspended/postcopy", from);
	v->resume_ns = find_qmp(timeline, SK_SIDE_DESTINATION, "RESUME", from);
	v->stop_ns = find_stop(timeline, from, v->resume_ns);
	v->completed_ns =
		later(find_status(timeline, SK_SIDE_SOURCE, "completed", from),
		      find_status(timeline, SK_SIDE_DESTINATION, "completed", from));
}

/* The guest cannot have run at the destination before it was stopped. */
static bool clocks_disagree(struct sk_timeline *timeline, const struct sk_verdict *v)
{
	return v->resume_ns && !v->stop_ns &&
	       find_qmp(timeline, SK_SIDE_SOURCE, "STOP", v->resume_ns);
}

/* The mode that the events show; SK_MODE_DEGENERATE with the reason in @why when they show none. */
static enum sk_mode shown_mode(struct sk_timeline *timeline, const struct sk_verdict *v,
			       char *why, size_t size)
{
	uint64_t source_done = find_status(timeline, SK_SIDE_SOURCE, "completed", 0);
	const char *missing = !v->active_ns   ? "became active"
			      : !v->stop_ns   ? "stopped the guest at the source"
			      : !v->resume_ns ? "resumed the guest at the destination"
			      : !source_done  ? "completed"
					      : NULL;

	if (clocks_disagree(timeline, v)) {
		(void)snprintf(
			why, size,
			"RESUME at the destination has an earlier stamp than STOP at "
			"the source: the hosts' clocks disagree");
	} else if (missing) {
		(void)snprintf(why, size, "no event shows that the migration %s",
			       missing);
	} else if (v->postcopy_ns) {
		if (v->resume_ns < source_done &&
		    find_lifecycle(timeline, SK_SIDE_DESTINATION, "resumed/postcopy",
				   0)) {
			(void)snprintf(why, size,
				       "resumed at the destination %.0f ms before the "
				       "last page left the source",
				       (double)(source_done - v->resume_ns) / 1e6);
			return SK_MODE_POST_COPY;
		}
		(void)snprintf(why, size,
			       "post-copy was switched on, but the guest resumed at the "
			       "destination only after all memory was there");
	} else if (v->stop_ns <= v->active_ns) {
		(void)snprintf(why, size,
			       "stopped at the source %.1f ms before the first byte",
			       (double)(v->active_ns - v->stop_ns) / 1e6);
		return SK_MODE_STOP_AND_COPY;
	} else {
		(void)snprintf(why, size,
			       "ran at the source for %.0f ms of copying, stopped, "
			       "resumed at the destination",
			       (double)(v->stop_ns - v->active_ns) / 1e6);
		return SK_MODE_PRE_COPY;
	}
	return SK_MODE_DEGENERATE;
}

/* What auto, or a time-out, made of it in the end. */
static enum sk_mode chosen_mode(struct sk_timeline *timeline, enum sk_mode asked)
{
	const struct sk_event *event;
	enum sk_mode chosen = asked;
	uint64_t from_ns = 0;

	while ((event = sk_timeline_find(timeline, SK_EVENT_NOTE, SK_SIDE_SOURCE,
					 SK_EVENT_COURSE, from_ns))) {
		(void)sk_mode_parse(event->detail, &chosen, NULL);
		from_ns = event->real_ns + 1;
	}
	return chosen;
}

/* A second pass began while the guest still ran at the source. */
static bool has_whole_pass(struct sk_timeline *timeline, const struct sk_verdict *v)
{
	uint64_t first =
		find_qmp(timeline, SK_SIDE_SOURCE, "MIGRATION_PASS", v->api_call_ns);
	uint64_t second =
		first ? find_qmp(timeline, SK_SIDE_SOURCE, "MIGRATION_PASS", first + 1)
		      : 0;

	return second && second < v->stop_ns;
}

static void prove_mode(struct sk_timeline *timeline, struct sk_verdict *v)
{
	enum sk_mode shown = shown_mode(timeline, v, v->why, sizeof(v->why));
	sk_autofree char *evidence = NULL;

	v->chosen = chosen_mode(timeline, v->asked);
	if (v->chosen == SK_MODE_HYBRID && shown == SK_MODE_POST_COPY &&
	    has_whole_pass(timeline, v))
		shown = SK_MODE_HYBRID;
	/* Nobody asked for the post-copy that a hybrid of auto's did not come to need, or that a
	 * time-out wanted when all was there. */
	if (v->asked == SK_MODE_AUTO && v->chosen == SK_MODE_HYBRID &&
	    shown == SK_MODE_PRE_COPY)
		v->chosen = shown;
	if (shown == v->asked)
		v->chosen = shown;
	v->proven = shown == v->chosen ? shown : SK_MODE_DEGENERATE;
	if (shown == v->chosen || shown == SK_MODE_DEGENERATE)
		return;
	evidence = strdup(v->why);
	(void)snprintf(v->why, sizeof(v->why), "the events show %s: %s",
		       sk_mode_name(shown), evidence ? evidence : "");
}

static uint64_t between(uint64_t start, uint64_t end)
{
	return start && end > start ? end - start : 0;
}

static void set_durations(struct sk_timeline *timeline, struct sk_verdict *v)
{
	const struct sk_event *done =
		sk_timeline_find(timeline, SK_EVENT_JOB_COMPLETED, SK_SIDE_SOURCE, NULL,
				 v->api_call_ns);
	const struct sk_job_sample *jobs;
	size_t n;

	v->prep_ns = between(v->api_call_ns, v->active_ns);
	v->total_ns = between(v->active_ns, v->completed_ns);
	v->api_ns = between(v->api_call_ns, v->api_return_ns);
	v->has_vcpu = v->stop_ns && v->resume_ns;
	v->downtime_vcpu_ns = between(v->stop_ns, v->resume_ns);
	v->has_reported = done != NULL;
	if (done && done->value > 0)
		v->downtime_reported_ns = (uint64_t)done->value * SK_NS_PER_MS;
	jobs = sk_timeline_jobs(timeline, &n);
	for (size_t i = 0; i < n; i++) {
		v->memory_bytes = later(v->memory_bytes, jobs[i].memory_total);
		v->zero_bytes =
			later(v->zero_bytes, jobs[i].constant_pages * jobs[i].page_size);
		v->wire_bytes = later(v->wire_bytes, jobs[i].memory_processed);
		v->postcopy_requests =
			later(v->postcopy_requests, jobs[i].postcopy_requests);
	}
}

/* Time of a mark on the probe's own scale. */
static uint64_t on_probe(uint64_t real_ns, uint64_t start_real_ns)
{
	return real_ns > start_real_ns ? real_ns - start_real_ns : 0;
}

static int set_windows(const struct sk_sample *samples, size_t n, uint64_t start_real_ns,
		       struct sk_verdict *v)
{
	uint64_t call = on_probe(v->api_call_ns, start_real_ns);
	uint64_t done = v->api_return_ns ? on_probe(v->api_return_ns, start_real_ns)
					 : UINT64_MAX - TAIL_NS;
	struct sk_probe_summary tail = {0};
	int r;

	r = sk_probe_summarize(samples, n, 0, UINT64_MAX, 0, &v->all);
	if (r == 0)
		r = sk_probe_summarize(samples, n, 0, call, 0, &v->before);
	if (r == 0)
		r = sk_probe_summarize(samples, n, call, done, 0, &v->during);
	if (r == 0)
		r = sk_probe_summarize(samples, n, done, UINT64_MAX, 0, &v->after);
	if (r == 0)
		r = sk_probe_summarize(samples, n, call, done + TAIL_NS, 0, &tail);
	if (r < 0)
		return r;
	v->has_client = v->api_call_ns && tail.sent > 0;
	if (v->has_client) {
		v->downtime_client_ns = tail.outage_ns;
		v->outage_start_ns = start_real_ns + tail.outage_start_ns;
	}
	return 0;
}

int sk_verdict_make(enum sk_mode asked, struct sk_timeline *timeline,
		    const struct sk_sample *samples, size_t n,
		    uint64_t probe_start_real_ns, struct sk_verdict *ret)
{
	*ret = (struct sk_verdict){.asked = asked};
	set_marks(timeline, ret);
	prove_mode(timeline, ret);
	set_durations(timeline, ret);
	ret->nr_passes =
		sk_passes_make(timeline, ret, ret->passes, SK_ARRAY_SIZE(ret->passes));
	return set_windows(samples, n, probe_start_real_ns, ret);
}

static void cut(struct sk_probe_summary *window)
{
	window->is_cut = true;
	window->p50_us = window->p90_us = window->p99_us = window->p999_us =
		window->max_us = window->mean_us = NAN;
}

void sk_verdict_cut(struct sk_verdict *v, uint64_t known_until_ns)
{
	cut(&v->all);
	cut(&v->after);
	if (known_until_ns < v->api_call_ns)
		cut(&v->before);
	if (!v->api_return_ns || known_until_ns < v->api_return_ns)
		cut(&v->during);
	if (v->api_return_ns && known_until_ns >= v->api_return_ns + TAIL_NS)
		return;
	v->has_client = false;
	v->downtime_client_ns = v->outage_start_ns = 0;
}
