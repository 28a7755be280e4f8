// SPDX-License-Identifier: Apache-2.0
/* test_serve - `skiff serve` under each model, asked by `skiff probe` in each way */
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/it/it.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

#define DEADLINE_NS (30 * SK_NS_PER_S)

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

/* Wait for the line with the ports; the port of the service. */
static int await_port(const struct it_job *job)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;
	char text[512] = "";

	while (!strchr(text, '\n')) {
		ssize_t n = pread(job->out_fd, text, sizeof(text) - 1, 0);

		text[n > 0 ? n : 0] = '\0';
		if (sk_clock_mono() >= deadline)
			fail_msg("the service says nothing: %s", text);
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	}
	assert_non_null(strstr(text, " port "));
	return (int)strtol(strstr(text, " port ") + 6, NULL, 10);
}

static int serve(struct it *it, struct it_job *job, const char *settings)
{
	it_start(it, job, -1, "serve", "--address", "127.0.0.1", "--port", "0",
		 "--static", "1m", "--server", settings);
	return await_port(job);
}

/* End it; what it said at the end is in it->out. */
static void stop(struct it *it, struct it_job *job)
{
	assert_int_equal(kill(job->proc.pid, SIGTERM), 0);
	assert_int_equal(it_finish(it, job), 0);
}

static struct sk_json *probe(struct it *it, const char *url, const char *model)
{
	struct sk_json *json = NULL;
	struct sk_err err = SK_ERR_INIT;

	it_expect(it, 0, "probe", "--for", "300ms", "--hz", "200", "--clients", "4",
		  "--model", model, "--format", "json", url);
	if (sk_json_parse(it->out, strlen(it->out), "stdout", &json, &err) < 0)
		fail_msg("%s", err.msg);
	return json;
}

static void test_each_model_serves_each_kind(void **state)
{
	static const char *const models[] = {"iterative",
					     "thread-per-request,threads=64",
					     "thread-per-connection",
					     "worker-pool,workers=2",
					     "thread-per-object,objects=3",
					     "event-driven"};
	static const char *const kinds[] = {"udp", "tcp", "http"};
	struct it *it = *state;

	for (size_t m = 0; m < SK_ARRAY_SIZE(models); m++) {
		struct it_job job = {0};
		int port = serve(it, &job, models[m]);

		for (size_t k = 0; k < SK_ARRAY_SIZE(kinds); k++) {
			sk_autofree char *url =
				sk_strf("%s://127.0.0.1:%d", kinds[k], port);
			sk_auto(sk_json_free) struct sk_json *json =
				probe(it, url, "open");

			assert_int_equal(sk_json_int(sk_json_get(json, "sent"), -1), 60);
			assert_int_equal(sk_json_int(sk_json_get(json, "lost"), -1), 0);
			assert_string_equal(sk_json_str(sk_json_get(json, "kind"), ""),
					    kinds[k]);
			assert_string_equal(sk_json_str(sk_json_get(json, "stamps"), ""),
					    "kernel");
		}
		stop(it, &job);
		it_assert_has(it->out, "served 180, refused 0");
		it_assert_has(it->out, "thread-level parallelism ");
	}
}

static void test_each_closed_loop_gets_its_answers(void **state)
{
	static const char *const models[] = {"single", "threads", "dispatcher",
					     "callbacks"};
	struct it *it = *state;
	struct it_job job = {0};
	sk_autofree char *url = NULL;

	url = sk_strf("tcp://127.0.0.1:%d", serve(it, &job, "worker-pool"));
	for (size_t m = 0; m < SK_ARRAY_SIZE(models); m++) {
		sk_auto(sk_json_free) struct sk_json *json = probe(it, url, models[m]);

		assert_string_equal(sk_json_str(sk_json_get(json, "model"), ""),
				    models[m]);
		assert_int_equal(sk_json_int(sk_json_get(json, "lost"), -1), 0);
		assert_in_range(sk_json_int(sk_json_get(json, "sent"), 0), 30, 60);
	}
	stop(it, &job);
}

static void test_overload_is_refused_and_said(void **state)
{
	struct it *it = *state;
	struct it_job job = {0};
	sk_autofree char *url = NULL;

	url = sk_strf("http://127.0.0.1:%d/#clients=8&hz=200",
		      serve(it, &job,
			    "worker-pool,workers=1,queue=1,time=100ms,work=sleep"));
	it_expect(it, 0, "probe", "--for", "300ms", url);
	it_assert_has(it->out, " of them refused");
	stop(it, &job);
	assert_null(strstr(it->out, "refused 0"));
}

static void test_faults_in_the_command_line_are_named(void **state)
{
	struct it *it = *state;

	it_expect(it, 1, "serve", "--server", "pool");
	it_assert_has(it->err, "--server: server 'pool': 'pool' is not a server model");
	it_assert_has(it->err, "hint: models: iterative, thread-per-request");
	it_expect(it, 1, "serve", "--server", "worker-pool,workers=0");
	it_assert_has(it->err, "setting 'workers'");
	it_expect(it, 2, "serve", "--port", "65536");
	it_assert_has(it->err, "ports go to 65535");
	it_expect(it, 1, "serve", "--address", "nowhere");
	it_assert_has(it->err, "'nowhere' is not an IPv4 or IPv6 address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_each_model_serves_each_kind),
		IT_TEST(test_each_closed_loop_gets_its_answers),
		IT_TEST(test_overload_is_refused_and_said),
		IT_TEST(test_faults_in_the_command_line_are_named),
	};

	return cmocka_run_group_tests(tests, setup_with_loopback, it_group_teardown);
}
