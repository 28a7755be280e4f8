// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_v2_options - the mount options of cgroup v2 are found, and come back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/str.h"
#include "runtime/cgroup/v2_options.h"

static void test_options_are_those_of_the_hierarchy_without_rw(void **state)
{
	static const char text[] =
		"20 1 0:19 / /proc rw,nosuid - proc proc rw\n"
		"35 24 0:30 / /sys/fs/cgroup/v2 rw,nosuid,nodev shared:9 - cgroup2 cgroup2 "
		"rw,nsdelegate,memory_recursiveprot\n";
	sk_auto(sk_strv_free) char **options = NULL;
	sk_autofree char *point = NULL;

	(void)state;
	assert_int_equal(sk_cgroup_v2_parse_options(text, &options, &point), 0);
	assert_int_equal(sk_strv_len(options), 2);
	assert_string_equal(options[0], "nsdelegate");
	assert_string_equal(options[1], "memory_recursiveprot");
	assert_string_equal(point, "/sys/fs/cgroup/v2");
}

static void test_no_options_and_no_mount_are_told_apart_by_the_place(void **state)
{
	sk_auto(sk_strv_free) char **options = NULL;
	sk_autofree char *point = NULL;

	(void)state;
	assert_int_equal(
		sk_cgroup_v2_parse_options("35 24 0:30 / /cg rw - cgroup2 none rw\n",
					   &options, &point),
		0);
	assert_null(options);
	assert_string_equal(point, "/cg");
	free(sk_steal(&point));
	assert_int_equal(
		sk_cgroup_v2_parse_options("20 1 0:19 / /proc rw - proc proc rw\n",
					   &options, &point),
		0);
	assert_null(options);
	assert_null(point);
}

static void test_options_that_nobody_changed_are_left_alone(void **state)
{
	sk_auto(sk_strv_free) char **options = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_cgroup_v2_options(&options, &err), 0);
	assert_int_equal(sk_cgroup_v2_put_back(options, &err), 0);
	assert_string_equal(err.msg, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_are_those_of_the_hierarchy_without_rw),
		cmocka_unit_test(
			test_no_options_and_no_mount_are_told_apart_by_the_place),
		cmocka_unit_test(test_options_that_nobody_changed_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
