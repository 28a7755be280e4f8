// SPDX-License-Identifier: Apache-2.0
/* test_probe - the probe against servers in this process that answer, drop, stall or go away */
#include "migrate/measure/probe.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/udp.h"
#include "tests/unit/tempdir.h"

#define MS SK_NS_PER_MS

/** struct server - Echo that misbehaves from one moment of its life to another */
struct server {
	int sock;
	atomic_bool is_stopping;
	pthread_t thread;
	enum { DROPS, STALLS } how;
	uint64_t from_ns, to_ns; /* of its life, which begins with the first request */
	bool answers_twice;
};

static void *server_main(void *arg)
{
	struct server *server = arg;
	uint64_t first = 0;

	while (!atomic_load(&server->is_stopping)) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		struct sk_echo packet;
		ssize_t n = recvfrom(server->sock, &packet, sizeof(packet), 0,
				     (struct sockaddr *)&peer, &len);
		uint64_t now = sk_clock_mono();

		if (n != sizeof(packet) || le32toh(packet.magic) != SK_GUEST_MAGIC)
			continue;
		first = first ? first : now;
		packet.tick = htole64(1 + (now - first) / MS);
		if (now - first >= server->from_ns && now - first < server->to_ns) {
			if (server->how == DROPS)
				continue;
			sk_clock_sleep_until(first + server->to_ns);
		}
		for (int i = 0; i < (server->answers_twice ? 2 : 1); i++)
			(void)sendto(server->sock, &packet, sizeof(packet), 0,
				     (struct sockaddr *)&peer, len);
	}
	return NULL;
}

static void server_start(struct server *server)
{
	assert_int_equal(sk_udp_bind("127.0.0.1", 0, &server->sock, NULL), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

static void server_stop(struct server *server)
{
	sk_udp_stop(server->sock, &server->is_stopping);
	(void)pthread_join(server->thread, NULL);
	sk_close(&server->sock);
}

static struct sk_probe_opts options(uint16_t port, unsigned int hz, uint64_t ms)
{
	struct sk_probe_opts opts = {.netns_fd = -1,
				     .max_duration_ns = ms * MS,
				     .timeout_ns = 500 * MS};

	opts.target.port = port;
	opts.target.hz = hz;
	(void)snprintf(opts.target.host, sizeof(opts.target.host), "127.0.0.1");
	return opts;
}

/* Probe a server for a while and sum up all of it. */
static struct sk_probe *measure(struct server *server, uint64_t ms,
				struct sk_probe_summary *ret)
{
	struct sk_probe_opts opts = options(sk_udp_port(server->sock), 1000, ms);
	struct sk_probe *probe = NULL;
	const struct sk_sample *samples;
	size_t n;

	assert_int_equal(sk_probe_start(&opts, &probe, NULL), 0);
	assert_int_equal(sk_probe_finish(probe, NULL), 0);
	samples = sk_probe_samples(probe, &n);
	assert_int_equal(sk_probe_summarize(samples, n, 0, UINT64_MAX, opts.timeout_ns,
					    ret),
			 0);
	return probe;
}

static void test_every_request_is_counted_and_answered(void **state)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct server server = {0};
	struct sk_probe_summary s;
	const struct sk_sample *samples;
	size_t n;

	(void)state;
	server_start(&server);
	probe = measure(&server, 500, &s);
	server_stop(&server);
	assert_int_equal(s.sent, 500);
	assert_int_equal(s.lost, 0);
	assert_true(s.tick_monotonic);
	assert_true(s.p50_us > 0 && s.p50_us <= s.p90_us && s.p90_us <= s.p99_us &&
		    s.p99_us <= s.max_us);
	samples = sk_probe_samples(probe, &n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(samples[i].intended_ns, i * MS);
		assert_true(samples[i].sent_ns >= samples[i].intended_ns);
		assert_true(samples[i].received_ns >= samples[i].sent_ns);
	}
}

/* Of the time between its end and the stop it knows nothing: that must not look like silence, or calm. */
static void test_probe_that_was_over_before_the_stop_says_so(void **state)
{
	struct server server = {0};

	(void)state;
	server_start(&server);
	for (unsigned int i = 0; i < 2; i++) {
		struct sk_probe_opts opts =
			options(sk_udp_port(server.sock), 1000, i == 0 ? 150 : 14400000);
		sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
		sk_auto(sk_json_free) struct sk_json *json = sk_json_new_object();

		assert_int_equal(sk_probe_start(&opts, &probe, NULL), 0);
		sk_clock_sleep_until(sk_clock_mono() + 300 * MS);
		assert_int_equal(sk_probe_stop(probe, NULL), 0);
		sk_probe_describe(probe, json);
		assert_int_equal(sk_probe_cut(probe) != NULL, i == 0);
		assert_string_equal(sk_json_str(sk_json_get(json, "cut"), ""),
				    i == 0 ? "it probes for 150 ms at most" : "");
	}
	server_stop(&server);
}

static void test_dropped_requests_are_lost_and_an_outage(void **state)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct server server = {.how = DROPS, .from_ns = 200 * MS, .to_ns = 500 * MS};
	struct sk_probe_summary s;

	(void)state;
	server_start(&server);
	probe = measure(&server, 800, &s);
	server_stop(&server);
	assert_int_equal(s.sent, 800);
	assert_in_range(s.lost, 200, 400); /* a server that wakes late drops others */
	assert_in_range(s.outage_ns, 280 * MS, 800 * MS);
	assert_in_range(s.outage_start_ns, 190 * MS, 500 * MS);
	assert_true(s.silence_ns >= s.outage_ns);
}

