/* SPDX-License-Identifier: Apache-2.0 */
/* summary - from a folder's runs to the numbers that stand in tables and figures; pure but for reading */
#ifndef SK_SUMMARY_H
#define SK_SUMMARY_H

#include "lib/stats.h"
#include "migrate/experiment/metric.h"
#include "migrate/experiment/store.h"

#define SK_CELL_CONTROL SIZE_MAX /* in place of a cell: the controls */
#define SK_LEVEL	0.95	 /* wanted coverage of all intervals */

/** sk_run_in() - Whether a line is of a run (no warm-up) of this cell, or of a control */
bool sk_run_in(const struct sk_json *run, size_t cell);
/**
 * sk_values() - A metric of all runs of a cell that are ok, in the order run
 * @ret:	Heap; NULL when there are none
 *
 * Return: their number; 0 also without memory
 */
size_t sk_values(const struct sk_store *store, size_t cell,
		 const struct sk_metric *metric, double **ret);
/** sk_count() - Number of runs of a cell with a status; NULL all */
size_t sk_count(const struct sk_store *store, size_t cell, const char *status);
/** struct sk_met - How often the objective of the file was met */
struct sk_met {
	size_t met,
		runs; /* those that failed have missed it, those that were discarded are not in it */
};
/** sk_count_met() - Of a cell's runs */
struct sk_met sk_count_met(const struct sk_store *store, size_t cell);
/** struct sk_estimate - A metric of a cell */
struct sk_estimate {
	size_t n;
	double median, min, max, mean;
	struct sk_stats_interval interval;
};
/** sk_estimate_make() - Of values, which it sorts; all NaN for none */
void sk_estimate_make(double *values, size_t n, struct sk_estimate *ret);
/** sk_summary_make() - See sk_experiment_summary() */
struct sk_json *sk_summary_make(const struct sk_store *store);

#endif
