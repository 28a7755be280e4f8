// SPDX-License-Identifier: Apache-2.0
/* test_decompose - outages cut into causes: each part where it belongs, all of them the whole */
#include "migrate/measure/decompose.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

#define MS   SK_NS_PER_MS
#define BASE (1700000000ull * SK_NS_PER_S)

/** struct scene - A migration: set-up 1000-1300, stop 2000, resume 2100, completed 6000, in ms */
struct scene {
	struct sk_verdict verdict;
	struct sk_timeline *timeline;
	struct sk_blocktime blocktime;
	struct sk_announcements announcements;
	struct sk_decompose_input input;
};

static void add_event(struct scene *s, enum sk_side side, enum sk_event_kind kind,
		      const char *name, const char *detail, double at_ms)
{
	struct sk_event event = {.kind = kind,
				 .side = side,
				 .real_ns = BASE + (uint64_t)(at_ms * 1e6)};

	(void)snprintf(event.name, sizeof(event.name), "%s", name);
	(void)snprintf(event.detail, sizeof(event.detail), "%s", detail);
	assert_int_equal(sk_timeline_add(s->timeline, &event), 0);
}

/* An outage from @from_ms to @to_ms. */
static void scene_init(struct scene *s, double from_ms, double to_ms, bool postcopy)
{
	*s = (struct scene){
		.timeline = sk_timeline_new(),
		.blocktime = {.is_known = true, .total_ns = 800 * MS},
		.announcements = {.is_known = true},
	};
	assert_non_null(s->timeline);
	s->verdict = (struct sk_verdict){
		.api_call_ns = BASE + 900 * MS,
		.setup_ns = BASE + 1000 * MS,
		.active_ns = BASE + 1300 * MS,
		.stop_ns = BASE + 2000 * MS,
		.resume_ns = BASE + 2100 * MS,
		.completed_ns = BASE + 6000 * MS,
		.postcopy_ns = postcopy ? BASE + 2002 * MS : 0,
		.has_vcpu = true,
		.has_client = true,
		.has_reported = true,
		.downtime_reported_ns = 9 * MS,
		.downtime_client_ns = (uint64_t)((to_ms - from_ms) * 1e6),
		.outage_start_ns = BASE + (uint64_t)(from_ms * 1e6),
		.before = {.p50_us = 500},
		.postcopy_requests = postcopy ? 100 : 0,
	};
	s->input = (struct sk_decompose_input){.verdict = &s->verdict,
					       .timeline = s->timeline,
					       .blocktime = &s->blocktime,
					       .announcements = &s->announcements};
	add_event(s, SK_SIDE_CLIENT, SK_EVENT_NOTE, SK_ANNOUNCE_EVENT, "", 2103);
}

/* Pages asked for so far, told at 10 Hz: 20 per 100 ms from RESUME on, until there are 100. */
static void add_requests(struct scene *s)
{
	for (unsigned int at = 2000; at <= 6100; at += 100) {
		struct sk_job_sample job = {.real_ns = BASE + at * MS, .page_size = 4096};

		if (at > 2100)
			job.postcopy_requests = at >= 2600 ? 100 : (at - 2100) / 5;
		assert_int_equal(sk_timeline_add_job(s->timeline, &job), 0);
	}
}

/* Cut it, and see that the parts are the whole. */
static void decompose(struct scene *s, struct sk_decomposition *ret)
{
	uint64_t sum = 0;

	sk_decompose(&s->input, ret);
	for (size_t i = 0; i < SK_NR_PARTS; i++) {
		assert_true(ret->part[i].is_known || ret->part[i].ns == 0);
		assert_true(ret->part[i].how[0] != 0);
		assert_true(ret->part[i].ns <= s->verdict.downtime_client_ns);
		sum += ret->part[i].ns;
	}
	assert_int_equal(sum, s->verdict.downtime_client_ns);
	sk_timeline_free(s->timeline);
}

static void assert_ms(const struct sk_decomposition *d, enum sk_part part, double ms)
{
	if (!d->part[part].is_known)
		fail_msg("'%s' is %s", sk_part_name(part), d->part[part].how);
	if (fabs((double)d->part[part].ns / 1e6 - ms) > 1e-3)
		fail_msg("'%s' is %.6f ms, not %.6f", sk_part_name(part),
			 (double)d->part[part].ns / 1e6, ms);
}

