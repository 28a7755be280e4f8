// SPDX-License-Identifier: Apache-2.0
/* test_fs_tree - whole trees go, and nothing outside them */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

#define DEEP   10000
#define NOBODY 65534

static void put(int at, const char *name)
{
	sk_autoclose int fd = openat(at, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

static int make_dir(int at, const char *name)
{
	int fd;

	assert_return_code(mkdirat(at, name, 0700), errno);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void expect_removed(const char *name)
{
	struct sk_err err = SK_ERR_INIT;

	if (sk_fs_remove_tree(tempdir.fd, name, &err) != 0)
		fail_msg("%s", err.msg);
	assert_false(sk_fs_exists(tempdir.fd, name));
}

static void test_missing_name_is_fine(void **state)
{
	(void)state;
	expect_removed("none");
	expect_removed("none/deeper");
}

static void test_files_and_dangling_links_are_removed(void **state)
{
	(void)state;
	put(tempdir.fd, "file");
	assert_return_code(symlinkat("nowhere", tempdir.fd, "link"), errno);
	expect_removed("file");
	expect_removed("link");
}

static void test_links_are_removed_and_not_followed(void **state)
{
	sk_autoclose int outside = make_dir(tempdir.fd, "outside");
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");

	(void)state;
	put(outside, "kept");
	assert_return_code(symlinkat("../outside", tree, "relative"), errno);
	assert_return_code(symlinkat(tempdir.path, tree, "absolute"), errno);
	assert_return_code(symlinkat("outside", tempdir.fd, "top"), errno);
	expect_removed("tree");
	expect_removed("top");
	assert_true(sk_fs_exists(outside, "kept"));
	expect_removed("outside");
}

static void test_wide_tree_is_removed(void **state)
{
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");

	(void)state;
	for (int i = 0; i < 300; i++) {
		sk_autofree char *name = sk_strf("dir%d", i);
		sk_autoclose int sub = make_dir(tree, name);

		for (int j = 0; j < 10; j++) {
			sk_autofree char *file = sk_strf("file%d", j);

			put(sub, file);
		}
	}
	expect_removed("tree");
}

/* Each of @levels holds a file and an empty folder beside the next one. */
static void make_deep(int levels)
{
	int at = make_dir(tempdir.fd, "deep");

	for (int i = 0; i < levels; i++) {
		int next = make_dir(at, "next");

		put(at, "file");
		assert_return_code(mkdirat(at, "side", 0700), errno);
		sk_close(&at);
		at = next;
	}
	sk_close(&at);
}

static void test_very_deep_tree_needs_few_descriptors(void **state)
{
	struct rlimit old, few;
	struct sk_err err = SK_ERR_INIT;
	int r;

	(void)state;
	make_deep(DEEP);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &old), errno);
	few = (struct rlimit){.rlim_cur = 40, .rlim_max = old.rlim_max};
	assert_return_code(setrlimit(RLIMIT_NOFILE, &few), errno);
	r = sk_fs_remove_tree(tempdir.fd, "deep", &err);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &old), errno);
	assert_string_equal(err.msg, "");
	assert_int_equal(r, 0);
	assert_false(sk_fs_exists(tempdir.fd, "deep"));
}

static void test_path_with_folders_is_taken(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *absolute = sk_strf("%s/a/b", tempdir.path);
	sk_autoclose int a = make_dir(tempdir.fd, "a");
	sk_autoclose int b = make_dir(a, "b");

	(void)state;
	put(b, "file");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, absolute, &err), 0);
	assert_false(sk_fs_exists(a, "b"));
	expect_removed("a");
}

static void test_names_that_mean_other_folders_are_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/", "a/.", "a/.."};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		assert_int_equal(sk_fs_remove_tree(tempdir.fd, names[i], &err), -EINVAL);
	assert_string_equal(err.msg, "remove 'a/..': it does not end in a name");
}

