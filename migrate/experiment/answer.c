// SPDX-License-Identifier: Apache-2.0
/* answer - what came out, in one sentence above all figures */
#include <ctype.h>
#include <stdlib.h>

#include "migrate/experiment/page.h"
#include "migrate/report/html.h"

#define MAX_TOLD 4 /* settings in the sentence; of more the least and the most */

/** struct told - One cell */
struct told {
	char *label;
	double median;
};

static int by_median(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return x->median < y->median ? -1 : x->median > y->median;
}

/* The cells that have a run which was ok, least first; their number. */
static size_t collect(const struct sk_store *store, struct told *ret)
{
	size_t cells = sk_experiment_cells(store->experiment), nr = 0;

	for (size_t i = 0; i < cells; i++) {
		sk_autofree double *values = NULL;
		size_t n = sk_values(store, i, store->experiment->objective, &values);
		struct sk_estimate estimate;

		if (n == 0)
			continue;
		sk_estimate_make(values, n, &estimate);
		ret[nr].median = estimate.median;
		ret[nr].label = sk_cell_label(store, i);
		if (ret[nr].label)
			nr++;
	}
	qsort(ret, nr, sizeof(*ret), by_median);
	return nr;
}

static void add_told(struct sk_str *text, const struct sk_metric *metric,
		     const struct told *told)
{
	char value[SK_FORMAT_SIZE];

	sk_str_addf(text, "%s with %s", sk_metric_text(metric->unit, told->median, value),
		    told->label);
}

void sk_exp_answer(struct sk_str *out, const struct sk_store *store)
{
	const struct sk_metric *metric = store->experiment->objective;
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	sk_autofree struct told *told =
		calloc(sk_experiment_cells(store->experiment), sizeof(*told));
	size_t nr = told ? collect(store, told) : 0;

	sk_str_addf(&text, "%c%s, median of the runs: ", toupper(metric->title[0]),
		    metric->title + 1);
	if (nr > MAX_TOLD) {
		sk_str_add(&text, "from ");
		add_told(&text, metric, &told[0]);
		sk_str_add(&text, " to ");
		add_told(&text, metric, &told[nr - 1]);
	}
	for (size_t i = 0; nr <= MAX_TOLD && i < nr; i++) {
		sk_str_add(&text, i ? "; " : "");
		add_told(&text, metric, &told[i]);
	}
	if (nr)
		sk_html_element(out, "p", "result", "%s.", text.ptr ? text.ptr : "");
	for (size_t i = 0; i < nr; i++)
		free(told[i].label);
	out->failed |= !told;
}
