// SPDX-License-Identifier: Apache-2.0
/* json - reading JSON values, typed and checked */

#include <math.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>

#include "lib/json_value.h"
#include "lib/str.h"

void sk_json_free(struct sk_json *value)
{
	json_object_put(sk_json_to_c(value));
}

struct sk_json *sk_json_ref(struct sk_json *value)
{
	if (sk_json_to_c(value))
		json_object_get(sk_json_to_c(value));
	return value;
}

enum sk_json_type sk_json_type(const struct sk_json *value)
{
	switch (json_object_get_type(sk_json_to_c(value))) {
	case json_type_boolean:
		return SK_JSON_BOOL;
	case json_type_int:
		return SK_JSON_INT;
	case json_type_double:
		return SK_JSON_DOUBLE;
	case json_type_string:
		return SK_JSON_STRING;
	case json_type_array:
		return SK_JSON_ARRAY;
	case json_type_object:
		return SK_JSON_OBJECT;
	case json_type_null:
		break;
	}
	return SK_JSON_NULL;
}

const char *sk_json_type_name(enum sk_json_type type)
{
	static const char *const names[] = {
		[SK_JSON_NULL] = "null",     [SK_JSON_BOOL] = "boolean",
		[SK_JSON_INT] = "number",    [SK_JSON_DOUBLE] = "number",
		[SK_JSON_STRING] = "string", [SK_JSON_ARRAY] = "array",
		[SK_JSON_OBJECT] = "object",
	};

	return names[type];
}

struct sk_json *sk_json_get(const struct sk_json *object, const char *key)
{
	struct json_object *value = NULL;

	if (sk_json_type(object) != SK_JSON_OBJECT)
		return NULL;
	(void)json_object_object_get_ex(sk_json_to_c(object), key, &value);
	return (struct sk_json *)value;
}

struct sk_json *sk_json_path(const struct sk_json *object, const char *path)
{
	const struct sk_json *at = object;
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		sk_autofree char *key = strndup(path, (size_t)(dot - path));

		if (!key)
			return NULL;
		at = sk_json_get(at, key);
		path = dot + 1;
	}
	return sk_json_get(at, path);
}

size_t sk_json_len(const struct sk_json *value)
{
	switch (sk_json_type(value)) {
	case SK_JSON_ARRAY:
		return json_object_array_length(sk_json_to_c(value));
	case SK_JSON_OBJECT:
		return (size_t)json_object_object_length(sk_json_to_c(value));
	default:
		return 0;
	}
}

struct sk_json *sk_json_at(const struct sk_json *array, size_t index)
{
	if (sk_json_type(array) != SK_JSON_ARRAY)
		return NULL;
	return (struct sk_json *)json_object_array_get_idx(sk_json_to_c(array), index);
}

struct sk_json *sk_json_each(const struct sk_json *object, void **cursor,
			     const char **key)
{
	struct lh_entry *entry = *cursor;
	struct json_object *value;

	if (sk_json_type(object) != SK_JSON_OBJECT)
		return NULL;
	entry = entry ? entry->next : json_object_get_object(sk_json_to_c(object))->head;
	if (!entry)
		return NULL;
	*cursor = entry;
	*key = lh_entry_k(entry);
	value = lh_entry_v(entry);
	return value ? (struct sk_json *)value : &sk_json_null_member;
}

const char *sk_json_str(const struct sk_json *value, const char *fallback)
{
	if (sk_json_type(value) != SK_JSON_STRING)
		return fallback;
	return json_object_get_string(sk_json_to_c(value));
}

int64_t sk_json_int(const struct sk_json *value, int64_t fallback)
{
	if (sk_json_type(value) != SK_JSON_INT)
		return fallback;
	return json_object_get_int64(sk_json_to_c(value));
}

double sk_json_double(const struct sk_json *value, double fallback)
{
	enum sk_json_type type = sk_json_type(value);

	if (type != SK_JSON_DOUBLE && type != SK_JSON_INT)
		return fallback;
	return json_object_get_double(sk_json_to_c(value));
}

bool sk_json_bool(const struct sk_json *value, bool fallback)
{
	if (sk_json_type(value) != SK_JSON_BOOL)
		return fallback;
	return json_object_get_boolean(sk_json_to_c(value));
}

static const char *dot_behind(const char *where)
{
	return where && *where ? "." : "";
}

/* Tell 1 and the member, 0 when it is missing or null, -EINVAL when its type is wrong. */
static int read_member(const struct sk_json *object, const char *where, const char *key,
		       enum sk_json_type type, const struct sk_json **ret,
		       struct sk_err *err)
{
	const struct sk_json *value = sk_json_get(object, key);
	enum sk_json_type got = sk_json_type(value);
	const char *name = type == SK_JSON_INT ? "integer" : sk_json_type_name(type);

