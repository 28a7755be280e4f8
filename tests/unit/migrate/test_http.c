// SPDX-License-Identifier: Apache-2.0
/* test_http - requests and responses, whole, in pieces, and malformed */
#include "migrate/guest/http.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static void test_request_tells_what_the_service_looks_at(void **state)
{
	static const char text[] =
		"GET /a?b=c HTTP/1.1\r\nHost: x\r\nPriority: u=1, i\r\n"
		"Skiff-Object: 42\r\n\r\nGET";
	struct sk_http_request request;

	(void)state;
	assert_int_equal(sk_http_parse_request(text, strlen(text), &request),
			 strlen(text) - 3);
	assert_true(request.has_known_method && request.keep_alive && !request.is_head);
	assert_int_equal(request.urgency, 1);
	assert_int_equal(request.object, 42);
	for (size_t n = 0; n < strlen(text) - 3; n++)
		assert_int_equal(sk_http_parse_request(text, n, &request), 0);
}

static void test_keep_alive_is_as_version_and_field_say(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nConnection: te, Close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", true},
	};
	struct sk_http_request request;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_true(sk_http_parse_request(cases[i].text, strlen(cases[i].text),
						  &request) > 0);
		assert_int_equal(request.keep_alive, cases[i].keep_alive);
	}
}

static void test_malformed_requests_are_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n\r\n",
		"GET /\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\r\n\r\n",
		"G(T / HTTP/1.1\r\n\r\n",
		"GET /\x01 HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\r\n: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET / HTTP/1.1\r\nSkiff-Object: x\r\n\r\n",
	};
	struct sk_http_request request;
	char endless[SK_HTTP_MAX_HEAD];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_http_parse_request(cases[i], strlen(cases[i]), &request) !=
		    -EPROTO)
			fail_msg("taken: %s", cases[i]);
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(sk_http_parse_request(endless, sizeof(endless), &request),
			 -EPROTO);
}

/* How many responses a text holds, read @step bytes at a time; negative when one is malformed. */
static int count(const char *text, size_t step, struct sk_http_reader *reader)
{
	size_t len = strlen(text), at = 0;
	int nr = 0;

	*reader = (struct sk_http_reader){.state = SK_HTTP_HEAD};
	while (at < len) {
		bool done = false;
		size_t n = len - at < step ? len - at : step;
		ssize_t r = sk_http_read(reader, text + at, n, &done);

		if (r < 0)
			return (int)r;
		assert_true((size_t)r <= n && (done || (size_t)r == n));
		at += (size_t)r;
		nr += done;
	}
	return nr;
}

static void test_responses_are_found_however_they_are_cut(void **state)
{
	static const struct {
		const char *text;
		int nr;
		unsigned int status;
		bool keep_alive;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n", 1, 200, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
		 "HTTP/1.1 503 No\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		 2, 503, false},
		{"HTTP/1.1 204\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n", 2, 304, true},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		 1, 200, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "5;a=b\r\nhello\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		 1, 200, true},
		{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 1, 200, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 0, 200, true},
	};
	struct sk_http_reader reader;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step < 200; step += step < 5 ? 1 : 60) {
			assert_int_equal(count(cases[i].text, step, &reader),
					 cases[i].nr);
			assert_int_equal(reader.status, cases[i].status);
			assert_int_equal(reader.keep_alive, cases[i].keep_alive);
		}
}

static void test_tick_of_the_service_is_read(void **state)
{
	struct sk_http_reader reader;

	(void)state;
	assert_int_equal(count("HTTP/1.1 200 OK\r\nskiff-tick: 77\r\n"
			       "Content-Length: 0\r\n\r\n",
			       500, &reader),
			 1);
	assert_int_equal(reader.tick, 77);
}

static void test_malformed_responses_are_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 600 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n", /* ends with the connection */
		"HTTP/1.1 200 OK\n\r\n",
		"HTTP/1.1 200 OK\rX",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
	};
	struct sk_http_reader reader;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step < 300; step += 299)
			if (count(cases[i], step, &reader) != -EPROTO)
				fail_msg("taken: %s", cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_tells_what_the_service_looks_at),
		cmocka_unit_test(test_keep_alive_is_as_version_and_field_say),
		cmocka_unit_test(test_malformed_requests_are_refused),
		cmocka_unit_test(test_responses_are_found_however_they_are_cut),
		cmocka_unit_test(test_tick_of_the_service_is_read),
		cmocka_unit_test(test_malformed_responses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
