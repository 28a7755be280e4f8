// SPDX-License-Identifier: Apache-2.0
/* timeline - everything that happened during a migration, on CLOCK_REALTIME */
#include "migrate/measure/timeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/** struct sk_timeline - Two growing arrays under one lock */
struct sk_timeline {
	pthread_mutex_t lock;
	struct sk_event *events;
	size_t nr_events, max_events;
	bool is_sorted;
	struct sk_job_sample *jobs;
	size_t nr_jobs, max_jobs;
};

struct sk_timeline *sk_timeline_new(void)
{
	struct sk_timeline *timeline = calloc(1, sizeof(*timeline));

	if (timeline)
		(void)pthread_mutex_init(&timeline->lock, NULL);
	return timeline;
}

void sk_timeline_free(struct sk_timeline *timeline)
{
	if (!timeline)
		return;
	(void)pthread_mutex_destroy(&timeline->lock);
	free(timeline->events);
	free(timeline->jobs);
	free(timeline);
}

/* Room for one more element; 0 or -ENOMEM. */
static int grow(void **array, size_t n, size_t *max, size_t size)
{
	size_t wanted = *max ? *max * 2 : 64;
	void *larger;

	if (n < *max)
		return 0;
	larger = reallocarray(*array, wanted, size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*max = wanted;
	return 0;
}

int sk_timeline_add(struct sk_timeline *timeline, const struct sk_event *event)
{
	struct sk_event copy = *event;
	int r;

	if (!copy.arrival_ns)
		copy.arrival_ns = sk_clock_real();
	if (!copy.real_ns)
		copy.real_ns = copy.arrival_ns;
	(void)pthread_mutex_lock(&timeline->lock);
	r = grow((void **)&timeline->events, timeline->nr_events, &timeline->max_events,
		 sizeof(copy));
	if (r == 0) {
		timeline->events[timeline->nr_events++] = copy;
		timeline->is_sorted = false;
	}
	(void)pthread_mutex_unlock(&timeline->lock);
	return r;
}

int sk_timeline_add_job(struct sk_timeline *timeline, const struct sk_job_sample *sample)
{
	int r;

	(void)pthread_mutex_lock(&timeline->lock);
	r = grow((void **)&timeline->jobs, timeline->nr_jobs, &timeline->max_jobs,
		 sizeof(*sample));
	if (r == 0) {
		timeline->jobs[timeline->nr_jobs] = *sample;
		if (!sample->real_ns)
			timeline->jobs[timeline->nr_jobs].real_ns = sk_clock_real();
		timeline->nr_jobs++;
	}
	(void)pthread_mutex_unlock(&timeline->lock);
	return r;
}

/* By stamp; what has the same stamp, by arrival. */
static int compare(const void *a, const void *b)
{
	const struct sk_event *x = a, *y = b;

	if (x->real_ns != y->real_ns)
		return x->real_ns < y->real_ns ? -1 : 1;
	return x->arrival_ns < y->arrival_ns ? -1 : x->arrival_ns > y->arrival_ns;
}

static void sort(struct sk_timeline *timeline)
{
	if (!timeline->is_sorted && timeline->nr_events)
		qsort(timeline->events, timeline->nr_events, sizeof(*timeline->events),
		      compare);
	timeline->is_sorted = true;
}

const struct sk_event *sk_timeline_events(struct sk_timeline *timeline, size_t *ret_n)
{
	(void)pthread_mutex_lock(&timeline->lock);
	sort(timeline);
	(void)pthread_mutex_unlock(&timeline->lock);
	*ret_n = timeline->nr_events;
	return timeline->events;
}

void sk_timeline_shift(struct sk_timeline *timeline, enum sk_side side, int64_t by_ns)
{
	(void)pthread_mutex_lock(&timeline->lock);
	for (size_t i = 0; i < timeline->nr_events; i++) {
		struct sk_event *event = &timeline->events[i];

		if (event->kind == SK_EVENT_QMP && event->side == side)
			event->real_ns += (uint64_t)by_ns;
	}
	timeline->is_sorted = false;
	(void)pthread_mutex_unlock(&timeline->lock);
}

const struct sk_job_sample *sk_timeline_jobs(struct sk_timeline *timeline, size_t *ret_n)
{
	*ret_n = timeline->nr_jobs;
	return timeline->jobs;
}

const struct sk_event *sk_timeline_find(struct sk_timeline *timeline,
					enum sk_event_kind kind, enum sk_side side,
					const char *name, uint64_t from_ns)
{
	size_t n;
	const struct sk_event *events = sk_timeline_events(timeline, &n);

	for (size_t i = 0; i < n; i++)
		if (events[i].kind == kind && events[i].side == side &&
		    events[i].real_ns >= from_ns &&
		    (!name || strcmp(events[i].name, name) == 0))
			return &events[i];
	return NULL;
}

const char *sk_event_kind_name(enum sk_event_kind kind)
{
	static const char *const names[] = {
		[SK_EVENT_API_CALL] = "api-call",
		[SK_EVENT_API_RETURN] = "api-return",
		[SK_EVENT_QMP] = "qmp",
		[SK_EVENT_LIFECYCLE] = "lifecycle",
		[SK_EVENT_ITERATION] = "iteration",
		[SK_EVENT_JOB_COMPLETED] = "job-completed",
		[SK_EVENT_POSTCOPY_CALL] = "postcopy-call",
		[SK_EVENT_POSTCOPY_RETURN] = "postcopy-return",
		[SK_EVENT_SUSPEND_CALL] = "suspend-call",
		[SK_EVENT_NOTE] = "note",
	};

	return (size_t)kind < SK_ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *sk_side_name(enum sk_side side)
{
	static const char *const names[] = {
		[SK_SIDE_SOURCE] = "source",
		[SK_SIDE_DESTINATION] = "destination",
		[SK_SIDE_CLIENT] = "client",
	};

	return (size_t)side < SK_ARRAY_SIZE(names) ? names[side] : "unknown";
}

static struct sk_json *event_json(const struct sk_event *event)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "kind", sk_event_kind_name(event->kind));
	sk_json_set_str(json, "side", sk_side_name(event->side));
	sk_json_set_uint(json, "real_ns", event->real_ns);
	sk_json_set_uint(json, "arrival_ns", event->arrival_ns);
	sk_json_set_int(json, "value", event->value);
	sk_json_set_str(json, "name", event->name);
	sk_json_set_str(json, "detail", event->detail);
	return json;
}

