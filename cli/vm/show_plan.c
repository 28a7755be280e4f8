// SPDX-License-Identifier: Apache-2.0
/* show_plan - a migration's dry run for people */
#include <math.h>
#include <stdbool.h>

#include "cli/vm/show.h"
#include "lib/cleanup.h"
#include "lib/parse.h"

static const char *text_at(const struct sk_json *object, const char *path)
{
	return sk_json_str(sk_json_path(object, path), "");
}

static void show_checks(FILE *out, const struct sk_json *checks)
{
	(void)fprintf(out, "checks\n");
	for (size_t i = 0; i < sk_json_len(checks); i++) {
		const struct sk_json *check = sk_json_at(checks, i);
		const char *hint = text_at(check, "hint");

		(void)fprintf(out, "  %-4s %-12s %s\n",
			      sk_json_bool(sk_json_get(check, "ok"), false) ? "ok" : "NO",
			      text_at(check, "name"), text_at(check, "result"));
		if (hint[0])
			(void)fprintf(out, "       %-12s hint: %s\n", "", hint);
	}
}

static void show_flags(FILE *out, const struct sk_json *flags)
{
	for (size_t i = 0; i < sk_json_len(flags); i++)
		(void)fprintf(out, "%s%s", i ? ", " : "; flags ",
			      sk_json_str(sk_json_at(flags, i), ""));
}

static void show_parameters(FILE *out, struct sk_json *parameters)
{
	void *cursor = NULL;
	const char *key;
	struct sk_json *value;

	while ((value = sk_json_each(parameters, &cursor, &key))) {
		const char *text = sk_json_str(value, NULL);

		if (text)
			(void)fprintf(out, "; %s %s", key, text);
		else
			(void)fprintf(out, "; %s %lld", key,
				      (long long)sk_json_int(value, 0));
	}
}

static void show_steps(FILE *out, const struct sk_json *steps)
{
	(void)fprintf(out, "steps\n");
	for (size_t i = 0; i < sk_json_len(steps); i++) {
		const struct sk_json *step = sk_json_at(steps, i);
		const char *of = text_at(step, "of"), *to = text_at(step, "to");

		(void)fprintf(out, "  %zu. %s: %s%s%s%s%s", i + 1, text_at(step, "when"),
			      text_at(step, "call"), of[0] ? " " : "", of,
			      to[0] ? " to " : "", to);
		show_flags(out, sk_json_get(step, "flags"));
		if (sk_json_get(step, "parameters"))
			show_parameters(out, sk_json_get(step, "parameters"));
		(void)fprintf(out, "\n");
	}
}

/* "3.2 s (1 to 6.1 s)" */
static const char *time_range(const struct sk_json *prediction, const char *key,
			      char buf[4 * SK_FORMAT_SIZE])
{
	const struct sk_json *range = sk_json_get(prediction, key);
	char mid[SK_FORMAT_SIZE], low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE];
	const struct {
		const char *key;
		char *text;
	} parts[] = {{"mid", mid}, {"low", low}, {"high", high}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		double ms = sk_json_double(sk_json_get(range, parts[i].key), -1);

		/* Rounded: a prediction has no more digits. */
		ms = ms < 100 ? round(ms) : round(ms / 10) * 10;
		if (ms < 0)
			return "not known";
		(void)sk_format_duration((uint64_t)(ms * 1e6), parts[i].text);
	}
	(void)snprintf(buf, 4 * SK_FORMAT_SIZE, "%s (%s to %s)", mid, low, high);
	return buf;
}

static void show_prediction(FILE *out, const struct sk_json *prediction, const char *mark)
{
	char total[4 * SK_FORMAT_SIZE], downtime[4 * SK_FORMAT_SIZE],
		outage[4 * SK_FORMAT_SIZE];

	(void)fprintf(out, "  %s%-14s %-28s %-28s %s\n", mark,
		      text_at(prediction, "mode"),
		      time_range(prediction, "total_ms", total),
		      time_range(prediction, "downtime_ms", downtime),
		      time_range(prediction, "outage_ms", outage));
	if (!sk_json_bool(sk_json_get(prediction, "converges"), true))
		(void)fprintf(out, "   %-14s will not converge: %s\n", "",
			      text_at(prediction, "why"));
}

static void show_predictions(FILE *out, const struct sk_json *plan)
{
	const struct sk_json *asked = sk_json_get(plan, "prediction");
	const struct sk_json *others = sk_json_get(plan, "other_predictions");

	if (!others)
		return;
	(void)fprintf(out, "prediction\n   %-14s %-28s %-28s %s\n", "mode", "total",
		      "vCPUs stand still", "client waits");
	if (asked)
		show_prediction(out, asked, "*");
	for (size_t i = 0; i < sk_json_len(others); i++)
		show_prediction(out, sk_json_at(others, i), " ");
}

static void show_auto(FILE *out, const struct sk_json *plan)
{
	const struct sk_json *candidates = sk_json_path(plan, "auto.candidates");

	if (!candidates)
		return;
	(void)fprintf(out, "auto takes %s\n", text_at(plan, "auto.why"));
	for (size_t i = 0; i < sk_json_len(candidates); i++)
		(void)fprintf(out, "   %s\n", text_at(sk_json_at(candidates, i), "text"));
}

void sk_show_plan(FILE *out, const struct sk_json *plan)
{
	(void)fprintf(out, "%s: %s -> %s, %s, encryption %s\n", text_at(plan, "guest"),
		      text_at(plan, "from.name"), text_at(plan, "to.name"),
		      text_at(plan, "mode"), text_at(plan, "transfer.encryption"));
	show_checks(out, sk_json_get(plan, "checks"));
	show_steps(out, sk_json_get(plan, "steps"));
	show_predictions(out, plan);
	show_auto(out, plan);
}
