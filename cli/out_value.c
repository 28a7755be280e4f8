// SPDX-License-Identifier: Apache-2.0
/* out_value - JSON values as the text of a cell */
#include "cli/out_value.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"

/* Unlike sk_json_get(), tells a null member from none. */
static bool find_member(const struct sk_json *object, const char *name, size_t len,
			const struct sk_json **ret)
{
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	while ((value = sk_json_each(object, &cursor, &key))) {
		if (strlen(key) == len && memcmp(key, name, len) == 0) {
			*ret = sk_json_type(value) == SK_JSON_NULL ? NULL : value;
			return true;
		}
	}
	return false;
}

bool sk_out_value_find(const struct sk_json *object, const char *path,
		       const struct sk_json **ret)
{
	const struct sk_json *at = object;

	for (;;) {
		size_t len = strcspn(path, ".");

		if (!find_member(at, path, len, &at))
			return false;
		if (path[len] == '\0' || !at)
			break;
		path += len + 1;
	}
	*ret = at;
	return true;
}

static int add_keys(const struct sk_json *object, const char *prefix, char ***list)
{
	struct sk_json *value;
	void *cursor = NULL;
	const char *key;
	int r = 0;

	while (r == 0 && (value = sk_json_each(object, &cursor, &key))) {
		sk_autofree char *path =
			sk_strf("%s%s%s", prefix, *prefix ? "." : "", key);

		if (!path)
			return -ENOMEM;
		if (sk_json_type(value) == SK_JSON_OBJECT)
			r = add_keys(value, path, list);
		else
			r = sk_strv_add(list, path);
	}
	return r;
}

int sk_out_value_keys(const struct sk_json *object, char ***ret)
{
	sk_auto(sk_strv_free) char **list = NULL;
	int r;

	r = add_keys(object, "", &list);
	if (r < 0)
		return r;
	*ret = sk_steal(&list);
	return 0;
}

char *sk_out_value_text(const struct sk_json *value, const char *null_text)
{
	switch (sk_json_type(value)) {
	case SK_JSON_NULL:
		return strdup(null_text);
	case SK_JSON_STRING:
		return strdup(sk_json_str(value, ""));
	default:
		return sk_json_print(value, false);
	}
}

static char *joined(const struct sk_json *array, char separator)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	for (size_t i = 0; i < sk_json_len(array); i++) {
		sk_autofree char *item = sk_out_value_text(sk_json_at(array, i), "-");

		if (!item)
			return NULL;
		if (i > 0)
			sk_str_add_char(&text, separator);
		sk_str_add(&text, item);
	}
	return sk_str_steal(&text);
}

/* "3 min ago", "in 2 h": one unit is what a list needs. */
static char *age(const char *stamp)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {0, "s"}};
	uint64_t now = sk_clock_real(), then, seconds, number;
	size_t i = 0;

	if (sk_clock_parse(stamp, &then) < 0)
		return strdup(stamp);
	seconds = (then > now ? then - now : now - then) / SK_NS_PER_S;
	while (seconds < units[i].seconds)
		i++;
	number = units[i].seconds ? seconds / units[i].seconds : seconds;
	if (then > now)
		return sk_strf("in %llu %s", (unsigned long long)number, units[i].name);
	return sk_strf("%llu %s ago", (unsigned long long)number, units[i].name);
}

static char *measured(const struct sk_json *value, enum sk_out_kind kind)
{
	double number = sk_json_double(value, 0);
	char buf[SK_FORMAT_SIZE];

	if (number < 0)
		return sk_out_value_text(value, "-");
	switch (kind) {
	case SK_OUT_SIZE:
		return strdup(sk_format_size((uint64_t)number, buf));
	case SK_OUT_RATE:
		return strdup(sk_format_rate((uint64_t)number, buf));
	case SK_OUT_DURATION:
		return strdup(sk_format_duration((uint64_t)number, buf));
	default:
		return strdup(
			sk_format_duration((uint64_t)(number * (double)SK_NS_PER_MS),
					   buf));
	}
}

char *sk_out_value_cell(const struct sk_json *object, const struct sk_out_column *column)
{
	const struct sk_json *value = sk_json_path(object, column->key);
	enum sk_json_type type = sk_json_type(value);

	if (type == SK_JSON_ARRAY)
		return joined(value, column->kind == SK_OUT_CUT ? ' ' : ',');
	if (type == SK_JSON_STRING && column->kind == SK_OUT_AGE)
		return age(sk_json_str(value, ""));
	if ((type == SK_JSON_INT || type == SK_JSON_DOUBLE) &&
	    column->kind != SK_OUT_TEXT && column->kind != SK_OUT_CUT &&
	    column->kind != SK_OUT_AGE)
		return measured(value, column->kind);
	return sk_out_value_text(value, "-");
}
