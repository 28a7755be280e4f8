// SPDX-License-Identifier: Apache-2.0
/* objective - what was to be kept to, whether it was, and what auto chose and did for it */
#include <math.h>
#include <stdio.h>

#include "migrate/report/html.h"
#include "migrate/report/page.h"

static const char *format(bool is_bytes, double value, char buf[SK_FORMAT_SIZE])
{
	if (!isfinite(value) || value < 0)
		return "not known";
	return is_bytes ? sk_format_size((uint64_t)value, buf)
			: sk_format_duration((uint64_t)llround(value * 1e6), buf);
}

static void add_limits(struct sk_str *out, const struct sk_json *slo)
{
	static const char *const headings[] = {"objective", ">at most", ">measured", "",
					       NULL};
	static const struct {
		const char *key, *name;
		bool is_bytes;
	} limits[] = {{"outage", "client's outage", false},
		      {"total", "total time", false},
		      {"bytes", "sent", true}};

	sk_html_table(out, headings);
	for (size_t i = 0; i < SK_ARRAY_SIZE(limits); i++) {
		const struct sk_json *one = sk_json_get(slo, limits[i].key);
		double limit = sk_json_double(sk_json_get(one, "limit"), NAN);
		double measured = sk_json_double(sk_json_get(one, "measured"), NAN);
		char text[2][SK_FORMAT_SIZE];

		if (!one)
			continue;
		sk_html_row(out, headings,
			    (const char *[]){limits[i].name,
					     format(limits[i].is_bytes, limit, text[0]),
					     format(limits[i].is_bytes, measured,
						    text[1]),
					     sk_json_bool(sk_json_get(one, "met"), false)
						     ? "met"
						     : "missed"});
	}
	sk_html_table_end(out);
}

static void add_candidates(struct sk_str *out, const struct sk_json *automatic)
{
	static const char *const headings[] = {"considered", "keeps to it", NULL};
	const struct sk_json *list = sk_json_get(automatic, "candidates");
	int64_t chosen = sk_json_int(sk_json_get(automatic, "chosen"), -1);

	if (sk_json_len(list) == 0)
		return;
	sk_html_table(out, headings);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *one = sk_json_at(list, i);
		sk_autofree char *fits =
			sk_strf("%s%s", sk_json_str(sk_json_get(one, "fits"), ""),
				(int64_t)i == chosen ? ": chosen" : "");

		sk_html_row(out, headings,
			    (const char *[]){sk_json_str(sk_json_get(one, "text"), ""),
					     fits ? fits : ""});
	}
	sk_html_table_end(out);
}

static void add_changes(struct sk_str *out, const struct sk_json *automatic)
{
	static const char *const headings[] = {">changed after", "what and why", NULL};
	const struct sk_json *list = sk_json_get(automatic, "changes");

	if (sk_json_len(list) == 0)
		return;
	sk_html_table(out, headings);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *one = sk_json_at(list, i);
		char at[SK_FORMAT_SIZE];

		sk_html_row(out, headings,
			    (const char *[]){format(false,
						    sk_json_double(sk_json_get(one,
									       "at_ms"),
								   NAN),
						    at),
					     sk_json_str(sk_json_get(one, "text"), "")});
	}
	sk_html_table_end(out);
}

void sk_page_objective(struct sk_str *out, const struct sk_report_input *in)
{
	const struct sk_json *slo = sk_json_get(in->run, "slo");
	const struct sk_json *automatic = sk_json_get(in->run, "auto");
	const char *why = sk_json_str(sk_json_get(automatic, "why"), NULL);
	bool met = sk_json_bool(sk_json_get(slo, "met"), false);

	if (!slo && !automatic)
		return;
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, slo ? "Objective" : "What auto chose");
	if (slo) {
		sk_str_add(out, "<p class=\"badges\">\n");
		sk_html_element(out, "span", met ? "badge good" : "badge bad",
				met ? "met" : "missed");
		sk_str_add(out, "</p>\n");
		add_limits(out, slo);
	}
	if (why)
		sk_html_element(out, "p", NULL, "Chosen: %s.", why);
	add_candidates(out, automatic);
	add_changes(out, automatic);
	sk_str_add(out, "</section>\n");
}
