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
	SK_OPT_QUIET_ROW(struct images_opts, quiet),
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
	const char *format = NULL;
	int r = sk_cmd_list_format(opts->quiet, opts->format, &format, err);

	(void)nargs;
	(void)args;
	if (r == 0)
		r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);
	if (r == 0)
		r = sk_image_list(home, &list, err);
	return r < 0 ? r : sk_out_list(format, columns, list, err);
}

const struct sk_cmd sk_cmd_images = {
	.name = "images",
	.summary = "list images",
	.usage = "[OPTIONS]",
	.opts = images_table,
	.opts_size = sizeof(struct images_opts),
	.run = images_run,
};
