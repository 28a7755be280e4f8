// SPDX-License-Identifier: Apache-2.0
/* test_sys - each wrapper reaches its system call with its arguments in order */
#include "lib/sys.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"

#define KEYCTL_GET_KEYRING_ID 0
#define KEY_SPEC_SESSION      (-3)

static void test_clone3_gives_a_pidfd_that_takes_signals(void **state)
{
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD,
				  .pidfd = (uintptr_t)&pidfd,
				  .exit_signal = SIGCHLD};
	siginfo_t info = {0};
	long pid;

	(void)state;
	pid = sk_sys_clone3(&args, sizeof(args));
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_return_code(sk_sys_pidfd_send_signal(pidfd, SIGKILL), errno);
	assert_return_code(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), errno);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_status, SIGKILL);
	sk_close(&pidfd);
}

static void test_pidfd_of_a_missing_process_fails(void **state)
{
	sk_autoclose int self = sk_sys_pidfd_open(getpid(), 0);

	(void)state;
	assert_true(self >= 0);
	assert_return_code(sk_sys_pidfd_send_signal(self, 0), errno);
	assert_int_equal(sk_sys_pidfd_open(0x7ffffff0, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_openat2_obeys_its_resolve_flags(void **state)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	sk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sk_autoclose int fd = sk_sys_openat2(root, "proc", &how);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sk_sys_openat2(root, "/proc", &how), -1);
	assert_int_equal(errno, EXDEV);
}

static void test_close_range_marks_descriptors(void **state)
{
	sk_autoclose int fd = dup(STDIN_FILENO);
	unsigned int number = (unsigned int)fd;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	assert_return_code(sk_sys_close_range(number, number, CLOSE_RANGE_CLOEXEC),
			   errno);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void test_memfd_holds_bytes(void **state)
{
	sk_autoclose int fd = sk_sys_memfd_create("skiff-test", MFD_CLOEXEC);
	char text[4] = "";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(pread(fd, text, 3, 0), 3);
	assert_string_equal(text, "abc");
}

static void test_seccomp_knows_its_actions(void **state)
{
	unsigned int action = SECCOMP_RET_ERRNO;

	(void)state;
	assert_return_code(sk_sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), errno);
}

static void test_keyctl_finds_the_session_keyring(void **state)
{
	long id = sk_sys_keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION, 1,
				0, 0);

	(void)state;
	if (id < 0 && (errno == ENOSYS || errno == EPERM))
		skip();
	assert_true(id > 0);
}

/* A tmpfs that is mounted nowhere, made with the new mount interface. */
static int make_tmpfs(void)
{
	sk_autoclose int fs = sk_sys_fsopen("tmpfs", 1 /* FSOPEN_CLOEXEC */);

	if (fs < 0)
		return -1;
	assert_return_code(sk_sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", "65536", 0),
			   errno);
	assert_return_code(sk_sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0),
			   errno);
	return sk_sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
}

static void test_mount_calls_make_and_change_a_detached_mount(void **state)
{
	const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	sk_autoclose int mount = -1, tree = -1;

	(void)state;
	if (geteuid() != 0)
		skip(); /* needs CAP_SYS_ADMIN */
	mount = make_tmpfs();
	assert_true(mount >= 0);
	assert_return_code(mkdirat(mount, "a", 0700), errno);
	assert_return_code(sk_sys_mount_setattr(mount, "", AT_EMPTY_PATH, &read_only,
						sizeof(read_only)),
			   errno);
	assert_int_equal(mkdirat(mount, "b", 0700), -1);
	assert_int_equal(errno, EROFS);
	tree = sk_sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	assert_true(tree >= 0);
	assert_int_equal(sk_sys_move_mount(tree, "", AT_FDCWD, "/nowhere/at/all",
					   MOVE_MOUNT_F_EMPTY_PATH),
			 -1);
	assert_int_equal(errno, ENOENT);
}

/* What a signal does by handler ends with exec; that it is ignored does not. */
static void test_all_signals_become_default(void **state)
{
	struct {
		unsigned long handler, flags, restorer;
		uint64_t mask;
	} ignore = {.handler = 1 /* SIG_IGN */};
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		for (int sig = 1; sig < NSIG; sig++)
			(void)syscall(SYS_rt_sigaction, sig, &ignore, NULL, 8);
		sk_sys_signals_default();
		(void)execl("/bin/grep", "grep", "-q", "^SigIgn:.0000000000000000",
			    "/proc/self/status", NULL);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_pivot_root_refuses_what_is_missing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* needs CAP_SYS_ADMIN */
	assert_int_equal(sk_sys_pivot_root("/nowhere/at/all", "/nowhere"), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone3_gives_a_pidfd_that_takes_signals),
		cmocka_unit_test(test_pidfd_of_a_missing_process_fails),
		cmocka_unit_test(test_openat2_obeys_its_resolve_flags),
		cmocka_unit_test(test_close_range_marks_descriptors),
		cmocka_unit_test(test_memfd_holds_bytes),
		cmocka_unit_test(test_seccomp_knows_its_actions),
		cmocka_unit_test(test_keyctl_finds_the_session_keyring),
		cmocka_unit_test(test_mount_calls_make_and_change_a_detached_mount),
		cmocka_unit_test(test_all_signals_become_default),
		cmocka_unit_test(test_pivot_root_refuses_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
