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

#include "bpf_run.h"
#include "lib/cleanup.h"
#include "runtime/sandbox/seccomp_bpf.h"

#define ARCH	   0x12345678u
#define OTHER_ARCH 0x87654321u

static uint32_t verdict_of(const struct sk_bpf *bpf, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = arch};

	return bpf_run(bpf, &data);
}

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))

static int one_arch(struct sk_bpf *bpf, struct sk_bpf_call *calls, size_t n)
{
	struct sk_bpf_arch arch = {ARCH, calls, n, ERRNO(ENOSYS)};
	int r;

	sk_bpf_start(bpf);
	r = sk_bpf_arch(bpf, &arch);
	return r < 0 ? r : sk_bpf_end(bpf, SECCOMP_RET_KILL_PROCESS);
}

static struct sk_bpf_call plain(uint32_t nr, uint32_t action)
{
	return (struct sk_bpf_call){.first = nr, .last = nr, .action = action};
}

static uint32_t expected(const struct sk_bpf_call *calls, size_t n, uint32_t nr)
{
	for (size_t i = 0; i < n; i++)
		if (nr >= calls[i].first && nr <= calls[i].last)
			return calls[i].action;
	return ERRNO(ENOSYS);
}

static void test_every_number_of_random_tables_gets_its_verdict(void **state)
{
	static const uint32_t actions[] = {SECCOMP_RET_ALLOW, ERRNO(EPERM),
					   ERRNO(ENOSYS)};
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	sk_autofree struct sk_bpf_call *calls = calloc(700, sizeof(*calls));
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t n = 0;

		for (uint32_t nr = (uint32_t)round % 2; nr < 700; nr++)
			if (rand_r(&seed) % 4 < 1 + round % 4)
				calls[n++] = plain(nr, actions[rand_r(&seed) % 3]);
		assert_int_equal(one_arch(bpf, calls, n), 0);
		for (uint32_t nr = 0; nr < 720; nr++)
			assert_int_equal(verdict_of(bpf, ARCH, nr),
					 expected(calls, n, nr));
		assert_int_equal(verdict_of(bpf, ARCH, 0xffffffff), ERRNO(ENOSYS));
	}
}

static void test_a_range_covers_its_ends_and_may_be_the_last(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call calls[] = {
		{.first = 0x40000000, .last = UINT32_MAX, .action = SECCOMP_RET_TRAP},
		{.first = 5, .last = 7, .action = SECCOMP_RET_ALLOW},
	};

	(void)state;
	assert_int_equal(one_arch(bpf, calls, 2), 0);
	assert_int_equal(verdict_of(bpf, ARCH, 4), ERRNO(ENOSYS));
	assert_int_equal(verdict_of(bpf, ARCH, 5), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict_of(bpf, ARCH, 7), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict_of(bpf, ARCH, 8), ERRNO(ENOSYS));
	assert_int_equal(verdict_of(bpf, ARCH, 0x3fffffff), ERRNO(ENOSYS));
	assert_int_equal(verdict_of(bpf, ARCH, 0x40000000), SECCOMP_RET_TRAP);
	assert_int_equal(verdict_of(bpf, ARCH, UINT32_MAX), SECCOMP_RET_TRAP);
}

static void test_architectures_do_not_mix_and_a_foreign_one_is_killed(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call one[] = {plain(5, SECCOMP_RET_ALLOW)},
			   two[] = {plain(5, ERRNO(EPERM))};
	struct sk_bpf_arch first = {ARCH, one, 1, ERRNO(ENOSYS)};
	struct sk_bpf_arch second = {OTHER_ARCH, two, 1, ERRNO(ENOSYS)};

	(void)state;
	sk_bpf_start(bpf);
	assert_int_equal(sk_bpf_arch(bpf, &first), 0);
	assert_int_equal(sk_bpf_arch(bpf, &second), 0);
	assert_int_equal(sk_bpf_end(bpf, SECCOMP_RET_KILL_PROCESS), 0);
	assert_int_equal(verdict_of(bpf, ARCH, 5), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict_of(bpf, OTHER_ARCH, 5), ERRNO(EPERM));
	assert_int_equal(verdict_of(bpf, 1, 5), SECCOMP_RET_KILL_PROCESS);
}

/* One condition on argument 0, and what it shall say */
struct condition {
	enum sk_seccomp_op op;
	uint64_t value, mask, argument;
	bool holds;
};

static void check_condition(const struct condition *c)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_cond cond = {0, c->op, c->value, c->mask};
	struct sk_bpf_rule rule = {&cond, 1, SECCOMP_RET_ALLOW};
	struct sk_bpf_call call = {1, 1, &rule, 1, ERRNO(EPERM)};
	struct seccomp_data data = {.nr = 1, .arch = ARCH, .args = {c->argument}};

	assert_int_equal(one_arch(bpf, &call, 1), 0);
	if ((bpf_run(bpf, &data) == SECCOMP_RET_ALLOW) != c->holds)
		fail_msg("operator %d: 0x%llx with 0x%llx under 0x%llx should %shold",
			 (int)c->op, (unsigned long long)c->argument,
			 (unsigned long long)c->value, (unsigned long long)c->mask,
			 c->holds ? "" : "not ");
}

