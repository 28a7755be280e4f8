// SPDX-License-Identifier: Apache-2.0
/* oci_self - run from a place that no container can write to (CVE-2019-5736)
 *
 * Until its last exec the first process of a container is this program, and a command such as
 * "/proc/self/exe", or a script with it as interpreter, even executes it in there. Whoever is
 * root of the machine inside then finds the program's file at /proc/PID/exe, and writes to it.
 * So the program executes itself once from a copy of its mount that is read-only: a link
 * through that mount cannot be opened for writing, whoever tries.
 *
 * The descriptor of that copy is kept until the container's process executes its command. With
 * the last one of it the kernel takes the mount apart, and whoever closes it waits for a grace
 * period: 50 us, at best while that process runs. It is known from the name that execveat(2)
 * gives to a program without one: "/dev/fd/N".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/container/oci_self.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/target.h"

#define SELF "/proc/self/exe"

/* Whoever executes a program by an ordinary descriptor may want to keep that: it is left alone. */
static int own_mount(void)
{
	unsigned long address = getauxval(AT_EXECFN);
	const char *name, *number;
	uint64_t fd;
	int flags;

	memcpy(&name, &address, sizeof(name));
	number = name ? sk_str_starts(name, "/dev/fd/") : NULL;
	if (!number || sk_parse_u64(number, 3, INT32_MAX, &fd, NULL) < 0)
		return -1;
	flags = fcntl((int)fd, F_GETFL);
	return flags >= 0 && (flags & O_PATH) ? (int)fd : -1;
}

void sk_oci_release_self(void)
{
	int fd = own_mount();

	sk_close(&fd);
}

int sk_oci_protect_self(char *const *argv, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	struct statvfs fs;
	int r;

	if (statvfs(SELF, &fs) < 0)
		return sk_err_errno(err, "find out where this program is");
	if ((fs.f_flag & ST_RDONLY) && own_mount() >= 0)
		(void)fcntl(own_mount(), F_SETFD, FD_CLOEXEC);
	/* of a read-only mount already; or root of nothing that the file belongs to */
	if ((fs.f_flag & ST_RDONLY) || access(SELF, W_OK) < 0 || geteuid() != 0)
		return 0;
	fd = sk_target_clone(AT_FDCWD, SELF, false, err);
	/* root of a user namespace cannot, and is not root of the machine */
	if (fd == -EPERM || fd == -EINVAL)
		return 0;
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, MOUNT_ATTR_RDONLY, 0, false, err);
	if (r < 0)
		return r;
	(void)fcntl(fd, F_SETFD, 0);
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return sk_err_errno(err, "execute this program from a read-only mount");
}
