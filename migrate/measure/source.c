// SPDX-License-Identifier: Apache-2.0
/* source - a probe's socket: opening, the kernel's time stamps, UDP and ICMP */
#include <endian.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

#include "lib/clock.h"
#include "migrate/guest/udp.h"
#include "migrate/measure/probe_internal.h"

#define BUFFER_BYTES (4 << 20)
#define MAX_STAMP_NS                                                                     \
	SK_NS_PER_S /* an older stamp is of another clock: it was set meanwhile */
#define MAX_PACKET  256
#define ICMP_HEADER 8

/** union control - Room for one stamp, aligned */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct timespec)) * 2];
};

/* ---- Any source ---------------------------------------------------------------------- */

int sk_source_new(struct sk_probe *probe, int epoll, struct sk_source **ret,
		  struct sk_err *err)
{
	sk_auto(sk_source_free) struct sk_source *source = calloc(1, sizeof(*source));
	bool is_stream = probe->opts.target.kind == SK_PROBE_TCP ||
			 probe->opts.target.kind == SK_PROBE_HTTP;
	int r;

	if (!source)
		return sk_err_oom(err);
	source->probe = probe;
	source->fd = -1;
	source->epoll = epoll;
	source->ops = is_stream ? &sk_source_stream : &sk_source_datagram;
	(void)pthread_mutex_init(&source->lock, NULL);
	r = source->ops->open(source, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&source);
	return 0;
}

void sk_source_free(struct sk_source *source)
{
	if (!source)
		return;
	source->ops->close(source);
	sk_close(&source->fd);
	(void)pthread_mutex_destroy(&source->lock);
	free(source);
}

void sk_source_watch(struct sk_source *source, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (source->epoll >= 0)
		(void)epoll_ctl(source->epoll, op, source->fd, &event);
}

void sk_source_stamps(int fd)
{
	const int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
}

static bool find_stamp(struct msghdr *message, uint64_t *ret_real)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec at;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		*ret_real = (uint64_t)at.tv_sec * SK_NS_PER_S + (uint64_t)at.tv_nsec;
		return true;
	}
	return false;
}

ssize_t sk_source_recv(struct sk_source *source, void *bytes, size_t len,
		       uint64_t *ret_at, bool *ret_is_kernel)
{
	struct iovec part = {.iov_base = bytes, .iov_len = len};
	union control control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(source->fd, &message, MSG_DONTWAIT);
	uint64_t real = sk_clock_real(), stamp = 0;

	*ret_at = sk_probe_now(source->probe);
	*ret_is_kernel = n > 0 && find_stamp(&message, &stamp) && stamp <= real &&
			 real - stamp < MAX_STAMP_NS && real - stamp <= *ret_at;
	/* The stamp is on the real clock: how long ago it was holds for the other too. */
	if (*ret_is_kernel)
		*ret_at -= real - stamp;
	return n;
}

void sk_source_fill(const struct sk_probe *probe, size_t seq, struct sk_echo *ret)
{
	const struct sk_probe_target *target = &probe->opts.target;
	uint64_t object = target->objects ? seq % target->objects : 0;

	*ret = (struct sk_echo){
		.magic = htole32(SK_GUEST_MAGIC),
		.run = htole32(probe->run),
		.seq = htole64(seq),
		.intended_ns = htole64(probe->samples[seq].intended_ns),
		.tick = htole64(sk_echo_arg(target->urgency, object)),
	};
}

bool sk_source_reply(struct sk_probe *probe, const struct sk_reply *reply)
{
	struct sk_sample *sample;
	unsigned int owner = 0;

	if (reply->run != probe->run ||
	    reply->seq >= atomic_load_explicit(&probe->nr_sent, memory_order_acquire))
		return false;
	sample = &probe->samples[reply->seq];
	if (sample->received_ns || sample->tick == SK_ECHO_REFUSED)
		return false;
	if (probe->owner)
		owner = atomic_exchange(&probe->owner[reply->seq], 0);
	if (reply->tick == SK_ECHO_REFUSED) {
		__atomic_store_n(&sample->tick, SK_ECHO_REFUSED, __ATOMIC_RELAXED);
		atomic_fetch_add(&probe->nr_refused, 1);
	} else {
		sample->tick = reply->tick;
		/* Another thread may already read it (probe_serve.c). */
		__atomic_store_n(&sample->received_ns,
				 reply->at_ns > sample->sent_ns ? reply->at_ns
								: sample->sent_ns + 1,
				 __ATOMIC_RELEASE);
		atomic_fetch_add(&probe->nr_kernel_stamps, reply->is_kernel);
		if (atomic_fetch_add(&probe->nr_received, 1) == 0)
			sk_probe_note_reply(probe);
	}
	if (owner)
		sk_closed_answered(probe, owner - 1);
	return true;
}

/* ---- UDP and ICMP -------------------------------------------------------------------- */

static bool is_icmp(const struct sk_source *source)
{
	return source->probe->opts.target.kind == SK_PROBE_ICMP;
}