static void test_stalled_requests_are_late_from_their_intended_time(void **state)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	/* Shorter than the server's socket buffer holds. */
	struct server server = {.how = STALLS, .from_ns = 200 * MS, .to_ns = 350 * MS};
	struct sk_probe_summary s;

	(void)state;
	server_start(&server);
	probe = measure(&server, 400, &s);
	server_stop(&server);
	assert_int_equal(s.lost, 0);
	assert_in_range(s.outage_ns, 130 * MS, 500 * MS);
	assert_in_range((uint64_t)s.max_us, 130000, 500000);
	/* 150 of 400 waited: half of them longer than 75 ms. A closed loop would see one. */
	assert_true(s.p90_us > 60e3);
}

static void test_doubled_replies_count_once(void **state)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct server server = {.answers_twice = true};
	struct sk_probe_summary s;

	(void)state;
	server_start(&server);
	probe = measure(&server, 100, &s);
	server_stop(&server);
	assert_int_equal(s.sent, 100);
	assert_int_equal(s.lost, 0);
}

static void test_service_that_is_away_is_loss_and_no_error(void **state)
{
	struct sk_probe_opts opts = options(9, 1000, 100);
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct sk_err err = SK_ERR_INIT;
	const struct sk_sample *samples;
	struct sk_probe_summary s;
	size_t n;

	(void)state;
	opts.timeout_ns = 50 * MS;
	assert_int_equal(sk_probe_start(&opts, &probe, &err), 0);
	assert_int_equal(sk_probe_wait_reply(probe, 30, &err), -ETIMEDOUT);
	assert_string_equal(err.msg,
			    "udp://127.0.0.1:9 does not answer: no reply within 30 ms");
	assert_int_equal(sk_probe_finish(probe, &err), 0);
	samples = sk_probe_samples(probe, &n);
	assert_int_equal(sk_probe_summarize(samples, n, 0, UINT64_MAX, 0, &s), 0);
	assert_int_equal(s.sent, 100);
	assert_int_equal(s.lost, 100);
	assert_true(isnan(s.p50_us) && isnan(s.max_us));
	assert_int_equal(s.outage_ns, 99 * MS);
}

static void test_stop_ends_it_before_its_time(void **state)
{
	struct server server = {0};
	struct sk_probe_opts opts;
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	uint64_t start = sk_clock_mono();
	size_t n;

	(void)state;
	server_start(&server);
	opts = options(sk_udp_port(server.sock), 1, 3600000);
	assert_int_equal(sk_probe_start(&opts, &probe, NULL), 0);
	assert_int_equal(sk_probe_wait_reply(probe, 3000, NULL), 0);
	assert_int_equal(sk_probe_stop(probe, NULL), 0);
	server_stop(&server);
	(void)sk_probe_samples(probe, &n);
	assert_int_equal(n, 1);
	assert_true(sk_clock_mono() - start < 900 * MS);
}

