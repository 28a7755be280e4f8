// SPDX-License-Identifier: Apache-2.0
/* test_fs - files are replaced whole, opened beneath, listed sorted */
#include "lib/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

static void put(const char *name, const char *text)
{
	sk_autoclose int fd =
		openat(tempdir.fd, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static void expect_content(const char *name, const char *want)
{
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(tempdir.fd, name, 4096, &text, NULL), 0);
	assert_string_equal(text, want);
}

static size_t count_names(void)
{
	sk_auto(sk_strv_free) char **names = NULL;

	assert_int_equal(sk_fs_list(tempdir.fd, ".", &names), 0);
	return sk_strv_len(names);
}

static void test_beneath_refuses_every_way_out(void **state)
{
	static const char *const ways[] = {"../x", "/etc/passwd", "out", "rel",
					   "sub/../../x"};

	(void)state;
	put("x", "1");
	assert_return_code(mkdirat(tempdir.fd, "sub", 0700), errno);
	assert_return_code(symlinkat("/etc", tempdir.fd, "out"), errno);
	assert_return_code(symlinkat("../..", tempdir.fd, "rel"), errno);
	for (size_t i = 0; i < SK_ARRAY_SIZE(ways); i++)
		assert_int_equal(sk_fs_open_beneath(tempdir.fd, ways[i], O_RDONLY, 0),
				 -EXDEV);
	assert_int_equal(sk_fs_open_beneath(tempdir.fd, "none", O_RDONLY, 0), -ENOENT);
}

static void test_beneath_opens_and_creates_inside(void **state)
{
	sk_autoclose int fd = -1, temp = -1;

	(void)state;
	fd = sk_fs_open_beneath(tempdir.fd, "new", O_CREAT | O_RDWR, 0640);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	temp = sk_fs_open_beneath(tempdir.fd, ".", O_TMPFILE | O_RDWR, 0600);
	assert_true(temp >= 0 || temp == -EOPNOTSUPP);
}

static void test_in_root_keeps_links_inside(void **state)
{
	sk_autoclose int fd = -1;
	sk_autofree char *text = NULL;

	(void)state;
	assert_return_code(mkdirat(tempdir.fd, "etc", 0700), errno);
	put("etc/name", "inside");
	assert_return_code(symlinkat("/etc/../../../etc/name", tempdir.fd, "link"),
			   errno);
	fd = sk_fs_open_in_root(tempdir.fd, "/../link", O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(sk_fs_read_fd(fd, 100, &text, NULL), 0);
	assert_string_equal(text, "inside");
	assert_int_equal(sk_fs_open_in_root(tempdir.fd, "/etc/passwd", O_RDONLY, 0),
			 -ENOENT);
}

static void test_magic_links_are_refused(void **state)
{
	sk_autoclose int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(sk_fs_open_in_root(proc, "root", O_RDONLY, 0), -ELOOP);
	assert_int_equal(sk_fs_open_in_root(proc, "exe", O_RDONLY, 0), -ELOOP);
}

static void test_read_returns_all_bytes_and_their_number(void **state)
{
	sk_autofree char *big = malloc(100001), *text = NULL;
	size_t len = 0;

	(void)state;
	memset(big, 'b', 100000);
	big[100000] = '\0';
	put("big", big);
	assert_int_equal(sk_fs_read(tempdir.fd, "big", 100000, &text, &len), 0);
	assert_int_equal(len, 100000);
	assert_string_equal(text, big);
}

static void test_read_refuses_more_than_the_limit(void **state)
{
	char *text = (char *)"untouched";
	size_t len = 3;

	(void)state;
	put("f", "12345");
	assert_int_equal(sk_fs_read(tempdir.fd, "f", 4, &text, &len), -EFBIG);
	assert_int_equal(sk_fs_read(tempdir.fd, "none", 4, &text, &len), -ENOENT);
	assert_int_equal(sk_fs_read(tempdir.fd, ".", 4, &text, &len), -EISDIR);
	assert_string_equal(text, "untouched");
	assert_int_equal(len, 3);
}

static void test_read_works_on_proc(void **state)
{
	sk_autofree char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(sk_fs_read(AT_FDCWD, "/proc/self/status", 65536, &text, &len),
			 0);
	assert_true(len > 100);
	assert_non_null(strstr(text, "Name:"));
}

static void test_write_needs_an_existing_file(void **state)
{
	(void)state;
	assert_int_equal(sk_fs_write(tempdir.fd, "f", "x"), -ENOENT);
	put("f", "");
	assert_int_equal(sk_fs_write(tempdir.fd, "f", "text"), 0);
	expect_content("f", "text");
}

static void test_replace_creates_and_replaces(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	mode_t old = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(sk_fs_replace(tempdir.fd, "state.json", "one", 3, 0644, &err),
			 0);
	(void)umask(old);
	expect_content("state.json", "one");
	assert_return_code(fstatat(tempdir.fd, "state.json", &st, 0), errno);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(sk_fs_replace_volatile(tempdir.fd, "state.json", "three", 5,
						0600, &err),
			 0);
	expect_content("state.json", "three");
	assert_int_equal(sk_fs_replace(tempdir.fd, "state.json", NULL, 0, 0600, &err), 0);
	expect_content("state.json", "");
	assert_int_equal(count_names(), 1);
}

static void test_replace_replaces_a_link_not_its_target(void **state)
{
	(void)state;
	put("target", "safe");
	assert_return_code(symlinkat("target", tempdir.fd, "link"), errno);
	assert_int_equal(sk_fs_replace(tempdir.fd, "link", "new", 3, 0600, NULL), 0);
	expect_content("target", "safe");
	expect_content("link", "new");
}

static void test_failed_replace_leaves_nothing(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_return_code(mkdirat(tempdir.fd, "taken", 0700), errno);
	assert_int_equal(sk_fs_replace(tempdir.fd, "taken", "x", 1, 0600, &err), -EISDIR);
	assert_string_equal(err.msg, "write 'taken': Is a directory");
	assert_int_equal(count_names(), 1);
	assert_int_equal(sk_fs_replace(tempdir.fd, "a/b", "x", 1, 0600, &err), -EINVAL);
	assert_string_equal(err.msg, "write 'a/b': not a file name");
	assert_int_equal(sk_fs_replace(tempdir.fd, "", "x", 1, 0600, &err), -EINVAL);
}

static void test_full_disk_keeps_the_old_content(void **state)
{
	static const char large[100000];
	struct sk_err err = SK_ERR_INIT;
	struct rlimit old, limit;
	int r;

	(void)state;
	put("f", "old");
	assert_return_code(getrlimit(RLIMIT_FSIZE, &old), errno);
	limit = (struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &limit), errno);
	r = sk_fs_replace(tempdir.fd, "f", large, sizeof(large), 0600, &err);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &old), errno);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_string_equal(err.msg, "write 'f': File too large");
	expect_content("f", "old");
	assert_int_equal(count_names(), 1);
}

