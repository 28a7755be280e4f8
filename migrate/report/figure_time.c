// SPDX-License-Identifier: Apache-2.0
/* figure_time - response times and rates over time, with the migration's phases shaded */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH	     1000.0
#define LEFT	     62.0
#define RIGHT	     988.0
#define STRIP_TOP    6.0
#define STRIP_HEIGHT 20.0
#define LOST_TOP     32.0
#define LOST_HEIGHT  10.0
#define OUTAGE_Y     54.0
#define REPLY_TOP    66.0
#define REPLY_BOTTOM 330.0
#define RATE_TOP     384.0
#define RATE_BOTTOM  504.0
#define HEIGHT	     538.0
#define CHAR_WIDTH   6.6
#define MIN_LOG_US   50.0 /* the axis begins there, or lower where replies are faster */
#define MIN_SPAN_S   0.06 /* a rate over less is noise */

/** struct figure - What all panels share */
struct figure {
	struct sk_str *out;
	const struct sk_report_input *in;
	struct sk_svg_scale x;
	struct sk_phase phases[SK_PHASES_MAX];
	size_t nr_phases;
};

static const char *format_s(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g s", fabs(value) < 1e-9 ? 0 : value);
	return buf;
}

static const char *format_us(double value, char buf[32])
{
	return sk_format_duration((uint64_t)llround(value * 1e3), buf);
}

static const char *format_mib(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g", value);
	return buf;
}

static double sample_s(const struct figure *f, uint64_t ns)
{
	return sk_page_seconds(f->in->verdict, f->in->probe_start_real_ns + ns);
}

static void set_range(struct figure *f)
{
	const struct sk_verdict *v = f->in->verdict;
	double end =
		sk_page_seconds(v, v->api_return_ns ? v->api_return_ns : v->completed_ns);

	f->x = (struct sk_svg_scale){.min = -0.5,
				     .max = fmax(end + 0.5, 1),
				     .from_px = LEFT,
				     .to_px = RIGHT};
	if (f->in->nr_samples == 0)
		return;
	f->x.min = sample_s(f, 0);
	f->x.max = fmax(f->x.max,
			sample_s(f, f->in->samples[f->in->nr_samples - 1].intended_ns));
}

static void draw_bands(struct figure *f, double top, double bottom)
{
	for (size_t i = 0; i < f->nr_phases; i++) {
		const struct sk_phase *p = &f->phases[i];
		double from = sk_svg_place(&f->x, p->from_s);
		struct sk_svg_box box = {from, top,
					 fmax(sk_svg_place(&f->x, p->to_s) - from, 1),
					 bottom - top};
		char css[40], tip[96];

		(void)snprintf(css, sizeof(css), "band %s", p->css);
		(void)snprintf(tip, sizeof(tip), "%s: %.3f s to %.3f s (%.0f ms)",
			       p->label, p->from_s, p->to_s, (p->to_s - p->from_s) * 1e3);
		sk_svg_rect(f->out, &box, css, tip);
	}
}

/* The same bands in strong colours, with their names where there is room. */
static void draw_strip(struct figure *f)
{
	for (size_t i = 0; i < f->nr_phases; i++) {
		const struct sk_phase *p = &f->phases[i];
		double from = sk_svg_place(&f->x, p->from_s);
		double width = fmax(sk_svg_place(&f->x, p->to_s) - from, 2);
		struct sk_svg_box box = {from, STRIP_TOP, width, STRIP_HEIGHT};
		char css[40];

		(void)snprintf(css, sizeof(css), "strip %s", p->css);
		sk_svg_rect(f->out, &box, css, p->label);
		if (width > CHAR_WIDTH * (double)strlen(p->label) + 6)
			sk_svg_text(f->out, from + width / 2, STRIP_TOP + 14, "middle",
				    "strip-label", "%s", p->label);
	}
}

static void draw_lost(struct figure *f)
{
	const struct sk_report_input *in = f->in;
	long last = -1;

	sk_str_add(f->out, "<path class=\"lost\" d=\"");
	for (size_t i = 0; i < in->nr_samples; i++) {
		long x;

		if (in->samples[i].received_ns)
			continue;
		x = lround(sk_svg_place(&f->x, sample_s(f, in->samples[i].intended_ns)));
		if (x != last)
			sk_str_addf(f->out, "M%ld %gv%g", x, LOST_TOP, LOST_HEIGHT);
		last = x;
	}
	sk_str_add(f->out, "\"/>\n");
	sk_svg_text(f->out, LEFT - 8, LOST_TOP + 9, "end", "tick", "lost");
}

