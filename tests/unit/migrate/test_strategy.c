// SPDX-License-Identifier: Apache-2.0
/* test_strategy - what each strategy does on events, against a scripted struct sk_vm_ops */
#include "migrate/strategy/strategy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "migrate/strategy/record.h"
#include "tests/unit/migrate/script.h"

static const struct sk_vm_note good[] = {ACTIVE, PASS(1), PROGRESS, PASS(2), ENDED_WELL};
static const struct sk_vm_note bad[] = {ACTIVE, PASS(1), ENDED_BADLY};

static void test_each_mode_starts_its_kind_of_job(void **state)
{
	static const struct {
		enum sk_mode mode;
		bool live, postcopy;
		int nr_postcopy;
	} cases[] = {
		{SK_MODE_PRE_COPY, true, false, 0},
		{SK_MODE_STOP_AND_COPY, false, false, 0},
		{SK_MODE_POST_COPY, true, true, 1},
		{SK_MODE_HYBRID, true, true, 1},
	};
	struct sk_err err;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_vm vm = {.notes = good};

		assert_int_equal(run(&vm, cases[i].mode, &err), 0);
		assert_true(vm.job.live == cases[i].live);
		assert_true(vm.job.postcopy == cases[i].postcopy);
		assert_int_equal(vm.job.transfer.bandwidth_bits, 256000000);
		assert_int_equal(vm.nr_postcopy, cases[i].nr_postcopy);
		assert_int_equal(vm.nr_abort, 0);
	}
	assert_null(sk_strategy_find(SK_MODE_DEGENERATE));
}

static void test_post_copy_switches_once_when_the_first_pass_starts(void **state)
{
	struct sk_vm vm = {.notes = good};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_postcopy, 1);
	assert_int_equal(vm.postcopy_at, 2); /* behind ACTIVE and PASS(1) */
}

static void test_hybrid_switches_once_after_its_passes(void **state)
{
	static const struct sk_vm_note passes[] = {ACTIVE,   PASS(1),	PROGRESS,
						   PASS(2),  PASS(3),	PASS(4),
						   POSTCOPY, ENDED_WELL};
	struct sk_vm vm = {.notes = passes};
	struct sk_session session = {.ops = &fake,
				     .vm = &vm,
				     .strategy = &sk_hybrid,
				     .guest = "g1",
				     .postcopy_after = 2};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_HYBRID, &err), 0);
	assert_int_equal(vm.nr_postcopy, 1);
	assert_int_equal(vm.postcopy_at, 4);	 /* behind PASS(2): one whole pass */
	assert_int_equal(vm.max_downtime_ms, 1); /* QEMU is not to end it before that */
	vm = (struct sk_vm){.notes = passes};
	session.transfer.max_downtime_ms = 200;
	assert_int_equal(sk_session_run(&session, &err), 0);
	assert_int_equal(vm.nr_postcopy, 1);
	assert_int_equal(vm.postcopy_at, 5);
	assert_int_equal(vm.max_downtime_ms, 0); /* the job has the user's */
}

static int nr_ticks, tick_result;

static int count_tick(struct sk_session *session, struct sk_err *err)
{
	(void)session;
	return ++nr_ticks == 2 && tick_result < 0
		       ? sk_err_set(err, -tick_result, "the deadline has passed")
		       : 0;
}

static void test_a_strategy_is_called_every_round_and_may_end_the_job(void **state)
{
	const struct sk_strategy ticking = {.on_tick = count_tick,
					    .on_interrupt = sk_session_abort};
	struct sk_vm vm = {.notes = good, .here = SK_VM_RUNNING, .ends_on_abort = true};
	struct sk_session session = {.ops = &fake,
				     .vm = &vm,
				     .strategy = &ticking,
				     .guest = "g1"};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_session_run(&session, &err), 0);
	assert_int_equal(nr_ticks, 4); /* not after the last note */
	nr_ticks = 0;
	tick_result = -ETIME;
	vm.next = 0;
	assert_int_equal(sk_session_run(&session, &err), -ETIME);
	assert_string_equal(
		err.msg, "guest 'g1' still runs at the source: the deadline has passed");
	assert_int_equal(vm.nr_abort, 1);
}

static void test_post_copy_that_cannot_switch_is_given_up(void **state)
{
	struct sk_vm vm = {.notes = good,
			   .postcopy_result = -ENOTSUP,
			   .ends_on_abort = true,
			   .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -ENOTSUP);
	assert_string_equal(
		err.msg, "guest 'g1' still runs at the source: switch to post-copy: no");
	assert_int_equal(vm.nr_abort, 1);
}