static void assert_how(const struct sk_decomposition *d, enum sk_part part,
		       const char *text)
{
	if (!strstr(d->part[part].how, text))
		fail_msg("'%s' says '%s', not '%s'", sk_part_name(part),
			 d->part[part].how, text);
}

static void test_pre_copy_is_stop_announcement_and_rest(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 1999.5, 2140, false);
	decompose(&s, &d);
	assert_ms(&d, SK_PART_BEFORE, 0.5);
	assert_ms(&d, SK_PART_SETUP, 0);
	assert_ms(&d, SK_PART_STOP, 100);
	assert_how(&d, SK_PART_STOP, "the hypervisor reports 9 ms");
	assert_ms(&d, SK_PART_ANNOUNCE, 3);
	assert_ms(&d, SK_PART_FAULTS, 0);
	assert_how(&d, SK_PART_FAULTS, "no post-copy phase");
	assert_ms(&d, SK_PART_QUEUE, 0);
	assert_ms(&d, SK_PART_REST, 37);
}

/* In a network with others, who announce themselves when they like. */
static void test_announcements_of_others_are_passed_over(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 1999.5, 2140, false);
	s.announcements.macs = "52:54:00:00:00:01 52:54:00:00:00:02";
	add_event(&s, SK_SIDE_CLIENT, SK_EVENT_NOTE, SK_ANNOUNCE_EVENT,
		  "52:54:00:99:99:99 by ARP", 2101);
	add_event(&s, SK_SIDE_CLIENT, SK_EVENT_NOTE, SK_ANNOUNCE_EVENT,
		  "52:54:00:00:00:02 by RARP", 2110);
	decompose(&s, &d);
	assert_ms(&d, SK_PART_ANNOUNCE, 10);
	assert_ms(&d, SK_PART_REST, 30);
}

static void test_post_copy_has_faults_and_what_queued_them(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 2000, 3103, true);
	add_requests(&s);
	decompose(&s, &d);
	assert_ms(&d, SK_PART_STOP, 100);
	assert_ms(&d, SK_PART_ANNOUNCE, 3);
	/* All but the 0.6 pages until the announcement were asked for in the outage. */
	assert_ms(&d, SK_PART_FAULTS, 99.4 * 0.5);
	assert_ms(&d, SK_PART_QUEUE, 800 * 0.994 - 99.4 * 0.5);
	assert_ms(&d, SK_PART_REST, 1000 - 800 * 0.994);
	assert_how(&d, SK_PART_FAULTS, "99 of 100 pages");
}

static void test_what_was_seen_goes_before_what_qemu_sums_up(void **state)
{
	struct sk_fault_span spans[] = {
		{BASE + 2050 * MS, BASE + 2303 * MS, false}, /* 200 ms of it count */
		{BASE + 2400 * MS, BASE + 2900 * MS, true},
		{BASE + 3000 * MS, BASE + 3503 * MS, true}, /* 103 ms of it */
	};
	struct sk_fault_waits waits = {.is_known = true, .spans = spans, .nr = 3};
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 2000, 3103, true);
	add_requests(&s);
	s.input.waits = &waits;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_FAULTS, 99.4 * 0.5);
	assert_ms(&d, SK_PART_QUEUE, 803 - 99.4 * 0.5);
	assert_ms(&d, SK_PART_REST, 197);
	assert_how(&d, SK_PART_FAULTS,
		   "for 803 ms of the outage, a virtual CPU for 603; "
		   "blocktime of the phase 800 ms");
	assert_false(d.part[SK_PART_BUSY].is_known);
	/* Who sees none of 800 ms is blind. */
	scene_init(&s, 2000, 3103, true);
	add_requests(&s);
	waits.nr = 0;
	s.input.waits = &waits;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_REST, 1000 - 800 * 0.994);
	/* It needs no blocktime. */
	scene_init(&s, 2000, 3103, true);
	s.input.waits = &waits;
	s.blocktime.is_known = false;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_FAULTS, 0);
	assert_ms(&d, SK_PART_REST, 1000);
}

