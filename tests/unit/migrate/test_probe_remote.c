// SPDX-License-Identifier: Apache-2.0
/* test_probe_remote - a probe that runs elsewhere: this program again, behind a fake ssh
 *
 * The fake one is a script that gives its last word to a shell. What ends up there is this
 * program with "probe-serve", in which the environment sets the clock off or ends it early.
 */
#include "migrate/measure/probe_remote.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "migrate/guest/server.h"
#include "migrate/measure/probe_serve.h"

#define MS	SK_NS_PER_MS
#define AHEAD_S 5 /* more than the kernel's stamps of packets may differ */

static char *program; /* this one */
static char script[64], newer[64];

/* In place of the C library's: the real clock of a "machine" that is ahead. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int ahead = -1;
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (ahead < 0)
		ahead = getenv("TEST_AHEAD") ? AHEAD_S : 0;
	if (id == CLOCK_REALTIME)
		ts->tv_sec += ahead;
	return r;
}

static bool write_script(char name[64], const char *text)
{
	int fd;

	(void)snprintf(name, 64, "/tmp/skiff-test-ssh-XXXXXX");
	fd = mkstemp(name);
	return fd >= 0 && write(fd, text, strlen(text)) > 0 && fchmod(fd, 0700) == 0 &&
	       close(fd) == 0;
}

static int setup(void **state)
{
	(void)state;
	if (!write_script(script, "#!/bin/sh\n"
				  "echo 'Welcome to this machine'\n"
				  "for last; do :; done\n"
				  "exec sh -c \"$last\"\n") ||
	    !write_script(newer, "#!/bin/sh\n"
				 "echo 'skiff-probe 2 99.1'\n"
				 "exec cat\n"))
		return -1;
	program = realpath("/proc/self/exe", NULL);
	return program ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(program);
	(void)unlink(newer);
	return unlink(script);
}

static struct sk_server *serve(void)
{
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;
	struct sk_server *server = NULL;

	opts.address = "127.0.0.1";
	assert_int_equal(sk_server_start(&opts, &server, NULL), 0);
	return server;
}

static int start(const char *settings, uint16_t port, uint64_t max_ms,
		 struct sk_probe **ret, struct sk_err *err)
{
	sk_autofree char *from =
		sk_strf("ssh://h2?command=%s&program=%s", script, program);
	sk_autofree char *url = sk_strf("tcp://127.0.0.1:%u?%s", port, settings);
	struct sk_probe_opts opts = {.netns_fd = -1,
				     .from = from,
				     .max_duration_ns = max_ms * MS,
				     .timeout_ns = 400 * MS};

	assert_int_equal(sk_probe_target_parse(url, &opts.target, err), 0);
	return sk_probe_start(&opts, ret, err);
}

static struct sk_json *describe(const struct sk_probe *probe)
{
	struct sk_json *json = sk_json_new_object();

	sk_probe_describe(probe, json);
	return json;
}

static void test_samples_of_every_model_come_over(void **state)
{
	static const char *const settings[] = {
		"hz=500&clients=3",
		"hz=200&model=single&clients=4",
		"hz=200&model=callbacks&clients=4",
	};
	sk_auto(sk_server_free) struct sk_server *server = serve();

	(void)state;
	for (size_t k = 0; k < SK_ARRAY_SIZE(settings); k++) {
		sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
		sk_auto(sk_json_free) struct sk_json *json = NULL;
		struct sk_probe_summary sum;
		const struct sk_sample *samples;
		uint64_t before = sk_clock_real();
		size_t n;

		assert_int_equal(start(settings[k], sk_server_port(server), 400, &probe,
				       NULL),
				 0);
		assert_int_equal(sk_probe_wait_reply(probe, 3000, NULL), 0);
		assert_int_equal(sk_probe_finish(probe, NULL), 0);
		assert_null(sk_probe_cut(probe));
		samples = sk_probe_samples(probe, &n);
		assert_int_equal(sk_probe_summarize(samples, n, 0, UINT64_MAX, 0, &sum),
				 0);
		if (k == 0)
			assert_int_equal(sum.sent, 200);
		assert_in_range(sum.sent, 30, 200);
		assert_int_equal(sum.lost, 0);
		assert_in_range(sk_probe_start_time(probe), before, sk_clock_real());
		json = describe(probe);
		assert_string_equal(sk_json_str(sk_json_get(json, "stamps"), ""),
				    "kernel");
		assert_false(sk_json_bool(sk_json_path(json, "clock.corrected"), true));
		assert_true(sk_json_bool(sk_json_path(json, "clock.after_too"), false));
		assert_null(sk_json_get(json, "cut"));
	}
}

/* Of the time between its end and the stop it knows nothing. */
static void test_probe_that_was_over_there_before_the_stop_says_so(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server = serve();
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	(void)state;
	assert_int_equal(start("hz=100", sk_server_port(server), 100, &probe, NULL), 0);
	sk_clock_sleep_until(sk_clock_mono() + 1500 * MS);
	assert_int_equal(sk_probe_stop(probe, NULL), 0);
	json = describe(probe);
	assert_string_equal(sk_json_str(sk_json_get(json, "cut"), ""),
			    "it probes for 100 ms at most");
}