static void draw_outage(struct figure *f)
{
	const double y = OUTAGE_Y;
	const struct sk_verdict *v = f->in->verdict;
	double from, to;
	char text[SK_FORMAT_SIZE];

	if (!v->has_client)
		return;
	from = sk_svg_place(&f->x, sk_page_seconds(v, v->outage_start_ns));
	to = sk_svg_place(&f->x,
			  sk_page_seconds(v, v->outage_start_ns + v->downtime_client_ns));
	sk_svg_line(f->out, from, y, to, y, "outage");
	sk_svg_line(f->out, from, y - 4, from, y + 4, "outage");
	sk_svg_line(f->out, to, y - 4, to, y + 4, "outage");
	sk_svg_text(f->out, to + 110 > RIGHT ? from - 6 : to + 6, y + 4,
		    to + 110 > RIGHT ? "end" : "start", "outage-label", "silent for %s%s",
		    sk_page_is_gone(v) ? "at least " : "",
		    sk_format_duration(v->downtime_client_ns, text));
}

static void draw_replies(struct figure *f)
{
	const struct sk_report_input *in = f->in;
	struct sk_svg_scale y = {.min = MIN_LOG_US,
				 .max = 1e4,
				 .from_px = REPLY_BOTTOM,
				 .to_px = REPLY_TOP,
				 .is_log = true};
	sk_autofree double *xs = calloc(in->nr_samples, sizeof(*xs));
	sk_autofree double *ys = calloc(in->nr_samples, sizeof(*ys));
	struct sk_svg_series series = {&f->x, &y, xs, ys, in->nr_samples, "reply"};

	if (!xs || !ys) {
		f->out->failed = true;
		return;
	}
	for (size_t i = 0; i < in->nr_samples; i++) {
		const struct sk_sample *s = &in->samples[i];

		xs[i] = sample_s(f, s->intended_ns);
		ys[i] = NAN;
		if (!s->received_ns)
			continue;
		ys[i] = (double)(s->received_ns - s->intended_ns) / 1e3;
		y.max = fmax(y.max, ys[i] * 1.3);
		y.min = fmin(y.min, fmax(ys[i] * 0.8, 1));
	}
	sk_svg_grid_y(f->out, &y, LEFT, RIGHT, format_us);
	sk_svg_points(f->out, &series);
	draw_lost(f);
	draw_outage(f);
}

/** struct rates - Two rates per statistics sample, MiB/s */
struct rates {
	size_t n;
	double *xs, *sent, *dirty;
	double max;
};

/* The last statistics come after the end of the job: they count as its end. */
static double job_s(const struct figure *f, const struct sk_job_sample *job)
{
	const struct sk_verdict *v = f->in->verdict;
	uint64_t at = job->real_ns;

	return sk_page_seconds(v, v->completed_ns && at > v->completed_ns
					  ? v->completed_ns
					  : at);
}

static void fill_rates(const struct figure *f, const struct sk_job_sample *jobs,
		       struct rates *r)
{
	double last_s = sk_page_seconds(f->in->verdict, f->in->verdict->active_ns);
	uint64_t last_bytes = 0;

	for (size_t i = 0; i < r->n; i++) {
		double at = job_s(f, &jobs[i]);
		uint64_t page = jobs[i].page_size ? jobs[i].page_size : 4096;

		/* A rate holds from the sample before to this one. */
		r->xs[i] = last_s;
		r->sent[i] =
			at > last_s + MIN_SPAN_S && jobs[i].memory_processed >= last_bytes
				? (double)(jobs[i].memory_processed - last_bytes) /
					  (at - last_s) / 1048576
			: i ? r->sent[i - 1]
			    : 0;
		r->dirty[i] = jobs[i].dirty_rate
				      ? (double)(jobs[i].dirty_rate * page) / 1048576
				      : NAN;
		r->max = fmax(r->max, fmax(r->sent[i], r->dirty[i]));
		last_s = fmax(at, last_s);
		last_bytes = jobs[i].memory_processed;
	}
	r->xs[r->n] = last_s;
	r->sent[r->n] = r->n ? r->sent[r->n - 1] : 0;
	r->dirty[r->n] = r->n ? r->dirty[r->n - 1] : NAN;
}

static void draw_cap(struct figure *f, const struct sk_svg_scale *y, double cap)
{
	double at = sk_svg_place(y, cap);

	sk_svg_line(f->out, LEFT, at, RIGHT, at, "cap");
	sk_svg_text(f->out, RIGHT - 4, at - 5, "end", "tick", "limit %g MiB/s",
		    round(cap * 10) / 10);
}

static void draw_rates(struct figure *f)
{
	double cap = sk_json_double(sk_json_get(f->in->run, "bandwidth_bits"), 0) / 8 /
		     1048576;
	struct rates r = {.max = cap};
	const struct sk_job_sample *jobs = sk_timeline_jobs(f->in->timeline, &r.n);
	sk_autofree double *buffer = calloc(3 * (r.n + 1), sizeof(*buffer));
	struct sk_svg_scale y = {.from_px = RATE_BOTTOM, .to_px = RATE_TOP};

	if (!buffer) {
		f->out->failed = true;
		return;
	}
	r.xs = buffer;
	r.sent = buffer + r.n + 1;
	r.dirty = buffer + 2 * (r.n + 1);
	fill_rates(f, jobs, &r);
	y.max = fmax(r.max * 1.1, 1);
	sk_svg_grid_y(f->out, &y, LEFT, RIGHT, format_mib);
	if (cap > 0)
		draw_cap(f, &y, cap);
	sk_svg_steps(f->out, &(struct sk_svg_series){&f->x, &y, r.xs, r.sent, r.n + 1,
						     "rate-sent"});
	sk_svg_steps(f->out, &(struct sk_svg_series){&f->x, &y, r.xs, r.dirty, r.n + 1,
						     "rate-dirty"});
}

