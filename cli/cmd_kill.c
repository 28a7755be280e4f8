// SPDX-License-Identifier: Apache-2.0
/* cmd_kill - signal the first process of containers */
#include "cli/cmds.h"
#include "cli/ctr.h"
#include "lib/proc.h"
#include "runtime/runtime.h"

struct kill_opts {
	const char *signal;
};

static const struct kill_opts kill_defaults = {.signal = "KILL"};

static const struct sk_opt kill_table[] = {
	{'s', "signal", "SIGNAL", "by name or number, with or without SIG (KILL)",
	 SK_OPT_STR, offsetof(struct kill_opts, signal)},
	SK_OPT_END,
};

static int kill_one(const struct sk_home *home, const char *name, const void *arg,
		    struct sk_err *err)
{
	const int *sig = arg;

	return sk_container_signal(home, name, *sig, err);
}

static int kill_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct kill_opts *opts = options;
	int sig = sk_proc_signal_number(opts->signal);

	(void)nargs;
	if (sig < 0)
		return sk_cmd_usage(err, "'%s' is no signal", opts->signal);
	return sk_ctr_for_each(ctx, args, kill_one, &sig, err);
}

const struct sk_cmd sk_cmd_kill = {
	.name = "kill",
	.summary = "signal the first process of containers",
	.usage = "[OPTIONS] CONTAINER...",
	.opts = kill_table,
	.opts_size = sizeof(struct kill_opts),
	.defaults = &kill_defaults,
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = kill_run,
};
