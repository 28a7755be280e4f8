// SPDX-License-Identifier: Apache-2.0
/* helper - the benchmark's smallest program, static
 *
 * Without arguments it exits at once: the floor of an exec. With a program's words it runs
 * that and prints its peak memory in KiB. The kernel counts to a process also what its parent
 * had when it was made by vfork, so a parent with little memory is needed.
 */
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		return 0;
	if (posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ) != 0 ||
	    wait4(pid, &status, 0, &usage) != pid)
		return 1;
	(void)dprintf(3, "%ld\n", usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
