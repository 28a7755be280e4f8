// SPDX-License-Identifier: Apache-2.0
/* test_shape - links of a lab: shares of loss, rates that hold, delays or why there are none */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/trial.h"
#include "migrate/lab/shape.h"

#define BYTES	 262144u
#define RATE	 16000000u /* so that they take 131 ms */
#define AT_LEAST (100 * SK_NS_PER_MS)
#define LATENCY	 (30 * SK_NS_PER_MS)

static void test_share_is_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ppm;
	} good[] = {{"0%", 0}, {"0.5%", 5000}, {"100%", 1000000}, {"0.0001%", 1}};
	static const char *const bad[] = {"", "1", "%", "-1%", "101%", "x%", "1%%"};
	uint64_t ppm = 7;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_true(sk_lab_loss_parse(bad[i], &ppm, &err) < 0);
		assert_int_equal(ppm, 7);
		assert_true(err.msg[0] != '\0');
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		assert_int_equal(sk_lab_loss_parse(good[i].text, &ppm, NULL), 0);
		assert_int_equal(ppm, good[i].ppm);
	}
}

/* In a child: a network namespace of its own, where nothing but loopback is. */
static int enter(int *ret_netns, struct sk_err *err)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	sk_autoclose int sock = -1;
	int r = geteuid() == 0 ? 0 : sk_trial_enter_userns(err);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0)
		return sk_err_errno(err, "make a network namespace");
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return sk_err_errno(err, "switch on loopback");
	/* Its own packets are larger than the bucket. */
	request.ifr_mtu = 1500;
	if (ioctl(sock, SIOCSIFMTU, &request) < 0)
		return sk_err_errno(err, "make packets of loopback small");
	*ret_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ret_netns < 0 ? sk_err_errno(err, "open the namespace") : 0;
}

static int connect_pair(int ends[2], struct sk_err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	sk_autoclose int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return sk_err_errno(err, "listen");
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ends[0] < 0 ||
	    connect(ends[0], (struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "connect");
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return ends[1] < 0 ? sk_err_errno(err, "accept") : 0;
}

/* How long so many bytes take over loopback; sent from another process, as they do not fit a buffer. */
static int time_bytes(size_t bytes, uint64_t *ret_ns, struct sk_err *err)
{
	static char buffer[BYTES];
	int ends[2] = {-1, -1};
	uint64_t start;
	size_t got = 0;
	pid_t pid;
	int r = connect_pair(ends, err);

	if (r < 0)
		return r;
	start = sk_clock_mono();
	pid = fork();
	if (pid < 0)
		return sk_err_errno(err, "fork");
	if (pid == 0) {
		size_t sent = 0;

		while (sent < bytes) {
			ssize_t n = send(ends[0], buffer, bytes - sent, MSG_NOSIGNAL);

			if (n < 0)
				_exit(1);
			sent += (size_t)n;
		}
		_exit(0);
	}
	while (got < bytes) {
		ssize_t n = recv(ends[1], buffer, sizeof(buffer), 0);

		if (n <= 0)
			return sk_err_errno(err, "receive");
		got += (size_t)n;
	}
	*ret_ns = sk_clock_mono() - start;
	return 0;
}

static int keep_rate(const void *ctx, struct sk_err *err)
{
	const struct sk_lab_shape shape = {.rate_bits = RATE}, none = {0};
	uint64_t shaped = 0, again = 0;
	int netns = -1;
	int r = enter(&netns, err);

	(void)ctx;
	if (r == 0)
		r = sk_shape_apply(netns, "lo", &shape, err);
	if (r == 0)
		r = time_bytes(BYTES, &shaped, err);
	/* Twice: the second takes the place of the first. */
	if (r == 0)
		r = sk_shape_apply(netns, "lo", &shape, err);
	if (r == 0)
		r = sk_shape_apply(netns, "lo", &none, err);
	if (r == 0)
		r = time_bytes(BYTES, &again, err);
	if (r < 0)
		return r;
	if (shaped < AT_LEAST || again >= shaped)
		return sk_err_set(err, ERANGE, "%llu ns shaped, %llu ns after",
				  (unsigned long long)shaped, (unsigned long long)again);
	return 0;
}

static void test_rate_holds_until_it_is_taken_away(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (sk_trial_run(keep_rate, NULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static int keep_delay(const void *ctx, struct sk_err *err)
{
	const struct sk_lab_shape shape = {.rate_bits = RATE, .latency_ns = LATENCY};
	uint64_t took = 0;
	int netns = -1;
	int r = enter(&netns, err);

	(void)ctx;
	if (r == 0)
		r = sk_shape_apply(netns, "lo", &shape, err);
	/* The connection and the byte: three times the way. */
	if (r == 0)
		r = time_bytes(1, &took, err);
	if (r == 0 && took < LATENCY)
		r = sk_err_set(err, ERANGE, "only %llu ns", (unsigned long long)took);
	return r;
}

static void test_delay_is_kept_or_refused_with_the_reason(void **state)
{
	const struct sk_lab_shape shape = {.latency_ns = LATENCY};
	struct sk_err err = SK_ERR_INIT;
	int r;

	(void)state;
	r = sk_trial_run(keep_delay, NULL, &err);
	if (r == 0)
		return;
	assert_int_equal(r, -ENOTSUP);
	if (!strstr(err.msg, "need netem, which this kernel lacks"))
		fail_msg("%s", err.msg);
	assert_non_null(strstr(err.hint, "CONFIG_NET_SCH_NETEM"));
	/* The virtual machines of tests/vm have it. */
	if (access("/run/skiff-vm", F_OK) == 0)
		fail_msg("%s", err.msg);
	if (geteuid() == 0)
		assert_int_equal(sk_lab_shape_check(&shape, NULL), -ENOTSUP);
}

static void test_shapes_that_no_link_has_are_refused(void **state)
{
	static const struct sk_lab_shape bad[] = {
		{.rate_bits = 7},
		{.rate_bits = 63999},
		{.rate_bits = 1000000000001},
		{.latency_ns = 11 * SK_NS_PER_S},
		{.rate_bits = 1000000, .loss_ppm = 500001},
	};
	static const struct sk_lab_shape good[] = {{.rate_bits = 0},
						   {.rate_bits = 64000},
						   {.rate_bits = 1000000000000}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_lab_shape_check(&bad[i], &err), -ERANGE);
		assert_non_null(strstr(err.msg, "link"));
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++)
		assert_int_equal(sk_lab_shape_check(&good[i], NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_is_read),
		cmocka_unit_test(test_shapes_that_no_link_has_are_refused),
		cmocka_unit_test(test_rate_holds_until_it_is_taken_away),
		cmocka_unit_test(test_delay_is_kept_or_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
