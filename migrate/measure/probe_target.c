// SPDX-License-Identifier: Apache-2.0
/* probe_target - reading "tcp://HOST:PORT?hz=N&clients=N" */
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/probe.h"

#define DEFAULT_HZ	1000
#define MAX_HZ		20000
#define HTTP_PORT	80
#define SHARED_CLIENTS	16
#define DEFAULT_URGENCY 3
#define MAX_OBJECTS	65536
#define URL_HINT                                                                         \
	"a probe's target looks like udp://10.77.0.10:7007?hz=1000, or begins with "     \
	"tcp://, http:// or icmp://"

static const char *const kind_names[] = {
	[SK_PROBE_UDP] = "udp",
	[SK_PROBE_TCP] = "tcp",
	[SK_PROBE_HTTP] = "http",
	[SK_PROBE_ICMP] = "icmp",
};

static const char *const model_names[] = {
	[SK_PROBE_OPEN] = "open",	    [SK_PROBE_SINGLE] = "single",
	[SK_PROBE_THREADS] = "threads",	    [SK_PROBE_DISPATCHER] = "dispatcher",
	[SK_PROBE_CALLBACKS] = "callbacks",
};

const char *sk_probe_kind_name(enum sk_probe_kind kind)
{
	return kind_names[kind];
}

const char *sk_probe_model_name(enum sk_probe_model model)
{
	return model_names[model];
}

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
	for (const char *c = ret->host; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("/@?#[]", *c))
			return sk_err_set(err, EINVAL, "'%s' is not a host", ret->host);
	return 0;
}

static int set_number(const char *value, uint64_t min, uint64_t max, unsigned int *ret,
		      struct sk_err *err)
{
	uint64_t number = 0;
	int r = sk_parse_u64(value, min, max, &number, err);

	if (r == 0)
		*ret = (unsigned int)number;
	return r;
}

static int set_model(const char *value, struct sk_probe_target *target,
		     struct sk_err *err)
{
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(model_names); i++)
		if (strcmp(value, model_names[i]) == 0) {
			target->model = (enum sk_probe_model)i;
			return 0;
		}
	return sk_err_set(err, EINVAL,
			  "'%s' is not one of open, single, threads, dispatcher, "
			  "callbacks",
			  value);
}

int sk_probe_target_set(struct sk_probe_target *target, const char *key,
			const char *value, struct sk_err *err)
{
	int r;

	if (strcmp(key, "hz") == 0)
		r = set_number(value, 1, MAX_HZ, &target->hz, err);
	else if (strcmp(key, "clients") == 0)
		r = set_number(value, 1, SK_PROBE_MAX_CLIENTS, &target->clients, err);
	else if (strcmp(key, "urgency") == 0)
		r = set_number(value, 0, 7, &target->urgency, err);
	else if (strcmp(key, "objects") == 0)
		r = set_number(value, 1, MAX_OBJECTS, &target->objects, err);
	else if (strcmp(key, "model") == 0)
		r = set_model(value, target, err);
	else
		return sk_err_set(err, EINVAL,
				  "'%s=%s' is not a setting: use hz, clients, model, "
				  "urgency or objects",
				  key, value);
	return r < 0 ? sk_err_wrap(err, r, "%s", key) : 0;
}

static int parse_settings(const char *text, struct sk_probe_target *ret,
			  struct sk_err *err)
{
	sk_autofree char *copy = strdup(text);
	char *rest = copy, *word;
	int r = 0;

	if (!copy)
		return sk_err_oom(err);
	while (r == 0 && (word = strsep(&rest, "&"))) {
		char *value = strchr(word, '=');

		if (!value)
			return sk_err_set(err, EINVAL, "'%s' is not KEY=VALUE", word);
		*value++ = '\0';
		r = sk_probe_target_set(ret, word, value, err);
	}
	return r;
}

/* What a request line may hold, as it is. */
static int parse_path(const char *text, size_t len, struct sk_probe_target *ret,
		      struct sk_err *err)
{
	if (len >= sizeof(ret->path) - 1)
		return sk_err_set(err, EINVAL, "the path is longer than %zu bytes",
				  sizeof(ret->path) - 2);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
			return sk_err_set(err, EINVAL,
					  "the path has a character that must be "
					  "written as %%HH");
	ret->path[0] = '/';
	memcpy(ret->path + (len && text[0] == '/' ? 0 : 1), text, len);
	return 0;
}

static int parse_port(const char *text, size_t len, struct sk_probe_target *ret,
		      struct sk_err *err)
{
	sk_autofree char *port = strndup(text, len);
	uint64_t number = 0;
	int r;

