// SPDX-License-Identifier: Apache-2.0
/* udp - the sockets of the guest's services */
#include "migrate/guest/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

/* Addresses only: the static skiff-guest has no resolver. */
static int parse_address(const char *address, uint16_t port, struct sockaddr_storage *ret,
			 socklen_t *ret_len, struct sk_err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (!address || inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*ret_len = sizeof(*v6);
		return 0;
	}
	return sk_err_set(err, EINVAL, "'%s' is not an IPv4 or IPv6 address", address);
}

int sk_udp_bind(const char *address, uint16_t port, int *ret_fd, struct sk_err *err)
{
	struct sockaddr_storage local;
	sk_autoclose int fd = -1;
	socklen_t len = 0;
	int r;

	r = parse_address(address, port, &local, &len, err);
	if (r < 0)
		return r;
	fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sk_err_errno(err, "create a UDP socket");
	if (bind(fd, (struct sockaddr *)&local, len) < 0)
		return sk_err_errno(err, "listen on UDP port %u", port);
	*ret_fd = sk_steal_fd(&fd);
	return 0;
}

int sk_tcp_listen(const char *address, uint16_t port, int backlog, int *ret_fd,
		  struct sk_err *err)
{
	struct sockaddr_storage local;
	sk_autoclose int fd = -1;
	const int one = 1;
	socklen_t len = 0;
	int r;

	r = parse_address(address, port, &local, &len, err);
	if (r < 0)
		return r;
	fd = socket(local.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sk_err_errno(err, "create a TCP socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&local, len) < 0 || listen(fd, backlog) < 0)
		return sk_err_errno(err, "listen on TCP port %u", port);
	*ret_fd = sk_steal_fd(&fd);
	return 0;
}

uint16_t sk_udp_port(int sock)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} local = {.v6 = {0}};
	socklen_t len = sizeof(local);

	if (getsockname(sock, &local.any, &len) < 0)
		return 0;
	return ntohs(local.any.sa_family == AF_INET6 ? local.v6.sin6_port
						     : local.v4.sin_port);
}

void sk_udp_stop(int sock, atomic_bool *is_stopping)
{
	atomic_store(is_stopping, true);
	/* Reports ENOTCONN, but wakes the waiting thread, for good. */
	(void)shutdown(sock, SHUT_RDWR);
}