	if (got == SK_JSON_NULL)
		return 0;
	if (type == SK_JSON_INT && got == SK_JSON_DOUBLE) {
		double number = sk_json_double(value, 0);

		if (fabs(number) >= 0x1p63)
			return sk_err_set(err, ERANGE, "%s%s%s: %.17g is out of range",
					  where ? where : "", dot_behind(where), key,
					  number);
		return sk_err_set(err, EINVAL, "%s%s%s: expected an integer, got %g",
				  where ? where : "", dot_behind(where), key, number);
	}
	if (got != type)
		return sk_err_set(err, EINVAL, "%s%s%s: expected %s %s, got %s %s",
				  where ? where : "", dot_behind(where), key,
				  strchr("aio", name[0]) ? "an" : "a", name,
				  got == SK_JSON_ARRAY || got == SK_JSON_OBJECT ? "an"
										: "a",
				  sk_json_type_name(got));
	*ret = value;
	return 1;
}

int sk_json_read_str(const struct sk_json *object, const char *where, const char *key,
		     const char **ret, struct sk_err *err)
{
	const struct sk_json *value;
	int r;

	r = read_member(object, where, key, SK_JSON_STRING, &value, err);
	if (r <= 0)
		return r;
	*ret = sk_json_str(value, "");
	return 0;
}

int sk_json_read_bool(const struct sk_json *object, const char *where, const char *key,
		      bool *ret, struct sk_err *err)
{
	const struct sk_json *value;
	int r;

	r = read_member(object, where, key, SK_JSON_BOOL, &value, err);
	if (r <= 0)
		return r;
	*ret = sk_json_bool(value, false);
	return 0;
}

int sk_json_read_i64(const struct sk_json *object, const char *where, const char *key,
		     int64_t min, int64_t max, int64_t *ret, struct sk_err *err)
{
	const struct sk_json *value;
	int64_t number;
	int r;

	r = read_member(object, where, key, SK_JSON_INT, &value, err);
	if (r <= 0)
		return r;
	number = json_object_get_int64(sk_json_to_c(value));
	/* json-c clamps silently; above INT64_MAX its unsigned reading tells. */
	if (number < min || number > max ||
	    (number > 0 && json_object_get_uint64(sk_json_to_c(value)) > INT64_MAX))
		return sk_err_set(err, ERANGE, "%s%s%s: %s is not between %lld and %lld",
				  where ? where : "", dot_behind(where), key,
				  json_object_to_json_string(sk_json_to_c(value)),
				  (long long)min, (long long)max);
	*ret = number;
	return 0;
}

int sk_json_read_u64(const struct sk_json *object, const char *where, const char *key,
		     uint64_t max, uint64_t *ret, struct sk_err *err)
{
	const struct sk_json *value;
	uint64_t number;
	int r;

	r = read_member(object, where, key, SK_JSON_INT, &value, err);
	if (r <= 0)
		return r;
	number = json_object_get_uint64(sk_json_to_c(value));
	if (number > max || json_object_get_int64(sk_json_to_c(value)) < 0)
		return sk_err_set(err, ERANGE, "%s%s%s: %s is not between 0 and %llu",
				  where ? where : "", dot_behind(where), key,
				  json_object_to_json_string(sk_json_to_c(value)),
				  (unsigned long long)max);
	*ret = number;
	return 0;
}

int sk_json_read_object(const struct sk_json *object, const char *where, const char *key,
			struct sk_json **ret, struct sk_err *err)
{
	const struct sk_json *value;
	int r;

	r = read_member(object, where, key, SK_JSON_OBJECT, &value, err);
	if (r <= 0)
		return r;
	*ret = (struct sk_json *)value;
	return 0;
}

int sk_json_read_array(const struct sk_json *object, const char *where, const char *key,
		       struct sk_json **ret, struct sk_err *err)
{
	const struct sk_json *value;
	int r;

	r = read_member(object, where, key, SK_JSON_ARRAY, &value, err);
	if (r <= 0)
		return r;
	*ret = (struct sk_json *)value;
	return 0;
}

int sk_json_read_strv(const struct sk_json *object, const char *where, const char *key,
		      char ***ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **list = NULL;
	struct sk_json *array = NULL;
	int r;

	r = sk_json_read_array(object, where, key, &array, err);
	if (r < 0 || !array)
		return r;
	list = sk_strv_dup(NULL);
	if (!list)
		return sk_err_oom(err);
	for (size_t i = 0; i < sk_json_len(array); i++) {
		const struct sk_json *item = sk_json_at(array, i);
		const char *text = sk_json_str(item, NULL);

		if (!text)
			return sk_err_set(err, EINVAL,
					  "%s%s%s[%zu]: expected a string, got %s",
					  where ? where : "", dot_behind(where), key, i,
					  sk_json_type_name(sk_json_type(item)));
		if (sk_strv_add(&list, text) < 0)
			return sk_err_oom(err);
	}
	sk_strv_free(*ret);
	*ret = sk_steal(&list);
	return 0;
}
