// SPDX-License-Identifier: Apache-2.0
/* test_guest - the guest's service in this process: echo, control, memory under test */
#include "migrate/guest/guest.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "migrate/guest/boot.h"
#include "migrate/guest/control.h"
#include "migrate/guest/memory.h"
#include "migrate/guest/service.h"
#include "migrate/guest/udp.h"

#define MIB (1ull << 20)

static struct sk_service *service;
static char control[32];

static int start_service(void **state)
{
	struct sk_service_opts opts = {.server = SK_SERVER_OPTS_INIT,
				       .static_bytes = MIB,
				       .working_set_bytes = 2 * MIB,
				       .pages_per_s = 2000};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	opts.server.address = "127.0.0.1";
	if (sk_service_start(&opts, &service, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	(void)snprintf(control, sizeof(control), "127.0.0.1:%u",
		       sk_service_control_port(service));
	return 0;
}

static int stop_service(void **state)
{
	(void)state;
	sk_service_free(service);
	service = NULL;
	return 0;
}

static struct sk_guest_status get_status(void)
{
	struct sk_guest_status status = {0};
	struct sk_err err = SK_ERR_INIT;

	if (sk_guest_status(control, -1, 5000, &status, &err) < 0)
		fail_msg("%s", err.msg);
	return status;
}

static int ask_echo(int sock, const void *request, size_t len, struct sk_echo *reply)
{
	struct pollfd ready = {.fd = sock, .events = POLLIN};

	assert_int_equal(send(sock, request, len, 0), len);
	if (poll(&ready, 1, 3000) != 1)
		return -ETIMEDOUT;
	return (int)recv(sock, reply, sizeof(*reply), 0);
}

static void test_echo_returns_the_packet_with_a_growing_tick(void **state)
{
	struct sk_echo request = {.magic = SK_GUEST_MAGIC,
				  .run = 7,
				  .seq = 9,
				  .intended_ns = 11};
	struct sk_echo reply = {0};
	sk_autoclose int sock = -1;
	uint64_t last = 0, deadline = sk_clock_mono() + 3 * SK_NS_PER_S;

	(void)state;
	assert_int_equal(sk_udp_connect(-1, "127.0.0.1", sk_service_port(service), &sock,
					NULL),
			 0);
	for (int grown = 0; grown < 3 && sk_clock_mono() < deadline;) {
		assert_int_equal(ask_echo(sock, &request, sizeof(request), &reply),
				 sizeof(reply));
		assert_int_equal(reply.run, 7);
		assert_int_equal(reply.seq, 9);
		assert_int_equal(reply.intended_ns, 11);
		assert_true(reply.tick >= last);
		grown += reply.tick > last;
		last = reply.tick;
	}
	assert_true(last >= 3);
}

static void test_echo_says_nothing_to_what_is_no_probe(void **state)
{
	struct sk_echo request = {.magic = SK_GUEST_MAGIC, .seq = 5}, reply = {0};
	sk_autoclose int sock = -1;

	(void)state;
	assert_int_equal(sk_udp_connect(-1, "127.0.0.1", sk_service_port(service), &sock,
					NULL),
			 0);
	assert_int_equal(send(sock, "hello", 5, 0), 5);
	assert_int_equal(send(sock, &request, sizeof(request) - 1, 0),
			 sizeof(request) - 1);
	/* The first answer is that of the first good packet. */
	assert_int_equal(ask_echo(sock, &request, sizeof(request), &reply),
			 sizeof(reply));
	assert_int_equal(reply.seq, 5);
}

static void test_status_tells_the_load_that_was_asked(void **state)
{
	struct sk_guest_status status = get_status();

	(void)state;
	assert_int_equal(status.static_bytes, MIB);
	assert_int_equal(status.working_set_bytes, 2 * MIB);
	assert_int_equal(status.pages_per_s, 2000);
	assert_true(status.tick >= 1);
}

static void test_writer_keeps_its_rate(void **state)
{
	uint64_t start = sk_clock_mono(), deadline = start + 10 * SK_NS_PER_S;
	uint64_t before = get_status().pages_written, now = before;
	double rate;

	(void)state;
	while (now < before + 1000 && sk_clock_mono() < deadline)
		now = get_status().pages_written;
	rate = (double)(now - before) * 1e9 / (double)(sk_clock_mono() - start);
	assert_true(now >= before + 1000);
	assert_true(rate < 2400);
}

static void test_load_changes_set_and_rate_and_can_stop_the_writer(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	uint64_t written;

	(void)state;
	assert_int_equal(sk_guest_load(control, -1, 4 * MIB, 0, &err), 0);
	written = get_status().pages_written;
	assert_int_equal(get_status().working_set_bytes, 4 * MIB);
	assert_int_equal(get_status().pages_written, written);
	assert_int_equal(sk_guest_load(control, -1, 0, 500, &err), 0);
	assert_int_equal(get_status().working_set_bytes, 0);
	assert_int_equal(sk_guest_load(control, -1, 2 * MIB, 2000, &err), 0);
	assert_int_equal(get_status().pages_per_s, 2000);
}

static void test_load_that_does_not_fit_is_refused_with_the_reason(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_guest_load(control, -1, 1ull << 50, 1, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "the guest refuses: a working set of"));
	assert_int_equal(get_status().working_set_bytes, 2 * MIB);
}

static void test_checksum_is_the_same_twice_while_pages_are_written(void **state)
{
	struct sk_guest_status a, b;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_guest_checksum(control, -1, 5000, &a, &err), 0);
	assert_int_equal(sk_guest_checksum(control, -1, 5000, &b, &err), 0);
	assert_true(a.static_sum != 0);
	assert_true(a.static_sum == b.static_sum);
	assert_int_equal(b.corrupt_pages, 0);
}

