// SPDX-License-Identifier: Apache-2.0
/* test_rdt - groups of resctrl, on a folder that looks like one: few machines have the real one */
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
#include "lib/str.h"
#include "runtime/container/oci_rdt.h"
#include "tests/unit/tempdir.h"

static int set_up(void **state)
{
	struct tempdir *dir = calloc(1, sizeof(*dir));

	assert_non_null(dir);
	assert_return_code(tempdir_make(dir), errno);
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	struct tempdir *dir = *state;

	assert_return_code(tempdir_remove(dir), errno);
	free(dir);
	return 0;
}

/* What the kernel puts into a group that somebody makes. */
static void add_files(int root, const char *group)
{
	static const char *const names[] = {"tasks", "schemata"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *path = sk_strf("%s/%s", group, names[i]);
		int fd = openat(root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		close(fd);
	}
}

static void assert_file(int root, const char *path, const char *want)
{
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(root, path, 4096, &text, NULL), 0);
	assert_string_equal(text, want);
}

static bool exists(int root, const char *path)
{
	return faccessat(root, path, F_OK, 0) == 0;
}

static void test_a_group_is_made_filled_entered_and_removed(void **state)
{
	struct tempdir *dir = *state;
	struct sk_rdt_group group = {.name = "c1", .l3_cache = "L3:0=f"};
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_rdt_make(dir->fd, &group, &err), 0);
	assert_true(group.is_made);
	assert_false(group.is_monitoring_made);
	add_files(dir->fd, "c1");
	assert_int_equal(sk_rdt_set(dir->fd, &group, &err), 0);
	assert_file(dir->fd, "c1/schemata", "L3:0=f\n");
	assert_int_equal(sk_rdt_enter(dir->fd, &group, 42, &err), 0);
	assert_file(dir->fd, "c1/tasks", "42");
	/* resctrl's files go with their folder, those of a real one do not */
	assert_int_equal(unlinkat(dir->fd, "c1/tasks", 0), 0);
	assert_int_equal(unlinkat(dir->fd, "c1/schemata", 0), 0);
	assert_int_equal(sk_rdt_remove(dir->fd, &group, &err), 0);
	assert_false(exists(dir->fd, "c1"));
	assert_int_equal(sk_rdt_remove(dir->fd, &group, &err), 0);
}

static void test_what_others_made_stays(void **state)
{
	struct tempdir *dir = *state;
	struct sk_rdt_group group = {.name = "theirs", .must_exist = true};

	assert_int_equal(mkdirat(dir->fd, "theirs", 0700), 0);
	assert_int_equal(sk_rdt_make(dir->fd, &group, NULL), 0);
	assert_false(group.is_made);
	assert_int_equal(sk_rdt_remove(dir->fd, &group, NULL), 0);
	assert_true(exists(dir->fd, "theirs"));
}

static void test_a_named_group_without_lines_must_exist(void **state)
{
	struct tempdir *dir = *state;
	struct sk_rdt_group group = {.name = "gone", .must_exist = true};
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_rdt_make(dir->fd, &group, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "group 'gone'"));
	assert_false(exists(dir->fd, "gone"));
}

/* config-linux.md: lines of the bandwidth come from memBwSchema where it is given. */
static void test_lines_are_combined_and_schemata_comes_last(void **state)
{
	struct tempdir *dir = *state;
	char *const last[] = {(char *)"L2:0=3", (char *)"MB:0=10", NULL};
	struct sk_rdt_group group = {.name = "c1",
				     .l3_cache = "L3:0=f\nMB:0=50\nL3CODE:0=1",
				     .mem_bandwidth = "MB:0=20"};

	assert_int_equal(sk_rdt_make(dir->fd, &group, NULL), 0);
	add_files(dir->fd, "c1");
	assert_int_equal(sk_rdt_set(dir->fd, &group, NULL), 0);
	assert_file(dir->fd, "c1/schemata", "L3:0=f\nL3CODE:0=1\nMB:0=20\n");
	group.mem_bandwidth = NULL;
	assert_int_equal(sk_rdt_set(dir->fd, &group, NULL), 0);
	assert_file(dir->fd, "c1/schemata", "L3:0=f\nMB:0=50\nL3CODE:0=1\n");
	/* a file keeps the end of a longer text, resctrl takes each write for itself */
	assert_int_equal(unlinkat(dir->fd, "c1/schemata", 0), 0);
	add_files(dir->fd, "c1");
	group.schemata = last;
	group.l3_cache = "MB:0=5";
	assert_int_equal(sk_rdt_set(dir->fd, &group, NULL), 0);
	assert_file(dir->fd, "c1/schemata", "L2:0=3\nMB:0=10\n");
}

static void test_a_monitoring_group_is_below_its_group(void **state)
{
	struct tempdir *dir = *state;
	struct sk_rdt_group group = {.name = "/", .monitoring = "c1"};

	assert_int_equal(mkdirat(dir->fd, "mon_groups", 0700), 0);
	add_files(dir->fd, ".");
	assert_int_equal(sk_rdt_make(dir->fd, &group, NULL), 0);
	assert_false(group.is_made);
	assert_true(group.is_monitoring_made);
	add_files(dir->fd, "mon_groups/c1");
	assert_int_equal(sk_rdt_enter(dir->fd, &group, 7, NULL), 0);
	assert_file(dir->fd, "tasks", "7");
	assert_file(dir->fd, "mon_groups/c1/tasks", "7");
	assert_int_equal(unlinkat(dir->fd, "mon_groups/c1/tasks", 0), 0);
	assert_int_equal(unlinkat(dir->fd, "mon_groups/c1/schemata", 0), 0);
	assert_int_equal(sk_rdt_remove(dir->fd, &group, NULL), 0);
	assert_false(exists(dir->fd, "mon_groups/c1"));
	assert_true(exists(dir->fd, "tasks"));
}

static void test_the_kernels_reason_is_told(void **state)
{
	struct tempdir *dir = *state;
	struct sk_rdt_group group = {.name = "c1", .mem_bandwidth = "MB:0=999"};
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_rdt_make(dir->fd, &group, NULL), 0);
	assert_int_equal(sk_rdt_set(dir->fd, &group, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "the container has no group 'c1'"));
	/* a folder in its place refuses to be written */
	assert_int_equal(mkdirat(dir->fd, "c1/schemata", 0700), 0);
	assert_int_equal(mkdirat(dir->fd, "info", 0700), 0);
	int fd = openat(dir->fd, "info/last_cmd_status", O_WRONLY | O_CREAT | O_CLOEXEC,
			0600);
	assert_int_equal(sk_fs_write_all(fd, "out of range\n", 13), 0);
	close(fd);
	assert_int_equal(sk_rdt_set(dir->fd, &group, &err), -EISDIR);
	assert_non_null(strstr(err.msg, "write 'MB:0=999': out of range"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_group_is_made_filled_entered_and_removed),
		TEST(test_what_others_made_stays),
		TEST(test_a_named_group_without_lines_must_exist),
		TEST(test_lines_are_combined_and_schemata_comes_last),
		TEST(test_a_monitoring_group_is_below_its_group),
		TEST(test_the_kernels_reason_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
