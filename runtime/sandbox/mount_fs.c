// SPDX-License-Identifier: Apache-2.0
/* mount_fs - new file systems, and their like where a user namespace may have none */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/target.h"

#define MAX_VALUE    255
#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c of Linux; no header has it */

/* What has one instance for all, or none on a disk: read-only is of the mount alone. */
static bool has_own_super(const struct sk_spec_mount *m)
{
	return m->source && m->source[0] == '/';
}

/* Labels are for file systems that can have them and take no other way to get them. */
static bool is_labelled(const struct sk_spec_mount *m)
{
	static const char *const without[] = {"proc", "sysfs", "mqueue"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(without); i++)
		if (sk_str_equal(m->fstype, without[i]))
			return false;
	return true;
}

static int all_data(const struct sk_child *c, const struct sk_spec_mount *m, char ***ret)
{
	sk_auto(sk_strv_free) char **data = sk_strv_dup(m->data);
	int r = data ? 0 : -ENOMEM;

	if (r == 0 && (m->attr_set & MOUNT_ATTR_RDONLY) && has_own_super(m))
		r = sk_strv_add(&data, "ro");
	if (r == 0 && c->spec->mount_label && is_labelled(m))
		r = sk_strv_addf(&data, "%s=%s",
				 c->spec->mount_label_option ? c->spec->mount_label_option
							     : "context",
				 c->spec->mount_label);
	if (r == 0)
		*ret = sk_steal(&data);
	return r;
}

static int open_fs(const struct sk_child *c, const struct sk_spec_mount *m,
		   struct sk_err *err)
{
	sk_auto(sk_strv_free) char **data = NULL;
	uint64_t attrs = m->attr_set | m->rec_set;

	if (strcmp(m->fstype, "tmpfs") == 0)
		attrs &= ~(uint64_t)MOUNT_ATTR_RDONLY; /* not before it is filled */
	if (!has_own_super(m) && !c->spec->mount_label)
		return sk_target_fs(m->fstype, m->source, m->data, attrs, err);
	if (all_data(c, m, &data) < 0)
		return sk_err_oom(err);
	return sk_target_fs(m->fstype, m->source, data, attrs, err);
}

