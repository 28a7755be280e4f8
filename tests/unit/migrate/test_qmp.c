// SPDX-License-Identifier: Apache-2.0
/* test_qmp - QEMU's monitor protocol against a monitor that behaves, and some that do not */
#include "migrate/vm/qmp.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "migrate/measure/announce.h"
#include "migrate/vm/monitor.h"
#include "tests/unit/tempdir.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define OK	 "{\"return\": {}}\r\n"
#define EVENT	 "{\"timestamp\": {\"seconds\": 1}, \"event\": \"RESUME\"}\r\n"

/** struct fake - A monitor that says these things, one for each command after the greeting */
struct fake {
	struct tempdir dir;
	char *path;
	const char *const *answers; /* the first is the greeting; NULL ends them */
	unsigned int clients;	    /* one after the other */
	int fd;
	atomic_uint served;
	pthread_t thread;
};

static void serve(const struct fake *fake, int fd)
{
	const char *const *answer = fake->answers;
	char command[512];

	(void)sk_sock_send_all(fd, *answer, strlen(*answer));
	while (*++answer && read(fd, command, sizeof(command)) > 0)
		(void)sk_sock_send_all(fd, *answer, strlen(*answer));
	/* Until the client goes: silence is no end. */
	if (!*answer && answer[-1][0])
		while (read(fd, command, sizeof(command)) > 0)
			;
}

static void *fake_main(void *arg)
{
	struct fake *fake = arg;

	for (unsigned int i = 0; i < fake->clients; i++) {
		int fd = accept(fake->fd, NULL, NULL);

		if (fd < 0)
			break;
		serve(fake, fd);
		(void)close(fd);
		atomic_fetch_add(&fake->served, 1);
	}
	return NULL;
}

static void fake_start(struct fake *fake, unsigned int clients,
		       const char *const *answers)
{
	struct sk_err err = SK_ERR_INIT;

	assert_return_code(tempdir_make(&fake->dir), errno);
	fake->path = sk_strf("/proc/self/fd/%d/qmp", fake->dir.fd);
	fake->answers = answers;
	fake->clients = clients;
	atomic_init(&fake->served, 0);
	fake->fd = sk_sock_listen(fake->path, &err);
	if (fake->fd < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_main, fake), 0);
}

static void fake_stop(struct fake *fake)
{
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
	(void)close(fake->fd);
	free(fake->path);
	assert_int_equal(tempdir_remove(&fake->dir), 0);
}

static uint64_t within(unsigned int ms)
{
	return sk_clock_mono() + ms * SK_NS_PER_MS;
}

/* One call to a monitor with these answers: its result and text. */
static int call(const char *const *answers, unsigned int ms, struct sk_json **ret,
		struct sk_err *err)
{
	struct sk_qmp *qmp = NULL;
	struct fake fake;
	int r;

	fake_start(&fake, 1, answers);
	r = sk_qmp_open(fake.path, within(2000), &qmp, err);
	if (r == 0)
		r = sk_qmp_call(qmp, "{\"execute\":\"query-migrate\"}", within(ms), ret,
				err);
	sk_qmp_free(qmp);
	fake_stop(&fake);
	return r;
}

static void test_an_answer_is_found_between_events(void **state)
{
	static const char *const answers[] =
		{GREETING, EVENT OK,
		 EVENT EVENT "{\"return\": {\"postcopy-blocktime\": 253, \"status\": "
			     "\"completed\", \"postcopy-vcpu-blocktime\": [253, 9]}}\r\n",
		 NULL};
	sk_auto(sk_json_free) struct sk_json *answer = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_blocktime blocktime;

	(void)state;
	if (call(answers, 2000, &answer, &err) < 0)
		fail_msg("%s", err.msg);
	sk_qmp_blocktime(answer, &blocktime);
	assert_true(blocktime.is_known);
	assert_int_equal(blocktime.total_ns, 253 * SK_NS_PER_MS);
	assert_int_equal(blocktime.nr_vcpus, 2);
	assert_int_equal(blocktime.vcpu_ns[1], 9 * SK_NS_PER_MS);
}

