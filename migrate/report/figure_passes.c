// SPDX-License-Identifier: Apache-2.0
/* figure_passes - the staircase of passes over memory, and the threshold below which the guest is stopped */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH	    1000.0
#define LEFT	    76.0
#define RIGHT	    988.0
#define TOP	    38.0
#define BOTTOM	    248.0
#define HEIGHT	    276.0
#define DEFAULT_MS  300.0 /* QEMU's downtime-limit where nothing is set */
#define MIN_STEP_PX 3.0

/** struct threshold - What may be left for the guest to be stopped */
struct threshold {
	double bytes_per_s, allowed_ms, bytes; /* 0: not known */
	bool is_default;
};

static const char *format_mib(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g MiB", value);
	return buf;
}

static const char *format_s(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g s", fabs(value) < 1e-9 ? 0 : value);
	return buf;
}

/* By the rate at which the passes were sent: QEMU takes the one that it measures, too. */
static void find_threshold(const struct sk_report_input *in, struct threshold *ret)
{
	const struct sk_verdict *v = in->verdict;
	double bytes = 0, ns = 0;

	*ret = (struct threshold){
		.allowed_ms =
			sk_json_double(sk_json_path(in->run, "transfer.max_downtime_ms"),
				       0)};
	ret->is_default = ret->allowed_ms <= 0;
	if (ret->is_default)
		ret->allowed_ms = DEFAULT_MS;
	for (size_t i = 0; i < v->nr_passes; i++) {
		bytes += (double)v->passes[i].bytes;
		ns += (double)(v->passes[i].end_ns - v->passes[i].start_ns);
	}
	if (ns > 0)
		ret->bytes_per_s = bytes / ns * 1e9;
	ret->bytes = ret->bytes_per_s * ret->allowed_ms / 1e3;
}

static double in_mib(uint64_t bytes)
{
	return (double)bytes / 1048576;
}

static void set_scales(const struct sk_verdict *v, const struct threshold *t,
		       struct sk_svg_scale *x, struct sk_svg_scale *y)
{
	const struct sk_pass *last = &v->passes[v->nr_passes - 1];
	double low = t->bytes > 0 ? in_mib((uint64_t)t->bytes) : 1, high = low;

	for (size_t i = 0; i < v->nr_passes; i++) {
		const struct sk_pass *p = &v->passes[i];

		if (p->bytes)
			low = fmin(low, in_mib(p->bytes));
		if (p->has_remaining && p->remaining_bytes)
			low = fmin(low, in_mib(p->remaining_bytes));
		high = fmax(high, in_mib(p->bytes));
		if (p->has_remaining)
			high = fmax(high, in_mib(p->remaining_bytes));
	}
	*x = (struct sk_svg_scale){.min = sk_page_seconds(v, v->passes[0].start_ns),
				   .max = sk_page_seconds(v, last->end_ns),
				   .from_px = LEFT,
				   .to_px = RIGHT};
	*y = (struct sk_svg_scale){.min = fmax(low * 0.7, 0.01),
				   .max = high * 1.4,
				   .from_px = BOTTOM,
				   .to_px = TOP,
				   .is_log = true};
}

static void draw_pass(struct sk_str *out, const struct sk_verdict *v, size_t i,
		      const struct sk_svg_scale *x, const struct sk_svg_scale *y)
{
	const struct sk_pass *p = &v->passes[i];
	double from = sk_svg_place(x, sk_page_seconds(v, p->start_ns));
	double to =
		fmax(sk_svg_place(x, sk_page_seconds(v, p->end_ns)), from + MIN_STEP_PX);
	double sent = sk_svg_place(y, fmax(in_mib(p->bytes), y->min));
	struct sk_svg_box box = {from, sent, to - from, BOTTOM - sent};
	char tip[120], bytes[SK_FORMAT_SIZE], left[SK_FORMAT_SIZE];

	(void)snprintf(tip, sizeof(tip), "pass %zu: %s sent, left: %s", i + 1,
		       sk_format_size(p->bytes, bytes),
		       p->has_remaining ? sk_format_size(p->remaining_bytes, left)
					: "not known");
	sk_svg_rect(out, &box, i % 2 ? "stair phase-even" : "stair phase-odd", tip);
	if (to - from > 16)
		sk_svg_text(out, (from + to) / 2, sent - 6, "middle", "tick", "%zu",
			    i + 1);
	if (p->has_remaining && p->remaining_bytes) {
		double at = sk_svg_place(y, in_mib(p->remaining_bytes));

		sk_svg_line(out, from, at, to, at, "left-over");
	}
}

