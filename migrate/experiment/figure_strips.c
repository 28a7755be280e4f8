// SPDX-License-Identifier: Apache-2.0
/* figure_strips - every run of every cell as a dot, with median and interval */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "migrate/experiment/page.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define WIDTH  1000.0
#define LEFT   230.0
#define RIGHT  975.0
#define TOP    8.0
#define PITCH  40.0
#define RADIUS 4.5
#define LOG_RATIO                                                                        \
	20 /* of the largest to the smallest value from which on the axis is logarithmic */

/** struct row - One cell in the figure */
struct row {
	char *label;
	double *values; /* sorted */
	struct sk_estimate estimate;
	size_t cell;
};

/** struct strips - One figure */
struct strips {
	const struct sk_metric *metric;
	struct row *rows;
	size_t nr;
	struct sk_svg_scale x;
	double bottom;
};

const char *sk_cell_css(size_t cell)
{
	static const char *const names[] = {"cell-0", "cell-1", "cell-2", "cell-3",
					    "cell-4", "cell-5", "cell-6", "cell-7"};

	return cell == SK_CELL_CONTROL ? "cell-control"
				       : names[cell % SK_ARRAY_SIZE(names)];
}

char *sk_cell_label(const struct sk_store *store, size_t cell)
{
	return cell == SK_CELL_CONTROL ? strdup("control (no migration)")
				       : sk_experiment_label(store->experiment, cell);
}

void sk_exp_legend(struct sk_str *out, const char *css, const char *text)
{
	sk_str_addf(out, "<span><i class=\"key %s\"></i>", css);
	sk_str_add_xml(out, text);
	sk_str_add(out, "</span>\n");
}

static const char *format_ms(double value, char buf[32])
{
	return sk_metric_text(SK_UNIT_MS, value, buf);
}

static const char *format_mib(double value, char buf[32])
{
	(void)snprintf(buf, 32, value > 0 ? "%g MiB" : "0", value);
	return buf;
}

static const char *format_gib(double value, char buf[32])
{
	(void)snprintf(buf, 32, value > 0 ? "%g GiB" : "0", value);
	return buf;
}

static const char *format_count(double value, char buf[32])
{
	return sk_metric_text(SK_UNIT_COUNT, value, buf);
}

static void set_scale(struct strips *s)
{
	double min = INFINITY, max = 0;

	for (size_t i = 0; i < s->nr; i++) {
		if (s->rows[i].estimate.n == 0)
			continue;
		min = fmin(min, s->rows[i].estimate.min);
		max = fmax(max, s->rows[i].estimate.max);
	}
	s->x = (struct sk_svg_scale){.max = max > 0 ? max * 1.04 : 1,
				     .from_px = LEFT,
				     .to_px = RIGHT};
	if (min > 0 && max > LOG_RATIO * min) {
		s->x.is_log = true;
		s->x.min = min / 1.15;
		s->x.max = max * 1.15;
	}
}

/* Dots of one row that would lie on another are moved up or down. */
static void draw_dots(struct sk_str *out, const struct strips *s, const struct row *row,
		      double y)
{
	double last = -1e9;
	int step = 0;

	for (size_t i = 0; i < row->estimate.n; i++) {
		double at = sk_svg_place(&s->x, row->values[i]);
		char text[SK_FORMAT_SIZE];

		step = at - last < 2 * RADIUS ? step + 1 : 0;
		last = at;
		sk_str_addf(out,
			    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" class=\"run %s\">"
			    "<title>",
			    at, y + (step % 2 ? 1 : -1) * ((step + 1) / 2 % 3) * 5.0,
			    RADIUS, sk_cell_css(row->cell));
		sk_str_add_xml(out,
			       sk_metric_text(s->metric->unit, row->values[i], text));
		sk_str_add(out, "</title></circle>\n");
	}
}

static void draw_row(struct sk_str *out, const struct strips *s, const struct row *row,
		     double y)
{
	const struct sk_estimate *e = &row->estimate;
	double low, high, median;

	sk_svg_text(out, LEFT - 14, y + 5, "end", "bar-name", "%s", row->label);
	if (e->n == 0) {
		sk_svg_text(out, LEFT + 8, y + 5, "start", "tick", "no run");
		return;
	}
	low = sk_svg_place(&s->x, e->interval.low);
	high = sk_svg_place(&s->x, e->interval.high);
	median = sk_svg_place(&s->x, e->median);
	draw_dots(out, s, row, y);
	sk_svg_line(out, low, y + 16, high, y + 16, "interval");
	sk_svg_line(out, median, y + 10, median, y + 22, "median");
}

/* What the service does by itself: nothing below it can be told from noise. */
static void draw_noise(struct sk_str *out, const struct strips *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		const struct sk_estimate *e = &s->rows[i].estimate;
		struct sk_svg_box box = {LEFT, TOP, 0, s->bottom - TOP};

		if (s->rows[i].cell != SK_CELL_CONTROL || e->n == 0)
			continue;
		box.width = sk_svg_place(&s->x, e->max) - LEFT;
		sk_svg_rect(out, &box, "noise",
			    "what the controls, without a migration, showed");
	}
}

