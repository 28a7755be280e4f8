// SPDX-License-Identifier: Apache-2.0
/* podman's verbs on containers that skiff-oci runs: run, exec, attach, pause, stop, kill, ... */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

static void expect_state(struct it *it, const char *name, const char *wanted)
{
	caller_expect(it, 0, "inspect", "--format",
		      "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", name);
	assert_string_equal(it->out, wanted);
}

static void test_run_hands_on_output_input_and_status(void **state)
{
	struct it *it = *state;

	caller_expect(it, 7, "run", "--rm", "box", "sh", "-c",
		      "echo out; echo err >&2; exit 7");
	assert_string_equal(it->out, "out\n");
	assert_string_equal(it->err, "err\n");
	caller_feed(it, 0, "in\n", "run", "--rm", "--interactive", "box", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 134, "run", "--rm", "--init", "--init-path",
		      "/usr/bin/tini-static", "box", "sh", "-c", "kill -ABRT $$");
}

static void test_a_missing_command_is_127_and_one_that_cannot_be_executed_126(
	void **state)
{
	struct it *it = *state;

	caller_expect(it, 127, "run", "--rm", "box", "nope");
	it_assert_has(it->err, "executable file not found");
	caller_expect(it, 127, "run", "--rm", "box", "/no/such");
	it_assert_has(it->err, "o such file or directory");
	caller_expect(it, 126, "run", "--rm", "box", "/etc/passwd");
	it_assert_has(it->err, "ermission denied");
	caller_expect(it, 126, "run", "--rm", "box", "/etc");
}

static void test_a_terminal_has_its_size_and_is_the_containers(void **state)
{
	struct it *it = *state;
	struct it_job job;
	sk_autoclose int slave = -1, master = caller_terminal(&slave);

	caller_start(it, &job, slave, "run", "--rm", "-it", "box", "sh");
	caller_type(master, "tty; " CALLER_AWAIT_SIZE "; stty size; exit 5\n");
	assert_int_equal(it_finish(it, &job), 5);
	it_assert_has(it->out, "/dev/pts/0\r\n40 100\r\n");
}

static void test_logs_and_wait_of_a_detached_container(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "d", "box", "sh", "-c",
		      "echo one; echo two >&2; exit 6");
	caller_expect(it, 0, "wait", "d");
	assert_string_equal(it->out, "6\n");
	caller_expect(it, 0, "logs", "d");
	assert_string_equal(it->out, "one\n");
	assert_string_equal(it->err, "two\n");
	expect_state(it, "d", "exited 6 false\n");
	caller_expect(it, 0, "rm", "d");
}

static void test_start_attach_and_restart(void **state)
{
	struct it *it = *state;
	struct it_job job;

	caller_expect(it, 0, "create", "--interactive", "--name", "a", "box", "cat");
	expect_state(it, "a", "created 0 false\n");
	caller_feed(it, 0, "hello\n", "start", "--attach", "--interactive", "a");
	assert_string_equal(it->out, "hello\n");
	expect_state(it, "a", "exited 0 false\n");
	caller_expect(it, 0, "rm", "a");

	caller_expect(
		it, 0, "run", "--detach", "--name", "a", "box", "sh", "-c",
		"trap 'echo bye; exit 4' TERM; while :; do echo tick; sleep 0.05; done");
	caller_start(it, &job, -1, "attach", "--no-stdin", "a");
	it_await_out(&job, "tick\n");
	caller_expect(it, 0, "restart", "--time", "20", "a");
	(void)it_finish(it, &job);
	it_assert_has(it->out, "bye\n");
	caller_await(it, "bye\ntick\n", "logs", "a");
	caller_expect(it, 0, "stop", "--time", "20", "a");
	expect_state(it, "a", "exited 4 false\n");
	caller_expect(it, 0, "rm", "a");
}

