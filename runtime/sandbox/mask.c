// SPDX-License-Identifier: Apache-2.0
/* mask - paths that a container shall not read, or not write
 *
 * A file is covered by the null device of the host, a folder by an empty one of our own. The
 * device is checked by its descriptor; what the container has in its /dev could be anything
 * (CVE-2025-31133). What is not there needs no cover.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

/* struct covers - What paths are covered with; -1 until it is needed */
struct covers {
	int null_fd;   /* the host's null device, O_PATH */
	int folder_fd; /* the first cover of a folder: the others are copies */
};

static void covers_finish(struct covers *covers)
{
	sk_close(&covers->null_fd);
	sk_close(&covers->folder_fd);
}
SK_DEFINE_AUTO_FINISH(struct covers, covers_finish)

static int find_null(struct covers *covers, struct sk_err *err)
{
	sk_autoclose int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return sk_err_errno(err, "open '/dev/null' of the host");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return sk_err_set(err, ENODEV,
				  "'/dev/null' of the host is not the null device");
	covers->null_fd = sk_steal_fd(&fd);
	return 0;
}

static int cover_file(struct covers *covers, int target, const char *path,
		      struct sk_err *err)
{
	sk_autoclose int fd = -1;
	int r = covers->null_fd < 0 ? find_null(covers, err) : 0;

	if (r < 0)
		return r;
	fd = sk_target_clone(covers->null_fd, "", false, err);
	return fd < 0 ? fd : sk_target_attach(fd, target, path, err);
}

static int cover_folder(struct covers *covers, int target, const char *path,
			struct sk_err *err)
{
	static char *const data[] = {(char *)"mode=755", (char *)"size=4k", NULL};
	bool is_first = covers->folder_fd < 0;
	sk_autoclose int fd = -1;
	int r;

	if (is_first)
		fd = sk_target_fs("tmpfs", "tmpfs", data,
				  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					  MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
				  err);
	else
		fd = sk_target_clone(covers->folder_fd, "", false, err);
	if (fd < 0)
		return fd;
	r = sk_target_attach(fd, target, path, err);
	if (is_first)
		covers->folder_fd = sk_steal_fd(&fd);
	return r;
}

static int mask_path(struct covers *covers, int root_fd, const char *path,
		     struct sk_err *err)
{
	sk_autoclose int target = sk_target_find(root_fd, path, 0);
	struct stat st;
	int r;

	if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
		return 0;
	if (target < 0)
		return sk_err_code(err, target, "open '%s' to mask it", path);
	if (fstat(target, &st) < 0)
		return sk_err_errno(err, "look at '%s'", path);
	r = S_ISDIR(st.st_mode) ? cover_folder(covers, target, path, err)
				: cover_file(covers, target, path, err);
	return r < 0 ? sk_err_wrap(err, r, "mask '%s'", path) : 0;
}

static int protect_path(int root_fd, const char *path, struct sk_err *err)
{
	sk_autoclose int target = sk_target_find(root_fd, path, 0), fd = -1;
	int r;

	if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
		return 0;
	if (target < 0)
		return sk_err_code(err, target, "open '%s' to make it read-only", path);
	fd = sk_target_clone(target, "", true, err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, MOUNT_ATTR_RDONLY, 0, true, err);
	return r < 0 ? r : sk_target_attach(fd, target, path, err);
}

static int end_filling(struct sk_child *c, struct sk_err *err)
{
	for (size_t i = 0; i < c->nr_read_only; i++) {
		int r = sk_target_set_attrs(c->read_only_fds[i], MOUNT_ATTR_RDONLY, 0,
					    false, err);

		if (r < 0)
			return sk_err_wrap(err, r, "make a tmpfs read-only");
		sk_close(&c->read_only_fds[i]);
	}
	free(sk_steal(&c->read_only_fds));
	c->nr_read_only = 0;
	return 0;
}

int sk_child_masks(struct sk_child *c, struct sk_err *err)
{
	sk_auto(covers_finish) struct covers covers = {.null_fd = -1, .folder_fd = -1};
	int r = end_filling(c, err);

	for (char **p = c->spec->read_only_paths; r == 0 && p && *p; p++)
		r = protect_path(c->root_fd, *p, err);
	for (char **p = c->spec->masked; r == 0 && p && *p; p++)
		r = mask_path(&covers, c->root_fd, *p, err);
	return r;
}
