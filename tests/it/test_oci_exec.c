// SPDX-License-Identifier: Apache-2.0
/* skiff-oci exec as engines call it: options, a process file, terminals, words of errors. */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/str.h"

#define ID	"x1"
#define FOREVER "[\"sleep\",\"1000\"]"

static void start(struct it *it)
{
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	oci_run_detached(it, bundle, ID);
}

static void end(struct it *it)
{
	oci_expect(it, 0, "delete", "--force", ID);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
}

static void test_status_and_output_are_the_processs(void **state)
{
	struct it *it = *state;

	start(it);
	oci_expect(it, 7, "exec", ID, "sh", "-c", "hostname; echo bad >&2; exit 7");
	assert_string_equal(it->out, "skiff\n");
	assert_string_equal(it->err, "bad\n");
	oci_expect(it, 137, "exec", ID, "sh", "-c", "kill -9 $$");
	/* what follows the command is the command's */
	oci_expect(it, 0, "exec", ID, "echo", "--tty", "-d");
	assert_string_equal(it->out, "--tty -d\n");
	end(it);
}

static void test_options_change_the_containers_process(void **state)
{
	struct it *it = *state;

	start(it);
	oci_expect(it, 0, "exec", "--user", "1000:1001", "--additional-gids", "1002",
		   "-g", "1003", ID, "sh", "-c", "id -u; id -g; id -G");
	assert_string_equal(it->out, "1000\n1001\n1001 1002 1003\n");
	oci_expect(it, 0, "exec", "--env", "PATH=/bin", "-e", "A=1", "-e", "A=2", "--cwd",
		   "/bin", ID, "sh", "-c", "echo $PATH $A; pwd");
	assert_string_equal(it->out, "/bin 2\n/bin\n");
	oci_expect(it, 0, "exec", "--cap", "CAP_KILL", "--cap", "CAP_CHOWN",
		   "--no-new-privs", ID, "sh", "-c",
		   "grep -E 'CapEff|CapInh|NoNewPrivs' /proc/self/status || "
		   "cat /proc/self/status");
	it_assert_has(it->out, "CapEff:\t0000000000000021\n");
	it_assert_has(it->out, "CapInh:\t0000000000000000\n");
	it_assert_has(it->out, "NoNewPrivs:\t1\n");
	end(it);
}

/* CVE-2026-30892: a user that was read as a number only in part ran as another, or as root. */
static void test_cve_2026_30892_a_user_is_a_number_from_end_to_end(void **state)
{
	static const char *const bad[] = {"",	 "1000x", "x",		"-1",
					  "+1",	 "1:",	  ":1",		"1:2x",
					  " 1",	 "0x10",  "root",	"1:2:3",
					  "1.5", "1,2",	  "4294967295", "1 ",
					  "１",	 "1:-1",  "4294967296"};
	struct it *it = *state;

	start(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		if (oci(it, "exec", "--user", bad[i], ID, "id") != 1)
			fail_msg("--user '%s': status %d: %s", bad[i], it->status,
				 it->out);
		it_assert_has(it->err, "is not UID or UID:GID");
	}
	oci_expect(it, 1, "exec", "-g", "5x", ID, "id");
	it_assert_has(it->err, "is no GID");
	oci_expect(it, 1, "exec", "-e", "NOVALUE", ID, "id");
	it_assert_has(it->err, "is not NAME=VALUE");
	end(it);
}

static void test_a_process_file_is_the_whole_process(void **state)
{
	struct it *it = *state;
	sk_autofree char *file = sk_strf("%s/process.json", it->dir);
	sk_autofree char *pid_file = sk_strf("%s/pid", it->dir), *pid = NULL;

	start(it);
	write_file(
		file,
		"{\"args\":[\"sh\",\"-c\",\"id -u; pwd; echo $B; exit 5\"],"
		"\"cwd\":\"/bin\",\"env\":[\"PATH=/bin\",\"B=2\"],\"user\":{\"uid\":7,\"gid\":8}}");
	oci_expect(it, 5, "exec", "--process", file, "--pid-file", pid_file, ID);
	assert_string_equal(it->out, "7\n/bin\n2\n");
	assert_int_equal(sk_fs_read(AT_FDCWD, pid_file, 100, &pid, NULL), 0);
	assert_true(strtol(pid, NULL, 10) > 1);
	oci_expect(it, 2, "exec", "--process", file, ID, "id");
	it_assert_has(it->err, "exclude each other");
	oci_expect(it, 2, "exec", ID);
	it_assert_has(it->err, "a command or --process is missing");
	write_file(file, "{\"args\":");
	oci_expect(it, 1, "exec", "--process", file, ID);
	assert_int_equal(unlink(file) | unlink(pid_file), 0);
	end(it);
}

static void test_a_terminal_is_attached_or_handed_over(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("%s/console", it->dir);
	sk_autoclose int server = sk_sock_listen(path, NULL), sock = -1, pty = -1;
	char text[64] = "", tag;

	start(it);
	oci_expect(it, 3, "exec", "--tty", ID, "sh", "-c",
		   "test -t 0 && test -t 1 && test -t 2 && echo terminal; exit 3");
	it_assert_has(it->out, "terminal");
	oci_expect(it, 1, "exec", "-t", "-d", ID, "id");
	it_assert_has(it->err, "needs --console-socket");
	oci_expect(it, 0, "exec", "-t", "-d", "--console-socket", path, ID, "echo",
		   "handed over");
	sock = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(sock >= 0);
	pty = sk_sock_recv_fd(sock, &tag);
	assert_true(pty >= 0);
	assert_true(read(pty, text, sizeof(text) - 1) > 0);
	it_assert_has(text, "handed over");
	assert_int_equal(unlink(path), 0);
	end(it);
}

