// SPDX-License-Identifier: Apache-2.0
/* report - what the parent hears from its child: descriptors, questions, its failure, its death
 *
 * The end of the report's pipe means that the command was executed, or that the child was killed
 * before: the kernel knows whether a process has executed anything since it was cloned. What a
 * child reports, or dies of, comes before what the parent met because of it, such as a broken
 * socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/spawn.h"

#define DEATH_MS 1000

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
	sk_spawn_go_anywhere(channels);
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
		return SK_SPAWN_END;
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

static int explain_oom(const struct sk_cgroup *cgroup, int r, struct sk_err *err)
{
	char limit[SK_FORMAT_SIZE];
	struct sk_cgroup_oom oom = {0};

	if (!cgroup || sk_cgroup_read_oom(cgroup, &oom, NULL) < 0 || oom.kills == 0)
		return r;
	if (oom.limit_bytes == 0)
		return sk_err_hint(err, r, "it ran out of memory");
	return sk_err_hint(err, r,
			   "it ran out of memory: its limit of %s is too low to start",
			   sk_format_size(oom.limit_bytes, limit));
}

/* It is dead, or about to be: nothing but that closes its descriptors before an exec. */
static int explain_death(const struct sk_sandbox *sandbox, const struct sk_cgroup *cgroup,
			 struct sk_err *err)
{
	siginfo_t info = {0};
	int r;

	while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED | WNOWAIT) < 0)
		if (errno != EINTR)
			break;
	if (info.si_code != CLD_KILLED && info.si_code != CLD_DUMPED)
		return sk_err_set(
			err, EIO,
			"the process ended before it could execute the command");
	r = sk_err_set(
		err, EIO,
		"the process was killed before it could execute the command (signal %d)",
		info.si_status);
	return info.si_status == SIGKILL ? explain_oom(cgroup, r, err) : r;
}

/* The end of the report: dead, or executing its command. */
static int explain_end(const struct sk_sandbox *sandbox, const struct sk_cgroup *cgroup,
		       struct sk_err *err)
{
	return sk_proc_is_fork(sandbox->pid) ? explain_death(sandbox, cgroup, err) : 0;
}

int sk_spawn_failed(int r, const struct sk_sandbox *sandbox,
		    const struct sk_cgroup *cgroup,
		    const struct sk_spawn_channels *channels, struct sk_err *err)
{
	struct pollfd report = {.fd = channels->report, .events = POLLIN};
	struct sk_err theirs = SK_ERR_INIT;
	/* a process that dies closes its descriptors one after the other */
	int patience = r == -EPIPE || r == -ECONNRESET ? DEATH_MS : 0, why;

	if (r >= 0 || sandbox->pidfd < 0 || poll(&report, 1, patience) <= 0)
		return r;
	why = sk_spawn_report(channels->report, &theirs);
	if (why == SK_SPAWN_END)
		why = explain_end(sandbox, cgroup, &theirs);
	if (why >= 0)
		return r;
	if (err)
		*err = theirs;
	return why;
}

int sk_spawn_wait_ready(struct sk_sandbox *sandbox, const struct sk_cgroup *cgroup,
			const struct sk_spawn_channels *channels, struct sk_err *err)
{
	int r = sk_spawn_report(channels->report, err);

	return r == SK_SPAWN_END ? explain_end(sandbox, cgroup, err) : r;
}

int sk_spawn_terminal(struct sk_sandbox *sandbox, bool tty,
		      const struct sk_spawn_channels *channels, struct sk_err *err)
{
	char tag = 0;
	int fd;

	if (!tty)
		return 0;
	fd = sk_sock_recv_fd(channels->sync, &tag);
	if (fd < 0)
		return sk_err_code(err, fd, "receive the terminal");
	if (tag != SK_SYNC_PTY) {
		(void)close(fd);
		return sk_err_set(err, EPROTO, "no terminal was received");
	}
	sandbox->pty = fd;
	return 0;
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

int sk_sandbox_await_exec(int sock, pid_t pid, struct sk_err *err)
{
	int r = sk_spawn_report(sock, err);

	if (r == SK_SPAWN_END && sk_proc_is_fork(pid))
		return sk_err_set(
			err, EIO,
			"the process was killed before it could execute the command");
	return r < 0 ? r : 0;
}