/* -EPERM without an error record where something else is at @path */
static int clone_outside(const char *path, long magic, uint64_t attrs, struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, path, true, err);
	struct statfs st;
	int r;

	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0 || (long)st.f_type != magic)
		return -EPERM;
	r = sk_target_set_attrs(fd, attrs, 0, true, err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

/* sysfs shows one network namespace, a procfs one pid namespace, mqueue one IPC namespace:
 * a user namespace without power over it may see what its creator sees, no more. */
static int open_outside(const struct sk_child *c, const struct sk_spec_mount *m,
			struct sk_err *err)
{
	static const struct {
		const char *fstype, *path;
		enum sk_spec_ns ns;
		long magic;
		uint64_t attrs;
	} outside[] = {
		/* read-only: cgroups lie below it (CVE-2023-25809) */
		{"sysfs", "/sys", SK_NS_NET, SYSFS_MAGIC, MOUNT_ATTR_RDONLY},
		{"proc", "/proc", SK_NS_PID, PROC_SUPER_MAGIC, 0},
		{"mqueue", "/dev/mqueue", SK_NS_IPC, MQUEUE_MAGIC, 0},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(outside); i++) {
		const struct sk_spec_namespace *ns = &c->spec->ns[outside[i].ns];

		if (sk_str_equal(m->fstype, outside[i].fstype) &&
		    (outside[i].ns == SK_NS_NET || (!ns->is_new && !ns->path)))
			return clone_outside(outside[i].path, outside[i].magic,
					     m->attr_set | outside[i].attrs, err);
	}
	return -EPERM;
}

static int explain(const char *fstype, int r, struct sk_err *err)
{
	const char *ns = strcmp(fstype, "sysfs") == 0	 ? "network"
			 : strcmp(fstype, "proc") == 0	 ? "pid"
			 : strcmp(fstype, "mqueue") == 0 ? "ipc"
							 : NULL;

	if (!ns)
		return sk_err_hint(err, r,
				   "in a user namespace this type may not be mounted");
	return sk_err_hint(
		err, r, "in a user namespace it takes a new %s namespace to mount this",
		ns);
}

static int use_prepared(int *prepared, const struct sk_spec_mount *m, struct sk_err *err)
{
	sk_autoclose int fd = sk_steal_fd(prepared);
	int r = sk_target_set_attrs(fd, m->attr_set | m->rec_set, 0, false, err);

	return r < 0 ? r : sk_steal_fd(&fd);
}

/* The private procfs stays hidden, so that what is mounted over parts of /proc is never in
 * its way: a copy is shown. Kernels before 6.15 cannot copy a detached mount. */
static int copy_proc(const struct sk_child *c, const struct sk_spec_mount *m,
		     struct sk_err *err)
{
	const uint64_t own = SK_TARGET_PROC_ATTRS;
	sk_autoclose int fd = sk_target_clone(c->proc_fd, "", false, err);
	uint64_t attrs = m->attr_set | m->rec_set;
	int r;

	if (fd == -EINVAL)
		return sk_target_fs("proc", m->source, NULL,
				    attrs | (own & ~m->attr_clear), err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, attrs & ~own, own & ~attrs & m->attr_clear, false,
				err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

int sk_mount_fs(struct sk_child *c, const struct sk_spec_mount *m, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int fd, r;

	if (!m->data && c->sysfs_fd >= 0 && strcmp(m->fstype, "sysfs") == 0)
		return use_prepared(&c->sysfs_fd, m, err);
	if (!m->data && !c->proc_is_outside && strcmp(m->fstype, "proc") == 0)
		return copy_proc(c, m, err);
	fd = open_fs(c, m, &why);
	if (fd >= 0)
		return fd;
	if (fd == -EPERM && (sk_spec_has_userns(c->spec) || geteuid() != 0)) {
		r = open_outside(c, m, err);
		if (r != -EPERM && r != -ENOENT)
			return r;
		(void)explain(m->fstype, fd, &why);
	}
	if (err)
		*err = why;
	return fd;
}

bool sk_mount_is_long(const struct sk_spec_mount *m)
{
	for (char *const *data = m->data; data && *data; data++) {
		const char *value = strchr(*data, '=');

		if (value && strlen(value + 1) > MAX_VALUE)
			return true;
	}
	return false;
}

static unsigned long old_flags(uint64_t attrs)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} table[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},
		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},
		{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
		{MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(table); i++)
		if (attrs & table[i].attr)
			flags |= table[i].flag;
	return flags;
}

int sk_mount_long(const struct sk_child *c, const struct sk_spec_mount *m, int target,
		  struct sk_err *err)
{
	sk_auto(sk_strv_free) char **data = NULL;
	sk_autofree char *text = NULL;

	if (m->propagation && m->propagation != MS_PRIVATE)
		return sk_err_set(
			err, EOPNOTSUPP,
			"a file system with an option of more than %d bytes can only be private",
			MAX_VALUE);
	if (all_data(c, m, &data) < 0 || !(text = sk_strv_join(data, ",")))
		return sk_err_oom(err);
	/* in the folder itself, so that no path is needed; paths in options are absolute */
	if (fchdir(target) < 0)
		return sk_err_errno(err, "enter '%s'", m->target);
	if (mount(m->source ? m->source : m->fstype, ".", m->fstype,
		  old_flags(m->attr_set | m->rec_set), text) < 0)
		return sk_err_errno(err, "mount file system '%s'", m->fstype);
	if (chdir("/") < 0)
		return sk_err_errno(err, "leave '%s'", m->target);
	return 0;
}
