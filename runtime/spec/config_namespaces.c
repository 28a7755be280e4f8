// SPDX-License-Identifier: Apache-2.0
/* config_namespaces - namespaces of an OCI config.json, and what belongs to them: id maps,
 * offsets of clocks, sysctls
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

int sk_config_idmap(const struct sk_json *line, const char *key,
		    struct sk_spec_idmap *ret, struct sk_err *err)
{
	uint64_t inside = 0, outside = 0, size = 0;
	int r = sk_json_read_u64(line, key, "containerID", UINT32_MAX - 1, &inside, err);

	if (r == 0)
		r = sk_json_read_u64(line, key, "hostID", UINT32_MAX - 1, &outside, err);
	if (r == 0)
		r = sk_json_read_u64(line, key, "size", UINT32_MAX, &size, err);
	if (r == 0)
		*ret = (struct sk_spec_idmap){(uint32_t)inside, (uint32_t)outside,
					      (uint32_t)size};
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
		r = sk_config_idmap(sk_json_at(list, i), key, &maps[*nr], err);
		if (r < 0)
			return r;
		(*nr)++;
	}
	return 0;
}

/* Which kind of namespace a sysctl belongs to, or -1: then it is the host's. */
static int sysctl_kind(const char *name)
{
	static const struct {
		const char *prefix;
		enum sk_spec_ns ns;
	} owners[] = {
		{"net/", SK_NS_NET},
		{"fs/mqueue/", SK_NS_IPC},
		{"kernel/msgmax", SK_NS_IPC},
		{"kernel/msgmnb", SK_NS_IPC},
		{"kernel/msgmni", SK_NS_IPC},
		{"kernel/msg_next_id", SK_NS_IPC},
		{"kernel/sem", SK_NS_IPC},
		{"kernel/shmall", SK_NS_IPC},
		{"kernel/shmmax", SK_NS_IPC},
		{"kernel/shmmni", SK_NS_IPC},
		{"kernel/shm_", SK_NS_IPC},
		{"kernel/sem_next_id", SK_NS_IPC},
		{"kernel/domainname", SK_NS_UTS},
		{"kernel/hostname", SK_NS_UTS},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(owners); i++) {
		const char *rest = sk_str_starts(name, owners[i].prefix);

		if (rest && (!*rest || rest[-1] == '/' || rest[-1] == '_'))
			return owners[i].ns;
	}
	return -1;
}

/* Source: sysctl.d(5): where a dot comes first, dots and slashes change places. */
static void name_to_path(char *name)
{
	if (name[strcspn(name, "./")] != '.')
		return;
	for (; *name; name++)
		*name = *name == '.' ? '/' : *name == '/' ? '.' : *name;
}

static int read_sysctl(const char *key, const struct sk_json *value, struct sk_spec *spec,
		       struct sk_err *err)
{
	const char *text = sk_json_str(value, NULL);
	sk_autofree char *name = strdup(key);
	int kind;

	if (!text)
		return sk_err_set(err, EINVAL,
				  "config.json: linux.sysctl '%s' is not a string", key);
	if (!name)
		return sk_err_oom(err);
	name_to_path(name);
	kind = sysctl_kind(name);
	if (kind < 0 || (!spec->ns[kind].is_new && !spec->ns[kind].path))
		return sk_err_set(
			err, EINVAL,
			"config.json: sysctl '%s' does not belong to a namespace of the container",
			key);
	if (strcmp(name, "kernel/hostname") == 0 && spec->hostname)
		return sk_err_set(
			err, EINVAL,
			"config.json: sysctl '%s' contradicts the member 'hostname'",
			key);
	spec->sysctls[spec->nr_sysctls].value = strdup(text);
	spec->sysctls[spec->nr_sysctls].name = sk_steal(&name);
	if (!spec->sysctls[spec->nr_sysctls++].value)
		return sk_err_oom(err);
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
	while (r == 0 && (value = sk_json_each(map, &cursor, &key)))
		r = read_sysctl(key, value, spec, err);
	return r;
}

static int read_offset(const struct sk_json *offsets, const char *key, clockid_t clock,
		       struct sk_spec *spec, struct sk_err *err)
{
	static const char where[] = "linux.timeOffsets{}";
	struct sk_spec_process *process = &spec->process;
	struct sk_json *object = NULL;
	int64_t seconds = 0;
	uint64_t nanoseconds = 0;
	int r = sk_json_read_object(offsets, "linux.timeOffsets", key, &object, err);

	if (r < 0 || !object)
		return r;
	r = sk_json_read_i64(object, where, "secs", INT64_MIN, INT64_MAX, &seconds, err);
	if (r == 0)
		r = sk_json_read_u64(object, where, "nanosecs", 999999999, &nanoseconds,
				     err);
	if (r < 0)
		return r;
	process->time_offsets[process->nr_time_offsets++] =
		(struct sk_spec_time_offset){clock, seconds, (uint32_t)nanoseconds};
	return 0;
}

static int read_offsets(const struct sk_json *object, struct sk_spec *spec,
			struct sk_err *err)
{
	struct sk_json *offsets = NULL;
	int r = sk_json_read_object(object, "linux", "timeOffsets", &offsets, err);

	if (r == 0)
		r = read_offset(offsets, "monotonic", CLOCK_MONOTONIC, spec, err);
	if (r == 0)
		r = read_offset(offsets, "boottime", CLOCK_BOOTTIME, spec, err);
	if (r == 0 && spec->process.nr_time_offsets && !spec->ns[SK_NS_TIME].is_new)
		return sk_err_set(
			err, EINVAL,
			"config.json: linux.timeOffsets need a new time namespace");
	return r;
}

int sk_config_namespaces(const struct sk_json *object, struct sk_spec *spec,
			 struct sk_err *err)
{
	int r = read_namespaces(object, spec, err);

	if (r == 0)
		r = read_maps(object, "uidMappings", spec->uids, &spec->nr_uids, err);
	if (r == 0)
		r = read_maps(object, "gidMappings", spec->gids, &spec->nr_gids, err);
	if (r == 0)
		r = read_offsets(object, spec, err);
	return r < 0 ? r : read_sysctls(object, spec, err);
}
