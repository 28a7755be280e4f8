/* SPDX-License-Identifier: Apache-2.0 */
/* test_seccomp - the kernel's verdicts under the default filter, in forked children */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "runtime/sandbox/seccomp.h"
#include "runtime/sandbox/seccomp_table.h"

/* Runs @body in a child under the filter; its result is the exit status, 200 when the filter failed. */
static int under_filter(int (*body)(const void *arg), const void *arg)
{
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = NULL;
	struct sk_err err = SK_ERR_INIT;
	int status;
	pid_t pid;

	assert_int_equal(sk_seccomp_new_default(&filter, &err), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    sk_seccomp_install(filter, &err) < 0)
			_exit(200);
		_exit(body(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct call {
	long nr;
	unsigned long a, b, c;
	int error; /* errno wanted; 0 for success */
};

static int call_native(const void *arg)
{
	const struct call *call = arg;

	return syscall(call->nr, call->a, call->b, call->c, 0, 0, 0) < 0 ? errno : 0;
}

static void check_calls(int (*body)(const void *), const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int got = under_filter(body, &calls[i]);

		if (got != calls[i].error)
			fail_msg("call %ld(0x%lx, 0x%lx): errno %d, wanted %d",
				 calls[i].nr, calls[i].a, calls[i].b, got,
				 calls[i].error);
	}
}

static void test_ordinary_calls_reach_the_kernel(void **state)
{
	const struct call calls[] = {
		{SYS_getpid, 0, 0, 0, 0},
		{SYS_close, 9999, 0, 0, EBADF},
		{SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0},
		{SYS_unshare, CLONE_FILES, 0, 0, 0},
		{SYS_ioctl, 9999, 0x5413, 0, EBADF},
		{SYS_personality, 0xffffffff, 0, 0, 0},
		{439 /* faccessat2 */, (unsigned long)AT_FDCWD, (unsigned long)"/", 0, 0},
		{452 /* fchmodat2 */, 9999, (unsigned long)"x", 0, EBADF},
	};

	(void)state;
	check_calls(call_native, calls, SK_ARRAY_SIZE(calls));
}

static void test_dangerous_calls_are_refused_even_to_root(void **state)
{
	const struct call calls[] = {
		{SYS_mount, 0, 0, 0, EPERM},
		{SYS_umount2, 0, 0, 0, EPERM},
		{SYS_pivot_root, 0, 0, 0, EPERM},
		{SYS_chroot, (unsigned long)"/", 0, 0, EPERM},
		{SYS_setns, 9999, 0, 0, EPERM},
		{SYS_unshare, CLONE_NEWUSER, 0, 0, EPERM},
		{SYS_unshare, CLONE_NEWNS, 0, 0, EPERM},
		{SYS_clone, CLONE_NEWUSER | 17, 0, 0, EPERM},
		{SYS_ioctl, 9999, 0x5412 /* TIOCSTI */, 0, EPERM},
		{SYS_ioctl, 9999, 0xf00005412, 0, EPERM},
		{SYS_ioctl, 9999, 0x541c /* TIOCLINUX */, 0, EPERM},
		{SYS_keyctl, 0, 0, 0, EPERM},
		{SYS_add_key, 0, 0, 0, EPERM},
		{425 /* io_uring_setup */, 0, 0, 0, EPERM},
		{SYS_bpf, 9999, 0, 0, EPERM},
		{SYS_userfaultfd, 0xffff, 0, 0, EPERM},
		{SYS_init_module, 0, 0, 0, EPERM},
		{SYS_open_by_handle_at, 9999, 0, 0, EPERM},
		{430 /* fsopen */, 0, 0, 0, EPERM},
		{442 /* mount_setattr */, 9999, 0, 0, EPERM},
		{SYS_socket, AF_VSOCK, SOCK_STREAM, 0, EPERM},
		{SYS_personality, 0x40000, 0, 0, EPERM},
		{SYS_reboot, 0, 0, 0, EPERM},
	};

	(void)state;
	check_calls(call_native, calls, SK_ARRAY_SIZE(calls));
}

static void test_unknown_calls_and_clone3_do_not_exist(void **state)
{
	const struct call calls[] = {
		{435 /* clone3 */, 0, 0, 0, ENOSYS},
		{459 /* lsm_get_self_attr, not in the table */, 0, 0, 0, ENOSYS},
		{600, 0, 0, 0, ENOSYS},
		{100000, 0, 0, 0, ENOSYS},
#ifdef __x86_64__
		{0x40000000 | SYS_getpid, 0, 0, 0, ENOSYS}, /* x32 */
#endif
	};

	(void)state;
	check_calls(call_native, calls, SK_ARRAY_SIZE(calls));
}

static int thread_and_fork(const void *arg)
{
	pid_t pid = fork();
	int status;

	(void)arg;
	if (pid == 0)
		_exit(7);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 2;
}

static void test_a_program_under_the_filter_can_fork_and_wait(void **state)
{
	(void)state;
	assert_int_equal(under_filter(thread_and_fork, NULL), 0);
}

#ifdef __x86_64__
static int call_x86(const void *arg)
{
	const struct call *call = arg;
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(call->nr), "b"(call->a), "c"(call->b), "d"(call->c)
			 : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : 0;
}

static void test_32_bit_calls_are_judged_by_their_own_numbers(void **state)
{
	const struct call calls[] = {
		{20 /* getpid */, 0, 0, 0, 0},
		{6 /* close */, 9999, 0, 0, EBADF},
		{21 /* mount */, 0, 0, 0, EPERM},
		{165 /* getresuid; x86_64: mount */, 0, 0, 0, EFAULT},
		{288 /* keyctl */, 0, 0, 0, EPERM},
		{310 /* unshare */, CLONE_NEWUSER, 0, 0, EPERM},
		{120 /* clone */, CLONE_NEWUSER | 17, 0, 0, EPERM},
		{54 /* ioctl */, 9999, 0x5412, 0, EPERM},
		{359 /* socket */, AF_VSOCK, SOCK_STREAM, 0, EPERM},
		{359 /* socket */, AF_UNIX, SOCK_STREAM, 0, 0},
		{361 /* bind */, 9999, 0, 0, EBADF},
		{435 /* clone3 */, 0, 0, 0, ENOSYS},
		{9999, 0, 0, 0, ENOSYS},
	};
	const struct call probe = {20, 0, 0, 0, 0};
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(call_x86(&probe));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		skip(); /* a kernel without 32-bit calls */
	check_calls(call_x86, calls, SK_ARRAY_SIZE(calls));
}
#endif

static void test_install_without_no_new_privileges_names_the_remedy(void **state)
{
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = NULL;
	struct sk_err *err = mmap(NULL, sizeof(*err), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	(void)state;
	assert_true(err != MAP_FAILED);
	assert_int_equal(sk_seccomp_new_default(&filter, NULL), 0);
	pid = fork();
	if (pid == 0)
		_exit(setresuid(65534, 65534, 65534) < 0 && geteuid() == 0
			      ? 200
			      : -sk_seccomp_install(filter, err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EACCES);
	assert_string_equal(err->msg, "install the seccomp filter: Permission denied");
	assert_string_equal(err->hint, "set no-new-privileges first");
	assert_int_equal(munmap(err, sizeof(*err)), 0);
}

static bool has_name(const char *names, const char *name, size_t len)
{
	for (const char *p = names; (p = strstr(p, name)) != NULL; p += len)
		if ((p == names || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static void test_no_name_stands_in_the_table_twice(void **state)
{
	char name[64];
	size_t len;

	(void)state;
	for (const struct sk_seccomp_group *g = sk_seccomp_groups; g->names; g++) {
		for (const char *p = g->names; *p; p += len + (p[len] == ' ')) {
			len = strcspn(p, " ");
			assert_true(len > 0 && len < sizeof(name));
			(void)snprintf(name, sizeof(name), "%.*s", (int)len, p);
			if (p[len] && has_name(p + len + 1, name, len))
				fail_msg("'%s' twice in one group", name);
			for (const struct sk_seccomp_group *o = g + 1; o->names; o++)
				if (has_name(o->names, name, len))
					fail_msg("'%s' in two groups", name);
		}
	}
}

static void test_building_is_fast_enough_for_each_start(void **state)
{
	uint64_t best = UINT64_MAX;

	(void)state;
	for (int i = 0; i < 20; i++) {
		sk_auto(sk_seccomp_free) struct sk_seccomp *filter = NULL;
		uint64_t start = sk_clock_mono();

		assert_int_equal(sk_seccomp_new_default(&filter, NULL), 0);
		start = sk_clock_mono() - start;
		best = start < best ? start : best;
	}
	print_message("built in %llu us\n", (unsigned long long)(best / SK_NS_PER_US));
	assert_true(best < 5 * SK_NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_calls_reach_the_kernel),
		cmocka_unit_test(test_dangerous_calls_are_refused_even_to_root),
		cmocka_unit_test(test_unknown_calls_and_clone3_do_not_exist),
		cmocka_unit_test(test_a_program_under_the_filter_can_fork_and_wait),
#ifdef __x86_64__
		cmocka_unit_test(test_32_bit_calls_are_judged_by_their_own_numbers),
#endif
		cmocka_unit_test(test_install_without_no_new_privileges_names_the_remedy),
		cmocka_unit_test(test_no_name_stands_in_the_table_twice),
		cmocka_unit_test(test_building_is_fast_enough_for_each_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
