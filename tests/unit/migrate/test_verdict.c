// SPDX-License-Identifier: Apache-2.0
/* test_verdict - event orders as libvirt 9.0 and QEMU 7.2 show them, and what they prove */
#include "migrate/measure/verdict.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/migrate/events.h"

static const struct entry stop_and_copy[] = {
	CALL(1000),
	S(1200, "STOP", ""),
	S_STATUS(1300, "active"),
	S(1301, "MIGRATION_PASS", "{\"pass\":1}"),
	S_STATUS(3300, "completed"),
	D_STATUS(3310, "completed"),
	D(3400, "RESUME", ""),
	REPORTED(3350, 2023),
	RETURN(4000),
	{0},
};
static const struct entry post_copy[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	{1500, SK_SIDE_SOURCE, SK_EVENT_POSTCOPY_CALL, "", "", 0},
	S(1510, "STOP", ""),
	S_STATUS(1512, "postcopy-active"),
	S(1513, "MIGRATION_PASS", "{\"pass\":2}"),
	{1515, SK_SIDE_SOURCE, SK_EVENT_LIFECYCLE, "suspended/postcopy", "", 0},
	D(1530, "RESUME", ""),
	{1535, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	S_STATUS(3500, "completed"),
	D_STATUS(3510, "completed"),
	REPORTED(3520, 9),
	RETURN(4000),
	{0},
};
static const struct entry hybrid[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1399, "MIGRATION_PASS", "{\"pass\":1}"),
	S(2401, "MIGRATION_PASS", "{\"pass\":2}"),
	{2402, SK_SIDE_SOURCE, SK_EVENT_POSTCOPY_CALL, "", "", 0},
	S(2410, "STOP", ""),
	S_STATUS(2412, "postcopy-active"),
	D(2430, "RESUME", ""),
	{2435, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	S_STATUS(3500, "completed"),
	D_STATUS(3510, "completed"),
	RETURN(4000),
	{0},
};
#define COURSE(at, mode)                                                                 \
	{                                                                                \
		at, SK_SIDE_SOURCE, SK_EVENT_NOTE, SK_EVENT_COURSE, mode, 0              \
	}
/* auto began with a pre-copy and went on otherwise. */
static const struct entry changed[] = {
	COURSE(990, "pre-copy"),
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	S(2401, "MIGRATION_PASS", "{\"pass\":2}"),
	COURSE(2401, "hybrid"),
	S(2410, "STOP", ""),
	S_STATUS(2412, "postcopy-active"),
	D(2430, "RESUME", ""),
	{2435, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	S_STATUS(3500, "completed"),
	RETURN(4000),
	{0},
};
/* Auto's hybrid, whose memory was there before it could switch. */
static const struct entry unneeded[] = {
	COURSE(990, "hybrid"),
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	S(3900, "STOP", ""),
	S_STATUS(3920, "completed"),
	D(3942, "RESUME", ""),
	RETURN(5200),
	{0},
};
/* A pre-copy whose time-out wanted post-copy: in its first pass, and after it. */
static const struct entry late_in_first_pass[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	COURSE(1500, "post-copy"),
	S(1510, "STOP", ""),
	S_STATUS(1512, "postcopy-active"),
	S(1513, "MIGRATION_PASS", "{\"pass\":2}"),
	D(1530, "RESUME", ""),
	{1535, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	S_STATUS(3500, "completed"),
	RETURN(4000),
	{0},
};
static const struct entry late_in_second_pass[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	S(2401, "MIGRATION_PASS", "{\"pass\":2}"),
	COURSE(2500, "hybrid"),
	S(2510, "STOP", ""),
	S_STATUS(2512, "postcopy-active"),
	D(2530, "RESUME", ""),
	{2535, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	S_STATUS(3500, "completed"),
	RETURN(4000),
	{0},
};
/* All was there when the time-out wanted post-copy. */
static const struct entry late_at_the_end[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1401, "MIGRATION_PASS", "{\"pass\":1}"),
	S(3900, "STOP", ""),
	COURSE(3901, "post-copy"),
	S_STATUS(3920, "completed"),
	D(3942, "RESUME", ""),
	RETURN(5200),
	{0},
};
/* StartPostCopy came too late: trap 4 of the facts. */
static const struct entry late_post_copy[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1900, "STOP", ""),
	S_STATUS(1910, "completed"),
	{1950, SK_SIDE_SOURCE, SK_EVENT_POSTCOPY_CALL, "", "", 0},
	D(1920, "RESUME", ""),
	RETURN(4000),
	{0},
};
/* Switched on, but the last page was there before the destination ran. */
static const struct entry empty_post_copy[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1500, "STOP", ""),
	S_STATUS(1505, "postcopy-active"),
	S_STATUS(1506, "completed"),
	D(1530, "RESUME", ""),
	{1535, SK_SIDE_DESTINATION, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 0},
	RETURN(4000),
	{0},
};
static const struct entry never_resumed[] = {
	CALL(1000),
	S_STATUS(1400, "active"),
	S(1900, "STOP", ""),
	S_STATUS(1910, "failed"),
	S(1920, "RESUME", ""),
	RETURN(4000),
	{0},
};
static const struct entry nothing[] = {CALL(1000), RETURN(1010), {0}};

static struct sk_verdict judge(enum sk_mode asked, const struct entry *entries)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(entries);
	struct sk_verdict v;

	assert_int_equal(sk_verdict_make(asked, timeline, NULL, 0, BASE, &v), 0);
	return v;
}

