// SPDX-License-Identifier: Apache-2.0
/* cmd_version - skiff version: what runs here */
#include <errno.h>
#include <sys/utsname.h>

#include "cli/cmds.h"
#include "cli/out.h"

struct version_opts {
	const char *format;
};

static const struct sk_opt version_table[] = {
	SK_OPT_FORMAT_ROW(struct version_opts, format),
	SK_OPT_END,
};

static const struct sk_out_column columns[] = {
	{"skiff", "version", SK_OUT_TEXT}, {"compiler", "compiler", SK_OUT_TEXT},
	{"kernel", "kernel", SK_OUT_TEXT}, {"machine", "machine", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

static int version_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
		       char **args, struct sk_err *err)
{
	const struct version_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *object = sk_json_new_object();
	struct utsname host;

	(void)ctx;
	(void)nargs;
	(void)args;
	if (uname(&host) < 0)
		return sk_err_errno(err, "read the kernel's version");
	sk_json_set_str(object, "version", SK_VERSION);
	sk_json_set_str(object, "compiler", __VERSION__);
	sk_json_set_str(object, "kernel", host.release);
	sk_json_set_str(object, "machine", host.machine);
	return sk_out_object(opts->format, columns, object, err);
}

const struct sk_cmd sk_cmd_version = {
	.name = "version",
	.summary = "print the versions of skiff and of the kernel",
	.usage = "[OPTIONS]",
	.opts = version_table,
	.opts_size = sizeof(struct version_opts),
	.run = version_run,
};
