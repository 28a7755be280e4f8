// SPDX-License-Identifier: Apache-2.0
/* test_guard - jobs that stand still, fall silent, take too long */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "migrate/strategy/guard.h"

#define S     SK_NS_PER_S
#define STALL (5 * S)

static struct sk_guard started(uint64_t timeout_ns)
{
	struct sk_guard guard = {0};

	sk_guard_start(&guard, timeout_ns, STALL, 100 * S);
	return guard;
}

static void test_a_job_that_was_never_heard_of_is_not_stalled(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	assert_int_equal(sk_guard_look(&guard, 100 * S), SK_GUARD_FINE);
	assert_int_equal(sk_guard_look(&guard, 1000 * S), SK_GUARD_FINE);
}

static void test_bytes_that_move_are_fine_however_slowly(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		sk_guard_hear(&guard, i, 1000 - i, (100 + 4 * i) * S);
		assert_int_equal(sk_guard_look(&guard, (104 + 4 * i) * S), SK_GUARD_FINE);
	}
}

static void test_bytes_that_stop_are_a_stall_at_the_limit(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	for (uint64_t t = 101; t <= 105; t++)
		sk_guard_hear(&guard, 7, 1000, t * S);
	assert_int_equal(sk_guard_look(&guard, 106 * S - 1), SK_GUARD_FINE);
	assert_int_equal(sk_guard_look(&guard, 106 * S), SK_GUARD_STALLED);
	/* It goes on: all is well again. */
	sk_guard_hear(&guard, 8, 999, 107 * S);
	assert_int_equal(sk_guard_look(&guard, 107 * S), SK_GUARD_FINE);
}

static void test_passes_over_zero_pages_move_the_rest_alone(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	sk_guard_hear(&guard, 7, 1000, 101 * S);
	sk_guard_hear(&guard, 7, 900, 105 * S);
	sk_guard_hear(&guard, 7, 900, 109 * S);
	assert_int_equal(sk_guard_look(&guard, 109 * S), SK_GUARD_FINE);
}

static void test_with_nothing_left_to_send_nothing_stalls(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	sk_guard_hear(&guard, 7, 0, 101 * S);
	assert_int_equal(sk_guard_look(&guard, 200 * S), SK_GUARD_FINE);
}

static void test_no_statistics_are_silence_not_a_stall(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	sk_guard_hear(&guard, 7, 1000, 101 * S);
	assert_int_equal(sk_guard_look(&guard, 106 * S), SK_GUARD_SILENT);
	sk_guard_touch(&guard, 106 * S);
	assert_int_equal(sk_guard_look(&guard, 110 * S), SK_GUARD_FINE);
}

static void test_a_touch_before_the_first_statistics_starts_no_clock(void **state)
{
	struct sk_guard guard = started(0);

	(void)state;
	sk_guard_touch(&guard, 101 * S);
	assert_int_equal(sk_guard_look(&guard, 500 * S), SK_GUARD_FINE);
}

static void test_lateness_goes_before_a_stall(void **state)
{
	struct sk_guard guard = started(20 * S);

	(void)state;
	sk_guard_hear(&guard, 7, 1000, 101 * S);
	assert_int_equal(sk_guard_look(&guard, 119 * S), SK_GUARD_SILENT);
	assert_int_equal(sk_guard_look(&guard, 120 * S - 1), SK_GUARD_SILENT);
	assert_int_equal(sk_guard_look(&guard, 120 * S), SK_GUARD_LATE);
}

static void test_lateness_needs_no_statistics(void **state)
{
	struct sk_guard guard = started(3 * S);

	(void)state;
	assert_int_equal(sk_guard_look(&guard, 102 * S), SK_GUARD_FINE);
	assert_int_equal(sk_guard_look(&guard, 103 * S), SK_GUARD_LATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_job_that_was_never_heard_of_is_not_stalled),
		cmocka_unit_test(test_bytes_that_move_are_fine_however_slowly),
		cmocka_unit_test(test_bytes_that_stop_are_a_stall_at_the_limit),
		cmocka_unit_test(test_passes_over_zero_pages_move_the_rest_alone),
		cmocka_unit_test(test_with_nothing_left_to_send_nothing_stalls),
		cmocka_unit_test(test_no_statistics_are_silence_not_a_stall),
		cmocka_unit_test(
			test_a_touch_before_the_first_statistics_starts_no_clock),
		cmocka_unit_test(test_lateness_goes_before_a_stall),
		cmocka_unit_test(test_lateness_needs_no_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
