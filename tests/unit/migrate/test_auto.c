// SPDX-License-Identifier: Apache-2.0
/* test_auto - what auto chooses for a prediction, and how it steers a job, against a fake */
#include "migrate/strategy/auto.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/migrate/fake_vm.h"

#define MS SK_NS_PER_MS

static struct sk_vm *running; /* whose clock it is */

static uint64_t fake_now(void)
{
	return fake_clock(running);
}

/* 256 MiB guest, 150 MB not zero, 32 MB/s cap, 300 MB/s link; all known exactly. */
static struct sk_prediction guest(double write_bps, double working_set)
{
	struct sk_prediction p = {.input = {
					  .memory_bytes = 256e6,
					  .nonzero = sk_range_of(150e6),
					  .tail = sk_range_of(5e6),
					  .write_bps = sk_range_of(write_bps),
					  .working_set = sk_range_of(working_set),
					  .link_bps = sk_range_of(300e6),
					  .postcopy_link_bps = sk_range_of(300e6),
					  .cap_bps = 32e6,
					  .downtime_s = 0.3,
					  .warm = 2.5,
				  }};

	for (int mode = 0; mode < SK_MODEL_MODES; mode++)
		p.input.mode[mode] =
			(struct sk_model_mode){.floor_s = sk_range_of(0.02),
					       .network_s = sk_range_of(0.03)};
	p.input.mode[SK_MODE_POST_COPY].wait = sk_range_of(0.5);
	p.input.mode[SK_MODE_HYBRID].wait = sk_range_of(0.2);
	sk_predict_again(&p);
	return p;
}

static int choose(const struct sk_prediction *p, const char *slo, const char *risk,
		  struct sk_autopilot *ret, struct sk_err *err)
{
	struct sk_migrate_opts opts = {.mode = SK_MODE_AUTO};

	*err = SK_ERR_INIT;
	if (slo)
		assert_int_equal(sk_slo_parse(slo, &opts.slo, NULL), 0);
	assert_int_equal(sk_risk_parse(risk, &opts.risk, NULL), 0);
	return sk_auto_choose(p, &opts, ret, err);
}

static const struct sk_candidate *chosen(const struct sk_autopilot *a)
{
	return &a->candidates[a->chosen];
}

static void test_an_idle_guest_moves_by_pre_copy(void **state)
{
	struct sk_prediction p = guest(0, 0);
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	assert_int_equal(choose(&p, "outage=100ms,total=30s,bytes=2x", "any", &a, &err),
			 0);
	assert_int_equal(chosen(&a)->mode, SK_MODE_PRE_COPY);
	assert_int_equal(chosen(&a)->fit, SK_FIT_SURE);
	assert_true(chosen(&a)->margin > 0);
}

static void test_a_writer_faster_than_the_link_moves_by_hybrid(void **state)
{
	struct sk_prediction p = guest(60e6, 100e6);
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	/* Without the cap it is hardly faster: no last pass of 100 MB fits the outage. */
	p.input.link_bps = sk_range_of(40e6);
	assert_int_equal(choose(&p, "outage=800ms,total=20s", "any", &a, &err), 0);
	assert_int_equal(chosen(&a)->mode, SK_MODE_HYBRID);
	assert_false(a.candidates[0].out.converges);
	assert_int_equal(a.candidates[0].fit, SK_FIT_NOT);
}

static void test_no_risk_takes_a_longer_downtime_instead(void **state)
{
	struct sk_prediction p = guest(60e6, 80e6);
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	/* 850 ms less floor and network: 800 ms at 300 MB/s are as much as 7.5 s at 32 MB/s, and the
	 * working set goes over at once. */
	assert_int_equal(choose(&p, "outage=1s,total=20s", "no-post-copy", &a, &err), 0);
	assert_int_equal(chosen(&a)->mode, SK_MODE_PRE_COPY);
	assert_in_range(chosen(&a)->max_downtime_ms, 7499, 7500);
	for (size_t i = 0; i < a.nr; i++)
		assert_true(a.candidates[i].mode == SK_MODE_PRE_COPY ||
			    a.candidates[i].mode == SK_MODE_STOP_AND_COPY);
}

