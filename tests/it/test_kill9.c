// SPDX-License-Identifier: Apache-2.0
/* test_kill9 - after kill -9 of any skiff process the next command cleans what it left */
#include "tests/it/it.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

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
	it_await_out(&job, "up\n");
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
 * Killed after a growing number of microseconds, so that each step of the start is hit.
 * The delay is the subject here, not a wait for something.
 */
static void test_start_killed_at_any_point_leaves_nothing(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	for (unsigned int us = 0; us < 24000; us += 400) {
		struct it_job job;

		it_start(it, &job, -1, "run", "--rm", "--name", "it-early", "-m", "64m",
			 "@busybox", "sleep", "100");
		sk_clock_sleep_until(sk_clock_mono() + us * SK_NS_PER_US);
		assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
		assert_int_equal(it_finish(it, &job), 137);
		it_expect(it, 0, "ps", "-aq");
		if (*it->out)
			fail_msg("killed after %u us: still listed: %s", us, it->out);
	}
}

/* The monitor goes on without the one that asked for it, so the container may still appear. */
static void remove_until_gone(struct it *it, const char *name, unsigned int us)
{
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;

	do {
		if (sk_clock_mono() >= deadline)
			fail_msg("killed after %u us: still there: %s", us, it->out);
		(void)it_skiff(it, "rm", "-f", name);
		it_expect(it, 0, "ps", "-aq");
	} while (*it->out || it_has_children());
}

static void test_detached_start_killed_at_any_point_leaves_nothing_running(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	for (unsigned int us = 0; us < 24000; us += 800) {
		struct it_job job;

		it_start(it, &job, -1, "run", "-d", "--name", "it-early", "@busybox",
			 "sleep", "100");
		sk_clock_sleep_until(sk_clock_mono() + us * SK_NS_PER_US);
		(void)kill(job.proc.pid, SIGKILL);
		(void)it_finish(it, &job);
		remove_until_gone(it, "it-early", us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_killed_foreground_takes_its_container_along),
		IT_TEST(test_killed_foreground_without_rm_leaves_a_record),
		IT_TEST(test_killed_monitor_takes_its_container_along),
		IT_TEST(test_start_killed_at_any_point_leaves_nothing),
		IT_TEST(test_detached_start_killed_at_any_point_leaves_nothing_running),
	};

	return it_run_group(tests);
}
