// SPDX-License-Identifier: Apache-2.0
/* target - mount points inside a hostile root, by descriptor only */
#include "runtime/sandbox/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sys.h"

/* Open, else make, one folder of a path; @path ends behind the part in question. */
static int open_or_make_dir(int root_fd, const char *path, const char *name)
{
	sk_autoclose int parent_fd = -1;
	char parent[PATH_MAX];
	int fd = sk_fs_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);

	if (fd != -ENOENT)
		return fd;
	(void)snprintf(parent, sizeof(parent), "%.*s/", (int)(name - path), path);
	parent_fd = sk_fs_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (parent_fd < 0)
		return parent_fd;
	if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return sk_fs_open_beneath(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int make_file(int root_fd, const char *path, const char *name)
{
	sk_autoclose int parent_fd = -1, fd = -1;
	char parent[PATH_MAX];

	(void)snprintf(parent, sizeof(parent), "%.*s/", (int)(name - path), path);
	parent_fd = sk_fs_open_in_root(root_fd, parent, O_PATH | O_DIRECTORY, 0);
	if (parent_fd < 0)
		return parent_fd;
	fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
		    0644);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	return sk_fs_open_beneath(parent_fd, name, O_PATH | O_NOFOLLOW, 0);
}

static int open_part(int root_fd, const char *path, const char *name, bool is_dir)
{
	int fd;

	if (is_dir)
		return open_or_make_dir(root_fd, path, name);
	fd = sk_fs_open_in_root(root_fd, path, O_PATH, 0);
	return fd == -ENOENT ? make_file(root_fd, path, name) : fd;
}

int sk_target_open(int root_fd, const char *path, bool is_dir, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	char part[PATH_MAX];
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(part))
		return sk_err_set(err, ENAMETOOLONG, "mount point '%s' is too long",
				  path);
	memcpy(part, path, len);
	part[len] = '\0';
	fd = sk_fs_open_in_root(root_fd, part, O_PATH | (is_dir ? O_DIRECTORY : 0), 0);
	for (size_t i = 0, start = 0; fd == -ENOENT && i <= len; i++) {
		bool last = i == len;
		char keep = part[i];

		if (!last && (i == 0 || keep != '/'))
			continue;
		while (part[start] == '/')
			start++;
		if (start >= i)
			continue;
		part[i] = '\0';
		fd = open_part(root_fd, part, part + start, is_dir || !last);
		part[i] = keep;
		if (!last && fd >= 0) {
			sk_close(&fd);
			fd = -ENOENT;
		}
		start = i;
	}
	if (fd < 0)
		return sk_err_code(err, fd, "open mount point '%s'", path);
	return sk_steal_fd(&fd);
}

int sk_target_attach(int mount_fd, int target_fd, const char *path, struct sk_err *err)
{
	if (sk_sys_move_mount(mount_fd, "", target_fd, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return sk_err_errno(err, "mount on '%s'", path);
	return 0;
}

static int configure(int fd, const char *option, struct sk_err *err)
{
	const char *equal = strchr(option, '=');
	char key[64];
	int r;

	if (!equal)
		r = sk_sys_fsconfig(fd, FSCONFIG_SET_FLAG, option, NULL, 0);
	else if ((size_t)(equal - option) >= sizeof(key))
		return sk_err_set(err, EINVAL, "mount option '%s' is too long", option);
	else {
		memcpy(key, option, equal - option);
		key[equal - option] = '\0';
		r = sk_sys_fsconfig(fd, FSCONFIG_SET_STRING, key, equal + 1, 0);
	}
	if (r < 0)
		return sk_err_errno(err, "mount option '%s'", option);
	return 0;
}

int sk_target_fs(const char *fstype, const char *source, char *const *data,
		 uint64_t attrs, struct sk_err *err)
{
	sk_autoclose int fd = sk_sys_fsopen(fstype, FSOPEN_CLOEXEC);
	int mount_fd;

	if (fd < 0)
		return sk_err_errno(err, "open file system '%s'", fstype);
	if (source && sk_sys_fsconfig(fd, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return sk_err_errno(err, "set source '%s' of '%s'", source, fstype);
	for (; data && *data; data++) {
		int r = configure(fd, *data, err);

		if (r < 0)
			return sk_err_wrap(err, r, "file system '%s'", fstype);
	}
	if (sk_sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return sk_err_errno(err, "create file system '%s'", fstype);
	mount_fd = sk_sys_fsmount(fd, FSMOUNT_CLOEXEC, (unsigned int)attrs);
	if (mount_fd < 0)
		return sk_err_errno(err, "mount file system '%s'", fstype);
	return mount_fd;
}

int sk_target_clone(int dirfd, const char *path, bool recursive, struct sk_err *err)
{
	int fd = sk_sys_open_tree(dirfd, path,
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT |
					  (path[0] ? 0 : AT_EMPTY_PATH) |
					  (recursive ? AT_RECURSIVE : 0));

	if (fd < 0)
		return sk_err_errno(err, "copy the mount of '%s'", path);
	return fd;
}

int sk_target_set_attrs(int mount_fd, uint64_t set, uint64_t clear, bool recursive,
			struct sk_err *err)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear};

	if (!set && !clear)
		return 0;
	if (clear & MOUNT_ATTR_NOATIME ||
	    set & (MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME))
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (sk_sys_mount_setattr(mount_fd, "",
				 AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
				 sizeof(attr)) < 0)
		return sk_err_errno(err, "set mount attributes");
	return 0;
}
