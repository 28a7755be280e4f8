/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table - the default filter as data: every call and what happens to it */
#ifndef SK_SECCOMP_TABLE_H
#define SK_SECCOMP_TABLE_H

#include <stdint.h>

#include "runtime/sandbox/seccomp_bpf.h"

/** struct sk_seccomp_group - Calls that share a verdict; names are separated by one blank */
struct sk_seccomp_group {
	enum sk_bpf_verdict verdict;
	const char *names;
};
/** sk_seccomp_groups - The table; ends with NULL names. A name that an architecture lacks is left out there */
extern const struct sk_seccomp_group sk_seccomp_groups[];

/** struct sk_seccomp_number - A number that libseccomp 2.5 does not give for a name */
struct sk_seccomp_number {
	const char *name;
	uint32_t nr;
};
/** sk_seccomp_newer - Calls since 451, whose numbers are the same on every architecture; ends with NULL */
extern const struct sk_seccomp_number sk_seccomp_newer[];
/** sk_seccomp_x86_direct - x86 calls that libseccomp hides behind socketcall and ipc; ends with NULL */
extern const struct sk_seccomp_number sk_seccomp_x86_direct[];

#endif
