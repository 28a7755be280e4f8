// SPDX-License-Identifier: Apache-2.0
/* figure_typical - response times over time of the run of each cell that is nearest to its median */
#include <inttypes.h>
#include <math.h>

#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define MAX_TYPICAL 4 /* each is a tenth of a megabyte */

/* The run whose objective is nearest to the median of its cell. */
const struct sk_json *sk_exp_typical_run(const struct sk_store *store, size_t cell)
{
	const struct sk_metric *objective = store->experiment->objective;
	sk_autofree double *values = NULL;
	size_t n = sk_values(store, cell, objective, &values);
	const struct sk_json *best = NULL;
	double nearest = INFINITY;
	struct sk_estimate e;

	sk_estimate_make(values, n, &e);
	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		double far = fabs(sk_metric_value(objective, sk_json_get(run, "result")) -
				  e.median);

		if (sk_run_in(run, cell) && sk_run_is(run, "ok") && far < nearest) {
			nearest = far;
			best = run;
		}
	}
	return best;
}

static void add_typical(struct sk_str *out, const struct sk_store *store,
			const struct sk_json *run, const char *label)
{
	const struct sk_json *result = sk_json_get(run, "result");
	sk_auto(sk_timeline_free) struct sk_timeline *timeline =
		sk_timeline_load(sk_json_get(result, "timeline"));
	sk_autofree struct sk_sample *samples = NULL;
	struct sk_report_input in = {.run = result, .timeline = timeline};
	struct sk_verdict verdict;
	enum sk_mode asked = SK_MODE_PRE_COPY;

	in.probe_start_real_ns =
		(uint64_t)sk_json_int(sk_json_get(result, "probe_start_ns"), 0);
	if (!timeline ||
	    sk_store_samples(store, run, &samples, &in.nr_samples, NULL) < 0 ||
	    sk_mode_parse(sk_json_str(sk_json_path(result, "mode.asked"), ""), &asked,
			  NULL) < 0 ||
	    sk_verdict_make(asked, timeline, samples, in.nr_samples,
			    in.probe_start_real_ns, &verdict) < 0)
		return;
	in.samples = samples;
	in.verdict = &verdict;
	sk_html_element(out, "h2", "typical", "A typical run of %s: run %" PRId64, label,
			sk_json_int(sk_json_get(run, "run"), 0));
	sk_page_timeline(out, &in);
}

const char *sk_exp_typical(struct sk_str *out, const struct sk_store *store)
{
	size_t cells = sk_experiment_cells(store->experiment), shown = 0, left_out = 0;

	for (size_t i = 0; i < cells; i++) {
		const struct sk_json *run = sk_exp_typical_run(store, i);
		sk_autofree char *label = sk_cell_label(store, i);

		if (!run || !label)
			continue;
		if (shown == MAX_TYPICAL) {
			left_out++;
			continue;
		}
		add_typical(out, store, run, label);
		shown++;
	}
	if (left_out)
		sk_html_element(out, "p", "note",
				"Typical runs of %zu more settings are not drawn.",
				left_out);
	return shown ? NULL : "no run was ok";
}
