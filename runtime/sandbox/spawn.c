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
static int open_sysfs(const struct sk_spec *spec, struct sk_err *err)
{
	if (!spec->ns[SK_NS_USER].is_new || spec->ns[SK_NS_NET].is_new || geteuid() != 0)
		return -1;
	return sk_target_fs("sysfs", "sysfs", NULL, 0, err);
}

static uint64_t clone_flags(const struct sk_spec *spec)
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

static int explain_clone(const struct sk_spec *spec, struct sk_err *err)
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

static int send_layer(int sync, char tag, const char *path, int userns,
		      struct sk_err *err)
{
	sk_autoclose int fd = sk_idmap_mount(path, userns, false, err);
	int r;

	if (fd < 0)
		return fd;
	r = sk_sock_send_fd(sync, fd, tag);
	if (r < 0)
		return sk_err_code(err, r, "send '%s' to the container", path);
	return 0;
}

static int send_layers(const struct sk_spec *spec, int sync, int userns,
		       struct sk_err *err)
{
	int r = 0;

	for (char **lower = spec->lowers; r == 0 && lower && *lower; lower++)
		r = send_layer(sync, SK_SYNC_LAYER, *lower, userns, err);
	if (r == 0 && spec->lowers)
		r = send_layer(sync, SK_SYNC_UPPER, spec->layer_dir, userns, err);
	return r;
}

