// SPDX-License-Identifier: Apache-2.0
/* docker's daemon and client on containers that skiff-oci runs. */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define QUIET "--network", "none"

static void expect_state(struct it *it, const char *name, const char *wanted)
{
	caller_expect(it, 0, "inspect", "--format",
		      "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", name);
	assert_string_equal(it->out, wanted);
}

static void test_run_hands_on_output_input_and_status(void **state)
{
	struct it *it = *state;

	caller_expect(it, 7, "run", "--rm", QUIET, "box", "sh", "-c",
		      "echo out; echo err >&2; exit 7");
	assert_string_equal(it->out, "out\n");
	assert_string_equal(it->err, "err\n");
	caller_feed(it, 0, "in\n", "run", "--rm", QUIET, "--interactive", "box", "cat");
	assert_string_equal(it->out, "in\n");
}

static void test_a_missing_command_is_127_and_one_that_cannot_be_executed_126(
	void **state)
{
	struct it *it = *state;

	caller_expect(it, 127, "run", "--rm", QUIET, "box", "nope");
	it_assert_has(it->err, "executable file not found");
	caller_expect(it, 127, "run", "--rm", QUIET, "box", "/no/such");
	it_assert_has(it->err, "no such file or directory");
	caller_expect(it, 126, "run", "--rm", QUIET, "box", "/etc/passwd");
	it_assert_has(it->err, "permission denied");
}

static void test_a_terminal_is_the_containers_own(void **state)
{
	struct it *it = *state;
	struct it_job job;
	sk_autoclose int slave = -1, master = caller_terminal(&slave);

	caller_start(it, &job, slave, "run", "--rm", QUIET, "-it", "box", "sh");
	caller_type(master, "tty; exit 5\n");
	assert_int_equal(it_finish(it, &job), 5);
	it_assert_has(it->out, "/dev/pts/0\r\n");
}

static void test_logs_wait_and_attach(void **state)
{
	struct it *it = *state;
	struct it_job job;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "dd", "box", "sh", "-c",
		      "echo one; echo two >&2; exit 6");
	caller_expect(it, 0, "wait", "dd");
	assert_string_equal(it->out, "6\n");
	caller_expect(it, 0, "logs", "dd");
	assert_string_equal(it->out, "one\n");
	assert_string_equal(it->err, "two\n");
	expect_state(it, "dd", "exited 6 false\n");
	caller_expect(it, 0, "rm", "dd");

	caller_expect(
		it, 0, "run", "--detach", QUIET, "--name", "aa", "box", "sh", "-c",
		"trap 'echo bye; exit 4' TERM; while :; do echo tick; sleep 0.05; done");
	caller_start(it, &job, -1, "attach", "--no-stdin", "--sig-proxy=false", "aa");
	it_await_out(&job, "tick\n");
	caller_expect(it, 0, "restart", "--time", "20", "aa");
	(void)it_finish(it, &job);
	it_assert_has(it->out, "bye\n");
	caller_await(it, "bye\ntick\n", "logs", "aa");
	caller_expect(it, 0, "stop", "--time", "20", "aa");
	expect_state(it, "aa", "exited 4 false\n");
	caller_expect(it, 0, "rm", "aa");
}

static void test_exec(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "xx", "--env",
		      "FROM=run", "box", "sleep", "1000");
	caller_expect(it, 9, "exec", "xx", "sh", "-c", "echo out; echo err >&2; exit 9");
	assert_string_equal(it->out, "out\n");
	assert_string_equal(it->err, "err\n");
	caller_feed(it, 0, "in\n", "exec", "--interactive", "xx", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 0, "exec", "--user", "user", "--workdir", "/tmp", "--env",
		      "A=b", "xx", "sh", "-c", "id -u; id -G; pwd; echo $A $FROM");
	assert_string_equal(it->out, "1000\n1000 2000\n/tmp\nb run\n");
	caller_expect(it, 0, "exec", "--tty", "xx", "tty");
	assert_string_equal(it->out, "/dev/pts/0\r\n");
	caller_expect(it, 126, "exec", "xx", "/etc/passwd");
	caller_expect(it, 0, "exec", "--detach", "xx", "touch", "/tmp/made");
	caller_await(it, "made", "exec", "xx", "ls", "/tmp");
	caller_expect(it, 0, "rm", "--force", "xx");
}

static void test_pause_stops_all_and_unpause_goes_on(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "pp", "box", "sleep",
		      "1000");
	caller_expect(it, 0, "pause", "pp");
	expect_state(it, "pp", "paused 0 false\n");
	caller_expect(it, 0, "unpause", "pp");
	expect_state(it, "pp", "running 0 false\n");
	caller_expect(it, 0, "exec", "pp", "true");
	caller_expect(it, 0, "pause", "pp");
	caller_expect(it, 0, "rm", "--force", "pp");
}