static void test_clock_that_is_ahead_is_corrected(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server = serve();
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	uint64_t before = sk_clock_real();
	double offset, error;

	(void)state;
	assert_int_equal(setenv("TEST_AHEAD", "1", 1), 0);
	assert_int_equal(start("hz=500", sk_server_port(server), 60000, &probe, NULL), 0);
	assert_int_equal(unsetenv("TEST_AHEAD"), 0);
	assert_int_equal(sk_probe_wait_reply(probe, 3000, NULL), 0);
	assert_int_equal(sk_probe_stop(probe, NULL), 0);
	assert_null(sk_probe_cut(probe));
	json = describe(probe);
	offset = sk_json_double(sk_json_path(json, "clock.offset_us"), NAN);
	error = sk_json_double(sk_json_path(json, "clock.error_us"), NAN);
	assert_true(fabs(offset - AHEAD_S * 1e6) <= error);
	assert_true(error > 0 && error < 100e3);
	assert_int_equal(sk_json_int(sk_json_path(json, "clock.exchanges"), 0), 24);
	assert_true(sk_json_bool(sk_json_path(json, "clock.corrected"), false));
	assert_in_range(sk_probe_start_time(probe), before - (uint64_t)(error * 1e3),
			sk_clock_real());
}

static void test_connection_that_breaks_leaves_what_was_measured(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server = serve();
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	const struct sk_sample *samples;
	size_t n;

	(void)state;
	assert_int_equal(setenv("TEST_ENDS", "1", 1), 0);
	assert_int_equal(start("hz=500", sk_server_port(server), 60000, &probe, NULL), 0);
	assert_int_equal(unsetenv("TEST_ENDS"), 0);
	/* Its alarm rings after a second; that this probe goes on for a minute matters to nobody. */
	assert_int_equal(sk_probe_finish(probe, NULL), 0);
	assert_string_equal(sk_probe_cut(probe), "the connection ended");
	samples = sk_probe_samples(probe, &n);
	assert_in_range(n, 100, 600);
	for (size_t i = 0; i < n; i++)
		assert_true(samples[i].received_ns > 0);
	json = describe(probe);
	assert_string_equal(sk_json_str(sk_json_get(json, "cut"), ""),
			    "the connection ended");
	assert_false(sk_json_bool(sk_json_path(json, "clock.after_too"), true));
}

static void test_what_is_wrong_there_is_told_here(void **state)
{
	const struct {
		const char *from;
		int result;
		const char *text;
	} cases[] = {
		{"h2", -EINVAL, "it does not begin with ssh://"},
		{"ssh://h2?command=%s&program=/no/skiff", -ENOENT, "there is no skiff: "},
		{"ssh://h2?command=%s&program=/bin/false", -EPROTO,
		 "probe-serve ended with status 1"},
		{"ssh://h2?command=/bin/echo", -EPROTO,
		 "probe-serve ended with status 0"},
		{"ssh://h2?command=%s&program=/usr/bin/yes", -EPROTO,
		 "it speaks another language"},
	};
	struct sk_probe_opts opts = {.netns_fd = -1, .max_duration_ns = 100 * MS};

	(void)state;
	assert_int_equal(sk_probe_target_parse("udp://127.0.0.1:7", &opts.target, NULL),
			 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_probe *probe = NULL;
		struct sk_err err = SK_ERR_INIT;
		const char *hole = strstr(cases[i].from, "%s");
		sk_autofree char *from =
			hole ? sk_strf("%.*s%s%s", (int)(hole - cases[i].from),
				       cases[i].from, script, hole + 2)
			     : strdup(cases[i].from);

		opts.from = from;
		assert_int_equal(sk_probe_start(&opts, &probe, &err), cases[i].result);
		assert_non_null(strstr(err.msg, cases[i].text));
		assert_null(probe);
	}
	opts.netns_fd = 0;
	assert_int_equal(sk_probe_start(&opts, &(struct sk_probe *){NULL}, NULL),
			 -EINVAL);
}

