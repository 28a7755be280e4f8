// SPDX-License-Identifier: Apache-2.0
/* slo - the objective of a migration, and what may be risked for it, as users write them; pure */
#include "migrate/strategy/slo.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"

#define MOST_FACTOR 1000.0

static int parse_bytes(const char *text, struct sk_slo *slo, struct sk_err *err)
{
	sk_autofree char *number = strdup(text);
	size_t len = strlen(text);

	if (!number)
		return sk_err_oom(err);
	if (len == 0 || text[len - 1] != 'x')
		return sk_parse_size(text, &slo->bytes, err);
	number[len - 1] = '\0';
	return sk_parse_double(number, 0, MOST_FACTOR, &slo->bytes_factor, err);
}

static int parse_limit(const char *key, const char *value, struct sk_slo *slo,
		       struct sk_err *err)
{
	int r;

	if (sk_str_equal(key, "outage"))
		r = sk_parse_duration(value, &slo->outage_ns, err);
	else if (sk_str_equal(key, "total"))
		r = sk_parse_duration(value, &slo->total_ns, err);
	else if (sk_str_equal(key, "bytes"))
		r = parse_bytes(value, slo, err);
	else
		return sk_err_set(err, EINVAL,
				  "'%s' is no limit: use outage, total or bytes", key);
	return r < 0 ? sk_err_wrap(err, r, "limit '%s'", key) : 0;
}

static bool has_limit(const struct sk_slo *slo, const char *key)
{
	if (sk_str_equal(key, "outage"))
		return slo->outage_ns > 0;
	if (sk_str_equal(key, "total"))
		return slo->total_ns > 0;
	return slo->bytes > 0 || slo->bytes_factor > 0;
}

int sk_slo_parse(const char *text, struct sk_slo *ret, struct sk_err *err)
{
	sk_autofree char *copy = strdup(text);
	struct sk_slo slo = {.outage_ns = 0};
	char *rest = copy, *part;

	if (!copy)
		return sk_err_oom(err);
	while ((part = strsep(&rest, ","))) {
		char *value = strchr(part, '=');
		int r;

		if (!value)
			return sk_err_set(err, EINVAL,
					  "'%s' is no objective: write outage=100ms, "
					  "total=30s or bytes=2x",
					  part);
		*value++ = '\0';
		if (has_limit(&slo, part) &&
		    (sk_str_equal(part, "outage") || sk_str_equal(part, "total") ||
		     sk_str_equal(part, "bytes")))
			return sk_err_set(err, EINVAL, "'%s' is given twice", part);
		r = parse_limit(part, value, &slo, err);
		if (r < 0)
			return r;
		if (!has_limit(&slo, part))
			return sk_err_set(err, ERANGE, "no migration keeps to %s=%s",
					  part, value);
	}
	*ret = slo;
	return 0;
}

int sk_risk_parse(const char *text, struct sk_risk *ret, struct sk_err *err)
{
	if (!sk_str_equal(text, "no-post-copy") && !sk_str_equal(text, "any"))
		return sk_err_set(err, EINVAL, "'%s' is no risk: use no-post-copy or any",
				  text);
	ret->no_post_copy = sk_str_equal(text, "no-post-copy");
	return 0;
}

bool sk_slo_is_set(const struct sk_slo *slo)
{
	return slo->outage_ns || slo->total_ns || slo->bytes || slo->bytes_factor > 0;
}

double sk_slo_bytes(const struct sk_slo *slo, double nonzero)
{
	return slo->bytes ? (double)slo->bytes : slo->bytes_factor * nonzero;
}

static bool set_limit(struct sk_json *json, const char *key, double limit, bool is_known,
		      double measured)
{
	struct sk_json *one;

	if (limit <= 0)
		return true;
	one = sk_json_set(json, key, sk_json_new_object());
	sk_json_set_double(one, "limit", limit);
	if (is_known)
		sk_json_set_double(one, "measured", measured);
	else
		(void)sk_json_set(one, "measured", NULL);
	sk_json_set_bool(one, "met", is_known && measured <= limit);
	return is_known && measured <= limit;
}

struct sk_json *sk_slo_json(const struct sk_slo *slo, const struct sk_verdict *verdict)
{
	const struct sk_verdict *v = verdict;
	struct sk_json *json = sk_json_new_object();
	double nonzero = (double)v->memory_bytes - (double)v->zero_bytes;
	bool met;

	met = set_limit(json, "outage", (double)slo->outage_ns / 1e6, v->has_client,
			(double)v->downtime_client_ns / 1e6);
	met &= set_limit(json, "total", (double)slo->total_ns / 1e6,
			 v->active_ns && v->completed_ns, (double)v->total_ns / 1e6);
	met &= set_limit(json, "bytes", sk_slo_bytes(slo, nonzero), v->wire_bytes > 0,
			 (double)v->wire_bytes);
	sk_json_set_bool(json, "met", met);
	return json;
}
