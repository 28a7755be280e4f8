// SPDX-License-Identifier: Apache-2.0
/*
 * What of a container reaches beyond its memory, and is saved and restored on request:
 * connections, locks, files without a name, sockets that lead outside.
 */
#include "tests/it/checkpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/str.h"

#define WAIT_MS 60000
#define PORT	9700

static void await_input(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (poll(&poll_fd, 1, WAIT_MS) != 1)
		fail_msg("nothing came within %d s", WAIT_MS / 1000);
}

/* The container connects to a server of the test, and numbers the words that it is told. */
#define CLIENT                                                                           \
	SAVED_SAY "busybox nc 127.0.0.1 9700 -e sh -c 'i=0; while read -r word; do "     \
		  "echo $((i=i+1)) $word; done'; say 99; sleep 1000"

static int listen_here(void)
{
	const struct sockaddr_in here = {.sin_family = AF_INET,
					 .sin_port = htons(PORT),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int run_client(struct it *it, struct saved *s)
{
	sk_autoclose int server = -1;
	int peer;

	saved_init(it, s, CLIENT);
	saved_share_network(s);
	server = listen_here();
	saved_run(it, s, "c1");
	await_input(server);
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	return peer;
}

static void assert_answers(int peer, const char *word, const char *answer)
{
	char line[64] = "";
	size_t len = 0;

	assert_int_equal(send(peer, word, strlen(word), MSG_NOSIGNAL), strlen(word));
	while (len < sizeof(line) - 1 && !strchr(line, '\n')) {
		ssize_t n;

		await_input(peer);
		n = recv(peer, line + len, sizeof(line) - 1 - len, 0);
		if (n <= 0)
			fail_msg("the connection has ended");
		len += (size_t)n;
	}
	assert_string_equal(line, answer);
}

static void assert_carried(struct it *it, const struct saved *s, int peer)
{
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, s, "c2", "--tcp-established");
	assert_answers(peer, "two\n", "2 two\n");
	assert_answers(peer, "three\n", "3 three\n");
	oci_expect(it, 0, "delete", "--force", "c2");
}

static void test_connection_goes_on(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autoclose int peer = run_client(it, &s);

	assert_answers(peer, "one\n", "1 one\n");
	saved_checkpoint(it, &s, "c1", "--tcp-established", "--network-lock", "iptables");
	assert_carried(it, &s, peer);
}

static void test_connection_is_locked_by_nftables_where_criu_can_undo_it(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autoclose int peer = run_client(it, &s);
	int status;

	assert_answers(peer, "one\n", "1 one\n");
	status = saved_try(it, &s, "c1", "--tcp-established", "--network-lock",
			   "nftables");
	if (status == 0) {
		assert_carried(it, &s, peer);
		return;
	}
	assert_int_equal(status, 1);
	it_assert_has(it->err, "--network-lock nftables needs criu 4.1");
	assert_answers(peer, "two\n", "2 two\n");
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_connection_may_be_closed_instead(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autoclose int peer = run_client(it, &s);

	assert_answers(peer, "one\n", "1 one\n");
	assert_int_equal(saved_try(it, &s, "c1", NULL), 1);
	it_assert_has(it->err, "tcp-established");
	oci_assert_status(it, "c1", "running");
	assert_answers(peer, "two\n", "2 two\n");
	saved_checkpoint(it, &s, "c1", "--tcp-established");
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, &s, "c1", "--tcp-close");
	assert_int_equal(saved_next(&s), 99); /* its connection has ended */
	oci_expect(it, 0, "delete", "--force", "c1");
}

/* Busybox has no flock(1). */
static void add_flock(struct it *it, const struct saved *s)
{
	static const char script[] =
		"for f in /usr/bin/flock $(ldd /usr/bin/flock | grep -o '/[^ ]*'); do\n"
		"	mkdir -p \"$0/rootfs${f%/*}\" && cp \"$f\" \"$0/rootfs$f\" || exit 1\n"
		"done";

	assert_int_equal(it_command(it, IT_ARGS("sh", "-c", script, s->bundle)), 0);
}

static bool can_lock(const struct saved *s)
{
	sk_autofree char *path = sk_strf("%s/lock", s->data);
	sk_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void test_file_lock_is_held_again(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;

	saved_init(it, &s,
		   SAVED_SAY
		   "exec 4> /data/lock; /usr/bin/flock 4; say 1; say 2; sleep 1000");
	add_flock(it, &s);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 1);
	assert_false(can_lock(&s));
	assert_int_equal(saved_try(it, &s, "c1", NULL), 1);
	it_assert_has(it->err, "--file-locks");
	saved_checkpoint(it, &s, "c1", "--file-locks");
	oci_expect(it, 0, "delete", "--force", "c1");
	assert_true(can_lock(&s));
	saved_restore(it, &s, "c1", "--file-locks");
	assert_int_equal(saved_next(&s), 2);
	assert_false(can_lock(&s));
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void make_writable(const struct saved *s)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(s->bundle);

	sk_json_set_bool(sk_json_get(config, "root"), "readonly", false);
	oci_save(s->bundle, config);
}

/* A file whose name is gone while another leads to it still. */
static void test_removed_name_of_an_open_file_is_remapped(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;

	saved_init(
		it, &s,
		SAVED_SAY
		"printf '7\\n8\\n9\\n' > /a; busybox ln /a /b; exec 4< /a; busybox rm /a; "
		"while read -r i <&4; do say $i; done; sleep 1000");
	make_writable(&s);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 7);
	assert_int_equal(saved_try(it, &s, "c1", NULL), 1);
	it_assert_has(it->err, "link-remap");
	saved_checkpoint(it, &s, "c1", "--link-remap");
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, &s, "c1", NULL);
	assert_int_equal(saved_next(&s), 8);
	assert_int_equal(saved_next(&s), 9);
	oci_expect(it, 0, "delete", "--force", "c1");
}

