// SPDX-License-Identifier: Apache-2.0
/* link - requests about links and addresses of any kind */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "runtime/net/netlink.h"

/* FNV-1a: stable over versions and machines, which is all that is asked of it. */
static uint64_t hash_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ull;
	return hash;
}

void sk_mac_from_name(const char *name, uint8_t ret[SK_MAC_SIZE])
{
	uint64_t hash = hash_name(name);

	for (int i = 0; i < SK_MAC_SIZE; i++)
		ret[i] = (uint8_t)(hash >> (8 * i));
	ret[0] = (uint8_t)((ret[0] & 0xfc) | 0x02);
}

void sk_link_name(const char *name, char ret[SK_LINK_NAME_MAX + 1])
{
	if (strlen(name) <= SK_LINK_NAME_MAX)
		(void)snprintf(ret, SK_LINK_NAME_MAX + 1, "%s", name);
	else
		(void)snprintf(ret, SK_LINK_NAME_MAX + 1, "%.6s-%08x", name,
			       (unsigned int)(hash_name(name) & 0xffffffffu));
}

static struct nlmsghdr *put_link(struct nlmsghdr *request, const char *name,
				 unsigned int flags)
{
	struct ifinfomsg *info;

	if (!request)
		return NULL;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_flags = flags;
	info->ifi_change = flags;
	sk_nl_put_name(request, name);
	return request;
}

void sk_link_set_up(struct sk_nl *nl, const char *name)
{
	(void)put_link(sk_nl_begin(nl, RTM_NEWLINK, 0, "switch link '%s' on", name), name,
		       IFF_UP);
}

void sk_link_delete(struct sk_nl *nl, const char *name)
{
	(void)put_link(sk_nl_begin(nl, RTM_DELLINK, 0, "delete link '%s'", name), name,
		       0);
}

static int parse_address(const char *text, struct in_addr *ret, uint8_t *ret_prefix)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	uint64_t prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, ret) != 1 ||
	    sk_parse_u64(slash + 1, 0, 32, &prefix, NULL) < 0)
		return -EINVAL;
	*ret_prefix = (uint8_t)prefix;
	return 0;
}

void sk_link_add_address(struct sk_nl *nl, int index, const char *address)
{
	struct nlmsghdr *request;
	struct ifaddrmsg *info;
	struct in_addr in;
	uint8_t prefix;

	if (parse_address(address, &in, &prefix) < 0) {
		sk_nl_fail(
			nl, EINVAL,
			"'%s' is not an address with prefix length, such as 10.0.0.1/24",
			address);
		return;
	}
	request = sk_nl_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
			      "add address '%s'", address);
	if (!request)
		return;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = prefix;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = (unsigned int)index;
	mnl_attr_put(request, IFA_LOCAL, sizeof(in), &in);
	mnl_attr_put(request, IFA_ADDRESS, sizeof(in), &in);
	if (prefix < 31) {
		struct in_addr broadcast = {in.s_addr | htonl(0xffffffffu >> prefix)};

		mnl_attr_put(request, IFA_BROADCAST, sizeof(broadcast), &broadcast);
	}
}

int sk_link_index(struct sk_nl *nl, const char *name, struct sk_err *err)
{
	union {
		char bytes[256];
		struct nlmsghdr header;
	} request = {0};
	/* An answer about a link is below 4 KiB, but may grow with the kernel. */
	char answer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(request.bytes);
	const struct ifinfomsg *info;
	int r;

	if (strlen(name) > SK_LINK_NAME_MAX)
		return sk_err_set(err, EINVAL, "link name '%s' is too long", name);
	header->nlmsg_type = RTM_GETLINK;
	header->nlmsg_flags = NLM_F_REQUEST;
	(void)put_link(header, name, 0);
	r = sk_nl_query(nl, header, answer, sizeof(answer));
	if (r < 0)
		return sk_err_code(err, r, "find link '%s'", name);
	info = mnl_nlmsg_get_payload((struct nlmsghdr *)answer);
	return info->ifi_index;
}
