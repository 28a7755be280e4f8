// SPDX-License-Identifier: Apache-2.0
/* yaml_bind - access to YAML nodes, and structs filled from maps by a table of fields */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "lib/yaml_node.h"

enum sk_yaml_type sk_yaml_type(const struct sk_yaml *node)
{
	return node->type;
}

size_t sk_yaml_len(const struct sk_yaml *node)
{
	return node->len;
}

const struct sk_yaml *sk_yaml_at(const struct sk_yaml *node, size_t index)
{
	return index < node->len ? node->values[index] : NULL;
}

const char *sk_yaml_key(const struct sk_yaml *map, size_t index)
{
	return map->keys && index < map->len ? map->keys[index].text : NULL;
}

const struct sk_yaml *sk_yaml_get(const struct sk_yaml *map, const char *key)
{
	for (size_t i = 0; map->keys && i < map->len; i++)
		if (strcmp(map->keys[i].text, key) == 0)
			return map->values[i];
	return NULL;
}

const char *sk_yaml_text(const struct sk_yaml *node)
{
	return node->text;
}

int sk_yaml_err(struct sk_err *err, const struct sk_yaml *node, int code, const char *fmt,
		...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = sk_err_setv(err, code, fmt, ap);
	va_end(ap);
	return sk_err_wrap(err, r, "%s:%zu:%zu", node->where, node->line, node->column);
}

static const char *type_name(enum sk_yaml_type type)
{
	static const char *const names[] = {"a single value", "a list", "a map"};

	return names[type];
}

static int bind_strv(const struct sk_yaml *node, const char *key, char ***ret,
		     struct sk_err *err)
{
	sk_auto(sk_strv_free) char **list = sk_strv_dup(NULL);

	if (!list)
		return sk_err_oom(err);
	if (node->type == SK_YAML_MAP)
		return sk_yaml_err(err, node, EINVAL, "'%s' must be a list, not a map",
				   key);
	if (node->type == SK_YAML_SCALAR && sk_strv_add(&list, node->text) < 0)
		return sk_err_oom(err);
	for (size_t i = 0; i < node->len; i++) {
		const struct sk_yaml *item = node->values[i];

		if (item->type != SK_YAML_SCALAR)
			return sk_yaml_err(err, item, EINVAL,
					   "'%s' must hold single values, not %s", key,
					   type_name(item->type));
		if (sk_strv_add(&list, item->text) < 0)
			return sk_err_oom(err);
	}
	sk_strv_free(*ret);
	*ret = sk_steal(&list);
	return 0;
}

static int bind_str(const struct sk_yaml *node, char **ret, struct sk_err *err)
{
	char *text = strdup(node->text);

	if (!text)
		return sk_err_oom(err);
	free(*ret);
	*ret = text;
	return 0;
}

/* 0 would read as "none": that is said by leaving the key out. */
static int above_zero(int r, const struct sk_yaml *node, const uint64_t *value,
		      struct sk_err *err)
{
	if (r < 0 || *value > 0)
		return r;
	return sk_err_set(err, EINVAL, "'%s' is nothing: use more, or leave the key out",
			  node->text);
}

static int bind_scalar(const struct sk_yaml *node, const struct sk_yaml_field *field,
		       void *member, struct sk_err *err)
{
	uint64_t max = field->max ? field->max : UINT64_MAX;

	switch (field->kind) {
	case SK_YAML_STR:
		return bind_str(node, member, err);
	case SK_YAML_BOOL:
		return sk_parse_bool(node->text, member, err);
	case SK_YAML_U64:
		return above_zero(sk_parse_u64(node->text, 0, max, member, err), node,
				  member, err);
	case SK_YAML_SIZE:
		return above_zero(sk_parse_size(node->text, member, err), node, member,
				  err);
	case SK_YAML_RATE:
		return above_zero(sk_parse_rate(node->text, member, err), node, member,
				  err);
	case SK_YAML_DURATION:
		return above_zero(sk_parse_duration(node->text, member, err), node,
				  member, err);
	case SK_YAML_CPUS:
		return sk_parse_cpus(node->text, member, err);
	case SK_YAML_STRV:
	case SK_YAML_NODE:
		break;
	}
	return 0;
}

static int bind_value(const struct sk_yaml *node, const struct sk_yaml_field *field,
		      void *object, struct sk_err *err)
{
	void *member = (char *)object + field->offset;
	int r;

	if (field->kind == SK_YAML_NODE) {
		*(const struct sk_yaml **)member = node;
		return 0;
	}
	if (field->kind == SK_YAML_STRV)
		return bind_strv(node, field->key, member, err);
	if (node->type != SK_YAML_SCALAR)
		return sk_yaml_err(err, node, EINVAL,
				   "'%s' must be a single value, not %s", field->key,
				   type_name(node->type));
	r = bind_scalar(node, field, member, err);
	if (r < 0)
		return sk_err_wrap(err, r, "%s:%zu:%zu: '%s'", node->where, node->line,
				   node->column, field->key);
	return 0;
}

static int unknown_key(const struct sk_yaml *map, const struct sk_yaml_key *key,
		       const struct sk_yaml_field *fields, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **known = NULL;
	sk_autofree char *all = NULL;
	int r;

	for (const struct sk_yaml_field *field = fields; field->key; field++)
		if (sk_strv_add(&known, field->key) < 0)
			return sk_err_oom(err);
	all = sk_strv_join(known, ", ");
	r = sk_err_set(err, EINVAL, "%s:%zu:%zu: unknown key '%s'", map->where, key->line,
		       key->column, key->text);
	(void)sk_str_hint_nearest(err, r, key->text, known);
	return all ? sk_err_hint(err, r, "keys that may stand here: %s", all) : r;
}

int sk_yaml_bind(const struct sk_yaml *map, const struct sk_yaml_field *fields,
		 void *object, struct sk_err *err)
{
	const struct sk_yaml_field *field;
	int r;

	if (map->type != SK_YAML_MAP)
		return sk_yaml_err(err, map, EINVAL,
				   "expected a map of 'key: value' lines, got %s",
				   type_name(map->type));
	for (size_t i = 0; i < map->len; i++) {
		field = fields;
		while (field->key && strcmp(field->key, map->keys[i].text) != 0)
			field++;
		if (!field->key)
			return unknown_key(map, &map->keys[i], fields, err);
		r = bind_value(map->values[i], field, object, err);
		if (r < 0)
			return r;
	}
	for (field = fields; field->key; field++)
		if (field->required && !sk_yaml_get(map, field->key))
			return sk_yaml_err(err, map, EINVAL, "key '%s' is missing",
					   field->key);
	return 0;
}
