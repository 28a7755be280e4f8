// SPDX-License-Identifier: Apache-2.0
/* test_netns - namespaces made, pinned, entered by helper threads, removed */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "runtime/net/net.h"
#include "tests/unit/tempdir.h"

struct fixture {
	struct tempdir dir;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_return_code(tempdir_make(&f->dir), errno);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	(void)sk_netns_remove(f->dir.fd, "one", NULL);
	(void)sk_netns_remove(f->dir.fd, "two", NULL);
	assert_return_code(tempdir_remove_empty(&f->dir), errno);
	free(f);
	return 0;
}

static ino_t own_netns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static int create_or_skip(struct fixture *f, const char *name)
{
	struct sk_err err = SK_ERR_INIT;
	int fd = sk_netns_create(f->dir.fd, name, &err);

	if (fd == -EPERM) {
		print_message("no privilege for network namespaces: %s\n", err.msg);
		skip();
	}
	if (fd < 0)
		fail_msg("%s", err.msg);
	return fd;
}

static void test_create_pins_a_namespace_that_is_not_ours(void **state)
{
	struct fixture *f = *state;
	ino_t before = own_netns();
	sk_autoclose int fd = create_or_skip(f, "one");
	sk_autoclose int again = -1;
	struct stat a, b;

	assert_int_equal(own_netns(), before);
	again = sk_netns_open(f->dir.fd, "one", NULL);
	assert_true(again >= 0);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(again, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_true(a.st_ino != before);
}

static void test_create_refuses_a_taken_name(void **state)
{
	struct fixture *f = *state;
	int fd = create_or_skip(f, "one");
	struct sk_err err = SK_ERR_INIT;

	(void)close(fd);
	assert_int_equal(sk_netns_create(f->dir.fd, "one", &err), -EEXIST);
	assert_string_equal(err.msg, "pin network namespace 'one': File exists");
}

static void test_open_refuses_a_plain_file_and_a_missing_one(void **state)
{
	struct fixture *f = *state;
	struct sk_err err = SK_ERR_INIT;
	int fd = openat(f->dir.fd, "one", O_CREAT | O_CLOEXEC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(sk_netns_open(f->dir.fd, "one", &err), -EINVAL);
	assert_string_equal(err.msg, "'one' is no pinned network namespace");
	assert_int_equal(sk_netns_open(f->dir.fd, "two", &err), -ENOENT);
}

static void test_remove_takes_pins_plain_files_and_missing_ones(void **state)
{
	struct fixture *f = *state;
	int fd = create_or_skip(f, "one");
	int plain = openat(f->dir.fd, "two", O_CREAT | O_CLOEXEC | O_WRONLY, 0600);

	assert_true(plain >= 0);
	(void)close(plain);
	(void)close(fd);
	assert_int_equal(sk_netns_remove(f->dir.fd, "one", NULL), 0);
	assert_int_equal(sk_netns_remove(f->dir.fd, "two", NULL), 0);
	assert_int_equal(sk_netns_remove(f->dir.fd, "three", NULL), 0);
	assert_false(sk_fs_exists(f->dir.fd, "one"));
	assert_false(sk_fs_exists(f->dir.fd, "two"));
}

static int report_netns(void *ctx, struct sk_err *err)
{
	(void)err;
	*(ino_t *)ctx = own_netns();
	return 7;
}

static int refuse(void *ctx, struct sk_err *err)
{
	(void)ctx;
	return sk_err_set(err, EBUSY, "not now");
}

static void test_call_works_inside_and_leaves_the_caller_outside(void **state)
{
	struct fixture *f = *state;
	sk_autoclose int fd = create_or_skip(f, "one");
	struct sk_err err = SK_ERR_INIT;
	ino_t before = own_netns();
	ino_t inside = 0;
	struct stat st;

	assert_int_equal(sk_netns_call(fd, report_netns, &inside, &err), 7);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(inside, st.st_ino);
	assert_int_equal(own_netns(), before);
	assert_int_equal(sk_netns_call(fd, refuse, NULL, &err), -EBUSY);
	assert_string_equal(err.msg, "not now");
	assert_int_equal(sk_netns_call(f->dir.fd, refuse, NULL, &err), -EINVAL);
	assert_string_equal(err.msg, "enter a network namespace: Invalid argument");
}

static int read_forwarding(void *ctx, struct sk_err *err)
{
	(void)err;
	return sk_fs_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, ctx, NULL);
}

static void test_sysctls_change_only_the_namespace(void **state)
{
	static const char *const on[] = {"ipv4/ip_forward=1", "no/such/switch=1", NULL};
	struct fixture *f = *state;
	sk_autoclose int one = create_or_skip(f, "one");
	sk_autoclose int two = create_or_skip(f, "two");
	sk_autofree char *in_one = NULL;
	sk_autofree char *in_two = NULL;

	assert_int_equal(sk_netns_set_sysctls(one, on, NULL), 0);
	assert_int_equal(sk_netns_call(one, read_forwarding, &in_one, NULL), 0);
	assert_int_equal(sk_netns_call(two, read_forwarding, &in_two, NULL), 0);
	assert_string_equal(in_one, "1\n");
	assert_string_equal(in_two, "0\n");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_create_pins_a_namespace_that_is_not_ours),
		TEST(test_create_refuses_a_taken_name),
		TEST(test_open_refuses_a_plain_file_and_a_missing_one),
		TEST(test_remove_takes_pins_plain_files_and_missing_ones),
		TEST(test_call_works_inside_and_leaves_the_caller_outside),
		TEST(test_sysctls_change_only_the_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
