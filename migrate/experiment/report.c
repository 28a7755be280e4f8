// SPDX-License-Identifier: Apache-2.0
/* report - an experiment as one self-contained page, figures as SVG, no scripts */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/page.h"

static const char *text_at(const struct sk_json *run, const char *path,
			   const char *fallback)
{
	return sk_json_str(sk_json_path(run, path), fallback);
}

static void add_run(struct sk_str *out, const char *const *headings,
		    const struct sk_json *run)
{
	const struct sk_json *result = sk_json_get(run, "result");
	const struct sk_json *verified = sk_json_get(result, "memory_verified");
	double late = sk_json_double(sk_json_path(result, "probe.late_p99_us"), NAN);
	char index[24], block[24], late_text[SK_FORMAT_SIZE], downtime[SK_FORMAT_SIZE],
		total[SK_FORMAT_SIZE];

	(void)snprintf(index, sizeof(index), "%" PRId64,
		       sk_json_int(sk_json_get(run, "run"), 0));
	(void)snprintf(block, sizeof(block), "%" PRId64,
		       sk_json_int(sk_json_get(run, "block"), 0));
	sk_html_row(
		out, headings,
		(const char *[]){
			index, block, text_at(run, "kind", ""), text_at(run, "label", ""),
			text_at(run, "status", ""), text_at(result, "mode.proven", "-"),
			!verified			? "-"
			: sk_json_bool(verified, false) ? "verified"
							: "WRONG",
			sk_metric_text(SK_UNIT_MS, late / 1e3, late_text),
			sk_metric_text(SK_UNIT_MS,
				       sk_json_double(sk_json_path(result,
								   "downtime_ms.client"),
						      NAN),
				       downtime),
			sk_metric_text(SK_UNIT_MS,
				       sk_json_double(sk_json_path(result,
								   "time_ms.total"),
						      NAN),
				       total),
			text_at(run, "why", "")});
}

void sk_exp_runs(struct sk_str *out, const struct sk_store *store)
{
	static const char *const headings[] = {">run",	    ">block",	  "kind",
					       "settings",  "status",	  "proven",
					       "memory",    ">late, p99", ">silent for",
					       ">transfer", "why",	  NULL};

	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Every run");
	sk_html_element(out, "p", "note",
			"The mode is proven by the hypervisors' events, the guest's "
			"memory by its checksums before and after. Runs that failed or "
			"were discarded, and the warm-up, are in no other table.");
	sk_html_table(out, headings);
	for (size_t i = 0; i < sk_json_len(store->runs); i++)
		add_run(out, headings, sk_json_at(store->runs, i));
	sk_html_table_end(out);
	sk_str_add(out, "</section>\n");
}

static int64_t count(const struct sk_json *summary, const char *key)
{
	return sk_json_int(sk_json_get(summary, key), 0);
}

static void add_header(struct sk_str *out, const struct sk_store *store,
		       const struct sk_json *summary)
{
	const struct sk_experiment *e = store->experiment;
	int64_t ok = count(summary, "ok"), planned = count(summary, "planned");

	sk_str_add(out, "<header>\n");
	sk_html_element(out, "p", "kicker", "skiff experiment, %s",
			text_at(store->host, "started", ""));
	sk_html_element(out, "h1", NULL, "%s", e->name);
	if (e->description)
		sk_html_element(out, "p", NULL, "%s", e->description);
	sk_exp_answer(out, store);
	sk_str_add(out, "<p class=\"badges\">\n");
	sk_html_element(out, "span", ok == planned ? "badge good" : "badge",
			"%" PRId64 " of %" PRId64 " runs ok", ok, planned);
	if (count(summary, "failed"))
		sk_html_element(out, "span", "badge bad", "%" PRId64 " failed",
				count(summary, "failed"));
	if (count(summary, "discarded"))
		sk_html_element(out, "span", "badge bad", "%" PRId64 " discarded",
				count(summary, "discarded"));
	sk_html_element(out, "span", "badge", "%" PRId64 " randomised blocks",
			count(store->host, "repetitions"));
	if (e->has_control)
		sk_html_element(out, "span", "badge",
				"control: %zu runs without a migration",
				sk_count(store, SK_CELL_CONTROL, "ok"));
	sk_str_add(out, "</p>\n");
	sk_html_element(
		out, "p", "note",
		"Each dot is a run. The line under the dots is the interval of "
		"the median from order statistics, with the coverage in the table; "
		"the mark on it is the median.%s",
		e->has_control ? " Within the grey area lies what was measured "
				 "without a migration: the noise floor."
			       : "");
	sk_str_add(out, "</header>\n");
}

