// SPDX-License-Identifier: Apache-2.0
/* life - skiff-oci create, start, run, delete */
#include <string.h>

#include "cli/oci/oci.h"
#include "cli/out.h"
#include "lib/str.h"
#include "runtime/runtime.h"

#define OF(member) offsetof(struct sk_oci_opts, member)

#define CREATE_ROWS                                                                      \
	{'b', "bundle", "DIR", "folder with config.json (.)", SK_OPT_STR, OF(bundle)},   \
		{'f',	     "config",	"FILE", "read this file instead of config.json", \
		 SK_OPT_STR, OF(config)},                                                \
		{0,	     "console-socket",	"PATH", "socket that gets the terminal", \
		 SK_OPT_STR, OF(console_socket)},                                        \
		{0,	     "pid-file",  "FILE", "write the process id to this file",   \
		 SK_OPT_STR, OF(pid_file)},                                              \
		{0,	     "pidfd-socket",                                             \
		 "PATH",     "socket that gets a descriptor of the process",             \
		 SK_OPT_STR, OF(pidfd_socket)},                                          \
		{0,	     "preserve-fds",  "N", "hand on N descriptors from 3 on",    \
		 SK_OPT_U64, OF(preserve_fds)},                                          \
		{0,	      "no-pivot",                                                \
		 NULL,	      "chroot, not pivot_root: weaker, for ramfs roots",         \
		 SK_OPT_FLAG, OF(no_pivot)},                                             \
	{                                                                                \
		0, "no-new-keyring", NULL, "keep the caller's session keyring",          \
			SK_OPT_FLAG, OF(no_new_keyring)                                  \
	}

static const struct sk_opt create_table[] = {CREATE_ROWS, SK_OPT_END};

static const struct sk_opt run_table[] = {
	CREATE_ROWS,
	{'d', "detach", NULL, "return when the container runs", SK_OPT_FLAG, OF(detach)},
	{0, "keep", NULL, "do not delete the container when it has ended", SK_OPT_FLAG,
	 OF(keep)},
	{0, "no-subreaper", NULL, "no effect: skiff-oci makes no subreaper", SK_OPT_FLAG,
	 OF(no_subreaper)},
	SK_OPT_END,
};

struct delete_opts {
	bool force, regex;
};

static const struct sk_opt delete_table[] = {
	{'f', "force", NULL, "kill it first; an unknown one is no error", SK_OPT_FLAG,
	 offsetof(struct delete_opts, force)},
	{0, "regex", NULL, "the arguments are regular expressions", SK_OPT_FLAG,
	 offsetof(struct delete_opts, regex)},
	SK_OPT_END,
};

/* What create and run have in common before anything of their own is opened. */
static int prepare(const struct sk_cmd_ctx *ctx, struct sk_oci_opts *opts,
		   struct sk_home **ret, struct sk_err *err)
{
	int r = sk_oci_check_fds(opts->preserve_fds, err);

	if (r == 0)
		r = sk_oci_manager(ctx, &opts->cgroup_manager, err);
	return r < 0 ? r : sk_oci_open(ctx, ret, err);
}

static int create_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		      struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = prepare(ctx, opts, &home, err);

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
	int status = 0, r = prepare(ctx, opts, &home, err);

	(void)nargs;
	if (r == 0)
		r = sk_oci_run(home, args[0], opts, &status, err);
	return r < 0 ? r : status;
}

static int find_ids(const struct sk_home *home, bool is_regex, char **args, char ***ret,
		    struct sk_err *err)
{
	int r = 0;

	for (; r == 0 && *args; args++)
		if (is_regex)
			r = sk_oci_match(home, *args, ret, err);
		else if (sk_strv_add(ret, *args) < 0)
			r = sk_err_oom(err);
	return r;
}

static int delete_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct delete_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_strv_free) char **ids = NULL;
	int status = 0, r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = find_ids(home, opts->regex, args, &ids, err);
	for (char **id = ids; r == 0 && id && *id; id++) {
		struct sk_err why = SK_ERR_INIT;

		if (sk_oci_delete(home, *id, opts->force, &why) == 0)
			continue;
		status = SK_EXIT_FAILED;
		if (!id[1]) {
			*err = why;
			return -why.code;
		}
		sk_oci_report(ctx, &why);
	}
	return r < 0 ? r : status;
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

const struct sk_cmd sk_oci_cmd_delete = {
	.name = "delete",
	.summary = "remove containers that are stopped or were never started",
	.usage = "[OPTIONS] ID...",
	.opts = delete_table,
	.opts_size = sizeof(struct delete_opts),
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = delete_run,
};
