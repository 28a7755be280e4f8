// SPDX-License-Identifier: Apache-2.0
/* proc - start programs without a shell and wait for them
 *
 * Start of a program:
 * 1. The parent finds its path, so that the child needs no heap, and blocks all signals.
 * 2. clone3() gives pid and pidfd at once. The child may only make system calls: another
 *    thread of the parent may have held a lock.
 * 3. The child sets default signal handlers, then moves each descriptor that is handed on
 *    out of the way first, so that no target overwrites a source, and onto its target
 *    then; marks all others close-on-exec; unblocks signals; calls execve().
 * 4. A failure comes back through a close-on-exec pipe as step and errno. End of file
 *    without one means that the program runs.
 */
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/str.h"
#include "lib/sys.h"

#define MAX_FDS ((unsigned int)SK_ARRAY_SIZE(((struct sk_proc_opts *)NULL)->fds))

/* Above all targets: 0 to 2 and 3 to 2 + MAX_FDS. */
#define FIRST_PARKED_FD 32

enum step { STEP_PARENT, STEP_FDS, STEP_CWD, STEP_SESSION, STEP_EXEC };

static const char *const step_texts[] = {
	[STEP_PARENT] = "tie it to its parent",
	[STEP_FDS] = "hand on descriptors",
	[STEP_CWD] = "change folder",
	[STEP_SESSION] = "start a session",
	[STEP_EXEC] = NULL,
};

/* struct failure - What the child tells through the pipe */
struct failure {
	enum step step;
	int code;
};

/* struct child - All that the child needs */
struct child {
	const char *path;
	const char *const *argv;
	const struct sk_proc_opts *opts;
	pid_t parent;
	int report_fd;
};

static void unblock_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int follow_parent(const struct child *child)
{
	int sig = child->opts->death_signal;

	if (sig == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, sig) < 0)
		return -errno;
	/* It may have ended before that: then no signal will come any more. */
	return getppid() == child->parent ? 0 : -ESRCH;
}

static int park(int fd, int null_flags)
{
	int parked;

	if (fd < 0)
		fd = open("/dev/null", null_flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	parked = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PARKED_FD);
	return parked < 0 ? -errno : parked;
}

/* Descriptors by target: parked copies, or -1 where the target stays as it is. */
static int park_all(const struct sk_proc_opts *opts, int parked[3 + MAX_FDS])
{
	const bool has[3] = {opts->has_stdin, opts->has_stdout, opts->has_stderr};
	const int std[3] = {opts->stdin_fd, opts->stdout_fd, opts->stderr_fd};

	for (unsigned int i = 0; i < 3; i++) {
		parked[i] = has[i] ? park(std[i], i == 0 ? O_RDONLY : O_WRONLY) : -1;
		if (has[i] && parked[i] < 0)
			return parked[i];
	}
	for (unsigned int i = 0; i < opts->nr_fds; i++) {
		parked[3 + i] = park(opts->fds[i], O_RDWR);
		if (parked[3 + i] < 0)
			return parked[3 + i];
	}
	return 0;
}

static int arrange_fds(struct child *child)
{
	unsigned int n = 3 + child->opts->nr_fds;
	int parked[3 + MAX_FDS];
	int r;

	r = park(child->report_fd, O_WRONLY);
	if (r < 0)
		return r;
	child->report_fd = r;
	r = park_all(child->opts, parked);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < n; i++)
		if (parked[i] >= 0 && dup2(parked[i], (int)i) < 0)
			return -errno;
	return sk_sys_close_range(n, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int prepare_child(struct child *child, enum step *step)
{
	const struct sk_proc_opts *opts = child->opts;
	int r;

	*step = STEP_PARENT;
	r = follow_parent(child);
	if (r < 0)
		return r;
	*step = STEP_CWD;
	if (opts->has_cwd && fchdir(opts->cwd_fd) < 0)
		return -errno;
	*step = STEP_SESSION;
	if (opts->new_session && setsid() < 0)
		return -errno;
	*step = STEP_FDS;
	return arrange_fds(child);
}

__attribute__((noreturn)) static void run_child(struct child *child)
{
	const char *const *env = child->opts->env;
	struct failure failure = {0};
	ssize_t n;

	sk_sys_signals_default();
	failure.code = -prepare_child(child, &failure.step);
	if (failure.code == 0) {
		unblock_signals();
		(void)execve(child->path, (char *const *)child->argv,
			     env ? (char *const *)env : environ);
		failure = (struct failure){.step = STEP_EXEC, .code = errno};
	}
	n = write(child->report_fd, &failure, sizeof(failure));
	_exit(n == sizeof(failure) ? 127 : 126);
}

/* Start the child with all signals blocked, so that no handler of ours runs in it. */
static int clone_child(struct child *child, struct sk_proc *ret)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	sigset_t all, old;
	long pid;
	int code;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	child->parent = getpid();
	pid = sk_sys_clone3(&args, sizeof(args));
	code = errno;
	if (pid == 0)
		run_child(child);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return -code;
	*ret = (struct sk_proc){.pid = (pid_t)pid, .pidfd = pidfd};
	return 0;
}

