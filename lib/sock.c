// SPDX-License-Identifier: Apache-2.0
/* sock - descriptors and messages over unix sockets */
#include "lib/sock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define BACKLOG 64

/* Room for more descriptors than one, so that those of a hostile peer are seen and closed. */
#define MAX_FDS 8

union control {
	char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	struct cmsghdr align;
};

int sk_sock_pair(int ret[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno
									      : 0;
}

int sk_sock_send_fd(int sock, int fd, char tag)
{
	union control control = {0};
	struct iovec iov = {.iov_base = &tag, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The first descriptor of a message; those beyond it are closed, and counted. */
static int take_fds(struct msghdr *msg, size_t *ret_count)
{
	int first = -1;

	*ret_count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++, (*ret_count)++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (first < 0)
				first = fd;
			else
				sk_close(&fd);
		}
	}
	return first;
}

int sk_sock_recv_fd(int sock, char *ret_tag)
{
	union control control = {0};
	char tag = 0;
	struct iovec iov = {.iov_base = &tag, .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	sk_autoclose int fd = -1;
	size_t count;
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fd = take_fds(&msg, &count);
	if (n == 0)
		return -EPIPE;
	if (count != 1 || (msg.msg_flags & MSG_CTRUNC))
		return -EBADMSG;
	if (ret_tag)
		*ret_tag = tag;
	return sk_steal_fd(&fd);
}

int sk_sock_send_all(int sock, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(sock, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill_address(const char *path, struct sockaddr_un *address, struct sk_err *err)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len == 0)
		return sk_err_set(err, EINVAL, "the path of a socket is empty");
	if (len >= sizeof(address->sun_path)) {
		(void)sk_err_set(err, ENAMETOOLONG, "socket path '%s' has %zu bytes",
				 path, len);
		return sk_err_hint(err, -ENAMETOOLONG,
				   "unix sockets allow %zu: use a shorter folder",
				   sizeof(address->sun_path) - 1);
	}
	memcpy(address->sun_path, path, len);
	return 0;
}

/* Only a socket is replaced, so that a wrong path destroys nothing. */
static int remove_old(const char *path, struct sk_err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : sk_err_errno(err, "listen on '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return sk_err_set(err, EEXIST,
				  "listen on '%s': a file that is no socket is there",
				  path);
	if (unlink(path) < 0 && errno != ENOENT)
		return sk_err_errno(err, "remove old socket '%s'", path);
	return 0;
}

int sk_sock_listen(const char *path, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	struct sockaddr_un address;
	int r;

	r = fill_address(path, &address, err);
	if (r < 0)
		return r;
	r = remove_old(path, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sk_err_errno(err, "listen on '%s'", path);
	/* Linux gives the file the mode of the socket: 0600 from its first moment. */
	if (fchmod(fd, 0600) < 0)
		return sk_err_errno(err, "listen on '%s'", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "listen on '%s'", path);
	if (listen(fd, BACKLOG) < 0) {
		r = sk_err_errno(err, "listen on '%s'", path);
		goto undo_bind;
	}
	return sk_steal_fd(&fd);

undo_bind:
	(void)unlink(path);
	return r;
}

int sk_sock_connect(const char *path, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	struct sockaddr_un address;
	int r;

	r = fill_address(path, &address, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sk_err_errno(err, "connect to '%s'", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "connect to '%s'", path);
	return sk_steal_fd(&fd);
}
