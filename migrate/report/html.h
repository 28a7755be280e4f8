/* SPDX-License-Identifier: Apache-2.0 */
/* html - escaped text and tables */
#ifndef SK_HTML_H
#define SK_HTML_H

#include "lib/str.h"

/** sk_html_element() - Append <tag class="css">escaped text</tag>; @css NULL for none */
void sk_html_element(struct sk_str *out, const char *tag, const char *css,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** sk_html_fact() - Append a name and what it is, of a list <dl>; nothing without a value */
void sk_html_fact(struct sk_str *out, const char *name, const char *value);
/**
 * sk_html_table() - Begin a table
 * @headings:	NULL-terminated; one that begins with ">" is of a column of numbers
 */
void sk_html_table(struct sk_str *out, const char *const *headings);
/** sk_html_row() - One row; as many cells as there are headings */
void sk_html_row(struct sk_str *out, const char *const *headings,
		 const char *const *cells);
/** sk_html_table_end() - End it */
void sk_html_table_end(struct sk_str *out);

#endif
