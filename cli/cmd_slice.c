// SPDX-License-Identifier: Apache-2.0
/* cmd_slice - make, list, renew and remove slices */
#include "cli/cmd_slice.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cmds.h"
#include "cli/out.h"
#include "images/images.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "runtime/runtime.h"

int sk_slice_cmd_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret,
		      struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);

	if (r == 0)
		r = sk_slice_recover(home, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&home);
	return 0;
}

/* ---- apply ------------------------------------------------------------------------------ */

struct apply_opts {
	bool dry_run;
	const char *format;
};

static const struct sk_opt apply_table[] = {
	{0, "dry-run", NULL, "print what would be done, and do nothing", SK_OPT_FLAG,
	 offsetof(struct apply_opts, dry_run)},
	SK_OPT_FORMAT_ROW(struct apply_opts, format),
	SK_OPT_END,
};

static void print_plan(const struct sk_json *result, bool dry_run)
{
	const struct sk_json *plan = sk_json_get(result, "plan");
	double ready_ms = sk_json_double(sk_json_get(result, "ready_ms"), 0);
	char text[SK_FORMAT_SIZE];

	for (size_t i = 0; i < sk_json_len(plan); i++)
		(void)printf(" %s\n", sk_json_str(sk_json_at(plan, i), ""));
	if (sk_json_len(plan) == 0)
		(void)puts(" nothing to change");
	if (!dry_run)
		(void)printf("slice '%s' ready in %s, ends %s\n",
			     sk_json_str(sk_json_get(result, "name"), ""),
			     sk_format_duration((uint64_t)(ready_ms * SK_NS_PER_MS),
						text),
			     sk_json_str(sk_json_get(result, "expires"), ""));
}

static int apply_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		     struct sk_err *err)
{
	const struct apply_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;
	sk_auto(sk_json_free) struct sk_json *result = NULL;
	int r = sk_slice_def_load(args[0], &def, err);

	(void)nargs;
	if (r == 0)
		r = sk_slice_cmd_open(ctx, &home, err);
	if (r == 0)
		r = sk_slice_apply(home, def, opts->dry_run, &result, err);
	if (r < 0)
		return r;
	if (opts->format)
		return sk_out_object(opts->format, NULL, result, err);
	print_plan(result, opts->dry_run);
	return 0;
}

static const struct sk_cmd slice_apply = {
	.name = "apply",
	.summary = "make a slice be as its file says",
	.usage = "[OPTIONS] FILE",
	.details =
		"Only what differs is changed. Refused when the machine does not have what "
		"the slice\nasks for. FILE \"-\" is standard input; see skiff-slice(5).\n",
	.opts = apply_table,
	.opts_size = sizeof(struct apply_opts),
	.min_args = 1,
	.max_args = 1,
	.run = apply_run,
};

/* ---- ls, show --------------------------------------------------------------------------- */

struct list_opts {
	const char *format;
};

static const struct sk_opt list_table[] = {
	SK_OPT_FORMAT_ROW(struct list_opts, format),
	SK_OPT_END,
};

static const struct sk_out_column slice_columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	 {"STATUS", "status", SK_OUT_TEXT},
	{"NODES", "nodes", SK_OUT_TEXT}, {"RUNNING", "running", SK_OUT_TEXT},
	{"LAN", "lan", SK_OUT_TEXT},	 {"GUARANTEE", "cpu_guarantee", SK_OUT_TEXT},
	{"ENDS", "expires", SK_OUT_AGE}, {NULL, NULL, SK_OUT_TEXT},
};

static const struct sk_out_column sliver_columns[] = {
	{"NODE", "name", SK_OUT_TEXT},
	{"STATUS", "status", SK_OUT_TEXT},
	{"EXIT", "exit_code", SK_OUT_TEXT},
	{"ADDRESS", "address", SK_OUT_TEXT},
	{"CONTAINER", "container", SK_OUT_TEXT},
	{"PID", "pid", SK_OUT_TEXT},
	{"CPU", "usage.cpu_ns", SK_OUT_DURATION},
	{"MEMORY", "usage.memory_bytes", SK_OUT_SIZE},
	{"LIMIT", "limits.memory_bytes", SK_OUT_SIZE},
	{NULL, NULL, SK_OUT_TEXT},
};

