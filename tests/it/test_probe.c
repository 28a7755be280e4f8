// SPDX-License-Identifier: Apache-2.0
/* test_probe - `skiff probe` against skiff-guest on this machine */
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/it/it.h"

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"

/* The world's own network namespace begins with everything down. */
static int setup_with_loopback(void **state)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	sk_autoclose int sock = -1;

	if (it_group_setup(state) != 0)
		return -1;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return sock < 0 ? -1 : ioctl(sock, SIOCSIFFLAGS, &request);
}

/** struct guest - A skiff-guest that serves */
struct guest {
	struct sk_proc proc;
	int out_fd; /* read to the end of its life: it says something then too */
	char url[64];
};

static void guest_start(struct it *it, struct guest *guest)
{
	sk_autofree char *path = sk_strf("%s/libexec/skiff/skiff-guest", it->build);
	const char *const argv[] = {path,     "serve", "--address", "127.0.0.1",
				    "--port", "0",     NULL};
	struct sk_proc_opts opts = {.has_stdout = true, .death_signal = SIGKILL};
	struct sk_err err = SK_ERR_INIT;
	char line[128] = "";
	const char *port;
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	opts.stdout_fd = out[1];
	if (sk_proc_spawn(argv, &opts, &guest->proc, &err) < 0)
		fail_msg("%s", err.msg);
	(void)close(out[1]);
	for (size_t n = 0; n + 1 < sizeof(line) && !strchr(line, '\n'); n++) {
		struct pollfd ready = {.fd = out[0], .events = POLLIN};

		assert_int_equal(poll(&ready, 1, 10000), 1);
		assert_int_equal(read(out[0], line + n, 1), 1);
	}
	guest->out_fd = out[0];
	port = strstr(line, "port ");
	assert_non_null(port);
	(void)snprintf(guest->url, sizeof(guest->url), "udp://127.0.0.1:%d",
		       (int)strtol(port + 5, NULL, 10));
}

static void guest_stop(struct guest *guest)
{
	struct sk_err err = SK_ERR_INIT;
	int status = -1;

	assert_int_equal(kill(guest->proc.pid, SIGTERM), 0);
	assert_int_equal(sk_proc_wait(&guest->proc, 10000, &status, &err), 0);
	assert_int_equal(status, 0);
	(void)close(guest->out_fd);
}

static void await_stderr(const struct it_job *job, const char *part)
{
	uint64_t deadline = sk_clock_mono() + 30 * SK_NS_PER_S;
	char text[512] = "";

	while (!strstr(text, part)) {
		ssize_t n = pread(job->err_fd, text, sizeof(text) - 1, 0);

		if (n >= 0)
			text[n] = '\0';
		if (sk_clock_mono() >= deadline)
			fail_msg("no '%s' in: %s", part, text);
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	}
}

static void test_prints_the_distribution_as_text(void **state)
{
	struct it *it = *state;
	struct guest guest;

	guest_start(it, &guest);
	it_expect(it, 0, "probe", "--for", "500ms", guest.url);
	guest_stop(&guest);
	it_assert_has(it->out, "1000 requests per second\n");
	it_assert_has(it->out, " requests   500 sent, 0 lost (0 %)\n");
	it_assert_has(it->out, " response   p50 ");
	it_assert_has(it->out, "   up to ");
	it_assert_has(it->out, " silence ");
	it_assert_has(it->out, " lateness   p99 ");
}

