// SPDX-License-Identifier: Apache-2.0
/* test_netlink - bridges, cables and addresses in namespaces that the test makes */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "runtime/net/net.h"
#include "tests/unit/tempdir.h"

#define MANY 100

/* A switch and two hosts. */
struct fixture {
	struct tempdir dir;
	int fds[3];
	struct sk_nl *nl[3];
};
static const char *const pins[3] = {"switch", "one", "two"};

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		sk_nl_free(f->nl[i]);
		sk_close(&f->fds[i]);
		(void)sk_netns_remove(f->dir.fd, pins[i], NULL);
	}
	assert_return_code(tempdir_remove_empty(&f->dir), errno);
	free(f);
	return 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sk_err err = SK_ERR_INIT;

	assert_non_null(f);
	assert_return_code(tempdir_make(&f->dir), errno);
	for (int i = 0; i < 3; i++) {
		f->fds[i] = sk_netns_create(f->dir.fd, pins[i], &err);
		if (f->fds[i] < 0)
			break;
		if (sk_nl_open(f->fds[i], &f->nl[i], &err) < 0)
			fail_msg("%s", err.msg);
	}
	if (f->fds[0] == -EPERM)
		print_message("no privilege for network namespaces: %s\n", err.msg);
	*state = f;
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	struct fixture *f = *state;

	if (!f->nl[2])
		skip();
	return f;
}

static void commit(struct sk_nl *nl)
{
	struct sk_err err = SK_ERR_INIT;

	if (sk_nl_commit(nl, &err) < 0)
		fail_msg("%s", err.msg);
}

static int index_of(struct sk_nl *nl, const char *name)
{
	struct sk_err err = SK_ERR_INIT;
	int index = sk_link_index(nl, name, &err);

	if (index <= 0)
		fail_msg("%s", err.msg);
	return index;
}

static int add_bridge(struct fixture *f)
{
	uint8_t mac[SK_MAC_SIZE];

	sk_mac_from_name("switch", mac);
	sk_link_add_bridge(f->nl[0], "lan", mac);
	sk_link_set_up(f->nl[0], "lan");
	commit(f->nl[0]);
	return index_of(f->nl[0], "lan");
}

/* Socket of a host, bound to its address. */
static int open_udp(void *ctx, struct sk_err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, ctx, &address.sin_addr), 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "bind");
	return fd;
}

static void test_hosts_reach_each_other_over_a_bridge(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	char name[2][16] = {"10.0.0.1", "10.0.0.2"};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
	int bridge = add_bridge(f);
	struct pollfd wait = {.events = POLLIN};
	sk_autoclose int one = -1;
	sk_autoclose int two = -1;
	char text[8] = "";

	for (int i = 1; i <= 2; i++) {
		struct sk_veth veth = {.name = pins[i],
				       .master = bridge,
				       .peer_name = "eth0",
				       .peer_netns_fd = f->fds[i]};

		sk_link_add_veth(f->nl[0], &veth);
	}
	commit(f->nl[0]);
	for (int i = 1; i <= 2; i++) {
		char address[] = "10.0.0.?/24";

		address[7] = (char)('0' + i);
		sk_link_set_up(f->nl[i], "eth0");
		sk_link_add_address(f->nl[i], index_of(f->nl[i], "eth0"), address);
		commit(f->nl[i]);
	}

	one = sk_netns_call(f->fds[1], open_udp, name[0], NULL);
	two = sk_netns_call(f->fds[2], open_udp, name[1], NULL);
	assert_true(one >= 0 && two >= 0);
	assert_int_equal(inet_pton(AF_INET, name[1], &to.sin_addr), 1);
	assert_int_equal(sendto(one, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)),
			 5);
	wait.fd = two;
	assert_int_equal(poll(&wait, 1, 5000), 1);
	assert_int_equal(recv(two, text, sizeof(text), 0), 5);
	assert_memory_equal(text, "hello", 5);
}

/* Hardware address and mtu into two requests. */
static int read_peer(void *ctx, struct sk_err *err)
{
	struct ifreq *requests = ctx;
	sk_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ioctl(fd, SIOCGIFHWADDR, &requests[0]) < 0)
		return sk_err_errno(err, "read address");
	if (ioctl(fd, SIOCGIFMTU, &requests[1]) < 0)
		return sk_err_errno(err, "read mtu");
	return 0;
}

static void test_peer_gets_the_address_of_its_name_and_the_mtu(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct ifreq requests[] = {{.ifr_name = "eth0"}, {.ifr_name = "eth0"}};
	uint8_t mac[SK_MAC_SIZE];
	struct sk_veth veth = {.name = "n1",
			       .peer_name = "eth0",
			       .peer_netns_fd = f->fds[1],
			       .peer_mac = mac,
			       .mtu = 9000};

	sk_mac_from_name("web/n1", mac);
	sk_link_add_veth(f->nl[0], &veth);
	commit(f->nl[0]);
	assert_int_equal(sk_netns_call(f->fds[1], read_peer, requests, NULL), 0);
	assert_memory_equal(requests[0].ifr_hwaddr.sa_data, mac, SK_MAC_SIZE);
	assert_int_equal(requests[1].ifr_mtu, 9000);
}

