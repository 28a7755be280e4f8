/* SPDX-License-Identifier: Apache-2.0 */
/* page - the parts of an experiment's page */
#ifndef SK_EXPERIMENT_PAGE_H
#define SK_EXPERIMENT_PAGE_H

#include "lib/str.h"
#include "migrate/experiment/summary.h"

/** struct sk_bins - Response times of a window, counted in steps of 0.9 % */
#define SK_BINS 2048
struct sk_bins {
	uint32_t counts[SK_BINS];
	size_t n;
};
/** sk_bins_add() - Count a response time in µs */
void sk_bins_add(struct sk_bins *bins, double us);
/** sk_bins_value() - Upper end of a bin in µs */
double sk_bins_value(size_t bin);
/** sk_bins_quantile() - Of all requests of @n windows; NaN for none */
double sk_bins_quantile(const struct sk_bins *const *bins, size_t n, double q);

/** sk_cell_css() - Class of a cell's colour; SK_CELL_CONTROL too */
const char *sk_cell_css(size_t cell);
/** sk_cell_label() - Its label, or that of the controls; heap */
char *sk_cell_label(const struct sk_store *store, size_t cell);

/** sk_exp_legend() - A colour and what it stands for; between <p class="legend"> and </p> */
void sk_exp_legend(struct sk_str *out, const char *css, const char *text);
/** sk_exp_typical_run() - The run of a cell whose objective is nearest to the median; NULL for none */
const struct sk_json *sk_exp_typical_run(const struct sk_store *store, size_t cell);

#define SK_EXP_MAX_CURVES 12 /* more cells would not be told apart */

/* Figures return NULL, or why there is none. */

/** sk_exp_answer() - The medians of the objective in one sentence; nothing when no run was ok */
void sk_exp_answer(struct sk_str *out, const struct sk_store *store);
/** sk_exp_strips() - Every run of every cell as a dot, medians and intervals, with their table */
const char *sk_exp_strips(struct sk_str *out, const struct sk_store *store,
			  const struct sk_metric *metric);
/** sk_exp_tail() - Share of requests slower than a time per cell, with intervals of the percentiles */
void sk_exp_tail(struct sk_str *out, const struct sk_store *store);
/** sk_exp_met() - In how many runs the objective was met, per cell */
const char *sk_exp_met(struct sk_str *out, const struct sk_store *store);
/** sk_exp_passes() - The passes of a typical run of each cell, and the threshold for the last */
const char *sk_exp_passes(struct sk_str *out, const struct sk_store *store);
/** sk_exp_parts() - What the client's downtime consists of, per cell */
const char *sk_exp_parts(struct sk_str *out, const struct sk_store *store);
/** sk_exp_predicted() - Measured against predicted, a dot per run */
const char *sk_exp_predicted(struct sk_str *out, const struct sk_store *store);
/** sk_exp_map() - Where pre-copy converges, over two factors */
const char *sk_exp_map(struct sk_str *out, const struct sk_store *store);
/** sk_exp_typical() - Response times over time of a typical run of the first cells */
const char *sk_exp_typical(struct sk_str *out, const struct sk_store *store);
/** sk_exp_runs() - All runs in a table: what was proven of each */
void sk_exp_runs(struct sk_str *out, const struct sk_store *store);

#endif
