// SPDX-License-Identifier: Apache-2.0
/* test_server - the service under each model: answers, order, overlap, refusal, parallelism */
#include "migrate/guest/server.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/server_internal.h"
#include "migrate/guest/tlp.h"
#include "migrate/guest/udp.h"

#define WAIT_MS	 5000
#define NR_CALLS 4
#define COST_MS	 60

static const char *const all_models[] = {"iterative",
					 "thread-per-request",
					 "thread-per-connection",
					 "worker-pool",
					 "thread-per-object",
					 "event-driven"};

static struct sk_server *start(const char *settings)
{
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;
	struct sk_server *server = NULL;
	struct sk_err err = SK_ERR_INIT;

	opts.address = "127.0.0.1";
	if (sk_server_parse(settings, &opts, &err) < 0 ||
	    sk_server_start(&opts, &server, &err) < 0)
		fail_msg("%s", err.msg);
	return server;
}

static int connect_to(const struct sk_server *server, int type)
{
	struct sk_err err = SK_ERR_INIT;
	int sock = -1;

	if (sk_net_connect(-1, type, "127.0.0.1", sk_server_port(server), &sock, &err) <
	    0)
		fail_msg("%s", err.msg);
	return sock;
}

static void send_echo(int sock, uint64_t seq, unsigned int urgency, uint64_t object)
{
	struct sk_echo request = {.magic = htole32(SK_GUEST_MAGIC),
				  .seq = htole64(seq),
				  .tick = htole64(sk_echo_arg(urgency, object))};

	assert_int_equal(send(sock, &request, sizeof(request), MSG_NOSIGNAL),
			 sizeof(request));
}

static bool await(int sock)
{
	struct pollfd ready = {.fd = sock, .events = POLLIN};

	return poll(&ready, 1, WAIT_MS) == 1;
}

static struct sk_echo receive_echo(int sock)
{
	struct sk_echo reply = {0};

	assert_true(await(sock));
	assert_int_equal(recv(sock, &reply, sizeof(reply), MSG_WAITALL), sizeof(reply));
	return reply;
}

/* The status of the next response without a body worth reading. */
static unsigned int receive_http(int sock)
{
	char text[512] = "";
	size_t len = 0;

	while (!strstr(text, "\r\n\r\n") && len + 1 < sizeof(text)) {
		assert_true(await(sock));
		assert_int_equal(recv(sock, text + len, 1, 0), 1);
		len++;
	}
	if (strstr(text, "Content-Length: 3"))
		assert_int_equal(recv(sock, text + len, 3, MSG_WAITALL), 3);
	return (unsigned int)strtoul(text + strlen("HTTP/1.1 "), NULL, 10);
}

static void test_each_model_answers_udp_tcp_and_http(void **state)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(all_models); i++) {
		sk_auto(sk_server_free) struct sk_server *server = start(all_models[i]);
		sk_autoclose int udp = connect_to(server, SOCK_DGRAM);
		sk_autoclose int tcp = connect_to(server, SOCK_STREAM);
		sk_autoclose int http = connect_to(server, SOCK_STREAM);
		struct sk_server_stats stats;
		uint64_t seen = 0;

		send_echo(udp, 1, 3, 0);
		assert_int_equal(le64toh(receive_echo(udp).seq), 1);
		for (uint64_t seq = 0; seq < 5; seq++)
			send_echo(tcp, seq, 3, seq);
		for (int k = 0; k < 5; k++)
			seen |= 1u << le64toh(receive_echo(tcp).seq);
		assert_int_equal(seen, 31);
		/* Three at once: answers in order, on one connection. */
		for (int k = 0; k < 3; k++)
			assert_int_equal(sk_sock_send_all(http, get, strlen(get)), 0);
		for (int k = 0; k < 3; k++)
			assert_int_equal(receive_http(http), 200);
		sk_server_stats(server, false, &stats);
		assert_in_range(stats.served, 8, 9); /* the last may be counted late */
		assert_int_equal(stats.refused, 0);
	}
}

