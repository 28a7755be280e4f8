// SPDX-License-Identifier: Apache-2.0
/* cmd_probe - measure a service's response times, without a migration */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/decl_migrate.h"
#include "cli/out.h"
#include "cli/vm/common.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/migrate.h"

#define REPLY_MS    3000
#define MAX_HZ	    20000
#define NAP_NS	    (50 * SK_NS_PER_MS)
#define BAR_COLUMNS 40
#define MAX_BUCKETS 32

/** struct bucket - Requests answered within (from, to] microseconds */
struct bucket {
	double from_us, to_us;
	size_t count;
};

/** struct result - What one probe gave */
struct result {
	const char *url;
	const struct sk_probe *probe;
	struct sk_probe_target target;
	struct sk_probe_summary sum;
	struct bucket buckets[MAX_BUCKETS];
	size_t nr_buckets;
};

static bool is_answered(const struct sk_sample *s)
{
	return s->received_ns != 0;
}

/* Bounds of 1, 2 and 5 times a power of ten: empty ones at both ends are left out. */
static void make_buckets(struct result *res, const struct sk_sample *samples, size_t n)
{
	static const double parts[] = {1, 2, 5};
	size_t first = MAX_BUCKETS, last = 0;

	for (size_t i = 0; i < MAX_BUCKETS; i++) {
		struct bucket *b = &res->buckets[i];
		size_t decade = i / 3 + 1;

		b->from_us = i ? b[-1].to_us : 0;
		b->to_us = parts[i % 3] * pow(10, (double)decade);
		b->count = 0;
		for (size_t k = 0; k < n; k++) {
			double us = (double)(samples[k].received_ns -
					     samples[k].intended_ns) /
				    1e3;

			b->count += is_answered(&samples[k]) && us > b->from_us &&
				    us <= b->to_us;
		}
		if (b->count == 0)
			continue;
		first = first < i ? first : i;
		last = i;
	}
	if (first == MAX_BUCKETS)
		return;
	res->nr_buckets = last - first + 1;
	memmove(res->buckets, res->buckets + first,
		res->nr_buckets * sizeof(res->buckets[0]));
}

static struct sk_json *result_json(const struct result *res)
{
	const struct sk_probe_summary *s = &res->sum;
	struct sk_json *json = sk_json_new_object(), *list;

	sk_json_set_str(json, "target", res->url);
	sk_json_set_uint(json, "hz", res->target.hz);
	sk_probe_describe(res->probe, json);
	sk_json_set_uint(json, "sent", s->sent);
	sk_json_set_uint(json, "lost", s->lost);
	sk_json_set_double(json, "p50_ms", s->p50_us / 1e3);
	sk_json_set_double(json, "p90_ms", s->p90_us / 1e3);
	sk_json_set_double(json, "p99_ms", s->p99_us / 1e3);
	sk_json_set_double(json, "p999_ms", s->p999_us / 1e3);
	sk_json_set_double(json, "max_ms", s->max_us / 1e3);
	sk_json_set_double(json, "mean_ms", s->mean_us / 1e3);
	sk_json_set_double(json, "silence_ms", (double)s->silence_ns / 1e6);
	sk_json_set_double(json, "outage_ms", (double)s->outage_ns / 1e6);
	sk_json_set_double(json, "late_p99_us", s->late_p99_us);
	sk_json_set_bool(json, "late_ok", s->late_ok);
	sk_json_set_bool(json, "discard", !s->late_ok);
	list = sk_json_set(json, "histogram", sk_json_new_array());
	for (size_t i = 0; i < res->nr_buckets; i++) {
		struct sk_json *b = sk_json_add(list, sk_json_new_object());

		sk_json_set_double(b, "from_ms", res->buckets[i].from_us / 1e3);
		sk_json_set_double(b, "to_ms", res->buckets[i].to_us / 1e3);
		sk_json_set_uint(b, "count", res->buckets[i].count);
	}
	return json;
}

static const char *us_text(double us, char buf[SK_FORMAT_SIZE])
{
	return isnan(us) ? "n/a" : sk_format_duration((uint64_t)llround(us * 1e3), buf);
}