/* Bytes at round numbers of the unit that they are told in. */
static void draw_grid(struct sk_str *out, const struct strips *s)
{
	struct sk_svg_scale x = s->x;
	bool is_large = x.max > 4.0 * (1u << 30);
	double unit = is_large ? 1u << 30 : 1u << 20;

	if (s->metric->unit != SK_UNIT_BYTES) {
		sk_svg_grid_x(out, &x, TOP, s->bottom,
			      s->metric->unit == SK_UNIT_MS ? format_ms : format_count);
		return;
	}
	x.min /= unit;
	x.max /= unit;
	sk_svg_grid_x(out, &x, TOP, s->bottom, is_large ? format_gib : format_mib);
}

static void draw(struct sk_str *out, struct strips *s)
{
	s->bottom = TOP + PITCH * (double)s->nr;
	set_scale(s);
	sk_svg_open(out, WIDTH, s->bottom + 26, s->metric->title);
	draw_grid(out, s);
	draw_noise(out, s);
	for (size_t i = 0; i < s->nr; i++)
		draw_row(out, s, &s->rows[i], TOP + PITCH * (double)i + PITCH / 2 - 4);
	sk_svg_line(out, LEFT, TOP, LEFT, s->bottom, "axis");
	sk_svg_close(out);
	if (s->x.is_log)
		sk_html_element(out, "p", "note", "The axis is logarithmic.");
}

static void add_table(struct sk_str *out, const struct strips *s)
{
	static const char *const headings[] = {"settings",  ">runs",	 ">median",
					       ">interval", ">coverage", ">smallest",
					       ">largest",  NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < s->nr; i++) {
		const struct sk_estimate *e = &s->rows[i].estimate;
		char n[24], coverage[24] = "n/a", interval[2 * SK_FORMAT_SIZE + 4];
		char text[5][SK_FORMAT_SIZE];
		enum sk_unit unit = s->metric->unit;

		(void)snprintf(n, sizeof(n), "%zu", e->n);
		if (e->n)
			(void)snprintf(coverage, sizeof(coverage), "%.1f %%",
				       100 * e->interval.coverage);
		(void)snprintf(interval, sizeof(interval), "%s to %s",
			       sk_metric_text(unit, e->interval.low, text[3]),
			       sk_metric_text(unit, e->interval.high, text[4]));
		sk_html_row(out, headings,
			    (const char *[]){s->rows[i].label, n,
					     sk_metric_text(unit, e->median, text[0]),
					     e->n ? interval : "n/a", coverage,
					     sk_metric_text(unit, e->min, text[1]),
					     sk_metric_text(unit, e->max, text[2])});
	}
	sk_html_table_end(out);
}

static bool add_row(struct strips *s, const struct sk_store *store, size_t cell)
{
	struct row *row = &s->rows[s->nr];
	size_t n = sk_values(store, cell, s->metric, &row->values);

	row->cell = cell;
	row->label = sk_cell_label(store, cell);
	sk_estimate_make(row->values, n, &row->estimate);
	s->nr++;
	return row->label && row->values;
}

static void free_rows(struct strips *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->rows[i].values);
		free(s->rows[i].label);
	}
}

/* A control has no migration, so few of the metrics. */
static void drop_empty_control(struct strips *s)
{
	struct row *last = &s->rows[s->nr - 1];

	if (last->estimate.n)
		return;
	free(last->values);
	free(last->label);
	s->nr--;
}

const char *sk_exp_strips(struct sk_str *out, const struct sk_store *store,
			  const struct sk_metric *metric)
{
	size_t cells = sk_experiment_cells(store->experiment), n = 0;
	sk_autofree struct row *rows = calloc(cells + 1, sizeof(*rows));
	struct strips s = {.metric = metric, .rows = rows};
	bool is_fine = rows != NULL;

	for (size_t i = 0; is_fine && i < cells; i++) {
		is_fine = add_row(&s, store, i);
		n += rows[i].estimate.n;
	}
	if (is_fine && n > 0 && store->experiment->has_control) {
		is_fine = add_row(&s, store, SK_CELL_CONTROL);
		if (is_fine)
			drop_empty_control(&s);
	}
	if (is_fine && n > 0) {
		sk_str_add(out, "<section>\n");
		sk_html_element(out, "h2", NULL, "%c%s", toupper(metric->title[0]),
				metric->title + 1);
		draw(out, &s);
		add_table(out, &s);
		sk_str_add(out, "</section>\n");
	}
	free_rows(&s);
	out->failed |= !is_fine;
	return n > 0 || !is_fine ? NULL : "no run that was ok has it";
}
