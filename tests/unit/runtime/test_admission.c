// SPDX-License-Identifier: Apache-2.0
/* test_admission - who gets in, and what those are told who do not */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/slice/slice.h"

#define MINUTE (60ull * 1000000000)
#define GIB    (1ull << 30)

static const struct sk_slice_host host = {.cpu_milli = 8000, .memory_bytes = 20 * GIB};

static struct sk_slice_claim claim(const char *name, uint64_t cpu_milli, uint64_t memory,
				   uint64_t remaining_ns)
{
	return (struct sk_slice_claim){.name = name,
				       .cpu_milli = cpu_milli,
				       .memory_bytes = memory,
				       .weight =
					       cpu_milli ? cpu_milli * 10000 / 8000 : 100,
				       .remaining_ns = remaining_ns};
}

static void test_a_guarantee_that_fits_is_admitted(void **state)
{
	const struct sk_slice_claim held[] = {claim("alice", 2000, 0, MINUTE)};
	const struct sk_slice_claim all = claim("bob", 5600, 19 * GIB, 0);

	(void)state;
	assert_int_equal(sk_slice_admit(&host, held, 1, &all, NULL), 0);
	assert_int_equal(sk_slice_admit(&host, NULL, 0, &all, NULL), 0);
}

static void test_refusal_says_who_holds_what_until_when(void **state)
{
	const struct sk_slice_claim held[] = {claim("alice", 2000, 0, 300 * MINUTE),
					      claim("carol", 3000, 0, 40 * MINUTE),
					      claim("dave", 0, 0, MINUTE)};
	const struct sk_slice_claim bob = claim("bob", 5000, 0, 0);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_slice_admit(&host, held, 3, &bob, &err), -ENOSPC);
	assert_string_equal(err.msg, "slice 'bob' needs 5 CPUs: 2.6 of 8 are unreserved "
				     "(alice 2, carol 3, system 0.4)");
	assert_string_equal(err.hint,
			    "set cpu.guarantee to 2.6 or less, wait for carol (ends in "
			    "40 min), or leave the guarantee out (best effort)");
}

static void test_waiting_for_the_second_frees_what_the_first_held(void **state)
{
	const struct sk_slice_claim held[] = {claim("a", 1000, 0, 10 * MINUTE),
					      claim("b", 6000, 0, 20 * MINUTE)};
	const struct sk_slice_claim bob = claim("bob", 7000, 0, 0);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_slice_admit(&host, held, 2, &bob, &err), -ENOSPC);
	assert_non_null(strstr(err.hint, "wait for b (ends in 20 min)"));
}

static void test_nobody_is_waited_for_in_vain(void **state)
{
	const struct sk_slice_claim held[] = {claim("alice", 2000, 0, MINUTE)};
	const struct sk_slice_claim bob = claim("bob", 8000, 0, 0);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_slice_admit(&host, held, 1, &bob, &err), -ENOSPC);
	assert_null(strstr(err.hint, "wait"));
	assert_non_null(strstr(err.msg, "needs 8 CPUs"));
}

static void test_memory_is_refused_in_its_own_unit(void **state)
{
	const struct sk_slice_claim held[] = {claim("alice", 0, 16 * GIB, MINUTE)};
	const struct sk_slice_claim bob = claim("bob", 0, 8 * GIB, 0);
	const struct sk_slice_claim eve = claim("eve", 0, 0, 0);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_slice_admit(&host, held, 1, &bob, &err), -ENOSPC);
	assert_string_equal(err.msg,
			    "slice 'bob' needs 8 GiB of memory: 3 GiB of 20 GiB are "
			    "unreserved (alice 16 GiB, system 1 GiB)");
	assert_non_null(strstr(err.hint, "leave the cap out"));
	assert_int_equal(sk_slice_admit(&host, held, 1, &eve, NULL), 0);
}

static void test_shares_must_leave_guarantees_alone(void **state)
{
	struct sk_slice_claim held[] = {claim("alice", 6000, 0, MINUTE)};
	struct sk_slice_claim big = claim("big", 0, 0, 0);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	big.weight = 2500;
	assert_int_equal(sk_slice_admit(&host, held, 1, &big, NULL), 0);
	big.weight = 2501;
	assert_int_equal(sk_slice_admit(&host, held, 1, &big, &err), -ENOSPC);
	assert_non_null(
		strstr(err.msg, "needs 2501 of CPU weight beside guarantees: 2500"));
	/* Without guarantees shares are only relative. */
	held[0] = claim("alice", 0, 0, MINUTE);
	held[0].weight = 10000;
	assert_int_equal(sk_slice_admit(&host, held, 1, &big, NULL), 0);
}

static void test_weights_follow_guarantees_and_shares(void **state)
{
	struct sk_slice_def def = {0};

	(void)state;
	assert_int_equal(sk_slice_weight(&def, &host), 100);
	def.limits.cpu_weight = 300;
	assert_int_equal(sk_slice_weight(&def, &host), 300);
	def.cpu_guarantee_milli = 2000;
	assert_int_equal(sk_slice_weight(&def, &host), 2500);
	def.cpu_guarantee_milli = 800000;
	assert_int_equal(sk_slice_weight(&def, &host), 10000);
}

static void test_claim_sums_capped_nodes_only_when_all_are(void **state)
{
	struct sk_slice_node nodes[2] = {{.limits.memory_bytes = GIB},
					 {.limits.memory_bytes = 2 * GIB}};
	struct sk_slice_def def = {.name = (char *)"a", .nodes = nodes, .nr_nodes = 2};

	(void)state;
	assert_int_equal(sk_slice_claim_of(&def, &host, 7).memory_bytes, 3 * GIB);
	assert_int_equal(sk_slice_claim_of(&def, &host, 7).remaining_ns, 7);
	nodes[0].limits.memory_bytes = 0;
	assert_int_equal(sk_slice_claim_of(&def, &host, 7).memory_bytes, 0);
	def.limits.memory_bytes = GIB;
	assert_int_equal(sk_slice_claim_of(&def, &host, 7).memory_bytes, GIB);
}

static void test_host_has_something(void **state)
{
	struct sk_slice_host here = {0};

	(void)state;
	assert_int_equal(sk_slice_host_read(&here, NULL), 0);
	assert_true(here.cpu_milli >= 1000 && here.cpu_milli % 1000 == 0);
	assert_true(here.memory_bytes > 64u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_guarantee_that_fits_is_admitted),
		cmocka_unit_test(test_refusal_says_who_holds_what_until_when),
		cmocka_unit_test(test_waiting_for_the_second_frees_what_the_first_held),
		cmocka_unit_test(test_nobody_is_waited_for_in_vain),
		cmocka_unit_test(test_memory_is_refused_in_its_own_unit),
		cmocka_unit_test(test_shares_must_leave_guarantees_alone),
		cmocka_unit_test(test_weights_follow_guarantees_and_shares),
		cmocka_unit_test(test_claim_sums_capped_nodes_only_when_all_are),
		cmocka_unit_test(test_host_has_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
