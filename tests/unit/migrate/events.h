/* SPDX-License-Identifier: Apache-2.0 */
/* events - tables of events as time lines, for the tests of verdicts */
#ifndef TESTS_UNIT_MIGRATE_EVENTS_H
#define TESTS_UNIT_MIGRATE_EVENTS_H

#include <stdio.h>

#include "lib/clock.h"
#include "migrate/measure/timeline.h"

#define MS   SK_NS_PER_MS
#define BASE (1700000000ull * SK_NS_PER_S)
#define MIB  (1ull << 20)

/** struct entry - One event of a table; at 0 ends it */
struct entry {
	unsigned int at_ms;
	enum sk_side side;
	enum sk_event_kind kind;
	const char *name, *detail;
	int64_t value;
};

/* Events of QEMU at the source and the destination; MIGRATION with a status. */
#define S(at, name, detail)                                                              \
	{                                                                                \
		at, SK_SIDE_SOURCE, SK_EVENT_QMP, name, detail, 0                        \
	}
#define D(at, name, detail)                                                              \
	{                                                                                \
		at, SK_SIDE_DESTINATION, SK_EVENT_QMP, name, detail, 0                   \
	}
#define S_STATUS(at, status) S(at, "MIGRATION", "{\"status\":\"" status "\"}")
#define D_STATUS(at, status) D(at, "MIGRATION", "{\"status\":\"" status "\"}")
#define CALL(at)                                                                         \
	{                                                                                \
		at, SK_SIDE_SOURCE, SK_EVENT_API_CALL, "virDomainMigrate3", "", 0        \
	}
#define RETURN(at)                                                                       \
	{                                                                                \
		at, SK_SIDE_SOURCE, SK_EVENT_API_RETURN, "", "", 0                       \
	}
#define REPORTED(at, ms)                                                                 \
	{                                                                                \
		at, SK_SIDE_SOURCE, SK_EVENT_JOB_COMPLETED, "migration", "", ms          \
	}

static const struct entry pre_copy[] = {
	CALL(1000),
	S_STATUS(1300, "setup"),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	S(3400, "MIGRATION_PASS", "{\"pass\":2}"),
	S(3900, "STOP", ""),
	S_STATUS(3901, "device"),
	S_STATUS(3920, "completed"),
	D_STATUS(3925, "completed"),
	D(3942, "RESUME", ""),
	REPORTED(3940, 23),
	RETURN(5200),
	{0},
};

static inline struct sk_timeline *make_timeline(const struct entry *entries)
{
	struct sk_timeline *timeline = sk_timeline_new();

	assert_non_null(timeline);
	for (; entries->at_ms; entries++) {
		struct sk_event event = {.kind = entries->kind,
					 .side = entries->side,
					 .real_ns = BASE + entries->at_ms * MS,
					 .value = entries->value};

		(void)snprintf(event.name, sizeof(event.name), "%s", entries->name);
		(void)snprintf(event.detail, sizeof(event.detail), "%s", entries->detail);
		assert_int_equal(sk_timeline_add(timeline, &event), 0);
	}
	return timeline;
}

#endif
