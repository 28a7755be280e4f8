// SPDX-License-Identifier: Apache-2.0
/* compare - differences between cells, of one experiment or of several */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/summary.h"

/* What is compared: what a client feels, what it costs. */
static const char *const compared[] = {"downtime", "p99", "total", "bytes", NULL};

/** struct pair - Two cells that are set against each other */
struct pair {
	const struct sk_store *a, *b;
	size_t cell_a, cell_b;
	const char *label, *against;
};

static bool is_apart(const struct sk_stats_difference *d)
{
	return d->interval.coverage >= SK_LEVEL &&
	       (d->interval.low > 0 || d->interval.high < 0);
}

static const char *verdict_of(const struct sk_stats_difference *d)
{
	return !isfinite(d->estimate)		 ? "not measured"
	       : d->interval.coverage < SK_LEVEL ? "too few runs"
	       : !is_apart(d)			 ? "no difference shown"
	       : d->estimate > 0		 ? "more"
						 : "less";
}

static int add_difference(struct sk_json *array, const struct pair *pair,
			  const struct sk_metric *metric, struct sk_err *err)
{
	sk_autofree double *x = NULL, *y = NULL;
	size_t nx = sk_values(pair->a, pair->cell_a, metric, &x);
	size_t ny = sk_values(pair->b, pair->cell_b, metric, &y);
	struct sk_stats_difference d = {.estimate = NAN, .interval = {NAN, NAN, NAN}};
	struct sk_json *one = sk_json_add(array, sk_json_new_object());
	struct sk_estimate of_x, of_y;
	int r;

	r = nx && ny ? sk_stats_difference(x, nx, y, ny, SK_LEVEL, &d) : 0;
	if (r < 0)
		return sk_err_code(err, r, "compare '%s'", pair->label);
	sk_estimate_make(x, nx, &of_x);
	sk_estimate_make(y, ny, &of_y);
	sk_json_set_str(one, "metric", metric->name);
	sk_json_set_str(one, "unit", sk_unit_name(metric->unit));
	sk_json_set_str(one, "label", pair->label);
	sk_json_set_str(one, "against", pair->against);
	sk_json_set_double(one, "a", of_x.median);
	sk_json_set_double(one, "b", of_y.median);
	sk_json_set_double(one, "estimate", d.estimate);
	sk_json_set_double(one, "low", d.interval.low);
	sk_json_set_double(one, "high", d.interval.high);
	sk_json_set_double(one, "coverage", d.interval.coverage);
	sk_json_set_bool(one, "differs", is_apart(&d));
	sk_json_set_str(one, "verdict", verdict_of(&d));
	return 0;
}

/* The objective first. */
static int add_pair(struct sk_json *array, const struct pair *pair, struct sk_err *err)
{
	const struct sk_metric *objective = pair->a->experiment->objective;
	int r = add_difference(array, pair, objective, err);

	for (const char *const *name = compared; r == 0 && *name; name++)
		if (strcmp(*name, objective->name) != 0)
			r = add_difference(array, pair, sk_metric_find(*name), err);
	return r;
}

static int compare_cells(const struct sk_store *store, struct sk_json *array,
			 struct sk_err *err)
{
	sk_autofree char *first = sk_experiment_label(store->experiment, 0);
	int r = 0;

	for (size_t i = 1; r == 0 && i < sk_experiment_cells(store->experiment); i++) {
		sk_autofree char *label = sk_experiment_label(store->experiment, i);
		struct pair pair = {store, store, i, 0, label, first};

		r = label && first ? add_pair(array, &pair, err) : sk_err_oom(err);
	}
	return r;
}

/* Cells are the same when all levels are, whatever the two files call constant. */
static int compare_stores(const struct sk_store *a, const struct sk_store *b,
			  struct sk_json *array, size_t *found, struct sk_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sk_experiment_cells(a->experiment); i++) {
		struct sk_cell mine = sk_experiment_cell(a->experiment, i);

		for (size_t k = 0; r == 0 && k < sk_experiment_cells(b->experiment);
		     k++) {
			struct sk_cell other = sk_experiment_cell(b->experiment, k);
			sk_autofree char *label = NULL;
			struct pair pair = {b, a, k, i, NULL, a->dir};

			if (!sk_cell_equal(a->experiment, &mine, b->experiment, &other))
				continue;
			label = sk_experiment_label(a->experiment, i);
			pair.label = label;
			r = label ? add_pair(array, &pair, err) : sk_err_oom(err);
			(*found)++;
		}
	}
	return r;
}

int sk_experiment_compare(char *const *dirs, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store first = {.dirfd = -1};
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	int r = sk_store_open(dirs[0], &first, err);

	if (r == 0 && !dirs[1])
		r = compare_cells(&first, array, err);
	for (char *const *dir = dirs + 1; r == 0 && dirs[1] && *dir; dir++) {
		sk_auto(sk_store_finish) struct sk_store other = {.dirfd = -1};
		size_t found = 0;

		r = sk_store_open(*dir, &other, err);
		if (r == 0)
			r = compare_stores(&first, &other, array, &found, err);
		if (r == 0 && found == 0)
			r = sk_err_set(
				err, EINVAL,
				"no runs of '%s' have the settings of runs of '%s'", *dir,
				dirs[0]);
	}
	if (r == 0)
		*ret = sk_steal(&array);
	return r;
}