static void test_a_busy_machine_is_told_from_the_rest(void **state)
{
	/* Ready without a processor for 0.06 ms of each ms, with one for 0.5. */
	struct sk_cpu_look looks[] = {
		{BASE + 2050 * MS, 0, 0},
		{BASE + 2100 * MS, 25 * MS, 3 * MS},
		{BASE + 3200 * MS, 575 * MS, 69 * MS},
	};
	struct sk_fault_waits waits = {.is_known = true, .looks = looks, .nr_looks = 3};
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 1999, 2203, false);
	s.input.waits = &waits;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_ANNOUNCE, 3);
	assert_ms(&d, SK_PART_BUSY, 6);
	assert_ms(&d, SK_PART_REST, 94);
	assert_how(&d, SK_PART_REST, "the virtual CPU computed for 50 ms");
	/* Not looked at until the end. */
	scene_init(&s, 1999, 3300, false);
	s.input.waits = &waits;
	decompose(&s, &d);
	assert_false(d.part[SK_PART_BUSY].is_known);
	assert_ms(&d, SK_PART_REST, 1197);
	/* Not more than there is. */
	looks[2].waited_ns = 9000 * MS;
	scene_init(&s, 1999, 2203, false);
	s.input.waits = &waits;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_BUSY, 100);
	assert_ms(&d, SK_PART_REST, 0);
}

static void test_a_limit_makes_each_page_dearer(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 2000, 3103, true);
	add_requests(&s);
	s.input.bandwidth_bits = 4096 * 8 * 1000; /* a page takes 1 ms */
	decompose(&s, &d);
	assert_ms(&d, SK_PART_FAULTS, 99.4 * 1.5);
}

static void test_an_outage_that_ends_early_gets_its_share(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	/* 20 of 100 pages: 160 ms of 800, but 100 ms are all there is. */
	scene_init(&s, 2103, 2203, true);
	add_requests(&s);
	decompose(&s, &d);
	assert_ms(&d, SK_PART_STOP, 0);
	assert_how(&d, SK_PART_BEFORE, "began after the stop");
	assert_ms(&d, SK_PART_ANNOUNCE, 0);
	assert_ms(&d, SK_PART_FAULTS, 10);
	assert_ms(&d, SK_PART_QUEUE, 90);
	assert_ms(&d, SK_PART_REST, 0);
	/* What does not fit into the rest of the phase was in the outage. */
	scene_init(&s, 2103, 5900, true);
	s.blocktime.total_ns = 3800 * MS;
	decompose(&s, &d);
	assert_true(d.part[SK_PART_FAULTS].ns + d.part[SK_PART_QUEUE].ns >= 3697 * MS);
}

static void test_the_set_up_is_told_from_the_stop(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 999, 1310, false);
	decompose(&s, &d);
	assert_ms(&d, SK_PART_SETUP, 300);
	assert_ms(&d, SK_PART_BEFORE, 11);
	assert_how(&d, SK_PART_BEFORE, "all of the outage lies before the stop");
	assert_ms(&d, SK_PART_STOP, 0);
	assert_ms(&d, SK_PART_ANNOUNCE, 0);
	assert_ms(&d, SK_PART_REST, 0);
}

static void test_what_is_not_known_is_in_the_rest(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 2000, 3103, true);
	s.blocktime = (struct sk_blocktime){.why = "no second monitor"};
	s.announcements = (struct sk_announcements){.why = "not permitted"};
	decompose(&s, &d);
	assert_false(d.part[SK_PART_ANNOUNCE].is_known);
	assert_how(&d, SK_PART_ANNOUNCE, "not known: not permitted");
	assert_false(d.part[SK_PART_FAULTS].is_known);
	assert_how(&d, SK_PART_FAULTS, "not known: no second monitor");
	assert_false(d.part[SK_PART_QUEUE].is_known);
	assert_ms(&d, SK_PART_REST, 1003);

	scene_init(&s, 2000, 3103, true); /* no statistics: no pages */
	s.verdict.postcopy_requests = 0;
	decompose(&s, &d);
	assert_ms(&d, SK_PART_FAULTS, 800);
	assert_false(d.part[SK_PART_QUEUE].is_known);

	scene_init(&s, 2000, 2102, true); /* the reply came before the announcement */
	decompose(&s, &d);
	assert_false(d.part[SK_PART_ANNOUNCE].is_known);

	scene_init(&s, 2000, 3103, true);
	s.verdict.has_vcpu = false;
	decompose(&s, &d);
	assert_false(d.part[SK_PART_STOP].is_known);
	assert_ms(&d, SK_PART_REST, 1103);
}