static void test_start_time_is_on_the_real_clock(void **state)
{
	struct sk_probe_opts opts = options(9, 1000, 1);
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	uint64_t before = sk_clock_real();

	(void)state;
	assert_int_equal(sk_probe_start(&opts, &probe, NULL), 0);
	assert_in_range(sk_probe_start_time(probe), before, before + 500 * MS);
}

static void test_other_namespace_is_entered_by_the_socket_alone(void **state)
{
	char before[64] = "", after[64] = "";
	struct sk_probe_opts opts = options(9, 1000, 10);
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	sk_autoclose int mine = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	sk_autoclose int other = -1;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip(); /* not permitted to make a network namespace */
	other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(mine, CLONE_NEWNET), 0);
	assert_true(readlink("/proc/thread-self/ns/net", before, sizeof(before) - 1) > 0);
	opts.netns_fd = other;
	/* Its loopback is down: the namespace was entered. */
	assert_int_equal(sk_probe_start(&opts, &probe, &err), -ENETUNREACH);
	assert_string_equal(err.msg, "start the probe: reach '127.0.0.1' port 9: "
				     "Network is unreachable");
	assert_true(readlink("/proc/thread-self/ns/net", after, sizeof(after) - 1) > 0);
	assert_string_equal(before, after);
}

static void test_probing_beyond_memory_is_refused(void **state)
{
	struct sk_probe_opts opts = options(9, 20000, 1000ull * 3600 * 1000);
	struct sk_probe *probe = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_probe_start(&opts, &probe, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "20000 times a second for 3600000 s"));
	assert_null(probe);
}

static void test_targets_are_read(void **state)
{
	static const struct {
		const char *url, *host;
		uint16_t port;
		unsigned int hz;
	} cases[] = {
		{"udp://10.77.0.10:7007", "10.77.0.10", 7007, 1000},
		{"udp://host.example:1?hz=20000", "host.example", 1, 20000},
		{"udp://[fd00::1]:7007?hz=1", "fd00::1", 7007, 1},
		{"tcp://a:9?clients=4&hz=50&model=dispatcher", "a", 9, 50},
		{"http://a", "a", 80, 1000},
		{"http://a:8080/x?y=z&hz=3#hz=7", "a", 8080, 7},
		{"http://[::1]/", "::1", 80, 1000},
		{"icmp://10.0.0.1?hz=5", "10.0.0.1", 0, 5},
		{"icmp://[::1]", "::1", 0, 1000},
	};
	struct sk_probe_target target;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_int_equal(sk_probe_target_parse(cases[i].url, &target, &err), 0);
		assert_string_equal(target.host, cases[i].host);
		assert_int_equal(target.port, cases[i].port);
		assert_int_equal(target.hz, cases[i].hz);
	}
}

static void test_malformed_targets_name_the_fault(void **state)
{
	static const struct {
		const char *url, *fault;
	} cases[] = {
		{"", "it does not start with udp://, tcp://, http:// or icmp://"},
		{"ftp://a:1",
		 "it does not start with udp://, tcp://, http:// or icmp://"},
		{"udp://", "the port is missing"},
		{"udp://host", "the port is missing"},
		{"udp://[fd00::1]", "the port is missing"},
		{"udp://:7", "the host is missing"},
		{"udp://[]:7", "the host is missing"},
		{"udp://a/b:7", "'a/b' is not a host"},
		{"udp://a:", "port: "},
		{"udp://a:0", "port: "},
		{"udp://a:65536", "port: "},
		{"udp://a:7?hz=0", "hz: "},
		{"udp://a:7?hz=20001", "hz: "},
		{"udp://a:7?rate=1", "'rate=1' is not a setting: use hz, clients"},
		{"udp://a:7?hz", "'hz' is not KEY=VALUE"},
		{"udp://a:7?clients=257", "clients: "},
		{"udp://a:7?model=fast", "model: 'fast' is not one of open, single"},
		{"tcp://a:7?urgency=8", "urgency: "},
		{"tcp://a", "the port is missing"},
		{"icmp://a:7", "ICMP has no ports"},
		{"icmp://a?clients=2", "ICMP has one client"},
		{"http://a/b c", "the path has a character"},
		{"http://a:0/", "port: "},
		{"udp://a123456789b123456789c123456789d123456789e123456789f123456789g123456789:7",
		 "the host is longer than 63 bytes"},
	};
	struct sk_probe_target target = {.port = 99};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;
		int r = sk_probe_target_parse(cases[i].url, &target, &err);

		if (r >= 0 || !strstr(err.msg, cases[i].fault) || !err.hint[0])
			fail_msg("'%s': %d, %s", cases[i].url, r, err.msg);
		assert_int_equal(target.port, 99);
	}
}

