// SPDX-License-Identifier: Apache-2.0
/* skiff-oci create and run as an engine calls them: options, descriptors, files, errors, the log. */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/str.h"

/* A shell command with skiff-oci as "$@" and the test's folder as $0, for what only a shell can redirect. */
static int shell(struct it *it, const char *script, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args);
	sk_auto(sk_strv_free) char **all = NULL;
	int r = sk_strv_add(&all, "bash") | sk_strv_add(&all, "-c") |
		sk_strv_add(&all, script) | sk_strv_add(&all, it->dir);

	for (char **word = words; *word; word++)
		r |= sk_strv_add(&all, *word);
	assert_int_equal(r, 0);
	return it_command(it, (const char *const *)all);
}

static void test_run_hands_on_output_and_status_and_leaves_nothing(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"id -u; hostname; exit 4\"]");

	it_need_root(it);
	oci_expect(it, 4, "run", "-b", bundle, "r1");
	assert_string_equal(it->out, "0\nskiff\n");
	oci_expect(it, 0, "list", "--format", "json");
	it_assert_has(it->out, "[]");
}

static void test_options_are_read_as_callers_write_them(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"echo\",\"ran\"]");
	sk_autofree char *assigned = sk_strf("--bundle=%s", bundle);
	sk_autofree char *pid_file = sk_strf("%s/pid", it->dir);

	it_need_root(it);
	/* Slurm: options behind the id */
	oci_expect(it, 0, "run", "r1", "-b", bundle);
	/* containerd: Go's single dash */
	oci_expect(it, 0, "run", assigned, "-no-subreaper", "-pid-file", pid_file, "r1");
	oci_expect(it, 0, "run", "--no-new-key", "--bund", bundle, "r1");
	assert_string_equal(it->out, "ran\n");
	assert_int_equal(unlink(pid_file), 0);
	oci_expect(it, 0, "--log-level", "debug", "--rootless", "auto", "--version");
	it_assert_has(it->out, "skiff-oci version ");
	it_assert_has(it->out, "\nspec: 1.");
	oci_expect(it, 0, "-v");
	it_assert_has(it->out, "skiff-oci version ");
	oci_expect(it, 0, "run", "-h");
	it_assert_has(it->out, "--preserve-fds");
	oci_expect(it, 2, "run", "--bogus", "r1");
	it_assert_has(it->err, "unknown option '--bogus'");
}

static void test_a_created_container_waits_until_it_is_started(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"sleep\",\"1000\"]");
	sk_autofree char *pid_file = sk_strf("%s/pid", it->dir), *pid = NULL;

	it_need_root(it);
	shell(it, "exec \"$@\" <&- &>/dev/null",
	      IT_ARGS("create", "--bundle", bundle, "--pid-file", pid_file, "c1"));
	assert_int_equal(it->status, 0);
	oci_assert_status(it, "c1", "created");
	assert_int_equal(sk_fs_read(AT_FDCWD, pid_file, 100, &pid, NULL), 0);
	it_assert_has(it->out, pid);
	/* as callers start and delete: with next to no environment */
	shell(it, "exec env -i \"$@\"", IT_ARGS("start", "c1"));
	assert_int_equal(it->status, 0);
	oci_assert_status(it, "c1", "running");
	oci_expect(it, 1, "start", "c1");
	it_assert_has(it->err, "container 'c1' is running, not created");
	oci_expect(it, 1, "create", "-b", bundle, "c1");
	it_assert_has(it->err, "the name 'c1' is taken");
	oci_expect(it, 0, "kill", "c1", "9");
	oci_await_status(it, "c1", "stopped");
	shell(it, "exec env -i \"$@\"", IT_ARGS("delete", "c1"));
	assert_int_equal(it->status, 0);
	oci_expect(it, 1, "state", "c1");
	it_assert_has(it->err, "container 'c1' does not exist");
	assert_int_equal(unlink(pid_file), 0);
}

