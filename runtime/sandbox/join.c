// SPDX-License-Identifier: Apache-2.0
/* join - a further process in the namespaces, groups and limits of a running sandbox
 *
 * 1. The caller joins the pid namespace, which holds for its children only, hides itself,
 *    because they are seen in there (CVE-2016-9962), and clones the process into the v2
 *    group: from inside the container's cgroup namespace the kernel would refuse to move it
 *    there (mount option nsdelegate). Then it takes both back.
 * 2. The process raises limits, as files of the container's /proc prove nothing later; joins
 *    all other namespaces by one setns() on the pidfd of PID 1; enters the v1 groups; and
 *    takes the last steps of a first process.
 *
 * An ordinary user has power over the pid namespace only from within the user namespace, which
 * no process can leave: then a stage joins all and clones the process for the caller
 * (CLONE_PARENT).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sock.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/spawn.h"
#include "runtime/sandbox/target.h"

/* Namespaces that the container has of its own; what it shares need not be joined, and may
 * not be in a user namespace. */
static int namespaces_of(const struct sk_sandbox_join *join)
{
	const struct sk_spec *spec = join->spec;
	uint64_t flags = 0;

	for (int i = 0; i < SK_NS_COUNT; i++)
		if (spec->ns[i].is_new || spec->ns[i].path)
			flags |= sk_spec_ns_flag((enum sk_spec_ns)i);
	return (int)flags;
}

static int open_proc(struct sk_child *c, struct sk_err *err)
{
	if (!c->spec->process.apparmor && !c->spec->process.selinux_label)
		return 0;
	c->proc_fd =
		sk_target_fs("proc", "proc", NULL,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			     err);
	return c->proc_fd < 0 ? c->proc_fd : 0;
}

/* In the namespaces of the container. */
static void __attribute__((noreturn)) further_main(struct sk_child *c, struct sk_err *err)
{
	int r;

	c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = c->root_fd < 0 ? sk_err_errno(err, "open the container's root") : 0;
	if (r == 0)
		r = sk_child_ns(c, err);
	if (r == 0)
		r = sk_child_ask(c, err);
	if (r == 0)
		r = sk_child_user(c, err);
	if (r == 0)
		r = c->spec->tty ? sk_child_tty(c, err) : sk_child_stdio(c, err);
	if (r == 0)
		r = open_proc(c, err);
	if (r == 0)
		r = sk_child_lsm(c, err);
	if (r == 0)
		(void)sk_child_finish_process(c, err);
	sk_child_fail(c, err);
}

static int enter(const struct sk_sandbox_join *join, int namespaces, struct sk_child *c,
		 struct sk_err *err)
{
	int r;

	sk_child_arm(c);
	r = sk_limits_raise(0, c->spec, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return sk_err_errno(err, "hide from the container");
	if (namespaces && setns(join->target_pidfd, namespaces) < 0) {
		r = sk_err_errno(err, "join the namespaces of the container");
		return r == -EPERM ? sk_err_hint(err, r,
						 "only the container's owner may join it")
				   : r;
	}
	return 0;
}

static void __attribute__((noreturn))
direct_main(const struct sk_sandbox_join *join, struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;

	if (enter(join, namespaces_of(join) & ~CLONE_NEWPID, c, &err) < 0)
		sk_child_fail(c, &err);
	further_main(c, &err);
}

static void __attribute__((noreturn))
stage_main(const struct sk_sandbox_join *join, struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_cgroup_attach(join->cgroup, getpid(), &err);

	if (r == 0)
		r = enter(join, namespaces_of(join), c, &err);
	if (r < 0)
		sk_child_fail(c, &err);
	r = sk_spawn_hand_over(c, 0, &err);
	if (r == 0)
		further_main(c, &err);
	if (r < 0)
		sk_child_fail(c, &err);
	_exit(0);
}

static int start_by_stage(const struct sk_sandbox_join *join, struct sk_child *c,
			  struct sk_spawn_channels *channels, struct sk_sandbox *ret,
			  struct sk_err *err)
{
	sk_autoclose int pidfd = -1;
	pid_t pid = sk_spawn_clone(0, join->cgroup, &pidfd, &c->in_v2_group);
	int r;