/* How long NR_CALLS requests that were sent at once took, in ms. */
static uint64_t time_calls(const char *settings)
{
	sk_auto(sk_server_free) struct sk_server *server = start(settings);
	sk_autoclose int sock = connect_to(server, SOCK_STREAM);
	uint64_t begin = sk_clock_mono();

	for (uint64_t seq = 0; seq < NR_CALLS; seq++)
		send_echo(sock, seq, 3, seq % 2);
	for (int i = 0; i < NR_CALLS; i++)
		(void)receive_echo(sock);
	return (sk_clock_mono() - begin) / SK_NS_PER_MS;
}

static void test_models_differ_in_which_waits_overlap(void **state)
{
	static const struct {
		const char *settings;
		unsigned int rounds; /* of COST_MS one after the other */
	} cases[] = {
		{"iterative,time=60ms,work=sleep", 4},
		{"thread-per-connection,time=60ms,work=sleep", 4},
		{"worker-pool,workers=2,time=60ms,work=sleep", 2},
		{"thread-per-object,objects=2,time=60ms,work=sleep", 2},
		{"thread-per-request,time=60ms,work=sleep", 1},
		{"event-driven,time=60ms,work=sleep", 1},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint64_t ms = time_calls(cases[i].settings);

		if (ms < cases[i].rounds * COST_MS - 1)
			fail_msg("%s: %d ms", cases[i].settings, (int)ms);
		/* A machine that is busy with other things makes it longer, but not twice. */
		if (cases[i].rounds == 1)
			assert_true(ms < 4 * COST_MS);
	}
}

/* So that an experiment compares models, and not how much memory each writes. */
static void test_each_model_writes_the_memory_of_a_request(void **state)
{
	static const char *const works[] = {"busy", "sleep"};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(all_models); i++)
		for (size_t k = 0; k < SK_ARRAY_SIZE(works); k++) {
			sk_autofree char *settings =
				sk_strf("%s,time=1ms,work=%s,touch=12k", all_models[i],
					works[k]);
			sk_auto(sk_server_free) struct sk_server *server =
				start(settings);
			sk_autoclose int sock = connect_to(server, SOCK_DGRAM);

			send_echo(sock, 1, 3, 0);
			(void)receive_echo(sock);
			assert_int_equal(atomic_load(&server->next_page), 3);
		}
}

/* Threads of this process that have real-time priority. */
static unsigned int count_urgent(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += sched_getscheduler((pid_t)strtol(entry->d_name, NULL, 10)) ==
		     SCHED_FIFO;
	(void)closedir(dir);
	return n;
}

/* Else the memory writer would delay the answers of some models, and not those of others. */
static void test_threads_of_a_pool_are_as_urgent_as_the_others(void **state)
{
	static const struct {
		const char *settings;
		unsigned int urgent;
	} cases[] = {{"iterative", 1},
		     {"worker-pool,workers=3", 4},
		     {"thread-per-object,objects=2", 3},
		     {"worker-pool,workers=3,time=1ms", 0}};
	const struct sched_param urgent = {.sched_priority = 1}, usual = {0};

	(void)state;
	if (sched_setscheduler(0, SCHED_FIFO, &urgent) < 0)
		skip(); /* not allowed here: then they cannot be */
	(void)sched_setscheduler(0, SCHED_OTHER, &usual);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_server_free) struct sk_server *server =
			start(cases[i].settings);
		sk_autoclose int sock = connect_to(server, SOCK_DGRAM);
		uint64_t end = sk_clock_mono() + WAIT_MS * SK_NS_PER_MS;

		send_echo(sock, 1, 3, 0);
		(void)receive_echo(sock);
		while (count_urgent() != cases[i].urgent && sk_clock_mono() < end)
			(void)sched_yield();
		assert_int_equal(count_urgent(), cases[i].urgent);
	}
}

