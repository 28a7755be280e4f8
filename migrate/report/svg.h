/* SPDX-License-Identifier: Apache-2.0 */
/* svg - figures as text: scales, axes, bands, lines, clouds of points
 *
 *	struct sk_svg_scale x = {.min = 0, .max = 10, .from_px = 60, .to_px = 900};
 *	sk_svg_open(&out, 960, 300, "Response time");
 *	sk_svg_grid_x(&out, &x, 20, 260, "s");
 *	sk_svg_points(&out, &x, &y, xs, ys, n, "reply");
 *	sk_svg_close(&out);
 *
 * Colours come from the classes of the page's style sheet, so that a figure is light or dark.
 * All text is escaped. y grows downward: from_px of a vertical scale is the lower end.
 */
#ifndef SK_SVG_H
#define SK_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/str.h"

/** struct sk_svg_scale - From values to pixels */
struct sk_svg_scale {
	double min, max; /* of a logarithmic scale both above 0 */
	double from_px, to_px;
	bool is_log;
};
/** sk_svg_place() - Pixel of a value; values outside are moved to the nearer end; an empty scale has one pixel */
double sk_svg_place(const struct sk_svg_scale *scale, double value);
/**
 * sk_svg_ticks() - Round values within a scale
 * @ret:	Room for @max
 *
 * Linear: multiples of 1, 2 or 5 times a power of ten. Logarithmic: powers of ten, with 2 and 5
 * where there are fewer than three, and as if it were linear where there are fewer still.
 * Return: number of ticks, at most @max; 0 for an empty scale
 */
size_t sk_svg_ticks(const struct sk_svg_scale *scale, size_t wanted, double *ret,
		    size_t max);

/** sk_svg_open() - Begin a figure that fills the width of its column; @label for screen readers */
void sk_svg_open(struct sk_str *out, double width, double height, const char *label);
/** sk_svg_close() - End it */
void sk_svg_close(struct sk_str *out);
/** sk_svg_text() - Text of a class with "start", "middle" or "end" at x */
void sk_svg_text(struct sk_str *out, double x, double y, const char *anchor,
		 const char *css, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/** struct sk_svg_box - A rectangle */
struct sk_svg_box {
	double x, y, width, height;
};
/** sk_svg_rect() - Rectangle with a tooltip, or NULL for none */
void sk_svg_rect(struct sk_str *out, const struct sk_svg_box *box, const char *css,
		 const char *tooltip);
/** sk_svg_line() - Straight line */
void sk_svg_line(struct sk_str *out, double x1, double y1, double x2, double y2,
		 const char *css);
/** sk_svg_grid_x() - Vertical grid lines with labels below @bottom, but those that would touch another */
void sk_svg_grid_x(struct sk_str *out, const struct sk_svg_scale *x, double top,
		   double bottom, const char *(*format)(double value, char buf[32]));
/** sk_svg_grid_y() - Horizontal grid lines with labels left of @left */
void sk_svg_grid_y(struct sk_str *out, const struct sk_svg_scale *y, double left,
		   double right, const char *(*format)(double value, char buf[32]));

/** struct sk_svg_series - Points of a figure; the arrays are borrowed, NaN is passed over */
struct sk_svg_series {
	const struct sk_svg_scale *x, *y;
	const double *xs, *ys;
	size_t n;
	const char *css;
};
/**
 * sk_svg_points() - A cloud of points
 *
 * Points that fall on the same pixel are drawn once, vertical runs as one stroke, and of a column
 * with more than 24 runs the outermost and an even choice of the others: the extremes of each
 * column stay, and the size is bounded by the width of the figure, not by @n.
 */
void sk_svg_points(struct sk_str *out, const struct sk_svg_series *series);
/** sk_svg_steps() - A line that keeps its value until the next point; NaN interrupts it */
void sk_svg_steps(struct sk_str *out, const struct sk_svg_series *series);
/** sk_svg_curve() - A line through the points; those closer than half a pixel are left out */
void sk_svg_curve(struct sk_str *out, const struct sk_svg_series *series);

#endif
