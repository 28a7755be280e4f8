/* SPDX-License-Identifier: Apache-2.0 */
/* str - growing strings and NULL-terminated string lists */
#ifndef SK_STR_H
#define SK_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/**
 * struct sk_str - A growing string
 * @ptr:	NUL-terminated text, or NULL while nothing was added
 * @len:	Bytes before the NUL
 * @size:	Bytes allocated
 * @failed:	Memory ran out at some point; sk_str_steal() then returns NULL
 *
 * Start with SK_STR_INIT. Adding never fails visibly: check once, at the end.
 */
struct sk_str {
	char *ptr;
	size_t len;
	size_t size;
	bool failed;
};

#define SK_STR_INIT ((struct sk_str){0})

/** sk_str_add() - Append a NUL-terminated text */
void sk_str_add(struct sk_str *str, const char *text);
/** sk_str_add_bytes() - Append @len bytes, which may hold NUL */
void sk_str_add_bytes(struct sk_str *str, const void *bytes, size_t len);
/** sk_str_add_char() - Append one byte */
void sk_str_add_char(struct sk_str *str, char c);
/** sk_str_addf() - Append formatted text */
void sk_str_addf(struct sk_str *str, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_str_add_escaped() - Append @text with control characters as \xHH, \n, \t, so that a terminal is safe */
void sk_str_add_escaped(struct sk_str *str, const char *text);
/** sk_str_add_csv() - Append @text as a field of CSV, in quotes where it needs them. Source: RFC 4180 */
void sk_str_add_csv(struct sk_str *str, const char *text);
/**
 * sk_str_add_xml() - Append @text as content or a quoted attribute of XML or HTML
 *
 * What no document may hold (control characters but tab and newline, DEL, bytes that are
 * no UTF-8) becomes U+FFFD.
 */
void sk_str_add_xml(struct sk_str *str, const char *text);
/**
 * sk_str_utf8_length() - Measure the first character of a text
 * @text:	At least one byte; a NUL is a character of one byte
 * @left:	Bytes at @text; SIZE_MAX when a NUL ends it
 *
 * Source: Unicode, section 3.9, table 3-7.
 * Return: bytes of the UTF-8 sequence; 0 when malformed, overlong, cut or a surrogate
 */
size_t sk_str_utf8_length(const char *text, size_t left);
/** Bytes that sk_str_escape() needs */
#define SK_STR_ESCAPE_SIZE 5
/**
 * sk_str_escape() - Escape the first character of a text; needs no heap
 * @text:	Text that is not empty
 * @ret:	The character itself when it is printable UTF-8, else \n, \t or \xHH of one byte
 *
 * Control characters of both sets (C0, DEL, C1) and bytes that are no UTF-8 are escaped.
 * Return: bytes of @text that @ret stands for
 */
size_t sk_str_escape(const char *text, char ret[SK_STR_ESCAPE_SIZE]);
/** sk_str_clear() - Make it empty, keep the memory */
void sk_str_clear(struct sk_str *str);
/** sk_str_finish() - Release the memory */
void sk_str_finish(struct sk_str *str);
SK_DEFINE_AUTO_FINISH(struct sk_str, sk_str_finish)

/**
 * sk_str_steal() - Take the text out
 * @str:	Empty afterwards
 *
 * Return: heap text ("" when nothing was added), or NULL when memory ran out
 */
char *sk_str_steal(struct sk_str *str);

/**
 * sk_strf() - Format into a new heap string
 * Return: text to free(), or NULL without memory
 */
char *sk_strf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** sk_str_equal() - Compare two texts of which each may be NULL */
bool sk_str_equal(const char *a, const char *b);
/** sk_str_starts() - Return the rest of @text after @prefix, or NULL when it does not start so */
const char *sk_str_starts(const char *text, const char *prefix);
/** sk_str_ends() - Tell whether @text ends in @suffix */
bool sk_str_ends(const char *text, const char *suffix);

/**
 * sk_str_nearest() - Find the candidate that a typing error meant
 * @text:	What was typed
 * @candidates:	NULL-terminated list (borrowed)
 *
 * Return: the candidate of the smallest edit distance, if at most 2 and below half of
 * the length, else NULL
 */
const char *sk_str_nearest(const char *text, const char *const *candidates);

/**
 * sk_str_hint_nearest() - Hint at the candidate that a typing error meant
 * @err:	Gets "did you mean '...'?" when there is one and it has no hint yet; may be NULL
 * @r:		The negative errno to hand on
 * @text:	What was typed
 * @candidates:	NULL-terminated list, or NULL (borrowed)
 *
 * Return: @r
 */
int sk_str_hint_nearest(struct sk_err *err, int r, const char *text,
			char *const *candidates);

/* NULL-terminated lists of heap strings; a NULL list is an empty one. */

/** sk_strv_len() - Count the strings of a list */
size_t sk_strv_len(char *const *list);
/** sk_strv_add() - Append a copy of @text; 0 or -ENOMEM (the list stays as it was) */
int sk_strv_add(char ***list, const char *text);
/** sk_strv_addf() - Append formatted text; 0 or -ENOMEM */
int sk_strv_addf(char ***list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_strv_take() - Append a heap string that the list owns from now on, in any case; NULL is -ENOMEM */
int sk_strv_take(char ***list, char *text);
/** sk_strv_dup() - Copy a list; an empty list gives a list of no strings. NULL without memory */
char **sk_strv_dup(char *const *list);
/** sk_strv_has() - Tell whether @text is in the list */
bool sk_strv_has(char *const *list, const char *text);
/** sk_strv_split() - Split at each @separator; empty parts are kept. NULL without memory */
char **sk_strv_split(const char *text, char separator);
/** sk_strv_join() - Join with @separator between; heap text or NULL without memory */
char *sk_strv_join(char *const *list, const char *separator);
/** sk_strv_free() - Release a list and its strings */
void sk_strv_free(char **list);
SK_DEFINE_AUTO(char *, sk_strv_free)

#endif
