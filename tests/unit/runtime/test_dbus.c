// SPDX-License-Identifier: Apache-2.0
/* test_dbus - bytes of D-Bus messages, and a client in front of good and hostile servers */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/cgroup/dbus.h"
#include "tests/unit/tempdir.h"

/* Hello as the specification marshals it, little endian, serial 1. */
static const unsigned char hello[] = "l\1\0\1\0\0\0\0\1\0\0\0\x6d\0\0\0"
				     "\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
				     "\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
				     "\3\1s\0\5\0\0\0Hello\0\0\0"
				     "\6\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0";
#define HELLO_SIZE 128

static void test_call_has_the_bytes_of_the_specification(void **state)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
	const struct sk_dbus_message message = {
		.type = SK_DBUS_CALL,
		.serial = 1,
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "Hello",
		.destination = "org.freedesktop.DBus",
	};

	(void)state;
	assert_true(BYTE_ORDER == LITTLE_ENDIAN);
	sk_dbus_write(&w, &message);
	assert_false(w.failed);
	assert_int_equal(w.len, HELLO_SIZE);
	assert_memory_equal(w.bytes, hello, HELLO_SIZE);
}

static void put_sample(struct sk_dbus_writer *w)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	struct sk_dbus_message message = {
		.type = SK_DBUS_SIGNAL,
		.serial = 7,
		.reply_serial = 9,
		.path = "/a",
		.interface = "b.c",
		.member = "D",
		.sender = ":1.2",
		.signature = "usa(st)g",
	};
	size_t mark;

	sk_dbus_put_u32(&body, 5);
	sk_dbus_put_str(&body, "text");
	mark = sk_dbus_open_array(&body, 8);
	sk_dbus_put_align(&body, 8);
	sk_dbus_put_str(&body, "x");
	sk_dbus_put_u64(&body, UINT64_MAX);
	sk_dbus_close_array(&body, mark, 8);
	sk_dbus_put_sig(&body, "as");
	message.body = body.bytes;
	message.body_len = body.len;
	sk_dbus_write(w, &message);
	assert_false(w->failed);
}

static void test_what_is_written_can_be_read(void **state)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
	struct sk_dbus_message m = {0};
	struct sk_dbus_reader r;

	(void)state;
	put_sample(&w);
	assert_int_equal(sk_dbus_parse(w.bytes, w.len, &m), w.len);
	assert_int_equal(m.type, SK_DBUS_SIGNAL);
	assert_int_equal(m.serial, 7);
	assert_int_equal(m.reply_serial, 9);
	assert_string_equal(m.path, "/a");
	assert_string_equal(m.interface, "b.c");
	assert_string_equal(m.member, "D");
	assert_string_equal(m.sender, ":1.2");
	assert_string_equal(m.signature, "usa(st)g");
	r = (struct sk_dbus_reader){.bytes = m.body, .len = m.body_len};
	assert_int_equal(sk_dbus_get_u32(&r), 5);
	assert_string_equal(sk_dbus_get_str(&r), "text");
	assert_int_equal(sk_dbus_get_u32(&r), 16); /* without the padding before it */
	sk_dbus_get_align(&r, 8);
	assert_string_equal(sk_dbus_get_str(&r), "x");
	assert_true(sk_dbus_get_u64(&r) == UINT64_MAX);
	assert_string_equal(sk_dbus_get_sig(&r), "as");
	assert_false(r.failed);
	assert_int_equal(r.at, r.len);
	assert_null(sk_dbus_get_str(&r));
	assert_true(r.failed);
}

static void test_every_part_of_a_message_asks_for_more(void **state)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
	struct sk_dbus_message m;

	(void)state;
	put_sample(&w);
	for (size_t len = 0; len < w.len; len++) {
		/* exactly as long, so that sanitizers see a read behind it */
		unsigned char *copy = malloc(len ? len : 1);

		assert_non_null(copy);
		memcpy(copy, w.bytes, len);
		assert_int_equal(sk_dbus_parse(copy, len, &m), 0);
		free(copy);
	}
}

