// SPDX-License-Identifier: Apache-2.0
/* json_build - making JSON values and printing them */

#include <float.h>
#include <math.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "lib/json_value.h"
#include "lib/str.h"

struct sk_json sk_json_failed;
struct sk_json sk_json_null_member;

static struct sk_json *made(struct json_object *value)
{
	return value ? (struct sk_json *)value : &sk_json_failed;
}

/* The mark travels with the parent as user data, which nothing else here uses. */
static void mark_failed(struct sk_json *parent)
{
	json_object_set_userdata(sk_json_to_c(parent), &sk_json_failed, NULL);
}

static bool is_failed(struct json_object *value)
{
	return json_object_get_userdata(value) == &sk_json_failed;
}

struct sk_json *sk_json_new_object(void)
{
	return made(json_object_new_object());
}

struct sk_json *sk_json_new_array(void)
{
	return made(json_object_new_array());
}

struct sk_json *sk_json_new_str(const char *text)
{
	return made(json_object_new_string(text));
}

struct sk_json *sk_json_new_int(int64_t number)
{
	return made(json_object_new_int64(number));
}

struct sk_json *sk_json_new_uint(uint64_t number)
{
	return made(json_object_new_uint64(number));
}

struct sk_json *sk_json_new_double(double number)
{
	if (!isfinite(number))
		return NULL;
	return made(json_object_new_double(number));
}

struct sk_json *sk_json_new_bool(bool truth)
{
	return made(json_object_new_boolean(truth));
}

struct sk_json *sk_json_set(struct sk_json *object, const char *key,
			    struct sk_json *child)
{
	if (sk_json_type(object) != SK_JSON_OBJECT) {
		sk_json_free(child);
		return NULL;
	}
	if (child == &sk_json_failed) {
		mark_failed(object);
		return child;
	}
	if (json_object_object_add(sk_json_to_c(object), key, sk_json_to_c(child)) < 0) {
		sk_json_free(child);
		mark_failed(object);
		return &sk_json_failed;
	}
	return child;
}

struct sk_json *sk_json_add(struct sk_json *array, struct sk_json *child)
{
	if (sk_json_type(array) != SK_JSON_ARRAY) {
		sk_json_free(child);
		return NULL;
	}
	if (child == &sk_json_failed) {
		mark_failed(array);
		return child;
	}
	if (json_object_array_add(sk_json_to_c(array), sk_json_to_c(child)) < 0) {
		sk_json_free(child);
		mark_failed(array);
		return &sk_json_failed;
	}
	return child;
}

void sk_json_set_str(struct sk_json *object, const char *key, const char *text)
{
	(void)sk_json_set(object, key, text ? sk_json_new_str(text) : NULL);
}

void sk_json_set_int(struct sk_json *object, const char *key, int64_t number)
{
	(void)sk_json_set(object, key, sk_json_new_int(number));
}

void sk_json_set_uint(struct sk_json *object, const char *key, uint64_t number)
{
	(void)sk_json_set(object, key, sk_json_new_uint(number));
}

void sk_json_set_double(struct sk_json *object, const char *key, double number)
{
	(void)sk_json_set(object, key, sk_json_new_double(number));
}

void sk_json_set_bool(struct sk_json *object, const char *key, bool truth)
{
	(void)sk_json_set(object, key, sk_json_new_bool(truth));
}

void sk_json_set_strv(struct sk_json *object, const char *key, char *const *list)
{
	struct sk_json *array = sk_json_new_array();

	for (size_t i = 0; list && list[i]; i++)
		(void)sk_json_add(array, sk_json_new_str(list[i]));
	(void)sk_json_set(object, key, array);
}

static void print_value(struct sk_str *out, struct json_object *value, bool pretty,
			unsigned int level);

/* File names and captured output may hold bytes that are not UTF-8: each becomes U+FFFD. */
static void print_string(struct sk_str *out, const char *text)
{
	static const char letters[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
	size_t n, left = strlen(text);

	sk_str_add_char(out, '"');
	for (const char *s = text; *s; s += n, left -= n) {
		const char *at = strchr(values, *s);

		n = sk_str_utf8_length(s, left);
		if (at) {
			sk_str_add_char(out, '\\');
			sk_str_add_char(out, letters[at - values]);
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			sk_str_addf(out, "\\u%04x", (unsigned int)*s);
		} else if (n == 2 && s[0] == '\xc2' && (unsigned char)s[1] < 0xa0) {
			/* C1: a terminal may take it for the start of a command */
			sk_str_addf(out, "\\u%04x", (unsigned int)(unsigned char)s[1]);
		} else if (n > 0) {
			sk_str_add_bytes(out, s, n);
		} else {
			sk_str_add(out, "\xef\xbf\xbd");
			n = 1;
		}
	}
	sk_str_add_char(out, '"');
}

/* Up to six decimals, but one at least, so that a reader sees a double again. */
static void print_double(struct sk_str *out, double number)
{
	char text[DBL_MAX_10_EXP + 16];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "%.6f", number);
	while (len > 2 && text[len - 1] == '0' && text[len - 2] != '.')
		text[--len] = '\0';
	sk_str_add(out, text);
}

static void break_line(struct sk_str *out, bool pretty, unsigned int level)
{
	if (pretty)
		sk_str_addf(out, "\n%*s", (int)level * 2, "");
}

static void print_array(struct sk_str *out, struct json_object *array, bool pretty,
			unsigned int level)
{
	size_t n = json_object_array_length(array);

	sk_str_add_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			sk_str_add_char(out, ',');
		break_line(out, pretty, level + 1);
		print_value(out, json_object_array_get_idx(array, i), pretty, level + 1);
	}
	if (n > 0)
		break_line(out, pretty, level);
	sk_str_add_char(out, ']');
}

static void print_object(struct sk_str *out, struct json_object *object, bool pretty,
			 unsigned int level)
{
	struct lh_entry *head = json_object_get_object(object)->head;

	sk_str_add_char(out, '{');
	for (struct lh_entry *entry = head; entry; entry = entry->next) {
		if (entry != head)
			sk_str_add_char(out, ',');
		break_line(out, pretty, level + 1);
		print_string(out, lh_entry_k(entry));
		sk_str_add(out, pretty ? ": " : ":");
		print_value(out, lh_entry_v(entry), pretty, level + 1);
	}
	if (head)
		break_line(out, pretty, level);
	sk_str_add_char(out, '}');
}

static void print_value(struct sk_str *out, struct json_object *value, bool pretty,
			unsigned int level)
{
	if (value && is_failed(value))
		out->failed = true;
	switch (json_object_get_type(value)) {
	case json_type_null:
		sk_str_add(out, "null");
		break;
	case json_type_boolean:
		sk_str_add(out, json_object_get_boolean(value) ? "true" : "false");
		break;
	case json_type_int:
		sk_str_add(out, json_object_to_json_string(value));
		break;
	case json_type_double:
		print_double(out, json_object_get_double(value));
		break;
	case json_type_string:
		print_string(out, json_object_get_string(value));
		break;
	case json_type_array:
		print_array(out, value, pretty, level);
		break;
	case json_type_object:
		print_object(out, value, pretty, level);
		break;
	}
}

char *sk_json_print(const struct sk_json *value, bool pretty)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	if (value == &sk_json_failed)
		return NULL;
	print_value(&out, sk_json_to_c(value), pretty, 0);
	if (pretty)
		sk_str_add_char(&out, '\n');
	return sk_str_steal(&out);
}
