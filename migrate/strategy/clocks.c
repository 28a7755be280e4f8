// SPDX-License-Identifier: Apache-2.0
/* clocks - the clocks of both hosts against ours, measured before a migration */
#include "migrate/strategy/clocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

#define EXCHANGES 12

/* The host part of "scheme://[user@]host[:port]/path", with user, without port. */
static int split(const char *uri, char **ret_host, char **ret_port, struct sk_err *err)
{
	const char *host = strstr(uri, "://");
	size_t len = host ? strcspn(host + 3, "/?") : 0;
	sk_autofree char *text = host ? strndup(host + 3, len) : strdup("");
	char *colon, *end;

	if (!text)
		return sk_err_oom(err);
	end = strrchr(text, ']');
	colon = strrchr(text, ':');
	if (colon && end && colon < end)
		colon = NULL;
	if (colon) {
		*colon = '\0';
		*ret_port = strdup(colon + 1);
	}
	/* An IPv6 address has brackets in a URI, and none for ssh. */
	if (end) {
		char *begin = strchr(text, '[');

		*end = '\0';
		if (begin)
			memmove(begin, begin + 1, strlen(begin));
	}
	*ret_host = sk_steal(&text);
	return 0;
}

int sk_clocks_ssh(const char *uri, char ***ret, struct sk_err *err)
{
	const char *colon = strstr(uri, "://");
	sk_autofree char *host = NULL, *port = NULL;
	sk_auto(sk_strv_free) char **argv = NULL;
	int r;

	r = split(uri, &host, &port, err);
	if (r < 0)
		return r;
	if (!host[0])
		return 1;
	if (!colon || colon - uri < 4 || strncmp(colon - 4, "+ssh", 4) != 0)
		return sk_err_set(err, EOPNOTSUPP, "the transport of '%s' is not ssh",
				  uri);
	if (host[0] == '-')
		return sk_err_set(err, EINVAL, "'%s' is not a host", host);
	argv = calloc(10, sizeof(*argv));
	if (!argv)
		return sk_err_oom(err);
	argv[0] = strdup("ssh");
	argv[1] = strdup("-o");
	argv[2] = strdup("BatchMode=yes");
	argv[3] = strdup("-o");
	argv[4] = strdup("ConnectTimeout=10");
	argv[5] = strdup(port ? "-p" : "-T");
	argv[6] = sk_steal(port ? &port : &host);
	if (host)
		argv[7] = sk_steal(&host);
	for (int i = 0; i < (argv[7] ? 8 : 7); i++)
		if (!argv[i])
			return sk_err_oom(err);
	*ret = sk_steal(&argv);
	return 0;
}

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
	r = sk_clocks_ssh(uri, &ssh, err);
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
	const struct sk_clock_offset *o = &clocks->offset[side];

	return clocks->is_known[side] && (uint64_t)llabs(o->offset_ns) > o->error_ns;
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