/* Ten requests, 1 ms apart, each answered after 0.2 ms. */
static void fill(struct sk_sample samples[10])
{
	for (uint64_t i = 0; i < 10; i++)
		samples[i] = (struct sk_sample){
			.intended_ns = i * MS,
			.sent_ns = i * MS + 10000,
			.received_ns = i * MS + 200000,
			.tick = i + 1,
		};
}

static void test_summary_of_known_samples(void **state)
{
	struct sk_sample samples[10];
	struct sk_probe_summary s;

	(void)state;
	fill(samples);
	assert_int_equal(sk_probe_summarize(samples, 10, 0, UINT64_MAX, 0, &s), 0);
	assert_int_equal(s.sent, 10);
	assert_int_equal(s.lost, 0);
	assert_true(fabs(s.p50_us - 200) < 1e-6 && fabs(s.mean_us - 200) < 1e-6);
	assert_true(fabs(s.late_p99_us - 10) < 1e-6 && s.late_ok);
	assert_int_equal(s.silence_ns, 1000000);
	assert_int_equal(s.outage_ns, 200000);
	/* 4, 5 and 6 are lost. */
	samples[4].received_ns = samples[5].received_ns = samples[6].received_ns = 0;
	assert_int_equal(sk_probe_summarize(samples, 10, 0, UINT64_MAX, 0, &s), 0);
	assert_int_equal(s.lost, 3);
	assert_int_equal(s.silence_ns, 4000000); /* 3.2 ms to 7.2 ms */
	assert_int_equal(s.outage_ns, 3200000);	 /* 4.0 ms to 7.2 ms */
	assert_int_equal(s.outage_start_ns, 4000000);
	/* They are slower than all that were answered: 3 of 10 at 2 s. */
	assert_true(fabs(s.p50_us - 200) < 1e-6);
	assert_true(fabs(s.p90_us - 2e6) < 1e-6 && fabs(s.max_us - 2e6) < 1e-6);
	assert_true(fabs(s.mean_us - (7 * 200 + 3 * 2e6) / 10) < 1e-6);
	/* Only 2 and 3. */
	assert_int_equal(sk_probe_summarize(samples, 10, 2 * MS, 4 * MS, 0, &s), 0);
	assert_int_equal(s.sent, 2);
	assert_int_equal(s.lost, 0);
}

/* Several connections: of requests under way at once any may be answered first. */
static void test_tick_must_not_go_back_behind_a_reply_that_was_there(void **state)
{
	struct sk_sample samples[] = {
		{0, 0, 9 * MS, 50},
		{1 * MS, 1 * MS, 4 * MS, 49},
		{2 * MS, 2 * MS, 0, 0},
		{5 * MS, 5 * MS, 7 * MS, 49},
	};
	struct sk_probe_summary s;

	(void)state;
	assert_int_equal(sk_probe_summarize(samples, 4, 0, UINT64_MAX, 0, &s), 0);
	assert_true(s.tick_monotonic);
	samples[3].tick = 48; /* older than the reply before it was sent */
	assert_int_equal(sk_probe_summarize(samples, 4, 0, UINT64_MAX, 0, &s), 0);
	assert_false(s.tick_monotonic);
}

static void test_summary_of_a_reply_behind_the_timeout(void **state)
{
	struct sk_sample samples[10];
	struct sk_probe_summary s;

	(void)state;
	fill(samples);
	samples[5].received_ns = 30 * MS;
	assert_int_equal(sk_probe_summarize(samples, 10, 0, UINT64_MAX, 10 * MS, &s), 0);
	assert_int_equal(s.lost, 1);
	assert_true(fabs(s.p50_us - 200) < 1e-6);
	assert_true(fabs(s.max_us - 10e3) < 1e-6); /* at least the time-out */
	/* But the service spoke, and then no request was left waiting. */
	assert_int_equal(s.silence_ns, 30 * MS - samples[9].received_ns);
	assert_true(s.tick_monotonic);
	samples[6].tick = 3;
	assert_int_equal(sk_probe_summarize(samples, 10, 0, UINT64_MAX, 0, &s), 0);
	assert_false(s.tick_monotonic);
}

