// SPDX-License-Identifier: Apache-2.0
/* show_insight - what explains a migration's numbers, for people: parts of the outage, service, clocks */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/vm/show.h"
#include "lib/parse.h"
#include "migrate/migrate.h"

static double number_at(const struct sk_json *run, const char *path)
{
	return sk_json_double(sk_json_path(run, path), NAN);
}

static const char *text_at(const struct sk_json *run, const char *path)
{
	return sk_json_str(sk_json_path(run, path), "?");
}

/* In order of time; what took no time is left out, what is not known is named. */
void sk_show_parts(FILE *out, const struct sk_json *run)
{
	const struct sk_json *parts = sk_json_get(run, "decomposition");
	const char *between = "";

	if (sk_json_len(parts) == 0)
		return;
	(void)fprintf(out, " of it      ");
	for (size_t i = 0; i < sk_json_len(parts); i++) {
		const struct sk_json *part = sk_json_at(parts, i);
		double ms = sk_json_double(sk_json_get(part, "ms"), NAN);
		char text[SK_FORMAT_SIZE];

		if (ms == 0)
			continue;
		(void)fprintf(out, "%s%s %s", between,
			      sk_json_str(sk_json_get(part, "part"), "?"),
			      isnan(ms) ? "not known"
					: sk_format_duration((uint64_t)llround(ms * 1e6),
							     text));
		between = "   ";
	}
	(void)fputc('\n', out);
}

/* What is usual is not worth a word. */
void sk_show_answers(FILE *out, const struct sk_json *run)
{
	double refused = number_at(run, "probe.refused");
	double reconnects = number_at(run, "probe.reconnects");

	if (refused > 0 || reconnects > 0)
		(void)fprintf(out, "   refused %.0f, connections made anew %.0f\n",
			      refused, reconnects);
	if (sk_json_path(run, "probe.stamps") &&
	    strcmp(text_at(run, "probe.stamps"), "kernel") != 0)
		(void)fprintf(out, "   times of answers: %s\n",
			      strcmp(text_at(run, "probe.stamps"), "program") == 0
				      ? "when the program read them, not when they came"
				      : "some when the program read them, not when they "
					"came");
}

void sk_show_service(FILE *out, const struct sk_json *run)
{
	double tlp = number_at(run, "service.tlp");

	if (!sk_json_path(run, "service.model"))
		return;
	(void)fprintf(out, " service    %s, %.0f served", text_at(run, "service.model"),
		      number_at(run, "service.served"));
	if (number_at(run, "service.refused") > 0)
		(void)fprintf(out, ", %.0f refused", number_at(run, "service.refused"));
	if (isfinite(tlp))
		(void)fprintf(out, ", parallelism %.2f (threads at once: %.0f)", tlp,
			      number_at(run, "service.peak_threads"));
	(void)fputc('\n', out);
}

void sk_show_clocks(FILE *out, const struct sk_json *run)
{
	static const char *const keys[] = {"from", "to"};
	bool is_first = true;

	for (size_t i = 0; i < 2; i++) {
		const struct sk_json *clock =
			sk_json_get(sk_json_get(run, "clocks"), keys[i]);

		if (!clock)
			continue;
		(void)fprintf(out, "%s%s %+.0f us, at most %.0f off%s",
			      is_first ? " clocks     " : "; ",
			      sk_json_str(sk_json_get(sk_json_get(run, keys[i]), "name"),
					  keys[i]),
			      number_at(clock, "offset_us"), number_at(clock, "error_us"),
			      sk_json_bool(sk_json_get(clock, "corrected"), false)
				      ? " (corrected)"
				      : "");
		is_first = false;
	}
	if (!is_first)
		(void)fputc('\n', out);
}