static void test_stop_asks_first_and_then_kills(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "ss", "box", "sh", "-c",
		      "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
	caller_await(it, "up", "logs", "ss");
	caller_expect(it, 0, "stop", "--time", "20", "ss");
	expect_state(it, "ss", "exited 3 false\n");
	caller_expect(it, 0, "rm", "ss");
	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "ss", "box", "sh", "-c",
		      "trap '' TERM; trap 'echo usr1' USR1; echo up;"
		      "while :; do sleep 0.05; done");
	caller_await(it, "up", "logs", "ss");
	caller_expect(it, 0, "kill", "--signal", "USR1", "ss");
	caller_await(it, "usr1", "logs", "ss");
	caller_expect(it, 0, "stop", "--time", "1", "ss");
	expect_state(it, "ss", "exited 137 false\n");
	caller_expect(it, 0, "rm", "ss");
}

static void test_top_ps_and_stats_see_the_processes(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "tt", "box", "sh", "-c",
		      "sleep 1000 & sleep 2000 & echo up; wait");
	caller_await(it, "up", "logs", "tt");
	caller_expect(it, 0, "top", "tt");
	it_assert_has(it->out, "sleep 1000");
	it_assert_has(it->out, "sleep 2000");
	caller_expect(it, 0, "ps", "--format", "{{.Names}} {{.State}}");
	assert_string_equal(it->out, "tt running\n");
	caller_expect(it, 0, "stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}",
		      "tt");
	assert_string_equal(it->out, "tt 3\n");
	caller_expect(it, 0, "rm", "--force", "tt");
}

static void test_a_container_that_fails_is_started_again_as_often_as_asked(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "rr", "--restart",
		      "on-failure:2", "box", "sh", "-c", "echo try; exit 1");
	caller_await(it, "2 exited", "inspect", "--format",
		     "{{.RestartCount}} {{.State.Status}}", "rr");
	caller_expect(it, 0, "logs", "rr");
	assert_string_equal(it->out, "try\ntry\ntry\n");
	caller_expect(it, 0, "rm", "rr");
}

static void test_health_check(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "hh", "--health-cmd",
		      "test ! -e /tmp/ill", "--health-interval", "100ms",
		      "--health-retries", "1", "box", "sleep", "1000");
	caller_await(it, "healthy", "inspect", "--format", "{{.State.Health.Status}}",
		     "hh");
	caller_expect(it, 0, "exec", "hh", "touch", "/tmp/ill");
	caller_await(it, "unhealthy", "inspect", "--format", "{{.State.Health.Status}}",
		     "hh");
	caller_expect(it, 0, "rm", "--force", "hh");
}

static void test_limits_are_in_force_and_can_be_changed(void **state)
{
	static const struct caller_limit first[] = {
		{"memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
		{"memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432"},
		{"pids.max", "33", "pids.max", "33"},
		{"cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"},
		{"cpu.shares", "512", "cpu.weight", "20"},
		{"cpuset.cpus", "0", "cpuset.cpus", "0"},
	};
	static const struct caller_limit then[] = {
		{"memory.limit_in_bytes", "134217728", "memory.max", "134217728"},
		{"pids.max", "44", "pids.max", "44"},
		{"cpu.cfs_quota_us", "150000", "cpu.max", "150000 100000"},
		{"cpu.shares", "256", "cpu.weight", "10"},
	};
	struct it *it = *state;
	pid_t pid;

	caller_expect(it, 0, "run", "--detach", QUIET, "--name", "ll", "--memory", "64m",
		      "--memory-reservation", "32m", "--pids-limit", "33", "--cpus",
		      "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "box", "sleep",
		      "1000");
	pid = caller_pid(it, "ll");
	caller_expect_limits(pid, first, SK_ARRAY_SIZE(first));
	caller_expect(it, 0, "update", "--memory", "128m", "--memory-swap", "256m",
		      "--cpus", "1.5", "--cpu-shares", "256", "--pids-limit", "44", "ll");
	caller_expect_limits(pid, then, SK_ARRAY_SIZE(then));
	caller_expect(it, 0, "rm", "--force", "ll");
}

static void test_too_much_memory_is_killed_and_told(void **state)
{
	struct it *it = *state;

	caller_expect(it, 137, "run", QUIET, "--name", "oo", "--memory", "20m",
		      "--memory-swap", "20m", "box", "tail", "/dev/zero");
	expect_state(it, "oo", "exited 137 true\n");
	caller_expect(it, 0, "rm", "oo");
}

static void test_capabilities_privileges_and_seccomp(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", QUIET, "--cap-drop", "all", "--cap-add",
		      "chown", "--cap-add", "kill", "--security-opt", "no-new-privileges",
		      "box", "grep", "-E", "CapEff|NoNew|Seccomp:", "/proc/self/status");
	assert_string_equal(it->out, "CapEff:\t0000000000000021\nNoNewPrivs:\t1\n"
				     "Seccomp:\t2\n");
	caller_write_file("deny.json",
			  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
			  "{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":"
			  "\"SCMP_ACT_ERRNO\"}]}");
	caller_expect(it, 1, "run", "--rm", QUIET, "--security-opt",
		      "seccomp=" CALLER_DIR "/deny.json", "box", "mkdir", "/tmp/a");
	assert_string_equal(
		it->err,
		"mkdir: can't create directory '/tmp/a': Operation not permitted\n");
	/* --privileged asks for every capability there is: not every root has them to give */
	caller_expect(it, 0, "run", "--rm", QUIET, "--cap-add", "sys_admin",
		      "--security-opt", "seccomp=unconfined", "box", "sh", "-c",
		      "mount -t tmpfs x /tmp && grep Seccomp: /proc/self/status");
	assert_string_equal(it->out, "Seccomp:\t0\n");
}

