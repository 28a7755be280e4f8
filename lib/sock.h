/* SPDX-License-Identifier: Apache-2.0 */
/* sock - descriptors and messages over unix sockets */
#ifndef SK_SOCK_H
#define SK_SOCK_H

#include <stddef.h>

#include "lib/err.h"

/** sk_sock_pair() - SOCK_SEQPACKET pair, O_CLOEXEC; 0 or -errno */
int sk_sock_pair(int ret[2]);
/** sk_sock_send_fd() - Send one descriptor (borrowed) with @tag as its byte; 0 or -errno */
int sk_sock_send_fd(int sock, int fd, char tag);
/** sk_sock_recv_fd() - Receive one, O_CLOEXEC; the descriptor, -EPIPE at the end, or -errno */
int sk_sock_recv_fd(int sock, char *ret_tag);
/** sk_sock_send_all() - Send all of a stream's bytes; 0, -EPIPE without a SIGPIPE when nobody reads, or -errno */
int sk_sock_send_all(int sock, const void *data, size_t len);
/** sk_sock_listen() - Listen on a unix socket path, at most 107 bytes, mode 0600, an old file is replaced */
int sk_sock_listen(const char *path, struct sk_err *err);
/** sk_sock_connect() - Connect to it; -ECONNREFUSED when nobody listens */
int sk_sock_connect(const char *path, struct sk_err *err);

#endif
