// SPDX-License-Identifier: Apache-2.0
/* mask - paths that a container shall not read, or not write */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

/* The host's, checked: the container's own could be replaced (CVE-2025-31133). */
static int open_null(struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, "/dev/null", false, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return sk_err_set(err, ENODEV,
				  "'/dev/null' of the host is not the null device");
	return sk_steal_fd(&fd);
}

static int open_empty_folder(struct sk_err *err)
{
	static char *const data[] = {(char *)"mode=755", (char *)"size=4k", NULL};

	return sk_target_fs("tmpfs", "tmpfs", data,
			    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    MOUNT_ATTR_NOEXEC,
			    err);
}

static int mask_path(int root_fd, const char *path, struct sk_err *err)
{
	sk_autoclose int target = sk_fs_open_in_root(root_fd, path, O_PATH, 0), fd = -1;
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
		return 0;
	if (target < 0)
		return sk_err_code(err, target, "open '%s' to mask it", path);
	if (fstat(target, &st) < 0)
		return sk_err_errno(err, "look at '%s'", path);
	fd = S_ISDIR(st.st_mode) ? open_empty_folder(err) : open_null(err);
	if (fd < 0)
		return sk_err_wrap(err, fd, "mask '%s'", path);
	return sk_target_attach(fd, target, path, err);
}

static int protect_path(int root_fd, const char *path, struct sk_err *err)
{
	sk_autoclose int target = sk_fs_open_in_root(root_fd, path, O_PATH, 0), fd = -1;
	int r;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return sk_err_code(err, target, "open '%s' to make it read-only", path);
	fd = sk_target_clone(target, "", true, err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, MOUNT_ATTR_RDONLY, 0, true, err);
	return r < 0 ? r : sk_target_attach(fd, target, path, err);
}

int sk_child_masks(struct sk_child *c, struct sk_err *err)
{
	int r;

	for (char **p = c->spec->read_only_paths; p && *p; p++) {
		r = protect_path(c->root_fd, *p, err);
		if (r < 0)
			return r;
	}
	for (char **p = c->spec->masked; p && *p; p++) {
		r = mask_path(c->root_fd, *p, err);
		if (r < 0)
			return r;
	}
	return 0;
}
