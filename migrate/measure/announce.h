/* SPDX-License-Identifier: Apache-2.0 */
/* announce - when the client's network is told where a guest now is
 *
 *	sk_announce_start(netns_fd, &listener, err);
 *	... the migration ...
 *	sk_announce_finish(listener, timeline);	// one event for each announcement
 *
 * After a move QEMU sends RARP requests in the name of the guest, and a guest whose driver can
 * sends ARP of its own: broadcasts, which make each switch learn the new place. They are seen where
 * the client is in the same broadcast domain.
 */
#ifndef SK_ANNOUNCE_H
#define SK_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "migrate/measure/timeline.h"

/** struct sk_announce - A listening thread; opaque */
struct sk_announce;
/**
 * sk_announce_start() - Listen on all links of a network namespace
 * @netns_fd:	Namespace (borrowed); -1 the caller's
 *
 * Return: 0; -EPERM without CAP_NET_RAW there
 */
int sk_announce_start(int netns_fd, struct sk_announce **ret, struct sk_err *err);
/**
 * sk_announce_finish() - Listen no more, put what was heard on a time line, release all
 * @announce:	NULL is fine
 * @timeline:	Gets notes SK_ANNOUNCE_EVENT of the side of the client, with the kernel's stamps;
 *		NULL: what was heard is forgotten
 */
void sk_announce_finish(struct sk_announce *announce, struct sk_timeline *timeline);
/**
 * sk_announce_parse() - Whether a frame announces an address; pure
 * @frame:	From the Ethernet header on
 * @ret_mac:	Text of the hardware address that it announces
 *
 * RARP requests ("reverse request", QEMU's), and ARP whose sender asks for, or tells, its own address.
 * Source: RFC 903; RFC 5227, section 3.
 */
bool sk_announce_parse(const uint8_t *frame, size_t len, char ret_mac[18]);

#endif