static void draw_key(struct sk_str *out, const struct threshold *t)
{
	char text[SK_FORMAT_SIZE];

	sk_svg_rect(out, &(struct sk_svg_box){LEFT, 5, 16, 11}, "stair phase-odd", NULL);
	sk_svg_text(out, LEFT + 22, 15, "start", "tick", "sent in the pass");
	sk_svg_line(out, LEFT + 140, 11, LEFT + 164, 11, "left-over");
	sk_svg_text(out, LEFT + 170, 15, "start", "tick", "left, as last read in it");
	if (t->bytes <= 0)
		return;
	sk_svg_line(out, LEFT + 330, 11, LEFT + 354, 11, "threshold");
	sk_svg_text(out, LEFT + 360, 15, "start", "threshold-label", "stop below %s",
		    sk_format_size((uint64_t)t->bytes, text));
}

static void draw(struct sk_str *out, const struct sk_verdict *v,
		 const struct threshold *t)
{
	struct sk_svg_scale x, y;

	set_scales(v, t, &x, &y);
	sk_svg_open(out, WIDTH, HEIGHT, "Bytes of each pass over memory over time");
	sk_svg_grid_y(out, &y, LEFT, RIGHT, format_mib);
	sk_svg_grid_x(out, &x, TOP, BOTTOM, format_s);
	for (size_t i = 0; i < v->nr_passes; i++)
		draw_pass(out, v, i, &x, &y);
	if (t->bytes > 0) {
		double at = sk_svg_place(&y, in_mib((uint64_t)t->bytes));

		sk_svg_line(out, LEFT, at, RIGHT, at, "threshold");
	}
	draw_key(out, t);
	sk_svg_close(out);
}

static void add_table(struct sk_str *out, const struct sk_verdict *v)
{
	static const char *const headings[] = {"pass",	     ">duration",      ">sent",
					       ">remaining", ">dirty pages/s", NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < v->nr_passes; i++) {
		const struct sk_pass *p = &v->passes[i];
		char pass[24], dirty[24], text[3][SK_FORMAT_SIZE];

		(void)snprintf(pass, sizeof(pass), "%zu", i + 1);
		(void)snprintf(dirty, sizeof(dirty), "%" PRIu64, p->dirty_pages_per_s);
		sk_html_row(out, headings,
			    (const char *[]){pass,
					     sk_format_duration(p->end_ns - p->start_ns,
								text[0]),
					     sk_format_size(p->bytes, text[1]),
					     p->has_remaining
						     ? sk_format_size(p->remaining_bytes,
								      text[2])
						     : "not known",
					     p->dirty_pages_per_s ? dirty : "not known"});
	}
	sk_html_table_end(out);
}

static void add_note(struct sk_str *out, const struct threshold *t)
{
	char rate[SK_FORMAT_SIZE], bytes[SK_FORMAT_SIZE];

	if (t->bytes <= 0)
		return;
	sk_html_element(
		out, "p", "note",
		"QEMU stops the guest as soon as what is left could be sent within the "
		"allowed downtime: %s/s as measured times %.0f ms%s are %s. Sizes on a "
		"logarithmic axis; second 0 is the call of the migration.",
		sk_format_size((uint64_t)t->bytes_per_s, rate), t->allowed_ms,
		t->is_default ? " (QEMU's default)" : "",
		sk_format_size((uint64_t)t->bytes, bytes));
}

void sk_page_passes(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_verdict *v = in->verdict;
	struct threshold t;

	if (v->nr_passes == 0)
		return;
	find_threshold(in, &t);
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Passes over memory");
	/* Of one pass there is no staircase, and no decision to show. */
	if (v->nr_passes > 1 && !v->postcopy_ns) {
		add_note(out, &t);
		draw(out, v, &t);
	} else if (v->nr_passes > 1) {
		t.bytes = 0;
		draw(out, v, &t);
	}
	add_table(out, v);
	sk_str_add(out, "</section>\n");
}