static void test_conditions_compare_all_64_bits(void **state)
{
	static const uint64_t edges[] = {
		0,
		1,
		4,
		5,
		6,
		0x7fffffff,
		0xffffffff,
		0x100000000,
		0x100000004,
		0x100000005,
		0x100000006,
		0x200000005,
		0x8000000000000000,
		UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(edges); i++) {
		for (size_t k = 0; k < SK_ARRAY_SIZE(edges); k++) {
			uint64_t a = edges[i], v = edges[k];
			const struct condition all[] = {
				{SK_SECCOMP_NE, v, UINT64_MAX, a, a != v},
				{SK_SECCOMP_LT, v, UINT64_MAX, a, a < v},
				{SK_SECCOMP_LE, v, UINT64_MAX, a, a <= v},
				{SK_SECCOMP_EQ, v, UINT64_MAX, a, a == v},
				{SK_SECCOMP_GE, v, UINT64_MAX, a, a >= v},
				{SK_SECCOMP_GT, v, UINT64_MAX, a, a > v},
			};

			for (size_t n = 0; n < SK_ARRAY_SIZE(all); n++)
				check_condition(&all[n]);
		}
	}
}

static void test_a_mask_hides_bits_and_whole_halves(void **state)
{
	static const struct condition all[] = {
		{SK_SECCOMP_EQ, 0x10, 0xf0, 0x1f, true},
		{SK_SECCOMP_EQ, 0x10, 0xf0, 0x2f, false},
		{SK_SECCOMP_EQ, 0x10, 0xf0, 0xabcd0000001f, true},
		{SK_SECCOMP_EQ, 5, UINT32_MAX, 0xabcd00000005, true},
		{SK_SECCOMP_EQ, 0x500000000, 0xff00000000, 0xabcd000500000007, true},
		{SK_SECCOMP_EQ, 0x500000000, 0xff00000000, 0xabcd000600000007, false},
		{SK_SECCOMP_GT, 5, UINT32_MAX, 0xabcd00000005, false},
		{SK_SECCOMP_LT, 6, UINT32_MAX, 0xabcd00000005, true},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(all); i++)
		check_condition(&all[i]);
}

static void test_conditions_of_a_rule_must_all_hold_and_rules_are_tried_in_order(
	void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_cond six[6], last = {5, SK_SECCOMP_GE, 100, UINT64_MAX};
	struct sk_bpf_rule rules[] = {{six, 6, ERRNO(1)}, {&last, 1, ERRNO(2)}};
	struct sk_bpf_call call = {1, 1, rules, 2, ERRNO(3)};
	struct seccomp_data data = {.nr = 1, .arch = ARCH};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		six[i] = (struct sk_bpf_cond){i, SK_SECCOMP_EQ, 0xf000000000000 + i,
					      0xfff0000ffffffff};
		data.args[i] = 0xf000000000000 + i;
	}
	assert_int_equal(one_arch(bpf, &call, 1), 0);
	assert_int_equal(bpf_run(bpf, &data), ERRNO(1));
	data.args[2] = 0;
	assert_int_equal(bpf_run(bpf, &data), ERRNO(2));
	data.args[5] = 99;
	assert_int_equal(bpf_run(bpf, &data), ERRNO(3));
}

static void test_a_number_with_two_verdicts_is_refused(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	struct sk_bpf_call same[] = {plain(7, SECCOMP_RET_ALLOW),
				     plain(7, SECCOMP_RET_ALLOW)};
	struct sk_bpf_call different[] = {plain(7, SECCOMP_RET_ALLOW),
					  plain(7, ERRNO(EPERM))};

	(void)state;
	assert_int_equal(one_arch(bpf, same, 2), 0);
	assert_int_equal(one_arch(bpf, different, 2), -EINVAL);
}

static void test_a_program_above_the_limit_of_the_kernel_is_refused(void **state)
{
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));
	sk_autofree struct sk_bpf_call *calls = calloc(4000, sizeof(*calls));

	(void)state;
	for (uint32_t i = 0; i < 4000; i++)
		calls[i] = plain(2 * i, SECCOMP_RET_ALLOW);
	assert_int_equal(one_arch(bpf, calls, 4000), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_of_random_tables_gets_its_verdict),
		cmocka_unit_test(test_a_range_covers_its_ends_and_may_be_the_last),
		cmocka_unit_test(
			test_architectures_do_not_mix_and_a_foreign_one_is_killed),
		cmocka_unit_test(test_conditions_compare_all_64_bits),
		cmocka_unit_test(test_a_mask_hides_bits_and_whole_halves),
		cmocka_unit_test(
			test_conditions_of_a_rule_must_all_hold_and_rules_are_tried_in_order),
		cmocka_unit_test(test_a_number_with_two_verdicts_is_refused),
		cmocka_unit_test(test_a_program_above_the_limit_of_the_kernel_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
