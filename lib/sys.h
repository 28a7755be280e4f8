/* SPDX-License-Identifier: Apache-2.0 */
/* sys - system calls that glibc or musl lack; the only place with #ifdefs for kernel and libc */
#ifndef SK_SYS_H
#define SK_SYS_H

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Thin: each returns what the kernel returns, -1 with errno on failure, unless noted.
 * Constants that Debian 12's headers lack are defined in this header.
 */
long sk_sys_clone3(struct clone_args *args, size_t size);
int sk_sys_openat2(int dirfd, const char *path, const struct open_how *how);
int sk_sys_pidfd_open(pid_t pid, unsigned int flags);
int sk_sys_pidfd_send_signal(int pidfd, int sig);
int sk_sys_close_range(unsigned int first, unsigned int last, unsigned int flags);
int sk_sys_pivot_root(const char *new_root, const char *put_old);
int sk_sys_open_tree(int dirfd, const char *path, unsigned int flags);
int sk_sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to,
		      unsigned int flags);
int sk_sys_fsopen(const char *fs, unsigned int flags);
int sk_sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value,
		    int aux);
int sk_sys_fsmount(int fd, unsigned int flags, unsigned int attr_flags);
int sk_sys_fspick(int dirfd, const char *path, unsigned int flags);
int sk_sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
			 const struct mount_attr *attr, size_t size);
int sk_sys_seccomp(unsigned int op, unsigned int flags, void *args);
long sk_sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c,
		   unsigned long d);
int sk_sys_statx(int dirfd, const char *path, int flags, unsigned int mask,
		 struct statx *ret);
/** sk_sys_bpf() - bpf(2); @attr is a union bpf_attr of @size bytes */
int sk_sys_bpf(int cmd, void *attr, size_t size);
int sk_sys_memfd_create(const char *name, unsigned int flags);
/**
 * sk_sys_signals_default() - Give every signal its default action
 *
 * Also signals 32 and 33, which glibc keeps for threads and its sigaction() refuses:
 * a program that make started inherits them ignored, from glibc's posix_spawn().
 */
void sk_sys_signals_default(void);

#endif
