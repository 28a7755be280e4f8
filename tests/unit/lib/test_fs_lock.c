// SPDX-License-Identifier: Apache-2.0
/* test_fs_lock - one holder at a time, named to others, gone with its process */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

/* Start a child that takes the lock, tells so, and holds it for ever or for @hold_ms. */
static pid_t start_holder(int hold_ms)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	pid = fork();
	if (pid == 0) {
		if (sk_fs_lock(tempdir.fd, "lock", 0, NULL) < 0 ||
		    write(ends[1], "x", 1) != 1)
			_exit(1);
		if (hold_ms > 0) {
			sk_clock_sleep_until(sk_clock_mono() +
					     (uint64_t)hold_ms * SK_NS_PER_MS);
			_exit(0);
		}
		for (;;)
			pause();
	}
	sk_close(&ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	sk_close(&ends[0]);
	return pid;
}

static void end_holder(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_lock_is_held_until_the_descriptor_is_closed(void **state)
{
	int fd = sk_fs_lock(tempdir.fd, "lock", 0, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(sk_fs_is_locked(tempdir.fd, "lock"));
	assert_int_equal(sk_fs_lock(tempdir.fd, "lock", 0, NULL), -EWOULDBLOCK);
	sk_close(&fd);
	assert_false(sk_fs_is_locked(tempdir.fd, "lock"));
	fd = sk_fs_lock(tempdir.fd, "lock", 0, NULL);
	assert_true(fd >= 0);
	sk_close(&fd);
}

static void test_holder_is_named(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	pid_t pid = start_holder(0);
	sk_autofree char *want =
		sk_strf("lock 'lock': process %d (test_fs_lock) holds it", (int)pid);

	(void)state;
	assert_int_equal(sk_fs_lock(tempdir.fd, "lock", 0, &err), -EWOULDBLOCK);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.hint, "try again when it has ended");
	end_holder(pid);
}

static void test_waiting_ends_at_the_deadline(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	pid_t pid = start_holder(0);
	uint64_t start = sk_clock_mono();

	(void)state;
	assert_int_equal(sk_fs_lock(tempdir.fd, "lock", 50, &err), -ETIMEDOUT);
	assert_true(sk_clock_mono() - start >= 50 * SK_NS_PER_MS);
	assert_non_null(strstr(err.msg, "(test_fs_lock) holds it"));
	end_holder(pid);
}

static void test_lock_is_taken_when_the_holder_ends(void **state)
{
	pid_t pid = start_holder(30);
	sk_autoclose int fd = sk_fs_lock(tempdir.fd, "lock", 10000, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_kill_frees_the_lock(void **state)
{
	pid_t pid = start_holder(0);
	sk_autoclose int fd = -1;

	(void)state;
	end_holder(pid);
	assert_false(sk_fs_is_locked(tempdir.fd, "lock"));
	fd = sk_fs_lock(tempdir.fd, "lock", 0, NULL);
	assert_true(fd >= 0);
}

static bool has_open(pid_t pid, const char *file)
{
	sk_autofree char *folder = sk_strf("/proc/%d/fd", (int)pid);
	sk_auto(sk_strv_free) char **fds = NULL;

	assert_int_equal(sk_fs_list(AT_FDCWD, folder, &fds), 0);
	for (size_t i = 0; fds[i]; i++) {
		sk_autofree char *link = sk_strf("%s/%s", folder, fds[i]);
		sk_autofree char *target = NULL;

		if (sk_fs_readlink(AT_FDCWD, link, &target) == 0 &&
		    sk_str_ends(target, file))
			return true;
	}
	return false;
}

/* Waits for the lock in a child, and tells whether its file is still the named one. */
__attribute__((noreturn)) static void wait_for_lock(int inherited, int ready)
{
	sk_close(&inherited);
	if (write(ready, "x", 1) != 1)
		_exit(3);
	if (sk_fs_lock(tempdir.fd, "lock", 10000, NULL) < 0)
		_exit(1);
	_exit(sk_fs_exists(tempdir.fd, "lock") ? 0 : 2);
}

/* The holder removes the file while another waits: two must not hold "the" lock. */
static void test_lock_of_a_removed_file_counts_for_nothing(void **state)
{
	int first = sk_fs_lock(tempdir.fd, "lock", 0, NULL);
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;
	int ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	pid = fork();
	if (pid == 0)
		wait_for_lock(first, ready[1]);
	sk_close(&ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	sk_close(&ready[0]);
	while (!has_open(pid, "/lock") && sk_clock_mono() < deadline)
		sched_yield();
	assert_return_code(unlinkat(tempdir.fd, "lock", 0), errno);
	sk_close(&first);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_links_and_missing_folders_are_refused(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_return_code(symlinkat("elsewhere", tempdir.fd, "link"), errno);
	assert_int_equal(sk_fs_lock(tempdir.fd, "link", 0, &err), -ELOOP);
	assert_false(sk_fs_exists(tempdir.fd, "elsewhere"));
	assert_int_equal(sk_fs_lock(tempdir.fd, "none/lock", 0, &err), -ENOENT);
	assert_string_equal(err.msg, "open lock 'none/lock': No such file or directory");
	assert_false(sk_fs_is_locked(tempdir.fd, "never"));
	assert_false(sk_fs_exists(tempdir.fd, "never"));
}

#define lock_test(name)                                                                  \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		lock_test(test_lock_is_held_until_the_descriptor_is_closed),
		lock_test(test_holder_is_named),
		lock_test(test_waiting_ends_at_the_deadline),
		lock_test(test_lock_is_taken_when_the_holder_ends),
		lock_test(test_kill_frees_the_lock),
		lock_test(test_lock_of_a_removed_file_counts_for_nothing),
		lock_test(test_links_and_missing_folders_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
