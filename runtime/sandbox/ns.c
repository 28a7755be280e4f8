// SPDX-License-Identifier: Apache-2.0
/* ns - the child's first steps: die with the parent, enter groups, hear from the parent */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/mount.h"

void sk_child_arm(const struct sk_child *c)
{
	struct pollfd parent = {.fd = c->sync, .events = 0};

	if (c->keep_running)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* it may have died before the line above: its end of the socket tells */
	if (poll(&parent, 1, 0) > 0 && (parent.revents & (POLLHUP | POLLERR)))
		_exit(1);
}

static void reset_signals(void)
{
	sigset_t none;

	sk_sys_signals_default();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int sk_child_ns(struct sk_child *c, struct sk_err *err)
{
	int r;

	sk_child_arm(c);
	reset_signals();
	if (setsid() < 0)
		return sk_err_errno(err, "start a new session");
	if (c->mnt_ns_fd >= 0 && setns(c->mnt_ns_fd, CLONE_NEWNS) < 0)
		return sk_err_errno(err, "join the mnt namespace '%s'",
				    c->spec->ns[SK_NS_MNT].path);
	if (c->cgroup) {
		r = sk_cgroup_enter(c->cgroup, !c->in_v2_group, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int *next_slot(struct sk_child *c, char tag, size_t *layer)
{
	if (tag == SK_SYNC_LAYER || tag == SK_SYNC_UPPER)
		return &c->layer_fds[(*layer)++];
	return sk_mount_slot(c);
}

int sk_child_receive(struct sk_child *c, struct sk_err *err)
{
	size_t layer = 0;

	for (;;) {
		char tag = 0;
		int fd = sk_sock_recv_fd(c->sync, &tag);
		int *slot;

		if (fd == -EPIPE)
			_exit(1);
		if (tag == SK_SYNC_GO) {
			sk_close(&fd);
			break;
		}
		if (fd < 0)
			return sk_err_code(err, fd, "receive from the parent");
		slot = next_slot(c, tag, &layer);
		if (!slot)
			return sk_err_set(err, EPROTO, "a mount too many was received");
		*slot = fd;
	}
	if (c->spec->ns[SK_NS_CGROUP].is_new && unshare(CLONE_NEWCGROUP) < 0)
		return sk_err_errno(err, "make a cgroup namespace");
	return 0;
}
