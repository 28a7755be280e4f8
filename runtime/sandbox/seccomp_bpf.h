/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_bpf - turn a sorted list of system calls into a BPF search tree; touches no system
 *
 *	sk_bpf_start(&bpf);
 *	sk_bpf_arch(&bpf, AUDIT_ARCH_X86_64, calls, nr_calls);	// once per architecture
 *	sk_bpf_end(&bpf);
 */
#ifndef SK_SECCOMP_BPF_H
#define SK_SECCOMP_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define SK_BPF_MAX_INSNS 4096 /* the kernel's limit */

/** enum sk_bpf_verdict - What happens to a call */
enum sk_bpf_verdict {
	SK_BPF_ENOSYS, /* fails as on a kernel without it; for all calls that are not listed */
	SK_BPF_EPERM,
	SK_BPF_ALLOW,
	SK_BPF_CLONE,	/* allowed unless it makes a namespace */
	SK_BPF_UNSHARE, /* the same */
	SK_BPF_IOCTL,	/* allowed but for TIOCSTI and TIOCLINUX */
	SK_BPF_PERSONALITY, /* allowed for Linux, 32 bit, their randomisation switch, and to ask */
	SK_BPF_SOCKET, /* allowed but for AF_VSOCK, which no namespace confines */
};

/** struct sk_bpf_call - One system call of one architecture */
struct sk_bpf_call {
	uint32_t nr;
	enum sk_bpf_verdict verdict;
};

/** struct sk_bpf - A program that grows; @len above SK_BPF_MAX_INSNS tells that it did not fit */
struct sk_bpf {
	size_t len;
	struct sock_filter insns[SK_BPF_MAX_INSNS];
};

/** sk_bpf_start() - Begin: loads the architecture */
void sk_bpf_start(struct sk_bpf *bpf);
/**
 * sk_bpf_arch() - Decide the calls of one architecture
 * @audit_arch:	AUDIT_ARCH_* value; little-endian only, as arguments are compared by their low halves
 * @calls:	Sorted here by number; a number may come twice with the same verdict
 *
 * Return: 0; -EINVAL for a number with two verdicts; -ENOMEM
 */
int sk_bpf_arch(struct sk_bpf *bpf, uint32_t audit_arch, struct sk_bpf_call *calls,
		size_t n);
/** sk_bpf_end() - Finish: other architectures kill the process. 0, or -E2BIG when it did not fit */
int sk_bpf_end(struct sk_bpf *bpf);

#endif