/* Runs @body in a child with its own mounts; the child tells with its status. */
static void in_mount_namespace(int (*body)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(100);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 100)
		skip(); /* mount namespaces need CAP_SYS_ADMIN */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int refuse_mounts(void)
{
	struct sk_err err = SK_ERR_INIT;

	/* Opened again: the descriptor of before belongs to the mounts of the parent. */
	tempdir.fd = open(tempdir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A bind mount of the same file system has the same st_dev. */
	if (fchdir(tempdir.fd) < 0 ||
	    mount("outside", "tree/sub/bind", NULL, MS_BIND, NULL) < 0)
		return 5;
	if (sk_fs_remove_tree(tempdir.fd, "tree", &err) != -EXDEV ||
	    !sk_fs_exists(tempdir.fd, "outside/kept"))
		return 1;
	if (strcmp(err.msg, "remove 'tree': a file system is mounted in it") != 0 ||
	    !*err.hint)
		return 2;
	if (sk_fs_remove_tree(tempdir.fd, "tree/sub/bind", &err) != -EXDEV)
		return 3;
	return sk_fs_exists(tempdir.fd, "outside/kept") ? 0 : 4;
}

static void test_mounts_are_not_entered(void **state)
{
	sk_autoclose int outside = make_dir(tempdir.fd, "outside");
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");
	sk_autoclose int sub = make_dir(tree, "sub");

	(void)state;
	put(outside, "kept");
	assert_return_code(mkdirat(sub, "bind", 0700), errno);
	in_mount_namespace(refuse_mounts);
	assert_true(sk_fs_exists(outside, "kept"));
	expect_removed("tree");
	expect_removed("outside");
}

static int remove_as_nobody(void)
{
	struct sk_err err = SK_ERR_INIT;

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 100;
	return sk_fs_remove_tree(tempdir.fd, "tree", &err) == 0 ? 0 : err.code;
}

static void test_own_folders_without_permissions_are_removed(void **state)
{
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");
	sk_autoclose int closed = make_dir(tree, "closed");
	sk_autoclose int fixed = make_dir(tree, "fixed");
	const int folders[] = {tempdir.fd, tree, closed, fixed};

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs another user */
	put(closed, "file");
	put(fixed, "file");
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		assert_return_code(fchown(folders[i], NOBODY, NOBODY), errno);
	assert_return_code(fchmod(closed, 0), errno);
	assert_return_code(fchmod(fixed, 0500), errno);
	in_mount_namespace(remove_as_nobody);
	assert_false(sk_fs_exists(tempdir.fd, "tree"));
}

static int remove_foreign(void)
{
	struct sk_err err = SK_ERR_INIT;

	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 100;
	if (sk_fs_remove_tree(tempdir.fd, "tree", &err) != -EACCES)
		return 1;
	return strstr(err.msg, "remove 'tree': ") && strstr(err.msg, "Permission denied")
		       ? 0
		       : 2;
}

static void test_folders_of_others_are_refused(void **state)
{
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs another user */
	put(tree, "file");
	assert_return_code(fchmod(tempdir.fd, 0755), errno);
	in_mount_namespace(remove_foreign);
	assert_true(sk_fs_exists(tree, "file"));
	expect_removed("tree");
}

/* Adds files to the tree until it is gone. */
__attribute__((noreturn)) static void keep_filling(int tree)
{
	for (unsigned int i = 0;; i++) {
		char name[32];
		int fd;

		(void)snprintf(name, sizeof(name), "new%u", i);
		fd = openat(tree, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			_exit(errno == ENOENT ? 0 : 1);
		sk_close(&fd);
		if (i > 2000)
			_exit(0);
	}
}

static void test_tree_that_is_being_filled_ends_in_bounded_time(void **state)
{
	sk_autoclose int tree = make_dir(tempdir.fd, "tree");
	pid_t pid = fork();
	int status, r;

	(void)state;
	if (pid == 0)
		keep_filling(tree);
	r = sk_fs_remove_tree(tempdir.fd, "tree", NULL);
	assert_true(r == 0 || r == -ENOTEMPTY);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_removed("tree");
}

/* The tree must be gone, so that the folder is empty. */
#define tree_test(name)                                                                  \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down_empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tree_test(test_missing_name_is_fine),
		tree_test(test_files_and_dangling_links_are_removed),
		tree_test(test_links_are_removed_and_not_followed),
		tree_test(test_wide_tree_is_removed),
		tree_test(test_very_deep_tree_needs_few_descriptors),
		tree_test(test_path_with_folders_is_taken),
		tree_test(test_names_that_mean_other_folders_are_refused),
		tree_test(test_mounts_are_not_entered),
		tree_test(test_own_folders_without_permissions_are_removed),
		tree_test(test_folders_of_others_are_refused),
		tree_test(test_tree_that_is_being_filled_ends_in_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
