// SPDX-License-Identifier: Apache-2.0
/* str - growing strings, NULL-terminated string lists, the nearest of several words */
#include "lib/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longest word for which a typing error is guessed. */
#define MAX_WORD 64
/* U+FFFD, for what cannot be shown. */
#define REPLACEMENT "\xef\xbf\xbd"

/* Make room for @more bytes and a NUL. */
static bool reserve(struct sk_str *str, size_t more)
{
	size_t want, size = str->size ? str->size : 32;
	char *ptr;

	if (str->failed || __builtin_add_overflow(str->len, more, &want) ||
	    want >= SIZE_MAX / 2) {
		str->failed = true;
		return false;
	}
	if (want < str->size)
		return true;
	while (size <= want)
		size *= 2;
	ptr = realloc(str->ptr, size);
	if (!ptr) {
		str->failed = true;
		return false;
	}
	str->ptr = ptr;
	str->size = size;
	return true;
}

void sk_str_add_bytes(struct sk_str *str, const void *bytes, size_t len)
{
	if (!reserve(str, len))
		return;
	if (len > 0)
		memcpy(str->ptr + str->len, bytes, len);
	str->len += len;
	str->ptr[str->len] = '\0';
}

void sk_str_add(struct sk_str *str, const char *text)
{
	sk_str_add_bytes(str, text, strlen(text));
}

void sk_str_add_char(struct sk_str *str, char c)
{
	sk_str_add_bytes(str, &c, 1);
}

__attribute__((format(printf, 2, 0))) static void add_format(struct sk_str *str,
							     const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		str->failed = true;
		return;
	}
	if (!reserve(str, (size_t)n))
		return;
	(void)vsnprintf(str->ptr + str->len, (size_t)n + 1, fmt, ap);
	str->len += (size_t)n;
}

void sk_str_addf(struct sk_str *str, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_format(str, fmt, ap);
	va_end(ap);
}

size_t sk_str_utf8_length(const char *text, size_t left)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t n = byte[0] < 0x80   ? 1
		   : byte[0] < 0xc2 ? 0
		   : byte[0] < 0xe0 ? 2
		   : byte[0] < 0xf0 ? 3
		   : byte[0] < 0xf5 ? 4
				    : 0;

	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	if ((byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xed && byte[1] > 0x9f) ||
	    (byte[0] == 0xf0 && byte[1] < 0x90) || (byte[0] == 0xf4 && byte[1] > 0x8f))
		return 0;
	return n;
}

size_t sk_str_escape(const char *text, char ret[SK_STR_ESCAPE_SIZE])
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t n = sk_str_utf8_length(text, SIZE_MAX);
	bool is_c1 = n == 2 && byte[0] == 0xc2 && byte[1] < 0xa0;

	if (byte[0] == '\n' || byte[0] == '\t') {
		(void)snprintf(ret, SK_STR_ESCAPE_SIZE, "\\%c",
			       byte[0] == '\n' ? 'n' : 't');
		return 1;
	}
	if (n == 0 || is_c1 || byte[0] < 0x20 || byte[0] == 0x7f) {
		(void)snprintf(ret, SK_STR_ESCAPE_SIZE, "\\x%02x", (unsigned int)byte[0]);
		return 1;
	}
	memcpy(ret, text, n);
	ret[n] = '\0';
	return n;
}

void sk_str_add_escaped(struct sk_str *str, const char *text)
{
	char chunk[SK_STR_ESCAPE_SIZE];

	while (*text) {
		text += sk_str_escape(text, chunk);
		sk_str_add(str, chunk);
	}
}

/* The reference for a character that markup does not hold as it is, or NULL. */
static const char *xml_reference(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;"; /* &apos; is not of HTML 4 */
	case '\t':
	case '\n':
		return NULL;
	default:
		return (unsigned char)c < 0x20 || c == 0x7f ? REPLACEMENT : NULL;
	}
}

