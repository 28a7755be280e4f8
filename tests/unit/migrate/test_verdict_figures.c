// SPDX-License-Identifier: Apache-2.0
/* test_verdict_figures - what samples and statistics add to a verdict: the client's downtime, passes */
#include "migrate/measure/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/migrate/events.h"

/* 1 kHz for 8 s; none answered in [from, to). */
static void fill(struct sk_sample samples[8000], unsigned int from, unsigned int to)
{
	for (unsigned int i = 0; i < 8000; i++) {
		samples[i] = (struct sk_sample){.intended_ns = i * MS,
						.sent_ns = i * MS + 1000,
						.tick = i};
		if (i < from || i >= to)
			samples[i].received_ns = i * MS + 250000;
	}
}

static void test_client_downtime_is_the_outage_of_the_migration(void **state)
{
	static struct sk_sample samples[8000];
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(pre_copy);
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	struct sk_verdict v;

	(void)state;
	fill(samples, 3899, 4000);
	/* A hiccup before the migration is not its fault. */
	for (unsigned int i = 100; i < 600; i++)
		samples[i].received_ns = 0;
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples, 8000, BASE,
					 &v),
			 0);
	assert_true(v.has_client);
	assert_int_equal(v.downtime_client_ns, 101 * MS + 250000);
	assert_int_equal(v.outage_start_ns, BASE + 3899 * MS);
	assert_int_equal(v.all.lost, 601);
	assert_int_equal(v.before.sent, 1000);
	assert_int_equal(v.before.lost, 500);
	assert_int_equal(v.during.sent, 4200);
	assert_int_equal(v.during.lost, 101);
	assert_int_equal(v.after.sent, 2800);
	assert_int_equal(v.after.lost, 0);

	json = sk_verdict_json(&v);
	assert_true(fabs(sk_json_double(sk_json_path(json, "downtime_ms.client"), 0) -
			 101.25) < 1e-9);
	assert_true(fabs(sk_json_double(sk_json_path(json, "downtime_ms.vcpu"), 0) - 42) <
		    1e-9);
	assert_int_equal(sk_json_int(sk_json_path(json, "probe.during.lost"), 0), 101);
	assert_true(fabs(sk_json_double(sk_json_path(json, "probe.after.p50_ms"), 0) -
			 0.25) < 1e-9);
	assert_string_equal(sk_json_str(sk_json_path(json, "mode.proven"), ""),
			    "pre-copy");
}

static void test_outage_right_after_the_call_returns_still_counts(void **state)
{
	static struct sk_sample samples[8000];
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(pre_copy);
	struct sk_verdict v;

	(void)state;
	fill(samples, 5100, 5900);
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples, 8000, BASE,
					 &v),
			 0);
	assert_int_equal(v.downtime_client_ns, 800 * MS + 250000);
}

/* The probe went on for longer than the window of 2 s after the return, and the silence with it. */
static void test_outage_that_outlasts_its_window_is_told_whole(void **state)
{
	static struct sk_sample samples[12000];
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(pre_copy);
	struct sk_verdict v;

	(void)state;
	for (uint64_t i = 0; i < 12000; i++)
		samples[i] =
			(struct sk_sample){i * MS, i * MS + 10000,
					   i < 6000 || i >= 11000 ? i * MS + 250000 : 0,
					   i + 1};
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples, 12000, BASE,
					 &v),
			 0);
	assert_int_equal(v.outage_start_ns, BASE + 6000 * MS);
	assert_int_equal(v.downtime_client_ns, 5000 * MS + 250000);
	/* Never answered again: all that was asked for. */
	for (uint64_t i = 11000; i < 12000; i++)
		samples[i].received_ns = 0;
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples, 12000, BASE,
					 &v),
			 0);
	assert_int_equal(v.downtime_client_ns, 5999 * MS);
}

