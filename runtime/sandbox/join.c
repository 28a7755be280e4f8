// SPDX-License-Identifier: Apache-2.0
/* join - a further process in the namespaces, groups and limits of a running sandbox
 *
 * 1. A helper is cloned into the v2 group, so that the caller stays where it is, and its
 *    child will be in the group too: from inside the container's cgroup namespace the
 *    kernel would refuse to move it there (mount option nsdelegate). It makes itself
 *    undumpable: the container could look at it (CVE-2016-9962, CVE-2019-5736).
 * 2. The helper joins all namespaces of PID 1 by one setns() on its pidfd.
 * 3. It clones the process as a child of the caller (CLONE_PARENT), which is then in the pid
 *    namespace too, sends its pidfd, and ends.
 * 4. The process enters the v1 groups itself and takes the last steps of a first process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/spawn.h"

#define SYNC_PIDFD 'c'

static void __attribute__((noreturn)) further_main(struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;
	int r;

	c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = c->root_fd < 0 ? sk_err_errno(&err, "open the container's root") : 0;
	if (r == 0)
		r = sk_child_ns(c, &err);
	if (r == 0)
		r = sk_child_user(c, &err);
	if (r == 0)
		r = c->spec->tty ? sk_child_tty(c, &err) : sk_child_stdio(c, &err);
	if (r == 0)
		r = sk_child_rlimits(c, &err);
	if (r == 0)
		(void)sk_child_finish_process(c, &err);
	sk_child_fail(c, &err);
}

static int enter_namespaces(const struct sk_sandbox_join *join, struct sk_err *err)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWNET | CLONE_NEWCGROUP;

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return sk_err_errno(err, "hide from the container");
	if (join->has_userns)
		flags |= CLONE_NEWUSER;
	if (join->spec->ns[SK_NS_TIME].is_new)
		flags |= CLONE_NEWTIME;
	if (setns(join->target_pidfd, flags) < 0)
		return sk_err_errno(err, "join the namespaces of the container");
	return 0;
}

static void __attribute__((noreturn))
helper_main(const struct sk_sandbox_join *join, struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;
	int pidfd = -1, r = enter_namespaces(join, &err);
	bool is_inherited;
	pid_t pid;

	if (r < 0)
		sk_child_fail(c, &err);
	pid = sk_spawn_clone(CLONE_PARENT, NULL, &pidfd, &is_inherited);
	if (pid == 0)
		further_main(c);
	if (pid < 0)
		r = sk_err_errno(&err, "clone in the container");
	else
		r = sk_sock_send_fd(c->sync, pidfd, SYNC_PIDFD);
	if (r < 0)
		sk_child_fail(c, &err);
	_exit(0);
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

static int receive_process(const struct sk_spawn_channels *channels,
			   struct sk_sandbox *ret, struct sk_err *err)
{
	char tag = 0;
	int fd = sk_sock_recv_fd(channels->sync, &tag), r;

	if (fd < 0 || tag != SYNC_PIDFD) {
		if (fd >= 0)
			(void)close(fd);
		r = sk_spawn_report(channels->report, err);
		return r < 0 ? r
			     : sk_err_set(err, EIO, "the container's helper was killed");
	}
	ret->pidfd = fd;
	ret->pid = pid_of(fd);
	return 0;
}

static int run_helper(const struct sk_sandbox_join *join, struct sk_child *c,
		      struct sk_spawn_channels *channels, struct sk_err *err)
{
	sk_autoclose int pidfd = -1;
	pid_t pid = sk_spawn_clone(0, join->cgroup, &pidfd, &c->in_v2_group);

	if (pid == 0) {
		sk_close(&channels->sync);
		helper_main(join, c);
	}
	return pid < 0 ? sk_err_errno(err, "clone into the container's cgroup") : pid;
}

static int join_sandbox(const struct sk_sandbox_join *join, struct sk_child *c,
			struct sk_sandbox *ret, struct sk_err *err)
{
	sk_auto(sk_spawn_channels_finish) struct sk_spawn_channels channels =
		SK_SPAWN_CHANNELS_INIT;
	int r = sk_spawn_channels_open(&channels, c, err), helper;

	if (r < 0)
		return r;
	helper = run_helper(join, c, &channels, err);
	if (helper < 0)
		return helper;
	sk_spawn_channels_close_child(&channels);
	r = receive_process(&channels, ret, err);
	while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : sk_spawn_wait_ready(ret, join->spec->tty, &channels, err);
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
		.root_fd = -1,
		.keep_running = join->keep_running,
		.is_further = true,
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
