// SPDX-License-Identifier: Apache-2.0
/* rootfs - the container's root: an overlay of layers, or a plain folder
 *
 * The layers are attached in, or linked from, a small tmpfs of the child's own mount
 * namespace, mounted over layer_dir/mnt: "0" is the topmost lower, "layer" holds upper and
 * work, "root" becomes the root. So the overlay's options are short whatever the paths are,
 * need no quoting, and fit one page with 250 layers. Nothing is mounted on the host.
 *
 * 1. As the caller: mount the tmpfs and stand in it (another user could not get there).
 * 2. As user 0 of the user namespace: layers, overlay. Its upper layer is written
 *    with the ids of the one who mounts it, so this must not come before.
 * 3. Open root_fd and the private procfs; from here on no path is used twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

#define STAGE_DIR "mnt"

static int enter_stage(const struct sk_child *c, struct sk_err *err)
{
	const char *dir = c->spec->layer_dir;

	if (chdir(dir) < 0 || chdir(STAGE_DIR) < 0)
		return sk_err_errno(err, "enter '%s/" STAGE_DIR "'", dir);
	if (mount("tmpfs", ".", "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=755,uid=0,gid=0,size=1m") < 0)
		return sk_err_errno(err, "mount a tmpfs on '%s/" STAGE_DIR "'", dir);
	/* once more, to be in the mounted folder */
	if (chdir(dir) < 0 || chdir(STAGE_DIR) < 0)
		return sk_err_errno(err, "enter '%s/" STAGE_DIR "'", dir);
	return 0;
}

static int attach_at(int mount_fd, const char *name, struct sk_err *err)
{
	if (mkdir(name, 0755) < 0)
		return sk_err_errno(err, "make mount point '%s'", name);
	if (sk_sys_move_mount(mount_fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sk_err_errno(err, "attach layer '%s'", name);
	return 0;
}

static int stage_layers(const struct sk_child *c, size_t nr, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;
	char name[24];
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++) {
		(void)snprintf(name, sizeof(name), "%zu", i);
		if (c->layer_fds)
			r = attach_at(c->layer_fds[i], name, err);
		else if (symlink(spec->lowers[i], name) < 0)
			r = sk_err_errno(err, "link layer '%s'", spec->lowers[i]);
	}
	if (r < 0)
		return r;
	if (c->layer_fds)
		return attach_at(c->layer_fds[nr], "layer", err);
	if (symlink(spec->layer_dir, "layer") < 0)
		return sk_err_errno(err, "link '%s'", spec->layer_dir);
	return 0;
}

static int mount_overlay(const struct sk_child *c, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str data = SK_STR_INIT;
	size_t nr = sk_strv_len(c->spec->lowers);
	bool in_userns = c->spec->ns[SK_NS_USER].is_new;
	int r = stage_layers(c, nr, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < nr; i++)
		sk_str_addf(&data, "%s%zu", i ? ":" : "lowerdir=", i);
	sk_str_addf(&data, ",upperdir=layer/upper,workdir=layer/work%s",
		    in_userns ? ",userxattr" : "");
	if (data.failed)
		return sk_err_oom(err);
	if (mkdir("root", 0755) < 0)
		return sk_err_errno(err, "make the mount point of the root");
	if (mount("overlay", "root", "overlay", 0, data.ptr) < 0) {
		r = sk_err_errno(err, "mount the overlay of %zu layers", nr);
		return sk_err_hint(
			err, r,
			"the kernel's log says more (dmesg); an overlay cannot have its upper layer on another overlay: choose a folder on a plain file system with --root");
	}
	return 0;
}

static int open_overlay(struct sk_child *c, struct sk_err *err)
{
	int r = mount_overlay(c, err);

	if (r < 0)
		return r;
	c->root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0)
		return sk_err_errno(err, "open the root");
	return 0;
}

/* The root of the mount that a folder lies on: ".." up to where that mount begins. */
static int open_mount_root(int folder)
{
	sk_autoclose int fd = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0) {
		struct statx st;
		int up;

		if (sk_sys_statx(fd, "", AT_EMPTY_PATH, 0, &st) < 0)
			return -errno;
		if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
			return sk_steal_fd(&fd);
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		sk_close(&fd);
		fd = up;
	}
	return -errno;
}

/* What is mounted in the root must not show up outside: neither may the mount that it lies
 * on be shared, nor is pivot_root(2) possible then. */
static int isolate(const struct sk_child *c, int folder, struct sk_err *err)
{
	sk_autoclose int fd = -1;

	if (!(c->spec->rootfs_propagation & MS_SHARED) && c->mnt_ns_fd < 0)
		return 0;
	fd = open_mount_root(folder);
	if (fd < 0)
		return sk_err_code(err, fd, "find the mount of the root file system");
	return sk_target_set_propagation(fd, MS_PRIVATE, false, err);
}

/* pivot_root(2) wants a mount point: a plain folder is mounted on itself. */
static int open_plain(struct sk_child *c, struct sk_err *err)
{
	const char *path = c->spec->rootfs;
	sk_autoclose int under = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	int r;

	if (under < 0)
		return sk_err_errno(err, "open the root file system '%s'", path);
	r = isolate(c, under, err);
	if (r < 0)
		return r;
	fd = sk_target_clone(under, "", true, err);
	if (fd < 0)
		return fd;
	if (c->spec->rootfs_propagation)
		r = sk_target_set_propagation(fd, MS_PRIVATE, false, err);
	if (r == 0)
		r = sk_target_attach(fd, under, path, err);
	if (r < 0)
		return r;
	c->root_fd = sk_steal_fd(&fd);
	return 0;
}

/* A user namespace may see a pid namespace that is not its own, but not mount its procfs. */
static int open_outside_proc(struct sk_child *c, struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, "/proc", true, err);
	struct statfs st;

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC)
		return sk_err_set(err, EPERM, "'/proc' is not a procfs");
	c->proc_fd = sk_steal_fd(&fd);
	c->proc_is_outside = true;
	return 0;
}

static int open_proc(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec_namespace *pid = &c->spec->ns[SK_NS_PID];
	int fd = sk_target_fs("proc", "proc", NULL, SK_TARGET_PROC_ATTRS, err);

	if (fd == -EPERM && !pid->is_new && !pid->path)
		return open_outside_proc(c, err);
	if (fd < 0)
		return sk_err_hint(
			err, fd,
			"a user namespace may only mount /proc where the one outside is fully visible: nothing may be mounted below /proc");
	c->proc_fd = fd;
	return 0;
}

/* What the container mounts is not seen outside; what is mounted outside is seen by those who
 * ask for it. In somebody else's mount namespace that is for him to say. */
static int set_outside_propagation(const struct sk_child *c, struct sk_err *err)
{
	unsigned long wanted = c->spec->rootfs_propagation;

	if (c->mnt_ns_fd >= 0)
		return 0;
	if (!(wanted & MS_SHARED))
		wanted = MS_REC | (wanted & MS_SLAVE ? MS_SLAVE : MS_PRIVATE);
	if (mount(NULL, "/", NULL, wanted, NULL) < 0)
		return sk_err_errno(err, "set the propagation of all mounts");
	return 0;
}

int sk_child_root(struct sk_child *c, struct sk_err *err)
{
	int r = set_outside_propagation(c, err);

	(void)umask(022);
	if (r == 0)
		r = c->spec->lowers ? enter_stage(c, err) : open_plain(c, err);
	if (r == 0)
		r = sk_child_become_root(c, err);
	if (r == 0 && c->spec->lowers)
		r = open_overlay(c, err);
	return r < 0 ? r : open_proc(c, err);
}
