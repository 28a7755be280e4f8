// SPDX-License-Identifier: Apache-2.0
/* server - the service's sockets and the thread that waits for them
 *
 * Theory of operation
 *
 * 1. UDP and TCP are bound to the same port number: with port 0 the kernel chooses one for UDP, and
 *    another is tried while that is taken for TCP.
 * 2. The front thread waits for all sockets at once and hands requests to the model. With a thread
 *    per connection it only accepts, and serves UDP.
 * 3. Without service time all that answers has real-time priority where that is permitted, so that
 *    the memory writer never delays an answer. With service time nothing has: it would keep all
 *    else from running.
 * 4. An HTTP connection has one request in service; what comes behind it stays in the kernel
 *    (is_paused) until a thread that has answered wakes the front thread.
 * 5. The end: the front thread first, as only it makes calls; then threads of connections, which
 *    wake as their sockets are shut down; then the model's threads; then connections.
 */
#include "migrate/guest/server.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "migrate/guest/server_internal.h"
#include "migrate/guest/udp.h"

#define MAX_EVENTS  64
#define MAX_BATCH   64 /* datagrams in a row before connections have their turn */
#define MAX_CONNS   4096
#define BACKLOG	    1024
#define PORT_TRIES  20
#define ECHO_FIFO   10
#define ACCEPT_NAP  (10 * SK_NS_PER_MS)
#define TIMER_BYTES 8

static void read_datagrams(struct sk_server *server, struct sk_tlp_thread *me)
{
	for (int i = 0; i < MAX_BATCH; i++) {
		struct sk_call call = {.peer_len = sizeof(call.peer)};
		ssize_t n = recvfrom(server->sock, &call.echo, sizeof(call.echo),
				     MSG_DONTWAIT, (struct sockaddr *)&call.peer,
				     &call.peer_len);

		if (n < 0)
			return;
		if ((size_t)n < sizeof(call.echo) ||
		    le32toh(call.echo.magic) != SK_GUEST_MAGIC)
			continue;
		call.urgency = sk_echo_urgency(le64toh(call.echo.tick));
		call.object = sk_echo_object(le64toh(call.echo.tick));
		sk_model_submit(server, &call, me);
	}
}

static int watch(struct sk_server *server, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	return epoll_ctl(server->epoll, op, fd, &event) < 0 ? -errno : 0;
}

static void forget_conn(struct sk_conn *conn)
{
	struct sk_server *server = conn->server;
	struct sk_conn **at = &server->conns;

	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	if (conn->has_thread)
		(void)pthread_join(conn->thread, NULL);
	else
		(void)watch(server, EPOLL_CTL_DEL, conn->sock, 0, NULL);
	sk_conn_put(conn);
}

/* Connections whose thread has ended; how many are left. */
static unsigned int reap_conns(struct sk_server *server)
{
	struct sk_conn *conn = server->conns, *next;
	unsigned int nr = 0;

	for (; conn; conn = next) {
		bool is_ended;

		next = conn->next;
		(void)pthread_mutex_lock(&conn->lock);
		is_ended = conn->is_ended;
		(void)pthread_mutex_unlock(&conn->lock);
		if (is_ended)
			forget_conn(conn);
		else
			nr++;
	}
	return nr;
}

static bool start_conn(struct sk_server *server, struct sk_conn *conn)
{
	if (server->opts.model != SK_SERVER_THREAD_PER_CONNECTION)
		return watch(server, EPOLL_CTL_ADD, conn->sock, EPOLLIN, conn) == 0;
	conn->has_thread = pthread_create(&conn->thread, NULL, sk_conn_main, conn) == 0;
	return conn->has_thread;
}