static void test_prints_json_and_keeps_the_samples(void **state)
{
	struct it *it = *state;
	sk_autofree char *dir = sk_strf("%s/results/deep", it->dir);
	sk_autofree char *saved = sk_strf("%s/probe.json", dir);
	sk_autofree char *samples = sk_strf("%s/samples.bin", dir), *bytes = NULL;
	sk_autofree char *results = sk_strf("%s/results", it->dir);
	sk_auto(sk_json_free) struct sk_json *json = NULL, *file = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct guest guest;
	size_t len = 0;

	guest_start(it, &guest);
	it_expect(it, 0, "probe", "--for", "200ms", "--hz", "500", "--dir", dir,
		  "--format", "json", guest.url);
	guest_stop(&guest);
	assert_int_equal(sk_json_parse(it->out, strlen(it->out), "stdout", &json, &err),
			 0);
	assert_int_equal(sk_json_int(sk_json_get(json, "sent"), -1), 100);
	assert_int_equal(sk_json_int(sk_json_get(json, "lost"), -1), 0);
	assert_int_equal(sk_json_int(sk_json_get(json, "hz"), -1), 500);
	assert_true(sk_json_double(sk_json_get(json, "p50_ms"), -1) > 0);
	assert_true(sk_json_len(sk_json_get(json, "histogram")) > 0);
	assert_int_equal(sk_json_load(AT_FDCWD, saved, &file, &err), 0);
	assert_int_equal(sk_json_int(sk_json_get(file, "sent"), -1), 100);
	assert_int_equal(sk_fs_read(AT_FDCWD, samples, 1 << 20, &bytes, &len), 0);
	assert_int_equal(len, 16 + 100 * 32);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, results, &err), 0);
}

static void test_ctrl_c_prints_what_was_measured(void **state)
{
	struct it *it = *state;
	struct it_job job = {0};
	struct guest guest;

	guest_start(it, &guest);
	it_start(it, &job, -1, "probe", "--for", "1h", "--format", "json", guest.url);
	await_stderr(&job, "probe udp://");
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
	guest_stop(&guest);
	it_assert_has(it->out, "\"late_p99_us\"");
}

/* What nobody answers is loss, however long: the end of the probe does not wait for it. */
static void test_a_tcp_service_that_dies_for_good_is_loss_to_the_end(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct it_job job = {0};
	struct guest guest;
	int64_t lost;
	int status;

	guest_start(it, &guest);
	memcpy(guest.url, "tcp", 3);
	it_start(it, &job, -1, "probe", "--for", "3s", "--format", "json", guest.url);
	await_stderr(&job, "probe tcp://");
	/* That it is answered by then is asserted below. */
	sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_S);
	assert_int_equal(kill(guest.proc.pid, SIGKILL), 0);
	assert_int_equal(sk_proc_wait(&guest.proc, 10000, &status, &err), 0);
	(void)close(guest.out_fd);
	assert_int_equal(it_finish(it, &job), 0);
	assert_int_equal(sk_json_parse(it->out, strlen(it->out), "stdout", &json, &err),
			 0);
	lost = sk_json_int(sk_json_get(json, "lost"), -1);
	assert_int_equal(sk_json_int(sk_json_get(json, "sent"), -1), 3000);
	assert_in_range(lost, 1000, 2900);
	assert_true(sk_json_double(sk_json_get(json, "p50_ms"), -1) > 0);
	assert_true(sk_json_double(sk_json_get(json, "outage_ms"), -1) > 1000);
}

static void test_without_a_service_says_so(void **state)
{
	struct it *it = *state;

	it_expect(it, 1, "probe", "--for", "100ms", "udp://127.0.0.1:9");
	assert_string_equal(it->out, "");
	it_assert_has(it->err, "skiff: udp://127.0.0.1:9 does not answer: no reply "
			       "within 3000 ms\n");
	it_assert_has(it->err, "hint: ");
}

static void test_faults_in_the_command_line_are_named(void **state)
{
	struct it *it = *state;

	it_expect(it, 1, "probe", "127.0.0.1:9");
	it_assert_has(
		it->err,
		"target '127.0.0.1:9': it does not start with udp://, tcp://, http:// or icmp://\n");
	it_expect(it, 2, "probe", "--hz", "20001", "udp://127.0.0.1:9");
	it_assert_has(it->err, "--hz is at most 20000");
	it_expect(it, 2, "probe");
	it_expect(it, 2, "probe", "--for", "0s", "udp://127.0.0.1:9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_prints_the_distribution_as_text),
		IT_TEST(test_prints_json_and_keeps_the_samples),
		IT_TEST(test_ctrl_c_prints_what_was_measured),
		IT_TEST(test_a_tcp_service_that_dies_for_good_is_loss_to_the_end),
		IT_TEST(test_without_a_service_says_so),
		IT_TEST(test_faults_in_the_command_line_are_named),
	};

	return cmocka_run_group_tests(tests, setup_with_loopback, it_group_teardown);
}
