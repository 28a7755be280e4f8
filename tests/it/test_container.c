// SPDX-License-Identifier: Apache-2.0
/* test_container - detached containers: ps, exec, logs, stop, kill, rm, inspect */
#include "tests/it/it.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

/* A container that runs until it is told to end. */
#define WAITER "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.1; done"

static const char same_namespaces[] =
	"for n in pid net mnt uts ipc user cgroup; do "
	"test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) || exit 1; done";

static void start_waiter(struct it *it, const char *name)
{
	sk_autofree char *line = sk_strf("%s\n", name);

	it_expect(it, 0, "run", "-d", "--name", name, "@busybox", "sh", "-c", WAITER);
	assert_string_equal(it->out, line);
	it_await_text(it, "up\n", IT_ARGS("logs", name));
}

static void test_detached_container_runs_and_is_listed(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	start_waiter(it, "it-one");
	it_expect(it, 0, "ps", "--format", "{{.name}} {{.image}} {{.status}}");
	it_assert_has(it->out, "it-one @busybox running\n");
	it_expect(it, 0, "ps", "-q");
	assert_string_equal(it->out, "it-one\n");
	it_expect(it, 0, "ps");
	it_assert_has(it->out, "NAME");
	it_assert_has(it->out, "it-one");
	it_assert_has(it->out, " sh -c trap ");
	it_expect(it, 0, "rm", "-f", "it-one");
}

static void test_no_containers_are_an_empty_list(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "ps", "-a", "--format", "json");
	assert_string_equal(it->out, "[]\n");
	it_expect(it, 0, "ps", "-q");
	assert_string_equal(it->out, "");
}

static void test_exit_status_of_a_detached_container_is_kept(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-five", "@busybox", "sh", "-c",
		  "exit 5");
	it_await_status(it, "it-five", "exited");
	it_expect(it, 0, "inspect", "--format", "{{.exit_code}}", "it-five");
	assert_string_equal(it->out, "5\n");
	it_expect(it, 0, "rm", "it-five");
}

static void test_detached_with_rm_removes_itself(void **state)
{
	struct it *it = *state;
	uint64_t deadline = sk_clock_mono() + 20 * SK_NS_PER_S;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--rm", "--name", "it-gone", "@busybox", "true");
	do {
		it_expect(it, 0, "ps", "-aq");
		assert_true(sk_clock_mono() < deadline);
	} while (strstr(it->out, "it-gone"));
}

static void test_detached_start_failure_is_reported_at_once(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 127, "run", "-d", "--name", "it-fail", "@busybox", "no-such");
	it_assert_has(it->err, "no-such");
	it_expect(it, 0, "ps", "-aq");
	assert_string_equal(it->out, "");
}

/* ---- exec ---- */

static void test_exec_runs_inside_and_returns_its_status(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	start_waiter(it, "it-exec");
	it_expect(it, 3, "exec", "it-exec", "sh", "-c", "hostname; exit 3");
	assert_string_equal(it->out, "it-exec\n");
	it_expect(it, 0, "exec", "-e", "K=v", "-w", "/tmp", "-u", "12:34", "it-exec",
		  "sh", "-c", "echo $K; pwd; id -u; id -g");
	assert_string_equal(it->out, "v\n/tmp\n12\n34\n");
	it_expect(it, 0, "exec", "it-exec", "sh", "-c", same_namespaces);
	it_expect(it, 0, "exec", "it-exec", "cat", "/proc/self/status");
	it_assert_has(it->out, "NoNewPrivs:\t1");
	it_assert_has(it->out, "Seccomp:\t2");
	it_expect(it, 0, "rm", "-f", "it-exec");
}

static void test_exec_failures_have_podmans_statuses(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	start_waiter(it, "it-exec");
	it_expect(it, 127, "exec", "it-exec", "no-such");
	it_assert_has(it->err, "no-such");
	it_expect(it, 126, "exec", "it-exec", "/etc");
	it_expect(it, 125, "exec", "it-exce", "true");
	it_assert_has(it->err, "it-exce");
	it_assert_has(it->err, "it-exec");
	it_expect(it, 0, "stop", "it-exec");
	it_expect(it, 125, "exec", "it-exec", "true");
	it_assert_has(it->err, "it-exec");
	it_expect(it, 0, "rm", "it-exec");
}

