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

#define NUMBER	 "[0-9]+([.][0-9]+)?"
#define DURATION NUMBER "([uUmM]?[sS]|[mMhHdD])?"
#define NAME	 "[A-Za-z0-9][A-Za-z0-9_.-]*"
#define MAX_NAME 64

/* A pattern, or @zero; and @number, the name of a type, where a number without a unit is one. */
static void add_pattern(struct sk_json *schema, const char *zero, const char *pattern,
			const char *number)
{
	sk_autofree char *whole =
		zero ? sk_strf("^(%s|%s)$", zero, pattern) : sk_strf("^(%s)$", pattern);
	struct sk_json *types = sk_json_set(schema, "type", sk_json_new_array());

	(void)sk_json_add(types, sk_json_new_str("string"));
	if (number)
		(void)sk_json_add(types, sk_json_new_str(number));
	sk_json_set_str(schema, "pattern", whole);
}

static void add_level_pattern(struct sk_json *schema, const struct sk_factor_info *info)
{
	static const char *const patterns[] = {
		[SK_LEVEL_SIZE] = "[0-9]+[bB]?|" NUMBER "[kmgtKMGT]([iI]?[bB])?",
		[SK_LEVEL_RATE] = NUMBER "([kmgtKMGT]?[bB][iI][tT](/[sS])?|"
					 "[kmgtKMGT][iI][bB]/[sS])",
		[SK_LEVEL_DURATION] = DURATION,
		[SK_LEVEL_SHARE] = NUMBER "%",
		[SK_LEVEL_TEXT] = "[a-z-]+(=[^,]+)?(,[a-z]+=[^,]+)*",
		[SK_LEVEL_LOAD] = NAME,
	};

	add_pattern(schema, info->zero, patterns[info->kind],
		    info->kind == SK_LEVEL_SIZE	      ? "integer"
		    : info->kind == SK_LEVEL_DURATION ? "number"
						      : NULL);
}

/* What YAML of one age takes for a truth value and that of another for a text. */
static void add_flag(struct sk_json *schema)
{
	static const char *const words[] = {"yes", "no", "on", "off"};
	struct sk_json *list = sk_json_set(schema, "enum", sk_json_new_array());

	(void)sk_json_add(list, sk_json_new_bool(true));
	(void)sk_json_add(list, sk_json_new_bool(false));
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		(void)sk_json_add(list, sk_json_new_str(words[i]));
}

static void add_name(struct sk_json *schema)
{
	sk_json_set_str(schema, "pattern", "^" NAME "$");
	sk_json_set_uint(schema, "maxLength", MAX_NAME);
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
		add_flag(schema);
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
		add_level_pattern(schema, info);
		break;
	}
	return schema;
}

static void set_type(struct sk_json *schema, enum sk_yaml_kind kind)
{
	if (kind == SK_YAML_STR)
		sk_json_set_str(schema, "type", "string");
	else if (kind == SK_YAML_U64)
		sk_json_set_str(schema, "type", "integer");
	else if (kind == SK_YAML_BOOL)
		add_flag(schema);
	else if (kind == SK_YAML_DURATION)
		add_pattern(schema, NULL, DURATION, "number");
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
	if (in_lists) {
		sk_json_set_uint(schema, "minProperties", 1);
		sk_json_set_uint(schema, "maxProperties", SK_FACTORS_MAX);
	}
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
	add_name(sk_json_get(part, "name"));
	describe_factors(sk_json_get(part, "factors"), true, false);
	describe_factors(sk_json_get(part, "constants"), false, false);
	one = sk_json_get(part, "loads");
	sk_json_set_str(one, "type", "object");
	sk_json_set_uint(one, "maxProperties", SK_LEVELS_MAX);
	add_name(sk_json_set(one, "propertyNames", sk_json_new_object()));
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