static void test_hostile_heads_are_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char bytes[4];
		size_t len;
		long result;
	} cases[] = {
		{0, "B", 1, -EPROTO}, /* the other byte order */
		{3, "\2", 1, -EPROTO},
		{4, "\xff\xff\xff\xff", 4, -EMSGSIZE},	/* body */
		{12, "\xff\xff\xff\xff", 4, -EMSGSIZE}, /* header fields */
		{12, "\x6c\0\0\0", 4, -EPROTO},		/* that end in a text */
		{20, "\xff\xff\xff\x7f", 4, -EPROTO},	/* a text beyond the end */
		{20, "\x14\0\0\0", 4, -EPROTO},		/* a text without its NUL */
		{18, "v", 1, -EPROTO},			/* a type that no field has */
		{17, "\xff", 1, -EPROTO},		/* a signature beyond the end */
		{30, "\0", 1, -EPROTO},			/* a NUL in a text */
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		unsigned char bytes[HELLO_SIZE];
		struct sk_dbus_message m;

		memcpy(bytes, hello, HELLO_SIZE);
		memcpy(bytes + cases[i].at, cases[i].bytes, cases[i].len);
		if (sk_dbus_parse(bytes, HELLO_SIZE, &m) != cases[i].result)
			fail_msg("case %zu: %ld", i,
				 sk_dbus_parse(bytes, HELLO_SIZE, &m));
	}
}

/* Each byte changed to each value: any answer is fine, a read outside is not (sanitizers). */
static void test_changed_bytes_never_lead_outside(void **state)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};

	(void)state;
	put_sample(&w);
	for (size_t at = 0; at < w.len; at++) {
		unsigned char keep = w.bytes[at];

		for (unsigned int value = 0; value < 256; value++) {
			struct sk_dbus_message m = {0};
			struct sk_dbus_reader r;
			long n;

			w.bytes[at] = (unsigned char)value;
			n = sk_dbus_parse(w.bytes, w.len, &m);
			assert_true(n <= (long)w.len);
			if (n <= 0)
				continue;
			r = (struct sk_dbus_reader){.bytes = m.body, .len = m.body_len};
			(void)sk_dbus_get_u32(&r);
			(void)sk_dbus_get_str(&r);
			(void)sk_dbus_get_sig(&r);
			assert_true(r.at <= r.len);
		}
		w.bytes[at] = keep;
	}
}

/* ---- a server that says what a case wants ---- */

struct server {
	const char *login, *then; /* after the login, after the first message */
	size_t then_len;
	bool hangs, welcomes, refuses;
};

/* Hello was serial 1. The answer comes behind a signal that has nothing to do with it. */
static void answer(int fd, bool is_error)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	const struct sk_dbus_message signal = {.type = SK_DBUS_SIGNAL,
					       .serial = 1,
					       .path = "/",
					       .member = "X"};
	struct sk_dbus_message reply = {
		.type = is_error ? SK_DBUS_ERROR : SK_DBUS_RETURN,
		.serial = 2,
		.reply_serial = 1,
		.error = is_error ? "e.No" : NULL,
		.signature = "s",
	};

	sk_dbus_put_str(&body, is_error ? "because" : ":1.5");
	reply.body = body.bytes;
	reply.body_len = body.len;
	sk_dbus_write(&w, &signal);
	sk_dbus_write(&w, &reply);
	(void)!write(fd, w.bytes, w.len);
}

static void serve(int listener, const struct server *server)
{
	int fd = accept(listener, NULL, NULL);
	char line[512] = "";

	(void)!read(fd, line, sizeof(line)); /* AUTH and BEGIN */
	if (!server->login[0])
		_exit(0);
	(void)!write(fd, server->login, strlen(server->login));
	(void)!read(fd, line, sizeof(line));
	if (server->then)
		(void)!write(fd, server->then, server->then_len);
	if (server->welcomes || server->refuses)
		answer(fd, server->refuses);
	if (server->hangs)
		(void)!read(fd, line, sizeof(line)); /* until the client goes */
	_exit(0);
}

