// SPDX-License-Identifier: Apache-2.0
/* show_experiment - results of experiments for people */
#include <math.h>
#include <string.h>

#include "cli/out.h"
#include "cli/vm/show.h"
#include "lib/parse.h"
#include "lib/str.h"

/* What a cell is told by; the objective comes first. */
static const char *const told[] = {"downtime", "reported", "p99", "total", "lost", NULL};

static const char *number(const char *unit, double value, char buf[SK_FORMAT_SIZE])
{
	double size = fabs(value);
	char text[SK_FORMAT_SIZE];

	if (!isfinite(value))
		(void)snprintf(text, sizeof(text), "n/a");
	else if (strcmp(unit, "ms") == 0)
		(void)sk_format_duration((uint64_t)llround(fmin(size, 1e12) * 1e6), text);
	else if (strcmp(unit, "bytes") == 0)
		(void)sk_format_size((uint64_t)fmin(size, 1e18), text);
	else
		(void)snprintf(text, sizeof(text), "%.6g", size);
	(void)snprintf(buf, SK_FORMAT_SIZE, "%s%.*s", value < 0 ? "-" : "",
		       SK_FORMAT_SIZE - 2, text);
	return buf;
}

static double value(const struct sk_json *object, const char *key)
{
	return sk_json_double(sk_json_get(object, key), NAN);
}

static const struct sk_json *find_metric(const struct sk_json *cell, const char *name)
{
	const struct sk_json *list = sk_json_get(cell, "metrics");

	for (size_t i = 0; i < sk_json_len(list); i++)
		if (sk_str_equal(sk_json_str(sk_json_get(sk_json_at(list, i), "name"),
					     NULL),
				 name))
			return sk_json_at(list, i);
	return NULL;
}

static void add_metric(struct sk_json *rows, const struct sk_json *cell,
		       const char *label, const char *name)
{
	const struct sk_json *metric = find_metric(cell, name);
	const char *unit = sk_json_str(sk_json_get(metric, "unit"), "");
	char low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE], text[SK_FORMAT_SIZE];
	sk_autofree char *range = NULL, *interval = NULL;
	struct sk_json *row;

	if (sk_json_int(sk_json_get(metric, "n"), 0) == 0)
		return;
	row = sk_json_add(rows, sk_json_new_object());
	interval = sk_strf("[%s, %s] %.0f %%", number(unit, value(metric, "low"), low),
			   number(unit, value(metric, "high"), high),
			   100 * value(metric, "coverage"));
	range = sk_strf("%s - %s", number(unit, value(metric, "min"), low),
			number(unit, value(metric, "max"), high));
	sk_json_set_str(row, "label", label);
	sk_json_set_str(row, "metric", name);
	sk_json_set_str(row, "median", number(unit, value(metric, "median"), text));
	sk_json_set_str(row, "interval", interval);
	sk_json_set_str(row, "range", range);
	sk_json_set_int(row, "n", sk_json_int(sk_json_get(metric, "n"), 0));
}

static void add_met(struct sk_json *rows, const struct sk_json *slo, const char *label)
{
	struct sk_json *row;
	char text[64];

	if (!slo)
		return;
	row = sk_json_add(rows, sk_json_new_object());
	(void)snprintf(text, sizeof(text), "met in %lld of %lld",
		       (long long)sk_json_int(sk_json_get(slo, "met"), 0),
		       (long long)sk_json_int(sk_json_get(slo, "runs"), 0));
	sk_json_set_str(row, "label", label);
	sk_json_set_str(row, "metric", "slo");
	sk_json_set_str(row, "median", text);
	sk_json_set_int(row, "n", sk_json_int(sk_json_get(slo, "runs"), 0));
}

/* A cell of which no run counts would not be told of otherwise. */
static void add_lost(struct sk_json *rows, const struct sk_json *cell, const char *label)
{
	long long failed = (long long)sk_json_int(sk_json_get(cell, "failed"), 0);
	long long discarded = (long long)sk_json_int(sk_json_get(cell, "discarded"), 0);
	struct sk_json *row;
	char text[64];

	if (failed + discarded == 0)
		return;
	row = sk_json_add(rows, sk_json_new_object());
	(void)snprintf(text, sizeof(text), "%lld failed, %lld discarded", failed,
		       discarded);
	sk_json_set_str(row, "label", label);
	sk_json_set_str(row, "metric", "lost runs");
	sk_json_set_str(row, "median", text);
	sk_json_set_int(row, "n", sk_json_int(sk_json_get(cell, "runs"), 0));
}

