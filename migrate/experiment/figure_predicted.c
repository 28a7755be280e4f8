// SPDX-License-Identifier: Apache-2.0
/* figure_predicted - measured against predicted, a dot per run, with the band that is aimed at */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/stats.h"
#include "lib/str.h"
#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define WIDTH	1000.0
#define HEIGHT	340.0
#define TOP	30.0
#define BOTTOM	310.0
#define PANEL	330.0 /* from one to the next */
#define LEFT	62.0
#define SIDE	262.0 /* of a panel */
#define RADIUS	4.0
#define LOWEST	0.7
#define HIGHEST 1.4
#define PANELS	3

/** struct panel - One predicted figure */
struct panel {
	const char *title, *predicted, *ratio; /* paths in a run's object */
	double left;
	struct sk_svg_scale x, y;
	size_t within, n;
};

/* The measured one is the product: both as the verdict has them. */
static bool read_run(const struct panel *panel, const struct sk_json *result,
		     double *ret_predicted, double *ret_ratio)
{
	*ret_predicted = sk_json_double(sk_json_path(result, panel->predicted), NAN);
	*ret_ratio = sk_json_double(sk_json_path(result, panel->ratio), NAN);
	return *ret_predicted > 0 && *ret_ratio > 0;
}

static bool is_within(double ratio)
{
	return ratio >= LOWEST && ratio <= HIGHEST;
}

/* Whose cell it is, or SK_CELL_CONTROL for what is not shown. */
static size_t cell_of(const struct sk_store *store, const struct sk_json *run)
{
	size_t cell = (size_t)sk_json_int(sk_json_get(run, "cell"), -1);

	return cell < sk_experiment_cells(store->experiment) && sk_run_in(run, cell) &&
			       sk_run_is(run, "ok")
		       ? cell
		       : SK_CELL_CONTROL;
}

static void measure_panel(const struct sk_store *store, struct panel *panel)
{
	double least = INFINITY, most = 0;

	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		double predicted, ratio;

		if (cell_of(store, run) == SK_CELL_CONTROL ||
		    !read_run(panel, sk_json_get(run, "result"), &predicted, &ratio))
			continue;
		panel->n++;
		panel->within += is_within(ratio);
		least = fmin(least, fmin(predicted, predicted * ratio));
		most = fmax(most, fmax(predicted, predicted * ratio));
	}
	panel->x = (struct sk_svg_scale){least / 1.5, most * 1.5, panel->left,
					 panel->left + SIDE, true};
	panel->y = (struct sk_svg_scale){least / 1.5, most * 1.5, BOTTOM, TOP, true};
}

static const char *format_ms(double value, char buf[32])
{
	return sk_metric_text(SK_UNIT_MS, value, buf);
}

/* A line of one ratio, as far as the panel goes. */
static void draw_ratio(struct sk_str *out, const struct panel *panel, double ratio,
		       const char *css)
{
	double low = fmax(panel->x.min, panel->y.min / ratio);
	double high = fmin(panel->x.max, panel->y.max / ratio);

	sk_svg_line(out, sk_svg_place(&panel->x, low),
		    sk_svg_place(&panel->y, low * ratio), sk_svg_place(&panel->x, high),
		    sk_svg_place(&panel->y, high * ratio), css);
}

static void draw_dots(struct sk_str *out, const struct sk_store *store,
		      const struct panel *panel)
{
	for (size_t i = 0; i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		size_t cell = cell_of(store, run);
		double predicted, ratio;

		if (cell == SK_CELL_CONTROL ||
		    !read_run(panel, sk_json_get(run, "result"), &predicted, &ratio))
			continue;
		sk_str_addf(out,
			    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" class=\"run "
			    "%s\"><title>",
			    sk_svg_place(&panel->x, predicted),
			    sk_svg_place(&panel->y, predicted * ratio), RADIUS,
			    sk_cell_css(cell));
		sk_str_add_xml(out, sk_json_str(sk_json_get(run, "label"), ""));
		sk_str_addf(out, ": %.2f</title></circle>\n", ratio);
	}
}

