// SPDX-License-Identifier: Apache-2.0
/* linux.seccomp: JSON to filter to program, which the kernel would take as it is */
#include <linux/seccomp.h>
#include <stdlib.h>

#include "runtime/sandbox/seccomp_compile.h"
#include "tests/fuzz/fuzz.h"

/* Source: the kernel's bpf_check_classic() and seccomp_check_filter(). */
static void check_program(const struct sk_bpf *bpf)
{
	fuzz_must(bpf->len > 0 && bpf->len <= SK_BPF_MAX_INSNS);
	for (size_t i = 0; i < bpf->len; i++) {
		const struct sock_filter *insn = &bpf->insns[i];
		size_t left = bpf->len - i - 1;

		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			fuzz_must(insn->code != (BPF_LD | BPF_W | BPF_ABS) ||
				  (insn->k % 4 == 0 &&
				   insn->k < sizeof(struct seccomp_data)));
			break;
		case BPF_JMP:
			fuzz_must(BPF_OP(insn->code) == BPF_JA
					  ? insn->k < left
					  : insn->jt < left && insn->jf < left);
			break;
		default:
			break;
		}
	}
	fuzz_must(BPF_CLASS(bpf->insns[bpf->len - 1].code) == BPF_RET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *seccomp = NULL;
	sk_auto(sk_json_free) struct sk_json *object = NULL;
	static struct sk_bpf bpf;
	struct sk_err err = SK_ERR_INIT;
	int r = sk_json_parse((const char *)data, size, "seccomp", &object, &err);

	if (r < 0)
		return 0;
	r = sk_spec_seccomp_from_json(object, &seccomp, &err);
	fuzz_must(r <= 0 && (r == 0) == (seccomp != NULL));
	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	if (r < 0)
		return 0;
	r = sk_seccomp_compile(seccomp, &bpf, &err);
	fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
	if (r == 0)
		check_program(&bpf);
	return 0;
}