static void test_modes_are_proven_by_the_order_of_events(void **state)
{
	static const struct {
		enum sk_mode asked, proven;
		const struct entry *events;
		const char *why;
	} cases[] = {
		{SK_MODE_PRE_COPY, SK_MODE_PRE_COPY, pre_copy,
		 "ran at the source for 2500 ms of copying, stopped, resumed at the "
		 "destination"},
		{SK_MODE_STOP_AND_COPY, SK_MODE_STOP_AND_COPY, stop_and_copy,
		 "stopped at the source 100.0 ms before the first byte"},
		{SK_MODE_POST_COPY, SK_MODE_POST_COPY, post_copy,
		 "resumed at the destination 1970 ms before the last page left the "
		 "source"},
		{SK_MODE_HYBRID, SK_MODE_HYBRID, hybrid,
		 "resumed at the destination 1070 ms before the last page left the "
		 "source"},
		{SK_MODE_HYBRID, SK_MODE_DEGENERATE, post_copy,
		 "the events show post-copy: resumed at the destination 1970 ms before "
		 "the last page left the source"},
		{SK_MODE_HYBRID, SK_MODE_DEGENERATE, pre_copy,
		 "the events show pre-copy: ran at the source for 2500 ms of copying, "
		 "stopped, resumed at the destination"},
		{SK_MODE_AUTO, SK_MODE_HYBRID, changed,
		 "resumed at the destination 1070 ms before the last page left the "
		 "source"},
		{SK_MODE_AUTO, SK_MODE_PRE_COPY, unneeded,
		 "ran at the source for 2500 ms of copying, stopped, resumed at the "
		 "destination"},
		{SK_MODE_AUTO, SK_MODE_DEGENERATE, post_copy,
		 "the events show post-copy: resumed at the destination 1970 ms before "
		 "the last page left the source"},
		{SK_MODE_PRE_COPY, SK_MODE_POST_COPY, late_in_first_pass,
		 "resumed at the destination 1970 ms before the last page left the "
		 "source"},
		{SK_MODE_PRE_COPY, SK_MODE_HYBRID, late_in_second_pass,
		 "resumed at the destination 970 ms before the last page left the source"},
		{SK_MODE_HYBRID, SK_MODE_POST_COPY, late_in_first_pass,
		 "resumed at the destination 1970 ms before the last page left the "
		 "source"},
		{SK_MODE_PRE_COPY, SK_MODE_PRE_COPY, late_at_the_end,
		 "ran at the source for 2500 ms of copying, stopped, resumed at the "
		 "destination"},
		{SK_MODE_POST_COPY, SK_MODE_DEGENERATE, late_post_copy,
		 "the events show pre-copy: ran at the source for 500 ms"},
		{SK_MODE_POST_COPY, SK_MODE_DEGENERATE, empty_post_copy,
		 "post-copy was switched on, but the guest resumed at the destination "
		 "only after all memory was there"},
		{SK_MODE_PRE_COPY, SK_MODE_DEGENERATE, post_copy,
		 "the events show post-copy: resumed at the destination"},
		{SK_MODE_PRE_COPY, SK_MODE_DEGENERATE, stop_and_copy,
		 "the events show stop-and-copy: stopped at the source"},
		{SK_MODE_STOP_AND_COPY, SK_MODE_DEGENERATE, pre_copy,
		 "the events show pre-copy: ran at the source"},
		{SK_MODE_PRE_COPY, SK_MODE_DEGENERATE, never_resumed,
		 "no event shows that the migration resumed the guest at the destination"},
		{SK_MODE_PRE_COPY, SK_MODE_DEGENERATE, nothing,
		 "no event shows that the migration became active"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_verdict v = judge(cases[i].asked, cases[i].events);

		if (v.proven != cases[i].proven || !strstr(v.why, cases[i].why))
			fail_msg("case %zu: %s: %s", i, sk_mode_name(v.proven), v.why);
		assert_int_equal(v.asked, cases[i].asked);
	}
}

static void test_what_a_time_out_made_of_it_is_told(void **state)
{
	struct sk_verdict late = judge(SK_MODE_PRE_COPY, late_in_second_pass),
			  end = judge(SK_MODE_PRE_COPY, late_at_the_end);
	sk_auto(sk_json_free) struct sk_json *json = sk_verdict_json(&late),
					     *same = sk_verdict_json(&end);

	(void)state;
	assert_string_equal(sk_json_str(sk_json_path(json, "mode.asked"), ""),
			    "pre-copy");
	assert_string_equal(sk_json_str(sk_json_path(json, "mode.chosen"), ""), "hybrid");
	assert_null(sk_json_path(same, "mode.chosen"));
}

static void test_durations_are_those_of_the_definitions(void **state)
{
	struct sk_verdict v = judge(SK_MODE_PRE_COPY, pre_copy);

	(void)state;
	assert_int_equal(v.prep_ns, 400 * MS);
	assert_int_equal(v.total_ns,
			 2525 * MS); /* the destination's completed is later */
	assert_int_equal(v.api_ns, 4200 * MS);
	assert_true(v.has_vcpu);
	assert_int_equal(v.downtime_vcpu_ns, 42 * MS);
	assert_true(v.has_reported);
	assert_int_equal(v.downtime_reported_ns, 23 * MS);
	assert_false(v.has_client);

	v = judge(SK_MODE_STOP_AND_COPY, stop_and_copy);
	assert_int_equal(v.downtime_vcpu_ns, 2200 * MS);
	assert_int_equal(v.downtime_reported_ns, 2023 * MS);
	v = judge(SK_MODE_POST_COPY, post_copy);
	assert_int_equal(v.downtime_vcpu_ns, 20 * MS);
	assert_int_equal(v.postcopy_ns, BASE + 1512 * MS);
	assert_int_equal(v.nr_passes, 1);
	assert_int_equal(v.passes[0].end_ns, BASE + 1510 * MS);
	assert_false(v.passes[0].has_remaining);
}

/* As between hosts whose clocks nobody could ask for. */
static void test_clocks_that_disagree_are_named(void **state)
{
	static const struct entry skewed[] = {
		CALL(1000),
		S_STATUS(1400, "active"),
		S(3900, "STOP", ""),
		S_STATUS(3920, "completed"),
		D(3700, "RESUME", ""),
		RETURN(5200),
		{0},
	};
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(skewed);
	struct sk_verdict v;

	(void)state;
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, NULL, 0, 0, &v), 0);
	assert_int_equal(v.proven, SK_MODE_DEGENERATE);
	assert_non_null(strstr(v.why, "the hosts' clocks disagree"));
	assert_false(v.has_vcpu);
}