static void test_the_container_gets_stdio_and_no_other_descriptor(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"ls\",\"/proc/self/fd\"]");

	it_need_root(it);
	/* 3 is the folder that ls itself reads; conmon leaves 3, 4 and 5 open */
	shell(it, "exec \"$@\" 3</dev/null 4</dev/null 5</dev/null",
	      IT_ARGS("run", "-b", bundle, "f1"));
	assert_string_equal(it->out, "0\n1\n2\n3\n");
	shell(it, "exec \"$@\" 3</dev/null 4</dev/null 5</dev/null",
	      IT_ARGS("run", "--preserve-fds", "2", "-b", bundle, "f1"));
	assert_string_equal(it->out, "0\n1\n2\n3\n4\n5\n");
	shell(it, "exec \"$@\" 3</dev/null 4<&-",
	      IT_ARGS("run", "--preserve-fds", "2", "-b", bundle, "f1"));
	assert_int_equal(it->status, 1);
	it_assert_has(it->err, "descriptor 4 is not open");
	/* created and started: nothing of create is open either */
	shell(it,
	      "\"$@\" >\"$0/out\" 3</dev/null && \"$1\" \"$2\" \"$3\" start f1 && "
	      "while \"$1\" \"$2\" \"$3\" state f1 | grep -q running; do :; done; "
	      "\"$1\" \"$2\" \"$3\" delete f1; cat \"$0/out\"",
	      IT_ARGS("create", "-b", bundle, "f1"));
	assert_string_equal(it->out, "0\n1\n2\n3\n");
}

static void test_another_configuration_is_read(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"echo\",\"other\"]");

	it_need_root(it);
	shell(it,
	      "mv \"$0/bundle/config.json\" \"$0/bundle/other.json\"; cd \"$0/bundle\"; exec \"$@\"",
	      IT_ARGS("run", "--config", "other.json", "o1"));
	assert_int_equal(it->status, 0);
	assert_string_equal(it->out, "other\n");
	oci_expect(it, 1, "run", "-b", bundle, "o1");
	it_assert_has(it->err, "read 'config.json' of bundle");
}

static void test_a_missing_command_fails_at_create_with_the_words_engines_look_for(
	void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"nope\"]");
	sk_autofree char *log = sk_strf("%s/log", it->dir), *text = NULL;
	sk_auto(sk_json_free) struct sk_json *line = NULL;

	it_need_root(it);
	oci_expect(it, 1, "--log", log, "--log-format", "json", "create", "-b", bundle,
		   "m1");
	it_assert_has(it->err, "executable file not found in");
	/* podman parses the whole file as one object */
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 4096, &text, NULL), 0);
	assert_int_equal(sk_json_parse(text, strlen(text), "log", &line, NULL), 0);
	it_assert_has(sk_json_str(sk_json_get(line, "msg"), ""), "nope");
	assert_string_equal(sk_json_str(sk_json_get(line, "level"), ""), "error");
	oci_assert_nothing(it);
	assert_int_equal(unlink(log), 0);
}

static void test_the_log_may_be_a_file_with_a_prefix_and_text(void **state)
{
	struct it *it = *state;
	sk_autofree char *log = sk_strf("%s/log", it->dir), *text = NULL;
	sk_autofree char *target = sk_strf("file:%s", log);

	oci_expect(it, 1, "--log", target, "start", "never");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 4096, &text, NULL), 0);
	it_assert_has(text, "level=error msg=\"container 'never' does not exist\"");
	oci_expect(it, 1, "--log", "journald:it", "start", "never");
	oci_expect(it, 1, "--log", "syslog:it", "start", "never");
	assert_int_equal(unlink(log), 0);
}

static void test_a_killed_run_takes_its_container_along(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"trap '' TERM; echo up; sleep 1000\"]");
	struct it_job job;

	it_need_root(it);
	oci_spawn(it, &job, "run", "-b", bundle, "k1");
	it_await_out(&job, "up");
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 137);
	oci_await_status(it, "k1", "stopped");
	oci_expect(it, 0, "kill", "-a", "k1");
	oci_expect(it, 0, "delete", "--force", "k1");
}

static void test_a_signal_to_run_reaches_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(
		it,
		"[\"sh\",\"-c\",\"trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done\"]");
	struct it_job job;

	it_need_root(it);
	oci_spawn(it, &job, "run", "-b", bundle, "s1");
	it_await_out(&job, "up");
	assert_int_equal(kill(job.proc.pid, SIGTERM), 0);
	assert_int_equal(it_finish(it, &job), 7);
	oci_assert_nothing(it);
}

static void test_delete_while_run_waits_is_fine_for_both(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"echo up; sleep 1000\"]");
	struct it_job job;

	it_need_root(it);
	oci_spawn(it, &job, "run", "-b", bundle, "d1");
	it_await_out(&job, "up");
	oci_expect(it, 0, "delete", "--force", "d1");
	assert_int_equal(it_finish(it, &job), 137);
	oci_assert_nothing(it);
}

