// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_limits - how limits become values of files, and what is said when they cannot */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cgroup/internal.h"

struct want {
	const char *file, *value;
};

static void assert_plan(const struct sk_cgroup_limits *limits, bool is_v2, bool lift,
			const struct want *want, unsigned int nr_want)
{
	struct sk_cgroup_setting got[SK_CGROUP_MAX_SETTINGS] = {0};
	unsigned int nr = sk_cgroup_plan(limits, is_v2, lift, got);

	assert_int_equal(nr, nr_want);
	for (unsigned int i = 0; i < nr_want; i++) {
		assert_string_equal(got[i].file, want[i].file);
		assert_string_equal(got[i].value, want[i].value);
	}
}

static const struct sk_cgroup_limits all = {.memory_bytes = 64 << 20,
					    .cpu_milli = 1500,
					    .cpu_weight = 200,
					    .pids_max = 50};

static void test_v2_plan_has_the_files_of_v2(void **state)
{
	const struct want want[] = {{"memory.max", "67108864"},
				    {"memory.swap.max", "0"},
				    {"cpu.max", "150000 100000"},
				    {"cpu.weight", "200"},
				    {"pids.max", "50"}};

	(void)state;
	assert_plan(&all, true, false, want, SK_ARRAY_SIZE(want));
}

static void test_v1_plan_sets_swap_before_and_after_memory(void **state)
{
	const struct want want[] = {{"memory.memsw.limit_in_bytes", "67108864"},
				    {"memory.limit_in_bytes", "67108864"},
				    {"memory.memsw.limit_in_bytes", "67108864"},
				    {"cpu.cfs_period_us", "100000"},
				    {"cpu.cfs_quota_us", "150000"},
				    {"cpu.shares", "2048"},
				    {"pids.max", "50"}};

	(void)state;
	assert_plan(&all, false, false, want, SK_ARRAY_SIZE(want));
}

static void test_no_limits_plan_nothing(void **state)
{
	const struct sk_cgroup_limits none = {0};

	(void)state;
	assert_plan(&none, true, false, NULL, 0);
	assert_plan(&none, false, false, NULL, 0);
}

static void test_lifting_writes_unlimited(void **state)
{
	const struct sk_cgroup_limits none = {0};
	const struct want v2[] = {{"memory.max", "max"}, {"memory.swap.max", "max"},
				  {"memory.low", "0"},	 {"cpu.max", "max 100000"},
				  {"cpu.weight", "100"}, {"pids.max", "max"}};
	const struct want v1[] = {{"memory.memsw.limit_in_bytes", "-1"},
				  {"memory.limit_in_bytes", "-1"},
				  {"memory.memsw.limit_in_bytes", "-1"},
				  {"cpu.cfs_period_us", "100000"},
				  {"cpu.cfs_quota_us", "-1"},
				  {"cpu.shares", "1024"},
				  {"pids.max", "max"}};

	(void)state;
	assert_plan(&none, true, true, v2, SK_ARRAY_SIZE(v2));
	assert_plan(&none, false, true, v1, SK_ARRAY_SIZE(v1));
}

static void test_v1_shares_stay_in_their_range(void **state)
{
	static const struct {
		uint64_t weight;
		const char *shares;
	} cases[] = {{1, "10"}, {100, "1024"}, {10000, "102400"}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		const struct sk_cgroup_limits limits = {.cpu_weight = cases[i].weight};
		const struct want want = {"cpu.shares", cases[i].shares};

		assert_plan(&limits, false, false, &want, 1);
	}
}

static int check(struct sk_cgroup_hier hier, const struct sk_cgroup_limits *limits,
		 struct sk_err *err)
{
	struct sk_cgroup cg = {.nr = 1};

	cg.hiers[0] = hier;
	return sk_cgroup_check_limits(&cg, limits, err);
}

static void test_missing_controller_is_named(void **state)
{
	const struct sk_cgroup_limits limits = {.pids_max = 5};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.controllers = SK_CGROUP_MEMORY},
			       &limits, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.msg, "cannot limit number of processes: the cgroup "
					"controller 'pids' is not available here"));
	assert_non_null(strstr(err.hint, "leave the limit out"));
}

static void test_refused_hierarchy_tells_its_folder_and_reason(void **state)
{
	const struct sk_cgroup_limits limits = {.memory_bytes = 4096};
	char base[] = "/cg/memory";
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.controllers = SK_CGROUP_MEMORY,
						       .base = base,
						       .refused = -EACCES},
			       &limits, &err),
			 -EACCES);
	assert_string_equal(err.msg, "cannot limit memory: make a group in '/cg/memory': "
				     "Permission denied");
	assert_non_null(strstr(err.hint, "Delegate=yes"));
}

static void test_blocked_controller_tells_who_is_in_the_way(void **state)
{
	const struct sk_cgroup_limits limits = {.cpu_milli = 500};
	char base[] = "/cg/me";
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.is_v2 = true,
						       .base = base,
						       .blocked = SK_CGROUP_CPU},
			       &limits, &err),
			 -EBUSY);
	assert_string_equal(err.msg,
			    "cannot limit CPU: the group '/cg/me' holds processes "
			    "itself, so it cannot hand on the controller 'cpu'");
}

static void test_withheld_controller_tells_from_whom(void **state)
{
	const struct sk_cgroup_limits limits = {.cpu_milli = 500};
	char base[] = "/cg/me";
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.is_v2 = true,
						       .base = base,
						       .withheld = SK_CGROUP_CPU},
			       &limits, &err),
			 -EACCES);
	assert_string_equal(err.msg, "cannot limit CPU: the group '/cg/me' was not given "
				     "the controller 'cpu'");
	assert_non_null(strstr(err.hint, "Delegate=yes"));
}

static void test_memory_guarantee_needs_v2(void **state)
{
	const struct sk_cgroup_limits limits = {.memory_low_bytes = 4096};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.controllers = SK_CGROUP_MEMORY},
			       &limits, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.msg, "memory.low"));
}

static void test_weight_out_of_range_is_refused(void **state)
{
	const struct sk_cgroup_limits limits = {.cpu_weight = 10001};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(check((struct sk_cgroup_hier){.controllers = SK_CGROUP_CPU |
								      SK_CGROUP_MEMORY},
			       &limits, &err),
			 -ERANGE);
	assert_string_equal(err.msg, "a CPU weight is between 1 and 10000, not 10001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2_plan_has_the_files_of_v2),
		cmocka_unit_test(test_v1_plan_sets_swap_before_and_after_memory),
		cmocka_unit_test(test_no_limits_plan_nothing),
		cmocka_unit_test(test_lifting_writes_unlimited),
		cmocka_unit_test(test_v1_shares_stay_in_their_range),
		cmocka_unit_test(test_missing_controller_is_named),
		cmocka_unit_test(test_refused_hierarchy_tells_its_folder_and_reason),
		cmocka_unit_test(test_blocked_controller_tells_who_is_in_the_way),
		cmocka_unit_test(test_withheld_controller_tells_from_whom),
		cmocka_unit_test(test_memory_guarantee_needs_v2),
		cmocka_unit_test(test_weight_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
