// SPDX-License-Identifier: Apache-2.0
/* figure_downtime - what was reported, what the machine did, what a client saw */
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

#define WIDTH  1000.0
#define LEFT   200.0
#define RIGHT  880.0
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

static void draw_bars(struct sk_str *out, const struct bar bars[3])
{
	struct sk_svg_scale x = {.max = 1, .from_px = LEFT, .to_px = RIGHT};

	for (size_t i = 0; i < 3; i++)
		x.max = fmax(x.max, bars[i].has ? (double)bars[i].ns : 0);
	sk_svg_open(out, WIDTH, HEIGHT, "Three downtimes as bars");
	for (size_t i = 0; i < 3; i++) {
		double y = 4 + (double)i * PITCH;
		double end = sk_svg_place(&x, bars[i].has ? (double)bars[i].ns : 0);
		struct sk_svg_box box = {LEFT, y, fmax(end - LEFT, bars[i].has ? 2 : 0),
					 BAR};
		char text[SK_FORMAT_SIZE];

		sk_svg_text(out, LEFT - 12, y + BAR / 2 + 5, "end", "bar-name", "%s",
			    bars[i].name);
		sk_svg_rect(out, &box, bars[i].css, bars[i].meaning);
		sk_svg_text(out, fmax(end, LEFT + 2) + 10, y + BAR / 2 + 6, "start",
			    "bar-value", "%s%s", bars[i].is_open ? "at least " : "",
			    sk_page_ms(bars[i].has, bars[i].ns, text));
	}
	sk_svg_line(out, LEFT, 0, LEFT, HEIGHT, "axis");
	sk_svg_close(out);
}

/* What made the difference; only what the record shows. */
static void add_cause(struct sk_str *out, const struct sk_verdict *v)
{
	char stopped[SK_FORMAT_SIZE], phase[SK_FORMAT_SIZE], pages[64] = "";

	if (!v->has_client || !v->has_vcpu || sk_page_is_gone(v))
		return;
	if (v->postcopy_ns && v->downtime_client_ns > 2 * v->downtime_vcpu_ns) {
		if (v->postcopy_requests)
			(void)snprintf(pages, sizeof(pages), "; it asked for %llu pages",
				       (unsigned long long)v->postcopy_requests);
		sk_html_element(out, "p", NULL,
				"The virtual CPU stood still for %s only. After that the "
				"guest ran at the destination without its memory, and "
				"waited for pages from the source for up to %s%s.",
				sk_format_duration(v->downtime_vcpu_ns, stopped),
				sk_page_ms(v->completed_ns > v->resume_ns,
					   v->completed_ns - v->resume_ns, phase),
				pages);
	} else {
		sk_html_element(
			out, "p", NULL,
			"The virtual CPU stood still for %s. What a client waited "
			"beyond that is the network finding the new place, and the "
			"distance between two requests.",
			sk_format_duration(v->downtime_vcpu_ns, stopped));
	}
}

void sk_page_downtime(struct sk_str *out, const struct sk_report_input *in)
{
	static const char *const headings[] = {"downtime", ">duration", "measured as",
					       NULL};
	struct bar bars[3];

	fill_bars(in->verdict, bars);
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Three downtimes");
	draw_bars(out, bars);
	add_cause(out, in->verdict);
	sk_html_table(out, headings);
	for (size_t i = 0; i < 3; i++) {
		char text[SK_FORMAT_SIZE];

		sk_html_row(out, headings,
			    (const char *[]){bars[i].name,
					     sk_page_ms(bars[i].has, bars[i].ns, text),
					     bars[i].meaning});
	}
	sk_html_table_end(out);
	sk_str_add(out, "</section>\n");
}
