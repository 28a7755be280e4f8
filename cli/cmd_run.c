// SPDX-License-Identifier: Apache-2.0
/* cmd_run - run a command in a new container */
#include <inttypes.h>

#include "cli/cmds.h"
#include "cli/ctr.h"
#include "images/images.h"
#include "lib/str.h"
#include "runtime/runtime.h"

/* Whoever types '-m 512' means megabytes; the kernel would kill the first process */
#define MEMORY_LEAST (16 * 1024)

struct run_opts {
	bool rm, interactive, tty, detach;
	const char *name;
	char **env;
	const char *workdir, *user;
	char **volumes;
	uint64_t memory, cpus, pids_limit;
	const char *hostname, *network;
	bool read_only, init;
	const char *userns;
	bool time, privileged;
};

static const struct run_opts run_defaults = {
	.memory = SK_OPT_UNSET,
	.pids_limit = SK_OPT_UNSET,
	.network = "none",
};

static const struct sk_opt run_table[] = {
	{0, "cpus", "NUMBER", "at most this many CPUs: 0.5, 2", SK_OPT_CPUS,
	 offsetof(struct run_opts, cpus)},
	{'d', "detach", NULL, "leave it running in the background, print its name",
	 SK_OPT_FLAG, offsetof(struct run_opts, detach)},
	{'e', "env", "NAME[=VALUE]", "set a variable, or hand on the caller's",
	 SK_OPT_STRV, offsetof(struct run_opts, env)},
	{0, "hostname", "NAME", "host name (the container's name)", SK_OPT_STR,
	 offsetof(struct run_opts, hostname)},
	{0, "init", NULL, "a first process that reaps and hands on signals", SK_OPT_FLAG,
	 offsetof(struct run_opts, init)},
	{'i', "interactive", NULL, "hand on standard input", SK_OPT_FLAG,
	 offsetof(struct run_opts, interactive)},
	{'m', "memory", "SIZE", "at most this much memory: 64m, 1g", SK_OPT_SIZE,
	 offsetof(struct run_opts, memory)},
	{0, "name", "NAME", "name of the container (one is made up)", SK_OPT_STR,
	 offsetof(struct run_opts, name)},
	{0, "network", "none|host", "own network with loopback only, or the host's",
	 SK_OPT_CHOICE, offsetof(struct run_opts, network)},
	{0, "pids-limit", "NUMBER", "at most this many processes (1024)", SK_OPT_U64,
	 offsetof(struct run_opts, pids_limit)},
	{0, "privileged", NULL, "all capabilities and devices; implies --userns host",
	 SK_OPT_FLAG, offsetof(struct run_opts, privileged)},
	{0, "read-only", NULL, "refuse writes to the root file system", SK_OPT_FLAG,
	 offsetof(struct run_opts, read_only)},
	{0, "rm", NULL, "remove the container when it has ended", SK_OPT_FLAG,
	 offsetof(struct run_opts, rm)},
	{0, "time", NULL, "own time namespace", SK_OPT_FLAG,
	 offsetof(struct run_opts, time)},
	{'t', "tty", NULL, "give it a terminal", SK_OPT_FLAG,
	 offsetof(struct run_opts, tty)},
	{'u', "user", "USER[:GROUP]", "user by name or number", SK_OPT_STR,
	 offsetof(struct run_opts, user)},
	{0, "userns", "auto|host", "own user namespace (auto), or none", SK_OPT_CHOICE,
	 offsetof(struct run_opts, userns)},
	{'v', "volume", "SRC:DST[:ro]", "show a file or folder of the host inside",
	 SK_OPT_STRV, offsetof(struct run_opts, volumes)},
	{'w', "workdir", "DIR", "working folder", SK_OPT_STR,
	 offsetof(struct run_opts, workdir)},
	SK_OPT_END,
};