static void test_exec_takes_stdin_and_a_terminal(void **state)
{
	struct it *it = *state;
	struct it_job job;
	int fds[2];

	it_need_root(it);
	start_waiter(it, "it-exec");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	it_start(it, &job, fds[0], "exec", "-i", "it-exec", "cat");
	assert_int_equal(write(fds[1], "word\n", 5), 5);
	(void)close(fds[1]);
	assert_int_equal(it_finish(it, &job), 0);
	assert_string_equal(it->out, "word\n");
	(void)close(fds[0]);
	it_expect(it, 0, "exec", "-t", "it-exec", "tty");
	it_assert_has(it->out, "/dev/pts/");
	it_expect(it, 0, "rm", "-f", "it-exec");
}

static void test_detached_exec_goes_on_alone(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	start_waiter(it, "it-exec");
	it_expect(it, 0, "exec", "-d", "it-exec", "sh", "-c", "echo done > /tmp/mark");
	it_await_text(it, "done\n", IT_ARGS("exec", "it-exec", "cat", "/tmp/mark"));
	it_expect(it, 0, "rm", "-f", "it-exec");
}

/* ---- logs ---- */

static void test_logs_keep_both_streams_and_can_be_cut(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-log", "@busybox", "sh", "-c",
		  "for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2");
	it_await_status(it, "it-log", "exited");
	it_expect(it, 0, "logs", "it-log");
	assert_string_equal(it->out, "line 1\nline 2\nline 3\nline 4\nline 5\n");
	assert_string_equal(it->err, "oops\n");
	it_expect(it, 0, "logs", "--tail", "0", "it-log");
	assert_string_equal(it->out, "");
	it_expect(it, 0, "logs", "--tail", "3", "it-log");
	it_assert_has(it->out, "line 5\n");
	assert_null(strstr(it->out, "line 1\n"));
	it_expect(it, 0, "logs", "-t", "it-log");
	it_assert_has(it->out, "Z line 1\n");
	assert_memory_equal(it->out, "20", 2);
	it_expect(it, 0, "rm", "it-log");
	it_expect(it, 1, "logs", "it-log");
	it_assert_has(it->err, "it-log");
}

static void test_followed_log_ends_with_the_container(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	start_waiter(it, "it-follow");
	it_start(it, &job, -1, "logs", "-f", "it-follow");
	it_await_out(&job, "up\n");
	it_expect(it, 0, "stop", "it-follow");
	assert_int_equal(it_finish(it, &job), 0);
	assert_string_equal(it->out, "up\nbye\n");
	it_expect(it, 0, "rm", "it-follow");
}

/* ---- stop, kill, rm ---- */

static void test_stop_asks_before_it_kills(void **state)
{
	struct it *it = *state;
	uint64_t begin;

	it_need_root(it);
	start_waiter(it, "it-polite");
	it_expect(it, 0, "stop", "it-polite");
	assert_string_equal(it->out, "it-polite\n");
	it_expect(it, 0, "inspect", "--format", "{{.status}} {{.exit_code}}",
		  "it-polite");
	assert_string_equal(it->out, "exited 9\n");
	it_expect(it, 0, "stop", "it-polite");

	it_expect(it, 0, "run", "-d", "--name", "it-deaf", "@busybox", "sh", "-c",
		  "trap : TERM; echo up; while :; do sleep 0.1; done");
	it_await_text(it, "up\n", IT_ARGS("logs", "it-deaf"));
	begin = sk_clock_mono();
	it_expect(it, 0, "stop", "-t", "1", "it-deaf");
	assert_in_range((sk_clock_mono() - begin) / SK_NS_PER_MS, 900, 6000);
	it_expect(it, 0, "inspect", "--format", "{{.exit_code}}", "it-deaf");
	assert_string_equal(it->out, "137\n");
	it_expect(it, 0, "rm", "it-polite", "it-deaf");
	assert_string_equal(it->out, "it-polite\nit-deaf\n");

	/* Process 1 never feels a signal that it does not catch: no use in waiting. */
	it_expect(it, 0, "run", "-d", "--name", "it-numb", "@busybox", "sleep", "1000");
	begin = sk_clock_mono();
	it_expect(it, 0, "stop", "it-numb");
	assert_true(sk_clock_mono() - begin < 5 * SK_NS_PER_S);
	it_expect(it, 0, "rm", "it-numb");
}

static void test_kill_sends_the_signal_that_was_asked_for(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-sig", "@busybox", "sh", "-c",
		  "trap 'echo usr1' USR1; echo up; while :; do sleep 0.1; done");
	it_await_text(it, "up\n", IT_ARGS("logs", "it-sig"));
	it_expect(it, 0, "kill", "-s", "SIGUSR1", "it-sig");
	it_await_text(it, "usr1\n", IT_ARGS("logs", "it-sig"));
	it_expect(it, 2, "kill", "-s", "NOSUCH", "it-sig");
	it_assert_has(it->err, "NOSUCH");
	it_expect(it, 0, "kill", "it-sig");
	it_await_status(it, "it-sig", "exited");
	it_expect(it, 0, "inspect", "--format", "{{.exit_code}}", "it-sig");
	assert_string_equal(it->out, "137\n");
	it_expect(it, 1, "kill", "it-sig");
	it_expect(it, 0, "rm", "it-sig");
}

