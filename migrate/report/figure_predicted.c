// SPDX-License-Identifier: Apache-2.0
/* figure_predicted - what the model said before, and what came */
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH	 1000.0
#define LEFT	 200.0
#define RIGHT	 988.0
#define TOP	 8.0
#define PITCH	 34.0
#define BAR	 16.0
#define MAX_ROWS 4

/** struct row - One quantity; values in ms or bytes, NaN not known */
struct row {
	const char *name, *key, *measured_path;
	bool is_bytes;
	double low, mid, high, measured;
};

static double number(const struct sk_json *run, const char *key, const char *end)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "prediction.%s.%s", key, end);
	return sk_json_double(sk_json_path(run, path), NAN);
}

static size_t read_rows(const struct sk_json *run, struct row rows[MAX_ROWS])
{
	static const struct row all[MAX_ROWS] = {
		{.name = "total time",
		 .key = "total_ms",
		 .measured_path = "time_ms.total"},
		{.name = "virtual CPU stopped",
		 .key = "downtime_ms",
		 .measured_path = "downtime_ms.vcpu"},
		{.name = "client's outage",
		 .key = "outage_ms",
		 .measured_path = "downtime_ms.client"},
		{.name = "sent",
		 .key = "bytes",
		 .measured_path = "memory.wire_bytes",
		 .is_bytes = true},
	};
	size_t n = 0;

	for (size_t i = 0; i < MAX_ROWS; i++) {
		struct row *r = &rows[n];

		*r = all[i];
		r->low = number(run, r->key, "low");
		r->mid = number(run, r->key, "mid");
		r->high = number(run, r->key, "high");
		r->measured = sk_json_double(sk_json_path(run, r->measured_path), NAN);
		if (isfinite(r->mid) && r->mid > 0)
			n++;
	}
	return n;
}

static const char *format_times(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g\u00d7", value);
	return buf;
}

static const char *format(const struct row *r, double value, char buf[SK_FORMAT_SIZE])
{
	if (!isfinite(value) || value < 0)
		return "not known";
	return r->is_bytes ? sk_format_size((uint64_t)value, buf)
			   : sk_format_duration((uint64_t)llround(value * 1e6), buf);
}

/* Each as a multiple of its prediction's middle, so that all share one axis. */
static void draw(struct sk_str *out, const struct row *rows, size_t n)
{
	struct sk_svg_scale x = {.min = 0.5,
				 .max = 2,
				 .from_px = LEFT,
				 .to_px = RIGHT,
				 .is_log = true};
	double bottom = TOP + PITCH * (double)n;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const double values[] = {r->low / r->mid, r->high / r->mid,
					 r->measured / r->mid};

		for (size_t k = 0; k < 3; k++)
			if (isfinite(values[k]) && values[k] > 0) {
				x.min = fmin(x.min, fmax(values[k] * 0.9, 0.01));
				x.max = fmax(x.max, fmin(values[k] * 1.1, 100));
			}
	}
	sk_svg_open(out, WIDTH, bottom + 26, "Measured against predicted");
	sk_svg_grid_x(out, &x, TOP, bottom, format_times);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		double y = TOP + PITCH * (double)i + PITCH / 2;
		double low = isfinite(r->low) ? r->low : r->mid,
		       high = isfinite(r->high) ? r->high : r->mid;
		double from = sk_svg_place(&x, low / r->mid),
		       to = sk_svg_place(&x, high / r->mid), mid = sk_svg_place(&x, 1);
		double at = sk_svg_place(&x, r->measured / r->mid);

		sk_svg_text(out, LEFT - 12, y + 5, "end", "bar-name", "%s", r->name);
		sk_svg_rect(out,
			    &(struct sk_svg_box){from, y - BAR / 2, fmax(to - from, 2),
						 BAR},
			    "predicted", "predicted, lowest to highest");
		sk_svg_line(out, mid, y - BAR / 2, mid, y + BAR / 2, "predicted-mid");
		if (isfinite(r->measured) && r->measured > 0)
			sk_svg_rect(out, &(struct sk_svg_box){at - 3, y - 11, 6, 22},
				    "measured", "measured");
	}
	sk_svg_close(out);
}

static void add_table(struct sk_str *out, const struct row *rows, size_t n)
{
	static const char *const headings[] = {"quantity",   ">lowest",
					       ">predicted", ">highest",
					       ">measured",  ">measured / predicted",
					       NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		char text[4][SK_FORMAT_SIZE], ratio[24] = "not known";

		if (isfinite(r->measured))
			(void)snprintf(ratio, sizeof(ratio), "%.2f",
				       r->measured / r->mid);
		sk_html_row(out, headings,
			    (const char *[]){r->name, format(r, r->low, text[0]),
					     format(r, r->mid, text[1]),
					     format(r, r->high, text[2]),
					     format(r, r->measured, text[3]), ratio});
	}
	sk_html_table_end(out);
}

void sk_page_predicted(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_json *prediction = sk_json_get(in->run, "prediction");
	struct row rows[MAX_ROWS];
	size_t n = read_rows(in->run, rows);
	const char *why = sk_json_str(sk_json_get(prediction, "why"), NULL);

	if (!prediction)
		return;
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Predicted and measured");
	if (!sk_json_bool(sk_json_get(prediction, "converges"), true))
		sk_html_element(out, "p", NULL, "It was not expected to end: %s.",
				why ? why : "no reason given");
	if (n > 0) {
		sk_html_element(
			out, "p", "note",
			"Band: what the model allowed for, its line the value that "
			"it predicted; mark: what was measured. All as multiples "
			"of the predicted value, on a logarithmic axis.");
		draw(out, rows, n);
		add_table(out, rows, n);
	}
	if (!sk_json_bool(sk_json_get(prediction, "calibrated"), true) ||
	    sk_json_int(sk_json_get(prediction, "calibrated"), 1) == 0)
		sk_html_element(
			out, "p", "note",
			"The model has learnt nothing yet of these hosts and their link.");
	sk_str_add(out, "</section>\n");
}
