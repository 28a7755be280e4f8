// SPDX-License-Identifier: Apache-2.0
/* config_linux - "linux" of an OCI config.json */
#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

static int namespace_kind(const char *type)
{
	if (sk_str_equal(type, "mount"))
		return SK_NS_MNT;
	if (sk_str_equal(type, "network"))
		return SK_NS_NET;
	for (int i = 0; i < SK_NS_COUNT; i++)
		if (sk_str_equal(type, sk_spec_ns_name((enum sk_spec_ns)i)))
			return i;
	return -1;
}

static int read_namespace(const struct sk_json *object, struct sk_spec *spec,
			  struct sk_err *err)
{
	const char *type = NULL, *path = NULL;
	int kind, r = sk_json_read_str(object, "linux.namespaces[]", "type", &type, err);

	if (r == 0)
		r = sk_json_read_str(object, "linux.namespaces[]", "path", &path, err);
	if (r < 0)
		return r;
	kind = namespace_kind(type);
	if (kind < 0)
		return sk_err_set(err, EINVAL,
				  "config.json: '%s' is not a kind of namespace",
				  type ? type : "");
	if (spec->ns[kind].is_new || spec->ns[kind].path)
		return sk_err_set(err, EINVAL,
				  "config.json: the %s namespace is given twice", type);
	if (!path || !path[0]) {
		spec->ns[kind].is_new = true;
		return 0;
	}
	if (kind == SK_NS_USER || kind == SK_NS_MNT || kind == SK_NS_TIME ||
	    kind == SK_NS_CGROUP)
		return sk_err_set(
			err, EOPNOTSUPP,
			"config.json: joining a %s namespace by path is not supported yet",
			type);
	spec->ns[kind].path = strdup(path);
	return spec->ns[kind].path ? 0 : sk_err_oom(err);
}

static int read_namespaces(const struct sk_json *object, struct sk_spec *spec,
			   struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, "linux", "namespaces", &list, err);

	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++)
		r = read_namespace(sk_json_at(list, i), spec, err);
	return r;
}

static int read_maps(const struct sk_json *object, const char *key,
		     struct sk_spec_idmap *maps, size_t *nr, struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, "linux", key, &list, err);

	if (r < 0)
		return r;
	if (sk_json_len(list) > SK_SPEC_MAX_IDMAPS)
		return sk_err_set(err, E2BIG,
				  "config.json: linux.%s has more than %d lines", key,
				  SK_SPEC_MAX_IDMAPS);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *line = sk_json_at(list, i);
		uint64_t inside = 0, outside = 0, size = 0;

		r = sk_json_read_u64(line, key, "containerID", UINT32_MAX - 1, &inside,
				     err);
		if (r == 0)
			r = sk_json_read_u64(line, key, "hostID", UINT32_MAX - 1,
					     &outside, err);
		if (r == 0)
			r = sk_json_read_u64(line, key, "size", UINT32_MAX, &size, err);
		if (r < 0)
			return r;
		maps[(*nr)++] = (struct sk_spec_idmap){(uint32_t)inside,
						       (uint32_t)outside, (uint32_t)size};
	}
	return 0;
}

static int read_sysctls(const struct sk_json *object, struct sk_spec *spec,
			struct sk_err *err)
{
	const struct sk_json *value;
	struct sk_json *map = NULL;
	void *cursor = NULL;
	const char *key;
	int r = sk_json_read_object(object, "linux", "sysctl", &map, err);

	if (r < 0 || sk_json_len(map) == 0)
		return r;
	spec->sysctls = calloc(sk_json_len(map), sizeof(*spec->sysctls));
	if (!spec->sysctls)
		return sk_err_oom(err);
	while ((value = sk_json_each(map, &cursor, &key))) {
		/* only what belongs to a namespace of the container; the rest is the host's */
		bool is_own =
			(sk_str_starts(key, "net.") && spec->ns[SK_NS_NET].is_new) ||
			((sk_str_starts(key, "kernel.sem") ||
			  sk_str_starts(key, "kernel.shm") ||
			  sk_str_starts(key, "kernel.msg") ||
			  sk_str_starts(key, "fs.mqueue.")) &&
			 spec->ns[SK_NS_IPC].is_new);

		if (!is_own)
			return sk_err_set(
				err, EINVAL,
				"config.json: sysctl '%s' does not belong to a new namespace of the container",
				key);
		spec->sysctls[spec->nr_sysctls].name = strdup(key);
		spec->sysctls[spec->nr_sysctls].value = strdup(sk_json_str(value, ""));
		spec->nr_sysctls++;
	}
	return 0;
}

static int check_propagation(const struct sk_json *object, struct sk_err *err)
{
	const char *mode = sk_json_str(sk_json_get(object, "rootfsPropagation"), "");

	if (mode[0] && strcmp(mode, "private") != 0 && strcmp(mode, "rprivate") != 0)
		return sk_err_set(
			err, EOPNOTSUPP,
			"config.json: linux.rootfsPropagation '%s' is not supported yet",
			mode);
	return 0;
}

int sk_config_linux(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err)
{
	static const char *const known[] = {"namespaces",	 "uidMappings",
					    "gidMappings",	 "sysctl",
					    "cgroupsPath",	 "resources",
					    "maskedPaths",	 "readonlyPaths",
					    "rootfsPropagation", NULL};
	struct sk_json *object = NULL;
	int r = sk_json_read_object(config, "config.json", "linux", &object, err);

	if (r == 0)
		r = sk_config_known(object, "linux.", known, err);
	if (r == 0)
		r = check_propagation(object, err);
	if (r == 0)
		r = read_namespaces(object, spec, err);
	if (r == 0)
		r = read_maps(object, "uidMappings", spec->uids, &spec->nr_uids, err);
	if (r == 0)
		r = read_maps(object, "gidMappings", spec->gids, &spec->nr_gids, err);
	if (r == 0)
		r = read_sysctls(object, spec, err);
	if (r == 0)
		r = sk_config_cgroup(object, spec, err);
	if (r == 0)
		r = sk_json_read_strv(object, "linux", "maskedPaths", &spec->masked, err);
	if (r == 0)
		r = sk_json_read_strv(object, "linux", "readonlyPaths",
				      &spec->read_only_paths, err);
	return r < 0 ? r : sk_config_resources(config, object, spec, err);
}