static void test_mkdirs_makes_missing_parents(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(sk_fs_mkdirs(tempdir.fd, "a/b//c/", 0700, &err), 0);
	assert_int_equal(sk_fs_mkdirs(tempdir.fd, "a/b/c", 0700, &err), 0);
	assert_return_code(fstatat(tempdir.fd, "a/b/c", &st, 0), errno);
	assert_int_equal(st.st_mode & 07777, 0700);
	put("file", "");
	assert_int_equal(sk_fs_mkdirs(tempdir.fd, "file", 0700, &err), -ENOTDIR);
	assert_string_equal(err.msg, "create folder 'file': Not a directory");
	assert_int_equal(sk_fs_mkdirs(tempdir.fd, "file/x", 0700, &err), -ENOTDIR);
	assert_int_equal(sk_fs_mkdirs(tempdir.fd, "", 0700, &err), -ENOENT);
	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, "/", 0700, &err), 0);
}

static void test_open_dir_follows_no_last_link(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	sk_autoclose int fd = -1;

	(void)state;
	fd = sk_fs_open_dir(tempdir.fd, "x/y", 0700, &err);
	assert_true(fd >= 0);
	assert_return_code(symlinkat("/etc", tempdir.fd, "link"), errno);
	assert_int_equal(sk_fs_open_dir(tempdir.fd, "link", 0700, &err), -ENOTDIR);
	assert_non_null(strstr(err.msg, "open folder 'link'"));
}

static void test_list_is_sorted_and_complete(void **state)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_auto(sk_strv_free) char **none = NULL;

	(void)state;
	for (int i = 99; i >= 0; i--) {
		sk_autofree char *name = sk_strf("n%02d", i);

		put(name, "");
	}
	assert_int_equal(sk_fs_list(tempdir.fd, ".", &names), 0);
	assert_int_equal(sk_strv_len(names), 100);
	assert_string_equal(names[0], "n00");
	assert_string_equal(names[99], "n99");
	assert_return_code(mkdirat(tempdir.fd, "empty", 0700), errno);
	assert_int_equal(sk_fs_list(tempdir.fd, "empty", &none), 0);
	assert_non_null(none);
	assert_null(none[0]);
	assert_int_equal(sk_fs_list(tempdir.fd, "missing", &none), -ENOENT);
	assert_int_equal(sk_fs_list(tempdir.fd, "n00", &none), -ENOTDIR);
}

static void test_links_are_read_whatever_their_length(void **state)
{
	sk_autofree char *target = NULL;
	char text[1001];

	(void)state;
	memset(text, 'l', sizeof(text) - 1);
	text[1000] = '\0';
	assert_return_code(symlinkat(text, tempdir.fd, "long"), errno);
	assert_int_equal(sk_fs_readlink(tempdir.fd, "long", &target), 0);
	assert_string_equal(target, text);
	assert_true(sk_fs_exists(tempdir.fd, "long"));
	assert_false(sk_fs_exists(tempdir.fd, "none"));
	put("file", "");
	assert_int_equal(sk_fs_readlink(tempdir.fd, "file", &target), -EINVAL);
}

static void test_own_folder_is_found(void **state)
{
	sk_autofree char *self = NULL;
	sk_autofree char *program = NULL;

	(void)state;
	assert_int_equal(sk_fs_self_dir(&self), 0);
	assert_int_equal(self[0], '/');
	program = sk_strf("%s/test_fs", self);
	assert_true(sk_fs_exists(AT_FDCWD, program));
}

#define fs_test(name)                                                                    \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		fs_test(test_beneath_refuses_every_way_out),
		fs_test(test_beneath_opens_and_creates_inside),
		fs_test(test_in_root_keeps_links_inside),
		fs_test(test_magic_links_are_refused),
		fs_test(test_read_returns_all_bytes_and_their_number),
		fs_test(test_read_refuses_more_than_the_limit),
		fs_test(test_read_works_on_proc),
		fs_test(test_write_needs_an_existing_file),
		fs_test(test_replace_creates_and_replaces),
		fs_test(test_replace_replaces_a_link_not_its_target),
		fs_test(test_failed_replace_leaves_nothing),
		fs_test(test_full_disk_keeps_the_old_content),
		fs_test(test_mkdirs_makes_missing_parents),
		fs_test(test_open_dir_follows_no_last_link),
		fs_test(test_list_is_sorted_and_complete),
		fs_test(test_links_are_read_whatever_their_length),
		fs_test(test_own_folder_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
