// SPDX-License-Identifier: Apache-2.0
/* exec - skiff-oci exec */
#include "cli/oci/oci.h"
#include "runtime/runtime.h"

#define OF(member) offsetof(struct sk_oci_exec_opts, member)

static const struct sk_opt table[] = {
	{'p', "process", "FILE",
	 "process object; then only the options of the caller's side count", SK_OPT_STR,
	 OF(process)},
	{0, "cwd", "DIR", "working folder in the container", SK_OPT_STR, OF(cwd)},
	{'e', "env", "NAME=VALUE", "set an environment variable", SK_OPT_STRV, OF(env)},
	{'t', "tty", NULL, "give it a terminal", SK_OPT_FLAG, OF(tty)},
	{'u', "user", "UID[:GID]", "run as this user", SK_OPT_STR, OF(user)},
	{'g', "additional-gids", "GID", "be in this group too", SK_OPT_STRV, OF(gids)},
	{'c', "cap", "CAP", "have these capabilities, and no others", SK_OPT_STRV,
	 OF(caps)},
	{0, "no-new-privs", NULL, "executed programs gain no privileges", SK_OPT_FLAG,
	 OF(no_new_privs)},
	{0, "apparmor", "PROFILE", "AppArmor profile", SK_OPT_STR, OF(apparmor)},
	{0, "process-label", "LABEL", "SELinux label", SK_OPT_STR, OF(process_label)},
	{0, "cgroup", "[CONTROLLER:]PATH", "group below the container's", SK_OPT_STR,
	 OF(cgroup)},
	{'d', "detach", NULL, "return when the process runs", SK_OPT_FLAG, OF(detach)},
	{0, "ignore-paused", NULL, "in a paused container, wait until it is resumed",
	 SK_OPT_FLAG, OF(ignore_paused)},
	{0, "console-socket", "PATH", "socket that gets the terminal", SK_OPT_STR,
	 OF(console_socket)},
	{0, "pid-file", "FILE", "write the process id to this file", SK_OPT_STR,
	 OF(pid_file)},
	{0, "pidfd-socket", "PATH", "socket that gets a descriptor of the process",
	 SK_OPT_STR, OF(pidfd_socket)},
	{0, "preserve-fds", "N", "hand on N descriptors from 3 on", SK_OPT_U64,
	 OF(preserve_fds)},
	SK_OPT_END,
};

static int exec_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	struct sk_oci_exec_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0, r;

	if (nargs < 2 && !opts->process)
		return sk_cmd_usage(err, "a command or --process is missing");
	if (nargs > 1 && opts->process)
		return sk_cmd_usage(err, "a command and --process exclude each other");
	opts->args = nargs > 1 ? args + 1 : NULL;
	r = sk_oci_check_fds(opts->preserve_fds, err);
	if (r == 0)
		r = sk_oci_open(ctx, &home, err);
	if (r == 0)
		r = sk_oci_exec(home, args[0], opts, &status, err);
	return r < 0 ? r : status;
}

const struct sk_cmd sk_oci_cmd_exec = {
	.name = "exec",
	.summary = "run a further process in a container",
	.usage = "[OPTIONS] ID COMMAND [ARG...]",
	.opts = table,
	.opts_size = sizeof(struct sk_oci_exec_opts),
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.options_first = true,
	.run = exec_run,
};