static void test_a_repeated_request_gets_the_same_answer(void **state)
{
	static const char request[] = SK_CONTROL_PREFIX "77 status";
	char first[SK_CONTROL_SIZE] = "", second[SK_CONTROL_SIZE] = "";
	struct pollfd ready = {.events = POLLIN};
	sk_autoclose int sock = -1;
	uint64_t tick;

	(void)state;
	assert_int_equal(sk_udp_connect(-1, "127.0.0.1", sk_service_control_port(service),
					&sock, NULL),
			 0);
	ready.fd = sock;
	assert_true(send(sock, request, strlen(request), 0) > 0);
	assert_int_equal(poll(&ready, 1, 3000), 1);
	assert_true(recv(sock, first, sizeof(first) - 1, 0) > 0);
	tick = get_status().tick;
	while (get_status().tick == tick)
		continue;
	/* Another client asked in between: carried out again, with a later tick. */
	assert_true(send(sock, request, strlen(request), 0) > 0);
	assert_int_equal(poll(&ready, 1, 3000), 1);
	assert_true(recv(sock, second, sizeof(second) - 1, 0) > 0);
	assert_string_not_equal(first, second);
	/* Nobody in between: the same answer. */
	assert_true(send(sock, request, strlen(request), 0) > 0);
	assert_int_equal(poll(&ready, 1, 3000), 1);
	assert_true(recv(sock, first, sizeof(first) - 1, 0) > 0);
	assert_string_equal(first, second);
}

static void test_no_guest_is_a_time_out_that_names_it(void **state)
{
	struct sk_guest_status status = {.tick = 42};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_guest_status("127.0.0.1:9", -1, 150, &status, &err),
			 -ETIMEDOUT);
	assert_string_equal(err.msg, "guest '127.0.0.1' port 9: no answer within 150 ms");
	assert_int_equal(status.tick, 42);
}

static void test_malformed_requests_are_errors_or_silence(void **state)
{
	static const struct {
		const char *request, *reply;
		int r;
	} cases[] = {
		{"", NULL, -EPROTO},
		{"status", NULL, -EPROTO},
		{SK_CONTROL_PREFIX, NULL, -EPROTO},
		{SK_CONTROL_PREFIX "1", NULL, -EPROTO},
		{SK_CONTROL_PREFIX "1234567890123456789012345678901234 status", NULL,
		 -EPROTO},
		{SK_CONTROL_PREFIX "1 dance",
		 SK_CONTROL_PREFIX "1 error unknown command 'dance'", 0},
		{SK_CONTROL_PREFIX "1 load 5",
		 SK_CONTROL_PREFIX "1 error load needs bytes and pages per second", 0},
		{SK_CONTROL_PREFIX "1 load -5 1", SK_CONTROL_PREFIX "1 error '-5' ", 0},
	};
	struct sk_control c = {.sock = -1};
	char request[SK_CONTROL_SIZE], reply[SK_CONTROL_SIZE];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		(void)snprintf(request, sizeof(request), "%s", cases[i].request);
		assert_int_equal(sk_control_answer(&c, request, reply), cases[i].r);
		if (cases[i].reply && !sk_str_starts(reply, cases[i].reply))
			fail_msg("'%s' gave '%s'", cases[i].request, reply);
	}
}

