/* SPDX-License-Identifier: Apache-2.0 */
/* proc - start programs without a shell, wait for them, capture what they print */
#ifndef SK_PROC_H
#define SK_PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

/** struct sk_proc - A started child; both fields stay valid until it is waited for */
struct sk_proc {
	pid_t pid;
	int pidfd; /* owned; closed by sk_proc_wait() */
};

/** struct sk_proc_opts - How a program starts; zero-initialised means "inherit all" */
struct sk_proc_opts {
	const char *const *env; /* NULL inherits */
	int fds[8];		/* descriptors to hand on as 3, 4, ...; see nr_fds */
	unsigned int nr_fds;
	bool has_stdin, has_stdout, has_stderr;
	int stdin_fd, stdout_fd, stderr_fd; /* used when has_*; -1 means /dev/null */
	int cwd_fd;			    /* used when has_cwd */
	bool has_cwd;
	bool new_session;
	int death_signal; /* signal when the parent thread ends; 0 none */
};

/**
 * sk_proc_spawn() - Start a program
 * @argv:	argv[0] is looked up in PATH when it has no slash
 *
 * Descriptors other than 0-2 and those of @opts are closed. Signals are unblocked and default.
 * A failing exec is reported here, not by an exit status.
 * Return: 0; -ENOENT, -EACCES, ... with the program's name
 */
int sk_proc_spawn(const char *const *argv, const struct sk_proc_opts *opts,
		  struct sk_proc *ret, struct sk_err *err);

/**
 * sk_proc_wait() - Wait for the end of a child
 * @timeout_ms:	-1 for ever; otherwise -ETIMEDOUT when it still runs (the child is left alone)
 * @ret_status:	Exit status 0-255, or 128 + signal
 */
int sk_proc_wait(struct sk_proc *proc, int timeout_ms, int *ret_status,
		 struct sk_err *err);
/** sk_proc_kill() - SIGKILL and reap; fine when it has ended or was never started (pid 0) */
void sk_proc_kill(struct sk_proc *proc);

/**
 * sk_proc_capture() - Run a program to its end and keep what it prints
 * @timeout_ms:	Killed after this, -ETIMEDOUT
 * @ret_out:	Heap text of stdout, at most 16 MiB; may be NULL
 * @ret_status:	As sk_proc_wait(); NULL makes a status other than 0 an error that quotes stderr's end
 */
int sk_proc_capture(const char *const *argv, int timeout_ms, char **ret_out,
		    int *ret_status, struct sk_err *err);

/** sk_proc_start_time() - Start time of a process in clock ticks since boot, from /proc/PID/stat; 0 or -errno.
 *  With the pid it names a process for good, over pid reuse */
int sk_proc_start_time(pid_t pid, unsigned long long *ret);
/** sk_proc_is() - Tell whether the process with this pid and start time is alive (a zombie is not) */
bool sk_proc_is(pid_t pid, unsigned long long start_time);
/** sk_proc_is_fork() - Whether a process, or its zombie, has executed no program since it was cloned; false when that cannot be found out */
bool sk_proc_is_fork(pid_t pid);
/** sk_proc_open() - pidfd of the process with this pid and start time; -ESRCH when it has ended */
int sk_proc_open(pid_t pid, unsigned long long start_time);
/** sk_proc_signal_number() - "TERM", "SIGTERM", "15" to 15; -EINVAL */
int sk_proc_signal_number(const char *name);
/** sk_proc_signal_name() - 15 to "TERM"; NULL for an unknown one */
const char *sk_proc_signal_name(int sig);
/** sk_proc_find() - Absolute path of a program in PATH and the sbin folders, heap; -ENOENT */
int sk_proc_find(const char *program, char **ret);
/** sk_proc_libexec() - Path of one of skiff's helper programs: SELF/../libexec/skiff/NAME, heap; -ENOENT with a hint */
int sk_proc_libexec(const char *name, char **ret, struct sk_err *err);

#endif
