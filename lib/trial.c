/* SPDX-License-Identifier: Apache-2.0 */
/* trial - try out in a child whether this machine can do something, and report it */
#include "lib/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"

static void run_child(sk_trial_fn *fn, const void *ctx, int out)
{
	struct sk_err told = SK_ERR_INIT;
	int r = fn(ctx, &told);

	if (r < 0 && told.code == 0)
		(void)sk_err_code(&told, r, "it failed without a reason");
	/* one write: the struct is smaller than PIPE_BUF */
	_exit(write(out, &told, sizeof(told)) == sizeof(told) ? 0 : 1);
}

int sk_trial_run(sk_trial_fn *fn, const void *ctx, struct sk_err *err)
{
	struct sk_err told = SK_ERR_INIT;
	int pipes[2], r = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	pid = fork();
	if (pid == 0)
		run_child(fn, ctx, pipes[1]);
	(void)close(pipes[1]);
	if (pid < 0)
		r = sk_err_errno(err, "start a process");
	else if (read(pipes[0], &told, sizeof(told)) != sizeof(told))
		r = sk_err_set(err, EIO, "the process that tried it was killed");
	(void)close(pipes[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0 || told.code == 0)
		return r;
	if (err)
		*err = told;
	return -told.code;
}

int sk_trial_enter_userns(struct sk_err *err)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[32];

	if (unshare(CLONE_NEWUSER) < 0)
		return sk_err_errno(err, "make a user namespace");
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (sk_fs_write(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    sk_fs_write(AT_FDCWD, "/proc/self/uid_map", map) < 0)
		return sk_err_errno(err, "map the own user id");
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	if (sk_fs_write(AT_FDCWD, "/proc/self/gid_map", map) < 0)
		return sk_err_errno(err, "map the own group id");
	return 0;
}

void sk_trial_report(struct sk_json *list, const char *check, const char *detail,
		     const struct sk_err *why, const char *fix)
{
	struct sk_json *row = sk_json_add(list, sk_json_new_object());

	if (why->code && why->hint[0])
		fix = why->hint;
	sk_json_set_str(row, "check", check);
	sk_json_set_bool(row, "ok", why->code == 0);
	sk_json_set_str(row, "detail", why->code ? why->msg : detail);
	sk_json_set_str(row, "fix", why->code ? fix : NULL);
}
