// SPDX-License-Identifier: Apache-2.0
/* source_stream - a probe's TCP connection, for echo packets or HTTP/1.1
 *
 * Theory of operation
 *
 * 1. Requests that are not answered yet stand in a ring, in the order in which they are due. One
 *    that is due while there is no connection, or while the kernel takes no more bytes, waits
 *    there and is sent as soon as possible; its response time counts from when it was due. When
 *    its time-out is over before that, it is lost without having been sent.
 * 2. Several requests are under way at once, as on a connection that many users share. The echo
 *    service answers in any order, by number. HTTP answers in order (pipelining).
 * 3. A connection is given up when it breaks, when what comes is malformed, or when its oldest
 *    request is without an answer for the time-out: TCP itself would wait for minutes, behind
 *    ever longer pauses between repeats. What was sent on it and not answered is lost: nobody
 *    knows whether it was carried out, so it is not repeated.
 * 4. A new connection is then begun at once. An attempt has CONNECT_NS; one that is refused is
 *    followed by the next after RETRY_NS.
 * 5. The sending thread adds and sends, the receiving thread does all else; one lock for both.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/clock.h"
#include "migrate/guest/udp.h"
#include "migrate/measure/probe_internal.h"

#define CONNECT_NS (SK_NS_PER_S)
#define RETRY_NS   (20 * SK_NS_PER_MS)
#define MIN_RING   64
#define SPARE	   2 /* times the requests that are under way within a time-out */

static bool is_http(const struct sk_source *source)
{
	return source->probe->opts.target.kind == SK_PROBE_HTTP;
}

static size_t *slot(struct sk_source *source, size_t number)
{
	return &source->ring[number & (source->ring_size - 1)];
}

static struct sk_sample *sample_at(struct sk_source *source, size_t number)
{
	return &source->probe->samples[*slot(source, number)];
}

static bool is_expired(struct sk_source *source, size_t number, uint64_t now)
{
	return now >=
	       sample_at(source, number)->intended_ns + source->probe->opts.timeout_ns;
}

static void want_out(struct sk_source *source, bool wanted)
{
	if (source->wants_out == wanted)
		return;
	source->wants_out = wanted;
	sk_source_watch(source, EPOLL_CTL_MOD, EPOLLIN | (wanted ? EPOLLOUT : 0));
}

/* What was sent is lost; what was not stays. */
static void give_up(struct sk_source *source, uint64_t retry_ns)
{
	sk_close(&source->fd);
	if (source->state == SK_STREAM_OPEN)
		atomic_fetch_add(&source->probe->nr_reconnects, 1);
	source->state = SK_STREAM_CLOSED;
	source->deadline_ns = sk_probe_now(source->probe) + retry_ns;
	source->head = source->sent;
	source->out_len = source->out_at = source->in_len = 0;
	source->http = (struct sk_http_reader){.state = SK_HTTP_HEAD};
}

/* Requests at the head that have their answer. */
static void drop_answered(struct sk_source *source)
{
	while (source->head < source->sent) {
		const struct sk_sample *sample = sample_at(source, source->head);

		if (!sample->received_ns && sample->tick != SK_ECHO_REFUSED)
			return;
		source->head++;
	}
}

/* What waits and is late beyond the time-out: lost, and out of the order of answers. */
static void drop_late(struct sk_source *source, uint64_t now)
{
	while (source->sent < source->tail && source->head == source->sent &&
	       is_expired(source, source->sent, now))
		source->head = ++source->sent;
}

/* What waited for the connection is old as it is sent: that is not the connection's fault. */
static void give_up_silent(struct sk_source *source, uint64_t now)
{
	if (source->state != SK_STREAM_OPEN ||
	    now < source->opened_ns + source->probe->opts.timeout_ns)
		return;
	drop_answered(source);
	if (source->head < source->sent && is_expired(source, source->head, now))
		give_up(source, 0);
}

static void write_request(struct sk_source *source, size_t seq)
{
	const struct sk_probe_target *target = &source->probe->opts.target;
	bool is_v6 = strchr(target->host, ':') != NULL;
	struct sk_echo echo;
	int n;

	source->out_at = 0;
	if (!is_http(source)) {
		sk_source_fill(source->probe, seq, &echo);
		memcpy(source->out, &echo, sizeof(echo));
		source->out_len = sizeof(echo);
		return;
	}
	n = snprintf(source->out, sizeof(source->out),
		     "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
		     "User-Agent: skiff-probe\r\n"
		     "Priority: u=%u\r\nSkiff-Object: %zu\r\n\r\n",
		     target->path, is_v6 ? "[" : "", target->host, is_v6 ? "]" : "",
		     target->port, target->urgency,
		     target->objects ? seq % target->objects : 0);
	source->out_len = (size_t)n;
}

