/* SPDX-License-Identifier: Apache-2.0 */
/* stats - order statistics: quantiles, medians and differences with intervals, bootstrap */
#ifndef SK_STATS_H
#define SK_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/** struct sk_stats_difference - How much larger the values of one group are than those of another */
struct sk_stats_difference {
	double estimate;
	struct sk_stats_interval interval;
	bool is_exact; /* else the coverage is that of the normal approximation */
};
/**
 * sk_stats_difference() - Hodges-Lehmann difference of two groups
 * @a:		@na values
 * @b:		@nb values
 * @level:	Wanted coverage, such as 0.95
 *
 * The median of all differences a - b. Its interval lies between those of their order
 * statistics that the distribution of Mann and Whitney's U gives: exact up to 10,000 pairs,
 * beyond by the normal approximation. With few values the extremes, with the coverage they
 * have. No assumption but that both distributions have one shape.
 * Source: Hodges and Lehmann, Annals of Mathematical Statistics 34 (1963).
 * Return: 0; -EINVAL for an empty group; -E2BIG beyond 4,000,000 pairs; -ENOMEM
 */
int sk_stats_difference(const double *a, size_t na, const double *b, size_t nb,
			double level, struct sk_stats_difference *ret);

/** struct sk_stats_resample - What to estimate from resampled units, and how often */
struct sk_stats_resample {
	size_t n; /* units, such as runs */
	/** The figure of the units whose indices are chosen, @n of them, some more than once */
	double (*figure)(const size_t *chosen, size_t n, void *ctx);
	void *ctx;
	size_t rounds;
	uint64_t seed; /* the same seed gives the same interval */
	double level;
};
/**
 * sk_stats_bootstrap() - Interval of any figure, by drawing units with replacement
 * @resample:	At least one unit and one round
 * @ret:	Quantiles of the figure over the rounds; the coverage is the wanted one and only
 *		approached, from below with few units. A figure of NaN is passed over
 *
 * Source: Efron, Annals of Statistics 7 (1979); the percentile method.
 * Return: 0; -EINVAL; -ENODATA when every figure was NaN; -ENOMEM
 */
int sk_stats_bootstrap(const struct sk_stats_resample *resample,
		       struct sk_stats_interval *ret);

#endif
