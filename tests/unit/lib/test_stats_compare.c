// SPDX-License-Identifier: Apache-2.0
/* test_stats_compare - differences and resampling against values computed elsewhere
 *
 * Expected differences: R 4.2, wilcox.test(a, b, conf.int = TRUE, conf.level = level, exact = TRUE)
 * for estimate and interval; the coverage is 1 - 2 * pwilcox(k - 1, na, nb) with
 * k = max(1, qwilcox((1 - level) / 2, na, nb)). Expected intervals by resampling: the same
 * procedure written in Python 3.11 (integers of any size, statistics.median, sorted()).
 * Both scripts stand in tests/data/stats.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/random.h"
#include "lib/stats.h"

#define CLOSE(a, b) assert_true(fabs((a) - (b)) < 1e-10)

static double a[] = {212.4, 198.1, 231.7, 205.2, 220.9, 199.8, 240.3, 210.0};
static const double b[] = {143.2, 139.9, 151.4, 147.3, 131.8, 170.6, 141.1};
static const double c[] = {61.2, 64.9, 58.3, 70.1, 66.6};
static const double d[] = {60.4, 66.1, 59.0, 72.2, 63.7};
static const double e[] = {1.5, 2.25, 9};
static const double f[] = {1, 4};

#define N(group) (sizeof(group) / sizeof(*(group)))

static void test_difference_is_that_of_r(void **state)
{
	const struct {
		const double *x, *y;
		size_t nx, ny;
		double level, estimate, low, high, coverage;
	} cases[] = {
		{a, b, N(a), N(b), 0.95, 67.4, 53.8, 88.5, 0.95990675990675989},
		{a, b, N(a), N(b), 0.8, 67.4, 58.6, 78.2, 0.81072261072261065},
		{c, d, N(c), N(d), 0.95, 0.5, -7.8, 7.6, 0.96825396825396826},
		{c, d, N(c), N(d), 0.99, 0.5, -13.9, 11.1, 0.99206349206349209},
		{e, f, N(e), N(f), 0.95, 0.875, -2.5, 8, 0.8},
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct sk_stats_difference got;

		assert_int_equal(sk_stats_difference(cases[i].x, cases[i].nx, cases[i].y,
						     cases[i].ny, cases[i].level, &got),
				 0);
		assert_true(got.is_exact);
		CLOSE(got.estimate, cases[i].estimate);
		CLOSE(got.interval.low, cases[i].low);
		CLOSE(got.interval.high, cases[i].high);
		CLOSE(got.interval.coverage, cases[i].coverage);
	}
}

static void test_difference_of_swapped_groups_is_mirrored(void **state)
{
	struct sk_stats_difference one, other;

	(void)state;
	assert_int_equal(sk_stats_difference(a, N(a), d, N(d), 0.95, &one), 0);
	assert_int_equal(sk_stats_difference(d, N(d), a, N(a), 0.95, &other), 0);
	CLOSE(one.estimate, -other.estimate);
	CLOSE(one.interval.low, -other.interval.high);
	CLOSE(one.interval.coverage, other.interval.coverage);
}

/* At 99 by 101 values the exact distribution is used, at 101 by 101 the normal one. */
static void test_normal_approximation_follows_the_exact_distribution(void **state)
{
	struct sk_random random = {.state = 7};
	struct sk_stats_difference exact, normal;
	double x[101], y[101];

	(void)state;
	for (size_t i = 0; i < 101; i++) {
		x[i] = (double)sk_random_below(&random, 100000) / 1e3;
		y[i] = (double)sk_random_below(&random, 100000) / 1e3;
	}
	assert_int_equal(sk_stats_difference(x, 99, y, 101, 0.95, &exact), 0);
	assert_int_equal(sk_stats_difference(x, 101, y, 101, 0.95, &normal), 0);
	assert_true(exact.is_exact && !normal.is_exact);
	assert_true(fabs(exact.interval.coverage - 0.95) < 0.001);
	assert_true(fabs((exact.interval.high - exact.interval.low) -
			 (normal.interval.high - normal.interval.low)) < 1);
}

static void test_difference_needs_values(void **state)
{
	struct sk_stats_difference got = {.estimate = 42};

	(void)state;
	assert_int_equal(sk_stats_difference(a, 0, b, N(b), 0.95, &got), -EINVAL);
	assert_int_equal(sk_stats_difference(a, N(a), b, 0, 0.95, &got), -EINVAL);
	assert_int_equal(sk_stats_difference(a, 4000000, b, 2, 0.95, &got), -E2BIG);
	CLOSE(got.estimate, 42);
}

static double median_of(const size_t *chosen, size_t n, void *ctx)
{
	const double *values = ctx;
	double picked[16];

	for (size_t i = 0; i < n; i++)
		picked[i] = values[chosen[i]];
	sk_stats_sort(picked, n);
	return sk_stats_quantile(picked, n, 0.5);
}

static double max_of(const size_t *chosen, size_t n, void *ctx)
{
	const double *values = ctx;
	double max = values[chosen[0]];

	for (size_t i = 1; i < n; i++)
		max = fmax(max, values[chosen[i]]);
	return max;
}

static void test_bootstrap_is_that_of_the_same_seed_elsewhere(void **state)
{
	struct sk_stats_resample resample = {.n = N(a),
					     .figure = median_of,
					     .ctx = a,
					     .rounds = 1000,
					     .seed = 20261122,
					     .level = 0.95};
	struct sk_stats_interval got;

	(void)state;
	assert_int_equal(sk_stats_bootstrap(&resample, &got), 0);
	CLOSE(got.low, 202.5);
	CLOSE(got.high, 230.6275);
	resample.figure = max_of;
	assert_int_equal(sk_stats_bootstrap(&resample, &got), 0);
	CLOSE(got.low, 212.4);
	CLOSE(got.high, 240.3);
}

static double nothing(const size_t *chosen, size_t n, void *ctx)
{
	(void)chosen;
	(void)n;
	(void)ctx;
	return NAN;
}

static void test_bootstrap_of_nothing_is_refused(void **state)
{
	struct sk_stats_resample resample = {.n = 3,
					     .figure = nothing,
					     .rounds = 10,
					     .level = 0.95};
	struct sk_stats_interval got = {.low = 42};

	(void)state;
	assert_int_equal(sk_stats_bootstrap(&resample, &got), -ENODATA);
	resample.n = 0;
	assert_int_equal(sk_stats_bootstrap(&resample, &got), -EINVAL);
	CLOSE(got.low, 42);
}

/* First values of the published reference implementation for the seed 1234567. */
static void test_random_is_splitmix64(void **state)
{
	struct sk_random random = {.state = 1234567};
	size_t seen[3] = {0};

	(void)state;
	assert_true(sk_random_next(&random) == 6457827717110365317u);
	assert_true(sk_random_next(&random) == 3203168211198807973u);
	for (size_t i = 0; i < 3000; i++)
		seen[sk_random_below(&random, 3)]++;
	for (size_t i = 0; i < 3; i++)
		assert_in_range(seen[i], 900, 1100);
	assert_int_equal(sk_random_below(&random, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference_is_that_of_r),
		cmocka_unit_test(test_difference_of_swapped_groups_is_mirrored),
		cmocka_unit_test(
			test_normal_approximation_follows_the_exact_distribution),
		cmocka_unit_test(test_difference_needs_values),
		cmocka_unit_test(test_bootstrap_is_that_of_the_same_seed_elsewhere),
		cmocka_unit_test(test_bootstrap_of_nothing_is_refused),
		cmocka_unit_test(test_random_is_splitmix64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