static int check(const struct run_opts *opts, struct sk_err *err)
{
	if (opts->memory == 0)
		return sk_cmd_usage(err, "a memory limit must not be 0");
	if (opts->memory < MEMORY_LEAST)
		return sk_cmd_usage(err,
				    "no program starts within %" PRIu64
				    " bytes of memory: did you leave out k, m or g?",
				    opts->memory);
	if (opts->pids_limit == 0)
		return sk_cmd_usage(err, "a limit of 0 processes leaves none to run");
	if (opts->privileged && sk_str_equal(opts->userns, "auto"))
		return sk_cmd_usage(err, "--privileged needs --userns host");
	if (opts->detach && opts->interactive)
		return sk_cmd_usage(err, "--detach and --interactive exclude each other");
	return 0;
}

static struct sk_run_opts to_runtime(const struct run_opts *opts,
				     const struct sk_image *image, char **args)
{
	bool is_host = opts->privileged || sk_str_equal(opts->userns, "host");

	return (struct sk_run_opts){
		.name = opts->name,
		.image = image->name,
		.lowers = image->lowers,
		.masks = image->masks,
		.image_env = image->env,
		.image_volumes = image->volumes,
		.args = *args ? args : image->command,
		.env = opts->env,
		.volumes = opts->volumes,
		.workdir = opts->workdir ? opts->workdir : image->workdir,
		.user = opts->user,
		.hostname = opts->hostname,
		.network = strcmp(opts->network, "host") == 0 ? SK_NET_HOST : SK_NET_NONE,
		.userns = is_host ? SK_USERNS_HOST : SK_USERNS_AUTO,
		.limits.memory_bytes = opts->memory == SK_OPT_UNSET ? 0 : opts->memory,
		.limits.cpu_milli = opts->cpus,
		.limits.pids_max =
			opts->pids_limit == SK_OPT_UNSET ? 0 : opts->pids_limit,
		.rm = opts->rm,
		.interactive = opts->interactive,
		.tty = opts->tty,
		.read_only = opts->read_only,
		.init = opts->init,
		.time_ns = opts->time,
		.privileged = opts->privileged,
	};
}

static int run_detached(const struct sk_home *home, const struct sk_run_opts *opts,
			struct sk_err *err)
{
	sk_autofree char *id = NULL;
	int r = sk_container_run_detached(home, opts, &id, err);

	if (r < 0)
		return sk_ctr_start_status(r);
	(void)puts(id);
	return 0;
}

/* The exit status is the command's own, so what skiff knows about its end goes to stderr. */
static int run_attached(const struct sk_home *home, const struct sk_run_opts *opts,
			struct sk_err *err)
{
	struct sk_exit ended = {0};
	int r = sk_container_run(home, opts, &ended, err);

	if (r < 0)
		return sk_ctr_start_status(r);
	if (ended.why[0]) {
		(void)sk_err_set(err, ECANCELED, "container '%s' was killed: %s",
				 ended.id, ended.why);
		if (ended.hint[0])
			(void)sk_err_hint(err, -ECANCELED, "%s", ended.hint);
	}
	return ended.status;
}

static int run_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		   struct sk_err *err)
{
	const struct run_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_image_free) struct sk_image *image = NULL;
	struct sk_run_opts wanted;
	int r;

	(void)nargs;
	r = check(opts, err);
	if (r < 0)
		return r;
	r = sk_ctr_open(ctx, &home, err);
	if (r < 0)
		return r;
	r = sk_image_resolve(home, args[0], &image, err);
	if (r < 0)
		return r;
	/* "@host -- CMD" and "@host CMD" are the same */
	args++;
	if (*args && strcmp(*args, "--") == 0)
		args++;
	wanted = to_runtime(opts, image, args);
	return opts->detach ? run_detached(home, &wanted, err)
			    : run_attached(home, &wanted, err);
}

const struct sk_cmd sk_cmd_run = {
	.name = "run",
	.summary = "run a command in a new container",
	.usage = "[OPTIONS] IMAGE [COMMAND [ARG...]]",
	.details =
		"IMAGE is @host (a disposable copy of this machine's system), @busybox, or "
		"the name of\nan imported one. The exit status is the command's own; 125 "
		"when skiff failed, 126 when\nthe command cannot be invoked, 127 when there "
		"is none of that name.\n",
	.opts = run_table,
	.opts_size = sizeof(struct run_opts),
	.defaults = &run_defaults,
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.fail_status = SK_EXIT_RUN_FAILED,
	.options_first = true,
	.run = run_run,
};
