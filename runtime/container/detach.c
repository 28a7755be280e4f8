// SPDX-License-Identifier: Apache-2.0
/* detach - launch a container under a monitor
 *
 * 1. Fork twice: the monitor-to-be belongs to init, not to the caller.
 * 2. It launches the container as its parent, with pipes (or a terminal) as stdio.
 * 3. It executes skiff-monitor, which says that it is ready; or it reports the failure.
 * 4. The caller waits for that one message.
 *
 * A kill of the caller leaves a container that runs; a kill of the monitor, at any step,
 * kills the container with it, and the next command cleans up.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/container/launch.h"
#include "runtime/container/monitor.h"

static void __attribute__((noreturn)) fail(int ready, int r, const struct sk_err *err)
{
	struct sk_monitor_ready message = {.result = r, .err = *err};

	(void)!write(ready, &message, sizeof(message));
	_exit(1);
}

static int open_pipes(int out[2], int errors[2], int *null_fd, struct sk_err *err)
{
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe for the log");
	*null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (*null_fd < 0)
		return sk_err_errno(err, "open '/dev/null'");
	return 0;
}

/* First out of the way of the numbers that they shall have, then to them. */
static int place(const int fds[SK_MONITOR_NR], struct sk_err *err)
{
	int high[SK_MONITOR_NR];

	for (int i = 0; i < SK_MONITOR_NR; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0)
			return sk_err_errno(err, "hand descriptor %d to the monitor", i);
	}
	for (int i = 0; i < SK_MONITOR_NR; i++)
		if (dup2(high[i], i) < 0)
			return sk_err_errno(err, "hand descriptor %d to the monitor", i);
	if (sk_sys_close_range(SK_MONITOR_NR, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return sk_err_errno(err, "mark descriptors to be closed");
	return 0;
}

static int become_monitor(const struct sk_home *home, const struct sk_container *ctr,
			  const char *program, int fds[SK_MONITOR_NR], struct sk_err *err)
{
	const char *const argv[] = {"skiff-monitor", home->root, home->runroot,
				    ctr->state->id, NULL};
	int r = place(fds, err);

	if (r < 0)
		return r;
	(void)execv(program, (char *const *)argv);
	return sk_err_errno(err, "execute '%s'", program);
}

static int launch_under(const struct sk_home *home, const struct sk_run_opts *opts,
			const char *program, int ready, struct sk_err *err)
{
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	int out[2], errors[2], null_fd = -1, r;

	r = open_pipes(out, errors, &null_fd, err);
	if (r < 0)
		return r;
	r = sk_launch_as(home, opts, (int[]){null_fd, out[1], errors[1]}, "monitor", &ctr,
			 err);
	if (r < 0)
		return r;
	/* its ends must close with the container's */
	(void)close(out[1]);
	(void)close(errors[1]);
	return become_monitor(home, ctr, program,
			      (int[SK_MONITOR_NR]){
				      null_fd,
				      null_fd,
				      null_fd,
				      [SK_MONITOR_LOCK] = ctr->state->lock_fd,
				      [SK_MONITOR_PIDFD] = ctr->pidfd,
				      [SK_MONITOR_OUT] =
					      ctr->pty >= 0 ? ctr->pty : out[0],
				      [SK_MONITOR_ERR] =
					      ctr->pty >= 0 ? null_fd : errors[0],
				      [SK_MONITOR_READY] = ready,
			      },
			      err);
}

static void __attribute__((noreturn))
monitor_main(const struct sk_home *home, const struct sk_run_opts *opts,
	     const char *program, int ready)
{
	struct sk_err err = SK_ERR_INIT;
	pid_t pid;
	int r;

	(void)setsid();
	pid = fork();
	if (pid != 0)
		_exit(pid < 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)!chdir("/");
	r = launch_under(home, opts, program, ready, &err);
	fail(ready, r, &err);
}

static int await(int ready, char **ret_id, struct sk_err *err)
{
	struct sk_monitor_ready message;
	ssize_t n;

	do {
		n = read(ready, &message, sizeof(message));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(message))
		return sk_err_set(err, EIO, "the monitor of the container was killed");
	if (message.result < 0) {
		if (err)
			*err = message.err;
		return message.result;
	}
	*ret_id = strdup(message.id);
	return *ret_id ? 0 : sk_err_oom(err);
}

int sk_container_run_detached(const struct sk_home *home, const struct sk_run_opts *opts,
			      char **ret_id, struct sk_err *err)
{
	sk_autofree char *program = NULL;
	sk_autoclose int in = -1, out = -1;
	int ready[2], r;
	pid_t pid;

	r = sk_proc_libexec("skiff-monitor", &program, err);
	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	in = ready[0];
	out = ready[1];
	pid = fork();
	if (pid == 0) {
		sk_close(&in);
		monitor_main(home, opts, program, out);
	}
	if (pid < 0)
		return sk_err_errno(err, "fork");
	sk_close(&out);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return await(in, ret_id, err);
}
