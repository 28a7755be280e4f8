// SPDX-License-Identifier: Apache-2.0
/* cmd_exec - run a further command in a running container */
#include "cli/cmds.h"
#include "cli/ctr.h"
#include "runtime/runtime.h"

struct exec_opts {
	bool interactive, tty, detach;
	char **env;
	const char *workdir, *user;
};

static const struct sk_opt exec_table[] = {
	{'d', "detach", NULL, "leave it running in the background", SK_OPT_FLAG,
	 offsetof(struct exec_opts, detach)},
	{'e', "env", "NAME[=VALUE]", "set a variable, or hand on the caller's",
	 SK_OPT_STRV, offsetof(struct exec_opts, env)},
	{'i', "interactive", NULL, "hand on standard input", SK_OPT_FLAG,
	 offsetof(struct exec_opts, interactive)},
	{'t', "tty", NULL, "give it a terminal", SK_OPT_FLAG,
	 offsetof(struct exec_opts, tty)},
	{'u', "user", "USER[:GROUP]", "user by name or number", SK_OPT_STR,
	 offsetof(struct exec_opts, user)},
	{'w', "workdir", "DIR", "working folder", SK_OPT_STR,
	 offsetof(struct exec_opts, workdir)},
	SK_OPT_END,
};

static int exec_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct exec_opts *opts = options;
	const struct sk_exec_opts wanted = {
		.args = args + 1,
		.env = opts->env,
		.workdir = opts->workdir,
		.user = opts->user,
		.interactive = opts->interactive,
		.tty = opts->tty,
		.detach = opts->detach,
	};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0;
	int r;

	(void)nargs;
	r = sk_ctr_open(ctx, &home, err);
	if (r < 0)
		return r;
	r = sk_container_exec(home, args[0], &wanted, &status, err);
	return r < 0 ? sk_ctr_start_status(r) : status;
}

const struct sk_cmd sk_cmd_exec = {
	.name = "exec",
	.summary = "run a further command in a running container",
	.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.details =
		"The exit status is the command's own; 125 when skiff failed, 126 when the "
		"command\ncannot be invoked, 127 when there is none of that name.\n",
	.opts = exec_table,
	.opts_size = sizeof(struct exec_opts),
	.min_args = 2,
	.max_args = SK_CMD_ANY,
	.fail_status = SK_EXIT_RUN_FAILED,
	.options_first = true,
	.run = exec_run,
};
