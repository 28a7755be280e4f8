// SPDX-License-Identifier: Apache-2.0
/* oci_self - run from a place that no container can write to (CVE-2019-5736)
 *
 * Until its last exec the first process of a container is this program, and a command such as
 * "/proc/self/exe", or a script with it as interpreter, even executes it in there. Whoever is
 * root of the machine inside then finds the program's file at /proc/PID/exe, and writes to it.
 * So the program executes itself once from a copy of its mount that is read-only: a link
 * through that mount cannot be opened for writing, whoever tries.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/target.h"

#define SELF "/proc/self/exe"

int sk_oci_protect_self(char *const *argv, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	struct statvfs fs;
	int r;

	/* of a read-only mount already; or root of nothing that the file belongs to */
	if (statvfs(SELF, &fs) < 0)
		return sk_err_errno(err, "find out where this program is");
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
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return sk_err_errno(err, "execute this program from a read-only mount");
}