static void test_what_none_keeps_to_is_refused_with_the_nearest(void **state)
{
	struct sk_prediction p = guest(60e6, 100e6);
	struct sk_migrate_opts opts = {.mode = SK_MODE_AUTO, .best_effort = true};
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	assert_int_equal(choose(&p, "outage=1ms", "any", &a, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "no way to migrate is predicted to keep to the "
					"objective; nearest: "));
	assert_non_null(strstr(err.hint, "--best-effort"));
	assert_int_equal(sk_slo_parse("outage=1ms", &opts.slo, NULL), 0);
	assert_int_equal(sk_auto_choose(&p, &opts, &a, &err), 0);
	assert_non_null(strstr(a.why, "none keeps to the objective; nearest: "));
}

static void test_options_of_the_transfer_rule_out_post_copy(void **state)
{
	struct sk_prediction p = guest(0, 0);
	struct sk_migrate_opts opts = {.mode = SK_MODE_AUTO,
				       .transfer = {.p2p = true, .tunnelled = true}};
	struct sk_autopilot a;

	(void)state;
	assert_int_equal(sk_auto_choose(&p, &opts, &a, NULL), 0);
	assert_false(a.can_postcopy);
	for (size_t i = 0; i < a.nr; i++)
		assert_true(a.candidates[i].mode != SK_MODE_POST_COPY &&
			    a.candidates[i].mode != SK_MODE_HYBRID);
}

/* ---- A running job ------------------------------------------------------------------- */

#define TOTAL	       256000000u

#define NOTE(at, what) .kind = SK_VM_NOTE_##what, .job.real_ns = (at)*MS + 1
#define ACTIVE(at)                                                                       \
	{                                                                                \
		NOTE(at, ACTIVE)                                                         \
	}
#define PASS(at, n)                                                                      \
	{                                                                                \
		NOTE(at, PASS), .value = (n)                                             \
	}
#define ENDED(at)                                                                        \
	{                                                                                \
		NOTE(at, ENDED)                                                          \
	}
#define STATS(at, pass, sent, left)                                                      \
	{                                                                                \
		NOTE(at, PROGRESS),                                                      \
			.job.memory_total = TOTAL, .job.memory_processed = (sent),       \
			.job.memory_remaining = (left), .job.iteration = (pass),         \
			.job.dirty_rate = 15000, .job.page_size = 4096                   \
	}

#define FAKE(script)                                                                     \
	{                                                                                \
		.notes = (script), .here = SK_VM_RUNNING, .there = SK_VM_GONE,           \
		.ends_on_abort = true                                                    \
	}

/* Begins as predicted; then the guest writes more than can be sent. */
static const struct sk_vm_note worse[] = {
	ACTIVE(1),
	PASS(2, 1),
	STATS(100, 1, 3000000, 250000000),
	STATS(4600, 1, 147000000, 9000000),
	PASS(4700, 2),
	STATS(4700, 2, 150000000, 100000000),
	STATS(7700, 2, 246000000, 9000000),
	PASS(7800, 3),
	STATS(7800, 3, 250000000, 101000000),
	STATS(7900, 3, 253000000, 98000000),
	STATS(10500, 3, 343000000, 9000000),
	PASS(10600, 4),
	STATS(10600, 4, 346000000, 102000000),
	STATS(10700, 4, 349000000, 99000000),
	ENDED(14000),
};

static int run(struct sk_vm *vm, struct sk_autopilot *a, struct sk_timeline *timeline,
	       struct sk_err *err)
{
	struct sk_session session = {
		.ops = &fake,
		.vm = vm,
		.strategy = sk_auto_strategy(a),
		.guest = "g1",
		.automatic = a,
		.timeline = timeline,
		.clock = fake_clock,
	};

	*err = SK_ERR_INIT;
	running = vm;
	a->now = fake_now;
	sk_auto_apply(a, &session.transfer);
	return sk_session_run(&session, err);
}

