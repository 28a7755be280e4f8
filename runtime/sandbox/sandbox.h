/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox - from a spec to a running command: everything between clone and exec
 *
 *	struct sk_sandbox_opts opts = {.spec = spec, .cgroup = cg, .stdio = {0, 1, 2}, .gate_fd = -1};
 *	r = sk_sandbox_spawn(&opts, &sandbox, err);
 *	... wait on sandbox.pidfd, reap sandbox.pid
 */
#ifndef SK_SANDBOX_H
#define SK_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/spec/spec.h"

/** struct sk_sandbox_opts - What to start and what it inherits; all borrowed */
struct sk_sandbox_opts {
	const struct sk_spec *spec;
	const struct sk_cgroup *cgroup; /* made already; NULL: the caller's own */
	int stdio[3];			/* become 0, 1, 2; ignored with a terminal */
	const char *init_path;		/* the static skiff-init of spec->use_init */
	int gate_fd; /* listening socket: the child executes when somebody connects; -1: none */
	bool keep_running; /* do not die with the caller */
	/*
	 * Text of the OCI state for a hook, heap memory: @status is "creating" or "created". Called
	 * in the caller and, for the container's own hooks, in the child, which has a copy of its
	 * memory. NULL: no hooks are run.
	 */
	char *(*hook_state)(void *arg, const char *status, pid_t pid);
	/* Called after clone, when the id maps are written and nothing is mounted yet. May be NULL */
	int (*on_cloned)(void *arg, pid_t pid, struct sk_err *err);
	void *arg; /* of both */
	const char *
		hook_cwd; /* folder in which hooks start: the bundle; NULL the caller's */
	unsigned int preserve_fds; /* descriptors 3 to 2 + n are handed on */
	unsigned int
		listen_fds; /* so many of them are sockets: LISTEN_FDS, LISTEN_PID are set */
	bool keep_keyring; /* no session keyring of its own */
};

/** struct sk_sandbox - The child */
struct sk_sandbox {
	pid_t pid;
	int pidfd; /* owned by the caller */
	int pty;   /* master of its terminal, owned by the caller; -1 without one */
};

/**
 * sk_sandbox_spawn() - Clone, isolate and execute
 *
 * Returns when the command has been executed, or with a gate when everything is done but
 * that. The child dies with the thread that called. On failure nothing of it is left.
 *
 * Return: 0; -ENOENT: the command was not found; -EACCES: it cannot be executed; no other
 * failure has these two codes; -EOPNOTSUPP: the kernel lacks something, with a hint
 */
int sk_sandbox_spawn(const struct sk_sandbox_opts *opts, struct sk_sandbox *ret,
		     struct sk_err *err);

/**
 * sk_sandbox_await_exec() - On a connection to the gate: wait until the command was executed
 * @pid:	Of the process that waits there
 *
 * Return: as sk_sandbox_spawn()
 */
int sk_sandbox_await_exec(int sock, pid_t pid, struct sk_err *err);

/**
 * struct sk_sandbox_join - A further process in a running sandbox
 *
 * Of the spec it takes the process part (args, env, cwd, user, caps, seccomp, tty, process)
 * and ns: those that the container has of its own are joined, others are the caller's.
 */
struct sk_sandbox_join {
	const struct sk_spec *spec;
	const struct sk_cgroup *cgroup;
	int target_pidfd; /* PID 1 of the container */
	int stdio[3];
	bool keep_running;	   /* do not die with the caller */
	unsigned int preserve_fds; /* descriptors 3 to 2 + n are handed on */
	unsigned int listen_fds;   /* so many of them are sockets */
	bool keep_keyring;	   /* no session keyring of its own */
	/* The container's state for the listener of its seccomp filter, as in struct sk_sandbox_opts */
	char *(*hook_state)(void *arg, const char *status, pid_t pid);
	void *arg;
};

/**
 * sk_sandbox_join() - Execute a command in the namespaces and groups of a running sandbox
 * Return: as sk_sandbox_spawn(); the child is a child of the caller
 */
int sk_sandbox_join(const struct sk_sandbox_join *join, struct sk_sandbox *ret,
		    struct sk_err *err);

/**
 * sk_sandbox_in_userns() - Call a function as uid 0 of a new user namespace with the spec's id maps
 * @fn:		Called in a child; returns 0 or -errno
 *
 * Return: what @fn returned, its error handed over; or -errno
 */
int sk_sandbox_in_userns(const struct sk_spec *spec,
			 int (*fn)(void *arg, struct sk_err *err), void *arg,
			 struct sk_err *err);

#endif