static void test_exec(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "x", "--env", "FROM=run", "box",
		      "sleep", "1000");
	caller_expect(it, 9, "exec", "x", "sh", "-c", "echo out; echo err >&2; exit 9");
	assert_string_equal(it->out, "out\n");
	it_assert_has(it->err, "err\n");
	caller_feed(it, 0, "in\n", "exec", "--interactive", "x", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 0, "exec", "--user", "user", "--workdir", "/tmp", "--env",
		      "A=b", "x", "sh", "-c", "id -u; id -G; pwd; echo $A $FROM");
	assert_string_equal(it->out, "1000\n1000 2000\n/tmp\nb run\n");
	caller_expect(it, 0, "exec", "--tty", "x", "tty");
	assert_string_equal(it->out, "/dev/pts/0\r\n");
	caller_expect(it, 127, "exec", "x", "nope");
	it_assert_has(it->err, "executable file not found");
	caller_expect(it, 126, "exec", "x", "/etc/passwd");
	it_assert_has(it->err, "ermission denied");
	caller_expect(it, 0, "exec", "--privileged", "x", "grep", "CapEff",
		      "/proc/self/status");
	it_assert_has(it->out, "000001f");
	caller_expect(it, 0, "exec", "--detach", "x", "touch", "/tmp/made");
	caller_await(it, "made", "exec", "x", "ls", "/tmp");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "x");
}

static void test_pause_stops_all_and_unpause_goes_on(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "p", "box", "sleep", "1000");
	caller_expect(it, 0, "pause", "p");
	expect_state(it, "p", "paused 0 false\n");
	caller_expect(it, 255, "exec", "p", "true");
	caller_expect(it, 0, "unpause", "p");
	expect_state(it, "p", "running 0 false\n");
	caller_expect(it, 0, "exec", "p", "true");
	caller_expect(it, 0, "pause", "p");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "p");
}

static void test_stop_asks_first_and_then_kills(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "s", "box", "sh", "-c",
		      "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
	caller_await(it, "up", "logs", "s");
	caller_expect(it, 0, "stop", "--time", "20", "s");
	expect_state(it, "s", "exited 3 false\n");
	caller_expect(it, 0, "rm", "s");
	caller_expect(it, 0, "run", "--detach", "--name", "s", "box", "sh", "-c",
		      "trap '' TERM; echo up; sleep 1000");
	caller_await(it, "up", "logs", "s");
	caller_expect(it, 0, "stop", "--time", "1", "s");
	expect_state(it, "s", "exited 137 false\n");
	caller_expect(it, 0, "rm", "s");
}

static void test_kill_sends_any_signal(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "k", "box", "sh", "-c",
		      "trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done");
	caller_await(it, "up", "logs", "k");
	caller_expect(it, 0, "kill", "--signal", "USR1", "k");
	caller_await(it, "usr1", "logs", "k");
	caller_expect(it, 0, "kill", "k");
	caller_expect(it, 0, "wait", "k");
	assert_string_equal(it->out, "137\n");
	caller_expect(it, 0, "rm", "k");
}

static void test_top_ps_and_stats_see_the_processes(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "t", "box", "sh", "-c",
		      "sleep 1000 & sleep 2000 & echo up; wait");
	caller_await(it, "up", "logs", "t");
	caller_expect(it, 0, "top", "t", "pid", "comm");
	it_assert_has(it->out, "1           sh\n");
	it_assert_has(it->out, "sleep\n");
	caller_expect(it, 0, "ps", "--format", "{{.Names}} {{.Status}}");
	it_assert_has(it->out, "t Up ");
	caller_expect(it, 0, "stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}",
		      "t");
	assert_string_equal(it->out, "t 3\n");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "t");
}

static void test_a_container_that_fails_is_started_again_as_often_as_asked(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "r", "--restart",
		      "on-failure:2", "box", "sh", "-c", "echo try; exit 1");
	caller_await(it, "2 exited", "inspect", "--format",
		     "{{.RestartCount}} {{.State.Status}}", "r");
	caller_expect(it, 0, "logs", "r");
	assert_string_equal(it->out, "try\ntry\ntry\n");
	caller_expect(it, 0, "rm", "r");
}

