/* SPDX-License-Identifier: Apache-2.0 */
/* test_seccomp_bpf - the search tree decides every number as a linear search would */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>

#include "lib/cleanup.h"
#include "runtime/sandbox/seccomp_bpf.h"

#define ARCH	   0x12345678u
#define OTHER_ARCH 0x87654321u

/* What classic BPF does, as far as the filter uses it. */
static uint32_t run(const struct sk_bpf *bpf, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < bpf->len; pc++) {
		const struct sock_filter *i = &bpf->insns[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
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
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
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

static uint32_t verdict_of(const struct sk_bpf *bpf, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = arch};

	return run(bpf, &data);
}

static uint32_t expected(const struct sk_bpf_call *calls, size_t n, uint32_t nr)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i].nr == nr)
			return calls[i].verdict == SK_BPF_ALLOW ? SECCOMP_RET_ALLOW
			       : calls[i].verdict == SK_BPF_EPERM
				       ? SECCOMP_RET_ERRNO | EPERM
				       : SECCOMP_RET_ERRNO | ENOSYS;
	return SECCOMP_RET_ERRNO | ENOSYS;
}

static void test_every_number_of_random_tables_gets_its_verdict(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	sk_autofree struct sk_bpf_call *calls = calloc(700, sizeof(*calls));
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t n = 0;

		for (uint32_t nr = (uint32_t)round % 2; nr < 700; nr++)
			if (rand_r(&seed) % 4 < 1 + round % 4)
				calls[n++] =
					(struct sk_bpf_call){nr,
							     (enum sk_bpf_verdict)(
								     rand_r(&seed) % 3)};
		sk_bpf_start(bpf);
		assert_int_equal(sk_bpf_arch(bpf, ARCH, calls, n), 0);
		assert_int_equal(sk_bpf_end(bpf), 0);
		for (uint32_t nr = 0; nr < 720; nr++)
			assert_int_equal(verdict_of(bpf, ARCH, nr),
					 expected(calls, n, nr));
		assert_int_equal(verdict_of(bpf, ARCH, 0xffffffff),
				 SECCOMP_RET_ERRNO | ENOSYS);
	}
}

static void test_architectures_do_not_mix_and_a_foreign_one_is_killed(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call one[] = {{5, SK_BPF_ALLOW}}, two[] = {{5, SK_BPF_EPERM}};

	(void)state;
	sk_bpf_start(bpf);
	assert_int_equal(sk_bpf_arch(bpf, ARCH, one, 1), 0);
	assert_int_equal(sk_bpf_arch(bpf, OTHER_ARCH, two, 1), 0);
	assert_int_equal(sk_bpf_end(bpf), 0);
	assert_int_equal(verdict_of(bpf, ARCH, 5), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict_of(bpf, OTHER_ARCH, 5), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(verdict_of(bpf, 1, 5), SECCOMP_RET_KILL_PROCESS);
}

static void test_arguments_are_compared_by_their_low_half(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call calls[] = {{0, SK_BPF_IOCTL},
				      {1, SK_BPF_CLONE},
				      {2, SK_BPF_UNSHARE},
				      {3, SK_BPF_PERSONALITY},
				      {4, SK_BPF_SOCKET}};
	const uint64_t high = 0xabcd00000000ull;
	const struct {
		int nr;
		uint64_t arg0, arg1;
		bool allowed;
	} cases[] = {
		{0, 0, 0x5413, true},
		{0, 0, 0x5412, false},
		{0, 0, high | 0x5412, false},
		{0, 0, 0x541c, false},
		{1, CLONE_VM | 17, 0, true},
		{1, CLONE_NEWUSER, 0, false},
		{1, CLONE_NEWNET | 17, 0, false},
		{1, high | CLONE_NEWUSER, 0, false},
		{2, CLONE_FILES, 0, true},
		{2, 0x80, 0, false},
		{2, CLONE_NEWNS, 0, false},
		{3, 0, 0, true},
		{3, 8, 0, true},
		{3, 0xffffffff, 0, true},
		{3, 0x40000, 0, false},
		{3, high | 0x40000, 0, false},
		{4, 2, 0, true},
		{4, 40, 0, false},
		{4, high | 40, 0, false},
	};

	(void)state;
	sk_bpf_start(bpf);
	assert_int_equal(sk_bpf_arch(bpf, ARCH, calls, SK_ARRAY_SIZE(calls)), 0);
	assert_int_equal(sk_bpf_end(bpf), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct seccomp_data data = {.nr = cases[i].nr,
					    .arch = ARCH,
					    .args = {cases[i].arg0, cases[i].arg1}};

		assert_int_equal(run(bpf, &data), cases[i].allowed
							  ? SECCOMP_RET_ALLOW
							  : SECCOMP_RET_ERRNO | EPERM);
	}
}

static void test_a_number_with_two_verdicts_is_refused(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call same[] = {{7, SK_BPF_ALLOW}, {7, SK_BPF_ALLOW}};
	struct sk_bpf_call different[] = {{7, SK_BPF_ALLOW}, {7, SK_BPF_EPERM}};

	(void)state;
	sk_bpf_start(bpf);
	assert_int_equal(sk_bpf_arch(bpf, ARCH, same, 2), 0);
	assert_int_equal(sk_bpf_arch(bpf, ARCH, different, 2), -EINVAL);
}

static void test_a_program_above_the_limit_of_the_kernel_is_refused(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	sk_autofree struct sk_bpf_call *calls = calloc(4000, sizeof(*calls));

	(void)state;
	for (uint32_t i = 0; i < 4000; i++)
		calls[i] = (struct sk_bpf_call){2 * i, SK_BPF_ALLOW};
	sk_bpf_start(bpf);
	assert_int_equal(sk_bpf_arch(bpf, ARCH, calls, 4000), 0);
	assert_int_equal(sk_bpf_end(bpf), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_of_random_tables_gets_its_verdict),
		cmocka_unit_test(
			test_architectures_do_not_mix_and_a_foreign_one_is_killed),
		cmocka_unit_test(test_arguments_are_compared_by_their_low_half),
		cmocka_unit_test(test_a_number_with_two_verdicts_is_refused),
		cmocka_unit_test(test_a_program_above_the_limit_of_the_kernel_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
