// SPDX-License-Identifier: Apache-2.0
/* timeline_load - a time line from the JSON that was made of it */
#include <stdio.h>

#include "lib/str.h"
#include "migrate/measure/timeline.h"

static uint64_t number(const struct sk_json *object, const char *key)
{
	int64_t value = sk_json_int(sk_json_get(object, key), 0);

	return value > 0 ? (uint64_t)value : 0;
}

static void copy_text(const struct sk_json *object, const char *key, char *ret,
		      size_t size)
{
	(void)snprintf(ret, size, "%s", sk_json_str(sk_json_get(object, key), ""));
}

static int add_event(struct sk_timeline *timeline, const struct sk_json *json)
{
	const char *kind = sk_json_str(sk_json_get(json, "kind"), NULL);
	const char *side = sk_json_str(sk_json_get(json, "side"), NULL);
	struct sk_event event = {.real_ns = number(json, "real_ns"),
				 .arrival_ns = number(json, "arrival_ns"),
				 .value = sk_json_int(sk_json_get(json, "value"), 0)};
	unsigned int i = 0;

	while (i <= SK_EVENT_NOTE &&
	       !sk_str_equal(kind, sk_event_kind_name((enum sk_event_kind)i)))
		i++;
	if (i > SK_EVENT_NOTE)
		return 0;
	event.kind = (enum sk_event_kind)i;
	for (i = SK_SIDE_CLIENT; i > 0; i--)
		if (sk_str_equal(side, sk_side_name((enum sk_side)i)))
			break;
	event.side = (enum sk_side)i;
	copy_text(json, "name", event.name, sizeof(event.name));
	copy_text(json, "detail", event.detail, sizeof(event.detail));
	return sk_timeline_add(timeline, &event);
}

static int add_job(struct sk_timeline *timeline, const struct sk_json *json)
{
	const struct sk_job_sample job = {
		.real_ns = number(json, "real_ns"),
		.memory_total = number(json, "memory_total"),
		.memory_processed = number(json, "memory_processed"),
		.memory_remaining = number(json, "memory_remaining"),
		.memory_bps = number(json, "memory_bps"),
		.normal_bytes = number(json, "normal_bytes"),
		.constant_pages = number(json, "constant_pages"),
		.dirty_rate = number(json, "dirty_rate"),
		.iteration = number(json, "iteration"),
		.postcopy_requests = number(json, "postcopy_requests"),
		.downtime_ms = number(json, "downtime_ms"),
		.setup_ms = number(json, "setup_ms"),
		.elapsed_ms = number(json, "elapsed_ms"),
		.page_size = number(json, "page_size"),
	};

	return sk_timeline_add_job(timeline, &job);
}

struct sk_timeline *sk_timeline_load(const struct sk_json *json)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_json *events = sk_json_get(json, "events");
	const struct sk_json *jobs = sk_json_get(json, "jobs");

	if (!timeline)
		return NULL;
	for (size_t i = 0; i < sk_json_len(events); i++)
		if (add_event(timeline, sk_json_at(events, i)) < 0)
			return NULL;
	for (size_t i = 0; i < sk_json_len(jobs); i++)
		if (add_job(timeline, sk_json_at(jobs, i)) < 0)
			return NULL;
	return sk_steal(&timeline);
}
