// SPDX-License-Identifier: Apache-2.0
/* server_conn - TCP connections of the service: reading requests, sending answers */
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/sock.h"
#include "migrate/guest/server_internal.h"

#define SEND_TIMEOUT_S                                                                   \
	2 /* a client that takes nothing must not hold a thread for longer */

int sk_conn_new(struct sk_server *server, int sock, struct sk_conn **ret)
{
	const struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
	struct sk_conn *conn = calloc(1, sizeof(*conn));
	const int one = 1;

	if (!conn)
		return -ENOMEM;
	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	conn->server = server;
	conn->sock = sock;
	atomic_init(&conn->references, 1);
	(void)pthread_mutex_init(&conn->lock, NULL);
	*ret = conn;
	return 0;
}

void sk_conn_put(struct sk_conn *conn)
{
	if (atomic_fetch_sub(&conn->references, 1) != 1)
		return;
	(void)close(conn->sock);
	(void)pthread_mutex_destroy(&conn->lock);
	free(conn);
}

bool sk_conn_read(struct sk_conn *conn, bool may_wait)
{
	ssize_t n;

	if (conn->len == sizeof(conn->in))
		return true; /* the parser says whether that is too much */
	n = recv(conn->sock, conn->in + conn->len, sizeof(conn->in) - conn->len,
		 may_wait ? 0 : MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	conn->len += (size_t)n;
	return n > 0;
}

static void drop(struct sk_conn *conn, size_t n)
{
	conn->len -= n;
	memmove(conn->in, conn->in + n, conn->len);
}

/* 0: the next request may be taken; 1: HTTP's answer before it is not sent yet; -EPIPE. */
static int look(struct sk_conn *conn)
{
	int r;

	(void)pthread_mutex_lock(&conn->lock);
	r = conn->is_broken ? -EPIPE : conn->is_serving;
	(void)pthread_mutex_unlock(&conn->lock);
	return r;
}

/* 1: a request was handed on; 0: more must come first; -EPROTO. */
static int take_http(struct sk_conn *conn, struct sk_tlp_thread *me)
{
	struct sk_http_request request;
	ssize_t n = sk_http_parse_request(conn->in, conn->len, &request);
	struct sk_call call;

	if (n <= 0)
		return (int)n;
	if (!request.has_known_method)
		return -EPROTO;
	drop(conn, (size_t)n);
	(void)pthread_mutex_lock(&conn->lock);
	conn->is_serving = true;
	(void)pthread_mutex_unlock(&conn->lock);
	call = (struct sk_call){.conn = conn,
				.is_http = true,
				.is_head = request.is_head,
				.keep_alive = request.keep_alive,
				.urgency = request.urgency,
				.object = request.object};
	sk_model_submit(conn->server, &call, me);
	return 1;
}

static int take_echo(struct sk_conn *conn, struct sk_tlp_thread *me)
{
	struct sk_call call = {.conn = conn};

	if (conn->len < sizeof(call.echo))
		return 0;
	memcpy(&call.echo, conn->in, sizeof(call.echo));
	if (le32toh(call.echo.magic) != SK_GUEST_MAGIC)
		return -EPROTO;
	drop(conn, sizeof(call.echo));
	call.urgency = sk_echo_urgency(le64toh(call.echo.tick));
	call.object = sk_echo_object(le64toh(call.echo.tick));
	sk_model_submit(conn->server, &call, me);
	return 1;
}

int sk_conn_parse(struct sk_conn *conn, struct sk_tlp_thread *me)
{
	const uint32_t magic = htole32(SK_GUEST_MAGIC);

	for (;;) {
		int r = look(conn);

		if (r != 0 || conn->len < sizeof(magic))
			return r;
		r = memcmp(conn->in, &magic, sizeof(magic)) == 0 ? take_echo(conn, me)
								 : take_http(conn, me);
		if (r <= 0)
			return r;
	}
}

void sk_conn_send(struct sk_conn *conn, const void *bytes, size_t len)
{
	(void)pthread_mutex_lock(&conn->lock);
	if (!conn->is_broken && sk_sock_send_all(conn->sock, bytes, len) < 0) {
		conn->is_broken = true;
		(void)shutdown(conn->sock,
			       SHUT_RDWR); /* whoever reads it finds the end */
	}
	(void)pthread_mutex_unlock(&conn->lock);
}

void *sk_conn_main(void *arg)
{
	struct sk_conn *conn = arg;
	struct sk_server *server = conn->server;
	bool goes_on = true;

	while (goes_on && !atomic_load(&server->is_stopping)) {
		struct sk_tlp_thread me;

		goes_on = sk_conn_read(conn, true);
		sk_tlp_enter(&server->tlp, &me);
		goes_on = sk_conn_parse(conn, &me) >= 0 && goes_on;
		sk_tlp_leave(&server->tlp, &me);
	}
	(void)shutdown(conn->sock, SHUT_RDWR);
	(void)pthread_mutex_lock(&conn->lock);
	conn->is_ended = true;
	(void)pthread_mutex_unlock(&conn->lock);
	return NULL;
}