static void test_another_version_there_is_named_at_once(void **state)
{
	sk_autofree char *from = sk_strf("ssh://h2?command=%s", newer);
	struct sk_probe_opts opts = {.netns_fd = -1,
				     .max_duration_ns = 100 * MS,
				     .from = from};
	uint64_t begin = sk_clock_mono();
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_probe_target_parse("udp://127.0.0.1:7", &opts.target, NULL),
			 0);
	assert_int_equal(sk_probe_start(&opts, &(struct sk_probe *){NULL}, &err),
			 -EPROTO);
	assert_non_null(strstr(err.msg, "its 'skiff-probe 2 99.1' is not our"));
	assert_non_null(strstr(err.hint, "the same version"));
	assert_true(sk_clock_mono() - begin < 20000 * MS);
}

/* ---- The other end by itself --------------------------------------------------------- */

static pid_t fork_serve(int *ret_sock)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		_exit(sk_probe_serve(ends[1], ends[1], NULL) < 0);
	}
	(void)close(ends[1]);
	*ret_sock = ends[0];
	return pid;
}

static int await_exit(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void await_text(int sock, const char *part, char *text, size_t size)
{
	size_t len = strlen(text);

	while (!strstr(text, part)) {
		struct pollfd ready = {.fd = sock, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&ready, 1, 5000), 1);
		n = read(sock, text + len, size - 1 - len);
		if (n <= 0)
			fail_msg("no '%s' in: %s", part, text);
		len += (size_t)n;
		text[len] = '\0';
	}
}

static void test_end_of_input_ends_a_running_probe_at_once(void **state)
{
	static const char line[] = "start 60000000000 2000000000 udp://127.0.0.1:9\n";
	uint64_t begin;
	char text[256] = "";
	int sock;
	pid_t pid = fork_serve(&sock);

	(void)state;
	assert_int_equal(write(sock, line, sizeof(line) - 1), sizeof(line) - 1);
	await_text(sock, "started ", text, sizeof(text));
	begin = sk_clock_mono();
	(void)close(sock);
	assert_int_equal(await_exit(pid), 0);
	/* Although the answers of the last two seconds have not come. */
	assert_true(sk_clock_mono() - begin < SK_NS_PER_S);
}

/* What the beats of the last seconds asked is answered before; it must not count. */
static void test_each_clock_answer_names_its_question(void **state)
{
	static const char lines[] = "clock 7\nclock 8\n";
	char text[256] = "";
	int sock;
	pid_t pid = fork_serve(&sock);
	const char *first;

	(void)state;
	assert_int_equal(write(sock, lines, sizeof(lines) - 1), sizeof(lines) - 1);
	await_text(sock, "clock 8 ", text, sizeof(text));
	first = strstr(text, "clock 7 ");
	assert_non_null(first);
	assert_true(first < strstr(text, "clock 8 "));
	(void)close(sock);
	assert_int_equal(await_exit(pid), 0);
}

static void test_lines_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *line, *answer;
	} cases[] = {
		{"reboot\n", "error 71 'reboot' is not understood"},
		{"stop\n", "error 71 'stop' is not understood"},
		{"start 1\n", "error 71 'start' needs three words"},
		{"start 0 1 udp://h:1\n", "error "},
		{"start 1000000000 1 x://h\n", "hint a probe's target looks like"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char text[1024] = "";
		int sock;
		pid_t pid = fork_serve(&sock);
		size_t len = strlen(cases[i].line);

		assert_int_equal(write(sock, cases[i].line, len), len);
		await_text(sock, cases[i].answer, text, sizeof(text));
		assert_int_equal(strncmp(text, SK_REMOTE_HELLO, strlen(SK_REMOTE_HELLO)),
				 0);
		assert_int_equal(await_exit(pid), 1);
		(void)close(sock);
	}
}

/* ---- The stream ---------------------------------------------------------------------- */

static size_t put(unsigned char *at, const char *line, const struct sk_sample *samples,
		  size_t n)
{
	size_t len = strlen(line);

	memcpy(at, line, len);
	sk_remote_pack(samples, n, at + len);
	return len + n * SK_REMOTE_SAMPLE;
}

