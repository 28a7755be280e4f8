// SPDX-License-Identifier: Apache-2.0
/* test_timeline - events of several threads come out in the order of their own stamps */
#include "migrate/measure/timeline.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

static void add(struct sk_timeline *timeline, enum sk_event_kind kind, enum sk_side side,
		const char *name, uint64_t real_ns)
{
	struct sk_event event = {.kind = kind, .side = side, .real_ns = real_ns};

	(void)snprintf(event.name, sizeof(event.name), "%s", name);
	assert_int_equal(sk_timeline_add(timeline, &event), 0);
}

static void test_events_are_sorted_by_their_own_stamp(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_event *events;
	size_t n;

	(void)state;
	add(timeline, SK_EVENT_QMP, SK_SIDE_DESTINATION, "RESUME", 300);
	add(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP", 200);
	add(timeline, SK_EVENT_API_CALL, SK_SIDE_SOURCE, "", 100);
	events = sk_timeline_events(timeline, &n);
	assert_int_equal(n, 3);
	assert_int_equal(events[0].real_ns, 100);
	assert_string_equal(events[1].name, "STOP");
	assert_string_equal(events[2].name, "RESUME");
	/* Also what is added after a look. */
	add(timeline, SK_EVENT_NOTE, SK_SIDE_CLIENT, "early", 50);
	assert_string_equal(sk_timeline_events(timeline, &n)->name, "early");
}

static void test_missing_stamps_are_filled_in(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	uint64_t before = sk_clock_real();
	const struct sk_event *events;
	size_t n;

	(void)state;
	add(timeline, SK_EVENT_NOTE, SK_SIDE_CLIENT, "", 0);
	events = sk_timeline_events(timeline, &n);
	assert_in_range(events[0].real_ns, before, sk_clock_real());
	assert_int_equal(events[0].arrival_ns, events[0].real_ns);
	assert_int_equal(sk_timeline_add_job(timeline,
					     &(struct sk_job_sample){.iteration = 2}),
			 0);
	assert_true(sk_timeline_jobs(timeline, &n)->real_ns >= before);
}

static void test_find_looks_at_kind_side_name_and_time(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_event *found;

	(void)state;
	add(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP", 100);
	add(timeline, SK_EVENT_QMP, SK_SIDE_DESTINATION, "STOP", 150);
	add(timeline, SK_EVENT_LIFECYCLE, SK_SIDE_SOURCE, "STOP", 160);
	add(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "RESUME", 180);
	add(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP", 200);
	found = sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP", 101);
	assert_int_equal(found->real_ns, 200);
	found = sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, NULL, 101);
	assert_int_equal(found->real_ns, 180);
	assert_null(
		sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP", 201));
	assert_null(sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_CLIENT, NULL, 0));
}

static void *add_many(void *arg)
{
	for (uint64_t i = 1; i <= 1000; i++) {
		struct sk_event event = {.kind = SK_EVENT_NOTE, .real_ns = i};

		if (sk_timeline_add(arg, &event) < 0)
			return arg;
		if (sk_timeline_add_job(arg, &(struct sk_job_sample){.real_ns = i}) < 0)
			return arg;
	}
	return NULL;
}

static void test_threads_may_add_at_the_same_time(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_event *events;
	pthread_t threads[4];
	size_t n;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, timeline),
				 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(threads); i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	events = sk_timeline_events(timeline, &n);
	assert_int_equal(n, 4000);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(events[i].real_ns, i / 4 + 1);
	(void)sk_timeline_jobs(timeline, &n);
	assert_int_equal(n, 4000);
}

static void test_json_has_events_and_jobs(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	struct sk_json *event;

	(void)state;
	add(timeline, SK_EVENT_JOB_COMPLETED, SK_SIDE_DESTINATION, "migration", 100);
	assert_int_equal(sk_timeline_add_job(timeline,
					     &(struct sk_job_sample){.real_ns = 5,
								     .dirty_rate = 6}),
			 0);
	json = sk_timeline_json(timeline);
	event = sk_json_at(sk_json_get(json, "events"), 0);
	assert_string_equal(sk_json_str(sk_json_get(event, "kind"), ""), "job-completed");
	assert_string_equal(sk_json_str(sk_json_get(event, "side"), ""), "destination");
	assert_int_equal(sk_json_int(sk_json_get(event, "real_ns"), 0), 100);
	assert_int_equal(sk_json_int(sk_json_get(sk_json_at(sk_json_get(json, "jobs"), 0),
						 "dirty_rate"),
				     0),
			 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_are_sorted_by_their_own_stamp),
		cmocka_unit_test(test_missing_stamps_are_filled_in),
		cmocka_unit_test(test_find_looks_at_kind_side_name_and_time),
		cmocka_unit_test(test_threads_may_add_at_the_same_time),
		cmocka_unit_test(test_json_has_events_and_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