/* QEMU's stamps are in microseconds: of two states of one moment none is overlooked. */
static void test_states_of_the_same_moment_are_all_marks(void **state)
{
	static const struct entry at_once[] = {
		CALL(1000),
		S_STATUS(1300, "setup"),
		S_STATUS(1300, "active"),
		S(3900, "STOP", ""),
		S_STATUS(3920, "device"),
		S_STATUS(3920, "completed"),
		D(3942, "RESUME", ""),
		{0},
	};
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(at_once);
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	struct sk_verdict v;

	(void)state;
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, NULL, 0, 0, &v), 0);
	assert_int_equal(v.setup_ns, BASE + 1300 * MS);
	assert_int_equal(v.active_ns, BASE + 1300 * MS);
	assert_int_equal(v.completed_ns, BASE + 3920 * MS);
	json = sk_verdict_json(&v);
	assert_int_equal(sk_json_int(sk_json_path(json, "marks_ns.setup"), 0),
			 BASE + 1300 * MS);
}

static void test_unknown_durations_are_marked_so(void **state)
{
	struct sk_verdict v = judge(SK_MODE_PRE_COPY, nothing);
	sk_auto(sk_json_free) struct sk_json *json = sk_verdict_json(&v);
	static const char *const nulls[] = {"time_ms.prep",	    "time_ms.total",
					    "downtime_ms.reported", "downtime_ms.vcpu",
					    "downtime_ms.client",   "probe",
					    "marks_ns.stop"};

	(void)state;
	assert_false(v.has_reported || v.has_vcpu || v.has_client);
	for (size_t i = 0; i < SK_ARRAY_SIZE(nulls); i++)
		assert_null(sk_json_path(json, nulls[i]));
	assert_true(fabs(sk_json_double(sk_json_path(json, "time_ms.api"), 0) - 10) <
		    1e-9);
}

