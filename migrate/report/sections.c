// SPDX-License-Identifier: Apache-2.0
/* sections - the page's header, the list of events, provenance */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

static const char *run_text(const struct sk_report_input *in, const char *path)
{
	return sk_json_str(sk_json_path(in->run, path), NULL);
}

static void add_badges(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_verdict *v = in->verdict;
	const struct sk_json *verified = sk_json_get(in->run, "memory_verified");
	char text[SK_FORMAT_SIZE];

	sk_str_add(out, "<p class=\"badges\">\n");
	if (v->proven == v->chosen)
		sk_html_element(out, "span", "badge good", "%s, proven by events",
				sk_mode_name(v->proven));
	else
		sk_html_element(out, "span", "badge bad", "degenerate: not %s as asked",
				sk_mode_name(v->chosen));
	if (!verified)
		sk_html_element(out, "span", "badge", "memory not verified");
	else if (sk_json_bool(verified, false))
		sk_html_element(out, "span", "badge good", "memory verified");
	else
		sk_html_element(out, "span", "badge bad", "memory check failed");
	if (v->all.sent)
		sk_html_element(out, "span", v->all.late_ok ? "badge good" : "badge bad",
				v->all.late_ok
					? "probe on time (p99 %s late)"
					: "probe late by %s (p99): discard this run",
				sk_page_us(v->all.late_p99_us, text));
	if (v->all.is_cut)
		sk_html_element(out, "span", "badge bad", "probe cut off");
	sk_str_add(out, "</p>\n");
	sk_html_element(out, "p", "note", "Evidence: %s.", v->why);
	if (run_text(in, "memory_check.why"))
		sk_html_element(out, "p", "note", "Memory: %s.",
				run_text(in, "memory_check.why"));
}

static void add_result(struct sk_str *out, const struct sk_verdict *v)
{
	char client[SK_FORMAT_SIZE], reported[SK_FORMAT_SIZE];
	double ratio;

	if (!v->has_client) {
		sk_html_element(
			out, "p", "result",
			"The hypervisor reported %s of downtime. What clients felt "
			"was not measured.",
			sk_page_ms(v->has_reported, v->downtime_reported_ns, reported));
		return;
	}
	(void)sk_format_duration(v->downtime_client_ns, client);
	if (sk_page_is_gone(v)) {
		sk_html_element(
			out, "p", "result",
			"The service did not answer any more after the migration. "
			"The hypervisor reported %s of downtime.",
			sk_page_ms(v->has_reported, v->downtime_reported_ns, reported));
		return;
	}
	if (!v->has_reported || v->downtime_reported_ns == 0) {
		sk_html_element(
			out, "p", "result",
			"Clients heard nothing for %s. The hypervisor reported no "
			"downtime.",
			client);
		return;
	}
	(void)sk_format_duration(v->downtime_reported_ns, reported);
	ratio = (double)v->downtime_client_ns / (double)v->downtime_reported_ns;
	sk_str_add(out, "<p class=\"result\">Clients heard nothing for <strong>");
	sk_str_add_xml(out, client);
	sk_str_add(out, "</strong>; the hypervisor reported <strong>");
	sk_str_add_xml(out, reported);
	sk_str_addf(out,
		    ratio >= 1.15 ? "</strong>: clients waited <em>%.*f times</em> as "
				    "long.</p>\n"
		    : ratio > 1 / 1.15 ? "</strong>: the two agree.</p>\n"
				       : "</strong>, more than clients noticed.</p>\n",
		    ratio < 10 ? 1 : 0, ratio);
}

void sk_page_header(struct sk_str *out, const struct sk_report_input *in)
{
	const char *guest = run_text(in, "guest"), *from = run_text(in, "from.name"),
		   *to = run_text(in, "to.name"), *started = run_text(in, "started");

	sk_str_add(out, "<header>\n");
	sk_html_element(out, "p", "kicker", "skiff migration report%s%s",
			started ? ", " : "", started ? started : "");
	sk_html_element(out, "h1", NULL, "%s: %s to %s, %s", guest ? guest : "guest",
			from ? from : "source", to ? to : "destination",
			sk_mode_name(in->verdict->asked));
	add_result(out, in->verdict);
	add_badges(out, in);
	sk_str_add(out, "</header>\n");
}