static void add_differences(struct sk_str *out, const struct sk_store *store)
{
	static const char *const headings[] = {"metric",      "settings",  "against",
					       ">difference", ">interval", ">coverage",
					       "verdict",     NULL};
	char *dirs[] = {store->dir, NULL};
	sk_auto(sk_json_free) struct sk_json *list = NULL;

	if (sk_experiment_compare(dirs, &list, NULL) < 0 || sk_json_len(list) == 0)
		return;
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Differences");
	sk_html_element(out, "p", "note",
			"Hodges-Lehmann differences: by how much a run of these settings "
			"exceeds one of the others, and its interval.");
	sk_html_table(out, headings);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *one = sk_json_at(list, i);
		const struct sk_metric *metric =
			sk_metric_find(text_at(one, "metric", "downtime"));
		double estimate = sk_json_double(sk_json_get(one, "estimate"), NAN);
		char text[3][SK_FORMAT_SIZE], interval[2 * SK_FORMAT_SIZE + 4],
			coverage[24];

		(void)snprintf(interval, sizeof(interval), "%s to %s",
			       sk_metric_text(metric->unit,
					      sk_json_double(sk_json_get(one, "low"),
							     NAN),
					      text[1]),
			       sk_metric_text(metric->unit,
					      sk_json_double(sk_json_get(one, "high"),
							     NAN),
					      text[2]));
		(void)snprintf(coverage, sizeof(coverage), "%.1f %%",
			       100 * sk_json_double(sk_json_get(one, "coverage"), 0));
		sk_html_row(out, headings,
			    (const char *[]){metric->title, text_at(one, "label", ""),
					     text_at(one, "against", ""),
					     sk_metric_text(metric->unit, estimate,
							    text[0]),
					     interval, coverage,
					     text_at(one, "verdict", "")});
	}
	sk_html_table_end(out);
	sk_str_add(out, "</section>\n");
}

static bool varies(const struct sk_experiment *e, enum sk_factor factor)
{
	for (size_t i = 0; i < e->nr_axes; i++)
		if (e->axes[i].factor == factor)
			return true;
	return false;
}

/* What the same level is of in every cell. */
static bool is_same_everywhere(const struct sk_experiment *e, enum sk_factor factor,
			       uint64_t *ret)
{
	*ret = sk_experiment_cell(e, 0).set[factor];
	for (size_t i = 1; i < sk_experiment_cells(e); i++)
		if (sk_experiment_cell(e, i).set[factor] != *ret)
			return false;
	return !varies(e, factor);
}

static void add_constants(struct sk_str *out, const struct sk_experiment *e)
{
	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		char text[SK_FORMAT_SIZE];
		uint64_t level;

		if (is_same_everywhere(e, (enum sk_factor)i, &level))
			sk_html_fact(out, sk_factors[i].key,
				     sk_factor_text(e, (enum sk_factor)i, level, text));
	}
}

/* The names of loads stand in every table: what they mean stands here. */
static void add_loads(struct sk_str *out, const struct sk_experiment *e)
{
	for (size_t i = 0; i < e->nr_loads; i++) {
		const struct sk_load *load = &e->loads[i];
		sk_auto(sk_str_finish) struct sk_str name = SK_STR_INIT,
						     sets = SK_STR_INIT;

		sk_str_addf(&name, "load %s", load->name);
		for (unsigned int k = 0; k < SK_FACTOR_NR; k++) {
			char text[SK_FORMAT_SIZE];

			if (load->has[k])
				sk_str_addf(&sets, "%s%s %s", sets.len ? ", " : "",
					    sk_factors[k].key,
					    sk_factor_text(e, (enum sk_factor)k,
							   load->cell.set[k], text));
		}
		out->failed |= name.failed || sets.failed;
		if (!out->failed)
			sk_html_fact(out, name.ptr, sets.ptr);
	}
}

