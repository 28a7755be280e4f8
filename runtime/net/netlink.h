/* SPDX-License-Identifier: Apache-2.0 */
/* netlink - building requests; only for the files of this room */
#ifndef SK_NETLINK_H
#define SK_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdarg.h>
#include <stdint.h>

#include "runtime/net/net.h"

#define SK_NL_REQUEST_MAX 1024 /* bytes that may be put into one request */

/**
 * sk_nl_begin() - Start the next request of a batch
 * @nl:		Socket
 * @type:	RTM_NEWLINK, ...
 * @flags:	NLM_F_CREATE, ...; NLM_F_REQUEST and NLM_F_ACK are added
 * @what:	For errors: "create bridge '%s'"
 *
 * Return: the request, to be filled before the next one begins; NULL when memory ran out,
 * which sk_nl_commit() reports
 */
struct nlmsghdr *sk_nl_begin(struct sk_nl *nl, uint16_t type, uint16_t flags,
			     const char *what, ...) __attribute__((format(printf, 4, 5)));

/** sk_nl_fail() - Remember a bad argument; sk_nl_commit() then reports it and sends nothing */
void sk_nl_fail(struct sk_nl *nl, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** sk_nl_put_name() - Name of a link; one that is too long is cut so that the kernel refuses it */
void sk_nl_put_name(struct nlmsghdr *request, const char *name);

/**
 * sk_nl_query() - Send one request and read its one answer, at once
 * @request:	Complete but for the sequence number (borrowed)
 * @answer:	Room for the answer
 * @size:	Bytes of it
 *
 * Return: 0; the kernel's -errno
 */
int sk_nl_query(struct sk_nl *nl, struct nlmsghdr *request, void *answer, size_t size);

#endif
