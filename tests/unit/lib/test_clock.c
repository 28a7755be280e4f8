// SPDX-License-Identifier: Apache-2.0
/* test_clock - clocks advance, deadlines round up, stamps go both ways */
#include "lib/clock.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static volatile sig_atomic_t nr_alarms;

static void count_alarm(int sig)
{
	(void)sig;
	nr_alarms++;
}

static void test_clocks_advance_and_agree_with_the_kernel(void **state)
{
	uint64_t before = sk_clock_mono();

	(void)state;
	assert_true(sk_clock_mono() >= before);
	assert_true(sk_clock_boot() >= before);
	assert_in_range(sk_clock_real() / SK_NS_PER_S, (uint64_t)time(NULL) - 1,
			(uint64_t)time(NULL) + 1);
}

static void test_sleep_goes_on_after_signals(void **state)
{
	const struct sigaction count = {.sa_handler = count_alarm};
	const struct itimerval every_ms = {{0, 1000}, {0, 1000}},
			       never = {{0, 0}, {0, 0}};
	uint64_t until = sk_clock_mono() + 20 * SK_NS_PER_MS;
	struct sigaction old;

	(void)state;
	assert_return_code(sigaction(SIGALRM, &count, &old), errno);
	assert_return_code(setitimer(ITIMER_REAL, &every_ms, NULL), errno);
	sk_clock_sleep_until(until);
	assert_return_code(setitimer(ITIMER_REAL, &never, NULL), errno);
	assert_true(sk_clock_mono() >= until);
	assert_true(nr_alarms > 0);
	(void)sigaction(SIGALRM, &old, NULL);
}

static void test_sleep_until_the_past_returns(void **state)
{
	(void)state;
	sk_clock_sleep_until(0);
}

static void test_remaining_time_rounds_up_and_ends_at_zero(void **state)
{
	uint64_t now = sk_clock_mono();

	(void)state;
	assert_int_equal(sk_clock_remaining_ms(now), 0);
	assert_int_equal(sk_clock_remaining_ms(0), 0);
	assert_int_equal(sk_clock_remaining_ms(UINT64_MAX), INT_MAX);
	now = sk_clock_mono();
	assert_in_range(sk_clock_remaining_ms(now + 3600 * SK_NS_PER_S), 3590000,
			3600000);
}

static void test_stamps_are_formatted(void **state)
{
	char buf[SK_CLOCK_TEXT_SIZE];

	(void)state;
	assert_string_equal(sk_clock_format(0, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(sk_clock_format(1785000000123999999ull, buf),
			    "2026-07-25T17:20:00.123Z");
	assert_string_equal(sk_clock_format(UINT64_MAX, buf), "2554-07-21T23:34:33.709Z");
}

static void test_stamps_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-07-25T17:20:00.123Z", 1785000000123000000ull},
		{"2026-07-25T17:20:00.123456789Z", 1785000000123456789ull},
		{"2026-07-25T17:20:00.1234567899Z", 1785000000123456789ull},
		{"2026-07-25t19:20:00+02:00", 1785000000000000000ull},
		{"2026-07-25T11:50:00-05:30", 1785000000000000000ull},
		{"2024-02-29T00:00:00Z", 1709164800000000000ull},
		{"2016-12-31T23:59:60Z", 1483228800000000000ull},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint64_t got = 1;

		if (sk_clock_parse(cases[i].text, &got) != 0 || got != cases[i].want)
			fail_msg("'%s' gave %llu", cases[i].text,
				 (unsigned long long)got);
	}
}

static void test_malformed_stamps_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"now",
		"2026-07-25",
		"2026-07-25T17:20:00",
		"2026-07-25 17:20:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-07-25T24:00:00Z",
		"2026-07-25T17:60:00Z",
		"2026-07-25T17:20:61Z",
		"2026-07-25T17:20:00.Z",
		"2026-07-25T17:20:00Zx",
		"2026-07-25T17:20:00+0200",
		"2026-07-25T17:20:00+02:60",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"9999-01-01T00:00:00Z",
		"+026-07-25T17:20:00Z",
		" 2026-07-25T17:20:00Z",
		"2026-7-25T17:20:00Z",
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint64_t got = 42;

		if (sk_clock_parse(cases[i], &got) != -EINVAL || got != 42)
			fail_msg("'%s' was accepted", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks_advance_and_agree_with_the_kernel),
		cmocka_unit_test(test_sleep_goes_on_after_signals),
		cmocka_unit_test(test_sleep_until_the_past_returns),
		cmocka_unit_test(test_remaining_time_rounds_up_and_ends_at_zero),
		cmocka_unit_test(test_stamps_are_formatted),
		cmocka_unit_test(test_stamps_are_read),
		cmocka_unit_test(test_malformed_stamps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
