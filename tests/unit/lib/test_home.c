/* SPDX-License-Identifier: Apache-2.0 */
/* test_home - the state folders: made, found, refused when others could write to them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/home.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

static void test_open_makes_both_folders_and_their_parents(void **state)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *root = sk_strf("%s/a/b/root/", tempdir.path);
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	sk_autofree char *want = sk_strf("%s/a/b/root", tempdir.path);
	struct sk_err err = SK_ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(sk_home_open(root, run, &home, &err), 0);
	assert_string_equal(home->root, want);
	assert_string_equal(home->runroot, run);
	assert_int_equal(fstat(home->root_fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(fstat(home->runroot_fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(home->is_rootless, geteuid() != 0);
}

static void test_a_second_open_finds_the_same_folders(void **state)
{
	sk_auto(sk_home_free) struct sk_home *one = NULL, *two = NULL;
	sk_autofree char *root = sk_strf("%s/root", tempdir.path);
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	struct stat a, b;

	(void)state;
	assert_int_equal(sk_home_open(root, run, &one, NULL), 0);
	assert_int_equal(sk_home_open(root, run, &two, NULL), 0);
	assert_int_equal(fstat(one->root_fd, &a), 0);
	assert_int_equal(fstat(two->root_fd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
}

static void test_homes_have_groups_of_their_own(void **state)
{
	sk_auto(sk_home_free) struct sk_home *one = NULL, *same = NULL, *two = NULL;
	sk_autofree char *root = sk_strf("%s/root", tempdir.path);
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	sk_autofree char *other = sk_strf("%s/run2", tempdir.path);

	(void)state;
	assert_int_equal(sk_home_open(root, run, &one, NULL), 0);
	assert_int_equal(sk_home_open(root, run, &same, NULL), 0);
	assert_int_equal(sk_home_open(root, other, &two, NULL), 0);
	assert_memory_equal(one->group, "skiff-", 6);
	assert_string_equal(one->group, same->group);
	assert_string_not_equal(one->group, two->group);
}

static void test_open_refuses_a_folder_that_others_may_write_to(void **state)
{
	struct sk_home *home = NULL;
	sk_autofree char *root = sk_strf("%s/root", tempdir.path);
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(chmod(root, 0770), 0);
	assert_int_equal(sk_home_open(root, run, &home, &err), -EPERM);
	assert_null(home);
	assert_non_null(strstr(err.msg, "may be written by others (mode 0770)"));
	assert_non_null(strstr(err.hint, "chmod go-w"));
}

static void test_open_refuses_a_folder_of_another_user(void **state)
{
	struct sk_home *home = NULL;
	sk_autofree char *root = sk_strf("%s/root", tempdir.path);
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a folder away */
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(chown(root, 1234, 1234), 0);
	assert_int_equal(sk_home_open(root, run, &home, &err), -EPERM);
	assert_null(home);
	assert_non_null(strstr(err.msg, "belongs to user 1234, not to 0"));
	assert_non_null(strstr(err.hint, "--root"));
}

static void test_open_refuses_an_empty_name_and_a_file(void **state)
{
	struct sk_home *home = NULL;
	sk_autofree char *run = sk_strf("%s/run", tempdir.path);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_home_open("", run, &home, &err), -EINVAL);
	assert_string_equal(err.msg, "the name of a state folder is empty");
	assert_int_equal(sk_home_open("/dev/null", run, &home, &err), -ENOTDIR);
	assert_non_null(strstr(err.msg, "'/dev/null'"));
	assert_string_equal(err.hint, "choose other folders with --root and --runroot");
	assert_null(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_open_makes_both_folders_and_their_parents, tempdir_set_up,
			tempdir_tear_down),
		cmocka_unit_test_setup_teardown(test_a_second_open_finds_the_same_folders,
						tempdir_set_up, tempdir_tear_down),
		cmocka_unit_test_setup_teardown(test_homes_have_groups_of_their_own,
						tempdir_set_up, tempdir_tear_down),
		cmocka_unit_test_setup_teardown(
			test_open_refuses_a_folder_that_others_may_write_to,
			tempdir_set_up, tempdir_tear_down),
		cmocka_unit_test_setup_teardown(
			test_open_refuses_a_folder_of_another_user, tempdir_set_up,
			tempdir_tear_down),
		cmocka_unit_test_setup_teardown(
			test_open_refuses_an_empty_name_and_a_file, tempdir_set_up,
			tempdir_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
