/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_run - what classic BPF does, as far as seccomp filters use it */
#ifndef SK_TEST_BPF_RUN_H
#define SK_TEST_BPF_RUN_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "runtime/sandbox/seccomp_bpf.h"

static inline uint32_t bpf_run(const struct sk_bpf *bpf, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < bpf->len; pc++) {
		const struct sock_filter *i = &bpf->insns[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("unexpected instruction 0x%x at %zu", i->code, pc);
		}
	}
	fail_msg("the program runs past its end");
	return 0;
}

#endif
