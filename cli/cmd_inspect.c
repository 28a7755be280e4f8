// SPDX-License-Identifier: Apache-2.0
/* cmd_inspect - show all that is known of containers */
#include "cli/cmds.h"
#include "cli/ctr.h"
#include "runtime/runtime.h"

struct inspect_opts {
	const char *format;
};

static const struct inspect_opts inspect_defaults = {.format = "json"};

static const struct sk_opt inspect_table[] = {
	SK_OPT_FORMAT_ROW(struct inspect_opts, format),
	SK_OPT_END,
};

static int inspect_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
		       char **args, struct sk_err *err)
{
	const struct inspect_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	int status = 0;
	int r;

	(void)nargs;
	r = sk_ctr_open(ctx, &home, err);
	if (r < 0)
		return r;
	for (; *args; args++) {
		struct sk_json *object = NULL;
		struct sk_err failure = SK_ERR_INIT;

		r = sk_container_inspect(home, *args, &object, &failure);
		if (r < 0) {
			sk_out_error(ctx->program->name, &failure);
			status = SK_EXIT_FAILED;
		} else {
			(void)sk_json_add(list, object);
		}
	}
	r = sk_out_list(opts->format, sk_ctr_columns, list, err);
	return r < 0 ? r : status;
}

const struct sk_cmd sk_cmd_inspect = {
	.name = "inspect",
	.summary = "show all that is known of containers",
	.usage = "[OPTIONS] CONTAINER...",
	.opts = inspect_table,
	.opts_size = sizeof(struct inspect_opts),
	.defaults = &inspect_defaults,
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = inspect_run,
};