static void test_user_environment_folder_init_and_mounts(void **state)
{
	struct it *it = *state;

	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/volume"));
	caller_write_file("volume/file", "text\n");
	caller_expect(it, 1, "run", "--rm", QUIET, "--user", "user", "--group-add", "44",
		      "--env", "A=b", "--workdir", "/tmp", "--hostname", "named",
		      "--read-only", "--tmpfs", "/t:size=64k,mode=1777", "--init",
		      "--volume", CALLER_DIR "/volume:/ro:ro", "--ulimit",
		      "nofile=100:200", "--sysctl", "net.ipv4.ip_forward=0", "box", "sh",
		      "-c",
		      "id -u; id -G; echo $A; pwd; hostname; cat /proc/1/comm /ro/file;"
		      "cat /proc/sys/net/ipv4/ip_forward; ulimit -n; ulimit -Hn;"
		      "touch /t/x; touch /ro/x; touch /x");
	assert_string_equal(it->out, "1000\n1000 44 2000\nb\n/tmp\nnamed\ndocker-init\n"
				     "text\n0\n100\n200\n");
	assert_string_equal(it->err, "touch: /ro/x: Read-only file system\n"
				     "touch: /x: Read-only file system\n");
}

static void test_devices_are_there_with_the_rights_given(void **state)
{
	struct it *it = *state;

	caller_expect(
		it, 1, "run", "--rm", QUIET, "--device", "/dev/fuse:/dev/mine:r", "box",
		"sh", "-c",
		"(exec 3< /dev/mine) && echo read; (exec 3> /dev/mine) && echo write");
	assert_string_equal(it->out, "read\n");
	it_assert_has(it->err, "Operation not permitted");
}

static void test_containers_of_a_network_reach_each_other(void **state)
{
	struct it *it = *state;
	sk_autofree char *address = NULL;

	caller_expect(it, 0, "network", "create", "--opt",
		      "com.docker.network.bridge.name=skiffnet", "net");
	caller_expect(it, 0, "run", "--detach", "--network", "net", "--name", "server",
		      "box", "nc", "-ll", "-p", "80", "-e", "echo", "hello");
	caller_expect(it, 0, "inspect", "--format",
		      "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
		      "server");
	address = sk_steal(&it->out);
	address[strcspn(address, "\n")] = '\0';
	caller_await(it, "hello\n", "run", "--rm", "--network", "net", "box", "nc",
		     address, "80");
	caller_expect(it, 0, "run", "--rm", "--network", "container:server", "box", "nc",
		      "127.0.0.1", "80");
	assert_string_equal(it->out, "hello\n");
	caller_expect(it, 0, "rm", "--force", "server");
	caller_expect(it, 0, "network", "rm", "net");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_run_hands_on_output_input_and_status),
		CALLER_TEST(
			test_a_missing_command_is_127_and_one_that_cannot_be_executed_126),
		CALLER_TEST(test_a_terminal_is_the_containers_own),
		CALLER_TEST(test_logs_wait_and_attach),
		CALLER_TEST(test_exec),
		CALLER_TEST(test_pause_stops_all_and_unpause_goes_on),
		CALLER_TEST(test_stop_asks_first_and_then_kills),
		CALLER_TEST(test_top_ps_and_stats_see_the_processes),
		CALLER_TEST(
			test_a_container_that_fails_is_started_again_as_often_as_asked),
		CALLER_TEST(test_health_check),
		CALLER_TEST(test_limits_are_in_force_and_can_be_changed),
		CALLER_TEST(test_too_much_memory_is_killed_and_told),
		CALLER_TEST(test_capabilities_privileges_and_seccomp),
		CALLER_TEST(test_user_environment_folder_init_and_mounts),
		CALLER_TEST(test_devices_are_there_with_the_rights_given),
		CALLER_TEST(test_containers_of_a_network_reach_each_other),
	};

	return caller_run_group(tests, caller_docker_setup);
}
