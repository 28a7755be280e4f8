// SPDX-License-Identifier: Apache-2.0
/* lsm - AppArmor profile and SELinux label of the command
 *
 * Both are written to files of /proc/self/attr, through the private procfs: over the
 * container's own anything may be mounted (CVE-2019-16884), so that a write would be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/sandbox/child.h"

static int open_attr(const struct sk_child *c, const char *name)
{
	sk_autoclose int fd = -1;
	char path[64];
	struct statfs st;

	(void)snprintf(path, sizeof(path), "self/attr/%s", name);
	fd = sk_fs_open_beneath(c->proc_fd, path, O_WRONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	return sk_steal_fd(&fd);
}

/* Without the module there is no such file, or nobody who takes what is written. */
static int fail(const char *module, const char *what, const char *label, int code,
		struct sk_err *err)
{
	if (code == ENOENT || code == EINVAL || code == EOPNOTSUPP)
		return sk_err_hint(
			err,
			sk_err_set(err, EOPNOTSUPP, "%s '%s': %s does not take it", what,
				   label, module),
			"%s must be switched on in the kernel, and the name known to it",
			module);
	return sk_err_code(err, -code, "set %s '%s'", what, label);
}

static int set_apparmor(const struct sk_child *c, const char *profile, struct sk_err *err)
{
	static const char what[] = "AppArmor profile";
	sk_autofree char *text = sk_strf("exec %s", profile);
	sk_autoclose int fd = open_attr(c, "apparmor/exec");

	if (!text)
		return sk_err_oom(err);
	if (fd == -ENOENT) /* before Linux 5.8 */
		fd = open_attr(c, "exec");
	if (fd < 0)
		return fail("AppArmor", what, profile, -fd, err);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return fail("AppArmor", what, profile, errno, err);
	return 0;
}

static int write_label(const struct sk_child *c, const char *file, const char *what,
		       const char *label, struct sk_err *err)
{
	sk_autoclose int fd = open_attr(c, file);

	if (fd < 0)
		return fail("SELinux", what, label, -fd, err);
	if (write(fd, label, strlen(label)) != (ssize_t)strlen(label))
		return fail("SELinux", what, label, errno, err);
	return 0;
}

/* The session keyring is made before the exec, and would have the runtime's label: then the
 * container could not use it. */
static int set_selinux(const struct sk_child *c, const char *label, struct sk_err *err)
{
	int r = write_label(c, "exec", "SELinux label", label, err);

	if (r == 0 && !c->keep_keyring)
		r = write_label(c, "keycreate", "SELinux label of keys", label, err);
	return r;
}

int sk_child_lsm(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec_process *p = &c->spec->process;
	int r = 0;

	if (p->selinux_label)
		r = set_selinux(c, p->selinux_label, err);
	if (r == 0 && p->apparmor)
		r = set_apparmor(c, p->apparmor, err);
	return r;
}
