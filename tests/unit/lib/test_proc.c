// SPDX-License-Identifier: Apache-2.0
/* test_proc - programs start clean, end observed, and their failures are told */
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

#define DEADLINE_MS 10000

#define SH(script)                                                                       \
	(const char *const[])                                                            \
	{                                                                                \
		"sh", "-c", script, NULL                                                 \
	}

static int run(const char *const *argv, const struct sk_proc_opts *opts)
{
	struct sk_proc proc = {0};
	struct sk_err err = SK_ERR_INIT;
	int status = -1;

	if (sk_proc_spawn(argv, opts, &proc, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(fcntl(proc.pidfd, F_GETFD) & FD_CLOEXEC);
	if (sk_proc_wait(&proc, DEADLINE_MS, &status, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(proc.pid, 0);
	assert_int_equal(proc.pidfd, -1);
	return status;
}

static void test_exit_status_and_signal_are_told(void **state)
{
	(void)state;
	assert_int_equal(run(SH("exit 0"), NULL), 0);
	assert_int_equal(run(SH("exit 7"), NULL), 7);
	assert_int_equal(run(SH("kill -TERM $$"), NULL), 128 + SIGTERM);
}

static void test_missing_program_is_refused_at_once(void **state)
{
	const char *const missing[] = {"no-such-program", NULL};
	const char *const path[] = {"/no/such/program", NULL};
	const char *const folder[] = {"/tmp", NULL};
	struct sk_proc proc = {.pid = 1234, .pidfd = 99};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_proc_spawn(missing, NULL, &proc, &err), -ENOENT);
	assert_string_equal(err.msg, "run 'no-such-program': no such program in PATH");
	assert_int_equal(sk_proc_spawn(path, NULL, &proc, &err), -ENOENT);
	assert_string_equal(err.msg, "run '/no/such/program': No such file or directory");
	assert_int_equal(sk_proc_spawn(folder, NULL, &proc, &err), -EACCES);
	assert_string_equal(err.msg, "run '/tmp': Permission denied");
	assert_int_equal(proc.pid, 1234);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_only_descriptors_that_are_handed_on_arrive(void **state)
{
	sk_autoclose int leak = open("/dev/null", O_RDONLY);
	struct sk_proc_opts opts = {0};
	int ends[2];

	(void)state;
	assert_true(leak >= 0);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	opts.fds[0] = ends[1];
	opts.fds[1] = ends[0];
	opts.nr_fds = 2;
	assert_int_equal(
		run(SH("for f in /proc/self/fd/*; do n=${f##*/}; "
		       "case $n in 0|1|2|3|4) ;; *) [ -e $f ] && exit $n;; esac; done; "
		       "echo hi >&3; read x <&4; [ \"$x\" = hi ] || exit 90; exit 0"),
		    &opts),
		0);
	sk_close(&ends[0]);
	sk_close(&ends[1]);
}

/* Runs in a child: it moves the low descriptors about. */
static int exchange_descriptors(void)
{
	const struct sk_proc_opts opts = {.nr_fds = 2, .fds = {4, 3}};
	struct sk_proc proc = {0};
	int status = 99;

	if (dup2(open("/", O_PATH | O_CLOEXEC), 40) != 40 || dup2(40, 3) != 3 ||
	    dup2(open("/proc", O_PATH | O_CLOEXEC), 41) != 41 || dup2(41, 4) != 4)
		return 98;
	if (sk_proc_spawn(SH("[ $(readlink /proc/$$/fd/3) = /proc ] && "
			     "[ $(readlink /proc/$$/fd/4) = / ]"),
			  &opts, &proc, NULL) < 0)
		return 97;
	(void)sk_proc_wait(&proc, DEADLINE_MS, &status, NULL);
	return status;
}

/* 3 and 4 change places, which a plain row of dup2() would get wrong. */
static void test_descriptors_may_change_places(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(exchange_descriptors());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_too_many_descriptors_are_refused(void **state)
{
	const struct sk_proc_opts opts = {.nr_fds = 9};
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc proc;

	(void)state;
	assert_int_equal(sk_proc_spawn(SH("exit 0"), &opts, &proc, &err), -EINVAL);
	assert_string_equal(err.msg, "run 'sh': more than 8 descriptors to hand on");
}

static void test_closed_descriptor_is_told(void **state)
{
	const struct sk_proc_opts opts = {.has_stdout = true, .stdout_fd = 1000000};
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc proc;

	(void)state;
	assert_int_equal(sk_proc_spawn(SH("exit 0"), &opts, &proc, &err), -EBADF);
	assert_string_equal(err.msg,
			    "run 'sh': hand on descriptors: Bad file descriptor");
}

static void test_environment_folder_and_session_are_set(void **state)
{
	static const char *const env[] = {"ONLY=this", "PATH=/usr/bin:/bin", NULL};
	sk_autoclose int cwd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct sk_proc_opts opts = {.env = env,
					  .has_cwd = true,
					  .cwd_fd = cwd,
					  .new_session = true,
					  .has_stdin = true,
					  .stdin_fd = -1};

	(void)state;
	assert_int_equal(
		run(SH("[ \"$ONLY\" = this ] && [ -z \"$HOME\" ] && "
		       "[ $(pwd) = /proc ] && read -r a b c d e s rest < /proc/$$/stat && "
		       "[ $s = $$ ] && [ $(readlink /proc/$$/fd/0) = /dev/null ]"),
		    &opts),
		0);
}

static void test_signals_start_unblocked_and_default(void **state)
{
	sigset_t all, old;
	int status;

	(void)state;
	(void)sigfillset(&all);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	status = run(SH("grep -q '^SigBlk:.0000000000000000' /proc/self/status && "
			"grep -q '^SigIgn:.0000000000000000' /proc/self/status"),
		     NULL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(status, 0);
}

static void test_child_ends_with_its_parent_when_asked(void **state)
{
	const struct sk_proc_opts opts = {.death_signal = SIGKILL};
	struct sk_proc proc = {0};
	int ends[2], status;
	char byte;
	pid_t pid;

	(void)state;
	/* The grandchild holds the pipe: its end of file is the grandchild's end. */
	assert_return_code(pipe(ends), errno);
	pid = fork();
	if (pid == 0) {
		struct sk_proc_opts with_pipe = opts;

		(void)close(ends[0]);
		with_pipe.fds[0] = ends[1];
		with_pipe.nr_fds = 1;
		_exit(sk_proc_spawn(SH("exec sleep 60"), &with_pipe, &proc, NULL) < 0);
	}
	sk_close(&ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1,
			      DEADLINE_MS),
			 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	sk_close(&ends[0]);
}

static void test_wait_gives_up_and_leaves_the_child_alone(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc proc = {0};
	int status = 42;

	(void)state;
	assert_int_equal(sk_proc_spawn(SH("exec sleep 60"), NULL, &proc, &err), 0);
	assert_int_equal(sk_proc_wait(&proc, 0, &status, &err), -ETIMEDOUT);
	assert_int_equal(sk_proc_wait(&proc, 20, &status, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "still runs after 20 ms"));
	assert_int_equal(status, 42);
	assert_return_code(kill(proc.pid, 0), errno);
	sk_proc_kill(&proc);
	assert_int_equal(proc.pid, 0);
	sk_proc_kill(&proc);
	assert_int_equal(sk_proc_wait(&proc, 0, &status, &err), -ECHILD);
}

static void test_capture_returns_what_is_printed(void **state)
{
	sk_autofree char *out = NULL, *nothing = NULL;
	struct sk_err err = SK_ERR_INIT;
	int status = -1;

	(void)state;
	assert_int_equal(sk_proc_capture(SH("echo one; echo two >&2; echo three"),
					 DEADLINE_MS, &out, NULL, &err),
			 0);
	assert_string_equal(out, "one\nthree\n");
	assert_int_equal(sk_proc_capture(SH("exit 3"), DEADLINE_MS, NULL, &status, &err),
			 0);
	assert_int_equal(status, 3);
	assert_int_equal(sk_proc_capture((const char *const[]){"cat", NULL}, DEADLINE_MS,
					 &nothing, NULL, &err),
			 0);
	assert_string_equal(nothing, "");
}

static void test_capture_reads_more_than_a_pipe_holds(void **state)
{
	sk_autofree char *out = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_proc_capture(SH("head -c 1000000 /dev/zero | tr '\\0' e >&2; "
					    "head -c 1000000 /dev/zero | tr '\\0' o"),
					 DEADLINE_MS, &out, NULL, &err),
			 0);
	assert_int_equal(strlen(out), 1000000);
}

static void test_capture_quotes_the_end_of_stderr(void **state)
{
	char *out = (char *)"untouched";
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_proc_capture(SH("echo first >&2; echo no route >&2; exit 4"),
					 DEADLINE_MS, &out, NULL, &err),
			 -EIO);
	assert_string_equal(err.msg, "'sh' failed with status 4: first no route");
	assert_int_equal(sk_proc_capture(SH("head -c 5000 /dev/zero | tr '\\0' x >&2; "
					    "echo END >&2; exit 4"),
					 DEADLINE_MS, &out, NULL, &err),
			 -EIO);
	assert_true(sk_str_ends(err.msg, "xxxEND"));
	assert_true(strlen(err.msg) < 400);
	assert_int_equal(sk_proc_capture(SH("kill -SEGV $$"), DEADLINE_MS, &out, NULL,
					 &err),
			 -EIO);
	assert_string_equal(err.msg, "'sh' was ended by SIGSEGV");
	assert_string_equal(out, "untouched");
}

static void test_capture_kills_at_its_deadline(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	uint64_t start = sk_clock_mono();

	(void)state;
	assert_int_equal(sk_proc_capture(SH("exec sleep 60"), 50, NULL, NULL, &err),
			 -ETIMEDOUT);
	assert_string_equal(err.msg, "'sh' did not end within 50 ms");
	assert_true(sk_clock_mono() - start < DEADLINE_MS * SK_NS_PER_MS);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_capture_does_not_wait_for_what_the_program_leaves(void **state)
{
	sk_autofree char *out = NULL;
	struct sk_err err = SK_ERR_INIT;
	uint64_t start = sk_clock_mono();
	int pid;

	(void)state;
	assert_int_equal(sk_proc_capture(SH("sleep 60 & echo $!"), DEADLINE_MS, &out,
					 NULL, &err),
			 0);
	assert_true(sk_clock_mono() - start < DEADLINE_MS * SK_NS_PER_MS);
	assert_int_equal(sscanf(out, "%d", &pid), 1);
	assert_return_code(kill(pid, SIGKILL), errno);
}

static void test_capture_has_a_limit(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_proc_capture(SH("exec cat /dev/zero"), DEADLINE_MS, NULL,
					 NULL, &err),
			 -EFBIG);
	assert_string_equal(err.msg, "'sh' printed more than 16 MiB");
}

static void test_pid_and_start_time_name_a_process(void **state)
{
	sk_autoclose int pidfd = -1;
	unsigned long long start = 0;

	(void)state;
	assert_int_equal(sk_proc_start_time(getpid(), &start), 0);
	assert_true(start > 0);
	assert_true(sk_proc_is(getpid(), start));
	assert_false(sk_proc_is(getpid(), start + 1));
	assert_false(sk_proc_is(0, start));
	pidfd = sk_proc_open(getpid(), start);
	assert_true(pidfd >= 0);
	assert_int_equal(sk_proc_open(getpid(), start + 1), -ESRCH);
	assert_int_equal(sk_proc_open(0, start), -ESRCH);
	assert_int_equal(sk_proc_start_time(0x7ffffff0, &start), -ESRCH);
	assert_int_equal(sk_proc_open(0x7ffffff0, start), -ESRCH);
}

static void test_name_with_blanks_and_parentheses_hides_nothing(void **state)
{
	unsigned long long before = 0, after = 0;
	char name[16] = "";

	(void)state;
	assert_int_equal(sk_proc_start_time(getpid(), &before), 0);
	assert_return_code(prctl(PR_GET_NAME, name), errno);
	assert_return_code(prctl(PR_SET_NAME, "a) Z 1 (b c"), errno);
	assert_int_equal(sk_proc_start_time(getpid(), &after), 0);
	assert_true(sk_proc_is(getpid(), before));
	assert_return_code(prctl(PR_SET_NAME, name), errno);
	assert_true(before == after);
}

static void test_zombie_is_not_alive(void **state)
{
	unsigned long long start = 0;
	siginfo_t info = {0};
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_return_code(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), errno);
	assert_int_equal(sk_proc_start_time(pid, &start), 0);
	assert_false(sk_proc_is(pid, start));
	assert_int_equal(sk_proc_open(pid, start), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_signals_have_names(void **state)
{
	static const struct {
		const char *name;
		int sig;
	} cases[] = {
		{"TERM", SIGTERM},    {"SIGTERM", SIGTERM}, {"term", SIGTERM},
		{"sigkill", SIGKILL}, {"15", 15},	    {"64", 64},
		{"RTMIN", 34},	      {"SIGRTMIN+3", 37},   {"RTMAX", 64},
		{"RTMAX-14", 50},     {"CLD", SIGCHLD},	    {"IO", SIGIO},
		{"0", -EINVAL},	      {"65", -EINVAL},	    {"", -EINVAL},
		{"SIG", -EINVAL},     {"TERMX", -EINVAL},   {"-9", -EINVAL},
		{"9x", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_proc_signal_number(cases[i].name) != cases[i].sig)
			fail_msg("'%s' is %d", cases[i].name,
				 sk_proc_signal_number(cases[i].name));
	assert_string_equal(sk_proc_signal_name(SIGTERM), "TERM");
	assert_string_equal(sk_proc_signal_name(SIGRTMIN + 3), "RTMIN+3");
	assert_null(sk_proc_signal_name(0));
	assert_null(sk_proc_signal_name(32));
	assert_null(sk_proc_signal_name(65));
	assert_null(sk_proc_signal_name(-1));
	for (int sig = 1; sig <= 64; sig++)
		if (sk_proc_signal_name(sig))
			assert_int_equal(sk_proc_signal_number(sk_proc_signal_name(sig)),
					 sig);
}

static void test_programs_are_found_in_path_and_sbin(void **state)
{
	const char *path = getenv("PATH");
	sk_autofree char *old = strdup(path ? path : "/usr/bin:/bin");
	sk_autofree char *sh = NULL, *ip = NULL;
	char *none = NULL;

	(void)state;
	assert_int_equal(sk_proc_find("sh", &sh), 0);
	assert_true(sh[0] == '/' && sk_str_ends(sh, "/sh"));
	assert_int_equal(setenv("PATH", ".::relative", 1), 0);
	assert_int_equal(sk_proc_find("sh", &none), -ENOENT);
	assert_int_equal(sk_proc_find("ldconfig", &ip), 0);
	assert_int_equal(setenv("PATH", old, 1), 0);
	assert_int_equal(sk_proc_find("/bin", &none), -ENOENT);
	assert_int_equal(sk_proc_find("/etc/passwd", &none), -ENOENT);
	assert_int_equal(sk_proc_find("", &none), -ENOENT);
	assert_null(none);
}

static void test_helper_beside_this_program_is_found(void **state)
{
	sk_autofree char *self = NULL, *got = NULL, *want = NULL;

	(void)state;
	assert_int_equal(sk_fs_self_dir(&self), 0);
	want = sk_strf("%s/test_proc", self);
	assert_int_equal(sk_proc_libexec("test_proc", &got, NULL), 0);
	assert_string_equal(got, want);
}

static void test_missing_helper_has_a_hint(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	char *none = NULL;

	(void)state;
	assert_int_equal(sk_proc_libexec("skiff-none", &none, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "'skiff-none' is not installed"));
	assert_string_equal(err.hint, "build it with 'make', or install all of skiff");
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_status_and_signal_are_told),
		cmocka_unit_test(test_missing_program_is_refused_at_once),
		cmocka_unit_test(test_only_descriptors_that_are_handed_on_arrive),
		cmocka_unit_test(test_descriptors_may_change_places),
		cmocka_unit_test(test_too_many_descriptors_are_refused),
		cmocka_unit_test(test_closed_descriptor_is_told),
		cmocka_unit_test(test_environment_folder_and_session_are_set),
		cmocka_unit_test(test_signals_start_unblocked_and_default),
		cmocka_unit_test(test_child_ends_with_its_parent_when_asked),
		cmocka_unit_test(test_wait_gives_up_and_leaves_the_child_alone),
		cmocka_unit_test(test_capture_returns_what_is_printed),
		cmocka_unit_test(test_capture_reads_more_than_a_pipe_holds),
		cmocka_unit_test(test_capture_quotes_the_end_of_stderr),
		cmocka_unit_test(test_capture_kills_at_its_deadline),
		cmocka_unit_test(test_capture_does_not_wait_for_what_the_program_leaves),
		cmocka_unit_test(test_capture_has_a_limit),
		cmocka_unit_test(test_pid_and_start_time_name_a_process),
		cmocka_unit_test(test_name_with_blanks_and_parentheses_hides_nothing),
		cmocka_unit_test(test_zombie_is_not_alive),
		cmocka_unit_test(test_signals_have_names),
		cmocka_unit_test(test_programs_are_found_in_path_and_sbin),
		cmocka_unit_test(test_helper_beside_this_program_is_found),
		cmocka_unit_test(test_missing_helper_has_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
