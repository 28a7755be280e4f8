// SPDX-License-Identifier: Apache-2.0
/* sys - thin wrappers of system calls */
#include "lib/sys.h"

#include <sys/syscall.h>
#include <unistd.h>

long sk_sys_clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

int sk_sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

int sk_sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int sk_sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

int sk_sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

int sk_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int sk_sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

int sk_sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to,
		      unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags);
}

int sk_sys_fsopen(const char *fs, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, fs, flags);
}

int sk_sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

int sk_sys_fsmount(int fd, unsigned int flags, unsigned int attr_flags)
{
	return (int)syscall(SYS_fsmount, fd, flags, attr_flags);
}

int sk_sys_fspick(int dirfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_fspick, dirfd, path, flags);
}

int sk_sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
			 const struct mount_attr *attr, size_t size)
{
	return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, size);
}

int sk_sys_seccomp(unsigned int op, unsigned int flags, void *args)
{
	return (int)syscall(SYS_seccomp, op, flags, args);
}

long sk_sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c,
		   unsigned long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

int sk_sys_bpf(int cmd, void *attr, size_t size)
{
	return (int)syscall(SYS_bpf, cmd, attr, size);
}

int sk_sys_statx(int dirfd, const char *path, int flags, unsigned int mask,
		 struct statx *ret)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret);
}

int sk_sys_memfd_create(const char *name, unsigned int flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

void sk_sys_signals_default(void)
{
	/* the kernel's struct sigaction: handler (SIG_DFL is 0), flags, restorer, mask */
	static const struct {
		unsigned long handler, flags, restorer;
		uint64_t mask;
	} plain;

	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, &plain, NULL, sizeof(plain.mask));
}
