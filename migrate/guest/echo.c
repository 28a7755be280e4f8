// SPDX-License-Identifier: Apache-2.0
/* echo - returns each probe packet with the guest's tick */
#include "migrate/guest/echo.h"

#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "migrate/guest/guest.h"

void sk_echo_init(struct sk_echo_server *server)
{
	server->start_ns = sk_clock_mono() - SK_NS_PER_MS;
}

uint64_t sk_echo_tick(const struct sk_echo_server *server)
{
	return (sk_clock_mono() - server->start_ns) / SK_NS_PER_MS;
}

int sk_echo_answer(const struct sk_echo_server *server, void *packet, size_t len)
{
	uint32_t magic;
	uint64_t tick;

	if (len < sizeof(struct sk_echo))
		return -EPROTO;
	memcpy(&magic, packet, sizeof(magic));
	if (le32toh(magic) != SK_GUEST_MAGIC)
		return -EPROTO;
	tick = htole64(sk_echo_tick(server));
	memcpy((char *)packet + offsetof(struct sk_echo, tick), &tick, sizeof(tick));
	return 0;
}

void sk_echo_run(struct sk_echo_server *server)
{
	const struct sched_param priority = {.sched_priority = 10};
	struct sockaddr_storage peer;
	char packet[1500];

	/* So that the memory writer never delays an answer. */
	(void)sched_setscheduler(0, SCHED_FIFO, &priority);
	while (!atomic_load(&server->is_stopping)) {
		socklen_t peer_len = sizeof(peer);
		ssize_t n = recvfrom(server->sock, packet, sizeof(packet), 0,
				     (struct sockaddr *)&peer, &peer_len);

		if (n > 0 && sk_echo_answer(server, packet, (size_t)n) == 0)
			(void)sendto(server->sock, packet, (size_t)n, MSG_DONTWAIT,
				     (struct sockaddr *)&peer, peer_len);
	}
}
