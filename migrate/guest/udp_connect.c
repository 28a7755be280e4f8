// SPDX-License-Identifier: Apache-2.0
/* udp_connect - a client's sockets in another network namespace; not in the static skiff-guest */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "migrate/guest/udp.h"

/** struct request - What the helper thread is to do, and what came of it */
struct request {
	int netns_fd, family, type, protocol;
	int fd, r;
	struct sk_err *err;
};

static void *make_socket(void *arg)
{
	struct request *q = arg;

	if (q->netns_fd >= 0 && setns(q->netns_fd, CLONE_NEWNET) < 0) {
		q->r = sk_err_errno(q->err, "enter the client's network namespace");
		return NULL;
	}
	q->fd = socket(q->family, q->type | SOCK_CLOEXEC, q->protocol);
	if (q->fd < 0)
		q->r = sk_err_errno(q->err, "create a socket");
	return NULL;
}

/* A socket stays in the namespace that its maker was in; the thread takes that with it. */
int sk_net_socket(int netns_fd, int family, int type, int protocol, int *ret_fd,
		  struct sk_err *err)
{
	struct request q = {.netns_fd = netns_fd,
			    .family = family,
			    .type = type,
			    .protocol = protocol,
			    .fd = -1,
			    .err = err};
	pthread_t thread;
	int r;

	if (netns_fd < 0) {
		(void)make_socket(&q);
	} else {
		r = pthread_create(&thread, NULL, make_socket, &q);
		if (r != 0)
			return sk_err_code(err, -r, "start a thread");
		(void)pthread_join(thread, NULL);
	}
	if (q.r < 0)
		return q.r;
	*ret_fd = q.fd;
	return 0;
}

int sk_net_resolve(const char *host, uint16_t port, struct sockaddr_storage *ret,
		   socklen_t *ret_len, struct sk_err *err)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	char service[8];
	int r;

	(void)snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(host, service, &wanted, &found);
	if (r != 0)
		return sk_err_set(err, EINVAL, "resolve '%s': %s", host, gai_strerror(r));
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int sk_net_connect(int netns_fd, int type, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err)
{
	struct sockaddr_storage peer;
	sk_autoclose int fd = -1;
	socklen_t len = 0;
	int r;

	r = sk_net_resolve(host, port, &peer, &len, err);
	if (r == 0)
		r = sk_net_socket(netns_fd, peer.ss_family, type, 0, &fd, err);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&peer, len) < 0)
		return sk_err_errno(err, "reach '%s' port %u", host, port);
	*ret_fd = sk_steal_fd(&fd);
	return 0;
}

int sk_udp_connect(int netns_fd, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err)
{
	return sk_net_connect(netns_fd, SOCK_DGRAM, host, port, ret_fd, err);
}