static void test_errors_have_the_words_engines_look_for(void **state)
{
	struct it *it = *state;

	start(it);
	oci_expect(it, 1, "exec", ID, "nope");
	it_assert_has(it->err, "nope");
	it_assert_has(it->err, "executable file not found in");
	oci_expect(it, 1, "exec", ID, "/nope");
	it_assert_has(it->err, "no such file or directory");
	oci_expect(it, 1, "exec", ID, "/proc");
	it_assert_has(it->err, "permission denied");
	oci_expect(it, 1, "exec", "never", "id");
	it_assert_has(it->err, "container 'never' does not exist");
	oci_expect(it, 0, "kill", ID, "KILL");
	oci_await_status(it, ID, "stopped");
	oci_expect(it, 1, "exec", ID, "id");
	it_assert_has(it->err, "container not running");
	end(it);
}

/* Root of a container may put a pipe, which nobody writes to, in the place of its null device. */
static void test_a_pipe_in_the_place_of_the_null_device_is_not_waited_for(void **state)
{
	struct it *it = *state;
	struct it_job job;

	start(it);
	oci_expect(it, 0, "exec", ID, "sh", "-c",
		   "rm /dev/null && busybox mkfifo /dev/null && echo ready");
	oci_spawn(it, &job, "exec", ID, "echo", "ran");
	it_await_out(&job, "ran");
	assert_int_equal(it_finish(it, &job), 0);
	end(it);
}

static void test_a_paused_container_takes_no_process_unless_asked(void **state)
{
	struct it *it = *state;
	struct it_job job;

	start(it);
	oci_expect(it, 0, "pause", ID);
	oci_expect(it, 1, "exec", ID, "id");
	it_assert_has(it->err, "is paused");
	oci_spawn(it, &job, "exec", "--ignore-paused", ID, "echo", "thawed");
	oci_expect(it, 0, "resume", ID);
	assert_int_equal(it_finish(it, &job), 0);
	assert_string_equal(it->out, "thawed\n");
	end(it);
}

static void test_a_created_container_takes_processes_too(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	oci_create(it, bundle, ID);
	oci_expect(it, 0, "exec", ID, "hostname");
	assert_string_equal(it->out, "skiff\n");
	oci_assert_status(it, ID, "created");
	end(it);
}

static void test_a_process_may_be_in_a_group_below_the_containers(void **state)
{
	struct it *it = *state;
	sk_autofree char *group = NULL;
	sk_autofree char *record =
		sk_strf("%s/oci/containers/" ID "/state.json", it->dir);
	sk_auto(sk_json_free) struct sk_json *doc = NULL;

	start(it);
	assert_int_equal(sk_json_load(AT_FDCWD, record, &doc, NULL), 0);
	group = sk_strf("%s/sub",
			sk_json_str(sk_json_path(doc, "cgroups.unified"), "nowhere"));
	oci_expect(it, 1, "exec", "--cgroup", "never", ID, "id");
	it_assert_has(it->err, "there is no cgroup");
	oci_expect(it, 1, "exec", "--cgroup", "../x", ID, "id");
	it_assert_has(it->err, "is not below");
	assert_int_equal(mkdir(group, 0755), 0);
	oci_expect(it, 0, "exec", "--cgroup", "unified:sub", ID, "cat",
		   "/proc/self/cgroup");
	it_assert_has(it->out, "0::/sub\n");
	oci_expect(it, 0, "exec", ID, "cat", "/proc/self/cgroup");
	it_assert_has(it->out, "0::/\n");
	end(it);
}

/* The bundle may change, or go, once the container is created. */
static void test_the_bundle_is_not_needed_any_more(void **state)
{
	struct it *it = *state;
	sk_autofree char *file = sk_strf("%s/bundle/config.json", it->dir);

	start(it);
	assert_int_equal(unlink(file), 0);
	oci_expect(it, 0, "exec", ID, "hostname");
	assert_string_equal(it->out, "skiff\n");
	end(it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OCI_CASE(test_status_and_output_are_the_processs),
		OCI_CASE(test_options_change_the_containers_process),
		OCI_CASE(test_cve_2026_30892_a_user_is_a_number_from_end_to_end),
		OCI_CASE(test_a_process_file_is_the_whole_process),
		OCI_CASE(test_a_terminal_is_attached_or_handed_over),
		OCI_CASE(test_errors_have_the_words_engines_look_for),
		OCI_CASE(test_a_pipe_in_the_place_of_the_null_device_is_not_waited_for),
		OCI_CASE(test_a_paused_container_takes_no_process_unless_asked),
		OCI_CASE(test_a_created_container_takes_processes_too),
		OCI_CASE(test_a_process_may_be_in_a_group_below_the_containers),
		OCI_CASE(test_the_bundle_is_not_needed_any_more),
	};

	return it_run_group(tests);
}
