// SPDX-License-Identifier: Apache-2.0
/* factor - what can be set of a run: names, forms, and what cannot be set */
#include "migrate/experiment/factor.h"

#include <inttypes.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/measure/verdict.h"

#define NONE "none"

const struct sk_factor_info sk_factors[SK_FACTOR_NR] = {
	[SK_FACTOR_MODE] = {"mode", "mode", SK_LEVEL_MODE, SK_MODE_PRE_COPY, 0, 0, false,
			    false},
	[SK_FACTOR_MEMORY] = {"memory", "memory", SK_LEVEL_SIZE, 256ull << 20,
			      64ull << 20, 1ull << 40, true, false},
	[SK_FACTOR_WORKING_SET] = {"working-set", "working set", SK_LEVEL_SIZE,
				   32ull << 20, 4096, 1ull << 40, false, true},
	[SK_FACTOR_PAGES] = {"pages-per-s", "pages/s", SK_LEVEL_COUNT, 1000, 0, 10000000,
			     false, true},
	[SK_FACTOR_BANDWIDTH] = {"bandwidth", "cap", SK_LEVEL_RATE, 0, 1000000,
				 1000000000000, false, false},
	[SK_FACTOR_PROBE_HZ] = {"probe-hz", "requests/s", SK_LEVEL_COUNT, 1000, 1, 20000,
				true, false},
};

/* Factors of such experiments that neither lab nor migrate can set. */
static const char *const unsettable[] = {
	"link",		"link-rate",	      "latency",       "loss",
	"compression",	"server-model",	      "parallel",      "tls",
	"max-downtime", "postcopy-bandwidth", "auto-converge", NULL,
};

int sk_factor_find(const char *key, enum sk_factor *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **known = NULL;
	sk_autofree char *all = NULL;
	int r;

	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		if (strcmp(key, sk_factors[i].key) == 0) {
			*ret = (enum sk_factor)i;
			return 0;
		}
		if (sk_strv_add(&known, sk_factors[i].key) < 0)
			return sk_err_oom(err);
	}
	all = sk_strv_join(known, ", ");
	if (!all)
		return sk_err_oom(err);
	for (const char *const *name = unsettable; *name; name++)
		if (strcmp(key, *name) == 0) {
			r = sk_err_set(err, ENOTSUP,
				       "neither lab nor migrate can set '%s'", key);
			return sk_err_hint(err, r, "what can be set: %s", all);
		}
	r = sk_err_set(err, EINVAL, "there is no factor '%s'", key);
	(void)sk_str_hint_nearest(err, r, key, known);
	return sk_err_hint(err, r, "factors: %s", all);
}

static int check_range(enum sk_factor factor, const char *text, uint64_t level,
		       struct sk_err *err)
{
	const struct sk_factor_info *info = &sk_factors[factor];
	char low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE];

	if (level >= info->min && level <= info->max)
		return 0;
	return sk_err_set(err, ERANGE, "%s '%s' is not within %s to %s", info->key, text,
			  sk_factor_text(factor, info->min, low),
			  sk_factor_text(factor, info->max, high));
}

int sk_factor_read(enum sk_factor factor, const char *text, uint64_t *ret,
		   struct sk_err *err)
{
	const struct sk_factor_info *info = &sk_factors[factor];
	enum sk_mode mode = SK_MODE_PRE_COPY;
	uint64_t level = 0;
	int r = 0;

	switch (info->kind) {
	case SK_LEVEL_MODE:
		r = sk_mode_parse(text, &mode, err);
		if (r == 0)
			*ret = mode;
		return r;
	case SK_LEVEL_SIZE:
		r = sk_parse_size(text, &level, err);
		break;
	case SK_LEVEL_RATE:
		if (strcmp(text, NONE) == 0) {
			*ret = 0;
			return 0;
		}
		r = sk_parse_rate(text, &level, err);
		break;
	case SK_LEVEL_COUNT:
		r = sk_parse_u64(text, 0, UINT64_MAX, &level, err);
		break;
	}
	if (r == 0)
		r = check_range(factor, text, level, err);
	if (r == 0)
		*ret = level;
	return r;
}

const char *sk_factor_text(enum sk_factor factor, uint64_t level,
			   char buf[SK_FORMAT_SIZE])
{
	switch (sk_factors[factor].kind) {
	case SK_LEVEL_MODE:
		(void)snprintf(buf, SK_FORMAT_SIZE, "%s",
			       sk_mode_name((enum sk_mode)level));
		break;
	case SK_LEVEL_SIZE:
		return sk_format_size(level, buf);
	case SK_LEVEL_RATE:
		if (level)
			return sk_format_rate(level, buf);
		(void)snprintf(buf, SK_FORMAT_SIZE, "no");
		break;
	case SK_LEVEL_COUNT:
		(void)snprintf(buf, SK_FORMAT_SIZE, "%" PRIu64, level);
		break;
	}
	return buf;
}

struct sk_json *sk_factor_schema(enum sk_factor factor)
{
	static const char *const patterns[] = {
		[SK_LEVEL_SIZE] = "^[0-9.]+([kmgtKMGT](i?[bB])?)?$",
		[SK_LEVEL_RATE] = "^(none|[0-9.]+ ?([kmgKMG]bit|[kKMG]i?B/s))$",
	};
	const struct sk_factor_info *info = &sk_factors[factor];
	struct sk_json *schema = sk_json_new_object(), *words;

	switch (info->kind) {
	case SK_LEVEL_MODE:
		words = sk_json_set(schema, "enum", sk_json_new_array());
		for (unsigned int mode = 0; mode < SK_MODE_DEGENERATE; mode++)
			(void)sk_json_add(words, sk_json_new_str(sk_mode_name(
							 (enum sk_mode)mode)));
		break;
	case SK_LEVEL_COUNT:
		sk_json_set_str(schema, "type", "integer");
		sk_json_set_uint(schema, "minimum", info->min);
		sk_json_set_uint(schema, "maximum", info->max);
		break;
	case SK_LEVEL_SIZE:
	case SK_LEVEL_RATE:
		words = sk_json_set(schema, "type", sk_json_new_array());
		(void)sk_json_add(words, sk_json_new_str("string"));
		if (info->kind == SK_LEVEL_SIZE)
			(void)sk_json_add(words, sk_json_new_str("integer"));
		sk_json_set_str(schema, "pattern", patterns[info->kind]);
		break;
	}
	return schema;
}

struct sk_json *sk_cell_json(const struct sk_cell *cell)
{
	struct sk_json *object = sk_json_new_object();

	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		if (sk_factors[i].kind == SK_LEVEL_MODE)
			sk_json_set_str(object, sk_factors[i].key,
					sk_mode_name((enum sk_mode)cell->set[i]));
		else
			sk_json_set_uint(object, sk_factors[i].key, cell->set[i]);
	}
	return object;
}
