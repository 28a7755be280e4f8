// SPDX-License-Identifier: Apache-2.0
/* skiff-oci - an OCI runtime with the command line of runc and crun */
#include <errno.h>
#include <string.h>

#include "cli/oci/log.h"
#include "cli/oci/oci.h"
#include "cli/out.h"
#include "lib/str.h"

#define LOG_LEVELS "debug|info|warn|warning|error|fatal|panic|trace"

static const struct sk_opt globals[] = {
	{0, "root", "DIR", "folder for the state of containers", SK_OPT_STR,
	 offsetof(struct sk_oci_globals, common.root)},
	{0, "debug", NULL, "tell what is done", SK_OPT_FLAG,
	 offsetof(struct sk_oci_globals, common.debug)},
	{0, "log", "FILE", "write errors there too: a file, journald:TAG or syslog:TAG",
	 SK_OPT_STR, offsetof(struct sk_oci_globals, log)},
	{0, "log-format", "text|json", "form of the lines in the file", SK_OPT_CHOICE,
	 offsetof(struct sk_oci_globals, log_format)},
	{0, "log-level", LOG_LEVELS, "least important messages that are shown (warning)",
	 SK_OPT_CHOICE, offsetof(struct sk_oci_globals, log_level)},
	{0, "cgroup-manager", "cgroupfs|systemd|disabled",
	 "who makes control groups (cgroupfs)", SK_OPT_CHOICE,
	 offsetof(struct sk_oci_globals, cgroup_manager)},
	{0, "systemd-cgroup", NULL, "the same as --cgroup-manager systemd", SK_OPT_FLAG,
	 offsetof(struct sk_oci_globals, systemd_cgroup)},
	{0, "rootless", "true|false|auto",
	 "whether the caller is an ordinary user (auto: look)", SK_OPT_CHOICE,
	 offsetof(struct sk_oci_globals, rootless)},
	SK_OPT_END,
};

static const struct sk_cmd *const life[] = {
	&sk_oci_cmd_create,	&sk_oci_cmd_start,   &sk_oci_cmd_run,
	&sk_oci_cmd_exec,	&sk_oci_cmd_kill,    &sk_oci_cmd_pause,
	&sk_oci_cmd_resume,	&sk_oci_cmd_update,  &sk_oci_cmd_delete,
	&sk_oci_cmd_checkpoint, &sk_oci_cmd_restore, NULL,
};
static const struct sk_cmd *const queries[] = {
	&sk_oci_cmd_state, &sk_oci_cmd_list,	 &sk_oci_cmd_ps, &sk_oci_cmd_events,
	&sk_oci_cmd_spec,  &sk_oci_cmd_features, NULL,
};
static const struct sk_cmd_group groups[] = {
	{"Containers", life},
	{"Information", queries},
	{NULL, NULL},
};

int sk_oci_manager(const struct sk_cmd_ctx *ctx, enum sk_cgroup_manager *ret,
		   struct sk_err *err)
{
	const struct sk_oci_globals *opts = (const struct sk_oci_globals *)ctx->globals;
	const char *name = opts->cgroup_manager;

	if (opts->systemd_cgroup && name && strcmp(name, "systemd") != 0)
		return sk_err_set(
			err, EINVAL,
			"--systemd-cgroup and --cgroup-manager %s exclude each other",
			name);
	if (opts->systemd_cgroup)
		name = "systemd";
	return name ? sk_cgroup_manager_from_name(name, ret) : 0;
}

/* Only what is gone after a restart: callers of start and delete set no HOME. */
static int open_root(const char *root, struct sk_home **ret, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *runroot = NULL, *folder = NULL;
	int r;

	if (root)
		return sk_home_open(root, root, ret, err);
	runroot = sk_home_default_runroot();
	if (!runroot)
		return sk_err_oom(err);
	r = sk_home_open(runroot, runroot, &home, err);
	if (r < 0)
		return r;
	folder = sk_strf("%s/oci", home->runroot);
	return folder ? sk_home_open(folder, folder, ret, err) : sk_err_oom(err);
}

int sk_oci_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err)
{
	const struct sk_oci_globals *opts = (const struct sk_oci_globals *)ctx->globals;
	int r;

	sk_oci_log_init(opts);
	r = open_root(opts->common.root, ret, err);
	if (r == 0 && opts->rootless && strcmp(opts->rootless, "auto") != 0)
		(*ret)->is_rootless = strcmp(opts->rootless, "true") == 0;
	return r;
}

void sk_oci_report(const struct sk_cmd_ctx *ctx, const struct sk_err *err)
{
	sk_oci_log_error(ctx->globals, err);
	sk_out_error(ctx->program->name, err);
}

/* An id of one of these names costs half a millisecond. */
static bool makes_processes(char *const *argv)
{
	return sk_strv_has(argv, "run") || sk_strv_has(argv, "create") ||
	       sk_strv_has(argv, "exec") || sk_strv_has(argv, "restore");
}

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-oci",
		.summary = "an OCI runtime",
		.groups = groups,
		.globals = globals,
		.globals_size = sizeof(struct sk_oci_globals),
		.opt_style =
			SK_OPT_SINGLE_DASH | SK_OPT_ABBREVIATED | SK_OPT_V_IS_VERSION,
		.version = "skiff-oci version " SK_VERSION "\nspec: 1.3.0",
		.on_error = sk_oci_log_error,
	};
	struct sk_err err = SK_ERR_INIT;

	if (makes_processes(argv) && sk_oci_protect_self(argv, &err) < 0) {
		sk_out_error(program.name, &err);
		return 1;
	}
	return sk_cmd_main(&program, argc, argv);
}
