/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_import - make an image of a tarball of a root file system */
#include "cli/decl_image.h"
#include "cli/out.h"
#include "images/images.h"
#include "lib/home.h"
#include "lib/progress.h"

static const struct sk_out_column columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	      {"ID", "id", SK_OUT_CUT},
	{"SIZE", "size_bytes", SK_OUT_SIZE},  {"FILES", "entries", SK_OUT_TEXT},
	{"LEFT OUT", "skipped", SK_OUT_TEXT}, {NULL, NULL, SK_OUT_TEXT},
};

int sk_run_import(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct sk_cli_import_opts *opts = options;
	const struct sk_import_opts limits = {
		.max_bytes = opts->max_bytes,
		.max_entries = opts->max_entries,
	};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *result = NULL;
	struct sk_progress progress = {0};
	int r;

	(void)nargs;
	r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);
	if (r < 0)
		return r;
	sk_progress_init(&progress, !isatty(STDERR_FILENO));
	sk_progress_phase(&progress, "unpacking '%s'", args[0]);
	r = sk_image_import(home, args[0], args[1], &limits, &result, err);
	sk_progress_done(&progress);
	return r < 0 ? r : sk_out_object(opts->format, columns, result, err);
}
