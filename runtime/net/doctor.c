/* SPDX-License-Identifier: Apache-2.0 */
/* doctor - try what networks, labs and migrations need from this machine, each thing for real
 *
 * All of it happens in a child in a network namespace of its own, which ends with it: no
 * link, address or queue of the machine is touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "lib/proc.h"
#include "lib/str.h"
#include "lib/trial.h"
#include "runtime/net/net.h"
#include "runtime/runtime.h"

#define TC_TIMEOUT_MS 10000

/* What is tried, and whether a user namespace is needed to be allowed to. */
struct trial {
	int (*body)(struct sk_err *err);
	bool rootless;
};

static int run_in_netns(const void *ctx, struct sk_err *err)
{
	const struct trial *trial = ctx;
	int r = trial->rootless ? sk_trial_enter_userns(err) : 0;

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0)
		return sk_err_errno(err, "make a network namespace");
	return trial->body(err);
}

static int in_netns(bool rootless, int (*body)(struct sk_err *err), struct sk_err *err)
{
	const struct trial trial = {body, rootless};

	return sk_trial_run(run_in_netns, &trial, err);
}

static int try_bridge(struct sk_err *err)
{
	const struct sk_veth cable = {.name = "near",
				      .peer_name = "far",
				      .peer_netns_fd = -1};
	sk_auto(sk_nl_free) struct sk_nl *nl = NULL;
	uint8_t mac[SK_MAC_SIZE];
	int r = sk_nl_open(-1, &nl, err);

	if (r < 0)
		return r;
	sk_mac_from_name("doctor", mac);
	sk_link_add_bridge(nl, "br0", mac);
	sk_link_add_veth(nl, &cable);
	sk_link_set_up(nl, "far");
	return sk_nl_commit(nl, err);
}

static int try_tun(struct sk_err *err)
{
	sk_autoclose int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int r;

	if (fd < 0) {
		r = sk_err_errno(err, "open '/dev/net/tun'");
		return sk_err_hint(err, r, "modprobe tun");
	}
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "tap0");
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return sk_err_errno(err, "make a tap device");
	return 0;
}

static int add_queue(const char *const *queue, struct sk_err *err)
{
	const char *argv[16] = {"tc", "qdisc", "add", "dev", "lo", "root"};
	size_t n = 6;

	while (*queue && n < SK_ARRAY_SIZE(argv) - 1)
		argv[n++] = *queue++;
	return sk_proc_capture(argv, TC_TIMEOUT_MS, NULL, NULL, err);
}

static int try_tc(struct sk_err *err)
{
	static const char *const tbf[] = {"tbf", "rate",    "100mbit", "burst",
					  "64k", "latency", "50ms",    NULL};
	sk_autofree char *tc = NULL;
	int r;

	if (sk_proc_find("tc", &tc) < 0) {
		r = sk_err_set(err, ENOENT, "the program 'tc' is not installed");
		return sk_err_hint(err, r, "apt-get install iproute2");
	}
	return add_queue(tbf, err);
}

static int try_netem(struct sk_err *err)
{
	static const char *const netem[] = {"netem", "delay", "1ms", NULL};

	return add_queue(netem, err);
}

/* QEMU needs faults of the kernel reported too, so no UFFD_USER_MODE_ONLY. */
static int try_userfaultfd(struct sk_err *err)
{
	sk_autoclose int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = {.api = UFFD_API};
	int r;

	if (fd < 0) {
		r = sk_err_errno(err, "open a userfaultfd");
		if (r == -EPERM)
			return sk_err_hint(
				err, r,
				"sysctl vm.unprivileged_userfaultfd=1, or run as root");
		return sk_err_hint(err, r, "run a kernel with CONFIG_USERFAULTFD");
	}
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return sk_err_errno(err, "agree on a version of userfaultfd");
	return 0;
}

static int check_userfaultfd(bool rootless, struct sk_err *err)
{
	(void)rootless;
	return try_userfaultfd(err);
}

static int check_bridge(bool rootless, struct sk_err *err)
{
	return in_netns(rootless, try_bridge, err);
}

static int check_tun(bool rootless, struct sk_err *err)
{
	return in_netns(rootless, try_tun, err);
}

static int check_tc(bool rootless, struct sk_err *err)
{
	return in_netns(rootless, try_tc, err);
}

static const struct {
	const char *name, *detail;
	int (*check)(bool rootless, struct sk_err *err);
	const char *fix;
} checks[] = {
	{"userfaultfd", "post-copy can fetch pages", check_userfaultfd, NULL},
	{"bridge and veth", "a switch with a cable was made", check_bridge,
	 "modprobe bridge veth, or run as root"},
	{"tun", "a tap device was made", check_tun, "run as root"},
	{"tc", NULL, check_tc, "modprobe sch_tbf"},
};

/* Delay and loss on links need more than a rate; without it they are emulated elsewhere. */
static const char *tc_detail(bool rootless)
{
	struct sk_err unused = SK_ERR_INIT;

	return in_netns(rootless, try_netem, &unused) == 0
		       ? "rates (tbf), delay and loss (netem)"
		       : "rates (tbf); no delay and loss: netem is not in this kernel";
}

int sk_net_doctor(const struct sk_home *home, struct sk_json *list, struct sk_err *err)
{
	(void)err;
	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++) {
		struct sk_err why = SK_ERR_INIT;
		const char *detail = checks[i].detail;

		if (checks[i].check(home->is_rootless, &why) == 0 && !detail)
			detail = tc_detail(home->is_rootless);
		sk_trial_report(list, checks[i].name, detail, &why, checks[i].fix);
	}
	return 0;
}
