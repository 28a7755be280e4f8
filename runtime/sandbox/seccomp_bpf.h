/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_bpf - turn lists of system calls into a BPF search tree; touches no system
 *
 *	sk_bpf_start(&bpf);
 *	sk_bpf_arch(&bpf, &arch);		// once per architecture
 *	sk_bpf_end(&bpf, SECCOMP_RET_KILL_PROCESS);
 */
#ifndef SK_SECCOMP_BPF_H
#define SK_SECCOMP_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/spec/seccomp.h"

#define SK_BPF_MAX_INSNS 4096 /* the kernel's limit */

/**
 * struct sk_bpf_cond - A condition on one argument: (argument & mask) OP value
 *
 * A half of 32 bits whose mask is 0 is not looked at. With another operator than
 * SK_SECCOMP_EQ the mask is all ones, or all ones in the low half alone.
 */
struct sk_bpf_cond {
	unsigned int index;
	enum sk_seccomp_op op; /* not SK_SECCOMP_MASKED_EQ */
	uint64_t value;	       /* no bit outside of @mask */
	uint64_t mask;
};

/** struct sk_bpf_rule - What happens when all conditions hold */
struct sk_bpf_rule {
	const struct sk_bpf_cond *conds;
	size_t nr_conds;
	uint32_t action; /* SECCOMP_RET_*, with its data */
};

/** struct sk_bpf_call - Calls of one architecture that are treated alike */
struct sk_bpf_call {
	uint32_t first, last;		 /* numbers, @last included */
	const struct sk_bpf_rule *rules; /* the first that holds decides (borrowed) */
	size_t nr_rules;
	uint32_t action; /* when none does */
};

/** struct sk_bpf_arch - The calls of one AUDIT_ARCH_* value */
struct sk_bpf_arch {
	uint32_t audit_arch;
	struct sk_bpf_call *calls; /* sorted in place; the same call may come twice */
	size_t nr_calls;
	uint32_t action; /* of all other numbers */
};

/** struct sk_bpf - A program that grows; @len above SK_BPF_MAX_INSNS tells that it did not fit */
struct sk_bpf {
	size_t len;
	struct sock_filter insns[SK_BPF_MAX_INSNS];
};

/** sk_bpf_return() - Before a program: return @call's action for its numbers (no rules), else go on behind */
void sk_bpf_return(struct sk_bpf *bpf, uint32_t audit_arch,
		   const struct sk_bpf_call *call);
/** sk_bpf_start() - Begin: loads the architecture */
void sk_bpf_start(struct sk_bpf *bpf);
/** sk_bpf_arch() - Decide the calls of one architecture. 0; -EINVAL where two calls overlap; -ENOMEM */
int sk_bpf_arch(struct sk_bpf *bpf, const struct sk_bpf_arch *arch);
/** sk_bpf_end() - Finish: @action for other architectures. 0, or -E2BIG when it did not fit */
int sk_bpf_end(struct sk_bpf *bpf, uint32_t action);

#endif