static void show_buckets(const struct result *res)
{
	size_t most = 1;

	for (size_t i = 0; i < res->nr_buckets; i++)
		if (res->buckets[i].count > most)
			most = res->buckets[i].count;
	for (size_t i = 0; i < res->nr_buckets; i++) {
		const struct bucket *b = &res->buckets[i];
		/* One request in many is still to be seen. */
		int bar = (int)((b->count * BAR_COLUMNS + most - 1) / most);
		char to[SK_FORMAT_SIZE];

		(void)printf("   up to %-7s %8zu  %.*s\n", us_text(b->to_us, to),
			     b->count, bar, "########################################");
	}
}

static void show(const struct result *res)
{
	const struct sk_probe_summary *s = &res->sum;
	struct sk_probe_counts counts;
	char text[5][SK_FORMAT_SIZE];

	sk_probe_counts(res->probe, &counts);
	(void)printf("%s, %u requests per second\n", res->url, res->target.hz);
	if (res->target.model != SK_PROBE_OPEN)
		(void)printf(
			" model      %s, a closed loop: it asks less while it waits\n",
			sk_probe_model_name(res->target.model));
	(void)printf(" requests   %zu sent, %zu lost (%.3g %%)", s->sent, s->lost,
		     s->sent ? 100.0 * (double)s->lost / (double)s->sent : 0);
	if (counts.refused)
		(void)printf(", %zu of them refused", counts.refused);
	if (counts.reconnects)
		(void)printf("; connected again %zu times", counts.reconnects);
	(void)fputc('\n', stdout);
	if (sk_probe_cut(res->probe))
		(void)printf(" CUT SHORT  %s: nothing is known of what came then\n",
			     sk_probe_cut(res->probe));
	(void)printf(" response   p50 %s   p90 %s   p99 %s   p99.9 %s   max %s\n",
		     us_text(s->p50_us, text[0]), us_text(s->p90_us, text[1]),
		     us_text(s->p99_us, text[2]), us_text(s->p999_us, text[3]),
		     us_text(s->max_us, text[4]));
	show_buckets(res);
	(void)printf(" silence    %s at most between two replies\n",
		     sk_format_duration(s->silence_ns, text[0]));
	(void)printf(" lateness   p99 %s%s\n", us_text(s->late_p99_us, text[0]),
		     s->late_ok ? " of the probe itself"
				: ": the probe itself was late, discard this run");
	if (!s->late_ok && !sk_probe_is_realtime(res->probe))
		(void)printf("            it had no real-time priority: that needs root, "
			     "and a budget of its control group\n");
}

static int save(const char *dir, const struct sk_json *json,
		const struct sk_sample *samples, size_t n, struct sk_err *err)
{
	sk_autofree char *text = sk_json_print(json, true);
	sk_autoclose int fd = -1;
	int r;

	if (!text)
		return sk_err_oom(err);
	r = sk_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return r;
	fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open the results folder '%s'", dir);
	r = sk_fs_replace(fd, "probe.json", text, strlen(text), 0644, err);
	return r < 0 ? r : sk_probe_save(fd, "samples.bin", samples, n, err);
}

/* Until its time is over or somebody presses Ctrl-C; 1 for the latter. */
static int run_probe(struct sk_probe *probe, const struct sk_cli_probe_opts *given,
		     const char *url, struct sk_err *err)
{
	const volatile int *interrupted = sk_vmcli_catch();
	uint64_t end = sk_clock_mono() + given->for_ns;
	struct sk_progress progress = {0};
	char text[SK_FORMAT_SIZE];
	int r;

	sk_progress_init(&progress, false);
	sk_progress_phase(&progress, "probe %s for %s", url,
			  sk_format_duration(given->for_ns, text));
	r = sk_probe_wait_reply(probe, REPLY_MS, err);
	while (r == 0 && !*interrupted && sk_clock_mono() < end)
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	sk_progress_done(&progress);
	if (r < 0)
		return sk_err_hint(err, r, "is there a service? one to try: skiff serve");
	r = *interrupted ? sk_probe_stop(probe, err) : sk_probe_finish(probe, err);
	return r < 0 ? r : *interrupted != 0;
}

