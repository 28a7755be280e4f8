// SPDX-License-Identifier: Apache-2.0
/* cmd_rm - remove containers that have ended */
#include <errno.h>

#include "cli/cmds.h"
#include "cli/ctr.h"
#include "runtime/runtime.h"

struct rm_opts {
	bool force;
};

static const struct sk_opt rm_table[] = {
	{'f', "force", NULL, "stop it first when it runs", SK_OPT_FLAG,
	 offsetof(struct rm_opts, force)},
	SK_OPT_END,
};

static int rm_one(const struct sk_home *home, const char *name, const void *arg,
		  struct sk_err *err)
{
	const struct rm_opts *opts = arg;
	int r = sk_container_remove(home, name, opts->force, err);

	if (r == -EBUSY)
		return sk_err_hint(err, r, "stop it first, or use rm --force");
	return r;
}

static int rm_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	(void)nargs;
	return sk_ctr_for_each(ctx, args, rm_one, options, err);
}

const struct sk_cmd sk_cmd_rm = {
	.name = "rm",
	.summary = "remove containers that have ended",
	.usage = "[OPTIONS] CONTAINER...",
	.details =
		"The exit status is 2 when a container still runs, 1 when there is none of "
		"that name.\n",
	.opts = rm_table,
	.opts_size = sizeof(struct rm_opts),
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = rm_run,
};
