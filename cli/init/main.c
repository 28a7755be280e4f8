// SPDX-License-Identifier: Apache-2.0
/* skiff-init - PID 1 of a container: reaps, hands on signals, ends with its command
 *
 *	skiff-init PROGRAM ARGV0 [ARG...]
 *	skiff-init			only reaps, until TERM, INT or HUP
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int decode(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static pid_t start(char **argv, const sigset_t *old_mask)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)sigprocmask(SIG_SETMASK, old_mask, NULL);
	(void)setpgid(0, 0);
	/* the terminal's keys shall reach the command, not this process */
	(void)signal(SIGTTOU, SIG_IGN);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	(void)signal(SIGTTOU, SIG_DFL);
	(void)execv(argv[1], argv + 2);
	(void)fprintf(stderr, "skiff-init: execute '%s': %s\n", argv[1], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Returns the command's status when it was among the dead, else -1. */
static int reap(pid_t command)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command)
			result = decode(status);
	return result;
}

int main(int argc, char **argv)
{
	sigset_t all, old_mask;
	pid_t command = 0;
	siginfo_t info;

	memset(&all, 0xff, sizeof(all)); /* sigfillset() of musl leaves SIGRTMIN out */
	(void)sigprocmask(SIG_BLOCK, &all, &old_mask);
	if (argc == 2) {
		(void)fputs("skiff-init: a program needs a name as argv[0] too\n",
			    stderr);
		return 2;
	}
	if (argc > 2) {
		command = start(argv, &old_mask);
		if (command < 0) {
			perror("skiff-init: fork");
			return 126;
		}
	}
	for (;;) {
		int sig = sigwaitinfo(&all, &info);

		if (sig == SIGCHLD) {
			int status = reap(command);

			if (command && status >= 0)
				return status;
		} else if (sig > 0 && command) {
			(void)kill(command, sig);
		} else if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP) {
			return 0;
		}
	}
}