static void test_a_kept_container_is_there_after_its_end(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"true\"]");

	it_need_root(it);
	oci_expect(it, 0, "run", "--keep", "-b", bundle, "k1");
	oci_assert_status(it, "k1", "stopped");
	oci_expect(it, 0, "delete", "k1");
}

static void set_terminal(const char *bundle)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);

	sk_json_set_bool(sk_json_get(config, "process"), "terminal", true);
	oci_save(bundle, config);
}

static int accept_fd(int server)
{
	int sock = accept4(server, NULL, NULL, SOCK_CLOEXEC), fd;
	char tag;

	assert_true(sock >= 0);
	fd = sk_sock_recv_fd(sock, &tag);
	assert_true(fd >= 0);
	(void)close(sock);
	return fd;
}

static void test_sockets_get_the_terminal_and_the_process(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"test -t 1 && echo on a terminal\"]");
	sk_autofree char *console = sk_strf("%s/console", it->dir);
	sk_autofree char *process = sk_strf("%s/process", it->dir);
	sk_autoclose int server = sk_sock_listen(console, NULL);
	sk_autoclose int other = sk_sock_listen(process, NULL);
	sk_autoclose int pty = -1, pidfd = -1;
	char text[64] = "";

	it_need_root(it);
	set_terminal(bundle);
	oci_expect(it, 1, "create", "-b", bundle, "t1");
	it_assert_has(it->err, "a detached container needs --console-socket");
	oci_expect(it, 0, "create", "-b", bundle, "--console-socket", console,
		   "--pidfd-socket", process, "t1");
	pty = accept_fd(server);
	pidfd = accept_fd(other);
	oci_expect(it, 0, "start", "t1");
	assert_true(read(pty, text, sizeof(text) - 1) > 0);
	it_assert_has(text, "on a terminal");
	assert_int_equal(poll(&(struct pollfd){pidfd, POLLIN, 0}, 1, 10000), 1);
	oci_await_status(it, "t1", "stopped");
	oci_expect(it, 0, "delete", "t1");
	assert_int_equal(unlink(console) | unlink(process), 0);
}

/* What a create that was killed leaves in the worst case, and what a bad disk does. */
static void test_broken_records_are_named_and_can_be_deleted(void **state)
{
	struct it *it = *state;
	sk_autofree char *empty = sk_strf("%s/oci/containers/empty", it->dir);
	sk_autofree char *damaged = sk_strf("%s/oci/containers/damaged", it->dir);
	sk_autofree char *file = sk_strf("%s/state.json", damaged);
	int fd;

	oci_expect(it, 0, "list");
	assert_int_equal(mkdir(empty, 0700) | mkdir(damaged, 0700), 0);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "{\"id\": ", 7), 7);
	(void)close(fd);
	for (size_t i = 0; i < 2; i++) {
		const char *id = i ? "damaged" : "empty";

		oci_expect(it, 1, "state", id);
		it_assert_has(it->err, "is damaged");
		it_assert_has(it->err, "skiff-oci delete --force");
		oci_expect(it, 1, "kill", id);
		oci_expect(it, 1, "start", id);
		oci_expect(it, 0, "delete", "--force", id);
	}
	oci_assert_nothing(it);
}

static void test_forced_delete_of_an_unknown_container_is_fine(void **state)
{
	struct it *it = *state;

	oci_expect(it, 0, "delete", "--force", "never");
	oci_expect(it, 1, "delete", "never");
	it_assert_has(it->err, "container 'never' does not exist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_run_hands_on_output_and_status_and_leaves_nothing),
		IT_TEST(test_options_are_read_as_callers_write_them),
		IT_TEST(test_a_created_container_waits_until_it_is_started),
		IT_TEST(test_the_container_gets_stdio_and_no_other_descriptor),
		IT_TEST(test_another_configuration_is_read),
		IT_TEST(test_a_missing_command_fails_at_create_with_the_words_engines_look_for),
		IT_TEST(test_the_log_may_be_a_file_with_a_prefix_and_text),
		IT_TEST(test_a_killed_run_takes_its_container_along),
		IT_TEST(test_a_signal_to_run_reaches_the_container),
		IT_TEST(test_delete_while_run_waits_is_fine_for_both),
		IT_TEST(test_a_kept_container_is_there_after_its_end),
		IT_TEST(test_sockets_get_the_terminal_and_the_process),
		IT_TEST(test_broken_records_are_named_and_can_be_deleted),
		IT_TEST(test_forced_delete_of_an_unknown_container_is_fine),
	};

	return it_run_group(tests);
}