static int conclude(const struct sk_cli_probe_opts *given, struct sk_probe *probe,
		    struct result *res, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	const struct sk_sample *samples;
	size_t n;
	int r;

	samples = sk_probe_samples(probe, &n);
	r = sk_probe_summarize(samples, n, 0, UINT64_MAX, 0, &res->sum);
	if (r < 0)
		return sk_err_oom(err);
	make_buckets(res, samples, n);
	json = result_json(res);
	if (given->dir)
		r = save(given->dir, json, samples, n, err);
	if (r < 0)
		return r;
	if (given->format && strcmp(given->format, "table") != 0)
		return sk_out_object(given->format, NULL, json, err);
	show(res);
	return sk_out_flush(err);
}

/* What the command line says goes over what the target says. */
static int fill_target(const struct sk_cli_probe_opts *given,
		       struct sk_probe_target *target, struct sk_err *err)
{
	char number[24];
	int r = 0;

	if (given->hz != SK_OPT_UNSET)
		target->hz = (unsigned int)given->hz;
	if (given->clients != SK_OPT_UNSET) {
		(void)snprintf(number, sizeof(number), "%" PRIu64, given->clients);
		r = sk_probe_target_set(target, "clients", number, err);
	}
	if (r == 0 && given->model)
		r = sk_probe_target_set(target, "model", given->model, err);
	return r;
}

static int open_lab(const struct sk_cmd_ctx *ctx, const char *lab, const char *url,
		    struct sk_probe_opts *opts, char **ret_url, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	if (!lab) {
		*ret_url = strdup(url);
		return *ret_url ? 0 : sk_err_oom(err);
	}
	r = sk_lab_probe_url(url, ret_url, err);
	if (r == 0)
		r = sk_vmcli_open(ctx, &home, err);
	if (r < 0)
		return r;
	opts->netns_fd = sk_lab_client_netns(home, lab, err);
	return opts->netns_fd < 0 ? opts->netns_fd : 0;
}

static int fill_opts(const struct sk_cmd_ctx *ctx, const struct sk_cli_probe_opts *given,
		     const char *url, struct sk_probe_opts *opts, char **ret_url,
		     struct sk_err *err)
{
	int r;

	if (given->hz == 0 || given->clients == 0)
		return sk_cmd_usage(err, "--hz and --clients are at least 1");
	if (given->hz != SK_OPT_UNSET && given->hz > MAX_HZ)
		return sk_cmd_usage(err, "--hz is at most %u", MAX_HZ);
	if (given->for_ns == 0)
		return sk_cmd_usage(err, "--for must be longer than nothing");
	if (given->from && given->lab)
		return sk_cmd_usage(err, "--from and --lab are two places");
	opts->max_duration_ns = given->for_ns;
	opts->from = given->from;
	r = open_lab(ctx, given->lab, url, opts, ret_url, err);
	if (r == 0)
		r = sk_probe_target_parse(*ret_url, &opts->target, err);
	return r < 0 ? r : fill_target(given, &opts->target, err);
}

int sk_run_probe(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		 struct sk_err *err)
{
	const struct sk_cli_probe_opts *given = options;
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct sk_probe_opts opts = {.netns_fd = -1};
	sk_autofree char *url = NULL;
	struct result res = {0};
	int r, printed;

	(void)nargs;
	r = fill_opts(ctx, given, args[0], &opts, &url, err);
	if (r == 0)
		r = sk_probe_start(&opts, &probe, err);
	sk_close(&opts.netns_fd);
	res.url = url;
	res.probe = probe;
	res.target = opts.target;
	if (r == 0)
		r = run_probe(probe, given, url, err);
	if (r < 0)
		return r;
	printed = conclude(given, probe, &res, err);
	if (printed < 0)
		return printed;
	if (r == 0 && sk_probe_cut(probe))
		return sk_err_set(err, EPIPE, "probe from '%s': %s", given->from,
				  sk_probe_cut(probe));
	return r ? SK_EXIT_INTERRUPTED : 0;
}
