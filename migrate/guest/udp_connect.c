// SPDX-License-Identifier: Apache-2.0
/* udp_connect - a client's UDP socket in another network namespace; not in the static skiff-guest */
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "migrate/guest/udp.h"

/** struct request - What the helper thread is to do, and what came of it */
struct request {
	int netns_fd, family;
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
	q->fd = socket(q->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (q->fd < 0)
		q->r = sk_err_errno(q->err, "create a UDP socket");
	return NULL;
}

/* A socket stays in the namespace that its maker was in; the thread takes that with it. */
static int socket_in(int netns_fd, int family, int *ret_fd, struct sk_err *err)
{
	struct request q = {.netns_fd = netns_fd, .family = family, .fd = -1, .err = err};
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

int sk_udp_connect(int netns_fd, const char *host, uint16_t port, int *ret_fd,
		   struct sk_err *err)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	sk_autoclose int fd = -1;
	char service[8];
	int r;

	(void)snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(host, service, &wanted, &found);
	if (r != 0)
		return sk_err_set(err, EINVAL, "resolve '%s': %s", host, gai_strerror(r));
	r = socket_in(netns_fd, found->ai_family, &fd, err);
	if (r == 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		r = sk_err_errno(err, "reach '%s' port %u", host, port);
	freeaddrinfo(found);
	if (r < 0)
		return r;
	*ret_fd = sk_steal_fd(&fd);
	return 0;
}
