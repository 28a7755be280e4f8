// SPDX-License-Identifier: Apache-2.0
/* control - skiff-oci kill, pause, resume */
#include <signal.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "lib/proc.h"
#include "runtime/runtime.h"

struct kill_opts {
	bool all;
};

static const struct sk_opt kill_table[] = {
	{'a', "all", NULL, "signal all processes of the container", SK_OPT_FLAG,
	 offsetof(struct kill_opts, all)},
	SK_OPT_END,
};

static int kill_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct kill_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	bool only_asks = nargs > 1 && strcmp(args[1], "0") == 0; /* kill(2) */
	int sig = nargs > 1 ? sk_proc_signal_number(args[1]) : SIGTERM, r;

	if (sig < 0 && !only_asks)
		return sk_cmd_usage(err, "'%s' is no signal", args[1]);
	r = sk_oci_open(ctx, &home, err);
	return r < 0 ? r
		     : sk_oci_kill(home, args[0], only_asks ? 0 : sig, opts->all, err);
}

static int pause_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		     struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)opts;
	(void)nargs;
	return r < 0 ? r : sk_oci_pause(home, args[0], true, err);
}

static int resume_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		      struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)opts;
	(void)nargs;
	return r < 0 ? r : sk_oci_pause(home, args[0], false, err);
}

const struct sk_cmd sk_oci_cmd_kill = {
	.name = "kill",
	.summary = "signal a container",
	.usage = "[OPTIONS] ID [SIGNAL]",
	.opts = kill_table,
	.opts_size = sizeof(struct kill_opts),
	.min_args = 1,
	.max_args = 2,
	.run = kill_run,
};

const struct sk_cmd sk_oci_cmd_pause = {
	.name = "pause",
	.summary = "stop all processes of a container for now",
	.usage = "ID",
	.min_args = 1,
	.max_args = 1,
	.run = pause_run,
};

const struct sk_cmd sk_oci_cmd_resume = {
	.name = "resume",
	.summary = "let a paused container go on",
	.usage = "ID",
	.min_args = 1,
	.max_args = 1,
	.run = resume_run,
};