static void test_failure_keeps_reason_and_hint(void **state)
{
	struct sk_vm vm = {.notes = bad, .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_PRE_COPY, &err), -EIO);
	assert_string_equal(err.msg,
			    "guest 'g1' still runs at the source: the stream broke");
	assert_string_equal(err.hint, "look at the network");
	assert_int_equal(vm.nr_resume, 0);
}

static void test_a_stopped_guest_is_resumed_at_the_source(void **state)
{
	struct sk_vm vm = {.notes = bad, .here = SK_VM_PAUSED, .there = SK_VM_GONE};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_STOP_AND_COPY, &err), -EIO);
	assert_int_equal(vm.nr_resume, 1);
	assert_non_null(strstr(err.msg, "guest 'g1' still runs at the source"));
}

static void test_no_second_copy_is_started(void **state)
{
	static const struct sk_vm_note broken[] = {ACTIVE, PASS(1), POSTCOPY,
						   ENDED_BADLY};
	struct sk_vm twice = {.notes = bad, .here = SK_VM_PAUSED, .there = SK_VM_RUNNING};
	struct sk_vm split = {.notes = broken, .here = SK_VM_PAUSED, .there = SK_VM_GONE};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&twice, SK_MODE_STOP_AND_COPY, &err), -EIO);
	assert_int_equal(twice.nr_resume, 0);
	assert_non_null(strstr(err.msg, "stands still at the source"));
	assert_int_equal(run(&split, SK_MODE_POST_COPY, &err), -EIO);
	assert_int_equal(split.nr_resume, 0);
	assert_non_null(strstr(err.msg, "guest 'g1' is lost"));
}

static void test_interrupt_aborts_pre_copy_and_tries_until_it_can(void **state)
{
	struct sk_vm vm = {.notes = good,
			   .interrupt_at = 1,
			   .abort_failures = 1,
			   .ends_on_abort = true,
			   .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_PRE_COPY, &err), -ECANCELED);
	assert_int_equal(vm.nr_abort, 2);
	assert_string_equal(
		err.msg,
		"guest 'g1' still runs at the source: the migration was given up, as asked");
}

static void test_interrupt_in_post_copy_is_explained_and_goes_on(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE,   PASS(1),  POSTCOPY,
						  PROGRESS, PROGRESS, ENDED_WELL};
	struct sk_vm vm = {.notes = notes, .interrupt_at = 3};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_abort, 0);
	assert_non_null(strstr(vm.announced, "post-copy cannot be stopped"));
}

static void test_interrupt_before_the_switch_aborts_post_copy(void **state)
{
	struct sk_vm vm = {.notes = good,
			   .interrupt_at = 0,
			   .interrupted = 1,
			   .ends_on_abort = true,
			   .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -ECANCELED);
	assert_int_equal(vm.nr_postcopy, 0);
	assert_int_equal(vm.nr_abort, 1);
}

static void test_a_job_that_stands_still_is_given_up(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,	   PASS(1),	  MOVED(10, 90), QUIET(20),	MOVED(10, 90),
		QUIET(20), MOVED(10, 90), QUIET(20),	 MOVED(10, 90), ENDED_WELL,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .ends_on_abort = true,
			   .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_PRE_COPY, &err), -ETIMEDOUT);
	assert_string_equal(
		err.msg,
		"guest 'g1' still runs at the source: not a byte was transferred for 5 s");
	assert_string_equal(err.hint, "is the network between the hosts cut?");
	assert_int_equal(vm.nr_abort, 1);
	assert_true(vm.now_ns < 6 * SK_NS_PER_S);
}

static void test_a_job_that_does_not_end_is_left_and_said_so(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE, MOVED(10, 90), QUIET(1000),
						  ENDED_WELL};
	struct sk_vm vm = {.notes = notes, .step_ns = ROUND, .here = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_PRE_COPY, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "guest 'g1' still runs at the source, where the "
					"hypervisor has not ended the job yet"));
	assert_true(vm.now_ns < 15 * SK_NS_PER_S);
}

