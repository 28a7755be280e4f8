// SPDX-License-Identifier: Apache-2.0
/* detached - mounts that are nowhere yet: made, copied, and given their attributes */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sys.h"
#include "runtime/sandbox/target.h"

/* A context keeps the kernel's messages, one a read: "e tmpfs: Unknown parameter 'x'". */
int sk_target_fs_errno(int fs_fd, struct sk_err *err, const char *what,
		       const char *fstype)
{
	int code = errno;
	char text[256];
	ssize_t n;

	do {
		n = read(fs_fd, text, sizeof(text) - 1);
	} while (n > 1 && text[0] != 'e');
	errno = code;
	if (n <= 2)
		return sk_err_errno(err, "%s '%s'", what, fstype);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return sk_err_errno(err, "%s '%s': %s", what, fstype, text + 2);
}

static int configure(int fd, const char *option)
{
	const char *equal = strchr(option, '=');
	char key[64];

	if (!equal)
		return sk_sys_fsconfig(fd, FSCONFIG_SET_FLAG, option, NULL, 0);
	if ((size_t)(equal - option) >= sizeof(key)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, option, equal - option);
	key[equal - option] = '\0';
	return sk_sys_fsconfig(fd, FSCONFIG_SET_STRING, key, equal + 1, 0);
}

int sk_target_configure(int fs_fd, const char *fstype, char *const *data,
			struct sk_err *err)
{
	for (; data && *data; data++) {
		int r;

		if (configure(fs_fd, *data) == 0)
			continue;
		r = sk_target_fs_errno(fs_fd, err, "file system", fstype);
		return sk_err_wrap(err, r, "option '%s'", *data);
	}
	return 0;
}

int sk_target_fs(const char *fstype, const char *source, char *const *data,
		 uint64_t attrs, struct sk_err *err)
{
	sk_autoclose int fd = sk_sys_fsopen(fstype, FSOPEN_CLOEXEC);
	int mount_fd, r;

	if (fd < 0) {
		r = sk_err_errno(err, "open file system '%s'", fstype);
		return r == -ENODEV ? sk_err_hint(err, r,
						  "this kernel has no file system '%s'",
						  fstype)
				    : r;
	}
	if (source && sk_sys_fsconfig(fd, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return sk_target_fs_errno(fd, err, "set the source of file system",
					  fstype);
	r = sk_target_configure(fd, fstype, data, err);
	if (r < 0)
		return r;
	if (sk_sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return sk_target_fs_errno(fd, err, "create file system", fstype);
	mount_fd = sk_sys_fsmount(fd, FSMOUNT_CLOEXEC, (unsigned int)attrs);
	if (mount_fd < 0)
		return sk_target_fs_errno(fd, err, "mount file system", fstype);
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

static int set_attrs(int mount_fd, struct mount_attr *attr, bool recursive)
{
	return sk_sys_mount_setattr(mount_fd, "",
				    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr,
				    sizeof(*attr));
}

/* In a user namespace the attributes of mounts from outside are locked: they can be added
 * to. What is set is needed; what is cleared was wanted for a mount that allows it. */
static int set_unlocked(int mount_fd, uint64_t set, uint64_t clear, bool recursive)
{
	for (uint64_t bit = 1; bit && bit <= clear; bit <<= 1) {
		struct mount_attr attr = {.attr_clr = clear & bit};

		if (!attr.attr_clr || (bit & MOUNT_ATTR__ATIME))
			continue;
		if (set_attrs(mount_fd, &attr, recursive) < 0 && errno != EPERM)
			return -1;
	}
	if (clear & MOUNT_ATTR__ATIME) {
		struct mount_attr attr = {.attr_clr = MOUNT_ATTR__ATIME,
					  .attr_set = set & MOUNT_ATTR__ATIME};

		if (set_attrs(mount_fd, &attr, recursive) < 0 && errno != EPERM)
			return -1;
	}
	set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	if (!set)
		return 0;
	return set_attrs(mount_fd, &(struct mount_attr){.attr_set = set}, recursive);
}

int sk_target_set_attrs(int mount_fd, uint64_t set, uint64_t clear, bool recursive,
			struct sk_err *err)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear};

	if (!set && !clear)
		return 0;
	if (set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (set_attrs(mount_fd, &attr, recursive) == 0 ||
	    (errno == EPERM && attr.attr_clr &&
	     set_unlocked(mount_fd, set, attr.attr_clr, recursive) == 0))
		return 0;
	return sk_err_errno(err, "set mount attributes");
}

int sk_target_set_propagation(int mount_fd, uint64_t propagation, bool recursive,
			      struct sk_err *err)
{
	struct mount_attr attr = {.propagation = propagation};

	if (set_attrs(mount_fd, &attr, recursive) < 0)
		return sk_err_errno(err, "set the propagation of a mount");
	return 0;
}
