/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_images - list images */
#include "cli/cmds.h"
#include "cli/out.h"
#include "images/images.h"

struct images_opts {
	bool quiet;
	const char *format;
};

static const struct sk_opt images_table[] = {
	{'q', "quiet", NULL, "print names only", SK_OPT_FLAG,
	 offsetof(struct images_opts, quiet)},
	SK_OPT_FORMAT_ROW(struct images_opts, format),
	SK_OPT_END,
};

static const struct sk_out_column columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	     {"ID", "id", SK_OUT_CUT},
	{"SIZE", "size_bytes", SK_OUT_SIZE}, {"CREATED", "created", SK_OUT_AGE},
	{NULL, NULL, SK_OUT_TEXT},
};

static int images_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct images_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	int r;

	(void)nargs;
	(void)args;
	if (opts->quiet && opts->format)
		return sk_cmd_usage(err, "--quiet and --format exclude each other");
	r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);
	if (r == 0)
		r = sk_image_list(home, &list, err);
	if (r < 0)
		return r;
	return sk_out_list(opts->quiet ? "{{.name}}" : opts->format, columns, list, err);
}

const struct sk_cmd sk_cmd_images = {
	.name = "images",
	.summary = "list images",
	.usage = "[OPTIONS]",
	.opts = images_table,
	.opts_size = sizeof(struct images_opts),
	.run = images_run,
};
