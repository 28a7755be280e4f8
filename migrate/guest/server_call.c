// SPDX-License-Identifier: Apache-2.0
/* server_call - what serving a request is: service time, memory touched, the answer */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "lib/clock.h"
#include "migrate/guest/memory.h"
#include "migrate/guest/server_internal.h"

static uint64_t thread_cpu_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SK_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Threads take different pages, in a circle over all. */
void sk_call_touch(struct sk_server *server)
{
	uint64_t pages = server->opts.touch_bytes / SK_MEMORY_PAGE;
	uint64_t all = server->opts.data_bytes / SK_MEMORY_PAGE;
	uint64_t first;

	if (pages == 0)
		return;
	first = atomic_fetch_add(&server->next_page, pages);
	for (uint64_t i = 0; i < pages; i++)
		server->data[(first + i) % all * (SK_MEMORY_PAGE / sizeof(uint64_t))] =
			first + i;
}

void sk_call_work(struct sk_server *server, struct sk_tlp_thread *me)
{
	uint64_t cost = server->opts.service_ns;

	sk_call_touch(server);
	if (cost == 0)
		return;
	if (server->opts.sleeps) {
		uint64_t end = sk_clock_mono() + cost;

		sk_tlp_leave(&server->tlp, me);
		sk_clock_sleep_until(end);
		sk_tlp_enter(&server->tlp, me);
		return;
	}
	/* By processor time: threads that share a processor take longer, as real ones do. */
	for (uint64_t start = thread_cpu_ns(); thread_cpu_ns() - start < cost;)
		for (volatile unsigned int i = 0; i < 200; i++)
			;
}

static void answer_http(struct sk_call *call, uint64_t tick)
{
	static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
				      "Content-Length: 0\r\n\r\n";
	const char *body = call->is_head ? "" : "ok\n";
	char text[160];
	int n;

	if (tick == SK_ECHO_REFUSED) {
		sk_conn_send(call->conn, refusal, sizeof(refusal) - 1);
		return;
	}
	n = snprintf(
		text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
		"Skiff-Tick: %" PRIu64 "\r\n%s\r\n%s",
		tick, call->keep_alive ? "" : "Connection: close\r\n", body);
	sk_conn_send(call->conn, text, (size_t)n);
}

/* The connection may go on with its next request, or ends. */
static void release_http(struct sk_call *call)
{
	struct sk_conn *conn = call->conn;
	bool is_awaited;

	(void)pthread_mutex_lock(&conn->lock);
	conn->is_serving = false;
	is_awaited = conn->is_paused;
	if (!call->keep_alive) {
		conn->is_broken = true;
		(void)shutdown(conn->sock, SHUT_WR);
	}
	(void)pthread_mutex_unlock(&conn->lock);
	if (is_awaited)
		(void)eventfd_write(conn->server->wake, 1);
}

static void reply(struct sk_server *server, struct sk_call *call, uint64_t tick)
{
	call->echo.tick = htole64(tick);
	if (call->is_http) {
		answer_http(call, tick);
		release_http(call);
	} else if (call->conn) {
		sk_conn_send(call->conn, &call->echo, sizeof(call->echo));
	} else if (tick != SK_ECHO_REFUSED) {
		(void)sendto(server->sock, &call->echo, sizeof(call->echo), MSG_DONTWAIT,
			     (struct sockaddr *)&call->peer, call->peer_len);
	}
}

void sk_call_answer(struct sk_server *server, struct sk_call *call)
{
	reply(server, call, sk_server_tick(server));
	atomic_fetch_add(&server->served, 1);
}

void sk_call_refuse(struct sk_server *server, struct sk_call *call)
{
	reply(server, call, SK_ECHO_REFUSED);
	atomic_fetch_add(&server->refused, 1);
}