static void test_full_queue_refuses_and_says_so(void **state)
{
	static const char get[] = "GET / HTTP/1.1\r\n\r\n";
	sk_auto(sk_server_free) struct sk_server *server =
		start("worker-pool,workers=1,queue=1,time=500ms,work=sleep");
	sk_autoclose int tcp = connect_to(server, SOCK_STREAM);
	sk_autoclose int http = connect_to(server, SOCK_STREAM);
	struct sk_server_stats stats;
	(void)state;
	for (uint64_t seq = 0; seq < 4; seq++)
		send_echo(tcp, seq, 3, 0);
	/* Refusals come at once, before any answer. */
	assert_true(le64toh(receive_echo(tcp).tick) == SK_ECHO_REFUSED);
	assert_true(le64toh(receive_echo(tcp).tick) == SK_ECHO_REFUSED);
	/* The worker may have begun only now, and made room for one. */
	sk_clock_sleep_until(sk_clock_mono() + 50 * SK_NS_PER_MS);
	send_echo(tcp, 4, 3, 0);
	assert_int_equal(sk_sock_send_all(http, get, strlen(get)), 0);
	assert_int_equal(receive_http(http), 503);
	sk_server_stats(server, false, &stats);
	assert_in_range(stats.refused, 3, 5);
}

static void test_pool_serves_the_urgent_first(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server =
		start("worker-pool,workers=1,time=100ms,work=sleep");
	sk_autoclose int sock = connect_to(server, SOCK_STREAM);

	(void)state;
	/* The first occupies the worker while the others come. */
	send_echo(sock, 0, 0, 0);
	send_echo(sock, 1, 7, 0);
	send_echo(sock, 2, 5, 0);
	send_echo(sock, 3, 1, 0);
	(void)receive_echo(sock);
	assert_int_equal(le64toh(receive_echo(sock).seq), 3);
	assert_int_equal(le64toh(receive_echo(sock).seq), 2);
	assert_int_equal(le64toh(receive_echo(sock).seq), 1);
}

static void test_malformed_input_ends_the_connection_alone(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server = start("worker-pool");
	sk_autoclose int bad = connect_to(server, SOCK_STREAM);
	sk_autoclose int good = connect_to(server, SOCK_STREAM);
	char byte;

	(void)state;
	assert_int_equal(sk_sock_send_all(bad, "NONSENSE\r\n\r\n", 12), 0);
	assert_true(await(bad));
	assert_true(recv(bad, &byte, 1, 0) <= 0);
	send_echo(good, 9, 3, 0);
	assert_int_equal(le64toh(receive_echo(good).seq), 9);
}

static void test_parallelism_of_one_thread_is_at_most_one(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server = start("iterative,time=5ms");
	sk_autoclose int sock = connect_to(server, SOCK_DGRAM);
	struct sk_server_stats stats;

	(void)state;
	for (uint64_t seq = 0; seq < 8; seq++)
		send_echo(sock, seq, 3, 0);
	for (int i = 0; i < 8; i++)
		(void)receive_echo(sock);
	/* A further request, so that the section of the others has ended. */
	sk_clock_sleep_until(sk_clock_mono() + 5 * SK_NS_PER_MS);
	sk_server_stats(server, true, &stats);
	assert_true(stats.cpu_ns >= 30 * SK_NS_PER_MS);
	assert_in_range(stats.tlp_milli, 100, 1010);
	assert_int_equal(stats.peak_threads, 1);
	sk_server_stats(server, false, &stats);
	assert_true(stats.cpu_ns < SK_NS_PER_MS);
}

static void test_sleeping_threads_are_not_parallel(void **state)
{
	sk_auto(sk_server_free) struct sk_server *server =
		start("thread-per-request,time=100ms,work=sleep");
	sk_autoclose int sock = connect_to(server, SOCK_STREAM);
	struct sk_server_stats stats;

	(void)state;
	for (uint64_t seq = 0; seq < 4; seq++)
		send_echo(sock, seq, 3, 0);
	for (int i = 0; i < 4; i++)
		(void)receive_echo(sock);
	sk_server_stats(server, false, &stats);
	/* Not 4 x 100 ms, not even one. */
	assert_true(stats.active_ns < 100 * SK_NS_PER_MS);
}