static void accept_conns(struct sk_server *server)
{
	unsigned int nr = reap_conns(server);
	int sock;

	while ((sock = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct sk_conn *conn = NULL;

		if (nr >= MAX_CONNS || sk_conn_new(server, sock, &conn) < 0) {
			(void)close(sock);
			continue;
		}
		if (!start_conn(server, conn)) {
			sk_conn_put(conn);
			continue;
		}
		conn->next = server->conns;
		server->conns = conn;
		nr++;
	}
	/* Out of descriptors: do not spin until one is free. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		sk_clock_sleep_until(sk_clock_mono() + ACCEPT_NAP);
}

/* Whether it waits for its answer with requests behind it; is woken then. */
static bool pause_conn(struct sk_conn *conn)
{
	bool is_paused;

	(void)pthread_mutex_lock(&conn->lock);
	is_paused = conn->is_paused = conn->is_serving && conn->len > 0;
	(void)pthread_mutex_unlock(&conn->lock);
	return is_paused;
}

/* Hand on what is there; false when the connection is of no more use. */
static bool advance(struct sk_conn *conn, struct sk_tlp_thread *me)
{
	bool was_paused = conn->is_paused, is_paused = false;
	int r;

	do {
		r = sk_conn_parse(conn, me);
		is_paused = pause_conn(conn);
	} while (r == 1 && conn->len > 0 && !is_paused);
	if (r < 0)
		return false;
	if (was_paused != is_paused)
		(void)watch(conn->server, EPOLL_CTL_MOD, conn->sock,
			    is_paused ? 0 : EPOLLIN, conn);
	return true;
}

static void read_conn(struct sk_conn *conn, struct sk_tlp_thread *me)
{
	bool is_open = sk_conn_read(conn, false);

	if (!advance(conn, me))
		(void)shutdown(conn->sock, SHUT_RDWR);
	else if (is_open)
		return;
	forget_conn(conn);
}

static void resume_conns(struct sk_server *server, struct sk_tlp_thread *me)
{
	struct sk_conn *conn = server->conns, *next;
	eventfd_t count;

	(void)eventfd_read(server->wake, &count);
	for (; conn; conn = next) {
		next = conn->next;
		if (!conn->is_paused || advance(conn, me))
			continue;
		(void)shutdown(conn->sock, SHUT_RDWR);
		forget_conn(conn);
	}
}

static void handle(struct sk_server *server, const struct epoll_event *event,
		   struct sk_tlp_thread *me)
{
	char expirations[TIMER_BYTES];

	if (event->data.ptr == &server->sock) {
		read_datagrams(server, me);
	} else if (event->data.ptr == &server->listener) {
		accept_conns(server);
	} else if (event->data.ptr == &server->timer) {
		(void)!read(server->timer, expirations, sizeof(expirations));
		sk_model_expire(server);
	} else if (event->data.ptr != &server->wake) {
		read_conn(event->data.ptr, me);
	}
}

void sk_server_hurry(const struct sk_server *server)
{
	const struct sched_param priority = {.sched_priority = ECHO_FIFO};

	if (server->opts.service_ns == 0 && server->opts.touch_bytes == 0)
		(void)sched_setscheduler(0, SCHED_FIFO, &priority);
}

static void *front_main(void *arg)
{
	struct sk_server *server = arg;
	struct epoll_event events[MAX_EVENTS];

	sk_server_hurry(server);
	while (!atomic_load(&server->is_stopping)) {
		int n = epoll_wait(server->epoll, events, MAX_EVENTS, -1);
		struct sk_tlp_thread me;
		bool is_woken = false;

		sk_tlp_enter(&server->tlp, &me);
		for (int i = 0; i < n; i++) {
			is_woken |= events[i].data.ptr == &server->wake;
			handle(server, &events[i], &me);
		}
		/* Last, as it may end connections that have an event in this round. */
		if (is_woken)
			resume_conns(server, &me);
		sk_tlp_leave(&server->tlp, &me);
	}
	return NULL;
}

/* ---- Start and end ------------------------------------------------------------------- */

static int open_sockets(struct sk_server *server, struct sk_err *err)
{
	const struct sk_server_opts *opts = &server->opts;
	int r = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && r == -EADDRINUSE; i++) {
		sk_close(&server->sock);
		r = sk_udp_bind(opts->address, opts->port, &server->sock, err);
		if (r == 0)
			r = sk_tcp_listen(opts->address, sk_udp_port(server->sock),
					  BACKLOG, &server->listener, err);
		if (opts->port)
			break;
	}
	return r;
}

static int open_events(struct sk_server *server, struct sk_err *err)
{
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->epoll < 0 || server->wake < 0 || server->timer < 0 ||
	    watch(server, EPOLL_CTL_ADD, server->sock, EPOLLIN, &server->sock) < 0 ||
	    watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN, &server->listener) <
		    0 ||
	    watch(server, EPOLL_CTL_ADD, server->wake, EPOLLIN, &server->wake) < 0 ||
	    watch(server, EPOLL_CTL_ADD, server->timer, EPOLLIN, &server->timer) < 0)
		return sk_err_errno(err, "prepare to wait for requests");
	return 0;
}

