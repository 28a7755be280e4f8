// SPDX-License-Identifier: Apache-2.0
/* idmap - id maps of a new user namespace, and mounts seen through them */
#include "runtime/sandbox/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

static int write_direct(pid_t pid, const char *file, const struct sk_spec_idmap *maps,
			size_t nr, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	char path[64];
	int r;

	for (size_t i = 0; i < nr; i++)
		sk_str_addf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside,
			    maps[i].size);
	if (text.failed || !text.ptr)
		return sk_err_oom(err);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = sk_fs_write(AT_FDCWD, path, text.ptr);
	if (r < 0)
		return sk_err_code(err, r, "write the %s of the container", file);
	return 0;
}

static int write_by_helper(pid_t pid, const char *helper,
			   const struct sk_spec_idmap *maps, size_t nr,
			   struct sk_err *err)
{
	sk_auto(sk_strv_free) char **argv = NULL;
	int r = sk_strv_add(&argv, helper);

	if (r == 0)
		r = sk_strv_addf(&argv, "%d", (int)pid);
	for (size_t i = 0; r == 0 && i < nr; i++) {
		r = sk_strv_addf(&argv, "%u", maps[i].inside);
		if (r == 0)
			r = sk_strv_addf(&argv, "%u", maps[i].outside);
		if (r == 0)
			r = sk_strv_addf(&argv, "%u", maps[i].size);
	}
	if (r < 0)
		return sk_err_oom(err);
	r = sk_proc_capture((const char *const *)argv, 10000, NULL, NULL, err);
	if (r < 0) {
		r = sk_err_wrap(err, r, "map the user's subordinate ids");
		return sk_err_hint(
			err, r,
			"look at /etc/subuid and /etc/subgid; the helpers are in the package uidmap");
	}
	return 0;
}

static int deny_setgroups(pid_t pid, struct sk_err *err)
{
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	r = sk_fs_write(AT_FDCWD, path, "deny");
	if (r < 0)
		return sk_err_code(err, r, "write '%s'", path);
	return 0;
}

int sk_idmap_write(pid_t pid, const struct sk_spec *spec, struct sk_err *err)
{
	int r;

	if (spec->use_newidmap) {
		r = write_by_helper(pid, "newuidmap", spec->uids, spec->nr_uids, err);
		if (r < 0)
			return r;
		return write_by_helper(pid, "newgidmap", spec->gids, spec->nr_gids, err);
	}
	if (geteuid() != 0) {
		r = deny_setgroups(pid, err);
		if (r < 0)
			return r;
	}
	r = write_direct(pid, "uid_map", spec->uids, spec->nr_uids, err);
	if (r < 0)
		return r;
	return write_direct(pid, "gid_map", spec->gids, spec->nr_gids, err);
}

int sk_idmap_userns(pid_t pid, struct sk_err *err)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open the user namespace of the container");
	return fd;
}

static const char *fs_name(const char *path)
{
	struct statfs st;

	if (statfs(path, &st) < 0)
		return "unknown";
	switch (st.f_type) {
	case OVERLAYFS_SUPER_MAGIC:
		return "overlay";
	case NFS_SUPER_MAGIC:
		return "nfs";
	case V9FS_MAGIC:
		return "9p";
	case PROC_SUPER_MAGIC:
		return "proc";
	case SYSFS_MAGIC:
		return "sysfs";
	default:
		return "this";
	}
}

int sk_idmap_shift(int mount_fd, const char *path, int userns_fd, bool recursive,
		   struct sk_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = userns_fd};
	int r;

	if (sk_sys_mount_setattr(mount_fd, "",
				 AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
				 sizeof(attr)) == 0)
		return 0;
	r = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ? EOPNOTSUPP
								      : errno;
	r = sk_err_set(err, r, "shift the owners of '%s' into the user namespace: %s",
		       path,
		       r == EOPNOTSUPP ? "not possible on its file system" : strerror(r));
	if (err && err->code == EOPNOTSUPP)
		return sk_err_hint(
			err, r,
			"the kernel has no idmapped mounts on %s file systems; try '--userns host'",
			fs_name(path));
	return r;
}

int sk_idmap_mount(const char *path, int userns_fd, bool recursive, struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, path, recursive, err);
	int r;

	if (fd < 0)
		return fd;
	r = sk_idmap_shift(fd, path, userns_fd, recursive, err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

int sk_child_become_root(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;

	if (!sk_spec_has_userns(spec))
		return 0;
	/* refused by design with a single mapped id, where there are none to drop */
	if (!spec->keep_groups && setgroups(0, NULL) < 0 &&
	    (errno != EPERM || spec->nr_gids > 1))
		return sk_err_errno(err, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0)
		return sk_err_errno(err, "become group 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0)
		return sk_err_errno(err, "become user 0 of the user namespace");
	sk_child_arm(c);
	return 0;
}