static void draw_panel(struct sk_str *out, const struct sk_store *store,
		       const struct panel *panel)
{
	sk_svg_text(out, panel->left, TOP - 12, "start", "panel", "%s", panel->title);
	if (panel->n == 0) {
		sk_svg_text(out, panel->left, TOP + 20, "start", "tick", "not known");
		return;
	}
	sk_svg_grid_x(out, &panel->x, TOP, BOTTOM, format_ms);
	sk_svg_grid_y(out, &panel->y, panel->left, panel->left + SIDE, format_ms);
	draw_ratio(out, panel, 1, "axis");
	draw_ratio(out, panel, LOWEST, "cap");
	draw_ratio(out, panel, HIGHEST, "cap");
	draw_dots(out, store, panel);
}

static void describe(const struct sk_store *store, const struct panel *panel, size_t cell,
		     char text[64])
{
	sk_autofree double *ratios =
		calloc(sk_json_len(store->runs) + 1, sizeof(*ratios));
	size_t n = 0, within = 0;

	(void)snprintf(text, 64, "n/a");
	for (size_t i = 0; ratios && i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		double predicted, ratio;

		if (cell_of(store, run) != cell ||
		    !read_run(panel, sk_json_get(run, "result"), &predicted, &ratio))
			continue;
		ratios[n++] = ratio;
		within += is_within(ratio);
	}
	if (n == 0)
		return;
	sk_stats_sort(ratios, n);
	(void)snprintf(text, 64, "%.2f (%zu of %zu)", sk_stats_quantile(ratios, n, 0.5),
		       within, n);
}

static void add_table(struct sk_str *out, const struct sk_store *store,
		      const struct panel *panels)
{
	static const char *const headings[] = {"settings", ">transfer", ">downtime, vCPU",
					       ">downtime, client", NULL};
	size_t cells = sk_experiment_cells(store->experiment);
	char text[PANELS][64];

	sk_html_table(out, headings);
	for (size_t cell = 0; cell < cells; cell++) {
		sk_autofree char *label = sk_cell_label(store, cell);

		for (size_t i = 0; i < PANELS; i++)
			describe(store, &panels[i], cell, text[i]);
		sk_html_row(out, headings,
			    (const char *[]){label, text[0], text[1], text[2]});
	}
	for (size_t i = 0; i < PANELS; i++)
		(void)snprintf(text[i], sizeof(text[i]), "%zu of %zu", panels[i].within,
			       panels[i].n);
	sk_html_row(out, headings,
		    (const char *[]){"all, within the band", text[0], text[1], text[2]});
	sk_html_table_end(out);
}

const char *sk_exp_predicted(struct sk_str *out, const struct sk_store *store)
{
	struct panel panels[PANELS] = {
		{.title = "Transfer",
		 .predicted = "prediction.total_ms.mid",
		 .ratio = "prediction.ratio.total"},
		{.title = "Downtime of the vCPUs",
		 .predicted = "prediction.downtime_ms.mid",
		 .ratio = "prediction.ratio.downtime"},
		{.title = "Downtime of the client",
		 .predicted = "prediction.outage_ms.mid",
		 .ratio = "prediction.ratio.outage"},
	};
	size_t n = 0;

	for (size_t i = 0; i < PANELS; i++) {
		panels[i].left = LEFT + PANEL * (double)i;
		measure_panel(store, &panels[i]);
		n += panels[i].n;
	}
	if (n == 0)
		return "no run has a prediction";
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Measured against predicted");
	sk_html_element(
		out, "p", "note",
		"A dot is a run: what was predicted before it across, what was "
		"measured upward, both logarithmic. Between the broken lines the "
		"measured is 0.7 to 1.4 times the predicted. The table has the median "
		"ratio, and how many runs are within.");
	sk_svg_open(out, WIDTH, HEIGHT, "Measured against predicted");
	for (size_t i = 0; i < PANELS; i++)
		draw_panel(out, store, &panels[i]);
	sk_svg_close(out);
	add_table(out, store, panels);
	sk_str_add(out, "</section>\n");
	return NULL;
}
