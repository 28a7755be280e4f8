/* SPDX-License-Identifier: Apache-2.0 */
/* json - JSON behind our own interface: limits, positions in errors, typed access */
#ifndef SK_JSON_H
#define SK_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define SK_JSON_MAX_BYTES (4u << 20)
#define SK_JSON_MAX_DEPTH 64

/** struct sk_json - A JSON value; json-c stays out of sight */
struct sk_json;

/**
 * sk_json_parse() - Read one JSON value that fills the text
 * @text:	Text (borrowed); must be UTF-8 without NUL
 * @len:	Bytes of it; more than SK_JSON_MAX_BYTES are refused
 * @where:	Name of the source for errors: "config.json" gives "config.json:3:17: ..."
 * @ret:	The value; free with sk_json_free()
 *
 * Refuses nesting deeper than SK_JSON_MAX_DEPTH, duplicate keys and trailing bytes.
 * Return: 0; -EINVAL; -EFBIG; -ENOMEM
 */
int sk_json_parse(const char *text, size_t len, const char *where, struct sk_json **ret,
		  struct sk_err *err);
/** sk_json_load() - sk_json_parse() of a file */
int sk_json_load(int dirfd, const char *path, struct sk_json **ret, struct sk_err *err);
/** sk_json_free() - Release a value that has no parent; values inside it are released with it */
void sk_json_free(struct sk_json *value);
SK_DEFINE_AUTO(struct sk_json, sk_json_free)

enum sk_json_type {
	SK_JSON_NULL,
	SK_JSON_BOOL,
	SK_JSON_INT,
	SK_JSON_DOUBLE,
	SK_JSON_STRING,
	SK_JSON_ARRAY,
	SK_JSON_OBJECT
};
/** sk_json_type() - Type of a value; SK_JSON_NULL for NULL */
enum sk_json_type sk_json_type(const struct sk_json *value);
/** sk_json_type_name() - "string", "object", ... for messages */
const char *sk_json_type_name(enum sk_json_type type);

/* Reading. Borrowed results live as long as the root. */

/** sk_json_get() - Member of an object, or NULL when it is missing, null, or @object is no object */
struct sk_json *sk_json_get(const struct sk_json *object, const char *key);
/** sk_json_path() - sk_json_get() along "a.b.c" */
struct sk_json *sk_json_path(const struct sk_json *object, const char *path);
/** sk_json_len() - Elements of an array or members of an object; 0 for anything else */
size_t sk_json_len(const struct sk_json *value);
/** sk_json_at() - Element of an array, or NULL */
struct sk_json *sk_json_at(const struct sk_json *array, size_t index);
/** sk_json_each() - Visit members: start with *@cursor = NULL; NULL at the end, else the value and *@key */
struct sk_json *sk_json_each(const struct sk_json *object, void **cursor,
			     const char **key);
/** sk_json_str() - Text of a string value, or @fallback when it is none */
const char *sk_json_str(const struct sk_json *value, const char *fallback);
/** sk_json_int() - Number of an integer value, clamped to int64_t, or @fallback */
int64_t sk_json_int(const struct sk_json *value, int64_t fallback);
/** sk_json_double() - Number of an integer or double value, or @fallback */
double sk_json_double(const struct sk_json *value, double fallback);
/** sk_json_bool() - Truth of a boolean value, or @fallback */
bool sk_json_bool(const struct sk_json *value, bool fallback);

/*
 * Checked reading of a member: 0 and *ret set; 0 and *ret untouched when the member is
 * missing or null; -EINVAL with "WHERE.key: expected a string, got a number" when the type
 * is wrong; -ERANGE. @where names the object, such as "process" or "linux.resources".
 */
int sk_json_read_str(const struct sk_json *object, const char *where, const char *key,
		     const char **ret, struct sk_err *err);
int sk_json_read_bool(const struct sk_json *object, const char *where, const char *key,
		      bool *ret, struct sk_err *err);
int sk_json_read_i64(const struct sk_json *object, const char *where, const char *key,
		     int64_t min, int64_t max, int64_t *ret, struct sk_err *err);
int sk_json_read_u64(const struct sk_json *object, const char *where, const char *key,
		     uint64_t max, uint64_t *ret, struct sk_err *err);
int sk_json_read_object(const struct sk_json *object, const char *where, const char *key,
			struct sk_json **ret, struct sk_err *err);
int sk_json_read_array(const struct sk_json *object, const char *where, const char *key,
		       struct sk_json **ret, struct sk_err *err);
/** sk_json_read_strv() - Array of strings as a heap list; free with sk_strv_free(); strings with NUL are refused */
int sk_json_read_strv(const struct sk_json *object, const char *where, const char *key,
		      char ***ret, struct sk_err *err);

/*
 * Building. A failed allocation is remembered in the value it was to be added to, so a
 * builder checks once: sk_json_print() of it fails. Functions that add take @child in any
 * case. Adding to NULL releases the child.
 */
struct sk_json *sk_json_new_object(void);
struct sk_json *sk_json_new_array(void);
struct sk_json *sk_json_new_str(const char *text);
struct sk_json *sk_json_new_int(int64_t number);
struct sk_json *sk_json_new_uint(uint64_t number);
/** sk_json_new_double() - NaN and infinities become null; printed with up to 6 decimals, no exponent */
struct sk_json *sk_json_new_double(double number);
struct sk_json *sk_json_new_bool(bool truth);
/** sk_json_set() - Set a member (NULL child sets null); returns @child */
struct sk_json *sk_json_set(struct sk_json *object, const char *key,
			    struct sk_json *child);
/** sk_json_add() - Append an element; returns @child */
struct sk_json *sk_json_add(struct sk_json *array, struct sk_json *child);
void sk_json_set_str(struct sk_json *object, const char *key,
		     const char *text); /* NULL text sets null */
void sk_json_set_int(struct sk_json *object, const char *key, int64_t number);
void sk_json_set_uint(struct sk_json *object, const char *key, uint64_t number);
void sk_json_set_double(struct sk_json *object, const char *key, double number);
void sk_json_set_bool(struct sk_json *object, const char *key, bool truth);
/** sk_json_set_strv() - Set an array of strings from a NULL-terminated list */
void sk_json_set_strv(struct sk_json *object, const char *key, char *const *list);
/** sk_json_ref() - One more reference to a value, so that it can be added elsewhere too */
struct sk_json *sk_json_ref(struct sk_json *value);

/**
 * sk_json_print() - Text of a value
 * @pretty:	Two blanks per level and a final newline, else one line without one
 *
 * Return: heap text, or NULL without memory (also when building failed)
 */
char *sk_json_print(const struct sk_json *value, bool pretty);

#endif