static void test_what_goes_wrong_is_told(void **state)
{
	static const struct {
		const char *answers[4];
		int code;
		const char *text;
	} cases[] = {
		{{GREETING, OK,
		  "{\"error\": {\"class\": \"GenericError\", \"desc\": \"busy\"}}\n"},
		 -EIO,
		 "QEMU refuses: busy"},
		{{GREETING, OK, "hello\n"},
		 -EPROTO,
		 "QEMU's monitor sent what is no JSON"},
		{{GREETING, OK, "{\"greeting\": 1}\n"},
		 -EPROTO,
		 "QEMU's monitor sent what is no message of it"},
		{{GREETING, OK, EVENT}, -ETIMEDOUT, "QEMU's monitor does not answer"},
		{{GREETING, OK, ""}, -EPIPE, "QEMU has closed its monitor"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_json *answer = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(call(cases[i].answers, 200, &answer, &err),
				 cases[i].code);
		assert_string_equal(err.msg, cases[i].text);
		assert_null(answer);
	}
}

static void test_a_monitor_that_is_not_there_is_no_wait(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_qmp *qmp = NULL;

	(void)state;
	assert_int_equal(sk_qmp_open("/nowhere/qmp", within(60000), &qmp, &err), -ENOENT);
	assert_string_equal(err.msg, "connect to QEMU's monitor '/nowhere/qmp': No such "
				     "file or directory");
	assert_null(qmp);
}

static void test_lines_without_end_are_refused(void **state)
{
	sk_autofree char *line = malloc(SK_QMP_MAX_LINE + 2);
	const char *answers[] = {GREETING, OK, line, NULL};
	struct sk_json *answer = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', SK_QMP_MAX_LINE + 1);
	line[SK_QMP_MAX_LINE + 1] = '\0';
	assert_int_equal(call(answers, 5000, &answer, &err), -EPROTO);
	assert_string_equal(err.msg, "QEMU's monitor sent a line without end");
}

static void test_no_blocktime_has_its_reason(void **state)
{
	sk_auto(sk_json_free) struct sk_json *answer = sk_json_new_object();
	struct sk_blocktime blocktime;

	(void)state;
	sk_json_set_str(answer, "status", "active");
	sk_qmp_blocktime(answer, &blocktime);
	assert_false(blocktime.is_known);
	assert_string_equal(blocktime.why, "QEMU at the destination tells no blocktime "
					   "(its migration: active)");
	sk_json_set_str(answer, "postcopy-blocktime", "many");
	sk_qmp_blocktime(answer, &blocktime);
	assert_false(blocktime.is_known);
}

static void test_the_second_monitor_is_switched_on_and_read(void **state)
{
	static const char *const answers[] =
		{GREETING, OK, "{\"return\": {\"postcopy-blocktime\": 7}}\n", NULL};
	struct sk_monitor *monitor = NULL;
	struct sk_blocktime blocktime;
	struct sk_err err = SK_ERR_INIT;
	uint64_t deadline = within(5000);
	struct fake fake;

	(void)state;
	fake_start(&fake, 2, answers);
	assert_int_equal(sk_monitor_start(fake.path, &monitor, &err), 0);
	/* It holds no connection between the two: the second client is served. */
	while (atomic_load(&fake.served) == 0 && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	sk_monitor_finish(monitor, &blocktime);
	fake_stop(&fake);
	assert_true(blocktime.is_known);
	assert_int_equal(blocktime.total_ns, 7 * SK_NS_PER_MS);
}

static void test_announcements_are_told_from_questions(void **state)
{
	uint8_t rarp[42] = {[12] = 0x80, 0x35, 0,    1,	   8, 0, 6, 4,
			    0,		 3,    0x52, 0x54, 0, 1, 2, 3};
	uint8_t arp[42] =
		{[12] = 8, 6, 0, 1, 8,	       0,  6, 4,  0,	     1,	 0x52, 0x54,
		 0,	   1, 2, 3, [28] = 10, 77, 0, 10, [38] = 10, 77, 0,    10};
	char mac[18] = "";

	(void)state;
	assert_true(sk_announce_parse(rarp, sizeof(rarp), mac));
	assert_string_equal(mac, "52:54:00:01:02:03");
	assert_false(sk_announce_parse(rarp, sizeof(rarp) - 1, mac));
	rarp[21] = 4; /* a reply */
	assert_false(sk_announce_parse(rarp, sizeof(rarp), mac));
	assert_true(sk_announce_parse(arp, sizeof(arp), mac));
	arp[41] = 11; /* asks for another's address */
	assert_false(sk_announce_parse(arp, sizeof(arp), mac));
	memset(arp + 28, 0, 4); /* probes whether an address is free */
	memset(arp + 38, 0, 4);
	assert_false(sk_announce_parse(arp, sizeof(arp), mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_is_found_between_events),
		cmocka_unit_test(test_what_goes_wrong_is_told),
		cmocka_unit_test(test_a_monitor_that_is_not_there_is_no_wait),
		cmocka_unit_test(test_lines_without_end_are_refused),
		cmocka_unit_test(test_no_blocktime_has_its_reason),
		cmocka_unit_test(test_the_second_monitor_is_switched_on_and_read),
		cmocka_unit_test(test_announcements_are_told_from_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
