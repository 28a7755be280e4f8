// SPDX-License-Identifier: Apache-2.0
/* show - the result of a migration for people */
#include "cli/vm/show.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/parse.h"

static const char *text_at(const struct sk_json *run, const char *path)
{
	return sk_json_str(sk_json_path(run, path), "?");
}

static uint64_t number_at(const struct sk_json *run, const char *path)
{
	return (uint64_t)sk_json_int(sk_json_path(run, path), 0);
}

/* "61 ms", or "n/a" where nothing is known. */
static const char *ms_at(const struct sk_json *run, const char *path,
			 char buf[SK_FORMAT_SIZE])
{
	double ms = sk_json_double(sk_json_path(run, path), NAN);

	if (!isfinite(ms) || ms < 0)
		return "n/a";
	return sk_format_duration((uint64_t)llround(ms * 1e6), buf);
}

static void show_mode(FILE *out, const struct sk_json *run)
{
	const char *asked = text_at(run, "mode.asked"),
		   *proven = text_at(run, "mode.proven");
	const char *why = text_at(run, "mode.why"),
		   *chosen = sk_json_str(sk_json_path(run, "mode.chosen"), NULL),
		   *by = strcmp(asked, "auto") == 0 ? " (chosen by auto)"
						    : " (after the time-out)";

	(void)fprintf(out, "%s: %s -> %s\n", text_at(run, "guest"),
		      text_at(run, "from.name"), text_at(run, "to.name"));
	if (strcmp(chosen ? chosen : asked, proven) == 0)
		(void)fprintf(out, " mode       %s%s, proven by events: %s\n", proven,
			      chosen ? by : "", why);
	else
		(void)fprintf(out, " mode       %s was asked for, the run is %s: %s\n",
			      asked, proven, why);
}

static void show_downtime(FILE *out, const struct sk_json *run)
{
	char reported[SK_FORMAT_SIZE], vcpu[SK_FORMAT_SIZE], client[SK_FORMAT_SIZE];

	(void)fprintf(out, " downtime   reported %s   vCPU %s   client %s\n",
		      ms_at(run, "downtime_ms.reported", reported),
		      ms_at(run, "downtime_ms.vcpu", vcpu),
		      ms_at(run, "downtime_ms.client", client));
}

static double ratio_at(const struct sk_json *run, const char *path)
{
	return sk_json_double(sk_json_path(run, path), NAN);
}

static void show_predicted(FILE *out, const struct sk_json *run, const char *what,
			   const char *key, const char *ratio)
{
	char path[3][48], low[SK_FORMAT_SIZE], mid[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE];
	const char *const ends[] = {"low", "mid", "high"};

	for (int i = 0; i < 3; i++)
		(void)snprintf(path[i], sizeof(path[i]), "prediction.%s.%s", key,
			       ends[i]);
	(void)fprintf(out, "%s %s (%s to %s), ", what, ms_at(run, path[1], mid),
		      ms_at(run, path[0], low), ms_at(run, path[2], high));
	if (isfinite(ratio_at(run, ratio)))
		(void)fprintf(out, "measured %.2f of it", ratio_at(run, ratio));
	else
		(void)fprintf(out, "not measured");
}

static void show_prediction(FILE *out, const struct sk_json *run)
{
	const struct sk_json *prediction = sk_json_get(run, "prediction");

	if (!prediction)
		return;
	if (!sk_json_bool(sk_json_get(prediction, "converges"), false)) {
		(void)fprintf(out, " predicted  not to end: %s\n",
			      text_at(run, "prediction.why"));
		return;
	}
	(void)fprintf(out, " predicted  ");
	show_predicted(out, run, "total", "total_ms", "prediction.ratio.total");
	(void)fprintf(out, "\n            ");
	show_predicted(out, run, "vCPU downtime", "downtime_ms",
		       "prediction.ratio.downtime");
	(void)fprintf(
		out, "\n%s",
		number_at(run, "prediction.calibrated")
			? ""
			: "            not calibrated on these hosts and link yet\n");
}

