// SPDX-License-Identifier: Apache-2.0
/* boot - what skiff-guest does as PID 1 before it serves: mounts, modules, network
 *
 * Theory of operation
 *
 * 1. /proc, /sys, /dev. Nothing before this can read the command line.
 * 2. A netlink socket listens for new links. It must be open before the modules go in: the
 *    card may appear during the last insertion or after it.
 * 3. Modules, in the order of their names (the initramfs builder numbers them).
 * 4. Wait for the first link that is not the loopback, then address, up, gateway.
 */
#include "migrate/guest/boot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"

#define LINK_TIMEOUT_MS 5000
#define DEFAULT_STATIC	(16ull << 20)
#define MAX_CMDLINE	4096

static int parse_address(const char *text, struct sk_boot_config *ret, struct sk_err *err)
{
	const char *slash = strchr(text, '/');
	uint64_t prefix = 24;
	struct in_addr addr;
	int r = 0;

	if (slash)
		r = sk_parse_u64(slash + 1, 1, 32, &prefix, err);
	if (r < 0)
		return sk_err_wrap(err, r, "skiff.ip=%s", text);
	(void)snprintf(ret->address, sizeof(ret->address), "%.*s",
		       slash ? (int)(slash - text) : (int)strlen(text), text);
	if (inet_pton(AF_INET, ret->address, &addr) != 1)
		return sk_err_set(err, EINVAL, "skiff.ip=%s is not an IPv4 address",
				  text);
	ret->prefix = (unsigned int)prefix;
	return 0;
}

static int parse_word(const char *word, struct sk_boot_config *ret, struct sk_err *err)
{
	struct in_addr addr;
	const char *value;

	if ((value = sk_str_starts(word, "skiff.ip=")))
		return parse_address(value, ret, err);
	if ((value = sk_str_starts(word, "skiff.ws=")))
		return sk_parse_size(value, &ret->working_set_bytes, err);
	if ((value = sk_str_starts(word, "skiff.rate=")))
		return sk_parse_u64(value, 0, UINT32_MAX, &ret->pages_per_s, err);
	if ((value = sk_str_starts(word, "skiff.static=")))
		return sk_parse_size(value, &ret->static_bytes, err);
	if ((value = sk_str_starts(word, "skiff.server=")))
		return sk_server_parse(value, &ret->server, err);
	if ((value = sk_str_starts(word, "skiff.gw="))) {
		if (inet_pton(AF_INET, value, &addr) != 1)
			return sk_err_set(err, EINVAL, "%s is not an IPv4 address", word);
		(void)snprintf(ret->gateway, sizeof(ret->gateway), "%s", value);
	}
	return 0;
}

int sk_boot_parse(const char *cmdline, struct sk_boot_config *ret, struct sk_err *err)
{
	struct sk_boot_config config = {.static_bytes = DEFAULT_STATIC,
					.server = SK_SERVER_OPTS_INIT};
	sk_autofree char *text = strdup(cmdline);
	char *rest = NULL;

	if (!text)
		return sk_err_oom(err);
	for (char *word = strtok_r(text, " \n", &rest); word;
	     word = strtok_r(NULL, " \n", &rest)) {
		int r = parse_word(word, &config, err);

		if (r < 0)
			return sk_err_wrap(err, r, "kernel command line");
	}
	*ret = config;
	return 0;
}

static int mount_all(struct sk_err *err)
{
	static const struct {
		const char *type, *at;
	} mounts[] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(mounts); i++) {
		(void)mkdir(mounts[i].at, 0755);
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, NULL) < 0 &&
		    errno != EBUSY)
			return sk_err_errno(err, "mount '%s'", mounts[i].at);
	}
	return 0;
}

static int insert_modules(struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_fs_list(AT_FDCWD, "/modules", &names);

	if (r == -ENOENT) /* all drivers are built in */
		return 0;
	if (r < 0)
		return sk_err_code(err, r, "list '/modules'");
	for (char **name = names; name && *name; name++) {
		sk_autofree char *path = sk_strf("/modules/%s", *name);
		sk_autoclose int fd = -1;

		if (!path)
			return sk_err_oom(err);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return sk_err_errno(err, "open module '%s'", *name);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			return sk_err_errno(err, "insert module '%s'", *name);
	}
	return 0;
}