static bool send_rest(struct sk_source *source)
{
	ssize_t n = send(source->fd, source->out + source->out_at,
			 source->out_len - source->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	source->out_at += n > 0 ? (size_t)n : 0;
	return true;
}

/* Send what waits, as far as the kernel takes it. */
static void flush(struct sk_source *source)
{
	while (source->state == SK_STREAM_OPEN) {
		if (source->out_at == source->out_len) {
			drop_late(source, sk_probe_now(source->probe));
			if (source->sent == source->tail) {
				want_out(source, false);
				return;
			}
			write_request(source, *slot(source, source->sent++));
		}
		if (!send_rest(source)) {
			give_up(source, 0);
			return;
		}
		if (source->out_at < source->out_len) {
			want_out(source, true);
			return;
		}
	}
}

static void connected(struct sk_source *source)
{
	const int one = 1;
	int fault = 0;
	socklen_t len = sizeof(fault);

	if (getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &fault, &len) < 0 || fault) {
		give_up(source, RETRY_NS);
		return;
	}
	(void)setsockopt(source->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	source->state = SK_STREAM_OPEN;
	source->opened_ns = sk_probe_now(source->probe);
	source->wants_out = true;
	flush(source);
}

static int begin_connect(struct sk_source *source, struct sk_err *err)
{
	struct sk_probe *probe = source->probe;
	int r;

	r = sk_net_socket(probe->netns_fd, probe->peer.ss_family,
			  SOCK_STREAM | SOCK_NONBLOCK, 0, &source->fd, err);
	if (r < 0)
		return r;
	sk_source_stamps(source->fd);
	source->state = SK_STREAM_CONNECTING;
	source->deadline_ns = sk_probe_now(probe) + CONNECT_NS;
	if (connect(source->fd, (struct sockaddr *)&probe->peer, probe->peer_len) < 0 &&
	    errno != EINPROGRESS) {
		give_up(source, RETRY_NS);
		return 0;
	}
	sk_source_watch(source, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
	return 0;
}

static int open_stream(struct sk_source *source, struct sk_err *err)
{
	const struct sk_probe_opts *opts = &source->probe->opts;
	/* Sources that threads open for themselves have one request each. */
	uint64_t nr =
		source->probe->nr_sources ? source->probe->nr_sources : opts->target.hz;
	uint64_t wanted =
		opts->target.hz * (opts->timeout_ns / SK_NS_PER_MS) * SPARE / 1000 / nr;

	source->ring_size = MIN_RING;
	while (source->ring_size < wanted)
		source->ring_size *= 2;
	source->ring = calloc(source->ring_size, sizeof(*source->ring));
	if (!source->ring)
		return sk_err_oom(err);
	return begin_connect(source, err);
}

static void send_stream(struct sk_source *source, size_t seq)
{
	uint64_t now = sk_probe_now(source->probe);

	(void)pthread_mutex_lock(&source->lock);
	/* Not into a connection that is to be given up anyway. */
	give_up_silent(source, now);
	if (source->tail - source->head == source->ring_size)
		drop_late(source, now);
	/* No room: more is under way than can be answered in time. Not sent, lost. */
	if (source->tail - source->head < source->ring_size) {
		*slot(source, source->tail++) = seq;
		if (!source->wants_out)
			flush(source);
	}
	(void)pthread_mutex_unlock(&source->lock);
}

static bool take_echoes(struct sk_source *source, struct sk_reply *reply)
{
	size_t at = 0;

	for (; source->in_len - at >= sizeof(struct sk_echo);
	     at += sizeof(struct sk_echo)) {
		struct sk_echo echo;

		memcpy(&echo, source->in + at, sizeof(echo));
		if (le32toh(echo.magic) != SK_GUEST_MAGIC)
			return false;
		reply->run = le32toh(echo.run);
		reply->seq = le64toh(echo.seq);
		reply->tick = le64toh(echo.tick);
		(void)sk_source_reply(source->probe, reply);
	}
	source->in_len -= at;
	memmove(source->in, source->in + at, source->in_len);
	drop_answered(source);
	return true;
}

static bool take_responses(struct sk_source *source, struct sk_reply *reply)
{
	size_t at = 0;

	while (at < source->in_len) {
		bool done = false;
		ssize_t n = sk_http_read(&source->http, source->in + at,
					 source->in_len - at, &done);

		if (n < 0)
			return false;
		at += (size_t)n;
		if (!done)
			break;
		if (source->head == source->sent)
			return false; /* an answer that nobody asked for */
		reply->run = source->probe->run;
		reply->seq = *slot(source, source->head++);
		reply->tick =
			source->http.status >= 500 ? SK_ECHO_REFUSED : source->http.tick;
		(void)sk_source_reply(source->probe, reply);
		if (!source->http.keep_alive)
			return false;
	}
	source->in_len = 0;
	return true;
}

static void read_answers(struct sk_source *source)
{
	struct sk_reply reply = {.run = 0};

	for (;;) {
		ssize_t n = sk_source_recv(source, source->in + source->in_len,
					   sizeof(source->in) - source->in_len,
					   &reply.at_ns, &reply.is_kernel);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			source->in_len += (size_t)n;
		if (n <= 0 || !(is_http(source) ? take_responses(source, &reply)
						: take_echoes(source, &reply))) {
			give_up(source, 0);
			return;
		}
	}
}

static void receive_stream(struct sk_source *source)
{
	(void)pthread_mutex_lock(&source->lock);
	if (source->state == SK_STREAM_CONNECTING)
		connected(source);
	if (source->state == SK_STREAM_OPEN)
		read_answers(source);
	if (source->state == SK_STREAM_OPEN && source->wants_out)
		flush(source);
	(void)pthread_mutex_unlock(&source->lock);
}

static void mind_stream(struct sk_source *source)
{
	uint64_t now = sk_probe_now(source->probe);

	(void)pthread_mutex_lock(&source->lock);
	give_up_silent(source, now);
	if (source->state == SK_STREAM_CONNECTING && now >= source->deadline_ns)
		give_up(source, 0);
	if (source->state == SK_STREAM_CLOSED && now >= source->deadline_ns &&
	    begin_connect(source, NULL) < 0)
		source->deadline_ns = now + RETRY_NS;
	(void)pthread_mutex_unlock(&source->lock);
}

static void close_stream(struct sk_source *source)
{
	free(source->ring);
}

const struct sk_source_ops sk_source_stream = {
	.open = open_stream,
	.send = send_stream,
	.receive = receive_stream,
	.mind = mind_stream,
	.close = close_stream,
};
