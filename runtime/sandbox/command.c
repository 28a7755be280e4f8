// SPDX-License-Identifier: Apache-2.0
/* command - find the command inside the container and execute it */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/hook.h"
#include "runtime/sandbox/seccomp_notify.h"

/* podman and docker look for these words, in lower case, to choose 126 or 127. */
static int not_found(const char *name, struct sk_err *err)
{
	if (strchr(name, '/'))
		return sk_err_set(
			err, ENOENT,
			"command '%s': no such file or directory in the container", name);
	return sk_err_set(
		err, ENOENT,
		"command '%s': executable file not found in the container's PATH", name);
}

static int cannot_invoke(const char *name, int code, struct sk_err *err)
{
	struct stat st;

	if (code == EACCES && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
		return sk_err_set(err, EACCES,
				  "command '%s': permission denied: it is a folder",
				  name);
	if (code == EACCES || code == EPERM)
		return sk_err_set(err, EACCES,
				  "command '%s': permission denied: it is not executable",
				  name);
	if (code == ENOEXEC)
		return sk_err_set(
			err, EACCES,
			"command '%s': exec format error: neither a program for this machine nor a script with '#!'",
			name);
	if (code == ENOENT)
		return sk_err_set(
			err, EACCES,
			"command '%s': its interpreter or loader is missing in the container",
			name);
	return sk_err_set(err, EACCES, "command '%s': %s", name, strerror(code));
}

static const char *search_path(char *const *env)
{
	for (; env && *env; env++) {
		const char *value = sk_str_starts(*env, "PATH=");

		if (value)
			return value;
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* 0 when the caller may execute it, else -ENOENT or -EACCES */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

/* Source: sd_listen_fds(3). */
static int announce_sockets(struct sk_child *c, struct sk_err *err)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (!c->listen_fds)
		return 0;
	if (sk_strv_addf(&c->env, "LISTEN_FDS=%u", c->listen_fds) < 0 ||
	    sk_strv_addf(&c->env, "LISTEN_PID=%d", (int)getpid()) < 0 ||
	    (names && sk_strv_addf(&c->env, "LISTEN_FDNAMES=%s", names) < 0))
		return sk_err_oom(err);
	return 0;
}

int sk_child_find_command(struct sk_child *c, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **folders = NULL;
	const char *name = c->spec->args[0];
	int best = -ENOENT;

	c->stage = SK_CHILD_EXEC;
	if (announce_sockets(c, err) < 0)
		return -ENOMEM;
	if (!name)
		return 0; /* skiff-init alone */
	if (strchr(name, '/')) {
		best = check_program(name);
		c->program = strdup(name);
	} else {
		folders = sk_strv_split(search_path(c->env), ':');
	}
	for (char **dir = folders; best < 0 && dir && *dir; dir++) {
		sk_autofree char *path = sk_strf("%s/%s", (*dir)[0] ? *dir : ".", name);
		int r = path ? check_program(path) : -ENOENT;

		if (r == 0)
			c->program = sk_steal(&path);
		if (r != -ENOENT)
			best = r;
	}
	if (best == -ENOENT)
		return not_found(name, err);
	if (best < 0)
		return cannot_invoke(name, -best, err);
	return c->program ? 0 : sk_err_oom(err);
}

/* `start` connects; a failure from here on is reported over that connection. */
static int pass_gate(struct sk_child *c, struct sk_err *err)
{
	struct sk_child_report ready = {.stage = SK_CHILD_READY};
	int first = 3 + (int)c->preserve_fds;

	if (c->gate_fd < 0)
		return 0;
	/* one that its creator does not know of would wait for ever */
	if (write(c->report, &ready, sizeof(ready)) != (ssize_t)sizeof(ready))
		return sk_err_errno(err, "say that all is ready");
	/* it may wait for long: no lock, pipe or folder of the creator shall be held */
	if (c->notify_fd >= 0)
		c->notify_fd = fcntl(c->notify_fd, F_DUPFD_CLOEXEC, first + 2);
	if (c->gate_fd != first && dup2(c->gate_fd, first) < 0)
		return sk_err_errno(err, "keep the gate");
	c->gate_fd = first;
	c->report = c->sync = -1;
	if (c->notify_fd >= 0) {
		if (dup2(c->notify_fd, first + 1) < 0)
			return sk_err_errno(err, "keep the seccomp listener's socket");
		c->notify_fd = ++first;
	}
	(void)sk_sys_close_range((unsigned int)first + 1, ~0u, 0);
	do {
		c->report = accept4(c->gate_fd, NULL, NULL, SOCK_CLOEXEC);
	} while (c->report < 0 && errno == EINTR);
	sk_close(&c->gate_fd);
	if (c->report < 0)
		return sk_err_errno(err, "wait for start");
	return 0;
}

static int run(struct sk_child *c)
{
	char **args = c->spec->args;

	if (c->init_fd < 0)
		return execve(c->program, args, c->env);
	/* skiff-init gets its own name, then the program that it shall start */
	sk_autofree char **init_args = calloc(sk_strv_len(args) + 3, sizeof(*init_args));

	if (!init_args)
		return -1;
	init_args[0] = (char *)"skiff-init";
	init_args[1] = c->program; /* NULL: the end of the list */
	memcpy(init_args + 2, args, sk_strv_len(args) * sizeof(*args));
	return (int)syscall(SYS_execveat, c->init_fd, "", init_args, c->env,
			    AT_EMPTY_PATH);
}

static int install_filter(struct sk_child *c, struct sk_err *err)
{
	sk_autofree char *state = NULL, *message = NULL;

	if (c->notify_fd < 0)
		return sk_seccomp_install(c->filter, err);
	state = c->hook_state ? c->hook_state(c->hook_arg, "creating", c->hook_pid)
			      : NULL;
	if (!state)
		return sk_err_set(err, EINVAL,
				  "there is no state to send to the seccomp listener");
	message = sk_notify_message(c->spec->seccomp_config, state, c->hook_pid);
	if (!message)
		return sk_err_oom(err);
	return sk_notify_install(c->filter, c->notify_fd, message, err);
}

int sk_child_exec(struct sk_child *c, struct sk_err *err)
{
	int r = pass_gate(c, err);

	if (r < 0)
		return r;
	if (c->spec->no_process)
		return sk_err_set(
			err, EINVAL,
			"config.json has no 'process', so there is nothing to start");
	c->stage = SK_CHILD_SETUP;
	if (c->start_state) {
		environ =
			c->env; /* for hooks that have none: nothing of the runtime's here */
		r = sk_hooks_run(&c->spec->process.hooks[SK_HOOK_START_CONTAINER],
				 SK_HOOK_START_CONTAINER, c->start_state, NULL, err);
	}
	if (r == 0)
		r = sk_child_set_limits(c, err);
	if (r < 0)
		return r;
	c->stage = SK_CHILD_EXEC;
	if (sk_sys_close_range(3 + c->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return sk_err_errno(err, "mark descriptors to be closed");
	if (c->filter) {
		r = install_filter(c, err);
		if (r < 0)
			return r;
	}
	(void)run(c);
	return cannot_invoke(c->spec->args[0] ? c->spec->args[0] : "skiff-init", errno,
			     err);
}
