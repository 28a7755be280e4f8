// SPDX-License-Identifier: Apache-2.0
/* summary - from a folder's runs to the numbers that stand in tables and figures */
#include "migrate/experiment/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/expr.h"

bool sk_run_in(const struct sk_json *run, size_t cell)
{
	const char *kind = sk_json_str(sk_json_get(run, "kind"), "");

	if (cell == SK_CELL_CONTROL)
		return strcmp(kind, sk_trial_kind_name(SK_TRIAL_CONTROL)) == 0;
	return strcmp(kind, sk_trial_kind_name(SK_TRIAL_RUN)) == 0 &&
	       (size_t)sk_json_int(sk_json_get(run, "cell"), -1) == cell;
}

size_t sk_values(const struct sk_store *store, size_t cell,
		 const struct sk_metric *metric, double **ret)
{
	size_t all = sk_json_len(store->runs), n = 0;
	double *values = calloc(all ? all : 1, sizeof(*values));

	*ret = values;
	for (size_t i = 0; values && i < all; i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		double value = sk_metric_value(metric, sk_json_get(run, "result"));

		if (sk_run_in(run, cell) && sk_run_is(run, "ok") && isfinite(value))
			values[n++] = value;
	}
	return n;
}

size_t sk_count(const struct sk_store *store, size_t cell, const char *status)
{
	size_t n = 0;

	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);

		n += sk_run_in(run, cell) && (!status || sk_run_is(run, status));
	}
	return n;
}

struct sk_met sk_count_met(const struct sk_store *store, size_t cell)
{
	struct sk_met met = {0, 0};

	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);

		if (!sk_run_in(run, cell) || sk_run_is(run, "discarded"))
			continue;
		met.runs++;
		met.met += sk_run_is(run, "ok") &&
			   sk_json_bool(sk_json_path(run, "result.slo.met"), false);
	}
	return met;
}

void sk_estimate_make(double *values, size_t n, struct sk_estimate *ret)
{
	*ret = (struct sk_estimate){n, NAN, NAN, NAN, NAN, {NAN, NAN, NAN}};
	if (n == 0)
		return;
	sk_stats_sort(values, n);
	ret->median = sk_stats_quantile(values, n, 0.5);
	ret->min = values[0];
	ret->max = values[n - 1];
	ret->mean = sk_stats_mean(values, n);
	(void)sk_stats_median_interval(values, n, SK_LEVEL, &ret->interval);
}

static struct sk_json *metric_json(const struct sk_store *store, size_t cell,
				   const struct sk_metric *metric)
{
	sk_autofree double *values = NULL;
	size_t n = sk_values(store, cell, metric, &values);
	struct sk_json *json = sk_json_new_object();
	struct sk_estimate e;

	sk_estimate_make(values, n, &e);
	sk_json_set_str(json, "name", metric->name);
	sk_json_set_str(json, "unit", sk_unit_name(metric->unit));
	sk_json_set_uint(json, "n", n);
	sk_json_set_double(json, "median", e.median);
	sk_json_set_double(json, "low", e.interval.low);
	sk_json_set_double(json, "high", e.interval.high);
	sk_json_set_double(json, "coverage", e.interval.coverage);
	sk_json_set_double(json, "min", e.min);
	sk_json_set_double(json, "max", e.max);
	return json;
}

static struct sk_json *cell_json(const struct sk_store *store, size_t cell)
{
	struct sk_json *json = sk_json_new_object(), *list;
	sk_autofree char *label = cell == SK_CELL_CONTROL
					  ? strdup("control (no migration)")
					  : sk_experiment_label(store->experiment, cell);

	sk_json_set_str(json, "label", label);
	sk_json_set_uint(json, "runs", sk_count(store, cell, NULL));
	sk_json_set_uint(json, "ok", sk_count(store, cell, "ok"));
	sk_json_set_uint(json, "failed", sk_count(store, cell, "failed"));
	sk_json_set_uint(json, "discarded", sk_count(store, cell, "discarded"));
	if (store->experiment->slo_text && cell != SK_CELL_CONTROL) {
		struct sk_met met = sk_count_met(store, cell);

		list = sk_json_set(json, "slo", sk_json_new_object());
		sk_json_set_uint(list, "met", met.met);
		sk_json_set_uint(list, "runs", met.runs);
	}
	list = sk_json_set(json, "metrics", sk_json_new_array());
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		(void)sk_json_add(list, metric_json(store, cell, metric));
	return json;
}

static bool is_warmup(const struct sk_json *run)
{
	return sk_str_equal(sk_json_str(sk_json_get(run, "kind"), ""),
			    sk_trial_kind_name(SK_TRIAL_WARMUP));
}

static void count_all(const struct sk_store *store, struct sk_json *json)
{
	static const char *const statuses[] = {"ok", "failed", "discarded"};
	size_t planned = 0, done = 0;

	for (size_t i = 0; i < store->design.nr; i++)
		planned += store->design.trials[i].kind != SK_TRIAL_WARMUP;
	for (size_t s = 0; s < SK_ARRAY_SIZE(statuses); s++) {
		size_t n = 0;

		for (size_t i = 0; i < sk_json_len(store->runs); i++) {
			const struct sk_json *run = sk_json_at(store->runs, i);

			n += !is_warmup(run) && sk_run_is(run, statuses[s]);
		}
		sk_json_set_uint(json, statuses[s], n);
		done += n;
	}
	sk_json_set_uint(json, "planned", planned);
	sk_json_set_uint(json, "done", done);
	/* What went wrong first is why the rest did, mostly. */
	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		const struct sk_json *why = sk_json_get(run, "why");

		if (why && !is_warmup(run)) {
			sk_json_set_str(json, "why", sk_json_str(why, NULL));
			break;
		}
	}
}