static void test_without_a_probe_there_is_nothing_to_cut(void **state)
{
	struct sk_decomposition d;
	struct scene s;

	(void)state;
	scene_init(&s, 2000, 2000, true);
	s.verdict.has_client = false;
	sk_decompose(&s.input, &d);
	assert_false(d.is_known);
	assert_null(sk_decomposition_json(&d));
	sk_timeline_free(s.timeline);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Whatever the marks are, even against all sense: decompose() asserts that the parts are the whole. */
static void test_parts_are_the_whole_of_any_outage(void **state)
{
	uint64_t seed = 88172645463325252ull;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		double from = (double)(next_random(&seed) % 7000);
		struct sk_decomposition d;
		struct scene s;

		scene_init(&s, from, from + (double)(next_random(&seed) % 5000),
			   next_random(&seed) % 2);
		if (next_random(&seed) % 2)
			add_requests(&s);
		s.blocktime.total_ns = next_random(&seed) % (9000 * MS);
		s.verdict.stop_ns = BASE + next_random(&seed) % (7000 * MS);
		s.verdict.resume_ns = BASE + next_random(&seed) % (7000 * MS);
		s.verdict.completed_ns = BASE + next_random(&seed) % (7000 * MS);
		s.verdict.active_ns = BASE + next_random(&seed) % (7000 * MS);
		s.verdict.has_vcpu = next_random(&seed) % 8;
		s.verdict.before.p50_us = next_random(&seed) % 4
						  ? (double)(next_random(&seed) % 9000)
						  : NAN;
		decompose(&s, &d);
	}
}

static void test_json_names_each_part(void **state)
{
	sk_auto(sk_json_free) struct sk_json *run = sk_json_new_object();
	struct sk_decomposition d;
	struct scene s;
	double sum = 0;

	(void)state;
	scene_init(&s, 1999.5, 2140, false);
	s.announcements.is_known = false;
	decompose(&s, &d);
	(void)sk_json_set(run, "decomposition", sk_decomposition_json(&d));
	assert_int_equal(sk_json_len(sk_json_get(run, "decomposition")), SK_NR_PARTS);
	for (unsigned int i = 0; i < SK_NR_PARTS; i++) {
		double ms = sk_part_ms(run, sk_part_name((enum sk_part)i));

		sum += isnan(ms) ? 0 : ms;
	}
	assert_true(fabs(sum - 140.5) < 1e-9);
	assert_true(sk_part_ms(run, "stop") == 100);
	assert_true(isnan(sk_part_ms(run, "announce")));
	assert_true(isnan(sk_part_ms(run, "nonsense")));
	assert_null(sk_part_find(NULL, "stop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pre_copy_is_stop_announcement_and_rest),
		cmocka_unit_test(test_announcements_of_others_are_passed_over),
		cmocka_unit_test(test_post_copy_has_faults_and_what_queued_them),
		cmocka_unit_test(test_what_was_seen_goes_before_what_qemu_sums_up),
		cmocka_unit_test(test_a_busy_machine_is_told_from_the_rest),
		cmocka_unit_test(test_a_limit_makes_each_page_dearer),
		cmocka_unit_test(test_an_outage_that_ends_early_gets_its_share),
		cmocka_unit_test(test_the_set_up_is_told_from_the_stop),
		cmocka_unit_test(test_what_is_not_known_is_in_the_rest),
		cmocka_unit_test(test_without_a_probe_there_is_nothing_to_cut),
		cmocka_unit_test(test_parts_are_the_whole_of_any_outage),
		cmocka_unit_test(test_json_names_each_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