static int ls_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct list_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	int r = sk_slice_cmd_open(ctx, &home, err);

	(void)nargs;
	(void)args;
	if (r == 0)
		r = sk_slice_list(home, &list, err);
	return r < 0 ? r : sk_out_list(opts->format, slice_columns, list, err);
}

static const struct sk_cmd slice_ls = {
	.name = "ls",
	.summary = "list slices",
	.usage = "[OPTIONS]",
	.opts = list_table,
	.opts_size = sizeof(struct list_opts),
	.run = ls_run,
};

static int show_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct list_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *slice = NULL;
	int r = sk_slice_cmd_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = sk_slice_show(home, args[0], &slice, err);
	if (r < 0)
		return r;
	if (opts->format && strcmp(opts->format, "table") != 0)
		return sk_out_object(opts->format, NULL, slice, err);
	r = sk_out_object(NULL, slice_columns, slice, err);
	if (r < 0)
		return r;
	(void)putchar('\n');
	return sk_out_list(NULL, sliver_columns, sk_json_get(slice, "slivers"), err);
}

static const struct sk_cmd slice_show = {
	.name = "show",
	.summary = "show a slice with its nodes and what they use",
	.usage = "[OPTIONS] SLICE",
	.opts = list_table,
	.opts_size = sizeof(struct list_opts),
	.min_args = 1,
	.max_args = 1,
	.run = show_run,
};

/* ---- renew, rm -------------------------------------------------------------------------- */

static int renew_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		     struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	uint64_t lifetime_ns = 0;
	int r = sk_parse_duration(args[1], &lifetime_ns, err);

	(void)options;
	(void)nargs;
	if (r == 0)
		r = sk_slice_cmd_open(ctx, &home, err);
	return r < 0 ? r : sk_slice_renew(home, args[0], lifetime_ns, err);
}

static const struct sk_cmd slice_renew = {
	.name = "renew",
	.summary = "let a slice live for LIFETIME from now",
	.usage = "SLICE LIFETIME",
	.min_args = 2,
	.max_args = 2,
	.run = renew_run,
};

static int rm_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0;
	int r = sk_slice_cmd_open(ctx, &home, err);

	(void)options;
	(void)nargs;
	if (r < 0)
		return r;
	for (; *args; args++) {
		struct sk_err failure = SK_ERR_INIT;

		if (sk_slice_remove(home, *args, &failure) < 0) {
			sk_out_error(ctx->program->name, &failure);
			status = SK_EXIT_FAILED;
		} else {
			(void)puts(*args);
		}
	}
	return status;
}

static const struct sk_cmd slice_rm = {
	.name = "rm",
	.summary = "end slices and remove all they have",
	.usage = "SLICE...",
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = rm_run,
};

/* ---- supervise -------------------------------------------------------------------------- */

static int resolve(void *ctx, const struct sk_home *home, const char *name,
		   struct sk_slice_image *ret, struct sk_err *err)
{
	sk_auto(sk_image_free) struct sk_image *image = NULL;
	int r = sk_image_resolve(home, name, &image, err);

	(void)ctx;
	if (r < 0)
		return r;
	ret->lowers = sk_steal(&image->lowers);
	ret->masks = sk_steal(&image->masks);
	ret->env = sk_steal(&image->env);
	ret->command = sk_steal(&image->command);
	return 0;
}

static int supervise_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			 char **args, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);

	(void)options;
	(void)nargs;
	sk_log_set_level(SK_LOG_INFO);
	return r < 0 ? r : sk_slice_supervise(home, args[0], resolve, NULL, err);
}

static const struct sk_cmd slice_supervise = {
	.name = "supervise",
	.summary = "be the parent of a slice's nodes; started by apply",
	.usage = "SLICE",
	.min_args = 1,
	.max_args = 1,
	.is_hidden = true,
	.run = supervise_run,
};

static const struct sk_cmd *const subcommands[] = {
	&slice_apply, &slice_ls, &slice_show,	   &sk_cmd_slice_exec,
	&slice_renew, &slice_rm, &slice_supervise, NULL,
};

const struct sk_cmd sk_cmd_slice = {
	.name = "slice",
	.summary = "make, list, renew and remove slices",
	.usage = "COMMAND",
	.sub = subcommands,
};
