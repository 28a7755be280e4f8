// SPDX-License-Identifier: Apache-2.0
/* cmd_lab - lab up, ls, status, load, link and down */
#include <string.h>

#include "cli/decl_migrate.h"
#include "cli/out.h"
#include "cli/vm/common.h"
#include "lib/parse.h"
#include "migrate/migrate.h"

_Static_assert(SK_LAB_KEEP == SK_OPT_UNSET, "an option that is not given keeps the load");

static const struct sk_out_column lab_columns[] = {
	{"NAME", "name", SK_OUT_TEXT},
	{"STATUS", "status", SK_OUT_TEXT},
	{"HOSTS", "hosts", SK_OUT_TEXT},
	{"GUESTS", "guests", SK_OUT_TEXT},
	{"ACCELERATOR", "accelerator", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

static const struct sk_out_column host_columns[] = {
	{"HOST", "name", SK_OUT_TEXT},	     {"STATUS", "status", SK_OUT_TEXT},
	{"ADDRESS", "address", SK_OUT_TEXT}, {"PID", "pid", SK_OUT_TEXT},
	{"GUESTS", "guests", SK_OUT_TEXT},   {NULL, NULL, SK_OUT_TEXT},
};

static const struct sk_out_column guest_columns[] = {
	{"GUEST", "name", SK_OUT_TEXT},
	{"HOST", "host", SK_OUT_TEXT},
	{"STATE", "state", SK_OUT_TEXT},
	{"ADDRESS", "address", SK_OUT_TEXT},
	{"ANSWERS", "answering", SK_OUT_TEXT},
	{"MEMORY", "memory_bytes", SK_OUT_SIZE},
	{"WORKING SET", "working_set_bytes", SK_OUT_SIZE},
	{"PAGES/S", "pages_per_s", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

/* What leaves each host, where it is shaped. */
static void show_link(const struct sk_json *link)
{
	uint64_t rate = (uint64_t)sk_json_int(sk_json_get(link, "rate_bits"), 0);
	uint64_t latency = (uint64_t)sk_json_int(sk_json_get(link, "latency_ns"), 0);
	int64_t loss = sk_json_int(sk_json_get(link, "loss_ppm"), 0);
	char text[SK_FORMAT_SIZE];

	if (!rate && !latency && !loss)
		return;
	(void)printf("links:");
	if (rate)
		(void)printf(" rate %s", sk_format_rate(rate, text));
	if (latency)
		(void)printf(" latency %s", sk_format_duration(latency, text));
	if (loss)
		(void)printf(" loss %g %%", (double)loss / 1e4);
	(void)fputc('\n', stdout);
}

/* A lab is a tree: people get a line and two tables, programs the object. */
static int show(const char *format, const struct sk_json *status, struct sk_err *err)
{
	const char *why = sk_json_str(sk_json_path(status, "accelerator_why"), "");
	int r;

	if (format && strcmp(format, "table") != 0)
		return sk_out_object(format, NULL, status, err);
	(void)printf("lab %s: %s, guests run on %s%s%s%s\n",
		     sk_json_str(sk_json_get(status, "name"), ""),
		     sk_json_str(sk_json_get(status, "status"), ""),
		     sk_json_str(sk_json_get(status, "accelerator"), "nothing yet"),
		     *why ? " (" : "", why, *why ? ")" : "");
	show_link(sk_json_get(status, "link"));
	r = sk_out_list(NULL, host_columns, sk_json_get(status, "hosts"), err);
	if (r == 0)
		r = sk_out_list(NULL, guest_columns, sk_json_get(status, "guests"), err);
	return r;
}

int sk_run_lab_up(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct sk_cli_lab_opts *given = options;
	struct sk_progress progress = {0};
	const struct sk_lab_opts opts = {
		.name = nargs > 0     ? args[0]
			: given->name ? given->name
				      : "default",
		.hosts = given->hosts > UINT32_MAX ? UINT32_MAX : (unsigned)given->hosts,
		.guest_memory_bytes = given->guest_memory_bytes,
		.working_set_bytes = given->working_set_bytes,
		.pages_per_s = given->pages_per_s,
		.server = given->server,
		.phase = sk_vmcli_phase,
		.phase_ctx = &progress,
		.interrupted = sk_vmcli_catch(),
	};
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	if (given->hosts == 0)
		return sk_cmd_usage(err, "--hosts: a lab without hosts is none");
	if (nargs > 0 && given->name)
		return sk_cmd_usage(err, "two names for a lab: '%s' and '%s'",
				    given->name, args[0]);
	r = sk_vmcli_open(ctx, &home, err);
	if (r < 0)
		return r;
	sk_progress_init(&progress, false);
	r = sk_lab_up(home, &opts, &status, err);
	sk_progress_done(&progress);
	if (r == -ECANCELED)
		return SK_EXIT_INTERRUPTED;
	return r < 0 ? r : show(given->format, status, err);
}

int sk_run_lab_ls(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct sk_cli_lab_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *labs = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	(void)nargs;
	(void)args;
	r = sk_vmcli_open(ctx, &home, err);
	if (r == 0)
		r = sk_lab_list(home, &labs, err);
	if (r == 0)
		r = sk_out_list(opts->format, lab_columns, labs, err);
	return r;
}

int sk_run_lab_status(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct sk_cli_lab_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	r = sk_vmcli_open(ctx, &home, err);
	if (r == 0)
		r = sk_lab_status(home, nargs > 0 ? args[0] : "default", &status, err);
	if (r == 0)
		r = show(opts->format, status, err);
	return r;
}

int sk_run_lab_load(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct sk_cli_lab_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	if (opts->working_set_bytes == SK_OPT_UNSET && opts->pages_per_s == SK_OPT_UNSET)
		return sk_cmd_usage(
			err, "nothing to set: give --working-set or --pages-per-s");
	r = sk_vmcli_open(ctx, &home, err);
	return r < 0 ? r
		     : sk_lab_load(home, nargs > 0 ? args[0] : "default",
				   opts->working_set_bytes, opts->pages_per_s, err);
}

int sk_run_lab_link(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct sk_cli_lab_opts *opts = options;
	struct sk_lab_shape shape = {.rate_bits = opts->rate_bits,
				     .latency_ns = opts->latency_ns};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = opts->loss ? sk_lab_loss_parse(opts->loss, &shape.loss_ppm, err) : 0;

	if (r == 0)
		r = sk_vmcli_open(ctx, &home, err);
	if (r == 0)
		r = sk_lab_shape(home, nargs > 0 ? args[0] : "default", &shape, err);
	return r;
}

int sk_run_lab_down(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	(void)options;
	r = sk_vmcli_open(ctx, &home, err);
	if (r == 0)
		r = sk_lab_down(home, nargs > 0 ? args[0] : "default", err);
	return r;
}
