// SPDX-License-Identifier: Apache-2.0
/* test_kill9 - after kill -9 of any skiff process the next command cleans what it left */
#include "tests/it/it.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define BOX	"run", "--rm", "@busybox"
#define FOREVER "echo up; while :; do sleep 0.1; done"

static pid_t container_pid(struct it *it, const char *name)
{
	it_expect(it, 0, "inspect", "--format", "{{.pid}}", name);
	return (pid_t)strtol(it->out, NULL, 10);
}

static void await_end(pid_t pid)
{
	uint64_t deadline = sk_clock_mono() + 20 * SK_NS_PER_S;
	sk_autofree char *path = sk_strf("/proc/%d/root/proc", pid);

	while (sk_fs_exists(AT_FDCWD, path)) {
		if (sk_clock_mono() >= deadline)
			fail_msg("process %d is still there", pid);
		sk_clock_sleep_until(sk_clock_mono() + 5 * SK_NS_PER_MS);
	}
}

/* Parent of a process, from /proc/PID/stat. */
static pid_t parent_of(pid_t pid)
{
	sk_autofree char *path = sk_strf("/proc/%d/stat", pid);
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(AT_FDCWD, path, 4096, &text, NULL), 0);
	return (pid_t)strtol(strrchr(text, ')') + 4, NULL, 10);
}

static void test_killed_foreground_takes_its_container_along(void **state)
{
	struct it *it = *state;
	struct it_job job;
	pid_t inner;

	it_need_root(it);
	it_start(it, &job, -1, "run", "--rm", "--name", "it-killed", "-m", "64m",
		 "@busybox", "sh", "-c", FOREVER);
	it_await_status(it, "it-killed", "running");
	inner = container_pid(it, "it-killed");
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 137);
	await_end(inner);
	it_expect(it, 0, "ps", "-aq");
	assert_string_equal(it->out, "");
	it_expect(it, 0, "run", "--rm", "--name", "it-killed", "@busybox", "true");
}

static void test_killed_foreground_without_rm_leaves_a_record(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_start(it, &job, -1, "run", "--name", "it-killed", "@busybox", "sh", "-c",
		 FOREVER);
	it_await_status(it, "it-killed", "running");
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 137);
	it_expect(it, 0, "ps", "-a", "--format", "{{.name}} {{.status}}");
	assert_string_equal(it->out, "it-killed exited\n");
	it_expect(it, 0, "rm", "it-killed");
}

static void test_killed_monitor_takes_its_container_along(void **state)
{
	struct it *it = *state;
	pid_t inner, monitor;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-orphan", "-m", "64m", "@busybox",
		  "sh", "-c", FOREVER);
	inner = container_pid(it, "it-orphan");
	monitor = parent_of(inner);
	assert_int_not_equal(monitor, getpid());
	assert_int_equal(kill(monitor, SIGKILL), 0);
	await_end(inner);
	it_expect(it, 0, "ps", "-a", "--format", "{{.name}} {{.status}}");
	assert_string_equal(it->out, "it-orphan exited\n");
	it_expect(it, 0, "rm", "it-orphan");
}

/*
 * Start skiff and kill it as it makes its system call number @nth.
 * Returns false when it ended before that.
 */
static bool kill_at_call(struct it *it, const char *const *args, unsigned int nth)
{
	sk_auto(sk_strv_free) char **words = it_skiff_words(it, args);
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		(void)dup2(null_fd, 0);
		(void)dup2(null_fd, 1);
		(void)dup2(null_fd, 2);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
			(void)execv(words[0], words);
		_exit(126);
	}
	assert_true(pid > 0);
	/* Each call stops it twice: as it enters and as it leaves. */
	for (unsigned int stop = 0; stop < 2 * nth; stop++) {
		int sig = 0;

		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) != SIGTRAP)
			sig = WSTOPSIG(status);
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, 0, sig), 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return false;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void test_run_killed_at_any_system_call_leaves_nothing(void **state)
{
	static const char *const args[] = {"run", "--rm",     "--name", "it-early", "-m",
					   "64m", "@busybox", "true",	NULL};
	struct it *it = *state;
	unsigned int nth = 1;

	it_need_root(it);
	it_expect(it, 0, BOX, "true");
	for (; kill_at_call(it, args, nth); nth++) {
		it_expect(it, 0, "ps", "-aq");
		if (*it->out)
			fail_msg("killed at call %u: still listed: %s", nth, it->out);
		if (it_find_leftover(it))
			fail_msg("killed at call %u", nth);
	}
	assert_true(nth > 100);
}

/* The monitor goes on without the one that asked for it, so the container may still appear. */
static void remove_until_gone(struct it *it, const char *name, unsigned int nth)
{
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;

	do {
		if (sk_clock_mono() >= deadline)
			fail_msg("killed at call %u: still there: %s", nth, it->out);
		(void)it_skiff(it, "rm", "-f", name);
		it_expect(it, 0, "ps", "-aq");
	} while (*it->out || it_has_children());
}

static void test_detached_run_killed_at_any_system_call_can_be_removed(void **state)
{
	static const char *const args[] = {"run",      "-d",	"--name", "it-early",
					   "@busybox", "sleep", "1000",	  NULL};
	struct it *it = *state;
	unsigned int nth = 1;

	it_need_root(it);
	it_expect(it, 0, BOX, "true");
	for (; kill_at_call(it, args, nth); nth++)
		remove_until_gone(it, "it-early", nth);
	remove_until_gone(it, "it-early", nth);
	assert_true(nth > 50);
}

static void test_removal_killed_at_any_system_call_can_be_repeated(void **state)
{
	static const char *const args[] = {"rm", "-f", "it-early", NULL};
	struct it *it = *state;
	unsigned int nth = 1;
	bool was_killed;

	it_need_root(it);
	do {
		it_expect(it, 0, "run", "-d", "--name", "it-early", "@busybox", "sleep",
			  "1000");
		was_killed = kill_at_call(it, args, nth);
		remove_until_gone(it, "it-early", nth);
		nth++;
	} while (was_killed);
	assert_true(nth > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_killed_foreground_takes_its_container_along),
		IT_TEST(test_killed_foreground_without_rm_leaves_a_record),
		IT_TEST(test_killed_monitor_takes_its_container_along),
		IT_TEST(test_run_killed_at_any_system_call_leaves_nothing),
		IT_TEST(test_detached_run_killed_at_any_system_call_can_be_removed),
		IT_TEST(test_removal_killed_at_any_system_call_can_be_repeated),
	};

	return it_run_group(tests);
}
