// SPDX-License-Identifier: Apache-2.0
/* run - a container in the foreground */
#include <signal.h>

#include "lib/log.h"
#include "runtime/container/attach.h"
#include "runtime/container/launch.h"

/* Status that a shell would give for the signal that asked for the end. */
static void note_forced(const struct sk_attach *attach, struct sk_exit *end)
{
	if (attach->forced && end->status == 128 + SIGKILL && !end->oom)
		end->status = 128 + attach->forced;
}

int sk_container_run(const struct sk_home *home, const struct sk_run_opts *opts,
		     struct sk_exit *ret, struct sk_err *err)
{
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	sk_autoclose int null_fd = -1;
	int stdio[3];
	int r = sk_attach_stdio(opts->interactive, stdio, &null_fd, err);

	if (r < 0)
		return r;
	r = sk_attach_init(&attach, err);
	if (r < 0)
		return r;
	r = sk_launch_as(home, opts, stdio, "skiff", &ctr, err);
	if (r < 0)
		return r;
	r = sk_attach_wait(&attach, ctr->pidfd, ctr->pty, opts->interactive, true, err);
	if (r < 0)
		return r;
	r = sk_container_finish(ctr, !opts->rm, ret, err);
	if (r == 0 && ret) {
		sk_log_debug("container '%s': ended with status %d and is cleaned up",
			     ret->id, ret->status);
		note_forced(&attach, ret);
	}
	return r;
}
