// SPDX-License-Identifier: Apache-2.0
/* test_lsm - labels that nobody takes, and files that only look like those of the kernel
 *
 * No machine knows the names that are asked for here: whether a module is missing or refuses
 * them, the answer is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/trial.h"
#include "runtime/sandbox/child.h"
#include "tests/unit/tempdir.h"

/* struct attempt - One label, by the procfs of @proc */
struct attempt {
	const char *apparmor, *selinux, *proc;
};

static int set_labels(const void *ctx, struct sk_err *err)
{
	const struct attempt *a = ctx;
	const struct sk_spec spec = {
		.process = {.apparmor = (char *)a->apparmor,
			    .selinux_label = (char *)a->selinux},
	};
	sk_autoclose int proc = open(a->proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sk_child c = {.spec = &spec, .proc_fd = proc};

	return proc < 0 ? -errno : sk_child_lsm(&c, err);
}

static void test_without_labels_nothing_is_opened(void **state)
{
	const struct attempt a = {.proc = tempdir.path};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(set_labels, &a, &err), 0);
}

static void test_apparmor_that_is_missing_is_named(void **state)
{
	const struct attempt a = {.apparmor = "no such profile", .proc = "/proc"};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(set_labels, &a, &err), -EOPNOTSUPP);
	assert_string_equal(
		err.msg, "AppArmor profile 'no such profile': AppArmor does not take it");
	assert_string_equal(
		err.hint,
		"AppArmor must be switched on in the kernel, and the name known to it");
}

static void test_selinux_that_is_missing_is_named(void **state)
{
	/* a process that has both fails by the first */
	const struct attempt a = {.selinux = "not:a:known:label",
				  .apparmor = "no such profile",
				  .proc = "/proc"};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(set_labels, &a, &err), -EOPNOTSUPP);
	assert_string_equal(
		err.msg, "SELinux label 'not:a:known:label': SELinux does not take it");
	assert_string_equal(
		err.hint,
		"SELinux must be switched on in the kernel, and the name known to it");
}

static void make_attr(const char *name)
{
	int fd;

	assert_int_equal(mkdirat(tempdir.fd, "self", 0700), 0);
	assert_int_equal(mkdirat(tempdir.fd, "self/attr", 0700), 0);
	assert_int_equal(mkdirat(tempdir.fd, "self/attr/apparmor", 0700), 0);
	fd = openat(tempdir.fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

/* CVE-2019-16884. Guard: the check of the file system in open_attr(). */
static void test_label_is_not_lost_in_a_plain_file(void **state)
{
	static const struct {
		const char *file, *msg;
		struct attempt attempt;
	} cases[] = {
		{"self/attr/apparmor/exec",
		 "set AppArmor profile 'strict': ",
		 {.apparmor = "strict"}},
		{"self/attr/exec",
		 "set AppArmor profile 'strict': ",
		 {.apparmor = "strict"}},
		{"self/attr/exec",
		 "set SELinux label 'a:b:c:s0': ",
		 {.selinux = "a:b:c:s0"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt a = cases[i].attempt;
		struct sk_err err = SK_ERR_INIT;
		struct stat st;

		a.proc = tempdir.path;
		make_attr(cases[i].file);
		assert_int_equal(sk_trial_run(set_labels, &a, &err), -EXDEV);
		assert_ptr_equal(strstr(err.msg, cases[i].msg), err.msg);
		assert_int_equal(fstatat(tempdir.fd, cases[i].file, &st, 0), 0);
		assert_int_equal(st.st_size, 0);
		assert_int_equal(sk_fs_remove_tree(tempdir.fd, "self", NULL), 0);
	}
}

/* A link of the same name leads to the kernel's file, but of another process. */
static void test_label_does_not_follow_a_link(void **state)
{
	const struct attempt a = {.selinux = "a:b:c:s0", .proc = tempdir.path};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_attr("self/attr/other");
	assert_int_equal(symlinkat("other", tempdir.fd, "self/attr/exec"), 0);
	assert_int_equal(sk_trial_run(set_labels, &a, &err), -ELOOP);
	assert_int_equal(unlinkat(tempdir.fd, "self/attr/exec", 0), 0);
	assert_int_equal(symlinkat("/proc/self/attr/exec", tempdir.fd, "self/attr/exec"),
			 0);
	assert_true(sk_trial_run(set_labels, &a, &err) < 0);
}

#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_labels_nothing_is_opened),
		TEST(test_apparmor_that_is_missing_is_named),
		TEST(test_selinux_that_is_missing_is_named),
		TEST(test_label_is_not_lost_in_a_plain_file),
		TEST(test_label_does_not_follow_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
