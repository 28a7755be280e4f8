// SPDX-License-Identifier: Apache-2.0
/* containerd, by way of its shim, on containers that skiff-oci runs. */
#include "tests/it/callers.h"

#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define BOX		"docker.io/library/box:latest"
#define READ_NAMESPACES "readlink /proc/self/ns/uts; readlink /proc/self/ns/net"

/* What `ctr task list` tells of a container: "NAME PID STATUS". */
static char **task_fields(struct it *it, const char *name)
{
	sk_auto(sk_strv_free) char **lines = NULL;

	caller_expect(it, 0, "tasks", "list");
	lines = sk_strv_split(it->out, '\n');
	for (char **line = lines; line && *line; line++) {
		char **fields = NULL, *saved = NULL;

		for (char *field = strtok_r(*line, " ", &saved); field;
		     field = strtok_r(NULL, " ", &saved))
			assert_int_equal(sk_strv_add(&fields, field), 0);
		if (fields && sk_strv_len(fields) == 3 && strcmp(fields[0], name) == 0)
			return fields;
		sk_strv_free(fields);
	}
	fail_msg("no task '%s'", name);
	return NULL;
}

static void expect_task(struct it *it, const char *name, const char *wanted)
{
	sk_auto(sk_strv_free) char **fields = task_fields(it, name);

	assert_string_equal(fields[2], wanted);
}

static pid_t task_pid(struct it *it, const char *name)
{
	sk_auto(sk_strv_free) char **fields = task_fields(it, name);

	return (pid_t)strtol(fields[1], NULL, 10);
}

static void await_log(struct it *it, const char *name, const char *part)
{
	uint64_t tries = 3000;
	sk_autofree char *path = sk_strf(CALLER_DIR "/%s.log", name);

	do {
		(void)it_command(it, IT_ARGS("cat", path));
		if (strstr(it->out, part))
			return;
	} while (tries--);
	fail_msg("no '%s' in: %s", part, it->out);
}

static void end(struct it *it, const char *name)
{
	caller_argv(it, -1, IT_ARGS("tasks", "delete", "--force", name));
	caller_expect(it, 0, "containers", "rm", name);
}

static void test_run_hands_on_output_input_and_status(void **state)
{
	struct it *it = *state;

	caller_expect(it, 7, "run", "--rm", BOX, "r", "sh", "-c",
		      "echo out; echo err >&2; exit 7");
	assert_string_equal(it->out, "out\n");
	it_assert_has(it->err, "err\n");
	/* ctr does not hand on the end of its input */
	caller_feed(it, 0, "in\n", "run", "--rm", BOX, "r", "head", "-n", "1");
	assert_string_equal(it->out, "in\n");
}

static void test_what_cannot_be_executed_is_named_and_leaves_nothing(void **state)
{
	struct it *it = *state;

	caller_expect(it, 1, "run", "--rm", BOX, "m", "nope");
	it_assert_has(it->err, "executable file not found");
	caller_expect(it, 1, "run", "--rm", BOX, "m", "/etc/passwd");
	it_assert_has(it->err, "ermission denied");
}

static void test_a_terminal_has_its_size_and_is_the_containers(void **state)
{
	struct it *it = *state;
	struct it_job job;
	sk_autoclose int slave = -1, master = caller_terminal(&slave);
	char text[4096] = "";
	ssize_t got;

	caller_start(it, &job, slave, "run", "--rm", "--tty", BOX, "t", "sh");
	caller_type(master, "tty; " CALLER_AWAIT_SIZE "; stty size; exit 5\n");
	assert_int_equal(it_finish(it, &job), 5);
	/* ctr writes to its terminal, not to stdout */
	got = read(master, text, sizeof(text) - 1);
	assert_true(got > 0);
	it_assert_has(text, "/dev/pts/0\r");
	it_assert_has(text, "\n40 100\r");
}

static void test_a_detached_task_writes_its_log(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--log-uri",
		      "file://" CALLER_DIR "/d.log", BOX, "d", "sh", "-c",
		      "echo one; echo two >&2; exit 6");
	await_log(it, "d", "one\n");
	await_log(it, "d", "two\n");
	caller_await(it, "STOPPED", "tasks", "list");
	caller_expect(it, 0, "tasks", "delete", "d");
	it_assert_has(it->err, "non-zero exit code 6");
	caller_expect(it, 0, "containers", "rm", "d");
}