static struct sk_json *head_json(const struct sk_store *store)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "name", store->experiment->name);
	sk_json_set_str(json, "dir", store->dir);
	sk_json_set_str(json, "started",
			sk_json_str(sk_json_get(store->host, "started"), NULL));
	count_all(store, json);
	return json;
}

struct sk_json *sk_summary_make(const struct sk_store *store)
{
	struct sk_json *json = head_json(store), *cells;

	sk_json_set_int(json, "seed", sk_json_int(sk_json_get(store->host, "seed"), 0));
	sk_json_set_str(json, "objective", store->experiment->objective->name);
	if (store->experiment->slo_text)
		sk_json_set_str(json, "slo", store->experiment->slo_text);
	cells = sk_json_set(json, "cells", sk_json_new_array());
	for (size_t i = 0; i < sk_experiment_cells(store->experiment); i++)
		(void)sk_json_add(cells, cell_json(store, i));
	(void)sk_json_set(json, "control",
			  store->experiment->has_control
				  ? cell_json(store, SK_CELL_CONTROL)
				  : NULL);
	return json;
}

int sk_experiment_summary(const char *dir, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	int r = sk_store_open(dir, &store, err);

	if (r == 0)
		*ret = sk_summary_make(&store);
	return r;
}

static struct sk_json *damaged_json(const char *dir, const struct sk_err *why)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "dir", dir);
	sk_json_set_str(json, "damage", why->msg);
	return json;
}

int sk_experiment_list(const char *parent, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	struct sk_json *array;
	int r = sk_fs_list(AT_FDCWD, parent, &names);

	if (r < 0)
		return sk_err_code(err, r, "list '%s'", parent);
	array = sk_json_new_array();
	for (char **name = names; name && *name; name++) {
		sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
		sk_autofree char *dir = sk_strf("%s/%s", parent, *name);
		struct sk_err why = SK_ERR_INIT;

		r = dir ? sk_store_open(dir, &store, &why) : -ENOMEM;
		if (r == 0)
			(void)sk_json_add(array, head_json(&store));
		else if (r != -ENOENT && r != -ENOTDIR)
			(void)sk_json_add(array, damaged_json(dir, &why));
	}
	*ret = array;
	return 0;
}

/** struct place - A cell, for the values of an expression */
struct place {
	const struct sk_store *store;
	size_t cell;
};

static double count_missed(const struct place *at)
{
	struct sk_met met = sk_count_met(at->store, at->cell);

	return at->store->experiment->slo_text ? (double)(met.runs - met.met) : NAN;
}

static double value_at(void *ctx, enum sk_expr_statistic statistic,
		       const struct sk_metric *metric)
{
	const struct place *at = ctx;
	sk_autofree double *values = NULL;
	struct sk_estimate e;
	size_t n;

	if (statistic == SK_EXPR_FAILED)
		return (double)sk_count(at->store, at->cell, "failed");
	if (statistic == SK_EXPR_DISCARDED)
		return (double)sk_count(at->store, at->cell, "discarded");
	if (statistic == SK_EXPR_MISSED)
		return count_missed(at);
	n = sk_values(at->store, at->cell, metric, &values);
	sk_estimate_make(values, n, &e);
	return statistic == SK_EXPR_MIN	   ? e.min
	       : statistic == SK_EXPR_MAX  ? e.max
	       : statistic == SK_EXPR_MEAN ? e.mean
					   : e.median;
}

int sk_experiment_check_expr(const char *expression, struct sk_err *err)
{
	sk_auto(sk_expr_free) struct sk_expr *expr = NULL;

	return sk_expr_parse(expression, &expr, err);
}

int sk_experiment_judge(const char *dir, const char *expression, char **ret_why,
			struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_auto(sk_expr_free) struct sk_expr *expr = NULL;
	sk_autofree char *unknown = NULL;
	int r = sk_expr_parse(expression, &expr, err);

	if (r == 0)
		r = sk_store_open(dir, &store, err);
	for (size_t i = 0; r == 0 && i < sk_experiment_cells(store.experiment); i++) {
		struct place at = {&store, i};
		sk_autofree char *label = sk_experiment_label(store.experiment, i);
		int holds = sk_expr_eval(expr, value_at, &at);

		if (holds == 1) {
			*ret_why = sk_strf("'%s' holds for %s", expression,
					   label ? label : "");
			return *ret_why ? 0 : sk_err_oom(err);
		}
		if (holds < 0 && !unknown)
			unknown = sk_steal(&label);
	}
	if (r < 0)
		return r;
	if (unknown)
		return sk_err_set(
			err, ENODATA,
			"'%s' cannot be judged: %s has no run with such a value",
			expression, unknown);
	*ret_why = NULL;
	return 0;
}
