// SPDX-License-Identifier: Apache-2.0
/* server_opts - reading "worker-pool,workers=8,time=2ms" */
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/guest/server.h"

#define MAX_THREADS 1024
#define MAX_QUEUE   65536
#define MAX_OBJECTS 256
#define MAX_TIME_NS 10000000000ull
#define MAX_DATA    (1ull << 34)
#define MODELS                                                                           \
	"iterative, thread-per-request, thread-per-connection, worker-pool, "            \
	"thread-per-object, event-driven"

static const char *const model_names[] = {
	[SK_SERVER_ITERATIVE] = "iterative",
	[SK_SERVER_THREAD_PER_REQUEST] = "thread-per-request",
	[SK_SERVER_THREAD_PER_CONNECTION] = "thread-per-connection",
	[SK_SERVER_WORKER_POOL] = "worker-pool",
	[SK_SERVER_THREAD_PER_OBJECT] = "thread-per-object",
	[SK_SERVER_EVENT_DRIVEN] = "event-driven",
};

const char *sk_server_model_name(enum sk_server_model model)
{
	return (size_t)model < SK_ARRAY_SIZE(model_names) ? model_names[model]
							  : "unknown";
}

static int parse_model(const char *word, struct sk_server_opts *opts, struct sk_err *err)
{
	int r;

	for (unsigned int i = 0; i < SK_ARRAY_SIZE(model_names); i++)
		if (strcmp(word, model_names[i]) == 0) {
			opts->model = (enum sk_server_model)i;
			return 0;
		}
	r = sk_err_set(err, EINVAL, "'%s' is not a server model", word);
	return sk_err_hint(err, r, "models: " MODELS);
}

static int parse_count(const char *value, uint64_t max, unsigned int *ret,
		       struct sk_err *err)
{
	uint64_t number = 0;
	int r = sk_parse_u64(value, 1, max, &number, err);

	if (r == 0)
		*ret = (unsigned int)number;
	return r;
}

static int parse_work(const char *value, struct sk_server_opts *opts, struct sk_err *err)
{
	if (strcmp(value, "busy") != 0 && strcmp(value, "sleep") != 0)
		return sk_err_set(err, EINVAL, "'%s' is neither busy nor sleep", value);
	opts->sleeps = value[0] == 's';
	return 0;
}

static int parse_setting(const char *key, const char *value, struct sk_server_opts *opts,
			 struct sk_err *err)
{
	if (strcmp(key, "workers") == 0)
		return parse_count(value, MAX_THREADS, &opts->workers, err);
	if (strcmp(key, "threads") == 0)
		return parse_count(value, MAX_THREADS, &opts->threads, err);
	if (strcmp(key, "queue") == 0)
		return parse_count(value, MAX_QUEUE, &opts->queue, err);
	if (strcmp(key, "objects") == 0)
		return parse_count(value, MAX_OBJECTS, &opts->objects, err);
	if (strcmp(key, "time") == 0)
		return sk_parse_duration(value, &opts->service_ns, err);
	if (strcmp(key, "work") == 0)
		return parse_work(value, opts, err);
	if (strcmp(key, "touch") == 0)
		return sk_parse_size(value, &opts->touch_bytes, err);
	if (strcmp(key, "data") == 0)
		return sk_parse_size(value, &opts->data_bytes, err);
	return sk_err_set(err, EINVAL,
			  "it is no setting: use workers, threads, queue, objects, time, "
			  "work, touch or data");
}

static int check(const struct sk_server_opts *opts, struct sk_err *err)
{
	if (opts->service_ns > MAX_TIME_NS)
		return sk_err_set(err, ERANGE, "time: more than 10 s");
	if (opts->data_bytes > MAX_DATA)
		return sk_err_set(err, ERANGE, "data: more than 16 GiB");
	if (opts->touch_bytes > opts->data_bytes)
		return sk_err_set(err, ERANGE, "touch: more than the data of %llu bytes",
				  (unsigned long long)opts->data_bytes);
	return 0;
}

int sk_server_parse(const char *text, struct sk_server_opts *opts, struct sk_err *err)
{
	struct sk_server_opts wanted = *opts;
	sk_autofree char *copy = strdup(text);
	char *rest = copy, *word;
	int r;

	if (!copy)
		return sk_err_oom(err);
	r = parse_model(strsep(&rest, ","), &wanted, err);
	while (r == 0 && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		r = value ? parse_setting(word, value, &wanted, err)
			  : sk_err_set(err, EINVAL, "it is not KEY=VALUE");
		if (r < 0)
			r = sk_err_wrap(err, r, "setting '%s'", word);
	}
	if (r == 0)
		r = check(&wanted, err);
	if (r < 0)
		return sk_err_wrap(err, r, "server '%s'", text);
	*opts = wanted;
	return 0;
}
