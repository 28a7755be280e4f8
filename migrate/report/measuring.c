// SPDX-License-Identifier: Apache-2.0
/* measuring - how it was measured: probe, clocks with their error bars, service, what QEMU told */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH 1000.0
#define LEFT  200.0
#define RIGHT 988.0
#define TOP   6.0
#define PITCH 30.0

static double number(const struct sk_json *run, const char *path)
{
	return sk_json_double(sk_json_path(run, path), NAN);
}

static const char *text_of(const struct sk_json *run, const char *path)
{
	return sk_json_str(sk_json_path(run, path), NULL);
}

static const char *stamps_text(const char *stamps)
{
	if (sk_str_equal(stamps, "kernel"))
		return "the kernel told when answers came";
	if (sk_str_equal(stamps, "program"))
		return "the program told when it read answers: later than they came";
	if (!stamps)
		return "no answer came";
	return "the kernel told when most answers came, the program of the rest";
}

static void add_probe(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_json *run = in->run;
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	const char *kind = text_of(run, "probe.kind");
	char late[SK_FORMAT_SIZE];

	if (!kind)
		return;
	sk_str_addf(&text, "%s, %s loop, %" PRId64 " client%s; %s", kind,
		    text_of(run, "probe.model") ? text_of(run, "probe.model") : "open",
		    sk_json_int(sk_json_path(run, "probe.clients"), 1),
		    sk_json_int(sk_json_path(run, "probe.clients"), 1) == 1 ? "" : "s",
		    stamps_text(text_of(run, "probe.stamps")));
	sk_html_fact(out, "requests", text.ptr);
	sk_str_clear(&text);
	/* Of a probe that was cut off these are not known. */
	if (in->verdict->all.is_cut)
		sk_str_addf(&text, "%zu sent; then the probe was cut off: %s",
			    in->verdict->all.sent,
			    sk_json_str(sk_json_path(run, "probe.cut"),
					"why is not known"));
	else
		sk_str_addf(&text,
			    "%zu sent, %zu lost, %.0f refused by the service, %.0f "
			    "connections made anew",
			    in->verdict->all.sent, in->verdict->all.lost,
			    fmax(number(run, "probe.refused"), 0),
			    fmax(number(run, "probe.reconnects"), 0));
	sk_html_fact(out, "answers", text.ptr);
	sk_str_clear(&text);
	sk_str_addf(&text, "%s (99th percentile); more than 1 ms would spoil the run",
		    sk_page_us(in->verdict->all.late_p99_us, late));
	sk_html_fact(out, "sent late by", text.ptr);
}

static void add_service(struct sk_str *out, const struct sk_json *run)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	const char *model = text_of(run, "service.model");
	double tlp = number(run, "service.tlp");
	char busy[SK_FORMAT_SIZE];

	if (!model)
		return;
	sk_str_addf(&text, "%s; %.0f requests served, %.0f refused; busy for %s", model,
		    number(run, "service.served"), number(run, "service.refused"),
		    sk_format_duration((uint64_t)llround(
					       fmax(number(run, "service.active_ms"), 0) *
					       1e6),
				       busy));
	sk_html_fact(out, "service", text.ptr);
	sk_str_clear(&text);
	if (isfinite(tlp))
		sk_str_addf(&text,
			    "%.2f threads on average while any ran, %.0f at most at once",
			    tlp, number(run, "service.peak_threads"));
	sk_html_fact(out, "its parallelism (TLP)", text.ptr);
}

static void add_qemu(struct sk_str *out, const struct sk_json *run)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	double blocktime = number(run, "blocktime.ms"), pre, down, post;
	const char *why = text_of(run, "blocktime.why");
	char size[3][SK_FORMAT_SIZE], ms[SK_FORMAT_SIZE];

	if (isfinite(blocktime))
		sk_html_fact(out, "waits for pages",
			     sk_format_duration((uint64_t)llround(blocktime * 1e6), ms));
	else if (why) {
		sk_str_addf(&text, "not known: %s", why);
		sk_html_fact(out, "waits for pages", text.ptr);
		sk_str_clear(&text);
	}
	pre = number(run, "memory.precopy_bytes");
	down = number(run, "memory.downtime_bytes");
	post = number(run, "memory.postcopy_bytes");
	if (!isfinite(pre) || !isfinite(down) || !isfinite(post))
		return;
	sk_str_addf(&text,
		    "%s while the guest ran at the source, %s while it stood, %s after",
		    sk_format_size((uint64_t)pre, size[0]),
		    sk_format_size((uint64_t)down, size[1]),
		    sk_format_size((uint64_t)post, size[2]));
	sk_html_fact(out, "sent", text.ptr);
}

/** struct clock_row - One host's clock, in microseconds */
struct clock_row {
	char name[64];
	double offset, error, rtt;
	bool is_corrected;
};

