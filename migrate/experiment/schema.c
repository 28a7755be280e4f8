// SPDX-License-Identifier: Apache-2.0
/* schema - the JSON schema of an experiment's file, from the tables that read it */
#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/file.h"
#include "migrate/experiment/metric.h"

/* In the order of the fields. */
static const char *const meanings[] = {
	"names the results",
	"a sentence for the report",
	"'lab', or the two ends as libvirt URIs",
	"names for what a guest and its clients do, as levels of 'load'",
	"what varies: each a list of levels; every combination is run",
	"what is the same in all runs",
	"blocks: how often each combination is run",
	"probing before each migration",
	"probing after each migration",
	"one run before all others, discarded",
	"in each block one run of the probe without a migration",
	"the metric that the report leads with",
	"what every run must keep to, as 'outage=100ms,total=30s,bytes=2x'",
	"what mode auto must not do: 'no-post-copy', or 'any'",
	"of the order of runs; drawn and written down when left out",
};
_Static_assert(SK_ARRAY_SIZE(meanings) == SK_FILE_FIELDS, "one for each");

/* A pattern, or one of the factor's words. */
static void add_pattern(struct sk_json *schema, const struct sk_factor_info *info)
{
	static const char *const patterns[] = {
		[SK_LEVEL_SIZE] = "[0-9.]+([kmgtKMGT](i?[bB])?)?",
		[SK_LEVEL_RATE] = "[0-9.]+ ?([kmgKMG]bit|[kKMG]i?B/s)",
		[SK_LEVEL_DURATION] = "[0-9.]+(us|ms|s|m|h|d)?",
		[SK_LEVEL_SHARE] = "[0-9.]+%",
		[SK_LEVEL_TEXT] = "[a-z-]+(=[^,]+)?(,[a-z]+=[^,]+)*",
		[SK_LEVEL_LOAD] = "[A-Za-z0-9][A-Za-z0-9_.-]*",
	};
	sk_autofree char *pattern =
		info->zero ? sk_strf("^(%s|%s)$", info->zero, patterns[info->kind])
			   : sk_strf("^%s$", patterns[info->kind]);
	struct sk_json *types = sk_json_set(schema, "type", sk_json_new_array());

	(void)sk_json_add(types, sk_json_new_str("string"));
	if (info->kind == SK_LEVEL_SIZE || info->kind == SK_LEVEL_DURATION)
		(void)sk_json_add(types, sk_json_new_str("number"));
	sk_json_set_str(schema, "pattern", pattern);
}

struct sk_json *sk_factor_schema(enum sk_factor factor)
{
	const struct sk_factor_info *info = &sk_factors[factor];
	struct sk_json *schema = sk_json_new_object(), *one = schema, *list;

	switch (info->kind) {
	case SK_LEVEL_CHOICE:
		list = sk_json_set(schema, "enum", sk_json_new_array());
		for (unsigned int i = 0; i < info->choice->nr; i++)
			(void)sk_json_add(list, sk_json_new_str(info->choice->name(i)));
		break;
	case SK_LEVEL_FLAG:
		sk_json_set_str(schema, "type", "boolean");
		break;
	case SK_LEVEL_COUNT:
		if (info->zero) {
			list = sk_json_set(schema, "oneOf", sk_json_new_array());
			sk_json_set_str(sk_json_add(list, sk_json_new_object()), "const",
					info->zero);
			one = sk_json_add(list, sk_json_new_object());
		}
		sk_json_set_str(one, "type", "integer");
		sk_json_set_uint(one, "minimum", info->min);
		sk_json_set_uint(one, "maximum", info->max);
		break;
	default:
		add_pattern(schema, info);
		break;
	}
	return schema;
}

static void set_type(struct sk_json *schema, enum sk_yaml_kind kind)
{
	static const char *const names[] = {
		[SK_YAML_STR] = "string",
		[SK_YAML_BOOL] = "boolean",
		[SK_YAML_U64] = "integer",
		[SK_YAML_DURATION] = "string",
	};

	if (kind < SK_ARRAY_SIZE(names) && names[kind])
		sk_json_set_str(schema, "type", names[kind]);
	if (kind == SK_YAML_DURATION)
		sk_json_set_str(schema, "pattern", "^[0-9.]+(us|ms|s|m|h|d)?$");
}

static void describe_map(struct sk_json *schema, const struct sk_yaml_field *table,
			 const char *const *help)
{
	struct sk_json *all, *needed;

	sk_json_set_str(schema, "type", "object");
	sk_json_set_bool(schema, "additionalProperties", false);
	needed = sk_json_set(schema, "required", sk_json_new_array());
	all = sk_json_set(schema, "properties", sk_json_new_object());
	for (size_t i = 0; table[i].key; i++) {
		struct sk_json *one =
			sk_json_set(all, table[i].key, sk_json_new_object());

		set_type(one, table[i].kind);
		if (table[i].kind == SK_YAML_U64)
			sk_json_set_uint(one, "minimum", 1);
		if (table[i].max)
			sk_json_set_uint(one, "maximum", table[i].max);
		if (help)
			sk_json_set_str(one, "description", help[i]);
		if (table[i].required)
			(void)sk_json_add(needed, sk_json_new_str(table[i].key));
	}
}

/* Levels of every factor, for 'factors' in lists; for a load those that it may set. */
static void describe_factors(struct sk_json *schema, bool in_lists, bool in_load)
{
	struct sk_json *all;

	sk_json_set_str(schema, "type", "object");
	sk_json_set_bool(schema, "additionalProperties", false);
	if (in_lists)
		sk_json_set_uint(schema, "minProperties", 1);
	all = sk_json_set(schema, "properties", sk_json_new_object());
	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		struct sk_json *one, *list;

		if (in_load && !sk_factors[i].is_load)
			continue;
		one = sk_factor_schema((enum sk_factor)i);
		if (in_lists) {
			list = sk_json_new_object();
			sk_json_set_str(list, "type", "array");
			sk_json_set_uint(list, "minItems", 1);
			sk_json_set_uint(list, "maxItems", SK_LEVELS_MAX);
			sk_json_set_bool(list, "uniqueItems", true);
			(void)sk_json_set(list, "items", one);
			one = list;
		}
		(void)sk_json_set(all, sk_factors[i].key, one);
	}
}

struct sk_json *sk_experiment_schema(void)
{
	struct sk_json *schema = sk_json_new_object(), *part, *list, *one;

	sk_json_set_str(schema, "$schema",
			"https://json-schema.org/draft/2020-12/schema");
	sk_json_set_str(schema, "title", "skiff experiment");
	describe_map(schema, sk_file_fields, meanings);
	part = sk_json_path(schema, "properties");
	describe_factors(sk_json_get(part, "factors"), true, false);
	describe_factors(sk_json_get(part, "constants"), false, false);
	one = sk_json_get(part, "loads");
	sk_json_set_str(one, "type", "object");
	one = sk_json_set(one, "additionalProperties", sk_json_new_object());
	describe_factors(one, false, true);
	list = sk_json_set(sk_json_get(part, "hosts"), "oneOf", sk_json_new_array());
	one = sk_json_add(list, sk_json_new_object());
	sk_json_set_str(one, "const", SK_FILE_LAB);
	describe_map(sk_json_add(list, sk_json_new_object()), sk_file_host_fields, NULL);
	list = sk_json_set(sk_json_get(part, "objective"), "enum", sk_json_new_array());
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		(void)sk_json_add(list, sk_json_new_str(metric->name));
	return schema;
}
