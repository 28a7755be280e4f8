// SPDX-License-Identifier: Apache-2.0
/* mount - the mount list of a spec, one after the other, on descriptors only
 *
 * Theory of operation, for each mount:
 *
 *  1. its source as a detached mount: a copy of a mount outside, or a new file system;
 *  2. its target, opened once beneath the root, made where it is missing;
 *  3. nothing but a procfs comes upon /proc, and next to nothing into it;
 *  4. attributes and propagation are set while nobody can see it;
 *  5. move_mount() from the one descriptor to the other.
 *
 * No path is used twice, so exchanging a folder for a link while this goes on gains nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/str.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/target.h"

static bool is_at(const struct sk_spec_mount *m, const char *path)
{
	size_t len = strlen(m->target);

	while (len > 1 && m->target[len - 1] == '/')
		len--;
	return len == strlen(path) && strncmp(m->target, path, len) == 0;
}

static bool is_pseudo(const struct sk_spec_mount *m)
{
	return sk_str_equal(m->fstype, "proc") || sk_str_equal(m->fstype, "sysfs");
}

static bool is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* proc and sysfs are what a runtime trusts: their place must be what it looks like. */
static int open_target(const struct sk_child *c, const struct sk_spec_mount *m,
		       int mount_fd, struct sk_err *err)
{
	unsigned int flags = 0;

	if (m->fstype || is_folder(mount_fd))
		flags |= SK_TARGET_DIR;
	if (is_pseudo(m))
		flags |= SK_TARGET_NO_LINKS;
	if (m->target_nofollow)
		flags = SK_TARGET_NOFOLLOW;
	return sk_target_open(c->root_fd, m->target, flags, err);
}

/* A source that the parent opened is what it is outside. A user namespace may hear of new
 * mounts there, and never makes some there itself. */
static int set_propagation(const struct sk_child *c, const struct sk_spec_mount *m,
			   bool is_parents, int fd, struct sk_err *err)
{
	uint64_t wanted = m->propagation;
	bool is_private = !wanted || wanted == MS_PRIVATE;
	int r;

	if (is_parents) {
		r = sk_target_set_propagation(fd, is_private ? MS_PRIVATE : MS_SLAVE,
					      true, err);
		if (r < 0 || is_private)
			return r;
	}
	if (!wanted || (is_private && (m->fstype || !c->spec->rootfs_propagation)))
		return 0;
	return sk_target_set_propagation(fd, wanted, m->propagation_below, err);
}

/* The root may be mounted over, and the devices go into what is mounted on /dev. */
static void note_place(struct sk_child *c, const struct sk_spec_mount *m, int *fd)
{
	if (is_at(m, "/")) {
		sk_close(&c->root_fd);
		c->root_fd = sk_steal_fd(fd);
	} else if (is_at(m, "/dev")) {
		sk_close(&c->dev_fd);
		c->dev_fd = sk_steal_fd(fd);
		c->dev_is_bind = !m->fstype;
	}
}

/* Mount points and devices may have to be made in it. */
static int make_read_only_later(struct sk_child *c, const struct sk_spec_mount *m, int fd,
				struct sk_err *err)
{
	int *grown;

	if (!sk_str_equal(m->fstype, "tmpfs") ||
	    !((m->attr_set | m->rec_set) & MOUNT_ATTR_RDONLY))
		return 0;
	grown = reallocarray(c->read_only_fds, c->nr_read_only + 1, sizeof(int));
	if (!grown)
		return sk_err_oom(err);
	c->read_only_fds = grown;
	grown[c->nr_read_only] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (grown[c->nr_read_only++] < 0)
		return sk_err_errno(err, "keep a descriptor");
	return 0;
}

static int mount_detached(struct sk_child *c, size_t index, int given, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];
	bool is_parents = c->volume_fds && c->volume_fds[index] >= 0;
	sk_autoclose int fd =
		m->fstype ? sk_mount_fs(c, m, err) : sk_mount_bind(c, index, err);
	sk_autoclose int own = -1;
	int target = given, r;

	if (fd < 0)
		return fd;
	if (target < 0)
		target = own = open_target(c, m, fd, err);
	if (target < 0)
		return target;
	r = sk_mount_check_proc(c, m, fd, target, err);
	if (r == 0 && m->copy_up)
		r = sk_mount_copy_up(target, fd, err);
	if (r == 0)
		r = set_propagation(c, m, is_parents, fd, err);
	if (r == 0)
		r = sk_target_attach(fd, target, m->target, err);
	if (r == 0)
		r = make_read_only_later(c, m, fd, err);
	if (r == 0)
		note_place(c, m, &fd);
	return r;
}

/* Mounts that are made in their place. */
static int mount_in_place(struct sk_child *c, const struct sk_spec_mount *m,
			  struct sk_err *err)
{
	sk_autoclose int target = open_target(c, m, -1, err);
	int r;

	if (target < 0)
		return target;
	r = sk_mount_check_proc(c, m, -1, target, err);
	if (r < 0)
		return r;
	return sk_spec_mount_is_cgroup(m) ? sk_mount_cgroup(c, m, target, err)
					  : sk_mount_long(c, m, target, err);
}

static int mount_one(struct sk_child *c, size_t index, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];
	sk_autoclose int target = -1;
	int r;

	if (m->is_remount)
		return sk_mount_remount(c, m, err);
	if (m->copy_symlink) {
		r = sk_mount_link(c, m, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (sk_spec_mount_is_cgroup(m) || (m->fstype && sk_mount_is_long(m)))
		return mount_in_place(c, m, err);
	if (m->no_create) {
		target = sk_target_find(c->root_fd, m->target, 0);
		if (target == -ENOENT)
			return 0;
		if (target < 0)
			return sk_err_code(err, target, "open mount point '%s'",
					   m->target);
	}
	return mount_detached(c, index, target, err);
}

static int check_label(const struct sk_spec *spec, struct sk_err *err)
{
	if (!spec->mount_label || access("/sys/fs/selinux/enforce", F_OK) == 0)
		return 0;
	return sk_err_hint(
		err,
		sk_err_set(err, EOPNOTSUPP,
			   "linux.mountLabel '%s': this kernel runs without SELinux",
			   spec->mount_label),
		"take mountLabel out of config.json, or switch labels off in the engine");
}

int sk_child_mounts(struct sk_child *c, struct sk_err *err)
{
	int r = check_label(c->spec, err);

	for (size_t i = 0; r == 0 && i < c->spec->nr_mounts; i++) {
		const struct sk_spec_mount *m = &c->spec->mounts[i];
		const char *source = m->source ? m->source : m->fstype;
		struct sk_err why = SK_ERR_INIT;

		r = mount_one(c, i, &why);
		if (r == 0)
			continue;
		(void)sk_err_wrap(&why, r, "mount '%s' on '%s'", source ? source : "",
				  m->target);
		if (m->is_optional) {
			sk_log_debug("left out: %s", why.msg);
			r = 0;
		} else {
			*err = why;
		}
	}
	return r;
}
