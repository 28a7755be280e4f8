// SPDX-License-Identifier: Apache-2.0
/* config_hooks - "hooks" of an OCI config.json */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#define MAX_TIMEOUT_S 86400u

static int read_hook(const struct sk_json *object, const char *where, struct sk_hook *ret,
		     struct sk_err *err)
{
	const char *path = NULL;
	uint64_t timeout = 0;
	int r = sk_json_read_str(object, where, "path", &path, err);

	if (r == 0 && (!path || path[0] != '/'))
		return sk_err_set(err, EINVAL,
				  "config.json: %s.path '%s' must be an absolute path",
				  where, path ? path : "");
	if (r == 0)
		r = sk_json_read_strv(object, where, "args", &ret->args, err);
	if (r == 0)
		r = sk_json_read_strv(object, where, "env", &ret->env, err);
	if (r == 0)
		r = sk_json_read_u64(object, where, "timeout", MAX_TIMEOUT_S, &timeout,
				     err);
	if (r < 0)
		return r;
	if (timeout == 0 && sk_json_get(object, "timeout"))
		return sk_err_set(err, EINVAL,
				  "config.json: %s.timeout must be greater than 0",
				  where);
	ret->timeout_s = (unsigned int)timeout;
	ret->path = strdup(path);
	return ret->path ? 0 : sk_err_oom(err);
}

static int read_kind(const struct sk_json *hooks, enum sk_hook_kind kind,
		     struct sk_hook_list *ret, struct sk_err *err)
{
	struct sk_json *list = NULL;
	char where[48];
	int r = sk_json_read_array(hooks, "hooks", sk_hook_name(kind), &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	ret->hooks = calloc(sk_json_len(list), sizeof(*ret->hooks));
	if (!ret->hooks)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++) {
		(void)snprintf(where, sizeof(where), "hooks.%s[%zu]", sk_hook_name(kind),
			       i);
		r = read_hook(sk_json_at(list, i), where, &ret->hooks[ret->nr++], err);
	}
	return r;
}

int sk_config_hooks(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err)
{
	struct sk_json *hooks = NULL;
	int r = sk_json_read_object(config, "config.json", "hooks", &hooks, err);

	for (int kind = 0; r == 0 && hooks && kind < SK_HOOK_KINDS; kind++)
		r = read_kind(hooks, (enum sk_hook_kind)kind, &spec->process.hooks[kind],
			      err);
	return r;
}
