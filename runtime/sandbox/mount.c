// SPDX-License-Identifier: Apache-2.0
/* mount - the mount list of a spec, and the cgroup file systems, on descriptors only */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

#define CGROUP_DIR "/sys/fs/cgroup"

/* sysfs shows one network namespace; without power over it the caller's is bound instead. */
static int open_sysfs(struct sk_child *c, const struct sk_spec_mount *m,
		      struct sk_err *err)
{
	sk_autoclose int fd = -1;
	int r;

	if (c->sysfs_fd >= 0) {
		fd = sk_steal_fd(&c->sysfs_fd);
		r = sk_target_set_attrs(fd, m->attr_set, 0, false, err);
		return r < 0 ? r : sk_steal_fd(&fd);
	}
	r = sk_target_fs("sysfs", "sysfs", m->data, m->attr_set, err);
	if (r != -EPERM)
		return r;
	fd = sk_target_clone(AT_FDCWD, "/sys", true, err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, m->attr_set | MOUNT_ATTR_RDONLY, 0, true, err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

static int open_bind(struct sk_child *c, size_t index, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];
	sk_autoclose int fd = -1;
	int r;

	if (m->is_idmapped && c->volume_fds)
		fd = sk_steal_fd(&c->volume_fds[index]);
	else
		fd = sk_target_clone(AT_FDCWD, m->source, m->recursive, err);
	if (fd < 0)
		return fd == -1 ? sk_err_set(err, EPROTO, "no mount of '%s'", m->source)
				: fd;
	r = sk_target_set_attrs(fd, m->attr_set, m->attr_clear, m->attr_recursive, err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

static int open_source(struct sk_child *c, size_t index, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];

	if (!m->fstype)
		return open_bind(c, index, err);
	if (strcmp(m->fstype, "sysfs") == 0)
		return open_sysfs(c, m, err);
	if (strcmp(m->fstype, "proc") == 0 && !m->data)
		return fcntl(c->proc_fd, F_DUPFD_CLOEXEC, 3);
	return sk_target_fs(m->fstype, m->source, m->data, m->attr_set, err);
}

static bool is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int mount_one(struct sk_child *c, size_t index, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];
	sk_autoclose int fd = -1, target = -1;

	if (m->no_create) {
		target = sk_fs_open_in_root(c->root_fd, m->target, O_PATH, 0);
		if (target == -ENOENT)
			return 0;
	}
	fd = open_source(c, index, err);
	if (fd < 0)
		return fd;
	if (target < 0)
		target = sk_target_open(c->root_fd, m->target, is_folder(fd), err);
	if (target < 0)
		return target;
	return sk_target_attach(fd, target, m->target, err);
}

static int bind_group(struct sk_child *c, const char *path, const char *target,
		      struct sk_err *err)
{
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			       (c->spec->cgroup_writable ? 0 : MOUNT_ATTR_RDONLY);
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, path, false, err), to = -1;
	int r;

	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, attrs, 0, false, err);
	if (r < 0)
		return r;
	to = sk_target_open(c->root_fd, target, true, err);
	return to < 0 ? to : sk_target_attach(fd, to, target, err);
}

/* v1 and hybrid: a folder for each hierarchy, as programs expect them. */
static int bind_hierarchies(struct sk_child *c, const struct sk_json *paths, int tmpfs,
			    struct sk_err *err)
{
	const struct sk_json *path;
	void *cursor = NULL;
	const char *key;

	while ((path = sk_json_each(paths, &cursor, &key))) {
		const char *outside = sk_json_str(path, "");
		sk_autofree char *target = sk_strf(CGROUP_DIR "/%s", key);
		int r;

		if (outside[0] != '/')
			continue; /* the group's own path, no hierarchy */
		if (!target)
			return sk_err_oom(err);
		r = bind_group(c, outside, target, err);
		if (r < 0)
			return r;
	}
	if (c->spec->cgroup_writable)
		return 0;
	return sk_target_set_attrs(tmpfs, MOUNT_ATTR_RDONLY, 0, false, err);
}

static int mount_cgroups(struct sk_child *c, struct sk_err *err)
{
	static char *const data[] = {(char *)"mode=755", (char *)"size=1m", NULL};
	sk_auto(sk_json_free) struct sk_json *paths =
		c->cgroup ? sk_cgroup_paths(c->cgroup) : NULL;
	sk_autoclose int target = -1, tmpfs = -1;
	int r;

	if (sk_json_len(paths) == 0)
		return 0;
	if (sk_cgroup_mode() == SK_CGROUP_V2)
		return bind_group(c, sk_json_str(sk_json_get(paths, "unified"), ""),
				  CGROUP_DIR, err);
	target = sk_fs_open_in_root(c->root_fd, CGROUP_DIR, O_PATH | O_DIRECTORY, 0);
	if (target < 0)
		return 0; /* a /sys without it, or none */
	tmpfs = sk_target_fs("tmpfs", "tmpfs", data,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			     err);
	if (tmpfs < 0)
		return tmpfs;
	r = sk_target_attach(tmpfs, target, CGROUP_DIR, err);
	return r < 0 ? r : bind_hierarchies(c, paths, tmpfs, err);
}

int sk_child_mounts(struct sk_child *c, struct sk_err *err)
{
	int r;

	for (size_t i = 0; i < c->spec->nr_mounts; i++) {
		struct sk_err why = SK_ERR_INIT;

		r = mount_one(c, i, &why);
		if (r == 0)
			continue;
		if (c->spec->mounts[i].is_optional) {
			sk_log_debug("left out: %s", why.msg);
			continue;
		}
		*err = why;
		return r;
	}
	if (!c->spec->cgroup_mount)
		return 0;
	r = mount_cgroups(c, err);
	return r < 0 ? sk_err_wrap(err, r, "show the container its groups") : 0;
}