void sk_str_add_xml(struct sk_str *str, const char *text)
{
	while (*text) {
		size_t n = sk_str_utf8_length(text, SIZE_MAX);
		const char *instead = n > 0 ? xml_reference(*text) : REPLACEMENT;

		if (instead)
			sk_str_add(str, instead);
		else
			sk_str_add_bytes(str, text, n);
		text += n > 0 ? n : 1;
	}
}

void sk_str_add_csv(struct sk_str *str, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		sk_str_add(str, text);
		return;
	}
	sk_str_add_char(str, '"');
	for (; *text; text++) {
		if (*text == '"')
			sk_str_add_char(str, '"');
		sk_str_add_char(str, *text);
	}
	sk_str_add_char(str, '"');
}

void sk_str_clear(struct sk_str *str)
{
	str->len = 0;
	if (str->ptr)
		str->ptr[0] = '\0';
}

void sk_str_finish(struct sk_str *str)
{
	free(str->ptr);
	*str = SK_STR_INIT;
}

char *sk_str_steal(struct sk_str *str)
{
	char *text;

	sk_str_add_bytes(str, "", 0);
	if (str->failed) {
		sk_str_finish(str);
		return NULL;
	}
	text = str->ptr;
	*str = SK_STR_INIT;
	return text;
}

char *sk_strf(const char *fmt, ...)
{
	struct sk_str str = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	add_format(&str, fmt, ap);
	va_end(ap);
	return sk_str_steal(&str);
}

bool sk_str_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

const char *sk_str_starts(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

bool sk_str_ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len >= n && memcmp(text + len - n, suffix, n) == 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, deletions, replacements and exchanges of neighbours that turn @a into @b. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	size_t rows[3][MAX_WORD + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (len_a > MAX_WORD || len_b > MAX_WORD)
		return SIZE_MAX;
	for (size_t j = 0; j <= len_b; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[len_b];
}

const char *sk_str_nearest(const char *text, const char *const *candidates)
{
	size_t best = 3;
	const char *nearest = NULL;

	for (; candidates && *candidates; candidates++) {
		size_t distance = edit_distance(text, *candidates);

		if (distance < best && distance * 2 < strlen(text)) {
			best = distance;
			nearest = *candidates;
		}
	}
	return nearest;
}

int sk_str_hint_nearest(struct sk_err *err, int r, const char *text,
			char *const *candidates)
{
	const char *near = sk_str_nearest(text, (const char *const *)candidates);

	return near ? sk_err_hint(err, r, "did you mean '%s'?", near) : r;
}

size_t sk_strv_len(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

int sk_strv_take(char ***list, char *text)
{
	size_t n = sk_strv_len(*list);
	char **grown;

	if (!text)
		return -ENOMEM;
	grown = realloc(*list, (n + 2) * sizeof(*grown));
	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	grown[n] = text;
	grown[n + 1] = NULL;
	*list = grown;
	return 0;
}

int sk_strv_add(char ***list, const char *text)
{
	return sk_strv_take(list, strdup(text));
}

int sk_strv_addf(char ***list, const char *fmt, ...)
{
	struct sk_str str = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	add_format(&str, fmt, ap);
	va_end(ap);
	return sk_strv_take(list, sk_str_steal(&str));
}

char **sk_strv_dup(char *const *list)
{
	size_t n = sk_strv_len(list);
	sk_auto(sk_strv_free) char **copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(list[i]);
		if (!copy[i])
			return NULL;
	}
	return sk_steal(&copy);
}

bool sk_strv_has(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

char **sk_strv_split(const char *text, char separator)
{
	size_t n = 1;
	sk_auto(sk_strv_free) char **list = NULL;

	for (const char *p = text; *p; p++)
		n += *p == separator;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *end = strchrnul(text, separator);

		list[i] = strndup(text, (size_t)(end - text));
		if (!list[i])
			return NULL;
		text = end + 1;
	}
	return sk_steal(&list);
}

char *sk_strv_join(char *const *list, const char *separator)
{
	struct sk_str str = SK_STR_INIT;

	for (size_t i = 0; list && list[i]; i++) {
		if (i > 0)
			sk_str_add(&str, separator);
		sk_str_add(&str, list[i]);
	}
	return sk_str_steal(&str);
}

void sk_strv_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}