/* A socket as that of a log, with its path the same inside and outside. */
static int open_log(const struct saved *s, int *ret_client)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(server >= 0 && *ret_client >= 0);
	assert_true((size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock",
				     s->data) < sizeof(at.sun_path));
	assert_int_equal(bind(server, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(connect(*ret_client, (const struct sockaddr *)&at, sizeof(at)),
			 0);
	return server;
}

/* Numbers come one after the other, in whatever life they were sent. */
static void assert_logs(int server, long number)
{
	char line[64];
	ssize_t n;

	await_input(server);
	n = recv(server, line, sizeof(line) - 1, 0);
	assert_true(n > 0);
	line[n] = '\0';
	assert_int_equal(strtol(line, NULL, 10), number);
}

static void test_socket_that_leads_outside_leads_there_again(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autoclose int server = -1, client = -1;
	struct it_job job = {0};

	saved_init(it, &s,
		   SAVED_SAY "i=0; while :; do say $((i=i+1)); echo $i >&3; done");
	saved_add_volume(&s, s.data);
	saved_share_network(&s);
	server = open_log(&s, &client);
	{
		sk_auto(sk_strv_free) char **run =
			oci_words(it, IT_ARGS("run", "--detach", "--preserve-fds", "1",
					      "--bundle", s.bundle, "c1"));
		sk_autofree char *line = sk_strv_join(run, " ");
		sk_autofree char *script =
			sk_strf("exec %s 3<&0 </dev/null >/dev/null 2>/dev/null", line);

		it_spawn(&job, client, IT_ARGS("sh", "-c", script));
	}
	sk_close(&client);
	assert_int_equal(it_finish(it, &job), 0);
	assert_int_equal(saved_next(&s), 1);
	assert_logs(server, 1);
	assert_int_equal(saved_try(it, &s, "c1", NULL), 1);
	it_assert_has(it->err, "ext-unix-sk");
	saved_checkpoint(it, &s, "c1", "--ext-unix-sk");
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, &s, "c1", "--ext-unix-sk");
	assert_int_equal(saved_next(&s), 2);
	assert_logs(server, 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_options_that_cannot_be_are_refused(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;

	saved_init(it, &s, SAVED_COUNTER);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 1);
	assert_int_equal(saved_try(it, &s, "c1", "--pre-dump", "--lazy-pages"), 1);
	it_assert_has(it->err, "--pre-dump and --lazy-pages exclude each other");
	assert_int_equal(saved_try(it, &s, "c1", "--status-fd", "77"), 1);
	it_assert_has(it->err, "--status-fd: '77' is no open descriptor");
	assert_int_equal(saved_try(it, &s, "c1", "--page-server", "127.0.0.1"), 1);
	it_assert_has(it->err, "--page-server: '127.0.0.1' is not ADDRESS:PORT");
	assert_int_equal(saved_try(it, &s, "c1", "--network-lock", "prayer"), 2);
	it_assert_has(it->err, "prayer");
	oci_assert_status(it, "c1", "running");
	oci_expect(it, 0, "delete", "--force", "c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAVED_CASE(test_connection_goes_on),
		SAVED_CASE(test_connection_is_locked_by_nftables_where_criu_can_undo_it),
		SAVED_CASE(test_connection_may_be_closed_instead),
		SAVED_CASE(test_file_lock_is_held_again),
		SAVED_CASE(test_removed_name_of_an_open_file_is_remapped),
		SAVED_CASE(test_socket_that_leads_outside_leads_there_again),
		SAVED_CASE(test_options_that_cannot_be_are_refused),
	};

	return it_run_group(tests);
}