/* What the child waits for before it mounts anything. */
static int feed(const struct sk_sandbox_opts *opts, const struct sk_child *c,
		const struct sk_sandbox *sandbox, int sync, struct sk_err *err)
{
	const struct sk_spec *spec = opts->spec;
	sk_autoclose int userns = -1;
	int r;

	if (spec->ns[SK_NS_USER].is_new) {
		r = sk_idmap_write(sandbox->pid, spec, err);
		if (r < 0)
			return r;
	}
	if (sk_spec_has_userns(spec) && (spec->idmap_layers || c->volume_fds)) {
		userns = sk_idmap_userns(sandbox->pid, err);
		if (userns < 0)
			return userns;
	}
	if (spec->ns[SK_NS_USER].is_new && spec->idmap_layers) {
		r = send_layers(spec, sync, userns, err);
		if (r < 0)
			return r;
	}
	r = sk_mount_send(c, sync, userns, err);
	if (r < 0)
		return r;
	if (opts->on_cloned) {
		r = opts->on_cloned(opts->arg, sandbox->pid, err);
		if (r < 0)
			return r;
	}
	r = sk_sock_send_fd(sync, sandbox->pidfd, SK_SYNC_GO);
	if (r < 0)
		return sk_err_code(err, r, "send to the container");
	return 0;
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

bool sk_spawn_await_ask(int sync)
{
	char tag = 0;
	ssize_t n;

	do {
		n = recv(sync, &tag, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 1 && tag == SK_SYNC_HOOKS;
}

int sk_spawn_answer(int sync, pid_t pid, struct sk_err *err)
{
	if (send(sync, &pid, sizeof(pid), MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return sk_err_errno(err, "send to the container");
	return 0;
}

/* The child has mounted all and asks; its end shows in the report. */
static int answer_hooks(const struct sk_sandbox_opts *opts, pid_t pid, int sync,
			struct sk_err *err)
{
	int r;

	if (!sk_child_wants_state(opts->hook_state, opts->spec) ||
	    !sk_spawn_await_ask(sync))
		return 0;
	r = run_hooks(opts, pid, err);
	return r < 0 ? r : sk_spawn_answer(sync, pid, err);
}

/* Only "not found" and "cannot be executed" may have the codes that mean just that. */
static int other_code(int code)
{
	return code == ENOENT ? ENOTDIR : code == EACCES ? EPERM : code ? code : EIO;
}

int sk_spawn_report(int report, struct sk_err *err)
{
	struct sk_child_report message;
	ssize_t n;

	do {
		n = read(report, &message, sizeof(message));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(message))
		return sk_err_set(err, EPROTO,
				  "the report of the container is malformed");
	if (message.stage == SK_CHILD_READY)
		return 0;
	if (message.stage == SK_CHILD_SETUP)
		message.err.code = other_code(message.err.code);
	if (err)
		*err = message.err;
	return -message.err.code;
}

/* The master that the child sends; -1 when it ended before, or -errno. */
static int receive_pty(int sync, struct sk_err *err)
{
	char tag = 0;
	int fd = sk_sock_recv_fd(sync, &tag);

	if (fd >= 0 && tag == SK_SYNC_PTY)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return fd == -EPIPE ? -1 : sk_err_set(err, EPROTO, "no terminal was received");
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

static int receive_terminal(struct sk_sandbox *sandbox, bool tty, int sync,
			    struct sk_err *err)
{
	if (!tty)
		return 0;
	sandbox->pty = receive_pty(sync, err);
	return sandbox->pty < -1 ? sandbox->pty : 0;
}

static int await_report(const struct sk_sandbox *sandbox, bool tty, int report,
			struct sk_err *err)
{
	int r = sk_spawn_report(report, err);

	if (r < 0)
		return r;
	/* killed before it could say anything looks like an exec, but for its end */
	if (tty && sandbox->pty < 0)
		return sk_err_set(err, EIO,
				  "the container ended before it had a terminal");
	return 0;
}

int sk_spawn_wait_ready(struct sk_sandbox *sandbox, bool tty,
			const struct sk_spawn_channels *channels, struct sk_err *err)
{
	int r = receive_terminal(sandbox, tty, channels->sync, err);

	return r < 0 ? r : await_report(sandbox, tty, channels->report, err);
}

static pid_t pid_of(int pidfd)
{
	sk_autofree char *text = NULL;
	const char *line;
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (sk_fs_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return -1;
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

int sk_spawn_receive(const struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		     struct sk_err *err)
{
	char tag = 0;
	int fd = sk_sock_recv_fd(channels->sync, &tag), r;

	if (fd < 0 || tag != SK_SYNC_PIDFD) {
		if (fd >= 0)
			(void)close(fd);
		r = sk_spawn_report(channels->report, err);
		return r < 0 ? r
			     : sk_err_set(err, EIO,
					  "the process that joins namespaces was killed");
	}
	ret->pidfd = fd;
	ret->pid = pid_of(fd);
	return 0;
}

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
		return explain_clone(c->spec, err);
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
	int r;

	if (has_early_userns(c->spec) && unshare(CLONE_NEWUSER) < 0)
		return explain_clone(c->spec, err);
	r = sk_enter_namespaces(namespaces, err);
	if (r < 0)
		return r;
	c->sysfs_fd = open_sysfs(c->spec, err);
	return c->sysfs_fd < -1 ? c->sysfs_fd : 0;
}

/* What is left for the child's clone to make. */
static uint64_t late_flags(const struct sk_spec *spec)
{
	uint64_t flags = clone_flags(spec);

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
static int start_by_stage(const struct sk_sandbox_opts *opts,
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
		return explain_clone(opts->spec, err);
	sk_spawn_channels_close_child(channels);
	r = sk_spawn_receive(channels, ret, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
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
		return start_by_stage(opts, &namespaces, c, channels, ret, err);
	c->sysfs_fd = open_sysfs(opts->spec, err);
	if (c->sysfs_fd < -1)
		return c->sysfs_fd;
	ret->pid = sk_spawn_clone(clone_flags(opts->spec), opts->cgroup, &ret->pidfd,
				  &c->in_v2_group);
	if (ret->pid == 0) {
		sk_close(&channels->sync);
		sk_child_main(c);
	}
	r = ret->pid < 0 ? explain_clone(opts->spec, err) : 0;
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

int sk_spawn_channels_open(struct sk_spawn_channels *channels, struct sk_child *c,
			   struct sk_err *err)
{
	int pair[2], r = sk_sock_pair(pair);

	if (r < 0)
		return sk_err_code(err, r, "make a socket pair");
	channels->sync = pair[0];
	channels->child_sync = c->sync = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	channels->report = pair[0];
	channels->child_report = c->report = pair[1];
	return 0;
}

void sk_spawn_channels_close_child(struct sk_spawn_channels *channels)
{
	sk_close(&channels->child_report);
	sk_close(&channels->child_sync);
}

void sk_spawn_channels_finish(struct sk_spawn_channels *channels)
{
	sk_spawn_channels_close_child(channels);
	sk_close(&channels->report);
	sk_close(&channels->sync);
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
	r = opts->cgroup ? sk_cgroup_attach(opts->cgroup, ret->pid, err) : 0;
	if (r == 0)
		r = feed(opts, c, ret, channels.sync, err);
	/* a child that failed in the meantime knows better than a broken socket */
	if (r == -EPIPE || r == -ECONNRESET) {
		int why = sk_spawn_report(channels.report, err);

		return why < 0 ? why : r;
	}
	if (r == 0)
		r = receive_terminal(ret, opts->spec->tty, channels.sync, err);
	if (r == 0)
		r = answer_hooks(opts, ret->pid, channels.sync, err);
	return r < 0 ? r : await_report(ret, opts->spec->tty, channels.report, err);
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

int sk_sandbox_await_exec(int sock, struct sk_err *err)
{
	return sk_spawn_report(sock, err);
}
