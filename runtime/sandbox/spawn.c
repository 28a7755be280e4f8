// SPDX-License-Identifier: Apache-2.0
/* spawn - the parent's side: clone, id maps, idmapped mounts, the child's report
 *
 * 1. Join namespaces by path, so that the child is born in them; come back after clone3().
 * 2. clone3() with all new namespaces at once, into the v2 group.
 * 3. Write the id maps; shift layers and volumes into the new user namespace; send them.
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
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/spawn.h"
#include "runtime/sandbox/target.h"

/* The namespaces that a process is born in, as seen from its parent. */
static const enum sk_spec_ns joinable[] = {SK_NS_NET, SK_NS_IPC, SK_NS_UTS, SK_NS_PID};

struct own_namespaces {
	int fds[SK_NS_COUNT]; /* -1: was not left */
};

static int rejoin(struct own_namespaces *own, struct sk_err *err)
{
	int r = 0;

	for (int i = 0; i < SK_NS_COUNT; i++) {
		if (own->fds[i] < 0)
			continue;
		if (setns(own->fds[i], (int)sk_spec_ns_flag((enum sk_spec_ns)i)) < 0)
			r = sk_err_errno(err, "return to the own %s namespace",
					 sk_spec_ns_name((enum sk_spec_ns)i));
		sk_close(&own->fds[i]);
	}
	return r;
}

static int join_one(enum sk_spec_ns ns, const char *path, struct own_namespaces *own,
		    struct sk_err *err)
{
	sk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char self[32];

	if (fd < 0)
		return sk_err_errno(err, "open the %s namespace '%s'",
				    sk_spec_ns_name(ns), path);
	(void)snprintf(self, sizeof(self), "/proc/self/ns/%s", sk_spec_ns_name(ns));
	own->fds[ns] = open(self, O_RDONLY | O_CLOEXEC);
	if (own->fds[ns] < 0)
		return sk_err_errno(err, "open '%s'", self);
	if (setns(fd, (int)sk_spec_ns_flag(ns)) < 0)
		return sk_err_errno(err, "join the %s namespace '%s'",
				    sk_spec_ns_name(ns), path);
	return 0;
}

static int join_paths(const struct sk_spec *spec, struct own_namespaces *own,
		      struct sk_err *err)
{
	for (int i = 0; i < SK_NS_COUNT; i++)
		own->fds[i] = -1;
	for (size_t i = 0; i < SK_ARRAY_SIZE(joinable); i++) {
		const char *path = spec->ns[joinable[i]].path;
		int r = path ? join_one(joinable[i], path, own, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

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

static int send_mount(int sync, char tag, const char *path, bool recursive, int userns,
		      struct sk_err *err)
{
	sk_autoclose int fd = sk_idmap_mount(path, userns, recursive, err);
	int r;

	if (fd < 0)
		return fd;
	r = sk_sock_send_fd(sync, fd, tag);
	if (r < 0)
		return sk_err_code(err, r, "send '%s' to the container", path);
	return 0;
}

static int send_mounts(const struct sk_spec *spec, int sync, int userns,
		       struct sk_err *err)
{
	int r = 0;

	for (char **lower = spec->lowers; r == 0 && lower && *lower; lower++)
		r = send_mount(sync, SK_SYNC_LAYER, *lower, false, userns, err);
	if (r == 0 && spec->lowers)
		r = send_mount(sync, SK_SYNC_UPPER, spec->layer_dir, false, userns, err);
	for (size_t i = 0; r == 0 && i < spec->nr_mounts; i++) {
		const struct sk_spec_mount *m = &spec->mounts[i];

		if (m->is_idmapped)
			r = send_mount(sync, SK_SYNC_VOLUME, m->source, m->recursive,
				       userns, err);
	}
	return r;
}

/* What the child waits for before it mounts anything. */
static int feed(const struct sk_spec *spec, const struct sk_sandbox *sandbox, int sync,
		struct sk_err *err)
{
	sk_autoclose int userns = -1;
	int r;

	if (spec->ns[SK_NS_USER].is_new) {
		r = sk_idmap_write(sandbox->pid, spec, err);
		if (r < 0)
			return r;
	}
	if (spec->ns[SK_NS_USER].is_new && spec->idmap_layers) {
		userns = sk_idmap_userns(sandbox->pid, err);
		if (userns < 0)
			return userns;
		r = send_mounts(spec, sync, userns, err);
		if (r < 0)
			return r;
	}
	r = sk_sock_send_fd(sync, sandbox->pidfd, SK_SYNC_GO);
	if (r < 0)
		return sk_err_code(err, r, "send to the container");
	return 0;
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

int sk_spawn_wait_ready(struct sk_sandbox *sandbox, bool tty,
			const struct sk_spawn_channels *channels, struct sk_err *err)
{
	int r;

	if (tty) {
		sandbox->pty = receive_pty(channels->sync, err);
		if (sandbox->pty < -1)
			return sandbox->pty;
	}
	r = sk_spawn_report(channels->report, err);
	if (r < 0)
		return r;
	/* killed before it could say anything looks like an exec, but for its end */
	if (tty && sandbox->pty < 0)
		return sk_err_set(err, EIO,
				  "the container ended before it had a terminal");
	return 0;
}

static int start_child(const struct sk_sandbox_opts *opts, struct sk_child *c,
		       struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		       struct sk_err *err)
{
	struct own_namespaces own;
	int r = join_paths(opts->spec, &own, err);

	if (r == 0) {
		c->sysfs_fd = open_sysfs(opts->spec, err);
		r = c->sysfs_fd < -1 ? c->sysfs_fd : 0;
	}
	if (r == 0) {
		ret->pid = sk_spawn_clone(clone_flags(opts->spec), opts->cgroup,
					  &ret->pidfd, &c->in_v2_group);
		if (ret->pid == 0) {
			sk_close(&channels->sync);
			sk_child_main(c);
		}
		if (ret->pid < 0)
			r = explain_clone(opts->spec, err);
	}
	if (rejoin(&own, err) < 0 && r == 0)
		r = -EIO;
	sk_close(&c->sysfs_fd);
	return r;
}

int sk_spawn_prepare(struct sk_child *c, struct sk_err *err)
{
	int r = sk_child_caps(c->spec, &c->caps, err);

	if (r == 0 && c->spec->seccomp)
		r = sk_seccomp_new_default(&c->filter, err);
	return r;
}

void sk_spawn_release(struct sk_child *c)
{
	sk_seccomp_free(sk_steal(&c->filter));
	free(sk_steal(&c->layer_fds));
	free(sk_steal(&c->volume_fds));
}

/* Room for the idmapped mounts that the child will receive. */
static int make_room(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;

	if (!spec->idmap_layers)
		return 0;
	c->layer_fds = calloc(sk_strv_len(spec->lowers) + 1, sizeof(int));
	c->volume_fds = calloc(spec->nr_mounts + 1, sizeof(int));
	if (!c->layer_fds || !c->volume_fds)
		return sk_err_oom(err);
	memset(c->volume_fds, 0xff, (spec->nr_mounts + 1) * sizeof(int));
	return 0;
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
	r = feed(opts->spec, ret, channels.sync, err);
	/* a child that failed in the meantime knows better than a broken socket */
	if (r == -EPIPE || r == -ECONNRESET) {
		int why = sk_spawn_report(channels.report, err);

		return why < 0 ? why : r;
	}
	return r < 0 ? r : sk_spawn_wait_ready(ret, opts->spec->tty, &channels, err);
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
		.root_fd = -1,
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
