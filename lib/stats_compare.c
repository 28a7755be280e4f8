// SPDX-License-Identifier: Apache-2.0
/* stats_compare - differences of two groups, and intervals by resampling */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/random.h"
#include "lib/stats.h"

#define MAX_EXACT_PAIRS 10000
#define MAX_PAIRS	4000000

/*
 * P(U = u) of groups of @m and @n, for u up to @last. The largest of all values is of the
 * first group with probability m/(m+n), and then exceeds all n of the other:
 * p(m,n,u) = m/(m+n) p(m-1,n,u-n) + n/(m+n) p(m,n-1,u).
 */
static double *u_distribution(size_t m, size_t n, size_t last)
{
	size_t size = last + 1;
	double *rows = calloc((n + 1) * size, sizeof(*rows));

	if (!rows)
		return NULL;
	for (size_t j = 0; j <= n; j++)
		rows[j * size] = 1;
	for (size_t i = 1; i <= m; i++)
		for (size_t j = 1; j <= n; j++) {
			double *now = rows + j * size, *fewer = now - size;
			double share = (double)i / (double)(i + j);

			for (size_t u = size; u-- > 0;)
				now[u] = (u >= j ? share * now[u - j] : 0) +
					 (1 - share) * fewer[u];
		}
	memmove(rows, rows + n * size, size * sizeof(*rows));
	return rows;
}

/* How many of the smallest differences lie below the interval, and what it then covers. */
static int exact_cut(size_t m, size_t n, double level, size_t *ret, double *ret_coverage)
{
	size_t last = m * n / 2, cut = 0;
	sk_autofree double *p = u_distribution(m, n, last);
	double below;

	if (!p)
		return -ENOMEM;
	/* The outermost differences stay inside, also where they cover less than wanted. */
	for (below = p[0]; cut < last && below + p[cut + 1] < (1 - level) / 2; cut++)
		below += p[cut + 1];
	*ret = cut;
	*ret_coverage = fmax(1 - 2 * below, 0);
	return 0;
}

/* The z with P(|Z| <= z) = level. */
static double normal_bound(double level)
{
	double low = 0, high = 40;

	for (int i = 0; i < 80; i++) {
		double middle = (low + high) / 2;

		if (erf(middle / M_SQRT2) < level)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void normal_cut(size_t m, size_t n, double level, size_t *ret)
{
	double pairs = (double)m * (double)n;
	double spread = sqrt(pairs * (double)(m + n + 1) / 12);
	double cut = pairs / 2 - normal_bound(level) * spread;

	*ret = cut > 1 ? (size_t)cut - 1 : 0;
}

int sk_stats_difference(const double *a, size_t na, const double *b, size_t nb,
			double level, struct sk_stats_difference *ret)
{
	struct sk_stats_difference result = {.interval = {.coverage = level}};
	sk_autofree double *gaps = NULL;
	size_t pairs, cut = 0;
	int r = 0;

	if (na == 0 || nb == 0)
		return -EINVAL;
	if (na > MAX_PAIRS / nb)
		return -E2BIG;
	pairs = na * nb;
	gaps = malloc(pairs * sizeof(*gaps));
	if (!gaps)
		return -ENOMEM;
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++)
			gaps[i * nb + j] = a[i] - b[j];
	sk_stats_sort(gaps, pairs);
	result.is_exact = pairs <= MAX_EXACT_PAIRS;
	if (result.is_exact)
		r = exact_cut(na, nb, level, &cut, &result.interval.coverage);
	else
		normal_cut(na, nb, level, &cut);
	if (r < 0)
		return r;
	result.estimate = sk_stats_quantile(gaps, pairs, 0.5);
	result.interval.low = gaps[cut];
	result.interval.high = gaps[pairs - 1 - cut];
	*ret = result;
	return 0;
}

int sk_stats_bootstrap(const struct sk_stats_resample *resample,
		       struct sk_stats_interval *ret)
{
	struct sk_random random = {.state = resample->seed};
	sk_autofree double *figures = NULL;
	sk_autofree size_t *chosen = NULL;
	size_t n = 0;

	if (resample->n == 0 || resample->rounds == 0)
		return -EINVAL;
	figures = malloc(resample->rounds * sizeof(*figures));
	chosen = malloc(resample->n * sizeof(*chosen));
	if (!figures || !chosen)
		return -ENOMEM;
	for (size_t round = 0; round < resample->rounds; round++) {
		double figure;

		for (size_t i = 0; i < resample->n; i++)
			chosen[i] = sk_random_below(&random, resample->n);
		figure = resample->figure(chosen, resample->n, resample->ctx);
		if (!isnan(figure))
			figures[n++] = figure;
	}
	if (n == 0)
		return -ENODATA;
	sk_stats_sort(figures, n);
	*ret = (struct sk_stats_interval){sk_stats_quantile(figures, n,
							    (1 - resample->level) / 2),
					  sk_stats_quantile(figures, n,
							    (1 + resample->level) / 2),
					  resample->level};
	return 0;
}
