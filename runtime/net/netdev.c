// SPDX-License-Identifier: Apache-2.0
/* netdev - move network devices of the caller into another network namespace
 *
 * 1. A thread in the other namespace finds out each device's name there, and that it is free.
 * 2. Per device: its addresses are read; one request moves and renames it.
 * 3. A thread in the other namespace gives it the addresses and switches it on.
 */
#include "runtime/net/netdev.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "runtime/net/net.h"

#define MAX_ADDRESSES 256
#define ATTRS_SIZE    128
#define ANSWER_SIZE   32768
#define TRIES	      1000 /* of numbers for a name such as "eth%d" */

/* A request, complete but for its length; large enough for what is asked here. */
struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attrs[ATTRS_SIZE];
};

struct address {
	struct ifaddrmsg info;
	uint32_t flags; /* of which info has the lower byte only */
	size_t len;
	char attrs[ATTRS_SIZE]; /* those that are given back */
};

struct move {
	const struct sk_netdev *device;
	char target[IFNAMSIZ];
	struct address addresses[MAX_ADDRESSES];
	size_t nr_addresses;
};

struct moves {
	struct move *list;
	size_t nr;
};

static struct request *start(struct request *request, uint16_t type, uint16_t flags,
			     size_t info)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(info);
	return request;
}

/* The callers' attributes fit by their number. */
static void put(struct request *request, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attr = (struct rtattr *)((char *)request +
						NLMSG_ALIGN(request->header.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), data, len);
	request->header.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_SPACE(len));
}

static int open_socket(void)
{
	const struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				 sizeof(patience));
	return fd < 0 ? -errno : fd;
}