static void test_signals_of_a_foreground_run_are_handed_on(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_start(it, &job, -1, "run", "--rm", "@busybox", "sh", "-c", WAITER);
	it_await_out(&job, "up\n");
	assert_int_equal(kill(job.proc.pid, SIGTERM), 0);
	assert_int_equal(it_finish(it, &job), 9);
	assert_string_equal(it->out, "up\nbye\n");
}

static void test_killed_foreground_container_is_137(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_start(it, &job, -1, "run", "--rm", "--name", "it-fg", "@busybox", "sh", "-c",
		 WAITER);
	it_await_status(it, "it-fg", "running");
	it_expect(it, 0, "kill", "it-fg");
	assert_int_equal(it_finish(it, &job), 137);
	assert_string_equal(it->err, "");
}

static void test_rm_has_podmans_statuses(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	start_waiter(it, "it-running");
	it_expect(it, 2, "rm", "it-running");
	it_assert_has(it->err, "it-running");
	it_assert_has(it->err, "hint: ");
	it_expect(it, 1, "rm", "it-missing");
	it_assert_has(it->err, "it-missing");
	it_expect(it, 2, "rm", "it-missing", "it-running");
	it_expect(it, 0, "rm", "--force", "it-running");
	it_expect(it, 0, "ps", "-aq");
	assert_string_equal(it->out, "");
}

static void test_two_forced_removals_at_once_are_fine(void **state)
{
	struct it *it = *state;
	struct it_job jobs[4];
	unsigned int good = 0;

	it_need_root(it);
	start_waiter(it, "it-twice");
	for (size_t i = 0; i < SK_ARRAY_SIZE(jobs); i++)
		it_start(it, &jobs[i], -1, "rm", "-f", "it-twice");
	for (size_t i = 0; i < SK_ARRAY_SIZE(jobs); i++) {
		if (it_finish(it, &jobs[i]) == 0)
			good++;
		else
			it_assert_has(it->err, "it-twice");
	}
	assert_true(good >= 1);
}

static void test_inspect_prints_an_array_and_what_is_missing(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *object;

	it_need_root(it);
	start_waiter(it, "it-seen");
	it_expect(it, 1, "inspect", "it-unseen", "it-seen");
	it_assert_has(it->err, "it-unseen");
	if (sk_json_parse(it->out, strlen(it->out), "stdout", &list, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_json_len(list), 1);
	object = sk_json_at(list, 0);
	assert_string_equal(sk_json_str(sk_json_get(object, "name"), ""), "it-seen");
	assert_string_equal(sk_json_str(sk_json_get(object, "image"), ""), "@busybox");
	assert_string_equal(sk_json_str(sk_json_get(object, "status"), ""), "running");
	assert_true(sk_json_int(sk_json_get(object, "pid"), 0) > 1);
	it_expect(it, 1, "inspect", "it-unseen");
	assert_string_equal(it->out, "[]\n");
	it_expect(it, 0, "rm", "-f", "it-seen");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_detached_container_runs_and_is_listed),
		IT_TEST(test_no_containers_are_an_empty_list),
		IT_TEST(test_exit_status_of_a_detached_container_is_kept),
		IT_TEST(test_detached_with_rm_removes_itself),
		IT_TEST(test_detached_start_failure_is_reported_at_once),
		IT_TEST(test_exec_runs_inside_and_returns_its_status),
		IT_TEST(test_exec_failures_have_podmans_statuses),
		IT_TEST(test_exec_takes_stdin_and_a_terminal),
		IT_TEST(test_detached_exec_goes_on_alone),
		IT_TEST(test_logs_keep_both_streams_and_can_be_cut),
		IT_TEST(test_followed_log_ends_with_the_container),
		IT_TEST(test_stop_asks_before_it_kills),
		IT_TEST(test_kill_sends_the_signal_that_was_asked_for),
		IT_TEST(test_signals_of_a_foreground_run_are_handed_on),
		IT_TEST(test_killed_foreground_container_is_137),
		IT_TEST(test_rm_has_podmans_statuses),
		IT_TEST(test_two_forced_removals_at_once_are_fine),
		IT_TEST(test_inspect_prints_an_array_and_what_is_missing),
	};

	return it_run_group(tests);
}