static void test_summary_of_late_sends_is_to_be_discarded(void **state)
{
	struct sk_sample samples[10];
	struct sk_probe_summary s;

	(void)state;
	fill(samples);
	samples[9].sent_ns = samples[9].intended_ns + 2 * MS;
	samples[9].received_ns = samples[9].sent_ns + 1;
	assert_int_equal(sk_probe_summarize(samples, 10, 0, UINT64_MAX, 0, &s), 0);
	assert_false(s.late_ok);
	assert_true(s.late_p99_us > 1000);
}

static void test_summary_of_nothing_is_empty(void **state)
{
	struct sk_probe_summary s;

	(void)state;
	assert_int_equal(sk_probe_summarize(NULL, 0, 0, UINT64_MAX, 0, &s), 0);
	assert_int_equal(s.sent, 0);
	assert_true(isnan(s.p99_us));
	assert_true(s.late_ok);
}

static void test_saved_samples_are_read_back_and_damage_is_found(void **state)
{
	struct tempdir dir;
	sk_autofree struct sk_sample *loaded = NULL;
	sk_autofree char *file = NULL;
	struct sk_sample samples[10];
	struct sk_err err = SK_ERR_INIT;
	size_t n = 0, len;

	(void)state;
	fill(samples);
	assert_return_code(tempdir_make(&dir), errno);
	assert_int_equal(sk_probe_save(dir.fd, "samples.bin", samples, 10, &err), 0);
	assert_int_equal(sk_probe_load(dir.fd, "samples.bin", &loaded, &n, &err), 0);
	assert_int_equal(n, 10);
	assert_memory_equal(loaded, samples, sizeof(samples));

	assert_int_equal(sk_fs_read(dir.fd, "samples.bin", 4096, &file, &len), 0);
	assert_int_equal(sk_fs_replace(dir.fd, "cut", file, len - 32, 0600, &err), 0);
	assert_int_equal(sk_probe_load(dir.fd, "cut", &loaded, &n, &err), -EINVAL);
	assert_string_equal(err.msg, "'cut' is cut short");
	assert_int_equal(sk_fs_replace(dir.fd, "text", "hello", 5, 0600, &err), 0);
	assert_int_equal(sk_probe_load(dir.fd, "text", &loaded, &n, &err), -EINVAL);
	assert_string_equal(err.msg, "'text' is not a file of samples");
	assert_int_equal(sk_probe_load(dir.fd, "none", &loaded, &n, &err), -ENOENT);
	assert_int_equal(tempdir_remove(&dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_request_is_counted_and_answered),
		cmocka_unit_test(test_probe_that_was_over_before_the_stop_says_so),
		cmocka_unit_test(test_dropped_requests_are_lost_and_an_outage),
		cmocka_unit_test(test_stalled_requests_are_late_from_their_intended_time),
		cmocka_unit_test(test_doubled_replies_count_once),
		cmocka_unit_test(test_service_that_is_away_is_loss_and_no_error),
		cmocka_unit_test(test_stop_ends_it_before_its_time),
		cmocka_unit_test(test_start_time_is_on_the_real_clock),
		cmocka_unit_test(test_other_namespace_is_entered_by_the_socket_alone),
		cmocka_unit_test(test_probing_beyond_memory_is_refused),
		cmocka_unit_test(test_targets_are_read),
		cmocka_unit_test(test_malformed_targets_name_the_fault),
		cmocka_unit_test(test_summary_of_known_samples),
		cmocka_unit_test(test_summary_of_a_reply_behind_the_timeout),
		cmocka_unit_test(
			test_tick_must_not_go_back_behind_a_reply_that_was_there),
		cmocka_unit_test(test_summary_of_late_sends_is_to_be_discarded),
		cmocka_unit_test(test_summary_of_nothing_is_empty),
		cmocka_unit_test(test_saved_samples_are_read_back_and_damage_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