static int open_link_events(int *ret_fd, struct sk_err *err)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	sk_autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
		return sk_err_errno(err, "listen for network links");
	*ret_fd = sk_steal_fd(&fd);
	return 0;
}

static bool find_link(char name[IF_NAMESIZE])
{
	struct if_nameindex *links = if_nameindex();
	bool is_found = false;

	for (struct if_nameindex *l = links; l && l->if_index && !is_found; l++)
		if (strcmp(l->if_name, "lo") != 0) {
			(void)snprintf(name, IF_NAMESIZE, "%s", l->if_name);
			is_found = true;
		}
	if_freenameindex(links);
	return is_found;
}

static int wait_link(int events, char name[IF_NAMESIZE], struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + LINK_TIMEOUT_MS * SK_NS_PER_MS;
	char buffer[4096];

	while (!find_link(name)) {
		struct pollfd ready = {.fd = events, .events = POLLIN};

		if (poll(&ready, 1, sk_clock_remaining_ms(deadline)) == 0)
			return sk_err_set(err, ENODEV,
					  "no network card appeared within %d ms",
					  LINK_TIMEOUT_MS);
		(void)recv(events, buffer, sizeof(buffer), MSG_DONTWAIT);
	}
	return 0;
}

static void put_address(struct sockaddr *at, uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = address};

	memcpy(at, &in, sizeof(in));
}

static int link_up(int sock, const char *name, struct sk_err *err)
{
	struct ifreq q = {0};

	(void)snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", name);
	q.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(sock, SIOCSIFFLAGS, &q) < 0)
		return sk_err_errno(err, "set link '%s' up", name);
	return 0;
}

static int set_address(int sock, const char *name, const struct sk_boot_config *config,
		       struct sk_err *err)
{
	struct ifreq q = {0};

	(void)snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", name);
	put_address(&q.ifr_addr, inet_addr(config->address));
	if (ioctl(sock, SIOCSIFADDR, &q) < 0)
		return sk_err_errno(err, "set the address of '%s'", name);
	put_address(&q.ifr_netmask, htonl(UINT32_MAX << (32 - config->prefix)));
	if (ioctl(sock, SIOCSIFNETMASK, &q) < 0)
		return sk_err_errno(err, "set the netmask of '%s'", name);
	return link_up(sock, name, err);
}

static int set_gateway(int sock, const char *gateway, struct sk_err *err)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};

	put_address(&route.rt_dst, 0);
	put_address(&route.rt_genmask, 0);
	put_address(&route.rt_gateway, inet_addr(gateway));
	if (ioctl(sock, SIOCADDRT, &route) < 0 && errno != EEXIST)
		return sk_err_errno(err, "set the gateway '%s'", gateway);
	return 0;
}

static int set_network(int events, const struct sk_boot_config *config,
		       struct sk_err *err)
{
	sk_autoclose int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[IF_NAMESIZE];
	int r;

	if (sock < 0)
		return sk_err_errno(err, "create a socket");
	r = link_up(sock, "lo", err);
	if (r < 0 || !config->address[0])
		return r;
	r = wait_link(events, name, err);
	if (r == 0)
		r = set_address(sock, name, config, err);
	if (r == 0 && config->gateway[0])
		r = set_gateway(sock, config->gateway, err);
	return r;
}

int sk_boot_system(struct sk_boot_config *ret, struct sk_err *err)
{
	sk_autofree char *cmdline = NULL;
	struct sk_boot_config config;
	sk_autoclose int events = -1;
	int r;

	r = mount_all(err);
	if (r == 0)
		r = open_link_events(&events, err);
	if (r < 0)
		return r;
	r = sk_fs_read(AT_FDCWD, "/proc/cmdline", MAX_CMDLINE, &cmdline, NULL);
	if (r < 0)
		return sk_err_code(err, r, "read '/proc/cmdline'");
	r = sk_boot_parse(cmdline, &config, err);
	if (r == 0)
		r = insert_modules(err);
	if (r == 0)
		r = set_network(events, &config, err);
	if (r == 0)
		*ret = config;
	return r;
}