static void test_refusal_names_the_request(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct sk_err err = SK_ERR_INIT;

	sk_link_set_up(f->nl[0], "lo");
	sk_link_set_up(f->nl[0], "nosuch");
	assert_int_equal(sk_nl_commit(f->nl[0], &err), -ENODEV);
	assert_non_null(strstr(err.msg, "switch link 'nosuch' on"));
	assert_non_null(strstr(err.msg, "No such device"));
	/* The next batch is not disturbed. */
	commit(f->nl[0]);
	sk_link_set_up(f->nl[0], "lo");
	commit(f->nl[0]);
	assert_int_equal(sk_link_index(f->nl[0], "nosuch", &err), -ENODEV);
	assert_non_null(strstr(err.msg, "find link 'nosuch'"));
}

static void test_kernels_own_explanation_is_kept(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct sk_veth veth = {.name = "n1",
			       .master = 4711,
			       .peer_name = "eth0",
			       .peer_netns_fd = f->fds[1]};
	struct sk_err err = SK_ERR_INIT;

	sk_link_add_address(f->nl[0], 1, "0.0.0.1/33");
	assert_int_equal(sk_nl_commit(f->nl[0], &err), -EINVAL);
	assert_string_equal(err.msg, "'0.0.0.1/33' is not an address with prefix length, "
				     "such as 10.0.0.1/24");
	sk_link_add_veth(f->nl[0], &veth);
	assert_true(sk_nl_commit(f->nl[0], &err) < 0);
	assert_non_null(strstr(err.msg, "create link 'n1'"));
	sk_link_add_address(f->nl[0], 1, "10.0.0.1/8");
	sk_link_add_address(f->nl[0], 1, "10.0.0.1/8");
	assert_int_equal(sk_nl_commit(f->nl[0], &err), -EEXIST);
	assert_string_equal(err.msg, "add address '10.0.0.1/8': ipv4: Address already "
				     "assigned: File exists");
}

static void test_overlong_names_are_refused_by_the_kernel(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	struct sk_err err = SK_ERR_INIT;
	char name[2000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	sk_link_set_up(f->nl[0], name);
	assert_true(sk_nl_commit(f->nl[0], &err) < 0);
	assert_int_equal(sk_link_index(f->nl[0], name, &err), -EINVAL);
}

static void test_a_hundred_links_take_one_batch(void **state)
{
	struct fixture *f = fixture_or_skip(state);
	int bridge = add_bridge(f);
	uint64_t start = sk_clock_mono();
	struct sk_err err = SK_ERR_INIT;

	for (int i = 0; i < MANY; i++) {
		char name[16], peer[16];
		struct sk_veth veth = {.name = name,
				       .master = bridge,
				       .peer_name = peer,
				       .peer_netns_fd = f->fds[1]};

		(void)snprintf(name, sizeof(name), "n%d", i);
		(void)snprintf(peer, sizeof(peer), "e%d", i);
		sk_link_add_veth(f->nl[0], &veth);
	}
	commit(f->nl[0]);
	print_message("%d links in %.1f ms\n", MANY,
		      (double)(sk_clock_mono() - start) / 1e6);
	(void)index_of(f->nl[0], "n99");
	(void)index_of(f->nl[1], "e99");
	sk_link_delete(f->nl[0], "n99");
	commit(f->nl[0]);
	assert_int_equal(sk_link_index(f->nl[1], "e99", &err), -ENODEV);
}

static void test_macs_are_stable_local_and_differ(void **state)
{
	uint8_t a[SK_MAC_SIZE], b[SK_MAC_SIZE];

	(void)state;
	sk_mac_from_name("web/n1", a);
	sk_mac_from_name("web/n1", b);
	assert_memory_equal(a, b, SK_MAC_SIZE);
	assert_int_equal(a[0] & 3, 2);
	sk_mac_from_name("web/n2", b);
	assert_memory_not_equal(a, b, SK_MAC_SIZE);
}

static void test_long_names_are_shortened_to_different_ones(void **state)
{
	char a[SK_LINK_NAME_MAX + 1], b[SK_LINK_NAME_MAX + 1];

	(void)state;
	sk_link_name("fifteen-bytes-x", a);
	assert_string_equal(a, "fifteen-bytes-x");
	sk_link_name("a-node-with-a-long-name-1", a);
	sk_link_name("a-node-with-a-long-name-2", b);
	assert_int_equal(strlen(a), SK_LINK_NAME_MAX);
	assert_memory_equal(a, "a-node-", 7);
	assert_string_not_equal(a, b);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_hosts_reach_each_other_over_a_bridge),
		TEST(test_peer_gets_the_address_of_its_name_and_the_mtu),
		TEST(test_refusal_names_the_request),
		TEST(test_kernels_own_explanation_is_kept),
		TEST(test_overlong_names_are_refused_by_the_kernel),
		TEST(test_a_hundred_links_take_one_batch),
		cmocka_unit_test(test_macs_are_stable_local_and_differ),
		cmocka_unit_test(test_long_names_are_shortened_to_different_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
