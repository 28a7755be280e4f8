// SPDX-License-Identifier: Apache-2.0
/* spec - the struct itself: making, releasing, checking */
#include "runtime/spec/spec.h"

#include <sched.h>
#include <string.h>

#include "lib/str.h"

#define HOSTNAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

static const struct {
	const char *name;
	uint64_t flag;
} ns_kinds[SK_NS_COUNT] = {
	[SK_NS_USER] = {"user", CLONE_NEWUSER},
	[SK_NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
	[SK_NS_IPC] = {"ipc", CLONE_NEWIPC},
	[SK_NS_UTS] = {"uts", CLONE_NEWUTS},
	[SK_NS_NET] = {"net", CLONE_NEWNET},
	[SK_NS_PID] = {"pid", CLONE_NEWPID},
	[SK_NS_TIME] = {"time", CLONE_NEWTIME},
	[SK_NS_MNT] = {"mnt", CLONE_NEWNS},
};

const char *sk_spec_ns_name(enum sk_spec_ns ns)
{
	return ns_kinds[ns].name;
}

uint64_t sk_spec_ns_flag(enum sk_spec_ns ns)
{
	return ns_kinds[ns].flag;
}

bool sk_spec_has_userns(const struct sk_spec *spec)
{
	return spec->ns[SK_NS_USER].is_new || spec->ns[SK_NS_USER].path;
}

struct sk_spec *sk_spec_new(void)
{
	struct sk_spec *spec = calloc(1, sizeof(*spec));

	if (spec)
		spec->umask = -1;
	return spec;
}

void sk_spec_free(struct sk_spec *spec)
{
	if (!spec)
		return;
	sk_strv_free(spec->args);
	sk_strv_free(spec->env);
	free(spec->cwd);
	free(spec->user);
	free(spec->groups);
	sk_spec_seccomp_free(spec->seccomp_config);
	for (int i = 0; i < SK_SPEC_CAP_SETS; i++)
		sk_strv_free(spec->cap_names[i]);
	free(spec->rlimits);
	sk_cgroup_resources_free(spec->resources);
	sk_strv_free(spec->lowers);
	free(spec->layer_dir);
	free(spec->rootfs);
	sk_spec_mounts_free(spec);
	free(spec->mount_label);
	sk_strv_free(spec->masked);
	sk_strv_free(spec->read_only_paths);
	for (int i = 0; i < SK_NS_COUNT; i++)
		free(spec->ns[i].path);
	free(spec->hostname);
	free(spec->domainname);
	for (size_t i = 0; i < spec->nr_sysctls; i++) {
		free(spec->sysctls[i].name);
		free(spec->sysctls[i].value);
	}
	free(spec->sysctls);
	free(spec->cgroup_path);
	sk_json_free(spec->annotations);
	sk_spec_process_finish(&spec->process);
	free(spec);
}

static int check_maps(const char *what, const struct sk_spec_idmap *maps, size_t nr,
		      struct sk_err *err)
{
	for (size_t i = 0; i < nr; i++) {
		if (maps[i].size == 0)
			return sk_err_set(err, EINVAL, "%s map %zu has the size 0", what,
					  i);
		if ((uint64_t)maps[i].inside + maps[i].size > UINT32_MAX ||
		    (uint64_t)maps[i].outside + maps[i].size > UINT32_MAX)
			return sk_err_set(err, ERANGE,
					  "%s map %zu goes beyond the largest id", what,
					  i);
	}
	return 0;
}

static int check_namespaces(const struct sk_spec *spec, struct sk_err *err)
{
	for (int i = 0; i < SK_NS_COUNT; i++) {
		const char *path = spec->ns[i].path;

		if (path && path[0] != '/')
			return sk_err_set(
				err, EINVAL,
				"path '%s' of the %s namespace must be absolute", path,
				ns_kinds[i].name);
	}
	if (!spec->ns[SK_NS_MNT].is_new && !spec->ns[SK_NS_MNT].path)
		return sk_err_set(err, EINVAL,
				  "a container needs a mount namespace of its own");
	if (spec->ns[SK_NS_USER].is_new && (!spec->nr_uids || !spec->nr_gids))
		return sk_err_set(
			err, EINVAL,
			"a new user namespace needs maps of user and group ids");
	if (!spec->ns[SK_NS_USER].is_new && !spec->ns[SK_NS_USER].path &&
	    (spec->nr_uids || spec->nr_gids))
		return sk_err_set(err, EINVAL,
				  "maps of user ids need a new user namespace");
	if ((spec->hostname || spec->domainname) && !spec->ns[SK_NS_UTS].is_new &&
	    !spec->ns[SK_NS_UTS].path)
		return sk_err_set(err, EINVAL,
				  "a hostname needs a UTS namespace of its own");
	return 0;
}

static int check_hostname(const char *name, struct sk_err *err)
{
	if (!name)
		return 0;
	if (!name[0])
		return sk_err_set(err, EINVAL, "a hostname must not be empty");
	if (strlen(name) > 64)
		return sk_err_set(err, EINVAL, "hostname '%s' is longer than 64 bytes",
				  name);
	if (name[strspn(name, HOSTNAME_CHARS)])
		return sk_err_set(
			err, EINVAL,
			"'%s' is not a hostname: use letters, digits, '-', '.' and '_'",
			name);
	return 0;
}

int sk_spec_check(const struct sk_spec *spec, struct sk_err *err)
{
	int r;

	if (!sk_strv_len(spec->args) ? !spec->use_init && !spec->no_process
				     : !spec->args[0][0])
		return sk_err_set(err, EINVAL, "no command to run");
	if (!spec->cwd || spec->cwd[0] != '/')
		return sk_err_set(err, EINVAL,
				  "working folder '%s' must be an absolute path",
				  spec->cwd ? spec->cwd : "");
	if (!spec->rootfs == !spec->lowers)
		return sk_err_set(err, EINVAL, "a container needs a root file system");
	r = check_hostname(spec->hostname, err);
	if (r < 0)
		return r;
	if (spec->domainname && strlen(spec->domainname) > 64)
		return sk_err_set(err, EINVAL, "domainname '%s' is longer than 64 bytes",
				  spec->domainname);
	r = check_namespaces(spec, err);
	if (r < 0)
		return r;
	r = check_maps("uid", spec->uids, spec->nr_uids, err);
	if (r < 0)
		return r;
	r = check_maps("gid", spec->gids, spec->nr_gids, err);
	if (r < 0)
		return r;
	return sk_spec_mounts_check(spec, err);
}
