// SPDX-License-Identifier: Apache-2.0
/* figure_tail - share of requests slower than a time, before, during and after; both axes logarithmic */
#include <math.h>
#include <stdio.h>

#include "lib/stats.h"
#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH	1000.0
#define LEFT	76.0
#define RIGHT	988.0
#define TOP	30.0
#define BOTTOM	280.0
#define HEIGHT	306.0

#define LOST_US 2e6

/** struct window - A stretch of the probe */
struct window {
	const char *name, *css;
	uint64_t from_ns, to_ns; /* of the probe's time */
	double *values;		 /* sorted; a lost request is as slow as any */
	size_t n;
};

static const char *format_us(double value, char buf[32])
{
	return sk_format_duration((uint64_t)llround(value * 1e3), buf);
}

static const char *format_share(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g %%", value * 100);
	return buf;
}

/* An answer behind the time-out is lost as one that never came, and no slower. */
static void collect(const struct sk_report_input *in, struct window *w)
{
	for (size_t i = 0; i < in->nr_samples; i++) {
		const struct sk_sample *s = &in->samples[i];

		if (s->intended_ns < w->from_ns || s->intended_ns >= w->to_ns)
			continue;
		w->values[w->n++] =
			s->received_ns
				? fmin((double)(s->received_ns - s->intended_ns) / 1e3,
				       LOST_US)
				: LOST_US;
	}
	sk_stats_sort(w->values, w->n);
}

static void draw_window(struct sk_str *out, const struct window *w,
			const struct sk_svg_scale *x, const struct sk_svg_scale *y)
{
	sk_autofree double *shares = calloc(w->n ? w->n : 1, sizeof(*shares));

	if (!shares) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < w->n; i++)
		shares[i] = (double)(w->n - i) / (double)w->n;
	sk_svg_curve(out, &(struct sk_svg_series){x, y, w->values, shares, w->n, w->css});
}

static void draw_key(struct sk_str *out, const struct window *w, size_t i)
{
	double x = LEFT + 110 * (double)i;

	if (w->n == 0)
		return;
	sk_svg_line(out, x, 10, x + 26, 10, w->css);
	sk_svg_text(out, x + 34, 14, "start", "tick", "%s", w->name);
}

static void draw(struct sk_str *out, struct window w[3])
{
	struct sk_svg_scale x = {.min = 50,
				 .max = 1000,
				 .from_px = LEFT,
				 .to_px = RIGHT,
				 .is_log = true};
	struct sk_svg_scale y = {.min = 0.1,
				 .max = 1,
				 .from_px = BOTTOM,
				 .to_px = TOP,
				 .is_log = true};

	for (size_t i = 0; i < 3; i++) {
		if (w[i].n == 0)
			continue;
		x.min = fmin(x.min, fmax(w[i].values[0] * 0.8, 1));
		x.max = fmax(x.max, w[i].values[w[i].n - 1] * 1.05);
		y.min = fmin(y.min, 0.7 / (double)w[i].n);
	}
	sk_svg_open(out, WIDTH, HEIGHT, "Share of requests slower than a time");
	sk_svg_grid_x(out, &x, TOP, BOTTOM, format_us);
	sk_svg_grid_y(out, &y, LEFT, RIGHT, format_share);
	for (size_t i = 0; i < 3; i++) {
		draw_window(out, &w[i], &x, &y);
		draw_key(out, &w[i], i);
	}
	sk_svg_close(out);
}

static void add_table(struct sk_str *out, const struct window w[3])
{
	static const double limits_us[] = {1e3, 1e4, 1e5, 1e6};
	static const char *const headings[] = {"share slower than", ">1 ms", ">10 ms",
					       ">100 ms",	    ">1 s",  NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < 3; i++) {
		char cells[4][24];

		for (size_t k = 0; k < 4; k++) {
			size_t slower = 0;

			while (slower < w[i].n &&
			       w[i].values[w[i].n - 1 - slower] > limits_us[k])
				slower++;
			(void)snprintf(cells[k], sizeof(cells[k]),
				       w[i].n ? "%.3g %%" : "n/a",
				       100.0 * (double)slower / (double)w[i].n);
		}
		sk_html_row(out, headings,
			    (const char *[]){w[i].name, cells[0], cells[1], cells[2],
					     cells[3]});
	}
	sk_html_table_end(out);
}

void sk_page_tail(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_verdict *v = in->verdict;
	sk_autofree double *values = NULL;
	uint64_t start = in->probe_start_real_ns;
	uint64_t call = v->api_call_ns > start ? v->api_call_ns - start : 0;
	uint64_t done = v->api_return_ns > start ? v->api_return_ns - start : UINT64_MAX;
	struct window w[3] = {{.name = "before", .css = "curve-before", .to_ns = call},
			      {.name = "during",
			       .css = "curve-during",
			       .from_ns = call,
			       .to_ns = done},
			      {.name = "after",
			       .css = "curve-after",
			       .from_ns = done,
			       .to_ns = UINT64_MAX}};

	if (in->nr_samples == 0)
		return;
	values = calloc(3 * in->nr_samples, sizeof(*values));
	if (!values) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		w[i].values = values + i * in->nr_samples;
		collect(in, &w[i]);
	}
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "The slow tail");
	sk_html_element(out, "p", "note",
			"Share of requests that took longer than a time; both axes "
			"logarithmic. A lost request counts as 2 s.");
	draw(out, w);
	add_table(out, w);
	sk_str_add(out, "</section>\n");
}
