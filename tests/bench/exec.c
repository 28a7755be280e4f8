// SPDX-License-Identifier: Apache-2.0
/* exec - run a program and measure it */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stats.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "tests/bench/bench.h"

#define TIMEOUT_MS     20000
#define MEMORY_SAMPLES 9

extern char **environ;

/* @out_fd becomes descriptor 3; -1 none */
static pid_t start(const char *const *argv, int out_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int r = posix_spawn_file_actions_init(&actions);

	for (int fd = 0; r == 0 && fd < 3; fd++)
		r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR,
						     0);
	if (r == 0 && out_fd >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, 3);
	if (r == 0)
		r = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv,
				environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -1;
}

/* Exit status; -1 when it did not end in time. */
static int finish(pid_t pid)
{
	sk_autoclose int pidfd = sk_sys_pidfd_open(pid, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	bool is_late = poll(&ended, 1, TIMEOUT_MS) != 1;
	int status = -1;

	if (is_late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return is_late || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

double bench_exec(const char *const *argv)
{
	uint64_t begin = sk_clock_mono();
	pid_t pid = start(argv, -1);

	if (pid < 0 || finish(pid) != 0)
		return -1;
	return (double)(sk_clock_mono() - begin) / SK_NS_PER_MS;
}

static long memory_once(const struct bench *b, const char *const *argv)
{
	sk_auto(sk_strv_free) char **words = NULL;
	sk_autoclose int read_fd = -1, write_fd = -1;
	char text[32] = "";
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	read_fd = fds[0];
	write_fd = fds[1];
	if (sk_strv_add(&words, b->helper) < 0)
		return -1;
	for (; *argv; argv++)
		if (sk_strv_add(&words, *argv) < 0)
			return -1;
	pid = start((const char *const *)words, write_fd);
	if (pid < 0 || finish(pid) != 0)
		return -1;
	return read(read_fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : -1;
}

long bench_memory(const struct bench *b, const char *const *argv)
{
	double kib[MEMORY_SAMPLES];
	size_t n = 0;

	for (int i = 0; i < MEMORY_SAMPLES; i++) {
		long once = memory_once(b, argv);

		if (once > 0)
			kib[n++] = (double)once;
	}
	if (n == 0)
		return -1;
	sk_stats_sort(kib, n);
	return (long)sk_stats_quantile(kib, n, 0.5);
}
