// SPDX-License-Identifier: Apache-2.0
/* svg - figures as text: scales, axes, bands, lines, clouds of points */
#include "migrate/report/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TICKS     24
#define MAX_RUNS      24
#define MIN_LOG_TICKS 3
#define CHAR_PX	      6.6 /* of a label of the axis, at most */
#define LABEL_GAP_PX  8

double sk_svg_place(const struct sk_svg_scale *scale, double value)
{
	double low = scale->min, high = scale->max, part;

	if (high <= low)
		return scale->from_px;
	value = fmin(fmax(value, low), high);
	if (scale->is_log)
		part = log(value / low) / log(high / low);
	else
		part = (value - low) / (high - low);
	return scale->from_px + part * (scale->to_px - scale->from_px);
}

static double round_step(double span, size_t wanted)
{
	static const double steps[] = {1, 2, 5, 10};
	double raw = span / (double)wanted;
	double power = pow(10, floor(log10(raw)));

	for (size_t i = 0; i < SK_ARRAY_SIZE(steps); i++)
		if (steps[i] * power >= raw * 0.999)
			return steps[i] * power;
	return 10 * power;
}

/* Powers of ten, with @nr_parts - 1 ticks between two of them. */
static size_t log_ticks(const struct sk_svg_scale *scale, size_t nr_parts, double *ret,
			size_t max)
{
	static const double parts[] = {1, 2, 5};
	int exponent = (int)floor(log10(scale->min)), last = (int)log10(scale->max);
	size_t n = 0;

	for (; exponent <= last + 1; exponent++)
		for (size_t i = 0; i < nr_parts && n < max; i++) {
			double tick = pow(10, exponent) * parts[i];

			if (tick >= scale->min * 0.999 && tick <= scale->max * 1.001)
				ret[n++] = tick;
		}
	return n;
}

size_t sk_svg_ticks(const struct sk_svg_scale *scale, size_t wanted, double *ret,
		    size_t max)
{
	double step, first;
	size_t n = 0;

	if (scale->max <= scale->min)
		return 0;
	for (size_t parts = 1; scale->is_log && parts <= 3; parts += 2) {
		n = log_ticks(scale, parts, ret, max);
		if (n >= MIN_LOG_TICKS)
			return n;
	}
	n = 0;
	step = round_step(scale->max - scale->min, wanted);
	first = ceil(scale->min / step - 1e-9);
	while (n < max && (first + (double)n) * step <= scale->max + step * 1e-9) {
		ret[n] = (first + (double)n) * step;
		n++;
	}
	return n;
}

void sk_svg_open(struct sk_str *out, double width, double height, const char *label)
{
	sk_str_addf(out, "<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"", width,
		    height);
	sk_str_add_xml(out, label);
	sk_str_add(out, "\">\n");
}

void sk_svg_close(struct sk_str *out)
{
	sk_str_add(out, "</svg>\n");
}

void sk_svg_text(struct sk_str *out, double x, double y, const char *anchor,
		 const char *css, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sk_str_addf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">",
		    x, y, anchor, css);
	sk_str_add_xml(out, text);
	sk_str_add(out, "</text>\n");
}

void sk_svg_rect(struct sk_str *out, const struct sk_svg_box *box, const char *css,
		 const char *tooltip)
{
	sk_str_addf(out,
		    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		    "class=\"%s\"",
		    box->x, box->y, fmax(box->width, 0), fmax(box->height, 0), css);
	if (!tooltip) {
		sk_str_add(out, "/>\n");
		return;
	}
	sk_str_add(out, "><title>");
	sk_str_add_xml(out, tooltip);
	sk_str_add(out, "</title></rect>\n");
}

void sk_svg_line(struct sk_str *out, double x1, double y1, double x2, double y2,
		 const char *css)
{
	sk_str_addf(out, "<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"%s\"/>\n", x1, y1, x2,
		    y2, css);
}

void sk_svg_grid_x(struct sk_str *out, const struct sk_svg_scale *x, double top,
		   double bottom, const char *(*format)(double value, char buf[32]))
{
	double ticks[MAX_TICKS];
	size_t n = sk_svg_ticks(x, 10, ticks, MAX_TICKS);
	double free_px = -1e9;
	char text[32];

	for (size_t i = 0; i < n; i++) {
		double at = sk_svg_place(x, ticks[i]);
		const char *label = format ? format(ticks[i], text) : "";
		double half = (double)strlen(label) * CHAR_PX / 2;

		sk_svg_line(out, at, top, at, bottom, "grid");
		if (!format || at - half < free_px)
			continue;
		sk_svg_text(out, at, bottom + 16, "middle", "tick", "%s", label);
		free_px = at + half + LABEL_GAP_PX;
	}
}

