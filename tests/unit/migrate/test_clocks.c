// SPDX-License-Identifier: Apache-2.0
/* test_clocks - stamps that are put on our clock */
#include "migrate/strategy/clocks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"

static void test_own_host_is_zero_within_its_error(void **state)
{
	const struct sk_migrate_opts opts = {.from = "qemu:///system",
					     .to = "qemu+tls://h2/system"};
	struct sk_clocks clocks;
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	(void)state;
	sk_clocks_measure(&opts, &clocks);
	assert_true(clocks.is_known[SK_SIDE_SOURCE]);
	assert_int_equal(clocks.offset[SK_SIDE_SOURCE].offset_ns, 0);
	assert_false(clocks.is_known[SK_SIDE_DESTINATION]);
	assert_non_null(strstr(clocks.why[SK_SIDE_DESTINATION], "is not ssh"));
	json = sk_clocks_json(&clocks);
	assert_non_null(sk_json_path(json, "from.error_us"));
	assert_null(sk_json_get(json, "to"));
}

/* Two clocks, the destination's 5 ms ahead: its RESUME is put back by that, and nothing else. */
static void test_only_what_is_surely_off_is_corrected(void **state)
{
	struct sk_clocks clocks = {.is_known = {true, true}};
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_event events[] = {
		{.kind = SK_EVENT_QMP,
		 .side = SK_SIDE_SOURCE,
		 .real_ns = 1000000000,
		 .name = "STOP"},
		{.kind = SK_EVENT_QMP,
		 .side = SK_SIDE_DESTINATION,
		 .real_ns = 1008000000,
		 .name = "RESUME"},
		{.kind = SK_EVENT_LIFECYCLE,
		 .side = SK_SIDE_DESTINATION,
		 .real_ns = 1009000000,
		 .name = "resumed"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(events); i++)
		assert_int_equal(sk_timeline_add(timeline, &events[i]), 0);
	clocks.offset[SK_SIDE_SOURCE].offset_ns = 90;
	clocks.offset[SK_SIDE_SOURCE].error_ns = 100;
	clocks.offset[SK_SIDE_DESTINATION].offset_ns = 5000000;
	clocks.offset[SK_SIDE_DESTINATION].error_ns = 100;
	sk_clocks_correct(&clocks, timeline);
	assert_int_equal(sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_SOURCE, "STOP",
					  0)
				 ->real_ns,
			 1000000000);
	assert_int_equal(sk_timeline_find(timeline, SK_EVENT_QMP, SK_SIDE_DESTINATION,
					  "RESUME", 0)
				 ->real_ns,
			 1003000000);
	assert_int_equal(sk_timeline_find(timeline, SK_EVENT_LIFECYCLE,
					  SK_SIDE_DESTINATION, NULL, 0)
				 ->real_ns,
			 1009000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_host_is_zero_within_its_error),
		cmocka_unit_test(test_only_what_is_surely_off_is_corrected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
