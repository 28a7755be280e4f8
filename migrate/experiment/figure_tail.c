// SPDX-License-Identifier: Apache-2.0
/* figure_tail - share of requests slower than a time, per cell; both axes logarithmic
 *
 * Requests of one run are not independent of each other: the intervals of percentiles come from
 * drawing whole runs with replacement.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/stats.h"
#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define WIDTH	   1000.0
#define LEFT	   76.0
#define RIGHT	   988.0
#define TOP	   8.0
#define BOTTOM	   300.0
#define HEIGHT	   326.0
#define LOST_US	   2e6
#define PER_DECADE 256.0
#define ROUNDS	   500

/** struct curve - The runs of one cell */
struct curve {
	size_t cell, nr;
	char *label;
	struct sk_bins *runs;
};

void sk_bins_add(struct sk_bins *bins, double us)
{
	double bin = us > 1 ? log10(us) * PER_DECADE : 0;

	bins->counts[bin < SK_BINS - 1 ? (size_t)bin : SK_BINS - 1]++;
	bins->n++;
}

double sk_bins_value(size_t bin)
{
	return pow(10, (double)(bin + 1) / PER_DECADE);
}

double sk_bins_quantile(const struct sk_bins *const *bins, size_t n, double q)
{
	size_t all = 0, below = 0, wanted;

	for (size_t i = 0; i < n; i++)
		all += bins[i]->n;
	if (all == 0)
		return NAN;
	wanted = (size_t)ceil(q * (double)all);
	for (size_t bin = 0; bin < SK_BINS; bin++) {
		for (size_t i = 0; i < n; i++)
			below += bins[i]->counts[bin];
		if (below >= wanted)
			return sk_bins_value(bin);
	}
	return sk_bins_value(SK_BINS - 1);
}

/* From the call to two seconds after its return, where outages end. */
static int count_run(const struct sk_store *store, const struct sk_json *run,
		     struct sk_bins *bins)
{
	const struct sk_json *result = sk_json_get(run, "result");
	const struct sk_json *marks = sk_json_get(result, "marks_ns");
	int64_t start = sk_json_int(sk_json_get(result, "probe_start_ns"), 0);
	int64_t from = sk_json_int(sk_json_get(marks, "api_call"), 0) - start;
	int64_t to =
		sk_json_int(sk_json_get(marks, "api_return"), 0) - start + 2000000000;
	sk_autofree struct sk_sample *samples = NULL;
	size_t n = 0;
	int r = sk_store_samples(store, run, &samples, &n, NULL);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct sk_sample *s = &samples[i];

		if ((int64_t)s->intended_ns < from || (int64_t)s->intended_ns >= to)
			continue;
		sk_bins_add(bins,
			    s->received_ns
				    ? fmin((double)(s->received_ns - s->intended_ns) /
						   1e3,
					   LOST_US)
				    : LOST_US);
	}
	return r;
}

static bool fill_curve(const struct sk_store *store, size_t cell, struct curve *curve)
{
	size_t nr = sk_count(store, cell, "ok");

	*curve = (struct curve){.cell = cell, .label = sk_cell_label(store, cell)};
	curve->runs = calloc(nr ? nr : 1, sizeof(*curve->runs));
	if (!curve->runs || !curve->label)
		return false;
	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);

		if (curve->nr < nr && sk_run_in(run, cell) && sk_run_is(run, "ok") &&
		    count_run(store, run, &curve->runs[curve->nr]) == 0)
			curve->nr++;
	}
	return true;
}

static size_t slower_than(const struct curve *curve, size_t bin, size_t *ret_all)
{
	size_t slower = 0;

	*ret_all = 0;
	for (size_t i = 0; i < curve->nr; i++) {
		*ret_all += curve->runs[i].n;
		for (size_t k = bin; k < SK_BINS; k++)
			slower += curve->runs[i].counts[k];
	}
	return slower;
}

static const char *format_us(double value, char buf[32])
{
	return sk_metric_text(SK_UNIT_MS, value / 1e3, buf);
}

/* What lies in the bin of lost requests is told as they are counted, not as the end of the bin. */
static const char *format_bin(double us, char buf[SK_FORMAT_SIZE])
{
	return format_us(us > LOST_US ? LOST_US : us, buf);
}

static const char *format_share(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g %%", value * 100);
	return buf;
}

static void draw_curve(struct sk_str *out, const struct curve *curve,
		       const struct sk_svg_scale *x, const struct sk_svg_scale *y)
{
	double xs[SK_BINS], ys[SK_BINS];
	size_t n = 0, all = 0, left = slower_than(curve, 0, &all);
	char css[40];

	for (size_t bin = 0; bin < SK_BINS && left > 0; bin++) {
		size_t here = 0;

		for (size_t i = 0; i < curve->nr; i++)
			here += curve->runs[i].counts[bin];
		if (here == 0)
			continue;
		xs[n] = sk_bins_value(bin);
		ys[n++] = (double)left / (double)all;
		left -= here;
	}
	(void)snprintf(css, sizeof(css), "cell %s%s", sk_cell_css(curve->cell),
		       curve->cell == SK_CELL_CONTROL || curve->cell >= 8 ? " dashed"
									  : "");
	sk_svg_curve(out, &(struct sk_svg_series){x, y, xs, ys, n, css});
}

