// SPDX-License-Identifier: Apache-2.0
/* show_plan - a migration's dry run for people */
#include <stdbool.h>

#include "cli/vm/show.h"

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
		const char *of = text_at(step, "of");

		(void)fprintf(out, "  %zu. %s: %s%s%s", i + 1, text_at(step, "when"),
			      text_at(step, "call"), of[0] ? " " : "", of);
		show_flags(out, sk_json_get(step, "flags"));
		if (sk_json_get(step, "parameters"))
			show_parameters(out, sk_json_get(step, "parameters"));
		(void)fprintf(out, "\n");
	}
}

void sk_show_plan(FILE *out, const struct sk_json *plan)
{
	(void)fprintf(out, "%s: %s -> %s, %s, encryption %s\n", text_at(plan, "guest"),
		      text_at(plan, "from.name"), text_at(plan, "to.name"),
		      text_at(plan, "mode"), text_at(plan, "transfer.encryption"));
	show_checks(out, sk_json_get(plan, "checks"));
	show_steps(out, sk_json_get(plan, "steps"));
}
