// SPDX-License-Identifier: Apache-2.0
/* spawn - the parent's side: clone, id maps, idmapped mounts, the child's report
 *
 * 1. clone3() with all new namespaces at once, into the v2 group. Where namespaces are joined
 *    by path, or clocks are set, a stage between does that (enter.c) and clones the child for
 *    the caller (CLONE_PARENT): the caller leaves none of its own.
 * 2. Write the id maps; shift layers and volumes into the new user namespace; send them.
 * 3. While the child waits before pivot_root: the hooks of this side.
 * 4. Wait for the report: end of file means that the command was executed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/enter.h"
#include "runtime/sandbox/hook.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/seccomp_notify.h"
#include "runtime/sandbox/spawn.h"
#include "runtime/sandbox/target.h"

/* A user namespace has no power over a network namespace from outside, and so may not
 * mount its sysfs; the parent may. */
int sk_spawn_sysfs(const struct sk_spec *spec, struct sk_err *err)
{
	if (!spec->ns[SK_NS_USER].is_new || spec->ns[SK_NS_NET].is_new || geteuid() != 0)
		return -1;
	return sk_target_fs("sysfs", "sysfs", NULL, 0, err);
}

uint64_t sk_spawn_flags(const struct sk_spec *spec)
{
	uint64_t flags = CLONE_PIDFD;

	for (int i = 0; i < SK_NS_COUNT; i++)
		if (spec->ns[i].is_new && i != SK_NS_CGROUP)
			flags |= sk_spec_ns_flag((enum sk_spec_ns)i);
	return flags;
}

pid_t sk_spawn_clone(uint64_t flags, const struct sk_cgroup *cgroup, int *ret_pidfd,
		     bool *ret_in_v2)
{
	int group = cgroup ? sk_cgroup_v2_fd(cgroup) : -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		/* with CLONE_PARENT that of the caller is inherited */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid;

	*ret_in_v2 = group >= 0;
	if (group >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)group;
	}
	pid = (pid_t)sk_sys_clone3(&args, sizeof(args));
	if (pid >= 0 || group < 0 ||
	    (errno != EBUSY && errno != EACCES && errno != EOPNOTSUPP))
		return pid;
	/* the child tries by itself and says what is wrong */
	*ret_in_v2 = false;
	args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
	args.cgroup = 0;
	return (pid_t)sk_sys_clone3(&args, sizeof(args));
}

/* Asks for one CPU, the one that it runs on; false: it may not. */
static bool stay_here(cpu_set_t *ret_own)
{
	int cpu = sched_getcpu();
	cpu_set_t here;

	if (cpu < 0 || sched_getaffinity(0, sizeof(*ret_own), ret_own) < 0)
		return false;
	CPU_ZERO(&here);
	CPU_SET((size_t)cpu, &here);
	return sched_setaffinity(0, sizeof(here), &here) == 0;
}

pid_t sk_spawn_clone_here(struct sk_child *c, uint64_t flags,
			  struct sk_spawn_channels *channels, struct sk_sandbox *ret)
{
	channels->is_bound = c->spec->is_oci && stay_here(&channels->cpus);
	ret->pid = sk_spawn_clone(flags, c->cgroup, &ret->pidfd, &c->in_v2_group);
	if (ret->pid == 0)
		sk_spawn_go_anywhere(channels);
	return ret->pid;
}

void sk_spawn_go_anywhere(struct sk_spawn_channels *channels)
{
	int code = errno;

	if (channels->is_bound)
		(void)sched_setaffinity(0, sizeof(channels->cpus), &channels->cpus);
	channels->is_bound = false;
	errno = code;
}

int sk_spawn_explain_clone(const struct sk_spec *spec, struct sk_err *err)
{
	int r = sk_err_errno(err, "clone into new namespaces");

	if (r == -EPERM && spec->ns[SK_NS_USER].is_new && geteuid() != 0)
		return sk_err_hint(
			err, r,
			"user namespaces may be switched off for ordinary users: see sysctl kernel.unprivileged_userns_clone and user.max_user_namespaces");
	if (r == -ENOSPC)
		return sk_err_hint(
			err, r, "too many namespaces: see sysctl user.max_*_namespaces");
	return r;
}

static int run_hooks(const struct sk_sandbox_opts *opts, pid_t pid, struct sk_err *err)
{
	const struct sk_hook_list *lists = opts->spec->process.hooks;
	sk_autofree char *state = opts->hook_state(opts->arg, "creating", pid);
	int r;

	if (!state)
		return sk_err_oom(err);
	r = sk_hooks_run(&lists[SK_HOOK_PRESTART], SK_HOOK_PRESTART, state,
			 opts->hook_cwd, err);
	if (r == 0)
		r = sk_hooks_run(&lists[SK_HOOK_CREATE_RUNTIME], SK_HOOK_CREATE_RUNTIME,
				 state, opts->hook_cwd, err);
	return r;
}

/* The child has mounted all and asks; its end shows in the report. */
static int answer_hooks(const struct sk_sandbox_opts *opts, pid_t pid,
			struct sk_spawn_channels *channels, struct sk_err *err)
{
	int r;

	if (!sk_child_wants_state(opts->hook_state, opts->spec) ||
	    !sk_spawn_await_ask(channels->sync))
		return 0;
	sk_spawn_go_anywhere(channels);
	r = run_hooks(opts, pid, err);
	return r < 0 ? r : sk_spawn_answer(channels->sync, pid, err);
}

