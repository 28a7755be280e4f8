// SPDX-License-Identifier: Apache-2.0
/* skiff-oci - an OCI runtime with runc's command line */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"

static const struct sk_opt globals[] = {
	{0, "root", "DIR", "folder for the state of containers", SK_OPT_STR,
	 offsetof(struct sk_oci_globals, common.root)},
	{0, "debug", NULL, "tell more on stderr", SK_OPT_FLAG,
	 offsetof(struct sk_oci_globals, common.debug)},
	{0, "log", "FILE", "write errors to this file too", SK_OPT_STR,
	 offsetof(struct sk_oci_globals, log)},
	{0, "log-format", "text|json", "form of the lines of --log", SK_OPT_CHOICE,
	 offsetof(struct sk_oci_globals, log_format)},
	{0, "cgroup-manager", "cgroupfs|systemd|disabled",
	 "only cgroupfs is supported yet", SK_OPT_CHOICE,
	 offsetof(struct sk_oci_globals, cgroup_manager)},
	{0, "systemd-cgroup", NULL, "not supported yet", SK_OPT_FLAG,
	 offsetof(struct sk_oci_globals, systemd_cgroup)},
	SK_OPT_END,
};

static const struct sk_cmd *const life[] = {
	&sk_oci_cmd_create, &sk_oci_cmd_start,	&sk_oci_cmd_run,
	&sk_oci_cmd_kill,   &sk_oci_cmd_delete, NULL,
};
static const struct sk_cmd *const queries[] = {
	&sk_oci_cmd_state, &sk_oci_cmd_list, &sk_oci_cmd_spec, &sk_oci_cmd_features, NULL,
};
static const struct sk_cmd_group groups[] = {
	{"Containers", life},
	{"Information", queries},
	{NULL, NULL},
};

/* The callers read the last line of the log to explain a failure. */
static void log_error(const struct sk_cmd_globals *common, const struct sk_err *err)
{
	const struct sk_oci_globals *opts = (const struct sk_oci_globals *)common;
	sk_auto(sk_json_free) struct sk_json *line = NULL;
	sk_autofree char *text = NULL;
	char now[SK_CLOCK_TEXT_SIZE];
	sk_autoclose int fd = -1;

	if (!opts->log)
		return;
	fd = open(opts->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	(void)sk_clock_format(sk_clock_real(), now);
	if (sk_str_equal(opts->log_format, "json")) {
		line = sk_json_new_object();
		sk_json_set_str(line, "level", "error");
		sk_json_set_str(line, "msg", err->msg);
		sk_json_set_str(line, "time", now);
		text = sk_json_print(line, false);
	} else {
		text = sk_strf("time=\"%s\" level=error msg=\"%s\"", now, err->msg);
	}
	if (text && sk_fs_write_all(fd, text, strlen(text)) == 0)
		(void)sk_fs_write_all(fd, "\n", 1);
}

int sk_oci_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err)
{
	const struct sk_oci_globals *opts = (const struct sk_oci_globals *)ctx->globals;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *folder = NULL;
	int r;

	if (opts->systemd_cgroup ||
	    (opts->cgroup_manager && strcmp(opts->cgroup_manager, "cgroupfs") != 0))
		return sk_err_set(err, EOPNOTSUPP,
				  "only the cgroup manager cgroupfs is supported yet");
	if (opts->common.root)
		return sk_home_open(opts->common.root, opts->common.root, ret, err);
	r = sk_home_open(NULL, NULL, &home, err);
	if (r < 0)
		return r;
	folder = sk_strf("%s/oci", home->runroot);
	return folder ? sk_home_open(folder, folder, ret, err) : sk_err_oom(err);
}

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-oci",
		.summary = "an OCI runtime",
		.groups = groups,
		.globals = globals,
		.globals_size = sizeof(struct sk_oci_globals),
		.version = "skiff-oci version " SK_VERSION "\nspec: 1.0.2",
		.on_error = log_error,
	};

	return sk_cmd_main(&program, argc, argv);
}
