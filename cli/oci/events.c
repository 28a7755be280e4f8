// SPDX-License-Identifier: Apache-2.0
/* events - skiff-oci events: figures of containers, and want of memory */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "runtime/runtime.h"

struct events_opts {
	bool stats;
	uint64_t interval_ns;
};

static const struct events_opts defaults = {.interval_ns = 5 * SK_NS_PER_S};

static const struct sk_opt events_table[] = {
	{0, "stats", NULL, "print the figures once and end", SK_OPT_FLAG,
	 offsetof(struct events_opts, stats)},
	{0, "interval", "TIME", "time between figures (5s)", SK_OPT_DURATION,
	 offsetof(struct events_opts, interval_ns)},
	SK_OPT_END,
};

/* A line for each, at once: readers wait for them. */
static int print(void *ctx, const struct sk_json *event)
{
	sk_autofree char *text = sk_json_print(event, false);

	if (!text)
		return sk_err_oom(ctx);
	if (puts(text) == EOF || fflush(stdout) == EOF)
		return sk_err_errno(ctx, "write an event");
	return 0;
}

static int events_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct events_opts *opts = options;
	const struct sk_oci_events_opts how = {.once = opts->stats,
					       .interval_ns = opts->interval_ns,
					       .tell = print,
					       .ctx = err};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	(void)nargs;
	if (opts->interval_ns == 0)
		return sk_cmd_usage(err, "--interval must be more than 0");
	r = sk_oci_open(ctx, &home, err);
	return r < 0 ? r : sk_oci_events(home, args, &how, err);
}

const struct sk_cmd sk_oci_cmd_events = {
	.name = "events",
	.summary = "print figures of containers, and when memory runs out",
	.usage = "[OPTIONS] [ID...]",
	.details =
		"A line of JSON each, of the form of runc's events. Without ID: of all that\n"
		"run. It ends when the last of them has ended.\n",
	.opts = events_table,
	.opts_size = sizeof(struct events_opts),
	.defaults = &defaults,
	.max_args = SK_CMD_ANY,
	.run = events_run,
};
