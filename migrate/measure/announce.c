// SPDX-License-Identifier: Apache-2.0
/* announce - when the client's network is told where a guest now is */
#include "migrate/measure/announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "migrate/guest/udp.h"
#include "migrate/measure/decompose.h"

#define MAX_HEARD  256
#define MAX_FRAME  64
#define HEADER	   14 /* of Ethernet */
#define ARP_LENGTH 28 /* for Ethernet and IPv4 */
#define RARP_ASK   3

/** struct heard - One announcement */
struct heard {
	uint64_t real_ns;
	char mac[18];
	bool is_rarp;
};

struct sk_announce {
	int socks[2], stop_fd;
	pthread_t thread;
	struct heard heard[MAX_HEARD];
	size_t nr;
};

static uint16_t read_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

bool sk_announce_parse(const uint8_t *frame, size_t len, char ret_mac[18])
{
	const uint8_t *arp, *mac;
	uint16_t type;

	if (len < HEADER + ARP_LENGTH)
		return false;
	arp = frame + HEADER;
	mac = arp + 8;
	type = read_u16(frame + 12);
	if ((type != ETH_P_ARP && type != ETH_P_RARP) || read_u16(arp) != ARPHRD_ETHER ||
	    arp[4] != 6 || arp[5] != 4)
		return false;
	/* An announcement by ARP names the sender's address as the wanted one, too. */
	if (type == ETH_P_RARP
		    ? read_u16(arp + 6) != RARP_ASK
		    : memcmp(arp + 14, arp + 24, 4) != 0 || read_u16(arp + 14) == 0)
		return false;
	(void)snprintf(ret_mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		       mac[2], mac[3], mac[4], mac[5]);
	return true;
}

static uint64_t stamp_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(c), sizeof(at));
			return (uint64_t)at.tv_sec * SK_NS_PER_S + (uint64_t)at.tv_nsec;
		}
	return sk_clock_real();
}

static void receive(struct sk_announce *a, int sock)
{
	uint8_t frame[MAX_FRAME];
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {frame, sizeof(frame)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT);
	struct heard *heard = &a->heard[a->nr];

	if (n <= 0 || a->nr == MAX_HEARD ||
	    !sk_announce_parse(frame, (size_t)n, heard->mac))
		return;
	heard->real_ns = stamp_of(&msg);
	heard->is_rarp = read_u16(frame + 12) == ETH_P_RARP;
	a->nr++;
}

static void *listen_main(void *arg)
{
	struct sk_announce *a = arg;
	struct pollfd fds[] = {{.fd = a->socks[0], .events = POLLIN},
			       {.fd = a->socks[1], .events = POLLIN},
			       {.fd = a->stop_fd, .events = POLLIN}};

	for (;;) {
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[2].revents)
			return NULL;
		for (int i = 0; i < 2; i++)
			if (fds[i].revents)
				receive(a, fds[i].fd);
	}
}

static int open_socket(int netns_fd, uint16_t protocol, int *ret_fd, struct sk_err *err)
{
	const int on = 1;
	int r = sk_net_socket(netns_fd, AF_PACKET, SOCK_RAW, htons(protocol), ret_fd,
			      err);

	if (r == 0)
		(void)setsockopt(*ret_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	return r;
}

static void release(struct sk_announce *a)
{
	sk_close(&a->socks[0]);
	sk_close(&a->socks[1]);
	sk_close(&a->stop_fd);
	free(a);
}

int sk_announce_start(int netns_fd, struct sk_announce **ret, struct sk_err *err)
{
	struct sk_announce *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return sk_err_oom(err);
	a->socks[0] = a->socks[1] = -1;
	a->stop_fd = eventfd(0, EFD_CLOEXEC);
	r = a->stop_fd < 0 ? sk_err_errno(err, "make an event") : 0;
	if (r == 0)
		r = open_socket(netns_fd, ETH_P_RARP, &a->socks[0], err);
	if (r == 0)
		r = open_socket(netns_fd, ETH_P_ARP, &a->socks[1], err);
	if (r == 0 && (r = pthread_create(&a->thread, NULL, listen_main, a)) != 0)
		r = sk_err_code(err, -r, "start a thread");
	if (r < 0) {
		release(a);
		return sk_err_wrap(err, r, "listen for announcements");
	}
	*ret = a;
	return 0;
}

void sk_announce_finish(struct sk_announce *a, struct sk_timeline *timeline)
{
	const uint64_t one = 1;

	if (!a)
		return;
	(void)!write(a->stop_fd, &one, sizeof(one));
	(void)pthread_join(a->thread, NULL);
	for (size_t i = 0; i < a->nr && timeline; i++) {
		struct sk_event event = {.kind = SK_EVENT_NOTE,
					 .side = SK_SIDE_CLIENT,
					 .real_ns = a->heard[i].real_ns,
					 .arrival_ns = a->heard[i].real_ns,
					 .name = SK_ANNOUNCE_EVENT};

		(void)snprintf(event.detail, sizeof(event.detail), "%s by %s",
			       a->heard[i].mac, a->heard[i].is_rarp ? "RARP" : "ARP");
		(void)sk_timeline_add(timeline, &event);
	}
	release(a);
}