/* An ordinary user's ping socket if the system lets him, else a raw one. */
static int open_icmp(struct sk_source *source, struct sk_err *err)
{
	int family = source->probe->peer.ss_family;
	int protocol = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	const uint32_t filter_v4 = ~(1u << ICMP_ECHOREPLY);
	struct icmp6_filter filter_v6;
	int netns = source->probe->netns_fd;
	int r = sk_net_socket(netns, family, SOCK_DGRAM, protocol, &source->fd, NULL);

	if (r == 0)
		return 0;
	r = sk_net_socket(netns, family, SOCK_RAW, protocol, &source->fd, err);
	if (r < 0)
		return sk_err_hint(err, r,
				   "ICMP needs root, or a group in the setting "
				   "net.ipv4.ping_group_range");
	source->is_raw = true;
	memset(&filter_v6, 0xff, sizeof(filter_v6));
	filter_v6.data[ICMPV6_ECHO_REPLY >> 5] &= ~(1u << (ICMPV6_ECHO_REPLY & 31));
	if (family == AF_INET6)
		r = setsockopt(source->fd, SOL_ICMPV6, ICMPV6_FILTER, &filter_v6,
			       sizeof(filter_v6));
	else
		r = setsockopt(source->fd, SOL_RAW, ICMP_FILTER, &filter_v4,
			       sizeof(filter_v4));
	return r < 0 ? sk_err_errno(err, "ask for echo replies only") : 0;
}

static int open_datagram(struct sk_source *source, struct sk_err *err)
{
	struct sk_probe *probe = source->probe;
	const struct sk_probe_target *target = &probe->opts.target;
	const int buffer = BUFFER_BYTES;
	int r;

	if (is_icmp(source))
		r = open_icmp(source, err);
	else
		r = sk_net_socket(probe->netns_fd, probe->peer.ss_family, SOCK_DGRAM, 0,
				  &source->fd, err);
	if (r < 0)
		return r;
	if (connect(source->fd, (struct sockaddr *)&probe->peer, probe->peer_len) < 0)
		return is_icmp(source) ? sk_err_errno(err, "reach '%s'", target->host)
				       : sk_err_errno(err, "reach '%s' port %u",
						      target->host, target->port);
	/* A burst of late replies must not overflow it; beyond the system's limit if allowed. */
	if (setsockopt(source->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) <
	    0)
		(void)setsockopt(source->fd, SOL_SOCKET, SO_RCVBUF, &buffer,
				 sizeof(buffer));
	sk_source_stamps(source->fd);
	if (getrandom(&source->icmp_id, sizeof(source->icmp_id), 0) < 0)
		return sk_err_errno(err, "get random bytes");
	sk_source_watch(source, EPOLL_CTL_ADD, EPOLLIN);
	return 0;
}

/* Source: RFC 1071. */
static uint16_t checksum(const unsigned char *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Bytes of the packet; all of the request is in the data that comes back. */
static size_t write_icmp(const struct sk_source *source, size_t seq,
			 const struct sk_echo *echo, unsigned char *packet)
{
	bool is_v6 = source->probe->peer.ss_family == AF_INET6;
	uint16_t sum;

	memset(packet, 0, ICMP_HEADER);
	packet[0] = is_v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
	packet[4] = (unsigned char)(source->icmp_id >> 8);
	packet[5] = (unsigned char)source->icmp_id;
	packet[6] = (unsigned char)(seq >> 8);
	packet[7] = (unsigned char)seq;
	memcpy(packet + ICMP_HEADER, echo, sizeof(*echo));
	sum = checksum(packet, ICMP_HEADER + sizeof(*echo));
	if (!is_v6) { /* the kernel does it for IPv6 */
		packet[2] = (unsigned char)(sum >> 8);
		packet[3] = (unsigned char)sum;
	}
	return ICMP_HEADER + sizeof(*echo);
}

static void send_datagram(struct sk_source *source, size_t seq)
{
	unsigned char packet[MAX_PACKET];
	size_t len = sizeof(struct sk_echo);
	struct sk_echo echo;

	sk_source_fill(source->probe, seq, &echo);
	if (is_icmp(source))
		len = write_icmp(source, seq, &echo, packet);
	else
		memcpy(packet, &echo, sizeof(echo));
	/* The first send after an ICMP error only reports that error. */
	if (send(source->fd, packet, len, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
		(void)send(source->fd, packet, len, MSG_DONTWAIT);
}

size_t sk_probe_icmp_payload(const unsigned char *packet, size_t len, bool has_ip,
			     bool is_v6)
{
	size_t at = 0;

	if (has_ip && !is_v6) {
		at = len ? (size_t)(packet[0] & 15) * 4 : 0;
		if (at < 20 || len < at)
			return 0;
	}
	if (len - at < ICMP_HEADER + sizeof(struct sk_echo) ||
	    packet[at] != (is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY))
		return 0;
	return at + ICMP_HEADER;
}

static void receive_datagrams(struct sk_source *source)
{
	bool is_v6 = source->probe->peer.ss_family == AF_INET6;
	unsigned char packet[MAX_PACKET];
	struct sk_reply reply;
	ssize_t n;

	while ((n = sk_source_recv(source, packet, sizeof(packet), &reply.at_ns,
				   &reply.is_kernel)) > 0) {
		struct sk_echo echo;
		size_t at = 0;

		if (is_icmp(source)) {
			at = sk_probe_icmp_payload(packet, (size_t)n, source->is_raw,
						   is_v6);
			if (at == 0)
				continue;
		}
		if ((size_t)n < at + sizeof(echo))
			continue;
		memcpy(&echo, packet + at, sizeof(echo));
		if (le32toh(echo.magic) != SK_GUEST_MAGIC)
			continue;
		reply.run = le32toh(echo.run);
		reply.seq = le64toh(echo.seq);
		/* The kernel that answers an echo request has no ticks. */
		reply.tick = is_icmp(source) ? 0 : le64toh(echo.tick);
		(void)sk_source_reply(source->probe, &reply);
	}
}

static void nothing_to_do(struct sk_source *source)
{
	(void)source;
}

const struct sk_source_ops sk_source_datagram = {
	.open = open_datagram,
	.send = send_datagram,
	.receive = receive_datagrams,
	.mind = nothing_to_do,
	.close = nothing_to_do,
};
