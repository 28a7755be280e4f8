/* SPDX-License-Identifier: Apache-2.0 */
/* udp - sockets of the guest's services, and of their clients in another network namespace */
#ifndef SK_UDP_H
#define SK_UDP_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/err.h"

/** sk_udp_bind() - UDP socket bound to @address (NULL: all of IPv4) and @port (0: any) */
int sk_udp_bind(const char *address, uint16_t port, int *ret_fd, struct sk_err *err);
/** sk_udp_port() - Local port of a bound socket; 0 when it has none */
uint16_t sk_udp_port(int sock);
/** sk_udp_stop() - Set the flag and wake the thread that waits in recvfrom(2) */
void sk_udp_stop(int sock, atomic_bool *is_stopping);
/**
 * sk_udp_connect() - Connected UDP socket that lives in another network namespace
 * @netns_fd:	Namespace (borrowed), or -1 for the caller's
 * @host:	IPv4 or IPv6 address, or a name that the caller's namespace resolves
 *
 * A thread of its own enters the namespace and makes the socket: the caller never changes its own.
 * Return: 0; -EINVAL for a name that does not resolve; other -errno
 */
int sk_udp_connect(int netns_fd, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err);

#endif
