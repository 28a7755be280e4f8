/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table - the default filter as data: every call and what happens to it */
#ifndef SK_SECCOMP_TABLE_H
#define SK_SECCOMP_TABLE_H

#include <stdint.h>

/** enum sk_seccomp_verdict - What the default filter does with a call */
enum sk_seccomp_verdict {
	SK_SECCOMP_NONE, /* fails with ENOSYS, as on a kernel without it; what no group lists too */
	SK_SECCOMP_EPERM,
	SK_SECCOMP_ALLOW,
	SK_SECCOMP_CLONE,   /* allowed unless it makes a namespace */
	SK_SECCOMP_UNSHARE, /* the same */
	SK_SECCOMP_IOCTL,   /* allowed but for TIOCSTI and TIOCLINUX */
	SK_SECCOMP_PERSONALITY, /* allowed for Linux, 32 bit, their randomisation switch, and to ask */
	SK_SECCOMP_SOCKET, /* allowed but for AF_VSOCK, which no namespace confines */
};

/** struct sk_seccomp_group - Calls that share a verdict; names are separated by one blank */
struct sk_seccomp_group {
	enum sk_seccomp_verdict verdict;
	const char *names;
};
/** sk_seccomp_groups - The table; ends with NULL names. A name that an architecture lacks is left out there */
extern const struct sk_seccomp_group sk_seccomp_groups[];

/** struct sk_seccomp_known - A number that libseccomp 2.5 does not give for a name */
struct sk_seccomp_known {
	const char *name;
	uint32_t nr;
};
/** sk_seccomp_newer - Calls since 451, whose numbers are the same on every architecture; ends with NULL */
extern const struct sk_seccomp_known sk_seccomp_newer[];
/** sk_seccomp_x86_direct - x86 calls that libseccomp hides behind socketcall and ipc; ends with NULL */
extern const struct sk_seccomp_known sk_seccomp_x86_direct[];

#endif
