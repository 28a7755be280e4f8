/* SPDX-License-Identifier: Apache-2.0 */
/* netdev - move network devices of the caller into another network namespace
 *
 * No library: skiff-oci is static, and pays for nothing that few containers ask for.
 */
#ifndef SK_NETDEV_H
#define SK_NETDEV_H

#include <stddef.h>

#include "lib/err.h"

/** struct sk_netdev - One of them; borrowed */
struct sk_netdev {
	const char *name;
	const char *new_name; /* NULL: keeps its name; "eth%d": the first that is free */
};

/**
 * sk_netdev_move() - Move devices into a network namespace, with their addresses, and switch them on
 * @devices:	None is moved when one is missing, or the name of one is taken in there
 * @netns_fd:	The namespace (borrowed), not the caller's own
 *
 * A device keeps what the kernel keeps, and its permanent addresses of global scope, which
 * the kernel drops. Nothing brings it back: at the end of the namespace the kernel returns a
 * physical device to the first namespace of the machine, and deletes a virtual one.
 * Source: OCI runtime-spec 1.3, config-linux.md, "Network Devices"
 *
 * Return: 0; -ENODEV; -EEXIST; -EPERM without CAP_NET_ADMIN on both sides; other -errno
 */
int sk_netdev_move(const struct sk_netdev *devices, size_t nr, int netns_fd,
		   struct sk_err *err);

#endif
