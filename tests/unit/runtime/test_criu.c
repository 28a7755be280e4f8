// SPDX-License-Identifier: Apache-2.0
/* What is said to criu, and which mounts it cannot save. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "runtime/container/criu.h"
#include "runtime/container/criu_mounts.h"
#include "runtime/container/criu_wire.h"
#include "tests/unit/tempdir.h"

static void test_messages_are_encoded_as_the_format_says(void **state)
{
	sk_auto(sk_str_finish) struct sk_str message = SK_STR_INIT, inner = SK_STR_INIT;
	/* the examples of the format's description: 150 in field 1, "testing" in field 2 */
	static const char expected[] = "\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01";

	(void)state;
	sk_wire_uint(&inner, 1, 150);
	sk_wire_uint(&message, 1, 150);
	sk_wire_text(&message, 2, "testing");
	sk_wire_text(&message, 9, NULL);
	sk_wire_message(&message, 3, &inner);
	assert_int_equal(message.len, sizeof(expected) - 1);
	assert_memory_equal(message.ptr, expected, message.len);
}

static void test_a_message_is_read_back(void **state)
{
	sk_auto(sk_str_finish) struct sk_str message = SK_STR_INIT;
	struct sk_wire_reader reader = {0};
	struct sk_wire_field field;
	char text[4];

	(void)state;
	sk_wire_uint(&message, 300, UINT64_MAX);
	sk_wire_text(&message, 2, "too long");
	reader =
		(struct sk_wire_reader){(const uint8_t *)message.ptr, message.len, false};
	assert_true(sk_wire_next(&reader, &field));
	assert_int_equal(field.number, 300);
	assert_true(field.value == UINT64_MAX);
	assert_true(sk_wire_next(&reader, &field));
	sk_wire_copy_text(&field, text, sizeof(text));
	assert_string_equal(text, "too");
	assert_false(sk_wire_next(&reader, &field));
	assert_false(reader.is_malformed);
}

static void test_malformed_messages_are_noticed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x08", 1}, /* no value */
		{"\x12\x05"
		 "abc",
		 5}, /* a string that is cut */
		{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10}, /* an absurd length */
		{"\x0b", 1},					  /* an unknown type */
		{"\x09"
		 "1234",
		 5}, /* a cut number of 8 bytes */
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_wire_reader reader = {(const uint8_t *)cases[i].bytes,
						cases[i].len, false};
		struct sk_wire_field field;

		while (sk_wire_next(&reader, &field))
			;
		if (!reader.is_malformed)
			fail_msg("case %zu was taken", i);
	}
}

static void test_mounts_from_outside_are_found(void **state)
{
	static const char mountinfo[] =
		"500 400 8:1 /srv/rootfs / rw - ext4 /dev/sda1 rw\n"
		"501 500 0:50 / /proc rw - proc proc rw\n"
		"502 500 0:51 / /dev rw - tmpfs tmpfs rw\n"
		"503 501 0:50 /sys /proc/sys ro - proc proc rw\n"
		"504 501 0:51 /null /proc/kcore rw - tmpfs tmpfs rw\n"
		"505 500 8:1 /home/my\\040data /vol\\134ume\\0401 rw - ext4 /dev/sda1 rw\n"
		"506 502 0:5 /null /dev/null rw - devtmpfs udev rw\n"
		"507 500 0:29 /skiff/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
		"508 500 0:60 / /tmp rw - tmpfs tmpfs rw\n"
		"broken\n";
	sk_auto(sk_strv_free) char **mounts = NULL;

	(void)state;
	assert_int_equal(sk_criu_external_mounts(mountinfo, &mounts), 0);
	assert_int_equal(sk_strv_len(mounts), 3);
	assert_string_equal(mounts[0], "/vol\\ume 1");
	assert_string_equal(mounts[1], "/dev/null");
	assert_string_equal(mounts[2], "/sys/fs/cgroup");
}

static void test_a_container_may_have_no_mount_from_outside(void **state)
{
	char **mounts = NULL;

	(void)state;
	assert_int_equal(sk_criu_external_mounts("1 2 0:1 / / rw - tmpfs t rw\n",
						 &mounts),
			 0);
	assert_null(mounts);
}

static void write_log(const char *text)
{
	sk_autoclose int fd = openat(tempdir.fd, "dump.log",
				     O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static void test_cause_is_found_in_a_log(void **state)
{
	static const char *const cases[][2] = {
		{"(05.1) Error (criu/tun.c:85): tun: Unable to create tun: No such file\n"
		 "(06.7) Can't connect to server 127.0.0.1:9701\n"
		 "(06.8) Error (compel/src/lib/infect.c:356): Unable to detach from 421\n"
		 "(06.9) Error (criu/cr-dump.c:1788): Dumping FAILED.\n",
		 "Can't connect to server 127.0.0.1:9701 (see dump.log): criu failed"},
		{"(00.1)      1: Error (criu/util.c:641): exited, status=4\n"
		 "(00.2)      1: Error (criu/net.c:1738): iptables-restore -w failed\n"
		 "(00.3) Error (criu/cr-restore.c:2536): Restoring FAILED.\n",
		 "iptables-restore -w failed (see dump.log): criu failed"},
		{"(00.1) Error (criu/cr-dump.c:1788): Dumping FAILED.\n", "criu failed"},
		{"(00.1) Dumping finished successfully\n", "criu failed"},
		{"Error (", "criu failed"},
		{"", "criu failed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_err err = SK_ERR_INIT;
		int r = sk_err_set(&err, EIO, "criu failed");

		write_log(cases[i][0]);
		assert_int_equal(sk_criu_explain(tempdir.fd, "dump.log", r, &err), -EIO);
		assert_string_equal(err.msg, cases[i][1]);
	}
}

static void test_without_a_log_the_error_stays(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_err_set(&err, EIO, "criu failed");

	(void)state;
	assert_int_equal(sk_criu_explain(tempdir.fd, "dump.log", r, &err), -EIO);
	assert_string_equal(err.msg, "criu failed");
}

#define IN_FOLDER(name)                                                                  \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_encoded_as_the_format_says),
		cmocka_unit_test(test_a_message_is_read_back),
		cmocka_unit_test(test_malformed_messages_are_noticed),
		cmocka_unit_test(test_mounts_from_outside_are_found),
		cmocka_unit_test(test_a_container_may_have_no_mount_from_outside),
		IN_FOLDER(test_cause_is_found_in_a_log),
		IN_FOLDER(test_without_a_log_the_error_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
