/* SPDX-License-Identifier: Apache-2.0 */
/* udp - sockets of the guest's services, and of their clients in another network namespace */
#ifndef SK_UDP_H
#define SK_UDP_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/err.h"

/** sk_udp_bind() - UDP socket bound to @address (NULL: all of IPv4) and @port (0: any) */
int sk_udp_bind(const char *address, uint16_t port, int *ret_fd, struct sk_err *err);
/** sk_tcp_listen() - TCP socket that listens there, not blocking in accept(2) */
int sk_tcp_listen(const char *address, uint16_t port, int backlog, int *ret_fd,
		  struct sk_err *err);
/** sk_udp_port() - Local port of a bound socket, UDP or TCP; 0 when it has none */
uint16_t sk_udp_port(int sock);
/** sk_udp_stop() - Set the flag and wake the thread that waits in recvfrom(2) */
void sk_udp_stop(int sock, atomic_bool *is_stopping);
/** sk_net_resolve() - Address of an IPv4 or IPv6 host or a name; -EINVAL for one that does not resolve */
int sk_net_resolve(const char *host, uint16_t port, struct sockaddr_storage *ret,
		   socklen_t *ret_len, struct sk_err *err);
/**
 * sk_net_socket() - Socket that lives in another network namespace
 * @netns_fd:	Namespace (borrowed), or -1 for the caller's
 * @type:	With SOCK_NONBLOCK where that is wanted; SOCK_CLOEXEC is added
 *
 * A thread of its own enters the namespace and makes the socket: the caller never changes its own.
 */
int sk_net_socket(int netns_fd, int family, int type, int protocol, int *ret_fd,
		  struct sk_err *err);
/**
 * sk_net_connect() - sk_net_resolve(), sk_net_socket(), connect(2)
 *
 * The name is resolved in the caller's namespace.
 * Return: 0; -EINVAL for a name that does not resolve; other -errno
 */
int sk_net_connect(int netns_fd, int type, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err);
/** sk_udp_connect() - sk_net_connect() of a UDP socket */
int sk_udp_connect(int netns_fd, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err);

#endif