static void test_timeout_does_what_was_asked_for(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE,    PASS(1),	   MOVED(1, 99),
						  QUIET(30), MOVED(2, 98), PASS(2),
						  ENDED_WELL};
	static const struct {
		enum sk_timeout_action action;
		int result, nr_abort, nr_suspend, nr_postcopy;
		enum sk_mode mode;
		const char *course;
	} cases[] = {
		{SK_TIMEOUT_ABORT, -ETIMEDOUT, 1, 0, 0, SK_MODE_PRE_COPY, NULL},
		{SK_TIMEOUT_SUSPEND, 0, 0, 1, 0, SK_MODE_PRE_COPY, "pre-copy"},
		{SK_TIMEOUT_POST_COPY, 0, 0, 0, 1, SK_MODE_PRE_COPY, "post-copy"},
		/* Its second pass comes after the time-out: no switch any more. */
		{SK_TIMEOUT_SUSPEND, 0, 0, 1, 0, SK_MODE_HYBRID, "pre-copy"},
	};
	struct sk_err err;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_timeline_free) struct sk_timeline *timeline =
			sk_timeline_new();
		struct sk_vm vm = {.notes = notes,
				   .timeline = timeline,
				   .step_ns = ROUND,
				   .timeout_ns = 2 * SK_NS_PER_S,
				   .timeout_action = cases[i].action,
				   .ends_on_abort = true,
				   .here = SK_VM_RUNNING};

		const struct sk_event *events;
		size_t n;

		assert_int_equal(run(&vm, cases[i].mode, &err), cases[i].result);
		events = sk_timeline_events(timeline, &n);
		assert_int_equal(n, cases[i].course != NULL);
		if (cases[i].course)
			assert_string_equal(events[0].detail, cases[i].course);
		assert_int_equal(vm.nr_abort, cases[i].nr_abort);
		assert_int_equal(vm.nr_suspend, cases[i].nr_suspend);
		assert_int_equal(vm.nr_postcopy, cases[i].nr_postcopy);
		assert_true(vm.job.postcopy == (cases[i].action == SK_TIMEOUT_POST_COPY ||
						cases[i].mode == SK_MODE_HYBRID));
		if (cases[i].result < 0)
			assert_string_equal(err.msg,
					    "guest 'g1' still runs at the source: not "
					    "done after 2 s, as --timeout allows");
	}
}

static void test_memory_is_verified_only_when_all_agrees(void **state)
{
	static const struct {
		uint64_t sum, corrupt, tick;
		bool has_after, verified;
		const char *why;
	} cases[] = {
		{7, 0, 200, true, true, ""},
		{8, 0, 200, true, false,
		 "the checksum of 64 bytes that nobody writes changed"},
		{7, 3, 200, true, false,
		 "3 pages do not hold what the guest wrote to them"},
		{7, 0, 99, true, false, "the guest's tick went back from 100 to 99"},
		{7, 0, 200, false, false, "no answer"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_memory_check check = {
			.is_wanted = true,
			.has_after = cases[i].has_after,
			.before = {.static_sum = 7, .static_bytes = 64, .tick = 100},
			.after = {.static_sum = cases[i].sum,
				  .corrupt_pages = cases[i].corrupt,
				  .tick = cases[i].tick},
			.why = "no answer",
		};

		assert_true(sk_memory_verify(&check) == cases[i].verified);
		assert_string_equal(check.why, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mode_starts_its_kind_of_job),
		cmocka_unit_test(test_post_copy_switches_once_when_the_first_pass_starts),
		cmocka_unit_test(test_hybrid_switches_once_after_its_passes),
		cmocka_unit_test(
			test_a_strategy_is_called_every_round_and_may_end_the_job),
		cmocka_unit_test(test_post_copy_that_cannot_switch_is_given_up),
		cmocka_unit_test(test_failure_keeps_reason_and_hint),
		cmocka_unit_test(test_a_stopped_guest_is_resumed_at_the_source),
		cmocka_unit_test(test_no_second_copy_is_started),
		cmocka_unit_test(test_interrupt_aborts_pre_copy_and_tries_until_it_can),
		cmocka_unit_test(test_interrupt_in_post_copy_is_explained_and_goes_on),
		cmocka_unit_test(test_interrupt_before_the_switch_aborts_post_copy),
		cmocka_unit_test(test_a_job_that_stands_still_is_given_up),
		cmocka_unit_test(test_a_job_that_does_not_end_is_left_and_said_so),
		cmocka_unit_test(test_timeout_does_what_was_asked_for),
		cmocka_unit_test(test_memory_is_verified_only_when_all_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
