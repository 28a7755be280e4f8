// SPDX-License-Identifier: Apache-2.0
/* cmd_logs - print what a detached container has written */
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/ctr.h"
#include "cli/out.h"
#include "runtime/runtime.h"

struct logs_opts {
	bool follow;
	bool timestamps;
	uint64_t tail;
};

static const struct logs_opts logs_defaults = {.tail = SK_OPT_UNSET};

static const struct sk_opt logs_table[] = {
	{'f', "follow", NULL, "go on until the container ends", SK_OPT_FLAG,
	 offsetof(struct logs_opts, follow)},
	{'n', "tail", "LINES", "only this many of the last lines", SK_OPT_U64,
	 offsetof(struct logs_opts, tail)},
	{'t', "timestamps", NULL, "put its time before each line", SK_OPT_FLAG,
	 offsetof(struct logs_opts, timestamps)},
	SK_OPT_END,
};

static int logs_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct logs_opts *opts = options;
	const struct sk_logs_opts wanted = {
		.follow = opts->follow,
		.timestamps = opts->timestamps,
		.tail = opts->tail > INT64_MAX ? -1 : (int64_t)opts->tail,
	};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	(void)nargs;
	r = sk_ctr_open(ctx, &home, err);
	if (r < 0)
		return r;
	return sk_container_logs(home, args[0], &wanted, STDOUT_FILENO, STDERR_FILENO,
				 err);
}

const struct sk_cmd sk_cmd_logs = {
	.name = "logs",
	.summary = "print what a detached container has written",
	.usage = "[OPTIONS] CONTAINER",
	.opts = logs_table,
	.opts_size = sizeof(struct logs_opts),
	.defaults = &logs_defaults,
	.min_args = 1,
	.max_args = 1,
	.run = logs_run,
};