static struct sk_json *job_json(const struct sk_job_sample *job)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_uint(json, "real_ns", job->real_ns);
	sk_json_set_uint(json, "memory_total", job->memory_total);
	sk_json_set_uint(json, "memory_processed", job->memory_processed);
	sk_json_set_uint(json, "memory_remaining", job->memory_remaining);
	sk_json_set_uint(json, "memory_bps", job->memory_bps);
	sk_json_set_uint(json, "normal_bytes", job->normal_bytes);
	sk_json_set_uint(json, "constant_pages", job->constant_pages);
	sk_json_set_uint(json, "dirty_rate", job->dirty_rate);
	sk_json_set_uint(json, "iteration", job->iteration);
	sk_json_set_uint(json, "postcopy_requests", job->postcopy_requests);
	sk_json_set_uint(json, "downtime_ms", job->downtime_ms);
	sk_json_set_uint(json, "setup_ms", job->setup_ms);
	sk_json_set_uint(json, "elapsed_ms", job->elapsed_ms);
	sk_json_set_uint(json, "page_size", job->page_size);
	return json;
}

struct sk_json *sk_timeline_json(struct sk_timeline *timeline)
{
	struct sk_json *json = sk_json_new_object();
	struct sk_json *list = sk_json_set(json, "events", sk_json_new_array());
	size_t n;
	const struct sk_event *events = sk_timeline_events(timeline, &n);
	const struct sk_job_sample *jobs;

	for (size_t i = 0; i < n; i++)
		sk_json_add(list, event_json(&events[i]));
	list = sk_json_set(json, "jobs", sk_json_new_array());
	jobs = sk_timeline_jobs(timeline, &n);
	for (size_t i = 0; i < n; i++)
		sk_json_add(list, job_json(&jobs[i]));
	return json;
}
