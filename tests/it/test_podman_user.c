// SPDX-License-Identifier: Apache-2.0
/* podman of an ordinary user, whose containers skiff-oci runs: no group, ranges of her ids. */
#include "tests/it/callers.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

static void test_run_maps_the_user_to_root(void **state)
{
	struct it *it = *state;

	caller_expect(
		it, 7, "run", "--rm", "box", "sh", "-c",
		"id -u; tr -s ' ' < /proc/self/uid_map; grep Seccomp: /proc/self/status;"
		"stat -c '%u %g' / /bin/busybox; touch /made && exit 7");
	assert_string_equal(it->out, "0\n 0 " CALLER_USER_ID " 1\n 1 700000 65536\n"
				     "Seccomp:\t2\n0 0\n0 0\n");
	caller_feed(it, 0, "in\n", "run", "--rm", "--interactive", "--read-only", "box",
		    "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 127, "run", "--rm", "box", "nope");
	caller_expect(it, 126, "run", "--rm", "box", "/etc/passwd");
}

static void test_other_users_of_the_container(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", "--user", "user", "box", "sh", "-c",
		      "id -u; id -G; touch /tmp/mine && stat -c %u /tmp/mine");
	assert_string_equal(it->out, "1000\n1000 2000\n1000\n");
	caller_expect(it, 0, "run", "--rm", "--userns", "keep-id", "box", "id", "-u");
	assert_string_equal(it->out, CALLER_USER_ID "\n");
}

static void test_exec_logs_top_and_stop_of_a_detached_container(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "d", "box", "sh", "-c",
		      "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
	caller_await(it, "up", "logs", "d");
	caller_expect(it, 9, "exec", "d", "sh", "-c", "id -u; cat /proc/1/comm; exit 9");
	assert_string_equal(it->out, "0\nsh\n");
	caller_feed(it, 0, "in\n", "exec", "--interactive", "--user", "user", "d", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 0, "exec", "--tty", "d", "tty");
	assert_string_equal(it->out, "/dev/pts/0\r\n");
	/* it fails when a process ends under its eyes */
	caller_await(it, "1           sh\n", "top", "d", "pid", "comm");
	caller_expect(it, 0, "stop", "--time", "20", "d");
	caller_expect(it, 0, "inspect", "--format",
		      "{{.State.Status}} {{.State.ExitCode}}", "d");
	assert_string_equal(it->out, "exited 3\n");
	caller_expect(it, 0, "start", "d");
	caller_expect(it, 0, "kill", "d");
	caller_expect(it, 0, "wait", "d");
	assert_string_equal(it->out, "137\n");
	caller_expect(it, 0, "rm", "d");
}

static void test_a_terminal_is_the_containers_own(void **state)
{
	struct it *it = *state;
	struct it_job job;
	sk_autoclose int slave = -1, master = caller_terminal(&slave);

	caller_start(it, &job, slave, "run", "--rm", "-it", "box", "sh");
	caller_type(master, "tty; " CALLER_AWAIT_SIZE "; stty size; exit 5\n");
	assert_int_equal(it_finish(it, &job), 5);
	it_assert_has(it->out, "/dev/pts/0\r\n40 100\r\n");
}

static void test_volumes_and_namespaces_of_the_host(void **state)
{
	struct it *it = *state;
	struct stat st;

	caller_expect(it, 0, "run", "--rm", "--network", "host", "--volume",
		      CALLER_DIR "/home:/home:rw", "box", "sh", "-c",
		      "readlink /proc/self/ns/net; echo > /home/mine");
	assert_int_equal(stat(CALLER_DIR "/home/mine", &st), 0);
	assert_int_equal(st.st_uid, strtol(CALLER_USER_ID, NULL, 10));
	assert_int_equal(unlink(CALLER_DIR "/home/mine"), 0);
	{
		sk_autofree char *inside = sk_steal(&it->out);

		(void)it_command(it, IT_ARGS("readlink", "/proc/self/ns/net"));
		assert_string_equal(inside, it->out);
	}
}

/* What a group may read that has no number in the container: keep-groups is an annotation. */
static void test_groups_of_the_user_may_be_kept(void **state)
{
	static const char script[] =
		"mkdir -p \"$0\"; chgrp 52001 \"$0\"; chmod 770 \"$0\"; : > \"$0/file\"\n"
		"grep -q 52001 " CALLER_DIR "/etc/group ||\n"
		"	echo more:x:52001:" CALLER_USER " >> " CALLER_DIR "/etc/group\n";
	struct it *it = *state;

	caller_expect(it, 0, "version");
	assert_int_equal(it_command(it,
				    IT_ARGS("sh", "-c", script, CALLER_DIR "/shared")),
			 0);
	caller_expect(it, 1, "run", "--rm", "--volume", CALLER_DIR "/shared:/shared",
		      "box", "ls", "/shared");
	caller_expect(it, 0, "run", "--rm", "--group-add", "keep-groups", "--volume",
		      CALLER_DIR "/shared:/shared", "box", "ls", "/shared");
	assert_string_equal(it->out, "file\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_run_maps_the_user_to_root),
		CALLER_TEST(test_other_users_of_the_container),
		CALLER_TEST(test_exec_logs_top_and_stop_of_a_detached_container),
		CALLER_TEST(test_a_terminal_is_the_containers_own),
		CALLER_TEST(test_volumes_and_namespaces_of_the_host),
		CALLER_TEST(test_groups_of_the_user_may_be_kept),
	};

	return caller_run_group(tests, caller_podman_user_setup);
}