void sk_svg_grid_y(struct sk_str *out, const struct sk_svg_scale *y, double left,
		   double right, const char *(*format)(double value, char buf[32]))
{
	double ticks[MAX_TICKS];
	size_t n = sk_svg_ticks(y, 4, ticks, MAX_TICKS);
	char text[32];

	for (size_t i = 0; i < n; i++) {
		double at = sk_svg_place(y, ticks[i]);

		sk_svg_line(out, left, at, right, at, "grid");
		sk_svg_text(out, left - 8, at + 4, "end", "tick", "%s",
			    format(ticks[i], text));
	}
}

/** struct cell - A pixel that holds at least one point */
struct cell {
	int16_t x, y;
};

static int by_place(const void *a, const void *b)
{
	const struct cell *p = a, *q = b;

	return p->x != q->x ? p->x - q->x : p->y - q->y;
}

/* Draw the runs of one column; returns where the next column begins. */
static size_t draw_column(struct sk_str *out, const struct cell *cells, size_t i,
			  size_t n)
{
	struct {
		int y, length;
	} runs[1024];
	size_t nr = 0, step;
	int x = cells[i].x;

	for (; i < n && cells[i].x == x; i++) {
		if (nr && cells[i].y <= runs[nr - 1].y + runs[nr - 1].length + 1)
			runs[nr - 1].length = cells[i].y - runs[nr - 1].y;
		else if (nr < SK_ARRAY_SIZE(runs))
			runs[nr++].y = cells[i].y;
		if (nr && runs[nr - 1].y == cells[i].y)
			runs[nr - 1].length = 0;
	}
	step = nr > MAX_RUNS ? (nr + MAX_RUNS - 2) / (MAX_RUNS - 1) : 1;
	for (size_t k = 0; k < nr; k++)
		if (k % step == 0 || k == nr - 1)
			sk_str_addf(out, runs[k].length ? "M%d %dv%d" : "M%d %dv0", x,
				    runs[k].y, runs[k].length);
	return i;
}

void sk_svg_points(struct sk_str *out, const struct sk_svg_series *s)
{
	sk_autofree struct cell *cells = calloc(s->n ? s->n : 1, sizeof(*cells));
	size_t n = 0;

	if (!cells) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!isnan(s->xs[i]) && !isnan(s->ys[i]))
			cells[n++] = (struct cell){(int16_t)lround(
							   sk_svg_place(s->x, s->xs[i])),
						   (int16_t)lround(
							   sk_svg_place(s->y, s->ys[i]))};
	if (n == 0)
		return;
	qsort(cells, n, sizeof(*cells), by_place);
	sk_str_addf(out, "<path class=\"%s\" d=\"", s->css);
	for (size_t i = 0; i < n;)
		i = draw_column(out, cells, i, n);
	sk_str_add(out, "\"/>\n");
}

void sk_svg_steps(struct sk_str *out, const struct sk_svg_series *s)
{
	bool is_open = false;

	sk_str_addf(out, "<path class=\"%s\" d=\"", s->css);
	for (size_t i = 0; i < s->n; i++) {
		double x = sk_svg_place(s->x, s->xs[i]);

		if (is_open)
			sk_str_addf(out, "H%.1f", x);
		if (isnan(s->ys[i])) {
			is_open = false;
			continue;
		}
		sk_str_addf(out, is_open ? "V%.1f" : "M%.1f %.1f",
			    is_open ? sk_svg_place(s->y, s->ys[i]) : x,
			    sk_svg_place(s->y, s->ys[i]));
		is_open = true;
	}
	sk_str_add(out, "\"/>\n");
}

void sk_svg_curve(struct sk_str *out, const struct sk_svg_series *s)
{
	double last_x = -1e9, last_y = -1e9;

	sk_str_addf(out, "<path class=\"%s\" d=\"", s->css);
	for (size_t i = 0; i < s->n; i++) {
		double x, y;

		if (isnan(s->xs[i]) || isnan(s->ys[i]))
			continue;
		x = sk_svg_place(s->x, s->xs[i]);
		y = sk_svg_place(s->y, s->ys[i]);
		if (i + 1 < s->n && hypot(x - last_x, y - last_y) < 0.5)
			continue;
		sk_str_addf(out, "%c%.1f %.1f", last_x < -1e8 ? 'M' : 'L', x, y);
		last_x = x;
		last_y = y;
	}
	sk_str_add(out, "\"/>\n");
}