static void add_provenance(struct sk_str *out, const struct sk_store *store)
{
	static const char *const machine[] = {"cpu", "kernel", "hostname", "skiff", NULL};
	static const char *const lab[] = {"accelerator",  "cpu_check", "probe_target",
					  "from.libvirt", "from.qemu", NULL};
	const struct sk_json *result = NULL;
	char seed[24];

	for (size_t i = 0; i < sk_json_len(store->runs) && !sk_json_get(result, "mode");
	     i++)
		result = sk_json_get(sk_json_at(store->runs, i), "result");
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Where the numbers come from");
	sk_str_add(out, "<dl>\n");
	(void)snprintf(seed, sizeof(seed), "%" PRId64, count(store->host, "seed"));
	sk_html_fact(out, "seed", seed);
	add_constants(out, store->experiment);
	add_loads(out, store->experiment);
	for (const char *const *key = machine; *key; key++)
		sk_html_fact(out, *key, text_at(store->host, *key, NULL));
	for (const char *const *key = lab; *key; key++)
		sk_html_fact(out, *key, text_at(result, *key, NULL));
	sk_str_add(out, "</dl>\n");
	if (strcmp(text_at(result, "accelerator", ""), "tcg") == 0)
		sk_html_element(out, "p", "note",
				"The guest ran in an emulator (TCG): compare only with "
				"runs of the same lab.");
	sk_html_element(out, "p", "note",
			"Definitions: man 7 skiff-migration-metrics. Beside this page: "
			"experiment.yaml, host.json, runs.jsonl, samples.");
	sk_str_add(out, "</section>\n");
}

/** struct page - The page, and what is not on it for want of data */
struct page {
	struct sk_str *out;
	const struct sk_store *store;
	struct sk_str missing;
};

static void note_missing(struct page *page, const char *title, const char *why)
{
	if (why)
		sk_html_fact(&page->missing, title, why);
}

static void add_strips(struct page *page)
{
	static const char *const names[] = {"downtime", "reported", "vcpu", "total",
					    "p99",	"bytes",    NULL};
	const struct sk_experiment *e = page->store->experiment;
	const struct sk_metric *metric = e->objective;

	note_missing(page, metric->title, sk_exp_strips(page->out, page->store, metric));
	for (const char *const *name = names; *name; name++) {
		metric = sk_metric_find(*name);
		if (metric != e->objective)
			note_missing(page, metric->title,
				     sk_exp_strips(page->out, page->store, metric));
	}
	metric = sk_metric_find("tlp");
	if (metric != e->objective &&
	    (varies(e, SK_FACTOR_SERVER) || varies(e, SK_FACTOR_SERVICE)))
		note_missing(page, metric->title,
			     sk_exp_strips(page->out, page->store, metric));
}

static void add_figures(struct page *page)
{
	static const struct {
		const char *title;
		const char *(*draw)(struct sk_str *out, const struct sk_store *store);
	} figures[] = {
		{"runs that met an objective", sk_exp_met},
		{"what the downtime consists of", sk_exp_parts},
		{"passes over memory", sk_exp_passes},
		{"where pre-copy converges", sk_exp_map},
		{"measured against predicted", sk_exp_predicted},
		{"typical runs", sk_exp_typical},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(figures); i++)
		note_missing(page, figures[i].title,
			     figures[i].draw(page->out, page->store));
}

static void add_missing(struct page *page)
{
	if (page->missing.len == 0)
		return;
	sk_str_add(page->out, "<section>\n");
	sk_html_element(page->out, "h2", NULL, "Not shown");
	sk_str_add(page->out, "<dl>\n");
	sk_str_add(page->out, page->missing.ptr);
	sk_str_add(page->out, "</dl></section>\n");
}

int sk_experiment_report(const char *dir, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_auto(sk_json_free) struct sk_json *summary = NULL;
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	struct page page = {&out, &store, SK_STR_INIT};
	sk_autofree char *title = NULL;
	int r = sk_store_open(dir, &store, err);

	if (r < 0)
		return r;
	summary = sk_summary_make(&store);
	title = sk_strf("%s: skiff experiment", store.experiment->name);
	if (!title)
		return sk_err_oom(err);
	sk_page_open(&out, title);
	add_header(&out, &store, summary);
	add_strips(&page);
	add_differences(&out, &store);
	sk_exp_tail(&out, &store);
	add_figures(&page);
	add_missing(&page);
	sk_exp_runs(&out, &store);
	add_provenance(&out, &store);
	sk_page_close(&out);
	out.failed |= page.missing.failed;
	sk_str_finish(&page.missing);
	if (out.failed)
		return sk_err_oom(err);
	return sk_fs_replace(store.dirfd, "report.html", out.ptr, out.len, 0644, err);
}