	if (pid == 0) {
		sk_close(&channels->sync);
		stage_main(join, c);
	}
	if (pid < 0)
		return sk_err_errno(err, "clone into the container's cgroup");
	sk_spawn_channels_close_child(channels);
	r = sk_spawn_receive(channels, ret, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* Children are born in the container's pid namespace from now on; false: it may not. */
static bool aim_at_pids(const struct sk_sandbox_join *join, int *ret_own)
{
	sk_autoclose int own = -1;

	if (!(namespaces_of(join) & CLONE_NEWPID))
		return true;
	own = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
	/* root of a user namespace may enter one below, but not come back: ask before */
	if (own < 0 || setns(own, CLONE_NEWPID) < 0 ||
	    setns(join->target_pidfd, CLONE_NEWPID) < 0)
		return false;
	*ret_own = sk_steal_fd(&own);
	return true;
}

static int start_directly(const struct sk_sandbox_join *join, struct sk_child *c,
			  struct sk_spawn_channels *channels, struct sk_sandbox *ret,
			  struct sk_err *err)
{
	int was_dumpable = prctl(PR_GET_DUMPABLE);

	(void)prctl(PR_SET_DUMPABLE, 0);
	if (sk_spawn_clone_here(c, 0, channels, ret) == 0) {
		sk_close(&channels->sync);
		direct_main(join, c);
	}
	if (was_dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1);
	return ret->pid < 0 ? sk_err_errno(err, "clone into the container's cgroup") : 0;
}

/* With "initial" CPUs the kernel shall never run it elsewhere, not even on its first tick. */
static int start_on_cpus(const struct sk_sandbox_join *join, struct sk_child *c,
			 struct sk_spawn_channels *channels, struct sk_sandbox *ret,
			 struct sk_err *err)
{
	const char *initial = join->spec->process.cpus_initial;
	sk_autoclose int own_pids = -1;
	uint64_t own_cpus[SK_SPEC_MAX_CPUS / 64];
	int r = 0;

	if (initial && syscall(SYS_sched_getaffinity, 0, sizeof(own_cpus), own_cpus) < 0)
		return sk_err_errno(err, "read the CPUs of the caller");
	r = sk_sched_set_cpus(initial, err);
	if (r < 0)
		return r;
	/* a stage is moved by its number before it clones: in here the process has another one */
	if (!sk_cgroup_is_moved_by_manager(join->cgroup) && aim_at_pids(join, &own_pids))
		r = start_directly(join, c, channels, ret, err);
	else
		r = start_by_stage(join, c, channels, ret, err);
	if (initial) {
		sk_spawn_go_anywhere(channels);
		(void)syscall(SYS_sched_setaffinity, 0, sizeof(own_cpus), own_cpus);
	}
	if (own_pids >= 0 && setns(own_pids, CLONE_NEWPID) < 0 && r == 0)
		r = sk_err_errno(err, "return to the own pid namespace");
	return r;
}

static int join_sandbox(const struct sk_sandbox_join *join, struct sk_child *c,
			struct sk_sandbox *ret, struct sk_err *err)
{
	sk_auto(sk_spawn_channels_finish) struct sk_spawn_channels channels =
		SK_SPAWN_CHANNELS_INIT;
	int r = sk_spawn_channels_open(&channels, c, err);

	if (r == 0)
		r = start_on_cpus(join, c, &channels, ret, err);
	sk_spawn_channels_close_child(&channels);
	if (r == 0 && sk_child_wants_state(join->hook_state, join->spec) &&
	    sk_spawn_await_ask(channels.sync))
		r = sk_spawn_answer(channels.sync, ret->pid, err);
	if (r == 0)
		r = sk_spawn_terminal(ret, join->spec->tty, &channels, err);
	r = sk_spawn_failed(r, ret, join->cgroup, &channels, err);
	return r < 0 ? r : sk_spawn_wait_ready(ret, join->cgroup, &channels, err);
}

int sk_sandbox_join(const struct sk_sandbox_join *join, struct sk_sandbox *ret,
		    struct sk_err *err)
{
	struct sk_sandbox sandbox = {.pid = -1, .pidfd = -1, .pty = -1};
	sk_auto(sk_spawn_release) struct sk_child c = {
		.spec = join->spec,
		.cgroup = join->cgroup,
		.stdio = {join->stdio[0], join->stdio[1], join->stdio[2]},
		.gate_fd = -1,
		.sysfs_fd = -1,
		.init_fd = -1,
		.proc_fd = -1,
		.dev_fd = -1,
		.root_fd = -1,
		.keep_running = join->keep_running,
		.is_further = true,
		.mnt_ns_fd = -1,
		.preserve_fds = join->preserve_fds,
		.listen_fds = join->listen_fds,
		.keep_keyring = join->keep_keyring,
		.hook_state = join->hook_state,
		.hook_arg = join->arg,
	};
	int r = sk_spawn_prepare(&c, err);

	if (r == 0)
		r = join_sandbox(join, &c, &sandbox, err);
	if (r < 0) {
		sk_spawn_reap(&sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}
