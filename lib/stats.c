// SPDX-License-Identifier: Apache-2.0
/* stats - order statistics: quantiles, medians with exact confidence intervals */
#include "lib/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void sk_stats_sort(double *values, size_t n)
{
	if (n > 1)
		qsort(values, n, sizeof(*values), compare);
}

double sk_stats_quantile(const double *sorted, size_t n, double q)
{
	double position, below;
	size_t i;

	if (n == 0)
		return NAN;
	position = (double)(n - 1) * fmin(fmax(q, 0), 1);
	below = floor(position);
	i = (size_t)below;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (position - below) * (sorted[i + 1] - sorted[i]);
}

double sk_stats_mean(const double *values, size_t n)
{
	double mean = 0;

	if (n == 0)
		return NAN;
	/* The running mean cannot overflow, where a sum could. */
	for (size_t i = 0; i < n; i++)
		mean += (values[i] - mean) / (double)(i + 1);
	return mean;
}

/*
 * The pair (x[k], x[n-1-k]), from 0, covers the median with 1 - 2 P(B <= k), where B is
 * binomial (n, 1/2). The terms are summed by their logarithms, as 2^-n underflows early.
 */
int sk_stats_median_interval(const double *sorted, size_t n, double level,
			     struct sk_stats_interval *ret)
{
	double log_term = -(double)n * M_LN2, below = exp(log_term), coverage;
	size_t best = 0;

	if (n == 0)
		return -EINVAL;
	coverage = fmax(1 - 2 * below, 0);
	for (size_t k = 1; k < n - k; k++) {
		log_term += log((double)(n - k + 1) / (double)k);
		below += exp(log_term);
		if (1 - 2 * below < level)
			break;
		best = k;
		coverage = 1 - 2 * below;
	}
	*ret = (struct sk_stats_interval){sorted[best], sorted[n - 1 - best], coverage};
	return 0;
}