static void show_window(FILE *out, const struct sk_json *run, const char *name)
{
	char path[64], p50[SK_FORMAT_SIZE], p99[SK_FORMAT_SIZE], max[SK_FORMAT_SIZE];
	const struct sk_json *window;

	(void)snprintf(path, sizeof(path), "probe.%s", name);
	window = sk_json_path(run, path);
	if (!sk_json_bool(sk_json_get(window, "complete"), true)) {
		(void)fprintf(out,
			      "   %-8s unknown, but for %" PRIu64
			      " requests before the probe was cut off\n",
			      name, number_at(window, "sent"));
		return;
	}
	(void)fprintf(out,
		      "   %-8s p50 %-9s p99 %-9s max %-9s lost %" PRIu64 " of %" PRIu64
		      "\n",
		      name, ms_at(window, "p50_ms", p50), ms_at(window, "p99_ms", p99),
		      ms_at(window, "max_ms", max), number_at(window, "lost"),
		      number_at(window, "sent"));
}

/* What is lost before anything moves says nothing of the migration. */
static void show_overload(FILE *out, const struct sk_json *run)
{
	uint64_t sent = number_at(run, "probe.before.sent");
	uint64_t lost = number_at(run, "probe.before.lost");

	if (lost * 100 > sent)
		(void)fprintf(
			out,
			"   %.0f %% got no answer before the migration already: ask "
			"less often (?hz=N)\n",
			100.0 * (double)lost / (double)sent);
}

static void show_probe(FILE *out, const struct sk_json *run)
{
	if (!sk_json_path(run, "probe.sent")) {
		(void)fprintf(out, " probe      none: nothing is known of the clients\n");
		return;
	}
	(void)fprintf(out, " probe      %s", text_at(run, "probe_target"));
	if (sk_json_path(run, "probe.from"))
		(void)fprintf(out, ", from %s", text_at(run, "probe.from"));
	(void)fputc('\n', out);
	if (sk_json_path(run, "probe.cut"))
		(void)fprintf(out,
			      "   it was cut off (%s): of the time behind that nothing "
			      "is known\n",
			      text_at(run, "probe.cut"));
	show_window(out, run, "before");
	show_window(out, run, "during");
	show_window(out, run, "after");
	show_overload(out, run);
	sk_show_answers(out, run);
	if (!sk_json_bool(sk_json_path(run, "probe.late_ok"), true))
		(void)fprintf(
			out,
			"   the probe itself was late (p99 %.0f us): discard this run\n",
			sk_json_double(sk_json_path(run, "probe.late_p99_us"), NAN));
}

static void show_data(FILE *out, const struct sk_json *run)
{
	char prep[SK_FORMAT_SIZE], total[SK_FORMAT_SIZE], api[SK_FORMAT_SIZE];
	char wire[SK_FORMAT_SIZE], memory[SK_FORMAT_SIZE];
	uint64_t requests = number_at(run, "memory.postcopy_requests");

	(void)fprintf(out, " time       preparation %s   total %s   API %s\n",
		      ms_at(run, "time_ms.prep", prep),
		      ms_at(run, "time_ms.total", total), ms_at(run, "time_ms.api", api));
	(void)fprintf(out, " data       %s sent for %s of memory, passes: %zu",
		      sk_format_size(number_at(run, "memory.wire_bytes"), wire),
		      sk_format_size(number_at(run, "memory.bytes"), memory),
		      sk_json_len(sk_json_get(run, "passes")));
	if (requests)
		(void)fprintf(out, ", pages asked for: %" PRIu64, requests);
	(void)fputc('\n', out);
}

static void show_memory(FILE *out, const struct sk_json *run)
{
	const struct sk_json *verified = sk_json_get(run, "memory_verified");

	if (!verified)
		(void)fprintf(out, " memory     not verified: no skiff-guest answers\n");
	else if (sk_json_bool(verified, false))
		(void)fprintf(out,
			      " memory     verified: same checksum, no lost write\n");
	else
		(void)fprintf(out, " memory     WRONG: %s\n",
			      text_at(run, "memory_check.why"));
}

void sk_show_migration(FILE *out, const struct sk_json *run)
{
	show_mode(out, run);
	show_downtime(out, run);
	sk_show_parts(out, run);
	show_prediction(out, run);
	show_probe(out, run);
	sk_show_service(out, run);
	show_data(out, run);
	show_memory(out, run);
	sk_show_clocks(out, run);
	if (sk_json_get(run, "report"))
		(void)fprintf(out, " report     %s\n", text_at(run, "report"));
}
