/* SPDX-License-Identifier: Apache-2.0 */
/* stats - order statistics: quantiles, medians with exact confidence intervals */
#ifndef SK_STATS_H
#define SK_STATS_H

#include <stddef.h>

/** sk_stats_sort() - Sort ascending in place; NaN is not allowed */
void sk_stats_sort(double *values, size_t n);
/**
 * sk_stats_quantile() - Quantile of sorted values, linear between order statistics (type 7 of Hyndman and Fan)
 * @q:	0 to 1
 * Return: the quantile; NaN for n = 0
 */
double sk_stats_quantile(const double *sorted, size_t n, double q);
/** sk_stats_mean() - Arithmetic mean; NaN for n = 0 */
double sk_stats_mean(const double *values, size_t n);

/** struct sk_stats_interval - A confidence interval and the coverage it really has */
struct sk_stats_interval {
	double low, high;
	double coverage; /* 0 to 1 */
};
/**
 * sk_stats_median_interval() - Confidence interval of the median from order statistics
 * @level:	Wanted coverage, such as 0.95
 *
 * The narrowest symmetric pair of order statistics whose binomial coverage reaches @level; when n is
 * too small for it the extremes, with the coverage they have. No assumption on the distribution.
 * Source: Hahn and Meeker, Statistical Intervals, chapter 5.
 * Return: 0, or -EINVAL for n = 0
 */
int sk_stats_median_interval(const double *sorted, size_t n, double level,
			     struct sk_stats_interval *ret);

#endif
