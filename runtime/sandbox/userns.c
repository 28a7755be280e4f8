// SPDX-License-Identifier: Apache-2.0
/* userns - small work as root of a user namespace, without a container around it */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sock.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/spawn.h"

static void __attribute__((noreturn))
work(struct sk_child *c, int (*fn)(void *arg, struct sk_err *err), void *arg)
{
	struct sk_err err = SK_ERR_INIT;
	char tag = 0;
	int fd, r;

	sk_child_arm(c);
	fd = sk_sock_recv_fd(c->sync, &tag);
	if (fd < 0 || tag != SK_SYNC_GO)
		_exit(1);
	r = sk_child_become_root(c, &err);
	if (r == 0)
		r = fn(arg, &err);
	if (r < 0)
		sk_child_fail(c, &err);
	_exit(0);
}

static int await_end(struct sk_sandbox *child, struct sk_err *err)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = -1;
	if (status != 0)
		return sk_err_set(
			err, EIO,
			"the process in a user namespace was killed (status %d)", status);
	return 0;
}

static int drive(const struct sk_spec *spec, struct sk_sandbox *child,
		 const struct sk_spawn_channels *channels, struct sk_err *err)
{
	int r = sk_idmap_write(child->pid, spec, err);

	if (r < 0)
		return r;
	r = sk_sock_send_fd(channels->sync, child->pidfd, SK_SYNC_GO);
	if (r < 0)
		return sk_err_code(err, r, "start work in a user namespace");
	r = sk_spawn_report(channels->report, err);
	return r < 0 ? r : await_end(child, err);
}

int sk_sandbox_in_userns(const struct sk_spec *spec,
			 int (*fn)(void *arg, struct sk_err *err), void *arg,
			 struct sk_err *err)
{
	sk_auto(sk_spawn_channels_finish) struct sk_spawn_channels channels =
		SK_SPAWN_CHANNELS_INIT;
	struct sk_sandbox child = {.pid = -1, .pidfd = -1, .pty = -1};
	struct sk_spec own = *spec; /* borrows the rest */
	struct sk_child c = {.spec = &own};
	int r = sk_spawn_channels_open(&channels, &c, err);

	if (r < 0)
		return r;
	own.ns[SK_NS_USER].is_new = true;
	child.pid = sk_spawn_clone(CLONE_NEWUSER, NULL, &child.pidfd, &c.in_v2_group);
	if (child.pid < 0)
		return sk_err_errno(err, "make a user namespace");
	if (child.pid == 0) {
		sk_close(&channels.sync);
		work(&c, fn, arg);
	}
	sk_spawn_channels_close_child(&channels);
	r = sk_spawn_failed(drive(&own, &child, &channels, err), &child, NULL, &channels,
			    err);
	sk_spawn_reap(&child);
	return r;
}
