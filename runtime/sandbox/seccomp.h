/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp - which system calls a container may make; the only module that sees libseccomp
 *
 *	parent:	sk_seccomp_new_default(&filter, err);
 *	child:	prctl(PR_SET_NO_NEW_PRIVS, 1, ...)	// or CAP_SYS_ADMIN
 *		sk_seccomp_install(filter, err);	// last step before exec
 */
#ifndef SK_SECCOMP_H
#define SK_SECCOMP_H

#include "lib/cleanup.h"
#include "lib/err.h"

/** struct sk_seccomp - A compiled filter: plain memory, inherited through clone */
struct sk_seccomp;

/**
 * sk_seccomp_new_default() - Compile the default filter
 * @ret:	Free with sk_seccomp_free()
 *
 * For the native architecture and its 32-bit companion. Allowed is what container engines
 * allow without extra capabilities. EPERM: calls known to be dangerous (mount family, setns,
 * modules, keys, io_uring, bpf, ...), namespaces through clone() and unshare(), TIOCSTI and
 * TIOCLINUX, AF_VSOCK. ENOSYS: clone3, whose flags a filter cannot see, so that libc falls
 * back to clone; x32; every number that the table does not know, so that programs fall back
 * from calls newer than this filter. A call from any other architecture kills the process.
 * Return: 0; -ENOMEM; -ENOTSUP on an architecture unknown to libseccomp
 */
int sk_seccomp_new_default(struct sk_seccomp **ret, struct sk_err *err);

/**
 * sk_seccomp_install() - Put the caller under the filter for good; for the child, no heap
 *
 * Return: 0; -EACCES without no-new-privileges and CAP_SYS_ADMIN; other -errno
 */
int sk_seccomp_install(const struct sk_seccomp *filter, struct sk_err *err);

/** sk_seccomp_free() - Release the memory; filters that were installed stay */
void sk_seccomp_free(struct sk_seccomp *filter);
SK_DEFINE_AUTO(struct sk_seccomp, sk_seccomp_free)

#endif
