/* SPDX-License-Identifier: Apache-2.0 */
/* net - network namespaces, links and addresses, by netlink, without leaving the caller's namespace
 *
 *	fd = sk_netns_create(dirfd, "n1", err);		// pinned: lives on without a process
 *	sk_nl_open(fd, &nl, err);			// a netlink socket inside it
 *	sk_link_set_up(nl, "lo");			// requests are only collected ...
 *	sk_link_set_up(nl, "eth0");
 *	sk_nl_commit(nl, err);				// ... and sent together
 *
 * The calling thread never changes its network namespace: what must happen inside one is done
 * by a helper thread that ends.
 */
#ifndef SK_NET_H
#define SK_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- Namespaces ----------------------------------------------------------------------- */

/**
 * sk_netns_create() - Make a network namespace and pin it at a file
 * @dirfd:	Folder of the pins (borrowed)
 * @name:	Name of the pin, which must not exist
 * @err:	Filled on failure
 *
 * The pin is a bind mount: the namespace lives until sk_netns_remove(), whatever processes
 * start and end in it. Its loopback is down.
 * Return: descriptor of the namespace; -EEXIST; -EPERM without the privilege; other -errno
 */
int sk_netns_create(int dirfd, const char *name, struct sk_err *err);

/**
 * sk_netns_open() - Open a pinned network namespace
 * @dirfd:	Folder of the pins (borrowed)
 * @name:	Name of the pin
 * @err:	Filled on failure
 *
 * Return: descriptor; -ENOENT; -EINVAL when the file is no pin (any more); other -errno
 */
int sk_netns_open(int dirfd, const char *name, struct sk_err *err);

/**
 * sk_netns_remove() - Unpin a network namespace and remove the file
 * @dirfd:	Folder of the pins (borrowed)
 * @name:	Name of the pin; a missing one is fine, one that is no mount too
 * @err:	Filled on failure
 *
 * The kernel takes the namespace down when the last process and descriptor have left it, a
 * moment later; delete links that others can see before.
 * Return: 0 or -errno
 */
int sk_netns_remove(int dirfd, const char *name, struct sk_err *err);

/** sk_netns_fn - Work to be done inside a namespace; its result is handed on */
typedef int sk_netns_fn(void *ctx, struct sk_err *err);

/**
 * sk_netns_call() - Call a function in a helper thread that is inside a network namespace
 * @netns_fd:	The namespace (borrowed)
 * @fn:		Function; descriptors that it opens stay with the caller
 * @ctx:	Handed to it
 * @err:	Filled on failure
 *
 * Return: what @fn returned; -EPERM and others from entering
 */
int sk_netns_call(int netns_fd, sk_netns_fn *fn, void *ctx, struct sk_err *err);

/**
 * sk_netns_set_sysctls() - Set switches of a network namespace
 * @netns_fd:	The namespace (borrowed)
 * @settings:	"ipv6/conf/all/accept_ra=0", ..., below /proc/sys/net; NULL-terminated
 * @err:	Filled on failure
 *
 * A switch that the kernel lacks (IPv6 switched off) is skipped.
 * Return: 0 or -errno
 */
int sk_netns_set_sysctls(int netns_fd, const char *const *settings, struct sk_err *err);

/* ---- Requests ------------------------------------------------------------------------- */

/** struct sk_nl - A netlink socket in some network namespace, with requests that wait */
struct sk_nl;

/**
 * sk_nl_open() - Open a netlink socket
 * @netns_fd:	Namespace that it works in (borrowed), -1 for the caller's
 * @ret:	On success; free with sk_nl_free()
 * @err:	Filled on failure
 *
 * Return: 0 or -errno
 */
int sk_nl_open(int netns_fd, struct sk_nl **ret, struct sk_err *err);
/** sk_nl_free() - Close it; requests not committed are forgotten. NULL is fine */
void sk_nl_free(struct sk_nl *nl);
SK_DEFINE_AUTO(struct sk_nl, sk_nl_free)

/**
 * sk_nl_commit() - Send all collected requests and check each answer
 * @nl:		Socket; empty of requests afterwards
 * @err:	The first refused request, with the kernel's own explanation when it gave one
 *
 * The kernel goes on behind a refused request: the caller undoes. Nothing is sent when
 * collecting ran out of memory or an argument was bad.
 * Return: 0; -errno of the first refused request
 */
int sk_nl_commit(struct sk_nl *nl, struct sk_err *err);

/* ---- Links: requests that sk_nl_commit() sends; faults are reported there ---------------- */

#define SK_LINK_NAME_MAX 15 /* bytes of a link's name */
#define SK_MAC_SIZE	 6

/**
 * sk_mac_from_name() - A MAC address that is always the same for a name
 * @name:	Any text, such as "web/n1"
 * @ret:	Locally administered unicast address
 */
void sk_mac_from_name(const char *name, uint8_t ret[SK_MAC_SIZE]);

/**
 * sk_link_name() - Shorten a name to what a link may be called
 * @name:	Any text without '/' and white space
 * @ret:	@name itself when it fits, else its start and a hash of all of it
 */
void sk_link_name(const char *name, char ret[SK_LINK_NAME_MAX + 1]);

/**
 * sk_link_add_bridge() - Make a bridge that only forwards: no STP, no multicast snooping
 * @name:	At most SK_LINK_NAME_MAX bytes (copied)
 * @mac:	Its address, so that it does not change with its ports (copied)
 *
 * Down at first.
 */
void sk_link_add_bridge(struct sk_nl *nl, const char *name,
			const uint8_t mac[SK_MAC_SIZE]);

/**
 * struct sk_veth - A cable from the socket's namespace to another
 * @name:	End in the socket's namespace
 * @master:	Index of the bridge that this end becomes a port of; 0 none
 * @peer_name:	The other end
 * @peer_netns_fd: Its namespace (borrowed until the commit); -1 the same one
 * @peer_mac:	Its address; NULL for a random one
 * @mtu:	Of both ends; 0 for 1500
 */
struct sk_veth {
	const char *name;
	int master;
	const char *peer_name;
	int peer_netns_fd;
	const uint8_t *peer_mac;
	uint32_t mtu;
};

/** sk_link_add_veth() - Make a veth pair; the near end is up, the far end is its namespace's to switch on */
void sk_link_add_veth(struct sk_nl *nl, const struct sk_veth *veth);
/** sk_link_set_up() - Switch a link on */
void sk_link_set_up(struct sk_nl *nl, const char *name);
/** sk_link_delete() - Delete a link; of a veth pair both ends go */
void sk_link_delete(struct sk_nl *nl, const char *name);
/**
 * sk_link_add_address() - Give a link an IPv4 address
 * @index:	From sk_link_index()
 * @address:	"10.0.0.1/24"
 */
void sk_link_add_address(struct sk_nl *nl, int index, const char *address);

/**
 * sk_link_index() - Ask for the index of a link, at once
 * @nl:		Socket; collected requests go on waiting
 * @name:	Link in the socket's namespace
 * @err:	Filled on failure
 *
 * Return: the index (> 0); -ENODEV; other -errno
 */
int sk_link_index(struct sk_nl *nl, const char *name, struct sk_err *err);

#endif
