// SPDX-License-Identifier: Apache-2.0
/* life - skiff-oci create, start, run, kill, delete */
#include <signal.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/runtime.h"

static const struct sk_opt create_table[] = {
	{'b', "bundle", "DIR", "folder with config.json (.)", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, bundle)},
	{0, "console-socket", "PATH", "socket that gets the terminal", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, console_socket)},
	{0, "pid-file", "FILE", "write the process id to this file", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, pid_file)},
	{0, "no-pivot", NULL, "refused: it lets a container out", SK_OPT_FLAG,
	 offsetof(struct sk_oci_opts, no_pivot)},
	SK_OPT_END,
};

static const struct sk_opt run_table[] = {
	{'b', "bundle", "DIR", "folder with config.json (.)", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, bundle)},
	{0, "console-socket", "PATH", "socket that gets the terminal", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, console_socket)},
	{'d', "detach", NULL, "return when the container runs", SK_OPT_FLAG,
	 offsetof(struct sk_oci_opts, detach)},
	{0, "pid-file", "FILE", "write the process id to this file", SK_OPT_STR,
	 offsetof(struct sk_oci_opts, pid_file)},
	{0, "no-pivot", NULL, "refused: it lets a container out", SK_OPT_FLAG,
	 offsetof(struct sk_oci_opts, no_pivot)},
	SK_OPT_END,
};

struct flag_opts {
	bool flag;
};

static const struct sk_opt kill_table[] = {
	{'a', "all", NULL, "signal all processes of the container", SK_OPT_FLAG,
	 offsetof(struct flag_opts, flag)},
	SK_OPT_END,
};

static const struct sk_opt delete_table[] = {
	{'f', "force", NULL, "kill it first; an unknown one is no error", SK_OPT_FLAG,
	 offsetof(struct flag_opts, flag)},
	SK_OPT_END,
};

static int create_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		      struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	return r < 0 ? r : sk_oci_create(home, args[0], opts, err);
}

static int start_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		     struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)opts;
	(void)nargs;
	return r < 0 ? r : sk_oci_start(home, args[0], err);
}

static int run_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		   struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0, r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = sk_oci_run(home, args[0], opts, &status, err);
	return r < 0 ? r : status;
}

static int kill_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct flag_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int sig = nargs > 1 ? sk_proc_signal_number(args[1]) : SIGTERM, r;

	if (sig < 0)
		return sk_cmd_usage(err, "'%s' is no signal", args[1]);
	r = sk_oci_open(ctx, &home, err);
	return r < 0 ? r : sk_oci_kill(home, args[0], sig, opts->flag, err);
}

static int delete_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct flag_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	return r < 0 ? r : sk_oci_delete(home, args[0], opts->flag, err);
}

const struct sk_cmd sk_oci_cmd_create = {
	.name = "create",
	.summary = "make a container that waits to be started",
	.usage = "[OPTIONS] ID",
	.opts = create_table,
	.opts_size = sizeof(struct sk_oci_opts),
	.min_args = 1,
	.max_args = 1,
	.run = create_run,
};

const struct sk_cmd sk_oci_cmd_start = {
	.name = "start",
	.summary = "execute the command of a created container",
	.usage = "ID",
	.min_args = 1,
	.max_args = 1,
	.run = start_run,
};

const struct sk_cmd sk_oci_cmd_run = {
	.name = "run",
	.summary = "create, start, wait and delete",
	.usage = "[OPTIONS] ID",
	.opts = run_table,
	.opts_size = sizeof(struct sk_oci_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run_run,
};

const struct sk_cmd sk_oci_cmd_kill = {
	.name = "kill",
	.summary = "signal a container",
	.usage = "[OPTIONS] ID [SIGNAL]",
	.opts = kill_table,
	.opts_size = sizeof(struct flag_opts),
	.min_args = 1,
	.max_args = 2,
	.run = kill_run,
};

const struct sk_cmd sk_oci_cmd_delete = {
	.name = "delete",
	.summary = "remove a stopped container",
	.usage = "[OPTIONS] ID",
	.opts = delete_table,
	.opts_size = sizeof(struct flag_opts),
	.min_args = 1,
	.max_args = 1,
	.run = delete_run,
};