static void draw(struct sk_str *out, const struct curve *curves, size_t nr)
{
	struct sk_svg_scale x = {50, 1000, LEFT, RIGHT, true};
	struct sk_svg_scale y = {0.1, 1, BOTTOM, TOP, true};

	for (size_t i = 0; i < nr; i++) {
		size_t all, bin = SK_BINS, first = 0;

		(void)slower_than(&curves[i], 0, &all);
		if (all == 0)
			continue;
		while (slower_than(&curves[i], first + 1, &all) == all)
			first++;
		x.min = fmin(x.min, fmax(sk_bins_value(first) * 0.8, 1));
		while (bin > 0 && slower_than(&curves[i], bin - 1, &all) == 0)
			bin--;
		x.max = fmax(x.max, sk_bins_value(bin ? bin - 1 : 0) * 1.1);
		y.min = fmin(y.min, 0.7 / (double)all);
	}
	sk_svg_open(out, WIDTH, HEIGHT, "Share of requests slower than a time");
	sk_svg_grid_x(out, &x, TOP, BOTTOM, format_us);
	sk_svg_grid_y(out, &y, LEFT, RIGHT, format_share);
	for (size_t i = 0; i < nr; i++)
		draw_curve(out, &curves[i], &x, &y);
	sk_svg_close(out);
	sk_str_add(out, "<p class=\"legend\">\n");
	for (size_t i = 0; i < nr; i++)
		sk_exp_legend(out, sk_cell_css(curves[i].cell), curves[i].label);
	sk_str_add(out, "</p>\n");
}

/** struct tail - A percentile of a curve, for resampling */
struct tail {
	const struct curve *curve;
	double q;
	const struct sk_bins **chosen;
};

static double quantile_of(const size_t *chosen, size_t n, void *ctx)
{
	const struct tail *tail = ctx;

	for (size_t i = 0; i < n; i++)
		tail->chosen[i] = &tail->curve->runs[chosen[i]];
	return sk_bins_quantile(tail->chosen, n, tail->q);
}

static void describe(const struct curve *curve, double q, uint64_t seed, char *text,
		     size_t size)
{
	sk_autofree const struct sk_bins **chosen =
		calloc(curve->nr ? curve->nr : 1, sizeof(*chosen));
	struct tail tail = {curve, q, chosen};
	const struct sk_stats_resample resample = {.n = curve->nr,
						   .figure = quantile_of,
						   .ctx = &tail,
						   .rounds = ROUNDS,
						   .seed = seed,
						   .level = SK_LEVEL};
	struct sk_stats_interval interval;
	char point[SK_FORMAT_SIZE], low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE];

	(void)snprintf(text, size, "n/a");
	if (!chosen || sk_stats_bootstrap(&resample, &interval) < 0)
		return;
	for (size_t i = 0; i < curve->nr; i++)
		chosen[i] = &curve->runs[i];
	(void)snprintf(text, size, "%s (%s to %s)",
		       format_bin(sk_bins_quantile(chosen, curve->nr, q), point),
		       format_bin(interval.low, low), format_bin(interval.high, high));
}

static void add_table(struct sk_str *out, const struct curve *curves, size_t nr,
		      uint64_t seed)
{
	static const char *const headings[] = {"settings", ">runs", ">requests", ">p50",
					       ">p90",	   ">p99",  ">p99.9",	 NULL};
	static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

	sk_html_table(out, headings);
	for (size_t i = 0; i < nr; i++) {
		char runs[24], requests[24], cells[4][120];
		size_t all;

		(void)slower_than(&curves[i], 0, &all);
		(void)snprintf(runs, sizeof(runs), "%zu", curves[i].nr);
		(void)snprintf(requests, sizeof(requests), "%zu", all);
		for (size_t k = 0; k < SK_ARRAY_SIZE(quantiles); k++)
			describe(&curves[i], quantiles[k], seed, cells[k],
				 sizeof(cells[k]));
		sk_html_row(out, headings,
			    (const char *[]){curves[i].label, runs, requests, cells[0],
					     cells[1], cells[2], cells[3]});
	}
	sk_html_table_end(out);
}

void sk_exp_tail(struct sk_str *out, const struct sk_store *store)
{
	struct curve curves[SK_EXP_MAX_CURVES + 1];
	size_t cells = sk_experiment_cells(store->experiment), nr = 0;
	uint64_t seed = (uint64_t)sk_json_int(sk_json_get(store->host, "seed"), 0);
	bool is_fine = true;

	for (size_t i = 0; is_fine && i < cells && i < SK_EXP_MAX_CURVES; i++)
		is_fine = fill_curve(store, i, &curves[nr++]);
	if (is_fine && store->experiment->has_control)
		is_fine = fill_curve(store, SK_CELL_CONTROL, &curves[nr++]);
	if (is_fine) {
		sk_str_add(out, "<section>\n");
		sk_html_element(out, "h2", NULL, "The slow tail");
		sk_html_element(
			out, "p", "note",
			"Share of requests that took longer than a time, from the call of "
			"the migration to 2 s after its end, of all runs together; both "
			"axes logarithmic. A lost request counts as 2 s. In brackets 95 %% "
			"intervals by drawing whole runs with replacement%s.",
			cells > SK_EXP_MAX_CURVES ? "; the first cells only" : "");
		draw(out, curves, nr);
		add_table(out, curves, nr, seed);
		sk_str_add(out, "</section>\n");
	}
	for (size_t i = 0; i < nr; i++) {
		free(curves[i].label);
		free(curves[i].runs);
	}
	out->failed |= !is_fine;
}
