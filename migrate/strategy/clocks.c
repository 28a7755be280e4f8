// SPDX-License-Identifier: Apache-2.0
/* clocks - the clocks of both hosts against ours, measured before a migration */
#include "migrate/strategy/clocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/measure/ssh.h"

#define EXCHANGES 12

static int ask(const char *uri, pid_t pid, struct sk_clock_offset *ret,
	       struct sk_err *err)
{
	sk_auto(sk_strv_free) char **ssh = NULL;
	char target[24];
	const char *const host[] = {"nsenter", "--mount", "--target", target,
				    "--",      "sh",	  "-c",	      NULL};
	int r;

	(void)snprintf(target, sizeof(target), "%lld", (long long)pid);
	if (pid)
		return sk_offset_ask_shell(host, EXCHANGES, ret, err);
	r = sk_ssh_argv(uri, &ssh, err);
	return r == 0 ? sk_offset_ask_shell((const char *const *)ssh, EXCHANGES, ret, err)
		      : r;
}

static void measure(const char *uri, pid_t pid, struct sk_clocks *clocks,
		    enum sk_side side)
{
	struct sk_err err = SK_ERR_INIT;
	int r = ask(uri, pid, &clocks->offset[side], &err);

	clocks->is_known[side] = r >= 0; /* 1: our own, offset 0 */
	(void)snprintf(clocks->why[side], sizeof(clocks->why[side]), "%.119s",
		       r < 0 ? err.msg : "");
}

void sk_clocks_measure(const struct sk_migrate_opts *opts, struct sk_clocks *ret)
{
	*ret = (struct sk_clocks){.is_known = {false}};
	measure(opts->from, opts->from_pid, ret, SK_SIDE_SOURCE);
	measure(opts->to, opts->to_pid, ret, SK_SIDE_DESTINATION);
}

static bool is_significant(const struct sk_clocks *clocks, enum sk_side side)
{
	return clocks->is_known[side] && sk_offset_is_significant(&clocks->offset[side]);
}

void sk_clocks_correct(const struct sk_clocks *clocks, struct sk_timeline *timeline)
{
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++)
		if (is_significant(clocks, (enum sk_side)side))
			sk_timeline_shift(timeline, (enum sk_side)side,
					  -clocks->offset[side].offset_ns);
}

struct sk_json *sk_clocks_json(const struct sk_clocks *clocks)
{
	static const char *const keys[] = {"from", "to"};
	struct sk_json *json = sk_json_new_object();

	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++) {
		struct sk_json *one;

		if (!clocks->is_known[side]) {
			(void)sk_json_set(json, keys[side], NULL);
			continue;
		}
		one = sk_json_set(json, keys[side],
				  sk_offset_json(&clocks->offset[side]));
		sk_json_set_bool(one, "corrected",
				 is_significant(clocks, (enum sk_side)side));
	}
	return json;
}
