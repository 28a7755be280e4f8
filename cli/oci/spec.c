// SPDX-License-Identifier: Apache-2.0
/* spec - skiff-oci spec, features */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci/oci.h"
#include "cli/out.h"
#include "lib/fs.h"
#include "runtime/runtime.h"

struct spec_opts {
	const char *bundle, *file;
	bool rootless;
};

static const struct sk_opt spec_table[] = {
	{'b', "bundle", "DIR", "folder to write config.json to (.)", SK_OPT_STR,
	 offsetof(struct spec_opts, bundle)},
	{'f', "file", "NAME", "write a file of this name instead of config.json",
	 SK_OPT_STR, offsetof(struct spec_opts, file)},
	{0, "rootless", NULL, "for a container of the calling user, without root",
	 SK_OPT_FLAG, offsetof(struct spec_opts, rootless)},
	SK_OPT_END,
};

static int spec_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct spec_opts *opts = options;
	const char *dir = opts->bundle ? opts->bundle : ".";
	const char *file = opts->file ? opts->file : "config.json";
	sk_auto(sk_json_free) struct sk_json *config =
		opts->rootless ? sk_oci_rootless_config(geteuid(), getegid())
			       : sk_oci_default_config();
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
	if (sk_fs_exists(dir_fd, file))
		return sk_err_set(err, EEXIST, "'%s/%s' exists: remove it first", dir,
				  file);
	return sk_fs_replace(dir_fd, file, text, strlen(text), 0644, err);
}

static int features_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs, char **args,
			struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();

	(void)ctx;
	(void)opts;
	(void)nargs;
	(void)args;
	return features ? sk_out_object("json", NULL, features, err) : sk_err_oom(err);
}

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
