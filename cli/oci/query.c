// SPDX-License-Identifier: Apache-2.0
/* query - skiff-oci state, list, spec, features */
#include <fcntl.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "cli/out.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/runtime.h"

struct list_opts {
	const char *format;
	bool quiet;
};

static const struct sk_opt list_table[] = {
	SK_OPT_FORMAT_ROW(struct list_opts, format),
	{'q', "quiet", NULL, "only the ids", SK_OPT_FLAG,
	 offsetof(struct list_opts, quiet)},
	SK_OPT_END,
};

struct spec_opts {
	const char *bundle;
};

static const struct sk_opt spec_table[] = {
	{'b', "bundle", "DIR", "where to write config.json (.)", SK_OPT_STR,
	 offsetof(struct spec_opts, bundle)},
	SK_OPT_END,
};

static const struct sk_out_column columns[] = {
	{"ID", "id", SK_OUT_TEXT},	    {"PID", "pid", SK_OUT_TEXT},
	{"STATUS", "status", SK_OUT_TEXT},  {"BUNDLE", "bundle", SK_OUT_CUT},
	{"CREATED", "created", SK_OUT_AGE}, {NULL, NULL, SK_OUT_TEXT},
};

static int state_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
		     struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *state = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)opts;
	(void)nargs;
	if (r == 0)
		r = sk_oci_state(home, args[0], &state, err);
	return r < 0 ? r : sk_out_object("json", NULL, state, err);
}

static int list_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct list_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	(void)args;
	if (r == 0)
		r = sk_oci_list(home, &list, err);
	if (r < 0)
		return r;
	if (opts->quiet)
		return sk_json_len(list) ? sk_out_list("{{.id}}", columns, list, err) : 0;
	return sk_out_list(opts->format, columns, list, err);
}

static int spec_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct spec_opts *opts = options;
	const char *dir = opts->bundle ? opts->bundle : ".";
	sk_auto(sk_json_free) struct sk_json *config = sk_oci_default_config();
	sk_autofree char *text = sk_json_print(config, true);
	sk_autoclose int dir_fd = -1;

	(void)ctx;
	(void)nargs;
	(void)args;
	if (!text)
		return sk_err_oom(err);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return sk_err_errno(err, "open folder '%s'", dir);
	if (sk_fs_exists(dir_fd, "config.json"))
		return sk_err_set(err, EEXIST, "'%s/config.json' exists: remove it first",
				  dir);
	return sk_fs_replace(dir_fd, "config.json", text, strlen(text), 0644, err);
}

static struct sk_json *list_of(const char *const *words)
{
	struct sk_json *list = sk_json_new_array();

	for (; *words; words++)
		(void)sk_json_add(list, sk_json_new_str(*words));
	return list;
}

/* Source: OCI runtime-spec, features.md. Says what is executed, no more. */
static int features_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
			struct sk_err *err)
{
	static const char *const namespaces[] = {"cgroup",  "ipc", "mount",
						 "network", "pid", "time",
						 "user",    "uts", NULL};
	static const char *const mount_options[] =
		{"bind",	"dev",	      "diratime", "exec",   "noatime",
		 "nodev",	"nodiratime", "noexec",	  "nosuid", "nosymfollow",
		 "private",	"rbind",      "relatime", "rnodev", "rnoexec",
		 "rnosuid",	"ro",	      "rprivate", "rro",    "rw",
		 "strictatime", "suid",	      NULL};
	sk_auto(sk_json_free) struct sk_json *object = sk_json_new_object();
	struct sk_json *part;

	(void)ctx;
	(void)opts;
	(void)nargs;
	(void)args;
	sk_json_set_str(object, "ociVersionMin", "1.0.0");
	sk_json_set_str(object, "ociVersionMax", "1.3.0");
	sk_json_set(object, "hooks", sk_json_new_array());
	sk_json_set(object, "mountOptions", list_of(mount_options));
	part = sk_json_set(object, "linux", sk_json_new_object());
	sk_json_set(part, "namespaces", list_of(namespaces));
	part = sk_json_set(part, "cgroup", sk_json_new_object());
	sk_json_set_bool(part, "v1", true);
	sk_json_set_bool(part, "v2", true);
	sk_json_set_bool(part, "systemd", false);
	part = sk_json_set(sk_json_get(object, "linux"), "seccomp", sk_json_new_object());
	sk_json_set_bool(part, "enabled", false);
	return sk_out_object("json", NULL, object, err);
}

const struct sk_cmd sk_oci_cmd_state = {
	.name = "state",
	.summary = "print the state of a container as JSON",
	.usage = "ID",
	.min_args = 1,
	.max_args = 1,
	.run = state_run,
};

const struct sk_cmd sk_oci_cmd_list = {
	.name = "list",
	.summary = "list containers",
	.usage = "[OPTIONS]",
	.opts = list_table,
	.opts_size = sizeof(struct list_opts),
	.run = list_run,
};

const struct sk_cmd sk_oci_cmd_spec = {
	.name = "spec",
	.summary = "write a config.json to start from",
	.usage = "[OPTIONS]",
	.opts = spec_table,
	.opts_size = sizeof(struct spec_opts),
	.run = spec_run,
};

const struct sk_cmd sk_oci_cmd_features = {
	.name = "features",
	.summary = "print what this runtime executes",
	.usage = "",
	.run = features_run,
};