/* Each kind of damage that a migration could do. */
static void test_check_finds_damaged_swapped_and_stale_pages(void **state)
{
	sk_auto(sk_memory_free) struct sk_memory *memory = NULL;
	char stale[SK_MEMORY_PAGE], other[SK_MEMORY_PAGE];
	struct sk_memory_state s;
	struct sk_err err = SK_ERR_INIT;
	uint64_t deadline = sk_clock_mono() + 5 * SK_NS_PER_S;

	(void)state;
	assert_int_equal(sk_memory_new(0, &memory, &err), 0);
	assert_int_equal(sk_memory_load(memory, 64 * SK_MEMORY_PAGE, 0, &err), 0);
	memcpy(stale, sk_memory_page(memory, 3), sizeof(stale));
	/* Once around, so that page 3 has a later generation. */
	assert_int_equal(sk_memory_load(memory, 64 * SK_MEMORY_PAGE, 100000, &err), 0);
	do
		sk_memory_get(memory, &s);
	while (s.pages_written < 64 && sk_clock_mono() < deadline);
	assert_int_equal(sk_memory_load(memory, 64 * SK_MEMORY_PAGE, 0, &err), 0);
	sk_memory_check(memory);
	sk_memory_get(memory, &s);
	assert_int_equal(s.corrupt_pages, 0);
	assert_null(sk_memory_page(memory, 64));

	memcpy(sk_memory_page(memory, 3), stale, sizeof(stale));
	memcpy(other, sk_memory_page(memory, 5), sizeof(other));
	memcpy(sk_memory_page(memory, 9), other, sizeof(other));
	((char *)sk_memory_page(memory, 20))[4095] ^= 1;
	memset(sk_memory_page(memory, 21), 0, SK_MEMORY_PAGE);
	sk_memory_check(memory);
	sk_memory_get(memory, &s);
	assert_int_equal(s.corrupt_pages, 4);
}

static void test_resizing_keeps_content(void **state)
{
	sk_auto(sk_memory_free) struct sk_memory *memory = NULL;
	struct sk_memory_state s;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_memory_new(5000, &memory, &err), 0);
	assert_int_equal(sk_memory_load(memory, 100 * SK_MEMORY_PAGE, 1000, &err), 0);
	assert_int_equal(sk_memory_load(memory, 10 * SK_MEMORY_PAGE, 1000, &err), 0);
	assert_int_equal(sk_memory_load(memory, 300 * SK_MEMORY_PAGE + 1, 0, &err), 0);
	sk_memory_check(memory);
	sk_memory_get(memory, &s);
	assert_int_equal(s.working_set_bytes, 301 * SK_MEMORY_PAGE);
	assert_int_equal(s.static_bytes, 2 * SK_MEMORY_PAGE);
	assert_int_equal(s.corrupt_pages, 0);
}

static void test_boot_reads_its_words_of_the_command_line(void **state)
{
	struct sk_boot_config c;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_boot_parse("console=ttyS0 skiff.ip=10.77.0.10/16 quiet "
				       "skiff.gw=10.77.0.1 skiff.ws=32m skiff.rate=1000 "
				       "skiff.static=4m\n",
				       &c, &err),
			 0);
	assert_string_equal(c.address, "10.77.0.10");
	assert_int_equal(c.prefix, 16);
	assert_string_equal(c.gateway, "10.77.0.1");
	assert_int_equal(c.working_set_bytes, 32 * MIB);
	assert_int_equal(c.pages_per_s, 1000);
	assert_int_equal(c.static_bytes, 4 * MIB);
	assert_int_equal(sk_boot_parse("", &c, &err), 0);
	assert_string_equal(c.address, "");
	assert_int_equal(c.static_bytes, 16 * MIB);
}

static void test_boot_refuses_malformed_words_by_name(void **state)
{
	static const char *const lines[] = {
		"skiff.ip=10.77.0/24", "skiff.ip=10.77.0.10/33", "skiff.gw=router",
		"skiff.ws=many",       "skiff.rate=-1",
	};
	struct sk_boot_config c = {.prefix = 99};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++) {
		struct sk_err err = SK_ERR_INIT;
		int r = sk_boot_parse(lines[i], &c, &err);

		assert_true(r == -EINVAL || r == -ERANGE);
		assert_int_equal(err.code, -r);
		assert_non_null(sk_str_starts(err.msg, "kernel command line: "));
		assert_int_equal(c.prefix, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_returns_the_packet_with_a_growing_tick),
		cmocka_unit_test(test_echo_says_nothing_to_what_is_no_probe),
		cmocka_unit_test(test_status_tells_the_load_that_was_asked),
		cmocka_unit_test(test_writer_keeps_its_rate),
		cmocka_unit_test(test_load_changes_set_and_rate_and_can_stop_the_writer),
		cmocka_unit_test(test_load_that_does_not_fit_is_refused_with_the_reason),
		cmocka_unit_test(test_checksum_is_the_same_twice_while_pages_are_written),
		cmocka_unit_test(test_a_repeated_request_gets_the_same_answer),
		cmocka_unit_test(test_no_guest_is_a_time_out_that_names_it),
		cmocka_unit_test(test_malformed_requests_are_errors_or_silence),
		cmocka_unit_test(test_check_finds_damaged_swapped_and_stale_pages),
		cmocka_unit_test(test_resizing_keeps_content),
		cmocka_unit_test(test_boot_reads_its_words_of_the_command_line),
		cmocka_unit_test(test_boot_refuses_malformed_words_by_name),
	};

	return cmocka_run_group_tests(tests, start_service, stop_service);
}