static ssize_t receive(int sock, void *answer)
{
	ssize_t n;

	do {
		n = recv(sock, answer, ANSWER_SIZE, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Send one request and wait for its acknowledgement. */
static int ask(int sock, struct request *request)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	ssize_t n;

	request->header.nlmsg_flags |= NLM_F_ACK;
	if (send(sock, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	n = receive(sock, answer);
	if (n < 0)
		return (int)n;
	if (!NLMSG_OK(header, (size_t)n) || header->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static bool is_kept(uint16_t type)
{
	return type == IFA_LOCAL || type == IFA_ADDRESS || type == IFA_BROADCAST ||
	       type == IFA_RT_PRIORITY || type == IFA_PROTO;
}

/* One RTM_NEWADDR of a dump. */
static int keep_address(struct move *move, unsigned int index,
			const struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = NLMSG_DATA(header);
	const struct rtattr *attr = IFA_RTA(info);
	int left = (int)IFA_PAYLOAD(header);
	struct address *address = &move->addresses[move->nr_addresses];
	uint32_t flags = info->ifa_flags;

	if (info->ifa_index != index || info->ifa_scope != RT_SCOPE_UNIVERSE)
		return 0;
	if (move->nr_addresses == MAX_ADDRESSES)
		return -E2BIG;
	*address = (struct address){.info = *info};
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		size_t space = RTA_ALIGN(attr->rta_len);

		if (attr->rta_type == IFA_FLAGS)
			memcpy(&flags, RTA_DATA(attr), sizeof(flags));
		if (!is_kept(attr->rta_type) || address->len + space > ATTRS_SIZE / 2)
			continue;
		memcpy(address->attrs + address->len, attr, attr->rta_len);
		address->len += space;
	}
	if (!(flags & IFA_F_PERMANENT))
		return 0;
	/* the kernel's findings about it are found anew */
	address->flags = flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
				  IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN);
	address->info.ifa_flags = (uint8_t)address->flags;
	move->nr_addresses++;
	return 0;
}

static int read_addresses(int sock, struct move *move, unsigned int index)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct request request;

	start(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	if (send(sock, &request, request.header.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = receive(sock, answer);
		size_t left = n < 0 ? 0 : (size_t)n;

		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
		     NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			int r = h->nlmsg_type == RTM_NEWADDR
					? keep_address(move, index, h)
					: 0;

			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (r < 0 || h->nlmsg_type == NLMSG_DONE)
				return r;
		}
	}
}

static int move_out(int sock, struct move *move, int netns_fd, struct sk_err *err)
{
	const char *name = move->device->name;
	unsigned int index = if_nametoindex(name);
	struct request request;
	int r;

	if (index == 0)
		return sk_err_errno(err, "find network device '%s'", name);
	r = read_addresses(sock, move, index);
	if (r < 0)
		return sk_err_code(err, r, "read the addresses of network device '%s'",
				   name);
	start(&request, RTM_NEWLINK, 0, sizeof(request.link));
	request.link.ifi_index = (int)index;
	put(&request, IFLA_NET_NS_FD, &netns_fd, sizeof(netns_fd));
	put(&request, IFLA_IFNAME, move->target, strlen(move->target) + 1);
	r = ask(sock, &request);
	if (r < 0)
		return sk_err_code(err, r,
				   "move network device '%s' into the container as '%s'",
				   name, move->target);
	return 0;
}

static int give_address(int sock, unsigned int index, const struct address *address)
{
	struct request request;

	start(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(request.address));
	request.address = address->info;
	request.address.ifa_index = index;
	/* behind the smaller of the two bodies */
	memcpy((char *)&request + request.header.nlmsg_len, address->attrs, address->len);
	request.header.nlmsg_len += (uint32_t)address->len;
	put(&request, IFA_FLAGS, &address->flags, sizeof(address->flags));
	return ask(sock, &request);
}

static int arrive(int sock, const struct move *move, struct sk_err *err)
{
	unsigned int index = if_nametoindex(move->target);
	struct request request;
	int r = index == 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < move->nr_addresses; i++)
		r = give_address(sock, index, &move->addresses[i]);
	if (r < 0)
		return sk_err_code(
			err, r, "give network device '%s' its addresses in the container",
			move->target);
	start(&request, RTM_NEWLINK, 0, sizeof(request.link));
	request.link.ifi_index = (int)index;
	request.link.ifi_flags = request.link.ifi_change = IFF_UP;
	r = ask(sock, &request);
	if (r < 0)
		return sk_err_code(err, r, "switch network device '%s' on", move->target);
	return 0;
}

static int arrive_all(void *ctx, struct sk_err *err)
{
	const struct moves *moves = ctx;
	sk_autoclose int sock = open_socket();
	int r = sock < 0 ? sk_err_code(err, sock, "open a netlink socket") : 0;

	for (size_t i = 0; r == 0 && i < moves->nr; i++)
		r = arrive(sock, &moves->list[i], err);
	return r;
}

/* Whether a device in there, or one that moves before, has the name. */
static bool is_taken(const struct moves *moves, size_t nr, const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(moves->list[i].target, name) == 0)
			return true;
	return if_nametoindex(name) != 0;
}

static int choose_name(const struct moves *moves, size_t nr, struct sk_err *err)
{
	struct move *move = &moves->list[nr];
	const struct sk_netdev *device = move->device;
	const char *wanted = device->new_name ? device->new_name : device->name;
	const char *mark = device->new_name ? strstr(wanted, "%d") : NULL;

	for (int i = 0; i < (mark ? TRIES : 1); i++) {
		int n = mark ? snprintf(move->target, IFNAMSIZ, "%.*s%d%s",
					(int)(mark - wanted), wanted, i, mark + 2)
			     : snprintf(move->target, IFNAMSIZ, "%s", wanted);

		if (n >= IFNAMSIZ)
			return sk_err_set(err, EINVAL,
					  "the name '%s' of a network device is too long",
					  wanted);
		if (!is_taken(moves, nr, move->target))
			return 0;
	}
	return sk_err_set(err, EEXIST,
			  "network device '%s': the container has one of the name '%s'",
			  device->name, wanted);
}

static int choose_names(void *ctx, struct sk_err *err)
{
	const struct moves *moves = ctx;
	int r = 0;

	for (size_t i = 0; r == 0 && i < moves->nr; i++)
		r = choose_name(moves, i, err);
	return r;
}

int sk_netdev_move(const struct sk_netdev *devices, size_t nr, int netns_fd,
		   struct sk_err *err)
{
	sk_autofree struct move *list = calloc(nr ? nr : 1, sizeof(*list));
	struct moves moves = {list, nr};
	sk_autoclose int sock = -1;
	int r = 0;

	if (!list)
		return sk_err_oom(err);
	for (size_t i = 0; i < nr; i++) {
		list[i].device = &devices[i];
		if (if_nametoindex(devices[i].name) == 0)
			return sk_err_errno(err, "find network device '%s'",
					    devices[i].name);
	}
	r = sk_netns_call(netns_fd, choose_names, &moves, err);
	if (r < 0)
		return r;
	sock = open_socket();
	if (sock < 0)
		return sk_err_code(err, sock, "open a netlink socket");
	for (size_t i = 0; r == 0 && i < nr; i++)
		r = move_out(sock, &list[i], netns_fd, err);
	return r < 0 ? r : sk_netns_call(netns_fd, arrive_all, &moves, err);
}
