// SPDX-License-Identifier: Apache-2.0
/* cmd_stop - end containers: ask first, kill after a while */
#include "cli/cmds.h"
#include "cli/ctr.h"
#include "lib/clock.h"
#include "runtime/runtime.h"

struct stop_opts {
	uint64_t timeout_ns;
};

static const struct stop_opts stop_defaults = {.timeout_ns = 10 * SK_NS_PER_S};

static const struct sk_opt stop_table[] = {
	{'t', "time", "SECONDS", "kill it when it still runs after this long (10)",
	 SK_OPT_DURATION, offsetof(struct stop_opts, timeout_ns)},
	SK_OPT_END,
};

static int stop_one(const struct sk_home *home, const char *name, const void *arg,
		    struct sk_err *err)
{
	const struct stop_opts *opts = arg;
	uint64_t timeout_ms = opts->timeout_ns / SK_NS_PER_MS;
	int r;

	if (timeout_ms > INT32_MAX)
		timeout_ms = INT32_MAX;
	r = sk_container_stop(home, name, (unsigned int)timeout_ms, err);
	/* Like podman: one that has ended already is as wanted. */
	return r == -ESRCH ? 0 : r;
}

static int stop_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	(void)nargs;
	return sk_ctr_for_each(ctx, args, stop_one, options, err);
}

const struct sk_cmd sk_cmd_stop = {
	.name = "stop",
	.summary = "end containers: TERM, and KILL after a while",
	.usage = "[OPTIONS] CONTAINER...",
	.opts = stop_table,
	.opts_size = sizeof(struct stop_opts),
	.defaults = &stop_defaults,
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = stop_run,
};