static int talk(const char *dir, const struct server *server, unsigned int timeout_ms,
		struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	sk_autofree char *path = sk_strf("%s/bus", dir);
	sk_autofree char *address = sk_strf("unix:path=%s,guid=00", path);
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	sk_autoclose int listener = sk_sock_listen(path, NULL);
	pid_t pid;
	int r;

	assert_true(listener >= 0);
	pid = fork();
	if (pid == 0)
		serve(listener, server);
	r = sk_dbus_open(address, getuid(), deadline, &bus, err);
	sk_dbus_free(sk_steal(&bus));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)unlink(path);
	return r;
}

static void test_client_logs_in_and_says_hello(void **state)
{
	const struct server server = {.login = "OK 1234\r\n", .welcomes = true};
	struct sk_err err = SK_ERR_INIT;
	int r = talk(tempdir.path, &server, 5000, &err);

	(void)state;
	if (r < 0)
		fail_msg("%s", err.msg);
}

static void test_bad_servers_are_told_apart(void **state)
{
	static const struct {
		struct server server;
		int result;
		const char *text;
	} cases[] = {
		{{.login = "REJECTED EXTERNAL\r\n"}, -EACCES, "the bus refuses user"},
		{{.login = ""}, -EPIPE, "log in to D-Bus"},
		{{.login = "OK 1\r\n"}, -EPIPE, "D-Bus: Hello"},
		{{.login = "OK 1\r\n", .then = "nonsense nonsense", .then_len = 17},
		 -EPROTO,
		 "D-Bus: Hello"},
		{{.login = "OK 1\r\n",
		  .then = "l\2\0\1\xff\xff\xff\xff\1\0\0\0\0\0\0\0",
		  .then_len = 16},
		 -EMSGSIZE,
		 "D-Bus: Hello"},
		{{.login = "OK 1\r\n", .hangs = true}, -ETIMEDOUT, "D-Bus: Hello"},
		{{.login = "OK 1\r\n", .refuses = true},
		 -EREMOTEIO,
		 "D-Bus: Hello: because (e.No)"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		unsigned int timeout = cases[i].server.hangs ? 100 : 5000;
		struct sk_err err = SK_ERR_INIT;
		int r = talk(tempdir.path, &cases[i].server, timeout, &err);

		if (r != cases[i].result || !strstr(err.msg, cases[i].text))
			fail_msg("case %zu: %d: %s", i, r, err.msg);
	}
}

static void test_addresses_that_nobody_serves_are_errors(void **state)
{
	static const char *const bad[] =
		{"",
		 "unix:",
		 "tcp:host=localhost,port=1",
		 "unix:path=",
		 "unix:path=/nonexistent/bus",
		 "unix:abstract=skiff-nobody;unix:path=/nonexistent"};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_err err = SK_ERR_INIT;
		struct sk_dbus *bus = NULL;

		assert_int_equal(sk_dbus_open(bad[i], 0, sk_clock_mono() + SK_NS_PER_S,
					      &bus, &err),
				 -ENOENT);
		assert_null(bus);
		assert_non_null(strstr(err.msg, "connect to D-Bus at '"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_has_the_bytes_of_the_specification),
		cmocka_unit_test(test_what_is_written_can_be_read),
		cmocka_unit_test(test_every_part_of_a_message_asks_for_more),
		cmocka_unit_test(test_hostile_heads_are_refused),
		cmocka_unit_test(test_changed_bytes_never_lead_outside),
		cmocka_unit_test_setup_teardown(test_client_logs_in_and_says_hello,
						tempdir_set_up, tempdir_tear_down),
		cmocka_unit_test_setup_teardown(test_bad_servers_are_told_apart,
						tempdir_set_up, tempdir_tear_down),
		cmocka_unit_test(test_addresses_that_nobody_serves_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