static void test_sections_that_overlap_count_once(void **state)
{
	struct sk_tlp_thread a, b;
	struct sk_tlp_figures f;
	struct sk_tlp tlp;
	uint64_t begin, end;

	(void)state;
	sk_tlp_init(&tlp);
	begin = sk_clock_mono();
	sk_tlp_enter(&tlp, &a);
	sk_tlp_enter(&tlp, &b);
	sk_clock_sleep_until(sk_clock_mono() + 2 * SK_NS_PER_MS);
	sk_tlp_leave(&tlp, &a);
	sk_tlp_leave(&tlp, &b);
	end = sk_clock_mono();
	sk_tlp_get(&tlp, &f);
	assert_int_equal(f.peak, 2);
	assert_in_range(f.active_ns, 2 * SK_NS_PER_MS, end - begin);
	sk_tlp_finish(&tlp);
}

static void test_settings_are_read(void **state)
{
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;

	(void)state;
	assert_int_equal(
		sk_server_parse("worker-pool,workers=8,threads=9,queue=3,time=2ms,"
				"work=sleep,touch=64k,data=1m,objects=5",
				&opts, NULL),
		0);
	assert_int_equal(opts.model, SK_SERVER_WORKER_POOL);
	assert_int_equal(opts.workers, 8);
	assert_int_equal(opts.threads, 9);
	assert_int_equal(opts.queue, 3);
	assert_int_equal(opts.objects, 5);
	assert_int_equal(opts.service_ns, 2 * SK_NS_PER_MS);
	assert_true(opts.sleeps);
	assert_int_equal(opts.touch_bytes, 65536);
	assert_int_equal(opts.data_bytes, 1 << 20);
}

static void test_faulty_settings_are_named(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"", "server '': '' is not a server model"},
		{"pool", "'pool' is not a server model"},
		{"worker-pool,", "setting '': it is not KEY=VALUE"},
		{"worker-pool,workers", "setting 'workers': it is not KEY=VALUE"},
		{"worker-pool,workers=0", "setting 'workers': "},
		{"worker-pool,workers=1025", "setting 'workers': "},
		{"worker-pool,thread=4", "setting 'thread': it is no setting"},
		{"worker-pool,time=fast", "setting 'time': "},
		{"worker-pool,time=11s", "time: more than 10 s"},
		{"worker-pool,work=hard", "'hard' is neither busy nor sleep"},
		{"worker-pool,touch=8m", "touch: more than the data of 4194304 bytes"},
	};
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;
		int r = sk_server_parse(cases[i].text, &opts, &err);

		if (r >= 0 || !strstr(err.msg, cases[i].fault))
			fail_msg("'%s': %d, %s", cases[i].text, r, err.msg);
		assert_int_equal(opts.workers, 4);
		assert_int_equal(opts.model, SK_SERVER_ITERATIVE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_model_answers_udp_tcp_and_http),
		cmocka_unit_test(test_models_differ_in_which_waits_overlap),
		cmocka_unit_test(test_each_model_writes_the_memory_of_a_request),
		cmocka_unit_test(test_threads_of_a_pool_are_as_urgent_as_the_others),
		cmocka_unit_test(test_full_queue_refuses_and_says_so),
		cmocka_unit_test(test_pool_serves_the_urgent_first),
		cmocka_unit_test(test_malformed_input_ends_the_connection_alone),
		cmocka_unit_test(test_parallelism_of_one_thread_is_at_most_one),
		cmocka_unit_test(test_sleeping_threads_are_not_parallel),
		cmocka_unit_test(test_sections_that_overlap_count_once),
		cmocka_unit_test(test_settings_are_read),
		cmocka_unit_test(test_faulty_settings_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
