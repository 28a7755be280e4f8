// SPDX-License-Identifier: Apache-2.0
/* test_stats - quantiles and median intervals against values computed elsewhere */
#include "lib/stats.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CLOSE(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void test_sort_orders_ascending(void **state)
{
	double values[] = {2.5, -9, INFINITY, 1, 7, -INFINITY, 1};
	const double sorted[] = {-INFINITY, -9, 1, 1, 2.5, 7, INFINITY};

	(void)state;
	sk_stats_sort(values, 7);
	assert_memory_equal(values, sorted, sizeof(sorted));
}

/*
 * Expected values: exact fractions in Python, h = (n-1)q, x[floor(h)] + (h-floor(h)) * gap;
 * the quartiles agree with statistics.quantiles(method='inclusive').
 */
static void test_quantile_interpolates_as_type_7(void **state)
{
	const double sorted[] = {1, 2.5, 4.25, 7, 9, 11};
	const struct {
		double q, want;
	} cases[] = {{0, 1},	{0.25, 2.9375}, {0.5, 5.625}, {0.75, 8.5},
		     {0.9, 10}, {0.99, 10.9},	{1, 11}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CLOSE(sk_stats_quantile(sorted, 6, cases[i].q), cases[i].want);
}

static void test_quantile_of_nothing_is_nan(void **state)
{
	const double one[] = {3};

	(void)state;
	assert_true(isnan(sk_stats_quantile(one, 0, 0.5)));
	CLOSE(sk_stats_quantile(one, 1, 0.99), 3);
	CLOSE(sk_stats_quantile(one, 1, 7), 3);
}

static void test_mean_of_large_values_does_not_overflow(void **state)
{
	const double large[] = {1.5e308, 1.7e308, 1.3e308}, small[] = {1, 2, 3, 6};

	(void)state;
	assert_true(fabs(sk_stats_mean(large, 3) / 1.5e308 - 1) < 1e-12);
	CLOSE(sk_stats_mean(small, 4), 3);
	assert_true(isnan(sk_stats_mean(small, 0)));
}

/*
 * Expected ranks and coverages: Python, exact fractions, 1 - 2 * sum(comb(n,k) / 2**n for k < l);
 * those for n = 20 and 100 are also the ones of the usual tables (6 and 15; 40 and 61).
 */
static void test_median_interval_has_the_binomial_coverage(void **state)
{
	const struct {
		size_t n, low, high;
		double level, coverage;
	} cases[] = {
		{1, 1, 1, 0.95, 0},
		{2, 1, 2, 0.95, 0.5},
		{5, 1, 5, 0.95, 0.9375},
		{6, 1, 6, 0.95, 0.96875},
		{8, 1, 8, 0.95, 0.9921875},
		{10, 2, 9, 0.95, 0.978515625},
		{10, 1, 10, 0.99, 0.998046875},
		{20, 6, 15, 0.95, 0.9586105346679688},
		{25, 8, 18, 0.95, 0.9567147493362427},
		{25, 6, 20, 0.99, 0.9959226846694946},
		{100, 40, 61, 0.95, 0.9647997997822951},
		{100, 37, 64, 0.99, 0.9933628794840739},
		{1000, 469, 532, 0.95, 0.9537088026395019},
	};
	struct sk_stats_interval interval;
	double ranks[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		ranks[i] = (double)(i + 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(sk_stats_median_interval(ranks, cases[i].n,
							  cases[i].level, &interval),
				 0);
		CLOSE(interval.low, (double)cases[i].low);
		CLOSE(interval.high, (double)cases[i].high);
		assert_true(fabs(interval.coverage - cases[i].coverage) < 1e-9);
	}
}

/* By the normal approximation the half width is 1.96 * sqrt(n) / 2 ranks: 438 for 200,000. */
static void test_median_interval_of_many_values_does_not_underflow(void **state)
{
	static double ranks[200000];
	struct sk_stats_interval interval;

	(void)state;
	for (size_t i = 0; i < 200000; i++)
		ranks[i] = (double)(i + 1);
	assert_int_equal(sk_stats_median_interval(ranks, 200000, 0.95, &interval), 0);
	assert_true(interval.coverage >= 0.95 && interval.coverage < 0.951);
	assert_true(fabs((interval.high - interval.low) / 2 - 438) < 2);
	CLOSE((interval.high + interval.low) / 2, 100000.5);
}

static void test_median_interval_of_nothing_is_refused(void **state)
{
	struct sk_stats_interval interval = {1, 2, 3};

	(void)state;
	assert_int_equal(sk_stats_median_interval(NULL, 0, 0.95, &interval), -EINVAL);
	CLOSE(interval.low, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort_orders_ascending),
		cmocka_unit_test(test_quantile_interpolates_as_type_7),
		cmocka_unit_test(test_quantile_of_nothing_is_nan),
		cmocka_unit_test(test_mean_of_large_values_does_not_overflow),
		cmocka_unit_test(test_median_interval_has_the_binomial_coverage),
		cmocka_unit_test(test_median_interval_of_many_values_does_not_underflow),
		cmocka_unit_test(test_median_interval_of_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