/* Samples until so many ms behind the start: what they cannot say is null, not zero. */
static void test_cut_probe_says_nothing_of_what_came_then(void **state)
{
	static struct sk_sample samples[8000];
	static const struct {
		size_t known_ms;
		bool has_before, has_during, has_client;
	} cases[] = {{900, false, false, false},
		     {3000, true, false, false},
		     {5300, true, true, false},
		     {7900, true, true, true}};

	(void)state;
	fill(samples, 3899, 4000);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_timeline_free) struct sk_timeline *timeline =
			make_timeline(pre_copy);
		sk_auto(sk_json_free) struct sk_json *json = NULL;
		struct sk_verdict v;

		assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples,
						 cases[i].known_ms, BASE, &v),
				 0);
		sk_verdict_cut(&v, BASE + (cases[i].known_ms - 1) * MS);
		assert_int_equal(v.has_client, cases[i].has_client);
		json = sk_verdict_json(&v);
		assert_false(sk_json_bool(sk_json_path(json, "probe.complete"), true));
		assert_null(sk_json_path(json, "probe.lost"));
		assert_null(sk_json_path(json, "probe.after.lost"));
		assert_null(sk_json_path(json, "probe.after.p99_ms"));
		assert_int_equal(sk_json_path(json, "probe.during.lost") != NULL,
				 cases[i].has_during);
		assert_int_equal(sk_json_path(json, "probe.before.p50_ms") != NULL,
				 cases[i].has_before);
		assert_int_equal(sk_json_path(json, "downtime_ms.client") != NULL,
				 cases[i].has_client);
	}
}

static void test_passes_get_the_bytes_between_their_events(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(pre_copy);
	struct sk_job_sample job = {.memory_total = 272 * MIB};
	struct sk_verdict v;

	(void)state;
	/* 100 MiB/s, read every 100 ms, and once more after the end. */
	for (unsigned int at = 1500; at <= 3900; at += 100) {
		job.real_ns = BASE + at * MS;
		job.memory_processed = (at - 1400) * MIB / 10;
		job.memory_remaining = 272 * MIB - job.memory_processed;
		job.dirty_rate = at < 3500 ? 0 : 5000;
		assert_int_equal(sk_timeline_add_job(timeline, &job), 0);
	}
	job.real_ns = BASE + 5000 * MS;
	job.memory_processed = 251 * MIB;
	assert_int_equal(sk_timeline_add_job(timeline, &job), 0);
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, NULL, 0, BASE, &v),
			 0);
	assert_int_equal(v.nr_passes, 2);
	assert_int_equal(v.passes[0].start_ns, BASE + 1401 * MS);
	assert_int_equal(v.passes[0].end_ns, BASE + 3400 * MS);
	assert_in_range(v.passes[0].bytes, 199 * MIB, 200 * MIB);
	assert_int_equal(v.passes[1].end_ns, BASE + 3900 * MS); /* STOP */
	assert_int_equal(v.passes[1].bytes, 50 * MIB);
	assert_int_equal(v.passes[1].dirty_pages_per_s, 5000);
	assert_true(v.passes[1].has_remaining);
	assert_int_equal(v.passes[1].remaining_bytes, 22 * MIB);
	assert_int_equal(v.memory_bytes, 272 * MIB);
	assert_int_equal(v.wire_bytes, 251 * MIB);
}

/* As once a job has ended, or libvirt has no answer for a moment. */
static void test_statistics_that_fall_back_take_nothing_from_a_pass(void **state)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = make_timeline(pre_copy);
	struct sk_job_sample job = {.memory_total = 272 * MIB};
	struct sk_verdict v;

	(void)state;
	for (unsigned int at = 1500; at <= 3900; at += 100) {
		job.real_ns = BASE + at * MS;
		job.memory_processed = at > 3600 ? 0 : (at - 1400) * MIB / 10;
		assert_int_equal(sk_timeline_add_job(timeline, &job), 0);
	}
	assert_int_equal(sk_verdict_make(SK_MODE_PRE_COPY, timeline, NULL, 0, BASE, &v),
			 0);
	assert_int_equal(v.nr_passes, 2);
	assert_int_equal(v.passes[1].bytes, 20 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_downtime_is_the_outage_of_the_migration),
		cmocka_unit_test(test_outage_right_after_the_call_returns_still_counts),
		cmocka_unit_test(test_outage_that_outlasts_its_window_is_told_whole),
		cmocka_unit_test(test_cut_probe_says_nothing_of_what_came_then),
		cmocka_unit_test(test_passes_get_the_bytes_between_their_events),
		cmocka_unit_test(test_statistics_that_fall_back_take_nothing_from_a_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
