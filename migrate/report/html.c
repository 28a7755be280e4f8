// SPDX-License-Identifier: Apache-2.0
/* html - escaped text and tables */
#include "migrate/report/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void open_tag(struct sk_str *out, const char *tag, const char *css)
{
	sk_str_addf(out, css ? "<%s class=\"%s\">" : "<%s>", tag, css);
}

void sk_html_element(struct sk_str *out, const char *tag, const char *css,
		     const char *fmt, ...)
{
	sk_autofree char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (!text) {
		out->failed = true;
		return;
	}
	open_tag(out, tag, css);
	sk_str_add_xml(out, text);
	sk_str_addf(out, "</%s>\n", tag);
}

void sk_html_fact(struct sk_str *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	sk_html_element(out, "dt", NULL, "%s", name);
	sk_html_element(out, "dd", NULL, "%s", value);
}

void sk_html_table(struct sk_str *out, const char *const *headings)
{
	sk_str_add(out, "<div class=\"scroll\"><table><thead><tr>");
	for (; *headings; headings++) {
		const char *number = sk_str_starts(*headings, ">");

		open_tag(out, "th", number ? "number" : NULL);
		sk_str_add_xml(out, number ? number : *headings);
		sk_str_add(out, "</th>");
	}
	sk_str_add(out, "</tr></thead><tbody>\n");
}

void sk_html_row(struct sk_str *out, const char *const *headings,
		 const char *const *cells)
{
	sk_str_add(out, "<tr>");
	for (size_t i = 0; headings[i]; i++) {
		open_tag(out, "td", headings[i][0] == '>' ? "number" : NULL);
		sk_str_add_xml(out, cells[i] ? cells[i] : "");
		sk_str_add(out, "</td>");
	}
	sk_str_add(out, "</tr>\n");
}

void sk_html_table_end(struct sk_str *out)
{
	sk_str_add(out, "</tbody></table></div>\n");
}