static void add_cell(struct sk_json *rows, const struct sk_json *cell,
		     const char *objective)
{
	const char *label = sk_json_str(sk_json_get(cell, "label"), "");

	add_lost(rows, cell, label);
	add_met(rows, sk_json_get(cell, "slo"), label);
	add_metric(rows, cell, label, objective);
	for (const char *const *name = told; *name; name++)
		if (strcmp(*name, objective) != 0)
			add_metric(rows, cell, label, *name);
}

int sk_show_experiment(const struct sk_json *summary, struct sk_err *err)
{
	static const struct sk_out_column columns[] = {
		{"SETTINGS", "label", SK_OUT_TEXT}, {"METRIC", "metric", SK_OUT_TEXT},
		{"MEDIAN", "median", SK_OUT_TEXT},  {"INTERVAL", "interval", SK_OUT_TEXT},
		{"RANGE", "range", SK_OUT_TEXT},    {"RUNS", "n", SK_OUT_TEXT},
		{NULL, NULL, SK_OUT_TEXT},
	};
	sk_auto(sk_json_free) struct sk_json *rows = sk_json_new_array();
	const struct sk_json *cells = sk_json_get(summary, "cells");
	const char *objective = sk_json_str(sk_json_get(summary, "objective"), "");
	sk_auto(sk_str_finish) struct sk_str why = SK_STR_INIT;

	for (size_t i = 0; i < sk_json_len(cells); i++)
		add_cell(rows, sk_json_at(cells, i), objective);
	add_cell(rows, sk_json_get(summary, "control"), objective);
	(void)printf("%s: %lld of %lld runs ok, %lld failed, %lld discarded\n",
		     sk_json_str(sk_json_get(summary, "name"), ""),
		     (long long)sk_json_int(sk_json_get(summary, "ok"), 0),
		     (long long)sk_json_int(sk_json_get(summary, "planned"), 0),
		     (long long)sk_json_int(sk_json_get(summary, "failed"), 0),
		     (long long)sk_json_int(sk_json_get(summary, "discarded"), 0));
	sk_str_add_escaped(&why, sk_json_str(sk_json_get(summary, "why"), ""));
	if (why.len)
		(void)printf("the first that does not count: %s\n", why.ptr);
	return sk_out_list(NULL, columns, rows, err);
}

int sk_show_differences(const char *format, const struct sk_json *differences,
			struct sk_err *err)
{
	static const struct sk_out_column columns[] = {
		{"METRIC", "metric", SK_OUT_TEXT},
		{"SETTINGS", "label", SK_OUT_TEXT},
		{"AGAINST", "against", SK_OUT_TEXT},
		{"DIFFERENCE", "estimate", SK_OUT_TEXT},
		{"INTERVAL", "interval", SK_OUT_TEXT},
		{"VERDICT", "verdict", SK_OUT_TEXT},
		{NULL, NULL, SK_OUT_TEXT},
	};
	sk_auto(sk_json_free) struct sk_json *rows = NULL;

	if (format && strcmp(format, "table") != 0)
		return sk_out_list(format, columns, differences, err);
	rows = sk_json_new_array();
	for (size_t i = 0; i < sk_json_len(differences); i++) {
		const struct sk_json *one = sk_json_at(differences, i);
		const char *unit = sk_json_str(sk_json_get(one, "unit"), "");
		struct sk_json *row = sk_json_add(rows, sk_json_new_object());
		char low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE], text[SK_FORMAT_SIZE];
		sk_autofree char *interval = NULL;

		interval = isfinite(value(one, "low"))
				   ? sk_strf("[%s, %s] %.0f %%",
					     number(unit, value(one, "low"), low),
					     number(unit, value(one, "high"), high),
					     100 * value(one, "coverage"))
				   : strdup("n/a");
		for (const char *const *key =
			     (const char *const[]){"metric", "label", "against",
						   "verdict", NULL};
		     *key; key++)
			sk_json_set_str(row, *key,
					sk_json_str(sk_json_get(one, *key), ""));
		sk_json_set_str(row, "estimate",
				number(unit, value(one, "estimate"), text));
		sk_json_set_str(row, "interval", interval);
	}
	return sk_out_list(NULL, columns, rows, err);
}
