// SPDX-License-Identifier: Apache-2.0
/* figure_parts - what the client's downtime consists of, a stacked bar for each cell */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/page.h"
#include "migrate/report/svg.h"

#define WIDTH 1000.0
#define LEFT  230.0
#define RIGHT 975.0
#define TOP   8.0
#define PITCH 36.0
#define BAR   20.0

/** struct parts - Means over the runs of each cell: they add up, as medians would not */
struct parts {
	const struct sk_store *store;
	size_t cells;
	double *sums;	/* [cell * SK_NR_PARTS + part] */
	size_t *counts; /* runs of a cell */
};

static enum sk_part find_part(const char *name)
{
	for (unsigned int i = 0; i < SK_NR_PARTS; i++)
		if (strcmp(sk_part_name((enum sk_part)i), name) == 0)
			return (enum sk_part)i;
	return SK_PART_REST; /* another version knows more of them */
}

static void count_run(struct parts *parts, size_t cell, const struct sk_json *run)
{
	const struct sk_json *list = sk_json_path(run, "result.decomposition");
	bool has_any = false;

	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *one = sk_json_at(list, i);
		const char *name = sk_json_str(sk_json_get(one, "part"), NULL);
		double ms = sk_json_double(sk_json_get(one, "ms"), NAN);

		if (!name || !isfinite(ms))
			continue;
		parts->sums[cell * SK_NR_PARTS + find_part(name)] += ms;
		has_any = true;
	}
	parts->counts[cell] += has_any;
}

static bool count_all(struct parts *parts)
{
	const struct sk_json *runs = parts->store->runs;
	bool has_any = false;

	for (size_t cell = 0; cell < parts->cells; cell++) {
		for (size_t i = 0; i < sk_json_len(runs); i++) {
			const struct sk_json *run = sk_json_at(runs, i);

			if (sk_run_in(run, cell) && sk_run_is(run, "ok"))
				count_run(parts, cell, run);
		}
		has_any |= parts->counts[cell] > 0;
	}
	return has_any;
}

static double mean_of(const struct parts *parts, size_t cell, size_t part)
{
	return parts->counts[cell] ? parts->sums[cell * SK_NR_PARTS + part] /
					     (double)parts->counts[cell]
				   : NAN;
}

static const char *format_ms(double value, char buf[32])
{
	return sk_metric_text(SK_UNIT_MS, value, buf);
}

/* A rest that is below 0 has no length. */
static void draw_bar(struct sk_str *out, const struct parts *parts,
		     const struct sk_svg_scale *x, size_t cell, double y)
{
	sk_autofree char *label = sk_cell_label(parts->store, cell);
	double at = 0;

	sk_svg_text(out, LEFT - 14, y + 15, "end", "bar-name", "%s", label ? label : "");
	for (unsigned int i = 0; parts->counts[cell] && i < SK_NR_PARTS; i++) {
		double ms = fmax(mean_of(parts, cell, i), 0), from = sk_svg_place(x, at);
		struct sk_svg_box box = {from, y, sk_svg_place(x, at + ms) - from, BAR};
		char css[40], tip[160], text[SK_FORMAT_SIZE];

		(void)snprintf(css, sizeof(css), "part-%s",
			       sk_part_name((enum sk_part)i));
		(void)snprintf(tip, sizeof(tip), "%s: %s",
			       sk_page_part_title((enum sk_part)i), format_ms(ms, text));
		if (box.width > 0)
			sk_svg_rect(out, &box, css, tip);
		at += ms;
	}
}

static bool has_part(const struct parts *parts, size_t part)
{
	for (size_t cell = 0; cell < parts->cells; cell++)
		if (parts->sums[cell * SK_NR_PARTS + part] > 0)
			return true;
	return false;
}

static void draw(struct sk_str *out, const struct parts *parts)
{
	struct sk_svg_scale x = {0, 1, LEFT, RIGHT, false};
	double bottom = TOP + PITCH * (double)parts->cells;

	for (size_t cell = 0; cell < parts->cells; cell++) {
		double sum = 0;

		for (size_t i = 0; parts->counts[cell] && i < SK_NR_PARTS; i++)
			sum += fmax(mean_of(parts, cell, i), 0);
		x.max = fmax(x.max, sum * 1.05);
	}
	sk_svg_open(out, WIDTH, bottom + 26, "Parts of the client's downtime");
	sk_svg_grid_x(out, &x, TOP, bottom, format_ms);
	for (size_t cell = 0; cell < parts->cells; cell++)
		draw_bar(out, parts, &x, cell,
			 TOP + PITCH * (double)cell + (PITCH - BAR) / 2);
	sk_svg_line(out, LEFT, TOP, LEFT, bottom, "axis");
	sk_svg_close(out);
	sk_str_add(out, "<p class=\"legend\">\n");
	for (unsigned int i = 0; i < SK_NR_PARTS; i++)
		if (has_part(parts, i))
			sk_page_part_legend(out, (enum sk_part)i, NULL);
	sk_str_add(out, "</p>\n");
}

static void add_table(struct sk_str *out, const struct parts *parts)
{
	const char *headings[SK_NR_PARTS + 3] = {"settings", ">runs"};
	char names[SK_NR_PARTS][64];

	for (unsigned int i = 0; i < SK_NR_PARTS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), ">%s",
			       sk_page_part_title((enum sk_part)i));
		headings[i + 2] = names[i];
	}
	sk_html_table(out, headings);
	for (size_t cell = 0; cell < parts->cells; cell++) {
		sk_autofree char *label = sk_cell_label(parts->store, cell);
		char n[24], text[SK_NR_PARTS][SK_FORMAT_SIZE];
		const char *row[SK_NR_PARTS + 2] = {label, n};

		(void)snprintf(n, sizeof(n), "%zu", parts->counts[cell]);
		for (size_t i = 0; i < SK_NR_PARTS; i++)
			row[i + 2] = format_ms(mean_of(parts, cell, i), text[i]);
		sk_html_row(out, headings, row);
	}
	sk_html_table_end(out);
}

const char *sk_exp_parts(struct sk_str *out, const struct sk_store *store)
{
	size_t cells = sk_experiment_cells(store->experiment);
	sk_autofree double *sums = calloc(cells * SK_NR_PARTS, sizeof(*sums));
	sk_autofree size_t *counts = calloc(cells, sizeof(*counts));
	struct parts parts = {.store = store,
			      .cells = cells,
			      .sums = sums,
			      .counts = counts};

	if (!sums || !counts) {
		out->failed = true;
		return NULL;
	}
	if (!count_all(&parts))
		return "no run has a decomposition of its downtime";
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "What the downtime consists of");
	sk_html_element(out, "p", "note",
			"Means over the runs, which add up to the mean of what clients "
			"felt; a part that cannot be told is in the rest. What each part "
			"is: man 7 skiff-migration-metrics.");
	draw(out, &parts);
	add_table(out, &parts);
	sk_str_add(out, "</section>\n");
	return NULL;
}