static int refuse_failure(const char *program, const struct failure *failure,
			  struct sk_err *err)
{
	const char *text = step_texts[failure->step];

	if (text)
		return sk_err_code(err, -failure->code, "run '%s': %s", program, text);
	return sk_err_code(err, -failure->code, "run '%s'", program);
}

/* Wait until the child has called exec or told why it could not. */
static int await_exec(int report_fd, const char *program, struct sk_proc *proc,
		      struct sk_err *err)
{
	struct failure failure;
	ssize_t n;

	do {
		n = read(report_fd, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(failure))
		return 0;
	sk_proc_kill(proc);
	return refuse_failure(program, &failure, err);
}

static int find_program(const char *program, char **ret, struct sk_err *err)
{
	int r;

	if (strchr(program, '/')) {
		*ret = strdup(program);
		return *ret ? 0 : sk_err_oom(err);
	}
	r = sk_proc_find(program, ret);
	if (r == -ENOENT)
		return sk_err_set(err, ENOENT, "run '%s': no such program in PATH",
				  program);
	return r < 0 ? sk_err_code(err, r, "run '%s'", program) : 0;
}

static void log_start(const char *path, const char *const *argv)
{
	sk_autofree char *args =
		argv[1] ? sk_strv_join((char *const *)argv + 1, " ") : NULL;

	sk_log_debug("run %s%s%s", path, args ? " " : "", args ? args : "");
}

int sk_proc_spawn(const char *const *argv, const struct sk_proc_opts *opts,
		  struct sk_proc *ret, struct sk_err *err)
{
	static const struct sk_proc_opts inherit_all;
	struct child child = {.argv = argv, .opts = opts ? opts : &inherit_all};
	struct sk_proc proc = {.pidfd = -1};
	sk_autofree char *path = NULL;
	sk_autoclose int report = -1;
	int ends[2];
	int r;

	if (child.opts->nr_fds > MAX_FDS)
		return sk_err_set(err, EINVAL,
				  "run '%s': more than %u descriptors to hand on",
				  argv[0], MAX_FDS);
	r = find_program(argv[0], &path, err);
	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return sk_err_errno(err, "run '%s'", argv[0]);
	report = ends[0];
	child.path = path;
	child.report_fd = ends[1];
	log_start(path, argv);
	r = clone_child(&child, &proc);
	sk_close(&ends[1]);
	if (r < 0)
		return sk_err_code(err, r, "run '%s': start a process", argv[0]);
	r = await_exec(report, argv[0], &proc, err);
	if (r < 0)
		return r;
	*ret = proc;
	return 0;
}

/* Wait until the pidfd tells the end. Returns 0, -ETIMEDOUT or -errno. */
static int await_end(int pidfd, int timeout_ms)
{
	uint64_t deadline = sk_clock_mono() +
			    (timeout_ms > 0 ? (uint64_t)timeout_ms * SK_NS_PER_MS : 0);
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int wait_ms = timeout_ms < 0 ? -1 : sk_clock_remaining_ms(deadline);
		int n = poll(&poller, 1, wait_ms);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && sk_clock_remaining_ms(deadline) == 0)
			return -ETIMEDOUT;
	}
}

static int reap(struct sk_proc *proc, int *ret_status)
{
	siginfo_t info = {0};
	int r;

	do {
		r = waitid(P_PIDFD, (id_t)proc->pidfd, &info, WEXITED);
	} while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : 0;
	sk_close(&proc->pidfd);
	proc->pid = 0;
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return r;
}

int sk_proc_wait(struct sk_proc *proc, int timeout_ms, int *ret_status,
		 struct sk_err *err)
{
	pid_t pid = proc->pid;
	int status = 0;
	int r;

	if (pid <= 0)
		return sk_err_set(err, ECHILD, "wait for a process that was not started");
	r = await_end(proc->pidfd, timeout_ms);
	if (r == -ETIMEDOUT)
		return sk_err_set(err, ETIMEDOUT, "process %d still runs after %d ms",
				  (int)pid, timeout_ms);
	if (r == 0)
		r = reap(proc, &status);
	if (r < 0)
		return sk_err_code(err, r, "wait for process %d", (int)pid);
	if (ret_status)
		*ret_status = status;
	return 0;
}

void sk_proc_kill(struct sk_proc *proc)
{
	int keep = errno;
	int status;

	if (proc->pid > 0) {
		(void)sk_sys_pidfd_send_signal(proc->pidfd, SIGKILL);
		(void)reap(proc, &status);
	}
	errno = keep;
}