static void test_stream_is_taken_apart_in_pieces_of_any_size(void **state)
{
	static const struct sk_sample sent[] = {{0, 5, 9, 1},
						{10, 10, 0, 0},
						{20, 21, 30, 2}};
	static const struct sk_sample late = {10, 10, 99, 3};
	unsigned char bytes[512];
	size_t len = put(bytes, "samples 0 3\n", sent, 3);

	(void)state;
	len += put(bytes + len, "clock 1 2\nsamples 1 1\n", &late, 1);
	len += put(bytes + len, "end 3\n", NULL, 0);
	for (size_t step = 1; step <= len; step++) {
		struct sk_sample got[3] = {{0}};
		struct sk_remote_stream stream = {.samples = got, .max = 3};
		char lines[64] = "";
		size_t at = 0;

		while (at < len) {
			size_t part = len - at < step ? len - at : step;
			bool has_line = false;
			ssize_t n = sk_remote_read(&stream, bytes + at, part, &has_line);

			assert_true(n > 0 && (size_t)n <= part);
			at += (size_t)n;
			if (has_line)
				(void)snprintf(lines + strlen(lines),
					       sizeof(lines) - strlen(lines), "%.20s;",
					       stream.line);
		}
		assert_string_equal(lines, "clock 1 2;end 3;");
		assert_int_equal(stream.nr, 3);
		assert_int_equal(got[0].received_ns, 9);
		assert_int_equal(got[1].received_ns, 99);
		assert_int_equal(got[2].tick, 2);
	}
}

static void test_stream_that_cannot_be_is_refused(void **state)
{
	static const struct sk_sample bad[] = {{5, 4, 9, 0},
					       {5, 6, 5, 0},
					       {5, UINT64_MAX, 0, 0},
					       {0, 1, UINT64_MAX, 0}};
	static const char *const lines[] = {"samples 1 1\n", "samples 0 4\n",
					    "samples 0\n", "samples -1 1\n",
					    "samples 0 18446744073709551615\n"};
	struct sk_sample got[3];
	unsigned char bytes[256];
	char word[2 * SK_REMOTE_LINE];
	bool has_line;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++) {
		struct sk_remote_stream stream = {.samples = got, .max = 3};

		assert_int_equal(sk_remote_read(&stream, lines[i], strlen(lines[i]),
						&has_line),
				 -EPROTO);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_remote_stream stream = {.samples = got, .max = 3};
		size_t len = put(bytes, "samples 0 1\n", &bad[i], 1);

		assert_int_equal(sk_remote_read(&stream, bytes, len, &has_line), -EPROTO);
		assert_int_equal(stream.nr, 0);
	}
	memset(word, 'x', sizeof(word));
	assert_int_equal(sk_remote_read(&(struct sk_remote_stream){.samples = got}, word,
					sizeof(word), &has_line),
			 -EPROTO);
}

static void test_target_is_printed_as_it_is_read(void **state)
{
	static const char *const urls[] = {
		"udp://10.0.0.1:7?hz=20&model=open&urgency=3",
		"tcp://[fd00::1]:7007?hz=1000&model=dispatcher&urgency=0&clients=9&objects=4",
		"http://h:80/a?b=c#hz=1&model=open&urgency=7",
		"icmp://h?hz=1000&model=open&urgency=3",
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(urls); i++) {
		struct sk_probe_target target;
		sk_autofree char *text = NULL;

		assert_int_equal(sk_probe_target_parse(urls[i], &target, NULL), 0);
		assert_int_equal(sk_probe_target_print(&target, &text), 0);
		assert_string_equal(text, urls[i]);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_of_every_model_come_over),
		cmocka_unit_test(test_probe_that_was_over_there_before_the_stop_says_so),
		cmocka_unit_test(test_clock_that_is_ahead_is_corrected),
		cmocka_unit_test(test_connection_that_breaks_leaves_what_was_measured),
		cmocka_unit_test(test_what_is_wrong_there_is_told_here),
		cmocka_unit_test(test_another_version_there_is_named_at_once),
		cmocka_unit_test(test_end_of_input_ends_a_running_probe_at_once),
		cmocka_unit_test(test_each_clock_answer_names_its_question),
		cmocka_unit_test(test_lines_that_are_none_are_refused),
		cmocka_unit_test(test_stream_is_taken_apart_in_pieces_of_any_size),
		cmocka_unit_test(test_stream_that_cannot_be_is_refused),
		cmocka_unit_test(test_target_is_printed_as_it_is_read),
	};

	if (argc == 2 && strcmp(argv[1], "probe-serve") == 0) {
		if (getenv("TEST_ENDS"))
			(void)alarm(1);
		return sk_probe_serve(STDIN_FILENO, STDOUT_FILENO, NULL) < 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
