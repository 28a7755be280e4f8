// SPDX-License-Identifier: Apache-2.0
/* stage - the process between the parent and a child whose namespaces exist already, or whose
 * clocks are set: it joins them and clones the child for the parent
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sock.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/spawn.h"

int sk_spawn_hand_over(struct sk_child *c, uint64_t flags, struct sk_err *err)
{
	int gate[2], pidfd = -1, r;
	bool ignored;
	pid_t pid;
	char end;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	pid = sk_spawn_clone(flags | CLONE_PARENT, NULL, &pidfd, &ignored);
	if (pid == 0) {
		(void)close(gate[1]);
		while (read(gate[0], &end, 1) < 0 && errno == EINTR)
			;
		(void)close(gate[0]);
		return 0;
	}
	if (pid < 0)
		return sk_spawn_explain_clone(c->spec, err);
	r = sk_sock_send_fd(c->sync, pidfd, SK_SYNC_PIDFD);
	(void)close(gate[0]);
	(void)close(gate[1]);
	return r < 0 ? sk_err_code(err, r, "hand on the process") : 1;
}

/* An ordinary user may set clocks only as root of the new user namespace. */
static bool has_early_userns(const struct sk_spec *spec)
{
	return spec->ns[SK_NS_USER].is_new && spec->process.nr_time_offsets &&
	       geteuid() != 0;
}

static int enter(const struct sk_enter *namespaces, struct sk_child *c,
		 struct sk_err *err)
{
	/* the OOM score of one that hides is root's to set: by the parent too late for a user's */
	int r = sk_limits_raise(0, c->spec, err);

	if (r < 0)
		return r;
	if (has_early_userns(c->spec) && unshare(CLONE_NEWUSER) < 0)
		return sk_spawn_explain_clone(c->spec, err);
	r = sk_enter_namespaces(namespaces, err);
	if (r < 0)
		return r;
	c->sysfs_fd = sk_spawn_sysfs(c->spec, err);
	return c->sysfs_fd < -1 ? c->sysfs_fd : 0;
}

/* What is left for the child's clone to make. */
static uint64_t late_flags(const struct sk_spec *spec)
{
	uint64_t flags = sk_spawn_flags(spec);

	if (has_early_userns(spec))
		flags &= ~(uint64_t)CLONE_NEWUSER;
	return spec->process.nr_time_offsets ? flags & ~(uint64_t)CLONE_NEWTIME : flags;
}

static void __attribute__((noreturn))
stage_main(const struct sk_enter *namespaces, struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;
	int r;

	sk_child_arm(c);
	r = enter(namespaces, c, &err);
	if (r == 0)
		r = sk_spawn_hand_over(c, late_flags(c->spec), &err);
	if (r == 0)
		sk_child_main(c);
	if (r < 0)
		sk_child_fail(c, &err);
	_exit(0);
}

/* The stage is cloned into the group, so that its child, which is a child of the caller, is
 * there too: a joined user namespace could not be left, and may not write to the group. */
int sk_spawn_by_stage(const struct sk_sandbox_opts *opts,
		      const struct sk_enter *namespaces, struct sk_child *c,
		      struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		      struct sk_err *err)
{
	sk_autoclose int pidfd = -1;
	pid_t pid = sk_spawn_clone(0, opts->cgroup, &pidfd, &c->in_v2_group);
	int r;

	if (pid == 0) {
		sk_close(&channels->sync);
		stage_main(namespaces, c);
	}
	if (pid < 0)
		return sk_spawn_explain_clone(opts->spec, err);
	sk_spawn_channels_close_child(channels);
	r = sk_spawn_receive(channels, ret, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
