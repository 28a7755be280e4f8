// SPDX-License-Identifier: Apache-2.0
/* hook - run the hooks of a container's life
 *
 * 1. The state is put into a sealed memory file, which never blocks a writer or a reader.
 * 2. A child takes it as standard input, the pipe as 1 and 2, closes all else, executes.
 * 3. The parent waits on the pidfd, not on the pipe: a hook may leave something behind that
 *    keeps the pipe open. What it wrote last is kept for the error.
 */
#include "runtime/sandbox/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

#define TAIL_SIZE 256

struct run {
	const struct sk_hook *hook;
	const char *cwd;
	int state_fd, out_read, out_write, pidfd;
	pid_t pid;
	char tail[TAIL_SIZE + 1];
	size_t tail_len;
};

static int make_state(const char *state, struct sk_err *err)
{
	sk_autoclose int fd =
		sk_sys_memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return sk_err_errno(err, "make a memory file");
	r = sk_fs_write_all(fd, state, strlen(state));
	if (r < 0)
		return sk_err_code(err, r, "write the state");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return sk_err_errno(err, "seal the state");
	return sk_steal_fd(&fd);
}

static void __attribute__((noreturn)) hook_main(struct run *run)
{
	char *const plain[] = {run->hook->path, NULL};
	char **args = run->hook->args;
	int in = fcntl(run->state_fd, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(run->out_write, F_DUPFD_CLOEXEC, 3);
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpgid(0, 0);
	sk_sys_signals_default();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	(void)sk_sys_close_range(3, ~0u, 0);
	if (!run->cwd || chdir(run->cwd) == 0)
		(void)execve(run->hook->path, args && args[0] ? args : plain,
			     run->hook->env ? run->hook->env : environ);
	(void)dprintf(2, "%s", strerror(errno));
	_exit(127);
}

static int start(struct run *run, struct sk_err *err)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&run->pidfd,
		.exit_signal = SIGCHLD,
	};
	int ends[2];

	if (lseek(run->state_fd, 0, SEEK_SET) < 0)
		return sk_err_errno(err, "rewind the state");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return sk_err_errno(err, "make a pipe");
	run->out_read = ends[0];
	run->out_write = ends[1];
	run->pid = (pid_t)sk_sys_clone3(&args, sizeof(args));
	if (run->pid == 0)
		hook_main(run);
	if (run->pid < 0)
		return sk_err_errno(err, "fork");
	/* on both sides: a kill of the group must find it */
	(void)setpgid(run->pid, run->pid);
	sk_close(&run->out_write);
	return 0;
}

/* Keep the end of what comes; false at the end of file or when nothing is there. */
static bool drain(struct run *run)
{
	char bytes[TAIL_SIZE];
	ssize_t n = read(run->out_read, bytes, sizeof(bytes));
	size_t keep;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	keep = run->tail_len + (size_t)n > TAIL_SIZE ? TAIL_SIZE - (size_t)n
						     : run->tail_len;
	memmove(run->tail, run->tail + run->tail_len - keep, keep);
	memcpy(run->tail + keep, bytes, (size_t)n);
	run->tail_len = keep + (size_t)n;
	return true;
}

/* Until it has ended; -ETIMEDOUT. */
static int await(struct run *run)
{
	uint64_t limit = run->hook->timeout_s * SK_NS_PER_S;
	uint64_t deadline = sk_clock_mono() + limit;
	struct pollfd fds[2] = {{.fd = run->pidfd, .events = POLLIN},
				{.fd = run->out_read, .events = POLLIN}};

	for (;;) {
		uint64_t now = sk_clock_mono();
		int wait_ms = -1;

		if (limit && now >= deadline)
			return -ETIMEDOUT;
		if (limit)
			wait_ms = (int)((deadline - now) / SK_NS_PER_MS > 60000
						? 60000
						: (deadline - now) / SK_NS_PER_MS + 1);
		if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].fd >= 0 && fds[1].revents && !drain(run))
			fds[1].fd = -1;
		if (fds[0].revents)
			break;
	}
	while (drain(run))
		;
	return 0;
}

/* One line of it, without what could fool a terminal. */
static char *tail_text(struct run *run)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	while (run->tail_len > 0 && run->tail[run->tail_len - 1] == '\n')
		run->tail_len--;
	run->tail[run->tail_len] = '\0';
	if (run->tail[0])
		sk_str_add(&text, ": ");
	sk_str_add_escaped(&text, run->tail);
	return sk_str_steal(&text);
}

static int judge(struct run *run, enum sk_hook_kind kind, struct sk_err *err)
{
	siginfo_t info = {0};
	sk_autofree char *tail = NULL;

	while (waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return sk_err_errno(err, "wait for hook '%s'", run->hook->path);
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	tail = tail_text(run);
	return sk_err_set(err, EIO, "%s hook '%s' %s %d%s", sk_hook_name(kind),
			  run->hook->path,
			  info.si_code == CLD_EXITED ? "failed with status"
						     : "was killed by signal",
			  info.si_status, tail ? tail : "");
}

static int time_out(struct run *run, enum sk_hook_kind kind, struct sk_err *err)
{
	(void)kill(-run->pid, SIGKILL);
	(void)sk_sys_pidfd_send_signal(run->pidfd, SIGKILL);
	while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return sk_err_set(err, ETIMEDOUT, "%s hook '%s' did not end within %u s",
			  sk_hook_name(kind), run->hook->path, run->hook->timeout_s);
}

static int run_one(struct run *run, enum sk_hook_kind kind, struct sk_err *err)
{
	int r = start(run, err);

	if (r < 0)
		r = sk_err_wrap(err, r, "start %s hook '%s'", sk_hook_name(kind),
				run->hook->path);
	else if (await(run) < 0)
		r = time_out(run, kind, err);
	else
		r = judge(run, kind, err);
	sk_close(&run->out_read);
	sk_close(&run->out_write);
	sk_close(&run->pidfd);
	return r;
}

int sk_hooks_run(const struct sk_hook_list *list, enum sk_hook_kind kind,
		 const char *state, const char *cwd, struct sk_err *err)
{
	sk_autoclose int state_fd = -1;
	int r = 0;

	if (list->nr == 0)
		return 0;
	state_fd = make_state(state, err);
	if (state_fd < 0)
		return state_fd;
	for (size_t i = 0; r == 0 && i < list->nr; i++) {
		struct run run = {
			.hook = &list->hooks[i],
			.cwd = cwd,
			.state_fd = state_fd,
			.out_read = -1,
			.out_write = -1,
			.pidfd = -1,
		};

		r = run_one(&run, kind, err);
	}
	return r;
}
