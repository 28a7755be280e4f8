// SPDX-License-Identifier: Apache-2.0
/* test_recover - a post-copy that breaks, against a scripted struct sk_vm_ops */
#include "migrate/strategy/recover.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/migrate/script.h"

static void test_a_stall_in_post_copy_is_left_to_tcp_until_it_is_dead(void **state)
{
	static const struct sk_vm_note mended[] = {
		ACTIVE,	   PASS(1),	  POSTCOPY,	 MOVED(10, 90), MOVED(10, 90),
		QUIET(30), MOVED(10, 90), MOVED(10, 90), MOVED(50, 50), ENDED_WELL,
	};
	static const struct sk_vm_note dead[] = {
		ACTIVE,	       PASS(1),	      POSTCOPY,	     MOVED(10, 90), MOVED(10, 90),
		MOVED(10, 90), MOVED(10, 90), MOVED(10, 90), MOVED(10, 90), MOVED(10, 90),
		ENDED_BADLY,   QUIET(2),      ENDED_WELL,
	};
	struct sk_vm vm = {.notes = mended, .step_ns = 3 * SK_NS_PER_S};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_string_equal(vm.announced,
			    "no memory follows: is the network between the hosts cut?");
	assert_int_equal(vm.nr_broken, 0);

	vm = (struct sk_vm){.notes = dead,
			    .step_ns = 30 * SK_NS_PER_S,
			    .here = SK_VM_PAUSED,
			    .there = SK_VM_RUNNING};
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_broken, 1);
	assert_int_equal(vm.nr_joined, 1);
}

static void test_a_post_copy_that_broke_is_mended(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,	       PASS(1),	  POSTCOPY,   MOVED(10, 90), QUIET(30),
		MOVED(10, 90), BROKEN,	  QUIET(100), ENDED_BADLY,   QUIET(20),
		ENDED_BADLY,   QUIET(20), ENDED_WELL,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_broken, 1);
	assert_int_equal(vm.nr_joined, 2);
	assert_int_equal(vm.nr_abort, 0);
	assert_int_equal(vm.nr_resume, 0);
}

static void test_a_destination_that_hangs_is_connected_past_libvirt(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,
		PASS(1),
		POSTCOPY,
		MOVED(10, 90),
		QUIET(30),
		MOVED(10, 90),
		BROKEN,
		QUIET(40),
		MOVED(20, 80),
		QUIET(10),
		ENDED_BADLY,
		QUIET(20),
		{.kind = SK_VM_NOTE_MOVED},
		ENDED_BADLY,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .can_rescue = true,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_broken, 1);
	assert_int_equal(vm.nr_rescue, 1);
	assert_int_equal(vm.nr_abort, 0);
}

static void test_a_destination_that_does_not_notice_is_told(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE, PASS(1),   POSTCOPY,	  MOVED(10, 90), MOVED(20, 80),
		BROKEN, QUIET(90), MOVED(30, 70), MOVED(90, 10), ENDED_WELL,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .can_rescue = true,
			   .is_deaf = true,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_broken, 1);
	/* After 2, 4 and 6 s it believes in the old connection, and is then told; after 8 s it waits. */
	assert_int_equal(vm.nr_parted, 1);
	assert_int_equal(vm.nr_rescue, 4);
	assert_string_equal(vm.announced, "connect both hosts anew, past libvirt");
}

static void test_a_guest_lost_in_post_copy_is_not_started_again(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE, PASS(1), POSTCOPY, ENDED_BADLY};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_GONE};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -EIO);
	assert_int_equal(vm.nr_resume, 0);
	assert_int_equal(vm.nr_joined, 0);
	assert_non_null(strstr(err.msg, "guest 'g1' is lost"));
}

static void test_a_second_interrupt_leaves_a_post_copy(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE,   PASS(1),  POSTCOPY,	 PROGRESS,
						  PROGRESS, PROGRESS, ENDED_WELL};
	struct sk_vm vm = {.notes = notes, .interrupt_at = 3, .interrupt_twice_at = 4};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -EINPROGRESS);
	assert_int_equal(vm.nr_abort, 0);
	assert_string_equal(
		err.msg,
		"guest 'g1' runs at the destination, and its memory still follows");
}

