// SPDX-License-Identifier: Apache-2.0
/* lan - addresses of the nodes on a slice's LAN; pure arithmetic
 *
 * One bridge per slice: Linux bridges have 1023 ports, which bounds SK_SLICE_MAX_NODES.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

struct subnet {
	uint32_t base, mask; /* host byte order */
	unsigned int prefix;
};

static int parse_ipv4(const char *text, size_t len, uint32_t *ret)
{
	char buf[INET_ADDRSTRLEN];
	struct in_addr in;

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, &in) != 1)
		return -EINVAL;
	*ret = ntohl(in.s_addr);
	return 0;
}

static int parse_subnet(const char *text, struct subnet *ret, struct sk_err *err)
{
	const char *slash = strchr(text, '/');
	uint64_t prefix;

	if (!slash || parse_ipv4(text, (size_t)(slash - text), &ret->base) < 0 ||
	    sk_parse_u64(slash + 1, 8, 30, &prefix, NULL) < 0)
		return sk_err_set(
			err, EINVAL,
			"'%s' is not an IPv4 subnet such as 10.0.0.0/24 (prefix 8 to 30)",
			text);
	ret->prefix = (unsigned int)prefix;
	ret->mask = 0xffffffffu << (32 - prefix);
	if (ret->base & ~ret->mask)
		return sk_err_set(
			err, EINVAL,
			"'%s' is an address, not a subnet: bits behind /%u are set", text,
			ret->prefix);
	return 0;
}

static bool is_host(const struct subnet *subnet, uint32_t address)
{
	return (address & subnet->mask) == subnet->base && address != subnet->base &&
	       address != (subnet->base | ~subnet->mask);
}

/* The address without its prefix length; 0 is none or not one. */
static uint32_t address_of(const struct sk_slice_node *node)
{
	uint32_t address;

	if (!node || !node->address ||
	    parse_ipv4(node->address, strcspn(node->address, "/"), &address) < 0)
		return 0;
	return address;
}

static int set_address(struct sk_slice_node *node, const struct subnet *subnet,
		       uint32_t address, struct sk_err *err)
{
	char *text = sk_strf("%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
			     address >> 8 & 255, address & 255, subnet->prefix);

	if (!text)
		return sk_err_oom(err);
	free(node->address);
	node->address = text;
	return 0;
}

static bool is_taken(const struct sk_slice_def *def, uint32_t address,
		     const struct sk_slice_node *except)
{
	for (size_t i = 0; i < def->nr_nodes; i++)
		if (&def->nodes[i] != except && address_of(&def->nodes[i]) == address)
			return true;
	return false;
}

/* A given address: "10.0.0.5" or with the subnet's own prefix length. */
static int check_given(const struct sk_slice_def *def, const struct sk_slice_node *node,
		       const struct subnet *subnet, struct sk_err *err)
{
	const char *slash = strchr(node->address, '/');
	uint32_t address = address_of(node);
	uint64_t prefix = subnet->prefix;

	if (address == 0 || (slash && sk_parse_u64(slash + 1, 0, 32, &prefix, NULL) < 0))
		return sk_err_set(err, EINVAL, "node '%s': '%s' is not an IPv4 address",
				  node->name, node->address);
	if (!is_host(subnet, address) || prefix != subnet->prefix)
		return sk_err_set(err, EINVAL,
				  "node '%s': address '%s' is not a host of the lan %s",
				  node->name, node->address, def->lan_subnet);
	if (is_taken(def, address, node))
		return sk_err_set(err, EADDRINUSE,
				  "node '%s': address '%s' is given to two nodes",
				  node->name, node->address);
	return 0;
}

int sk_slice_check_lan(const struct sk_slice_def *def, size_t first, struct sk_err *err)
{
	struct subnet subnet = {0};
	int r = def->lan_subnet ? parse_subnet(def->lan_subnet, &subnet, err) : 0;

	for (size_t i = first; def->lan_subnet && r == 0 && i < def->nr_nodes; i++)
		if (def->nodes[i].address)
			r = check_given(def, &def->nodes[i], &subnet, err);
	return r;
}

static int pick(const struct sk_slice_def *def, struct sk_slice_node *node,
		const struct subnet *subnet, uint32_t *next, struct sk_err *err)
{
	while (is_host(subnet, *next) && is_taken(def, *next, node))
		(*next)++;
	if (!is_host(subnet, *next))
		return sk_err_set(err, ENOSPC,
				  "the lan %s has no address left for node '%s'",
				  def->lan_subnet, node->name);
	return set_address(node, subnet, (*next)++, err);
}

int sk_slice_assign_addresses(struct sk_slice_def *def, const struct sk_slice_def *old,
			      struct sk_err *err)
{
	struct subnet subnet = {0};
	uint32_t next;
	int r;

	if (!def->lan_subnet)
		return 0;
	r = sk_slice_check_lan(def, 0, err);
	if (r == 0)
		r = parse_subnet(def->lan_subnet, &subnet, err);
	for (size_t i = 0; r == 0 && i < def->nr_nodes; i++)
		if (def->nodes[i].address)
			r = set_address(&def->nodes[i], &subnet,
					address_of(&def->nodes[i]), err);
	for (size_t i = 0; r == 0 && old && i < def->nr_nodes; i++) {
		struct sk_slice_node *node = &def->nodes[i];
		uint32_t had = address_of(sk_slice_def_find(old, node->name));

		if (!node->address && is_host(&subnet, had) && !is_taken(def, had, node))
			r = set_address(node, &subnet, had, err);
	}
	next = subnet.base + 1;
	for (size_t i = 0; r == 0 && i < def->nr_nodes; i++)
		if (!def->nodes[i].address)
			r = pick(def, &def->nodes[i], &subnet, &next, err);
	return r;
}

char *sk_slice_hosts_text(const struct sk_slice_def *def)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	sk_str_add(&text, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n");
	for (size_t i = 0; i < def->nr_nodes; i++) {
		const struct sk_slice_node *node = &def->nodes[i];

		if (node->address)
			sk_str_addf(&text, "%.*s\t%s\n", (int)strcspn(node->address, "/"),
				    node->address, node->name);
	}
	return sk_str_steal(&text);
}