static void test_health_check(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "h", "--health-cmd",
		      "test -e /tmp/ill && exit 1 || exit 0", "--health-interval",
		      "disable", "box", "sleep", "1000");
	caller_expect(it, 0, "healthcheck", "run", "h");
	caller_expect(it, 0, "exec", "h", "touch", "/tmp/ill");
	caller_expect(it, 1, "healthcheck", "run", "h");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "h");
}

static void test_init_reaps_and_hands_signals_on(void **state)
{
	struct it *it = *state;

	caller_expect(
		it, 0, "run", "--detach", "--name", "i", "--init", "--init-path",
		"/usr/bin/tini-static", "box", "sh", "-c",
		"trap 'exit 8' TERM; cat /proc/1/comm; while :; do sleep 0.05; done");
	caller_await(it, "podman-init\n", "logs", "i");
	caller_expect(it, 0, "stop", "--time", "20", "i");
	expect_state(it, "i", "exited 8 false\n");
	caller_expect(it, 0, "rm", "i");
}

/* Each hook gets the container's state on its stdin. */
static void test_hooks_run_at_their_time_with_the_state(void **state)
{
	static const char *const stages[] = {"prestart", "createRuntime",
					     "createContainer", "poststart", "poststop"};
	struct it *it = *state;
	sk_autofree char *log = NULL;

	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/hooks"));
	caller_write_file("rootfs/bin/hook",
			  "#!/bin/sh\nread -r line\n"
			  "case $line in *'\"id\"'*) echo \"$1\" >> \"$2\" ;; esac\n");
	for (size_t i = 0; i < SK_ARRAY_SIZE(stages); i++) {
		sk_autofree char *name = sk_strf("hooks/%s.json", stages[i]);
		sk_autofree char *text = sk_strf(
			"{\"version\":\"1.0.0\",\"hook\":{\"path\":\"" CALLER_ROOTFS
			"/bin/hook\",\"args\":[\"hook\",\"%s\",\"" CALLER_DIR
			"/hooklog\"]},\"when\":{\"always\":true},\"stages\":[\"%s\"]}",
			stages[i], stages[i]);

		caller_write_file(name, text);
	}
	caller_write_file("hooklog", "");
	caller_expect(
		it, 0, "--hooks-dir", CALLER_DIR "/hooks", "run", "--rm", "--volume",
		CALLER_DIR "/hooklog:/hooklog", "box", "sh", "-c",
		"until grep -q poststart /hooklog; do sleep 0.01; done; echo body >> /hooklog");
	(void)it_command(it, IT_ARGS("rm", CALLER_ROOTFS "/bin/hook"));
	assert_int_equal(sk_fs_read(AT_FDCWD, CALLER_DIR "/hooklog", 4096, &log, NULL),
			 0);
	assert_string_equal(log, "prestart\ncreateRuntime\ncreateContainer\n"
				 "poststart\nbody\npoststop\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_run_hands_on_output_input_and_status),
		CALLER_TEST(
			test_a_missing_command_is_127_and_one_that_cannot_be_executed_126),
		CALLER_TEST(test_a_terminal_has_its_size_and_is_the_containers),
		CALLER_TEST(test_logs_and_wait_of_a_detached_container),
		CALLER_TEST(test_start_attach_and_restart),
		CALLER_TEST(test_exec),
		CALLER_TEST(test_pause_stops_all_and_unpause_goes_on),
		CALLER_TEST(test_stop_asks_first_and_then_kills),
		CALLER_TEST(test_kill_sends_any_signal),
		CALLER_TEST(test_top_ps_and_stats_see_the_processes),
		CALLER_TEST(
			test_a_container_that_fails_is_started_again_as_often_as_asked),
		CALLER_TEST(test_health_check),
		CALLER_TEST(test_init_reaps_and_hands_signals_on),
		CALLER_TEST(test_hooks_run_at_their_time_with_the_state),
	};

	return caller_run_group(tests, caller_podman_setup);
}