static void test_exec(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--env", "FROM=run", BOX, "x", "sleep",
		      "1000");
	caller_expect(it, 9, "tasks", "exec", "--exec-id", "1", "x", "sh", "-c",
		      "echo out; echo $FROM; exit 9");
	assert_string_equal(it->out, "out\nrun\n");
	caller_feed(it, 0, "in\n", "tasks", "exec", "--exec-id", "2", "x", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 1, "tasks", "exec", "--exec-id", "4", "x", "nope");
	it_assert_has(it->err, "executable file not found");
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "5", "--detach", "x", "touch",
		      "/tmp/made");
	caller_await(it, "made", "tasks", "exec", "--exec-id", "6", "x", "ls", "/tmp");
	/* last, as ctr mounts the root a second time to look the user up */
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "7", "--cwd", "/tmp", "--user",
		      "user", "x", "sh", "-c", "id -u; id -g; pwd");
	assert_string_equal(it->out, "1000\n1000\n/tmp\n");
	end(it, "x");
}

static void test_kill_reaches_one_exec_the_init_or_all(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--log-uri",
		      "file://" CALLER_DIR "/k.log", BOX, "k", "sh", "-c",
		      "trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done");
	await_log(it, "k", "up\n");
	caller_expect(it, 0, "tasks", "kill", "--signal", "USR1", "k");
	await_log(it, "k", "usr1\n");
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "e", "--detach", "k", "sleep",
		      "1000");
	caller_await(it, "1000", "tasks", "exec", "--exec-id", "p", "k", "ps");
	caller_expect(it, 0, "tasks", "kill", "--exec-id", "e", "--signal", "KILL", "k");
	expect_task(it, "k", "RUNNING");
	caller_expect(it, 0, "tasks", "kill", "--all", "--signal", "KILL", "k");
	caller_await(it, "STOPPED", "tasks", "list");
	caller_expect(it, 0, "tasks", "delete", "k");
	it_assert_has(it->err, "non-zero exit code 137");
	caller_expect(it, 0, "containers", "rm", "k");
}

static void test_pause_and_resume(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", BOX, "p", "sleep", "1000");
	caller_expect(it, 0, "tasks", "pause", "p");
	expect_task(it, "p", "PAUSED");
	caller_expect(it, 0, "tasks", "resume", "p");
	expect_task(it, "p", "RUNNING");
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "e", "p", "true");
	end(it, "p");
}

static void test_processes_and_metrics(void **state)
{
	struct it *it = *state;
	sk_autofree char *pid = NULL;

	caller_expect(it, 0, "run", "--detach", BOX, "s", "sleep", "1000");
	pid = sk_strf("%d", task_pid(it, "s"));
	caller_expect(it, 0, "tasks", "ps", "s");
	it_assert_has(it->out, pid);
	caller_expect(it, 0, "tasks", "metrics", "s");
	it_assert_has(it->out, "pids.current");
	it_assert_has(it->out, "memory.usage_in_bytes");
	end(it, "s");
}

static void test_attach_follows_the_output(void **state)
{
	struct it *it = *state;
	struct it_job job;

	caller_expect(it, 0, "run", "--detach", "--fifo-dir", CALLER_DIR "/fifos", BOX,
		      "a", "sh", "-c", "while :; do echo tick; sleep 0.05; done");
	caller_start(it, &job, -1, "tasks", "attach", "a");
	it_await_out(&job, "tick\n");
	caller_expect(it, 0, "tasks", "kill", "--signal", "KILL", "a");
	assert_int_equal(it_finish(it, &job), 137);
	caller_argv(it, -1, IT_ARGS("tasks", "delete", "a"));
	caller_expect(it, 0, "containers", "rm", "a");
}

