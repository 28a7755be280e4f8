// SPDX-License-Identifier: Apache-2.0
/* test_sock - descriptors travel one at a time; listening sockets are private */
#include "lib/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

static void test_descriptor_arrives_as_another_number(void **state)
{
	sk_autoclose int a = -1, b = -1, got = -1, file = -1;
	struct stat sent, received;
	char tag = 0;
	int ends[2];

	(void)state;
	assert_int_equal(sk_sock_pair(ends), 0);
	a = ends[0];
	b = ends[1];
	assert_true(fcntl(a, F_GETFD) & FD_CLOEXEC);
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sk_sock_send_fd(a, file, 'x'), 0);
	got = sk_sock_recv_fd(b, &tag);
	assert_true(got >= 0);
	assert_int_not_equal(got, file);
	assert_int_equal(tag, 'x');
	assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
	assert_return_code(fstat(file, &sent), errno);
	assert_return_code(fstat(got, &received), errno);
	assert_int_equal(sent.st_rdev, received.st_rdev);
}

static void test_closed_peer_is_told(void **state)
{
	sk_autoclose int a = -1;
	int ends[2];
	char tag = 'k';

	(void)state;
	assert_int_equal(sk_sock_pair(ends), 0);
	a = ends[0];
	sk_close(&ends[1]);
	assert_int_equal(sk_sock_recv_fd(a, &tag), -EPIPE);
	assert_int_equal(tag, 'k');
	assert_int_equal(sk_sock_send_fd(a, STDIN_FILENO, 'x'), -EPIPE);
}

static void test_sending_to_a_closed_peer_is_told_without_a_signal(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(sk_sock_send_all(pair[0], "abc", 3), 0);
	(void)close(pair[1]);
	/* SIGPIPE has its default action here: it would end this program. */
	assert_int_equal(sk_sock_send_all(pair[0], "abc", 3), -EPIPE);
	(void)close(pair[0]);
}

static void test_message_without_descriptor_is_refused(void **state)
{
	sk_autoclose int a = -1, b = -1;
	int ends[2];

	(void)state;
	assert_int_equal(sk_sock_pair(ends), 0);
	a = ends[0];
	b = ends[1];
	assert_int_equal(send(a, "x", 1, 0), 1);
	assert_int_equal(sk_sock_recv_fd(b, NULL), -EBADMSG);
}

static void test_bad_descriptor_is_not_sent(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(sk_sock_pair(ends), 0);
	assert_int_equal(sk_sock_send_fd(ends[0], -1, 'x'), -EBADF);
	sk_close(&ends[0]);
	sk_close(&ends[1]);
}

/* Send @n copies of standard input in one message, as a hostile peer may. */
static void send_many(int sock, size_t n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
		struct cmsghdr align;
	} control = {0};
	char tag = 'm';
	struct iovec iov = {.iov_base = &tag, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &sock, sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), 1);
}

static void test_several_descriptors_are_refused_and_closed(void **state)
{
	sk_autoclose int a = -1, b = -1, next = -1, again = -1;
	int ends[2];

	(void)state;
	assert_int_equal(sk_sock_pair(ends), 0);
	a = ends[0];
	b = ends[1];
	next = dup(a);
	send_many(a, 2);
	assert_int_equal(sk_sock_recv_fd(b, NULL), -EBADMSG);
	send_many(a, 16);
	assert_int_equal(sk_sock_recv_fd(b, NULL), -EBADMSG);
	again = dup(a);
	assert_int_equal(again, next + 1);
}

static void test_listener_is_private_and_answers(void **state)
{
	sk_autofree char *path = sk_strf("%s/s", tempdir.path);
	sk_autoclose int listener = -1, client = -1, server = -1;
	struct sk_err err = SK_ERR_INIT;
	mode_t old = umask(0);
	struct stat st;

	(void)state;
	listener = sk_sock_listen(path, &err);
	(void)umask(old);
	assert_true(listener >= 0);
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	client = sk_sock_connect(path, &err);
	assert_true(client >= 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	assert_return_code(unlink(path), errno);
}

static void test_old_socket_is_replaced_but_no_other_file(void **state)
{
	sk_autofree char *path = sk_strf("%s/s", tempdir.path);
	sk_autoclose int first = -1, second = -1, file = -1;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	first = sk_sock_listen(path, NULL);
	assert_true(first >= 0);
	sk_close(&first);
	assert_int_equal(sk_sock_connect(path, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "Connection refused"));
	second = sk_sock_listen(path, NULL);
	assert_true(second >= 0);
	assert_return_code(unlink(path), errno);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(sk_sock_listen(path, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "a file that is no socket is there"));
	assert_return_code(unlink(path), errno);
}

static void test_missing_socket_is_told(void **state)
{
	sk_autofree char *path = sk_strf("%s/none", tempdir.path);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_sock_connect(path, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "No such file"));
}

static void test_path_has_a_limit(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	char path[109];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[108] = '\0';
	assert_int_equal(sk_sock_connect(path, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "has 108 bytes"));
	assert_string_equal(err.hint, "unix sockets allow 107: use a shorter folder");
	assert_int_equal(sk_sock_listen("", NULL), -EINVAL);
	path[107] = '\0';
	assert_int_equal(sk_sock_connect(path, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor_arrives_as_another_number),
		cmocka_unit_test(test_closed_peer_is_told),
		cmocka_unit_test(test_sending_to_a_closed_peer_is_told_without_a_signal),
		cmocka_unit_test(test_message_without_descriptor_is_refused),
		cmocka_unit_test(test_bad_descriptor_is_not_sent),
		cmocka_unit_test(test_several_descriptors_are_refused_and_closed),
		cmocka_unit_test(test_listener_is_private_and_answers),
		cmocka_unit_test(test_old_socket_is_replaced_but_no_other_file),
		cmocka_unit_test(test_missing_socket_is_told),
		cmocka_unit_test(test_path_has_a_limit),
	};

	return cmocka_run_group_tests(tests, tempdir_set_up, tempdir_tear_down_empty);
}
