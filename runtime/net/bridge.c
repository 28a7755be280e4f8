// SPDX-License-Identifier: Apache-2.0
/* bridge - a switch that forwards and takes no part in anything */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "runtime/net/netlink.h"

void sk_link_add_bridge(struct sk_nl *nl, const char *name,
			const uint8_t mac[SK_MAC_SIZE])
{
	struct nlmsghdr *request = sk_nl_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
					       "create bridge '%s'", name);
	struct nlattr *linkinfo, *data;
	struct ifinfomsg *info;

	if (!request)
		return;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	sk_nl_put_name(request, name);
	mnl_attr_put(request, IFLA_ADDRESS, SK_MAC_SIZE, mac);
	linkinfo = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	mnl_attr_put_u32(request, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u8(request, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, linkinfo);
}
