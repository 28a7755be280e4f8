/* SPDX-License-Identifier: Apache-2.0 */
/* echo - returns each probe packet with the guest's tick */
#ifndef SK_GUEST_ECHO_H
#define SK_GUEST_ECHO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** struct sk_echo_server - One socket and the start of its life */
struct sk_echo_server {
	int sock; /* bound; owned by the caller */
	uint64_t start_ns;
	atomic_bool is_stopping;
};

/** sk_echo_init() - Tick 0 is now */
void sk_echo_init(struct sk_echo_server *server);
/** sk_echo_tick() - Ticks of 1 ms of CLOCK_MONOTONIC since the start; 1 at least */
uint64_t sk_echo_tick(const struct sk_echo_server *server);
/** sk_echo_answer() - Fill the tick into a packet of @len bytes; -EPROTO when it is no probe's */
int sk_echo_answer(const struct sk_echo_server *server, void *packet, size_t len);

#endif