static void draw_legend(struct sk_str *out)
{
	sk_svg_text(out, LEFT, RATE_TOP - 10, "start", "panel", "MiB/s");
	sk_svg_line(out, LEFT + 64, RATE_TOP - 14, LEFT + 88, RATE_TOP - 14, "rate-sent");
	sk_svg_text(out, LEFT + 94, RATE_TOP - 10, "start", "tick", "sent");
	sk_svg_line(out, LEFT + 138, RATE_TOP - 14, LEFT + 162, RATE_TOP - 14,
		    "rate-dirty");
	sk_svg_text(out, LEFT + 168, RATE_TOP - 10, "start", "tick",
		    "dirtied by the guest");
}

/* All passes as one. */
static void add_legend(const struct figure *f)
{
	struct sk_str *out = f->out;
	double passes_s = 0;
	size_t nr_passes = f->in->verdict->nr_passes;
	char text[SK_FORMAT_SIZE];

	sk_str_add(out, "<p class=\"legend\">\n");
	for (size_t i = 0; i < f->nr_phases; i++) {
		const struct sk_phase *p = &f->phases[i];
		bool is_pass = sk_str_starts(p->label, "pass ") != NULL;
		double seconds = p->to_s - p->from_s;

		if (is_pass && i + 1 < f->nr_phases &&
		    sk_str_starts(f->phases[i + 1].label, "pass ")) {
			passes_s += seconds;
			continue;
		}
		seconds += is_pass ? passes_s : 0;
		(void)sk_format_duration((uint64_t)llround(seconds * 1e9), text);
		sk_str_addf(out, "<span><i class=\"%s\"></i>", p->css);
		if (is_pass && nr_passes > 1)
			sk_str_addf(out, "%zu passes", nr_passes);
		else
			sk_str_add_xml(out, p->label);
		sk_str_addf(out, " <b>%s</b></span>\n", text);
	}
	sk_str_add(out, "</p>\n");
}

static void add_windows(struct sk_str *out, const struct sk_verdict *v)
{
	static const char *const headings[] = {"window",   ">requests", ">lost",
					       ">median",  ">p90",	">p99",
					       ">slowest", NULL};
	const struct {
		const char *name;
		const struct sk_probe_summary *s;
	} windows[] = {{"before", &v->before},
		       {"during the API call", &v->during},
		       {"after", &v->after}};

	sk_html_table(out, headings);
	for (size_t i = 0; i < SK_ARRAY_SIZE(windows); i++) {
		const struct sk_probe_summary *s = windows[i].s;
		char sent[24], lost[24], text[4][SK_FORMAT_SIZE];

		(void)snprintf(sent, sizeof(sent), "%zu", s->sent);
		(void)snprintf(lost, sizeof(lost), s->is_cut ? "unknown" : "%zu",
			       s->lost);
		sk_html_row(out, headings,
			    (const char *[]){windows[i].name, sent, lost,
					     sk_page_us(s->p50_us, text[0]),
					     sk_page_us(s->p90_us, text[1]),
					     sk_page_us(s->p99_us, text[2]),
					     sk_page_us(s->max_us, text[3])});
	}
	sk_html_table_end(out);
}

void sk_page_timeline(struct sk_str *out, const struct sk_report_input *in)
{
	struct figure f = {.out = out, .in = in};
	bool has_probe = in->nr_samples > 0;

	set_range(&f);
	f.nr_phases = sk_phases_make(in->verdict, f.phases, SK_PHASES_MAX);
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "What clients felt, and when");
	sk_html_element(out, "p", "note",
			has_probe
				? "Each dot is a reply, at the time its request was due; "
				  "response time on a logarithmic axis. Second 0 is the "
				  "call of the migration. In the table a lost request "
				  "counts as 2 s."
				: "No probe ran: only the hypervisor's view is known. "
				  "Second 0 is the call of the migration.");
	sk_svg_open(out, WIDTH, HEIGHT, "Response time and transfer rate over time");
	draw_bands(&f, STRIP_TOP, REPLY_BOTTOM);
	draw_bands(&f, RATE_TOP, RATE_BOTTOM);
	draw_strip(&f);
	sk_svg_grid_x(out, &f.x, REPLY_TOP, REPLY_BOTTOM, format_s);
	sk_svg_grid_x(out, &f.x, RATE_TOP, RATE_BOTTOM, format_s);
	if (has_probe)
		draw_replies(&f);
	draw_rates(&f);
	draw_legend(out);
	sk_svg_close(out);
	add_legend(&f);
	if (has_probe)
		add_windows(out, in->verdict);
	sk_str_add(out, "</section>\n");
}