static int start_child(const struct sk_sandbox_opts *opts, struct sk_child *c,
		       struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		       struct sk_err *err)
{
	sk_auto(sk_enter_finish) struct sk_enter namespaces;
	int r = sk_enter_open(opts->spec, &namespaces, err);

	if (r < 0)
		return r;
	c->mnt_ns_fd = namespaces.fds[SK_NS_MNT];
	if (sk_enter_is_needed(&namespaces))
		return sk_spawn_by_stage(opts, &namespaces, c, channels, ret, err);
	c->sysfs_fd = sk_spawn_sysfs(opts->spec, err);
	if (c->sysfs_fd < -1)
		return c->sysfs_fd;
	if (sk_spawn_clone_here(c, sk_spawn_flags(opts->spec), channels, ret) == 0) {
		sk_close(&channels->sync);
		sk_child_main(c);
	}
	r = ret->pid < 0 ? sk_spawn_explain_clone(opts->spec, err) : 0;
	sk_close(&c->sysfs_fd);
	return r;
}

/* What was inherited is not marked to be closed; all that is opened here is: so a number that
 * nobody handed over is seen, even when it was given out anew. */
static int check_preserved(const struct sk_child *c, struct sk_err *err)
{
	for (unsigned int fd = 3; fd < 3 + c->preserve_fds; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return sk_err_set(
				err, EBADF,
				"descriptor %u shall be handed on, but was not inherited",
				fd);
	}
	return 0;
}

int sk_spawn_prepare(struct sk_child *c, struct sk_err *err)
{
	if (check_preserved(c, err) < 0)
		return -EBADF;
	const struct sk_spec_seccomp *seccomp = c->spec->seccomp_config;
	int r;

	sk_child_caps(c->spec, &c->caps);
	c->notify_fd = -1;
	if (c->spec->seccomp)
		return sk_seccomp_new_default(&c->filter, err);
	if (!seccomp)
		return 0;
	r = sk_seccomp_new(seccomp, &c->filter, err);
	if (r == 0 && seccomp->listener_path) {
		c->notify_fd = sk_notify_connect(seccomp, err);
		r = c->notify_fd < 0 ? c->notify_fd : 0;
	}
	return r;
}

void sk_spawn_release(struct sk_child *c)
{
	sk_seccomp_free(sk_steal(&c->filter));
	sk_close(&c->notify_fd);
	free(sk_steal(&c->layer_fds));
	free(sk_steal(&c->volume_fds));
}

/* Room for the idmapped mounts that the child will receive. */
static int make_room(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;

	if (spec->idmap_layers) {
		c->layer_fds = calloc(sk_strv_len(spec->lowers) + 1, sizeof(int));
		if (!c->layer_fds)
			return sk_err_oom(err);
	}
	return sk_mount_await(c, err);
}

void sk_spawn_reap(struct sk_sandbox *sandbox)
{
	if (sandbox->pid > 0) {
		(void)sk_sys_pidfd_send_signal(sandbox->pidfd, SIGKILL);
		while (waitpid(sandbox->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	sk_close(&sandbox->pidfd);
	sk_close(&sandbox->pty);
	sandbox->pid = -1;
}

/* What both sides have to say to each other, up to the child's exec or gate. */
static int converse(const struct sk_sandbox_opts *opts, const struct sk_child *c,
		    struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		    struct sk_err *err)
{
	int r = sk_cgroup_attach(opts->cgroup, ret->pid, err);

	if (r == 0)
		r = sk_spawn_feed(opts, c, ret, channels->sync, err);
	if (r == 0)
		r = sk_spawn_terminal(ret, opts->spec->tty, channels, err);
	if (r == 0)
		r = answer_hooks(opts, ret->pid, channels, err);
	return sk_spawn_failed(r, ret, opts->cgroup, channels, err);
}

static int spawn(const struct sk_sandbox_opts *opts, struct sk_child *c,
		 struct sk_sandbox *ret, struct sk_err *err)
{
	sk_auto(sk_spawn_channels_finish) struct sk_spawn_channels channels =
		SK_SPAWN_CHANNELS_INIT;
	int r = sk_spawn_channels_open(&channels, c, err);

	if (r == 0)
		r = start_child(opts, c, &channels, ret, err);
	if (r < 0)
		return r;
	sk_spawn_channels_close_child(&channels);
	r = converse(opts, c, &channels, ret, err);
	return r < 0 ? r : sk_spawn_wait_ready(ret, opts->cgroup, &channels, err);
}

int sk_sandbox_spawn(const struct sk_sandbox_opts *opts, struct sk_sandbox *ret,
		     struct sk_err *err)
{
	struct sk_sandbox sandbox = {.pid = -1, .pidfd = -1, .pty = -1};
	sk_auto(sk_spawn_release) struct sk_child c = {
		.spec = opts->spec,
		.cgroup = opts->cgroup,
		.stdio = {opts->stdio[0], opts->stdio[1], opts->stdio[2]},
		.gate_fd = opts->gate_fd,
		.keep_running = opts->keep_running,
		.sysfs_fd = -1,
		.init_fd = -1,
		.init_path = opts->init_path,
		.proc_fd = -1,
		.dev_fd = -1,
		.root_fd = -1,
		.mnt_ns_fd = -1,
		.hook_state = opts->hook_state,
		.hook_arg = opts->arg,
		.hook_cwd = opts->hook_cwd,
		.preserve_fds = opts->preserve_fds,
		.listen_fds = opts->listen_fds,
		.keep_keyring = opts->keep_keyring,
	};
	int r = sk_spawn_prepare(&c, err);

	if (r == 0)
		r = make_room(&c, err);
	if (r == 0)
		r = spawn(opts, &c, &sandbox, err);
	if (r < 0) {
		sk_spawn_reap(&sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}
