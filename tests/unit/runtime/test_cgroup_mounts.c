// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_mounts - which hierarchies are found from mountinfo and /proc/self/cgroup */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/cgroup/internal.h"

struct fixture {
	struct sk_cgroup_hier hiers[SK_CGROUP_MAX_HIERS];
	unsigned int nr;
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;

	for (unsigned int i = 0; i < fix->nr; i++)
		sk_cgroup_hier_finish(&fix->hiers[i]);
	free(fix);
	return 0;
}

static const struct sk_cgroup_hier *find(const struct fixture *fix, const char *name)
{
	for (unsigned int i = 0; i < fix->nr; i++)
		if (strcmp(fix->hiers[i].name, name) == 0)
			return &fix->hiers[i];
	return NULL;
}

static void parse(struct fixture *fix, const char *mountinfo, const char *self)
{
	assert_int_equal(sk_cgroup_parse_mounts(mountinfo, self, SK_CGROUP_CORE,
						fix->hiers, &fix->nr),
			 0);
}

static const char hybrid_mounts[] =
	"23 1 0:21 / /proc rw - proc proc rw\n"
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	"33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 master:2 - cgroup cgroup rw,memory\n"
	"37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
	"39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
static const char hybrid_self[] = "9:name=systemd:/\n8:pids:/\n6:freezer:/\n"
				  "4:memory:/jobs/a:b\n2:cpuacct:/\n1:cpu:/\n0::/\n";

static void test_hybrid_machine_nests_below_the_callers_group(void **state)
{
	struct fixture *fix = *state;

	parse(fix, hybrid_mounts, hybrid_self);
	assert_int_equal(fix->nr, 4);
	assert_string_equal(find(fix, "memory")->base, "/sys/fs/cgroup/memory/jobs/a:b");
	assert_string_equal(find(fix, "cpu")->base, "/sys/fs/cgroup/cpu");
	assert_string_equal(find(fix, "unified")->base, "/sys/fs/cgroup/unified");
	assert_true(find(fix, "unified")->is_v2);
	assert_int_equal(find(fix, "pids")->controllers, SK_CGROUP_PIDS);
}

static void test_v2_beside_v1_makes_freezer_and_cpuacct_redundant(void **state)
{
	struct fixture *fix = *state;

	parse(fix, hybrid_mounts, hybrid_self);
	assert_null(find(fix, "freezer"));
	assert_null(find(fix, "cpuacct"));
}

static void test_pure_v1_keeps_freezer_and_joined_controllers(void **state)
{
	struct fixture *fix = *state;

	parse(fix,
	      "1 0 0:1 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
	      "2 0 0:2 / /cg/freezer rw - cgroup cgroup rw,freezer\n",
	      "3:freezer:/\n2:cpuacct,cpu:/me\n");
	assert_int_equal(fix->nr, 2);
	assert_string_equal(find(fix, "cpu,cpuacct")->base, "/cg/cpu/me");
	assert_int_equal(find(fix, "cpu,cpuacct")->controllers,
			 SK_CGROUP_CPU | SK_CGROUP_CPUACCT);
	assert_non_null(find(fix, "freezer"));
}

static void test_bind_mounted_subtree_is_joined_at_its_root(void **state)
{
	struct fixture *fix = *state;

	parse(fix,
	      "1 0 0:1 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
	      "4:memory:/docker/x/inner\n");
	assert_string_equal(find(fix, "memory")->base, "/sys/fs/cgroup/memory/inner");
}

static void test_group_out_of_sight_leaves_the_hierarchy_out(void **state)
{
	static const struct {
		const char *mountinfo, *self;
	} cases[] = {
		/* mounted from another subtree, and a name that only begins alike */
		{"1 0 0:1 /docker/x /m rw - cgroup cgroup rw,memory\n",
		 "4:memory:/other\n"},
		{"1 0 0:1 /docker/x /m rw - cgroup cgroup rw,memory\n",
		 "4:memory:/docker/xy\n"},
		/* the caller is above the root of its cgroup namespace */
		{"1 0 0:1 / /m rw - cgroup2 cgroup2 rw\n", "0::/../..\n"},
		/* no group of this hierarchy, nothing mounted, not a mount line */
		{"1 0 0:1 / /m rw - cgroup cgroup rw,memory\n", "0::/\n"},
		{"", "0::/\n"},
		{"1 0 - cgroup2\n - cgroup x y\n1 0 0:1 / - cgroup", "0::/\n"},
	};
	struct fixture *fix = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		parse(fix, cases[i].mountinfo, cases[i].self);
		assert_int_equal(fix->nr, 0);
	}
}

static void test_blanks_of_a_mount_point_are_unescaped(void **state)
{
	struct fixture *fix = *state;

	parse(fix, "1 0 0:1 / /my\\040cg rw - cgroup2 cgroup2 rw\n", "0::/a\n");
	assert_string_equal(find(fix, "unified")->base, "/my cg/a");
}

static void test_second_mount_of_a_hierarchy_is_ignored(void **state)
{
	struct fixture *fix = *state;

	parse(fix,
	      "1 0 0:1 / /first rw - cgroup2 cgroup2 rw\n"
	      "2 0 0:1 / /second rw - cgroup2 cgroup2 rw\n",
	      "0::/\n");
	assert_int_equal(fix->nr, 1);
	assert_string_equal(find(fix, "unified")->mount, "/first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_hybrid_machine_nests_below_the_callers_group, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_v2_beside_v1_makes_freezer_and_cpuacct_redundant, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_pure_v1_keeps_freezer_and_joined_controllers, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_bind_mounted_subtree_is_joined_at_its_root, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_group_out_of_sight_leaves_the_hierarchy_out, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_blanks_of_a_mount_point_are_unescaped, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_second_mount_of_a_hierarchy_is_ignored, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
