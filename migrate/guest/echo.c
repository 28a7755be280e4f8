// SPDX-License-Identifier: Apache-2.0
/* echo - returns each probe packet with the guest's tick */
#include "migrate/guest/echo.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

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
