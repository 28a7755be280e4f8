/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp - which system calls a container may make; only seccomp*.c see libseccomp
 *
 *	parent:	sk_seccomp_new_default(&filter, err);	// or sk_seccomp_new(seccomp, &filter, err)
 *	child:	prctl(PR_SET_NO_NEW_PRIVS, 1, ...)	// or CAP_SYS_ADMIN
 *		sk_seccomp_install(filter, err);	// last step before exec
 */
#ifndef SK_SECCOMP_H
#define SK_SECCOMP_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "runtime/spec/seccomp.h"

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
 * sk_seccomp_new() - Compile the filter of a config.json
 * @seccomp:	Its section (borrowed)
 * @ret:	Free with sk_seccomp_free()
 *
 * Verdicts are libseccomp's, for the native architecture and those listed; calls that are newer
 * than the filter do not exist (seccomp_compile.h). Any other architecture kills the thread. The
 * usual default profile of three architectures takes about 0.2 ms: reading a file from a cache
 * and checking its digest would not be faster, so there is none.
 * Return: 0; -E2BIG for more instructions than the kernel takes; -EINVAL; -ENOMEM
 */
int sk_seccomp_new(const struct sk_spec_seccomp *seccomp, struct sk_seccomp **ret,
		   struct sk_err *err);

/** sk_seccomp_has_flag() - Whether this kernel knows a SECCOMP_FILTER_FLAG_* */
bool sk_seccomp_has_flag(unsigned int flag);

/**
 * sk_seccomp_install_with() - sk_seccomp_install() with further SECCOMP_FILTER_FLAG_*
 *
 * Return: 0, with SECCOMP_FILTER_FLAG_NEW_LISTENER its descriptor; -errno
 */
int sk_seccomp_install_with(const struct sk_seccomp *filter, unsigned int more_flags,
			    struct sk_err *err);

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
