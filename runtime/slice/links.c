// SPDX-License-Identifier: Apache-2.0
/* links - the network of a slice: a switch and a namespace per node
 *
 * Theory of operation
 *
 * 1. The switch is a network namespace of its own that holds nothing but a bridge. It has no
 *    address, IPv6 is off, and no link leads out of it: slices cannot reach each other or the
 *    host because there is no way, not because a rule forbids it.
 * 2. Each node has a pinned namespace, made before its container and kept when that ends: a
 *    restarted sliver finds its links as they were.
 * 3. Cables are made in the switch, in one batch for all new nodes, the far end called eth0
 *    straight in the node's namespace. Then each node's end gets its address and is switched
 *    on from inside.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/net/net.h"
#include "runtime/slice/slice.h"

#define SWITCH_PIN  ".switch"
#define BRIDGE_NAME "lan"
#define NODE_LINK   "eth0"

static const char *const switch_sysctls[] = {"ipv6/conf/all/disable_ipv6=1",
					     "ipv6/conf/default/disable_ipv6=1",
					     "ipv4/ip_forward=0", NULL};
/* A node's namespace does not belong to the container's own user namespace, so no capability
 * in there counts for it. What then needs none: ping by datagrams, and ports below 1024. */
static const char *const node_sysctls[] = {"ipv6/conf/all/accept_ra=0",
					   "ipv6/conf/default/accept_ra=0",
					   "ipv4/ping_group_range=0 2147483647",
					   "ipv4/ip_unprivileged_port_start=0", NULL};

/* A node's namespace while its cable is made. */
struct end {
	const struct sk_slice_node *node;
	int netns_fd;
	struct sk_nl *nl;
};

struct ends {
	struct end *ptr;
	size_t nr;
};

static void ends_finish(struct ends *ends)
{
	for (size_t i = 0; i < ends->nr; i++) {
		sk_nl_free(ends->ptr[i].nl);
		sk_close(&ends->ptr[i].netns_fd);
	}
	free(ends->ptr);
}
SK_DEFINE_AUTO_FINISH(struct ends, ends_finish)

static int create_switch(const struct sk_slice_dir *dir, struct sk_nl **ret,
			 struct sk_err *err)
{
	sk_auto(sk_nl_free) struct sk_nl *nl = NULL;
	sk_autoclose int fd = -1;
	uint8_t mac[SK_MAC_SIZE];
	int r;

	fd = sk_netns_create(dir->ns_fd, SWITCH_PIN, err);
	if (fd < 0)
		return fd;
	r = sk_netns_set_sysctls(fd, switch_sysctls, err);
	if (r == 0)
		r = sk_nl_open(fd, &nl, err);
	if (r < 0)
		return r;
	sk_mac_from_name(dir->name, mac);
	sk_link_add_bridge(nl, BRIDGE_NAME, mac);
	sk_link_set_up(nl, BRIDGE_NAME);
	r = sk_nl_commit(nl, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&nl);
	return 0;
}

static int open_switch(const struct sk_slice_dir *dir, bool create, struct sk_nl **ret,
		       struct sk_err *err)
{
	sk_autoclose int fd = -1;

	if (create && !sk_fs_exists(dir->ns_fd, SWITCH_PIN))
		return create_switch(dir, ret, err);
	fd = sk_netns_open(dir->ns_fd, SWITCH_PIN, err);
	if (fd < 0)
		return fd;
	return sk_nl_open(fd, ret, err);
}

static int create_end(const struct sk_slice_dir *dir, struct sk_slice_node *node,
		      struct end *end, struct sk_err *err)
{
	int r;

	end->node = node;
	end->netns_fd = sk_netns_create(dir->ns_fd, node->name, err);
	if (end->netns_fd < 0)
		return end->netns_fd;
	r = sk_netns_set_sysctls(end->netns_fd, node_sysctls, err);
	if (r == 0)
		r = sk_nl_open(end->netns_fd, &end->nl, err);
	if (r < 0)
		return r;
	sk_link_set_up(end->nl, "lo");
	return sk_nl_commit(end->nl, err);
}

static int create_ends(const struct sk_slice_dir *dir, struct sk_slice_node *const *nodes,
		       size_t nr_nodes, struct ends *ends, struct sk_err *err)
{
	ends->ptr = calloc(nr_nodes, sizeof(*ends->ptr));
	if (!ends->ptr)
		return sk_err_oom(err);
	for (size_t i = 0; i < nr_nodes; i++) {
		int r;

		if (sk_fs_exists(dir->ns_fd, nodes[i]->name))
			continue;
		ends->ptr[ends->nr].netns_fd = -1;
		r = create_end(dir, nodes[i], &ends->ptr[ends->nr++], err);
		if (r < 0)
			return sk_err_wrap(err, r, "node '%s'", nodes[i]->name);
	}
	return 0;
}