static void test_statistics_before_the_end_are_no_downtime(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(nothing);
	struct sk_job_sample forecast = {.real_ns = BASE + 1005 * MS, .downtime_ms = 300};
	struct sk_verdict v;

	(void)state;
	assert_int_equal(sk_timeline_add_job(timeline, &forecast), 0);
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, NULL, 0, BASE, &v),
			 0);
	assert_false(v.has_reported);
}

static void test_mode_names_are_read_back(void **state)
{
	enum sk_mode mode = SK_MODE_DEGENERATE;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	for (unsigned int m = 0; m < SK_MODE_DEGENERATE; m++) {
		assert_int_equal(sk_mode_parse(sk_mode_name((enum sk_mode)m), &mode,
					       &err),
				 0);
		assert_int_equal(mode, m);
	}
	assert_int_equal(sk_mode_parse("degenerate", &mode, &err), -EINVAL);
	assert_string_equal(err.msg, "'degenerate' is not a mode: use pre-copy, "
				     "stop-and-copy, post-copy, hybrid or auto");
	assert_int_equal(mode, SK_MODE_AUTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes_are_proven_by_the_order_of_events),
		cmocka_unit_test(test_what_a_time_out_made_of_it_is_told),
		cmocka_unit_test(test_durations_are_those_of_the_definitions),
		cmocka_unit_test(test_clocks_that_disagree_are_named),
		cmocka_unit_test(test_states_of_the_same_moment_are_all_marks),
		cmocka_unit_test(test_unknown_durations_are_marked_so),
		cmocka_unit_test(test_statistics_before_the_end_are_no_downtime),
		cmocka_unit_test(test_mode_names_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
