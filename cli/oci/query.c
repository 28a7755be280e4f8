// SPDX-License-Identifier: Apache-2.0
/* query - skiff-oci state, list */
#include "cli/oci/oci.h"
#include "cli/out.h"
#include "runtime/runtime.h"

struct list_opts {
	const char *format;
	bool quiet;
};

static const struct sk_opt list_table[] = {
	{'f', "format", "FORMAT", "table, json, jsonl, csv, or a text with {{.key}}",
	 SK_OPT_FORMAT, offsetof(struct list_opts, format)},
	{'q', "quiet", NULL, "only the ids", SK_OPT_FLAG,
	 offsetof(struct list_opts, quiet)},
	SK_OPT_END,
};

static const struct sk_out_column columns[] = {
	{"ID", "id", SK_OUT_TEXT},	    {"PID", "pid", SK_OUT_TEXT},
	{"STATUS", "status", SK_OUT_TEXT},  {"BUNDLE", "bundle", SK_OUT_CUT},
	{"CREATED", "created", SK_OUT_AGE}, {"OWNER", "owner", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

static int state_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		     struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *state = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)opts;
	(void)nargs;
	if (r == 0)
		r = sk_oci_state(home, args[0], &state, err);
	return r < 0 ? r : sk_out_object("json", NULL, state, err);
}

static int list_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct list_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	(void)args;
	if (r == 0)
		r = sk_oci_list(home, &list, err);
	if (r < 0)
		return r;
	if (opts->quiet)
		return sk_json_len(list) ? sk_out_list("{{.id}}", columns, list, err) : 0;
	return sk_out_list(opts->format, columns, list, err);
}

const struct sk_cmd sk_oci_cmd_state = {
	.name = "state",
	.summary = "print the state of a container as JSON",
	.usage = "ID",
	.min_args = 1,
	.max_args = 1,
	.run = state_run,
};

const struct sk_cmd sk_oci_cmd_list = {
	.name = "list",
	.summary = "list containers",
	.usage = "[OPTIONS]",
	.opts = list_table,
	.opts_size = sizeof(struct list_opts),
	.run = list_run,
};
