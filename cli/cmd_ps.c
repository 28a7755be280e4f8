// SPDX-License-Identifier: Apache-2.0
/* cmd_ps - list containers */
#include "cli/cmds.h"
#include "cli/ctr.h"
#include "runtime/runtime.h"

struct ps_opts {
	bool all;
	bool quiet;
	const char *format;
};

static const struct sk_opt ps_table[] = {
	{'a', "all", NULL, "show those that have ended, too", SK_OPT_FLAG,
	 offsetof(struct ps_opts, all)},
	SK_OPT_QUIET_ROW(struct ps_opts, quiet),
	SK_OPT_FORMAT_ROW(struct ps_opts, format),
	SK_OPT_END,
};

static int ps_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct ps_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	const char *format = NULL;
	int r = sk_cmd_list_format(opts->quiet, opts->format, &format, err);

	(void)nargs;
	(void)args;
	if (r == 0)
		r = sk_ctr_open(ctx, &home, err);
	if (r == 0)
		r = sk_container_list(home, opts->all, &list, err);
	return r < 0 ? r : sk_out_list(format, sk_ctr_columns, list, err);
}

const struct sk_cmd sk_cmd_ps = {
	.name = "ps",
	.summary = "list containers",
	.usage = "[OPTIONS]",
	.opts = ps_table,
	.opts_size = sizeof(struct ps_opts),
	.run = ps_run,
};