/* Written once, so that no request pays for the first touch. */
static int map_data(struct sk_server *server, struct sk_err *err)
{
	void *at;

	if (server->opts.touch_bytes == 0)
		return 0;
	at = mmap(NULL, server->opts.data_bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED)
		return sk_err_errno(err, "allocate %llu bytes of data",
				    (unsigned long long)server->opts.data_bytes);
	server->data = at;
	return 0;
}

int sk_server_start(const struct sk_server_opts *opts, struct sk_server **ret,
		    struct sk_err *err)
{
	sk_auto(sk_server_free) struct sk_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return sk_err_oom(err);
	server->opts = *opts;
	server->start_ns = sk_clock_mono() - SK_NS_PER_MS;
	server->sock = server->listener = server->epoll = -1;
	server->wake = server->timer = -1;
	sk_tlp_init(&server->tlp);
	r = sk_model_start(server, err);
	if (r == 0)
		r = map_data(server, err);
	if (r == 0)
		r = open_sockets(server, err);
	if (r == 0)
		r = open_events(server, err);
	if (r < 0)
		return r;
	r = -pthread_create(&server->front, NULL, front_main, server);
	if (r < 0)
		return sk_err_code(err, r, "start the service");
	server->has_front = true;
	*ret = sk_steal(&server);
	return 0;
}

void sk_server_free(struct sk_server *server)
{
	if (!server)
		return;
	atomic_store(&server->is_stopping, true);
	if (server->has_front) {
		(void)eventfd_write(server->wake, 1);
		(void)pthread_join(server->front, NULL);
	}
	for (struct sk_conn *conn = server->conns; conn; conn = conn->next)
		(void)shutdown(conn->sock, SHUT_RDWR);
	sk_model_stop(server);
	while (server->conns)
		forget_conn(server->conns);
	sk_close(&server->sock);
	sk_close(&server->listener);
	sk_close(&server->epoll);
	sk_close(&server->wake);
	sk_close(&server->timer);
	if (server->data)
		(void)munmap((void *)server->data, server->opts.data_bytes);
	sk_tlp_finish(&server->tlp);
	free(server);
}

uint16_t sk_server_port(const struct sk_server *server)
{
	return sk_udp_port(server->sock);
}

uint64_t sk_server_tick(const struct sk_server *server)
{
	return (sk_clock_mono() - server->start_ns) / SK_NS_PER_MS;
}

const struct sk_server_opts *sk_server_opts(const struct sk_server *server)
{
	return &server->opts;
}

void sk_server_stats(struct sk_server *server, bool reset, struct sk_server_stats *ret)
{
	struct sk_tlp_figures figures;

	sk_tlp_get(&server->tlp, &figures);
	*ret = (struct sk_server_stats){
		.served = atomic_load(&server->served),
		.refused = atomic_load(&server->refused),
		.active_ns = figures.active_ns,
		.cpu_ns = figures.cpu_ns,
		.peak_threads = figures.peak,
		.tlp_milli =
			figures.active_ns ? figures.cpu_ns * 1000 / figures.active_ns : 0,
	};
	if (reset)
		sk_tlp_reset(&server->tlp);
}
