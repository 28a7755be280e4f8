// SPDX-License-Identifier: Apache-2.0
/* inject - run a program and hit one of its system calls
 *
 * The tracer is a process of its own: what it traces goes on, untraced, when it ends. So a
 * container that waits to be started outlives its `create`.
 */
#include "tests/it/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "tests/it/it.h"

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define OPTIONS                                                                          \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |              \
	 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define LIMIT_S 20

struct trace {
	struct inject *inject; /* shared with the caller */
	pid_t main, failing;   /* failing: its call is being skipped; 0 none */
	bool is_kept;	       /* the call is made, and its result replaced */
	bool has_opened;       /* a file: a static program does so in main() first */
	unsigned int count;
};

bool inject_can_fail(void)
{
#ifdef __x86_64__
	return true;
#else
	return false;
#endif
}

unsigned int inject_step(void)
{
	const char *text = getenv("SKIFF_POINTS");

	if (!text)
		return 8;
	return strcmp(text, "all") == 0 ? 1 : (unsigned int)strtoul(text, NULL, 10);
}

/* Calls whose failure no kernel reports, or that cannot fail. */
static bool cannot_fail(long call)
{
	return call == SYS_exit || call == SYS_exit_group || call == SYS_rt_sigreturn;
}

#ifdef __x86_64__
static void skip_call(pid_t pid)
{
	(void)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), -1L);
}

static void set_result(pid_t pid, long result)
{
	(void)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), result);
}
#else
static void skip_call(pid_t pid)
{
	(void)pid;
}

static void set_result(pid_t pid, long result)
{
	(void)pid;
	(void)result;
}
#endif

/* Returns whether the process may go on. */
static bool hit(struct trace *trace, pid_t pid, long call)
{
	struct inject *inject = trace->inject;

	inject->was_reached = true;
	inject->is_main = pid == trace->main;
	inject->is_startup = !trace->has_opened;
	inject->call = call;
	if (!inject->error) {
		(void)kill(pid, SIGKILL);
		return false;
	}
	if (cannot_fail(call))
		return true;
	trace->failing = pid;
	/* close() always closes, whatever it returns */
	trace->is_kept = call == SYS_close;
	if (!trace->is_kept)
		skip_call(pid);
	return true;
}

static bool at_call(struct trace *trace, pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return true;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && ++trace->count == trace->inject->nth)
		return hit(trace, pid, (long)info.entry.nr);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && trace->failing == pid) {
		trace->failing = 0;
		set_result(pid, -trace->inject->error);
	}
	return true;
}

/* A stop of a traced process: what it is for, and how it goes on. */
static void handle_stop(struct trace *trace, pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == SYSCALL_STOP) {
		if (!at_call(trace, pid))
			return;
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC && pid != trace->main) {
		(void)ptrace(PTRACE_DETACH, pid, 0, 0);
		return;
	} else if (event) {
		sig = 0; /* the birth of a process, or its first stop */
	}
	(void)ptrace(PTRACE_SYSCALL, pid, 0, (long)sig);
}

static volatile sig_atomic_t is_late;

static void on_alarm(int sig)
{
	(void)sig;
	is_late = 1;
}

static void follow(struct trace *trace)
{
	struct sigaction action = {.sa_handler = on_alarm}; /* interrupts waitpid() */
	int status;

	(void)sigaction(SIGALRM, &action, NULL);
	(void)alarm(LIMIT_S);
	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR && is_late) {
			is_late = 0;
			trace->inject->is_hung = true;
			(void)kill(trace->main, SIGKILL);
			continue;
		}
		if (pid < 0)
			_exit(1);
		if (WIFSTOPPED(status)) {
			handle_stop(trace, pid, status);
		} else if (pid == trace->main) {
			trace->inject->status = WIFEXITED(status)
							? WEXITSTATUS(status)
							: 128 + WTERMSIG(status);
			_exit(0);
		}
	}
}

static void __attribute__((noreturn)) become(char *const *words, int out_fd, int ready)
{
	int null_fd = open("/dev/null", O_RDWR);
	char byte;

	(void)dup2(null_fd, 0);
	(void)dup2(out_fd, 1);
	(void)dup2(out_fd, 2);
	if (read(ready, &byte, 1) == 1)
		(void)execv(words[0], words);
	_exit(126);
}

/* By PTRACE_SEIZE: processes that PTRACE_TRACEME adopts are born with a SIGSTOP, which stays when
 * the tracer ends before it has seen it. The first stop is that of execv(). */
static void __attribute__((noreturn))
trace_main(char *const *words, int out_fd, struct inject *inject)
{
	struct trace trace = {.inject = inject};
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		_exit(1);
	trace.main = fork();
	if (trace.main == 0)
		become(words, out_fd, ready[0]);
	if (trace.main < 0 || ptrace(PTRACE_SEIZE, trace.main, 0, OPTIONS) < 0 ||
	    write(ready[1], "", 1) != 1)
		_exit(1);
	follow(&trace);
	_exit(1);
}

void inject_run(char *const *words, int out_fd, struct inject *inject)
{
	struct inject *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	assert_true(shared != MAP_FAILED);
	*shared = *inject;
	pid = fork();
	if (pid == 0)
		trace_main(words, out_fd, shared);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	*inject = *shared;
	(void)munmap(shared, sizeof(*shared));
}
