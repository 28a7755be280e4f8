/* SPDX-License-Identifier: Apache-2.0 */
/* timeline - everything that happened during a migration, on CLOCK_REALTIME */
#ifndef SK_TIMELINE_H
#define SK_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"

enum sk_side { SK_SIDE_SOURCE, SK_SIDE_DESTINATION, SK_SIDE_CLIENT };

/** enum sk_event_kind - What happened */
enum sk_event_kind {
	SK_EVENT_API_CALL, /* virDomainMigrate3 called */
	SK_EVENT_API_RETURN,
	SK_EVENT_QMP, /* name is QEMU's: STOP, RESUME, MIGRATION, MIGRATION_PASS; detail its data */
	SK_EVENT_LIFECYCLE, /* name such as "suspended/postcopy" */
	SK_EVENT_ITERATION, /* value is the pass */
	SK_EVENT_JOB_COMPLETED, /* name of the operation; value is the reported downtime in ms */
	SK_EVENT_POSTCOPY_CALL, /* virDomainMigrateStartPostCopy called */
	SK_EVENT_POSTCOPY_RETURN,
	SK_EVENT_SUSPEND_CALL, /* stop-and-copy: virDomainSuspend called */
	SK_EVENT_NOTE,
};

/** struct sk_event - One entry; real_ns is the event's own stamp, arrival_ns when we saw it */
struct sk_event {
	enum sk_event_kind kind;
	enum sk_side side;
	uint64_t real_ns, arrival_ns;
	int64_t value;
	char name[40];
	char detail[120];
};

/** struct sk_job_sample - Job statistics, at 10 Hz; 0 where the hypervisor says nothing */
struct sk_job_sample {
	uint64_t real_ns;
	uint64_t memory_total, memory_processed, memory_remaining, memory_bps;
	uint64_t normal_bytes, constant_pages, dirty_rate, iteration, postcopy_requests,
		downtime_ms, setup_ms, elapsed_ms, page_size;
};

/** struct sk_timeline - Thread-safe: adding copies under a lock */
struct sk_timeline;
/** sk_timeline_new() - An empty one, or NULL without memory */
struct sk_timeline *sk_timeline_new(void);
/** sk_timeline_free() - Release it; NULL is fine */
void sk_timeline_free(struct sk_timeline *timeline);
SK_DEFINE_AUTO(struct sk_timeline, sk_timeline_free)
/** sk_timeline_add() - Append an event; an arrival_ns of 0 is filled in, a real_ns of 0 takes the arrival.
 *  0 or -ENOMEM */
int sk_timeline_add(struct sk_timeline *timeline, const struct sk_event *event);
/** sk_timeline_add_job() - Append job statistics; a real_ns of 0 is filled in. 0 or -ENOMEM */
int sk_timeline_add_job(struct sk_timeline *timeline, const struct sk_job_sample *sample);
/** sk_timeline_events() - Sorted by real_ns; borrowed, once no other thread adds any more */
const struct sk_event *sk_timeline_events(struct sk_timeline *timeline, size_t *ret_n);
/**
 * sk_timeline_shift() - Add @by_ns to QEMU's own stamps of one side, whose clock is another
 *
 * Events without a stamp of their own have the time of their arrival, which is on our clock.
 */
void sk_timeline_shift(struct sk_timeline *timeline, enum sk_side side, int64_t by_ns);
/** sk_timeline_jobs() - In the order added; borrowed likewise */
const struct sk_job_sample *sk_timeline_jobs(struct sk_timeline *timeline, size_t *ret_n);
/** sk_timeline_find() - First event of this kind, side and name (NULL: any) at or after @from_ns; NULL if none */
const struct sk_event *sk_timeline_find(struct sk_timeline *timeline,
					enum sk_event_kind kind, enum sk_side side,
					const char *name, uint64_t from_ns);
/** sk_event_kind_name() - "api-call", "qmp", "lifecycle", ... */
const char *sk_event_kind_name(enum sk_event_kind kind);
/** sk_side_name() - "source", "destination", "client" */
const char *sk_side_name(enum sk_side side);
/** sk_timeline_json() - {"events": […], "jobs": […]} for run.json */
struct sk_json *sk_timeline_json(struct sk_timeline *timeline);
/** sk_timeline_load() - The way back; what is unknown in it is left out. NULL without memory */
struct sk_timeline *sk_timeline_load(const struct sk_json *json);

#endif
