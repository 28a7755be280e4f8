// SPDX-License-Identifier: Apache-2.0
/* veth - cables between network namespaces */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "runtime/net/netlink.h"

#define DEFAULT_MTU 1500u

static void put_end(struct nlmsghdr *request, const char *name, unsigned int flags,
		    uint32_t mtu)
{
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_flags = flags;
	info->ifi_change = flags;
	sk_nl_put_name(request, name);
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
}

void sk_link_add_veth(struct sk_nl *nl, const struct sk_veth *veth)
{
	struct nlmsghdr *request = sk_nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
					       "create link '%s'", veth->name);
	uint32_t mtu = veth->mtu ? veth->mtu : DEFAULT_MTU;
	struct nlattr *linkinfo, *data, *peer;

	if (!request)
		return;
	put_end(request, veth->name, IFF_UP, mtu);
	if (veth->master)
		mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)veth->master);
	linkinfo = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	/* Up is refused here (ENOTCONN): the kernel opens this end before it joins the two. */
	put_end(request, veth->peer_name, 0, mtu);
	if (veth->peer_mac)
		mnl_attr_put(request, IFLA_ADDRESS, SK_MAC_SIZE, veth->peer_mac);
	if (veth->peer_netns_fd >= 0)
		mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns_fd);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, linkinfo);
}