static void test_a_broken_prediction_raises_the_downtime_then_switches(void **state)
{
	struct sk_prediction p = guest(1e6, 5e6);
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	struct sk_vm vm = FAKE(worse);
	const struct sk_event *events;
	struct sk_autopilot a;
	struct sk_err err;
	size_t n;

	(void)state;
	assert_int_equal(choose(&p, "outage=120ms,total=60s", "any", &a, &err), 0);
	assert_int_equal(chosen(&a)->mode, SK_MODE_PRE_COPY);
	assert_int_equal(run(&vm, &a, timeline, &err), 0);
	assert_true(vm.job.live);
	assert_true(vm.job.postcopy);
	/* 102 ms less floor and network: 52 ms, at a link that is 9.4 times the cap. */
	assert_int_equal(vm.max_downtime_ms, 487);
	assert_int_equal(vm.nr_postcopy, 1);
	assert_int_equal(a.nr_changes, 2);
	assert_non_null(strstr(a.changes[0].text, "a downtime of 487 ms is allowed"));
	assert_non_null(strstr(a.changes[1].text, "post-copy from here on"));
	events = sk_timeline_events(timeline, &n);
	assert_int_equal(n, 2);
	assert_string_equal(events[0].detail, "pre-copy");
	assert_string_equal(events[1].detail, "hybrid");
}

static void test_the_deadline_ends_what_may_not_switch(void **state)
{
	struct sk_prediction p = guest(1e6, 5e6);
	struct sk_vm vm = FAKE(worse);
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	assert_int_equal(choose(&p, "outage=120ms,total=10s", "no-post-copy", &a, &err),
			 0);
	assert_int_equal(run(&vm, &a, NULL, &err), -ETIME);
	assert_int_equal(vm.nr_postcopy, 0);
	assert_int_equal(vm.nr_abort, 1);
	assert_false(vm.job.postcopy);
	assert_non_null(strstr(err.msg,
			       "guest 'g1' still runs at the source: the deadline "
			       "of 10 s has passed"));
	assert_non_null(strstr(err.msg, "will not converge"));
}

static void test_the_deadline_is_met_by_post_copy_where_it_may(void **state)
{
	struct sk_prediction p = guest(1e6, 5e6);
	struct sk_vm vm = FAKE(worse);
	struct sk_autopilot a;
	struct sk_err err;

	(void)state;
	assert_int_equal(choose(&p, "total=8s", "any", &a, &err), 0);
	a.chosen = 0; /* pre-copy, whatever has more margin */
	a.course = SK_MODE_PRE_COPY;
	assert_int_equal(run(&vm, &a, NULL, &err), 0);
	assert_int_equal(vm.nr_postcopy, 1);
	assert_non_null(strstr(a.changes[0].text, "the deadline is near"));
	assert_int_equal(a.course, SK_MODE_HYBRID);
}

static void test_what_was_done_is_in_the_record(void **state)
{
	struct sk_prediction p = guest(1e6, 5e6);
	struct sk_vm vm = FAKE(worse);
	struct sk_autopilot a;
	struct sk_err err;
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	(void)state;
	assert_int_equal(choose(&p, "outage=120ms", "any", &a, &err), 0);
	assert_int_equal(run(&vm, &a, NULL, &err), 0);
	json = sk_auto_json(&a);
	assert_int_equal(sk_json_len(sk_json_get(json, "candidates")), a.nr);
	assert_int_equal(sk_json_int(sk_json_get(json, "chosen"), -1), a.chosen);
	assert_int_equal(sk_json_len(sk_json_get(json, "changes")), 2);
	assert_non_null(strstr(sk_json_str(sk_json_get(json, "why"), ""), "pre-copy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_guest_moves_by_pre_copy),
		cmocka_unit_test(test_a_writer_faster_than_the_link_moves_by_hybrid),
		cmocka_unit_test(test_no_risk_takes_a_longer_downtime_instead),
		cmocka_unit_test(test_what_none_keeps_to_is_refused_with_the_nearest),
		cmocka_unit_test(test_options_of_the_transfer_rule_out_post_copy),
		cmocka_unit_test(
			test_a_broken_prediction_raises_the_downtime_then_switches),
		cmocka_unit_test(test_the_deadline_ends_what_may_not_switch),
		cmocka_unit_test(test_the_deadline_is_met_by_post_copy_where_it_may),
		cmocka_unit_test(test_what_was_done_is_in_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