	if (!port)
		return sk_err_oom(err);
	r = sk_parse_u64(port, 1, 65535, &number, err);
	if (r < 0)
		return sk_err_wrap(err, r, "port");
	ret->port = (uint16_t)number;
	return 0;
}

/* "HOST:PORT" in @len bytes; a port is needed or forbidden, or has a default. */
static int parse_authority(const char *text, size_t len, struct sk_probe_target *ret,
			   struct sk_err *err)
{
	const char *colon = memrchr(text, ':', len);
	const char *bracket = memrchr(text, ']', len);
	int r;

	if (colon && bracket && colon < bracket)
		colon = NULL; /* of the address itself */
	if (colon && bracket && colon != bracket + 1)
		return sk_err_set(err, EINVAL, "the port is missing");
	if (ret->kind == SK_PROBE_ICMP && colon)
		return sk_err_set(err, EINVAL, "ICMP has no ports");
	if (!colon && ret->kind == SK_PROBE_HTTP)
		ret->port = HTTP_PORT;
	else if (!colon && ret->kind != SK_PROBE_ICMP)
		return sk_err_set(err, EINVAL, "the port is missing");
	r = parse_host(text, colon ? (size_t)(colon - text) : len, ret, err);
	if (r < 0 || !colon)
		return r;
	return parse_port(colon + 1, len - (size_t)(colon + 1 - text), ret, err);
}

static int parse_kind(const char *url, const char **ret_rest, struct sk_probe_target *ret,
		      struct sk_err *err)
{
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(kind_names); i++) {
		const char *rest = sk_str_starts(url, kind_names[i]);

		*ret_rest = rest ? sk_str_starts(rest, "://") : NULL;
		if (!*ret_rest)
			continue;
		ret->kind = (enum sk_probe_kind)i;
		return 0;
	}
	return sk_err_set(err, EINVAL,
			  "it does not start with udp://, tcp://, http:// or icmp://");
}

static int parse(const char *url, struct sk_probe_target *ret, struct sk_err *err)
{
	const char *rest = NULL, *settings;
	size_t len, authority;
	int r;

	r = parse_kind(url, &rest, ret, err);
	if (r < 0)
		return r;
	settings = strpbrk(rest, ret->kind == SK_PROBE_HTTP ? "#" : "?#");
	len = settings ? (size_t)(settings - rest) : strlen(rest);
	authority = ret->kind == SK_PROBE_HTTP ? strcspn(rest, "/?#") : len;
	r = parse_authority(rest, authority, ret, err);
	if (r == 0 && ret->kind == SK_PROBE_HTTP)
		r = parse_path(rest + authority, len - authority, ret, err);
	if (r == 0 && settings)
		r = parse_settings(settings + 1, ret, err);
	return r;
}

int sk_probe_target_parse(const char *url, struct sk_probe_target *ret,
			  struct sk_err *err)
{
	struct sk_probe_target target = {.hz = DEFAULT_HZ, .urgency = DEFAULT_URGENCY};
	int r = parse(url, &target, err);

	if (r == 0 && target.kind == SK_PROBE_ICMP && target.model == SK_PROBE_OPEN &&
	    target.clients > 1)
		r = sk_err_set(err, EINVAL, "ICMP has one client: the machine itself");
	if (r < 0)
		return sk_err_hint(err, sk_err_wrap(err, r, "target '%s'", url),
				   URL_HINT);
	*ret = target;
	return 0;
}

int sk_probe_target_print(const struct sk_probe_target *target, char **ret)
{
	sk_auto(sk_str_finish) struct sk_str url = SK_STR_INIT;
	bool is_v6 = strchr(target->host, ':') != NULL;

	sk_str_addf(&url, "%s://%s%s%s", sk_probe_kind_name(target->kind),
		    is_v6 ? "[" : "", target->host, is_v6 ? "]" : "");
	if (target->port)
		sk_str_addf(&url, ":%u", target->port);
	sk_str_addf(&url, "%s%chz=%u&model=%s&urgency=%u", target->path,
		    target->kind == SK_PROBE_HTTP ? '#' : '?', target->hz,
		    sk_probe_model_name(target->model), target->urgency);
	if (target->clients)
		sk_str_addf(&url, "&clients=%u", target->clients);
	if (target->objects)
		sk_str_addf(&url, "&objects=%u", target->objects);
	*ret = sk_str_steal(&url);
	return *ret ? 0 : -ENOMEM;
}

unsigned int sk_probe_target_clients(const struct sk_probe_target *target)
{
	if (target->clients)
		return target->clients;
	return target->model == SK_PROBE_OPEN || target->model == SK_PROBE_SINGLE
		       ? 1
		       : SHARED_CLIENTS;
}
