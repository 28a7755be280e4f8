// SPDX-License-Identifier: Apache-2.0
/* figure_met - in how many runs the objective was met, a bar for each cell */
#include <math.h>
#include <stdio.h>

#include "lib/str.h"
#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define WIDTH 1000.0
#define LEFT  230.0
#define RIGHT 975.0
#define TOP   8.0
#define PITCH 34.0
#define BAR   20.0

static const char *format_share(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g %%", value * 100);
	return buf;
}

static void draw_bar(struct sk_str *out, const struct sk_met *met, const char *label,
		     double y)
{
	const struct sk_svg_scale x = {0, 1, LEFT, RIGHT, false};
	double end =
		met->runs ? sk_svg_place(&x, (double)met->met / (double)met->runs) : LEFT;
	struct sk_svg_box good = {LEFT, y, end - LEFT, BAR};
	struct sk_svg_box bad = {end, y, RIGHT - end, BAR};

	sk_svg_text(out, LEFT - 14, y + 15, "end", "bar-name", "%s", label);
	if (met->runs == 0) {
		sk_svg_text(out, LEFT + 8, y + 15, "start", "tick", "no run");
		return;
	}
	if (good.width > 0)
		sk_svg_rect(out, &good, "met", "met");
	if (bad.width > 0)
		sk_svg_rect(out, &bad, "missed", "missed");
	sk_svg_text(out, LEFT + 10, y + 15, "start", "bar-name", "%zu of %zu", met->met,
		    met->runs);
}

static void draw(struct sk_str *out, const struct sk_store *store, size_t cells)
{
	const struct sk_svg_scale x = {0, 1, LEFT, RIGHT, false};
	double bottom = TOP + PITCH * (double)cells;

	sk_svg_open(out, WIDTH, bottom + 26, "Runs that met the objective");
	sk_svg_grid_x(out, &x, TOP, bottom, format_share);
	for (size_t i = 0; i < cells; i++) {
		sk_autofree char *label = sk_cell_label(store, i);
		struct sk_met met = sk_count_met(store, i);

		draw_bar(out, &met, label ? label : "",
			 TOP + PITCH * (double)i + (PITCH - BAR) / 2);
	}
	sk_svg_line(out, LEFT, TOP, LEFT, bottom, "axis");
	sk_svg_close(out);
}

/* The largest of a metric, which the objective bounds. */
static const char *worst(const struct sk_store *store, size_t cell, const char *name,
			 char buf[SK_FORMAT_SIZE])
{
	const struct sk_metric *metric = sk_metric_find(name);
	sk_autofree double *values = NULL;
	size_t n = sk_values(store, cell, metric, &values);
	struct sk_estimate e;

	sk_estimate_make(values, n, &e);
	return sk_metric_text(metric->unit, e.max, buf);
}

static void add_table(struct sk_str *out, const struct sk_store *store, size_t cells)
{
	static const char *const headings[] = {"settings",
					       ">met",
					       ">failed",
					       ">longest downtime, client",
					       ">longest transfer",
					       ">most sent",
					       NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < cells; i++) {
		sk_autofree char *label = sk_cell_label(store, i);
		struct sk_met met = sk_count_met(store, i);
		char share[64], failed[24], text[3][SK_FORMAT_SIZE];

		(void)snprintf(share, sizeof(share), "%zu of %zu", met.met, met.runs);
		(void)snprintf(failed, sizeof(failed), "%zu",
			       sk_count(store, i, "failed"));
		sk_html_row(out, headings,
			    (const char *[]){label, share, failed,
					     worst(store, i, "downtime", text[0]),
					     worst(store, i, "total", text[1]),
					     worst(store, i, "bytes", text[2])});
	}
	sk_html_table_end(out);
}

const char *sk_exp_met(struct sk_str *out, const struct sk_store *store)
{
	size_t cells = sk_experiment_cells(store->experiment);

	if (!store->experiment->slo_text)
		return "the file names none";
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "The objective: %s",
			store->experiment->slo_text);
	sk_html_element(
		out, "p", "note",
		"Every run is judged by what was measured, whatever way it was "
		"told to go. One that failed has missed the objective; one that was "
		"discarded says nothing.");
	draw(out, store, cells);
	add_table(out, store, cells);
	sk_str_add(out, "</section>\n");
	return NULL;
}
