// SPDX-License-Identifier: Apache-2.0
/* probe_target - reading "udp://HOST:PORT?hz=N" */
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/probe.h"

#define DEFAULT_HZ 1000
#define MAX_HZ	   20000
#define URL_HINT   "a probe's target looks like udp://10.77.0.10:7007?hz=1000"

static int parse_host(const char *text, size_t len, struct sk_probe_target *ret,
		      struct sk_err *err)
{
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0)
		return sk_err_set(err, EINVAL, "the host is missing");
	if (len >= sizeof(ret->host))
		return sk_err_set(err, EINVAL, "the host is longer than %zu bytes",
				  sizeof(ret->host) - 1);
	memcpy(ret->host, text, len);
	ret->host[len] = '\0';
	if (strpbrk(ret->host, "/@?#[] "))
		return sk_err_set(err, EINVAL, "'%s' is not a host", ret->host);
	return 0;
}

static int parse_query(const char *query, struct sk_probe_target *ret, struct sk_err *err)
{
	const char *hz = sk_str_starts(query, "hz=");
	uint64_t number = DEFAULT_HZ;
	int r;

	if (!hz)
		return sk_err_set(err, EINVAL, "'%s' is not a setting: only hz=N is",
				  query);
	r = sk_parse_u64(hz, 1, MAX_HZ, &number, err);
	if (r < 0)
		return sk_err_wrap(err, r, "hz");
	ret->hz = (unsigned int)number;
	return 0;
}

static int parse(const char *url, struct sk_probe_target *ret, struct sk_err *err)
{
	const char *rest = sk_str_starts(url, "udp://");
	sk_autofree char *port = NULL;
	const char *query, *colon;
	uint64_t number = 0;
	int r;

	if (!rest)
		return sk_err_set(err, EINVAL, "it does not start with udp://");
	query = strchrnul(rest, '?');
	colon = memrchr(rest, ':', (size_t)(query - rest));
	if (!colon || (rest[0] == '[' && colon[-1] != ']'))
		return sk_err_set(err, EINVAL, "the port is missing");
	r = parse_host(rest, (size_t)(colon - rest), ret, err);
	if (r < 0)
		return r;
	port = strndup(colon + 1, (size_t)(query - colon - 1));
	if (!port)
		return sk_err_oom(err);
	r = sk_parse_u64(port, 1, 65535, &number, err);
	if (r < 0)
		return sk_err_wrap(err, r, "port");
	ret->port = (uint16_t)number;
	return *query ? parse_query(query + 1, ret, err) : 0;
}

int sk_probe_target_parse(const char *url, struct sk_probe_target *ret,
			  struct sk_err *err)
{
	struct sk_probe_target target = {.hz = DEFAULT_HZ};
	int r = parse(url, &target, err);

	if (r < 0)
		return sk_err_hint(err, sk_err_wrap(err, r, "target '%s'", url),
				   URL_HINT);
	*ret = target;
	return 0;
}