static void mac_of(const struct sk_slice_dir *dir, const char *node,
		   uint8_t ret[SK_MAC_SIZE])
{
	sk_autofree char *text = sk_strf("%s/%s", dir->name, node);

	sk_mac_from_name(text ? text : node, ret);
}

static int plug(const struct sk_slice_dir *dir, const struct ends *ends,
		struct sk_err *err)
{
	sk_auto(sk_nl_free) struct sk_nl *nl = NULL;
	int bridge;
	int r = open_switch(dir, true, &nl, err);

	if (r < 0)
		return sk_err_wrap(err, r, "make the switch");
	bridge = sk_link_index(nl, BRIDGE_NAME, err);
	if (bridge < 0)
		return bridge;
	for (size_t i = 0; i < ends->nr; i++) {
		char port[SK_LINK_NAME_MAX + 1];
		uint8_t mac[SK_MAC_SIZE];
		struct sk_veth veth = {.name = port,
				       .master = bridge,
				       .peer_name = NODE_LINK,
				       .peer_netns_fd = ends->ptr[i].netns_fd,
				       .peer_mac = mac};

		sk_link_name(ends->ptr[i].node->name, port);
		mac_of(dir, ends->ptr[i].node->name, mac);
		sk_link_add_veth(nl, &veth);
	}
	return sk_nl_commit(nl, err);
}

static int set_address(const struct end *end, struct sk_err *err)
{
	int index = sk_link_index(end->nl, NODE_LINK, err);

	if (index < 0)
		return index;
	sk_link_set_up(end->nl, NODE_LINK);
	sk_link_add_address(end->nl, index, end->node->address);
	return sk_nl_commit(end->nl, err);
}

int sk_slice_links_add(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		       struct sk_slice_node *const *nodes, size_t nr_nodes,
		       struct sk_err *err)
{
	sk_auto(ends_finish) struct ends ends = {0};
	int r = 0;

	if (nr_nodes > 0)
		r = create_ends(dir, nodes, nr_nodes, &ends, err);
	if (r < 0 || ends.nr == 0 || !def->lan_subnet)
		return r;
	r = plug(dir, &ends, err);
	for (size_t i = 0; r == 0 && i < ends.nr; i++) {
		r = set_address(&ends.ptr[i], err);
		if (r < 0)
			return sk_err_wrap(err, r, "node '%s'", ends.ptr[i].node->name);
	}
	return r;
}

/* The kernel takes the far end away with it, at once; a namespace alone would linger. */
static int unplug(const struct sk_slice_dir *dir, const char *node, struct sk_err *err)
{
	sk_auto(sk_nl_free) struct sk_nl *nl = NULL;
	char port[SK_LINK_NAME_MAX + 1];
	int r;

	if (!sk_fs_exists(dir->ns_fd, SWITCH_PIN))
		return 0;
	r = open_switch(dir, false, &nl, err);
	if (r < 0)
		return r;
	sk_link_name(node, port);
	sk_link_delete(nl, port);
	r = sk_nl_commit(nl, err);
	return r == -ENODEV ? 0 : r;
}

int sk_slice_links_remove(const struct sk_slice_dir *dir, const char *node,
			  struct sk_err *err)
{
	int r = unplug(dir, node, err);

	if (r == 0)
		r = sk_netns_remove(dir->ns_fd, node, err);
	return r < 0 ? sk_err_wrap(err, r, "unplug node '%s'", node) : 0;
}

/* Without its bridge the switch forwards nothing any more, even before the kernel has
 * taken the namespaces down; nothing of it can be seen from outside. */
static void clear_switch(const struct sk_slice_dir *dir, char *const *pins)
{
	sk_auto(sk_nl_free) struct sk_nl *nl = NULL;

	if (open_switch(dir, false, &nl, NULL) < 0)
		return;
	for (size_t i = 0; pins[i]; i++) {
		char port[SK_LINK_NAME_MAX + 1];

		sk_link_name(pins[i], port);
		if (strcmp(pins[i], SWITCH_PIN) != 0)
			sk_link_delete(nl, port);
	}
	sk_link_delete(nl, BRIDGE_NAME);
	(void)sk_nl_commit(nl, NULL);
}

int sk_slice_links_clear(const struct sk_slice_dir *dir, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **pins = NULL;
	int r = sk_fs_list(dir->ns_fd, ".", &pins);

	if (r < 0)
		return sk_err_code(err, r, "list the namespaces of slice '%s'",
				   dir->name);
	if (sk_strv_has(pins, SWITCH_PIN))
		clear_switch(dir, pins);
	for (size_t i = 0; r == 0 && pins && pins[i]; i++)
		r = sk_netns_remove(dir->ns_fd, pins[i], err);
	return r;
}