static void test_a_libvirtd_that_is_started_anew_is_waited_for(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,	     PASS(1),
		POSTCOPY,    {.kind = SK_VM_NOTE_CLOSED, .value = SK_SIDE_DESTINATION},
		ENDED_BADLY, QUIET(60),
		ENDED_WELL,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .silent_there = 3,
			   .join_failures = 3,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_joined, 4);
	assert_int_equal(vm.nr_resume, 0);
	assert_string_equal(vm.announced, "connect both hosts anew");
}

static void test_a_libvirtd_that_stays_away_leaves_the_rest_to_attach(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE,      PASS(1),	   POSTCOPY,
						  ENDED_BADLY, QUIET(700), ENDED_WELL};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .silent_there = 1000,
			   .join_failures = 1000,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -ETIMEDOUT);
	assert_string_equal(err.msg,
			    "guest 'g1' is at the destination, but not all of its "
			    "memory, and a libvirtd no longer answers");
	assert_string_equal(
		err.hint, "when it is back, see it to its end: skiff migrate attach g1");
	assert_int_equal(vm.nr_resume, 0);
}

static void test_a_copy_that_is_gone_ends_the_wait_for_a_libvirtd(void **state)
{
	static const struct sk_vm_note notes[] = {ACTIVE,      PASS(1),	   POSTCOPY,
						  ENDED_BADLY, QUIET(700), ENDED_WELL};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .silent_there = 2,
			   .join_failures = 1000,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_GONE};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), -EIO);
	assert_non_null(strstr(err.msg, "guest 'g1' is lost"));
	assert_int_equal(vm.nr_resume, 0);
	assert_true(vm.nr_joined <= 3);
}

/* libvirt's calls fail at once, each time: after some seconds both ends are connected past it. */
static void test_a_job_that_libvirt_cannot_resume_is_joined_past_it(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,	    PASS(1),
		POSTCOPY,   ENDED_BADLY,
		QUIET(10),  ENDED_BADLY,
		QUIET(10),  ENDED_BADLY,
		QUIET(10),  ENDED_BADLY,
		QUIET(10),  ENDED_BADLY,
		QUIET(12),  {.kind = SK_VM_NOTE_MOVED},
		QUIET(100), ENDED_BADLY,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = ROUND,
			   .can_rescue = true,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_rescue, 1);
	assert_int_equal(vm.nr_joined, 4);
	assert_string_equal(vm.announced, "connect both hosts anew, past libvirt");
	/* Without a job there is no end of one to wait for. */
	assert_int_equal(vm.notes[vm.next].kind, SILENCE);
}

/* The time that the user gave it is over: in post-copy that must not hide a stall. */
static void test_a_time_out_does_not_keep_a_post_copy_from_being_mended(void **state)
{
	static const struct sk_vm_note notes[] = {
		ACTIVE,	       PASS(1),	      POSTCOPY,	     MOVED(10, 90), MOVED(10, 90),
		MOVED(10, 90), MOVED(10, 90), MOVED(10, 90), MOVED(10, 90), MOVED(10, 90),
		ENDED_BADLY,   QUIET(2),      ENDED_WELL,
	};
	struct sk_vm vm = {.notes = notes,
			   .step_ns = 30 * SK_NS_PER_S,
			   .timeout_ns = 100 * SK_NS_PER_S,
			   .here = SK_VM_PAUSED,
			   .there = SK_VM_RUNNING};
	struct sk_err err;

	(void)state;
	assert_int_equal(run(&vm, SK_MODE_POST_COPY, &err), 0);
	assert_int_equal(vm.nr_broken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_stall_in_post_copy_is_left_to_tcp_until_it_is_dead),
		cmocka_unit_test(test_a_post_copy_that_broke_is_mended),
		cmocka_unit_test(test_a_destination_that_hangs_is_connected_past_libvirt),
		cmocka_unit_test(test_a_destination_that_does_not_notice_is_told),
		cmocka_unit_test(test_a_guest_lost_in_post_copy_is_not_started_again),
		cmocka_unit_test(test_a_second_interrupt_leaves_a_post_copy),
		cmocka_unit_test(test_a_libvirtd_that_is_started_anew_is_waited_for),
		cmocka_unit_test(
			test_a_libvirtd_that_stays_away_leaves_the_rest_to_attach),
		cmocka_unit_test(test_a_copy_that_is_gone_ends_the_wait_for_a_libvirtd),
		cmocka_unit_test(test_a_job_that_libvirt_cannot_resume_is_joined_past_it),
		cmocka_unit_test(
			test_a_time_out_does_not_keep_a_post_copy_from_being_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