static size_t read_clocks(const struct sk_json *run, struct clock_row rows[2])
{
	static const char *const keys[] = {"from", "to"};
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct sk_json *clock =
			sk_json_get(sk_json_get(run, "clocks"), keys[i]);
		const char *name =
			sk_json_str(sk_json_get(sk_json_get(run, keys[i]), "name"),
				    keys[i]);
		struct clock_row *r = &rows[n];

		r->offset = sk_json_double(sk_json_get(clock, "offset_us"), NAN);
		r->error = sk_json_double(sk_json_get(clock, "error_us"), NAN);
		r->rtt = sk_json_double(sk_json_get(clock, "rtt_us"), NAN);
		r->is_corrected = sk_json_bool(sk_json_get(clock, "corrected"), false);
		(void)snprintf(r->name, sizeof(r->name), "%s (%s)", name,
			       i == 0 ? "source" : "destination");
		if (isfinite(r->offset) && isfinite(r->error))
			n++;
	}
	return n;
}

static const char *format_us(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g us", fabs(value) < 1e-9 ? 0 : value);
	return buf;
}

static void draw_clocks(struct sk_str *out, const struct clock_row *rows, size_t n)
{
	struct sk_svg_scale x = {.from_px = LEFT, .to_px = RIGHT};
	double bottom = TOP + PITCH * (double)n, zero;

	for (size_t i = 0; i < n; i++) {
		x.min = fmin(x.min, rows[i].offset - rows[i].error);
		x.max = fmax(x.max, rows[i].offset + rows[i].error);
	}
	x.max += fmax((x.max - x.min) * 0.05, 1);
	x.min -= fmax((x.max - x.min) * 0.05, 1);
	sk_svg_open(out, WIDTH, bottom + 24,
		    "Clock offsets of the hosts with error bars");
	sk_svg_grid_x(out, &x, TOP, bottom, format_us);
	zero = sk_svg_place(&x, 0);
	sk_svg_line(out, zero, TOP, zero, bottom, "axis");
	for (size_t i = 0; i < n; i++) {
		double y = TOP + PITCH * (double)i + PITCH / 2;
		double at = sk_svg_place(&x, rows[i].offset);
		double from = sk_svg_place(&x, rows[i].offset - rows[i].error);
		double to = sk_svg_place(&x, rows[i].offset + rows[i].error);

		sk_svg_text(out, LEFT - 12, y + 5, "end", "bar-name", "%s", rows[i].name);
		sk_svg_line(out, from, y, to, y, "error-bar");
		sk_svg_line(out, from, y - 5, from, y + 5, "error-bar");
		sk_svg_line(out, to, y - 5, to, y + 5, "error-bar");
		sk_svg_rect(out, &(struct sk_svg_box){at - 4, y - 4, 8, 8}, "measured",
			    NULL);
	}
	sk_svg_close(out);
}

static void add_clocks(struct sk_str *out, const struct sk_json *run)
{
	static const char *const headings[] = {"clock of",     ">ahead of ours",
					       ">at most off", ">round trip",
					       "used",	       NULL};
	struct clock_row rows[2];
	size_t n = read_clocks(run, rows);

	if (n == 0) {
		sk_html_element(
			out, "p", "note",
			"The clocks of the hosts were not asked: the virtual CPU's "
			"downtime is as good as they agree.");
		return;
	}
	sk_html_element(
		out, "p", "note",
		"How far each host's clock is ahead of ours, and how far off that "
		"may be. Stamps are corrected only where the bar does not reach 0.");
	draw_clocks(out, rows, n);
	sk_html_table(out, headings);
	for (size_t i = 0; i < n; i++) {
		char offset[32], error[32], rtt[32];

		(void)snprintf(offset, sizeof(offset), "%+.0f us", rows[i].offset);
		(void)snprintf(error, sizeof(error), "%.0f us", rows[i].error);
		(void)snprintf(rtt, sizeof(rtt), "%.0f us", rows[i].rtt);
		sk_html_row(out, headings,
			    (const char *[]){rows[i].name, offset, error, rtt,
					     rows[i].is_corrected
						     ? "stamps corrected by it"
						     : "no correction: may be 0"});
	}
	sk_html_table_end(out);
}

void sk_page_measuring(struct sk_str *out, const struct sk_report_input *in)
{
	if (!sk_json_get(in->run, "probe") && !sk_json_get(in->run, "clocks"))
		return;
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "How it was measured");
	sk_str_add(out, "<dl>\n");
	add_probe(out, in);
	add_service(out, in->run);
	add_qemu(out, in->run);
	sk_str_add(out, "</dl>\n");
	add_clocks(out, in->run);
	sk_str_add(out, "</section>\n");
}
