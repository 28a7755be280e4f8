// SPDX-License-Identifier: Apache-2.0
/* figure_downtime - what was reported, what the machine did, what a client saw, and of what that consists */
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH  1000.0
#define LEFT   200.0
#define RIGHT  870.0
#define BAR    30.0
#define PITCH  44.0
#define HEIGHT (3 * PITCH + 8)

/** struct bar - One of the three */
struct bar {
	const char *name, *css, *meaning;
	bool has;
	uint64_t ns;
	bool is_open; /* it had not ended when the probe did */
};

static void fill_bars(const struct sk_verdict *v, struct bar bars[3])
{
	bars[0] = (struct bar){"reported",
			       "bar-reported",
			       "the hypervisor's own statistic of the completed job",
			       v->has_reported,
			       v->downtime_reported_ns,
			       false};
	bars[1] = (struct bar){
		"virtual CPU stood still",
		"bar-vcpu",
		"from QEMU's STOP at the source to RESUME at the destination",
		v->has_vcpu,
		v->downtime_vcpu_ns,
		false};
	bars[2] = (struct bar){
		"client heard nothing",
		"bar-client",
		"longest time without a reply, from the moment a request was "
		"due",
		v->has_client,
		v->downtime_client_ns,
		sk_page_is_gone(v)};
}

const char *sk_page_part_title(enum sk_part part)
{
	static const char *const titles[SK_NR_PARTS] = {
		[SK_PART_BEFORE] = "before the stop",
		[SK_PART_SETUP] = "set-up at the source",
		[SK_PART_STOP] = "virtual CPU stopped",
		[SK_PART_ANNOUNCE] = "announcement",
		[SK_PART_FAULTS] = "page faults",
		[SK_PART_QUEUE] = "queue behind the stream",
		[SK_PART_BUSY] = "no processor free",
		[SK_PART_REST] = "not explained",
	};

	return titles[part];
}

void sk_page_part_legend(struct sk_str *out, enum sk_part part, const char *value)
{
	sk_str_addf(out, "<span><i class=\"part-%s\"></i>%s", sk_part_name(part),
		    sk_page_part_title(part));
	if (value)
		sk_str_addf(out, " <b>%s</b>", value);
	sk_str_add(out, "</span>\n");
}

static double part_ms(const struct sk_report_input *in, enum sk_part part)
{
	return sk_part_ms(in->run, sk_part_name(part));
}

static const char *format_ms(double ms, char buf[SK_FORMAT_SIZE])
{
	if (isnan(ms))
		return "not known";
	return ms > 0 ? sk_format_duration((uint64_t)llround(ms * 1e6), buf) : "0";
}

/* The client's bar in pieces, in order of time. */
static void draw_parts(struct sk_str *out, const struct sk_report_input *in,
		       const struct sk_svg_scale *x, double y)
{
	double at_ms = 0;

	for (unsigned int i = 0; i < SK_NR_PARTS; i++) {
		double ms = part_ms(in, (enum sk_part)i), from, to;
		char css[24], tip[96], text[SK_FORMAT_SIZE];

		if (isnan(ms) || ms <= 0)
			continue;
		from = sk_svg_place(x, at_ms * 1e6);
		at_ms += ms;
		to = sk_svg_place(x, at_ms * 1e6);
		(void)snprintf(css, sizeof(css), "part-%s",
			       sk_part_name((enum sk_part)i));
		(void)snprintf(tip, sizeof(tip), "%s: %s",
			       sk_page_part_title((enum sk_part)i), format_ms(ms, text));
		sk_svg_rect(out, &(struct sk_svg_box){from, y, fmax(to - from, 0.4), BAR},
			    css, tip);
	}
}

static void draw_bar(struct sk_str *out, const struct sk_report_input *in,
		     const struct bar *bar, const struct sk_svg_scale *x, double y)
{
	double end = sk_svg_place(x, bar->has ? (double)bar->ns : 0);
	struct sk_svg_box box = {LEFT, y, fmax(end - LEFT, bar->has ? 2 : 0), BAR};
	char text[SK_FORMAT_SIZE];

	sk_svg_text(out, LEFT - 12, y + BAR / 2 + 5, "end", "bar-name", "%s", bar->name);
	if (sk_str_equal(bar->css, "bar-client") && sk_json_get(in->run, "decomposition"))
		draw_parts(out, in, x, y);
	else
		sk_svg_rect(out, &box, bar->css, bar->meaning);
	sk_svg_text(out, fmax(end, LEFT + 2) + 10, y + BAR / 2 + 6, "start", "bar-value",
		    "%s%s", bar->is_open ? "at least " : "",
		    sk_page_ms(bar->has, bar->ns, text));
}