void sk_page_events(struct sk_str *out, const struct sk_report_input *in)
{
	static const char *const headings[] = {">time", "where",  "kind",
					       "event", "detail", NULL};
	size_t n;
	const struct sk_event *events = sk_timeline_events(in->timeline, &n);

	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "What happened");
	sk_str_add(out, "<details open><summary>");
	sk_str_addf(out, "%zu events, in seconds since the call", n);
	sk_str_add(out, "</summary>\n");
	sk_html_table(out, headings);
	for (size_t i = 0; i < n; i++) {
		char at[32], value[32] = "";

		(void)snprintf(at, sizeof(at), "%.4f",
			       sk_page_seconds(in->verdict, events[i].real_ns));
		if (events[i].kind == SK_EVENT_ITERATION)
			(void)snprintf(value, sizeof(value), "pass %" PRId64,
				       events[i].value);
		sk_html_row(out, headings,
			    (const char *[]){at, sk_side_name(events[i].side),
					     sk_event_kind_name(events[i].kind),
					     events[i].name,
					     value[0] ? value : events[i].detail});
	}
	sk_html_table_end(out);
	sk_str_add(out, "</details></section>\n");
}

static void add_host(struct sk_str *out, const struct sk_report_input *in,
		     const char *title, const char *key)
{
	static const char *const parts[] = {"uri", "libvirt", "qemu"};
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		char path[32];
		const char *value;

		(void)snprintf(path, sizeof(path), "%s.%s", key, parts[i]);
		value = run_text(in, path);
		if (value)
			sk_str_addf(&text, "%s%s %s", text.len ? ", " : "", parts[i],
				    value);
	}
	sk_html_fact(out, title, text.ptr);
}

void sk_page_provenance(struct sk_str *out, const struct sk_report_input *in)
{
	static const struct {
		const char *name, *path;
	} facts[] = {{"command", "command"},
		     {"seed", "seed"},
		     {"accelerator", "accelerator"},
		     {"CPU check", "cpu_check"},
		     {"kernel of this host", "kernel"},
		     {"skiff", "skiff"},
		     {"probe", "probe_target"},
		     {"results", "dir"}};
	const struct sk_verdict *v = in->verdict;
	char text[3][SK_FORMAT_SIZE];

	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Where the numbers come from");
	sk_str_add(out, "<dl>\n");
	for (size_t i = 0; i < SK_ARRAY_SIZE(facts); i++)
		sk_html_fact(out, facts[i].name, run_text(in, facts[i].path));
	add_host(out, in, "source", "from");
	add_host(out, in, "destination", "to");
	sk_html_element(out, "dt", NULL, "time");
	sk_html_element(out, "dd", NULL, "preparation %s, transfer %s, API call %s",
			sk_page_ms(v->active_ns != 0, v->prep_ns, text[0]),
			sk_page_ms(v->completed_ns != 0, v->total_ns, text[1]),
			sk_page_ms(v->api_return_ns != 0, v->api_ns, text[2]));
	sk_html_element(out, "dt", NULL, "data");
	sk_html_element(out, "dd", NULL, "%s sent for %s of memory",
			sk_format_size(v->wire_bytes, text[0]),
			sk_format_size(v->memory_bytes, text[1]));
	sk_str_add(out, "</dl>\n");
	if (sk_str_equal(run_text(in, "accelerator"), "tcg"))
		sk_html_element(
			out, "p", "note",
			"The guest ran in an emulator (TCG): compare only with runs "
			"of the same lab.");
	sk_html_element(
		out, "p", "note",
		"Definitions: man 7 skiff-migration-metrics. Raw data beside this "
		"page: run.json, samples.bin.");
	sk_str_add(out, "</section>\n");
}