static void test_limits_are_in_force_and_too_much_memory_is_told(void **state)
{
	static const struct caller_limit limits[] = {
		{"memory.limit_in_bytes", "20971520", "memory.max", "20971520"},
		{"cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"},
		{"cpu.shares", "512", "cpu.weight", "20"},
	};
	struct it *it = *state;
	struct it_job events;

	caller_expect(it, 0, "run", "--detach", "--memory-limit", "20971520", "--cpus",
		      "0.5", "--cpu-shares", "512", BOX, "l", "sleep", "1000");
	caller_expect_limits(task_pid(it, "l"), limits, SK_ARRAY_SIZE(limits));
	caller_start(it, &events, -1, "events");
	caller_expect(it, 137, "tasks", "exec", "--exec-id", "e", "l", "tail",
		      "/dev/zero");
	it_await_out(&events, "/tasks/oom {\"container_id\":\"l\"}");
	(void)kill(events.proc.pid, SIGTERM);
	(void)it_finish(it, &events);
	end(it, "l");
}

static void test_mounts_capabilities_and_seccomp(void **state)
{
	struct it *it = *state;

	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/volume"));
	caller_write_file("volume/file", "text\n");
	caller_expect(it, 1, "run", "--rm", "--read-only", "--cwd", "/tmp", "--mount",
		      "type=bind,src=" CALLER_DIR "/volume,dst=/ro,options=rbind:ro", BOX,
		      "v", "sh", "-c", "pwd; cat /ro/file; touch /ro/x; touch /x");
	assert_string_equal(it->out, "/tmp\ntext\n");
	it_assert_has(it->err, "touch: /ro/x: Read-only file system\n"
			       "touch: /x: Read-only file system\n");
	caller_expect(it, 0, "run", "--rm", "--cap-drop", "CAP_CHOWN", "--cap-add",
		      "CAP_SYS_TIME", BOX, "v", "grep", "CapEff", "/proc/self/status");
	assert_string_equal(it->out, "CapEff:\t00000000aa0425fa\n");
	caller_expect(it, 0, "run", "--rm", "--seccomp", BOX, "v", "sh", "-c",
		      "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status");
	assert_string_equal(it->out, "NoNewPrivs:\t1\nSeccomp:\t2\n");
	caller_expect(it, 0, "run", "--rm", "--privileged", BOX, "v", "sh", "-c",
		      "mount -t tmpfs x /tmp && grep Seccomp: /proc/self/status");
	assert_string_equal(it->out, "Seccomp:\t0\n");
}

static void test_namespaces_of_the_host_and_of_others(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = NULL, *first = NULL;

	caller_expect(it, 0, "run", "--detach", "--net-host", BOX, "n", "sleep", "1000");
	path = sk_strf("uts:/proc/%d/ns/uts", task_pid(it, "n"));
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "e", "n", "sh", "-c",
		      READ_NAMESPACES);
	first = sk_steal(&it->out);
	caller_expect(it, 0, "run", "--rm", "--net-host", "--with-ns", path, BOX, "m",
		      "sh", "-c", READ_NAMESPACES);
	assert_string_equal(it->out, first);
	(void)it_command(it, IT_ARGS("readlink", "/proc/self/ns/net"));
	it_assert_has(first, it->out);
	end(it, "n");
}

static void test_a_user_namespace_with_ranges(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", "--uidmap", "0:100000:65536", "--gidmap",
		      "0:200000:65536", BOX, "u", "sh", "-c",
		      "id -u; tr -s ' ' < /proc/self/uid_map; stat -c '%u %g' /");
	assert_string_equal(it->out, "0\n 0 100000 65536\n0 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_run_hands_on_output_input_and_status),
		CALLER_TEST(test_what_cannot_be_executed_is_named_and_leaves_nothing),
		CALLER_TEST(test_a_terminal_has_its_size_and_is_the_containers),
		CALLER_TEST(test_a_detached_task_writes_its_log),
		CALLER_TEST(test_exec),
		CALLER_TEST(test_kill_reaches_one_exec_the_init_or_all),
		CALLER_TEST(test_pause_and_resume),
		CALLER_TEST(test_processes_and_metrics),
		CALLER_TEST(test_attach_follows_the_output),
		CALLER_TEST(test_limits_are_in_force_and_too_much_memory_is_told),
		CALLER_TEST(test_mounts_capabilities_and_seccomp),
		CALLER_TEST(test_namespaces_of_the_host_and_of_others),
		CALLER_TEST(test_a_user_namespace_with_ranges),
	};

	return caller_run_group(tests, caller_containerd_setup);
}