static void draw_bars(struct sk_str *out, const struct sk_report_input *in,
		      const struct bar bars[3])
{
	struct sk_svg_scale x = {.max = 1, .from_px = LEFT, .to_px = RIGHT};

	for (size_t i = 0; i < 3; i++)
		x.max = fmax(x.max, bars[i].has ? (double)bars[i].ns : 0);
	sk_svg_open(out, WIDTH, HEIGHT, "Three downtimes as bars, the client's in parts");
	for (size_t i = 0; i < 3; i++)
		draw_bar(out, in, &bars[i], &x, 4 + (double)i * PITCH);
	sk_svg_line(out, LEFT, 0, LEFT, HEIGHT, "axis");
	sk_svg_close(out);
}

static void add_legend(struct sk_str *out, const struct sk_report_input *in)
{
	sk_str_add(out, "<p class=\"legend\">\n");
	for (unsigned int i = 0; i < SK_NR_PARTS; i++) {
		double ms = part_ms(in, (enum sk_part)i);
		char text[SK_FORMAT_SIZE];

		if (isnan(ms) || ms <= 0)
			continue;
		sk_page_part_legend(out, (enum sk_part)i, format_ms(ms, text));
	}
	sk_str_add(out, "</p>\n");
}

static void add_parts(struct sk_str *out, const struct sk_report_input *in)
{
	static const char *const headings[] = {"of the client's outage", ">duration",
					       ">share", "measured as", NULL};
	double total = (double)in->verdict->downtime_client_ns / 1e6;

	sk_html_table(out, headings);
	for (unsigned int i = 0; i < SK_NR_PARTS; i++) {
		const struct sk_json *part =
			sk_part_find(in->run, sk_part_name((enum sk_part)i));
		double ms = part_ms(in, (enum sk_part)i);
		char text[SK_FORMAT_SIZE], share[24] = "";

		if (!isnan(ms) && total > 0)
			(void)snprintf(share, sizeof(share), "%.1f %%", 100 * ms / total);
		sk_html_row(out, headings,
			    (const char *[]){sk_page_part_title((enum sk_part)i),
					     format_ms(ms, text), share,
					     sk_json_str(sk_json_get(part, "how"), "")});
	}
	sk_html_table_end(out);
}

/* The largest part, in words; only what the record shows. */
static void add_cause(struct sk_str *out, const struct sk_report_input *in)
{
	static const char *const causes[SK_NR_PARTS] = {
		[SK_PART_BEFORE] = "while the guest still ran at the source",
		[SK_PART_SETUP] = "before the guest was even stopped, while QEMU at the "
				  "source prepared the transfer",
		[SK_PART_STOP] = "while the virtual CPU stood still",
		[SK_PART_ANNOUNCE] = "until the network knew the new place",
		[SK_PART_FAULTS] = "while the guest, at the destination without its "
				   "memory, fetched pages",
		[SK_PART_QUEUE] = "while pages that the guest needed at the destination "
				  "stood behind others in the stream",
		[SK_PART_BUSY] = "while the destination's processors were busy with "
				 "something else",
		[SK_PART_REST] = "for reasons that these figures do not show",
	};
	unsigned int most = SK_NR_PARTS;
	double most_ms = 0, total = (double)in->verdict->downtime_client_ns / 1e6;
	char text[SK_FORMAT_SIZE];

	for (unsigned int i = 0; i < SK_NR_PARTS; i++)
		if (part_ms(in, (enum sk_part)i) > most_ms) {
			most = i;
			most_ms = part_ms(in, (enum sk_part)i);
		}
	if (most == SK_NR_PARTS || sk_page_is_gone(in->verdict))
		return;
	sk_html_element(out, "p", NULL, "%s of it, %s (%.0f %%), clients waited %s.",
			most_ms > total / 2 ? "Most" : "The largest part",
			format_ms(most_ms, text), 100 * most_ms / total, causes[most]);
}

void sk_page_downtime(struct sk_str *out, const struct sk_report_input *in)
{
	static const char *const headings[] = {"downtime", ">duration", "measured as",
					       NULL};
	struct bar bars[3];

	fill_bars(in->verdict, bars);
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL,
			"Three downtimes, and what the client's consists of");
	draw_bars(out, in, bars);
	if (sk_json_get(in->run, "decomposition")) {
		add_legend(out, in);
		add_cause(out, in);
	}
	sk_html_table(out, headings);
	for (size_t i = 0; i < 3; i++) {
		char text[SK_FORMAT_SIZE], cell[SK_FORMAT_SIZE + 16];

		(void)snprintf(cell, sizeof(cell), "%s%s",
			       bars[i].is_open ? "at least " : "",
			       sk_page_ms(bars[i].has, bars[i].ns, text));
		sk_html_row(out, headings,
			    (const char *[]){bars[i].name, cell, bars[i].meaning});
	}
	sk_html_table_end(out);
	if (sk_json_get(in->run, "decomposition"))
		add_parts(out, in);
	sk_str_add(out, "</section>\n");
}
