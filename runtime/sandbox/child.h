/* SPDX-License-Identifier: Apache-2.0 */
/* child - what the steps between clone and exec share; for runtime/sandbox/ only */
#ifndef SK_SANDBOX_CHILD_H
#define SK_SANDBOX_CHILD_H

#include "lib/err.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/seccomp.h"

/** enum sk_child_stage - How far the child had come when it reported */
enum sk_child_stage {
	SK_CHILD_SETUP, /* a step before the command failed */
	SK_CHILD_EXEC,	/* the command itself could not be found or executed */
	SK_CHILD_READY, /* all is done; waits at the gate */
};

/** struct sk_child_report - The one message of a child to its parent */
struct sk_child_report {
	enum sk_child_stage stage;
	struct sk_err err;
};

/* Tags of descriptors on the sync socket, and its messages without any */
#define SK_SYNC_LAYER  'l' /* parent: next lower layer, a detached idmapped mount */
#define SK_SYNC_UPPER  'u' /* parent: the folder of upper and work, the same */
#define SK_SYNC_VOLUME 'v' /* parent: next idmapped mount of the list */
#define SK_SYNC_GO     'g' /* parent: maps are written, nothing more comes */
#define SK_SYNC_PTY    'p' /* child: master of the terminal */
#define SK_SYNC_PIDFD  'c' /* stage: the child that it has cloned for the parent */
#define SK_SYNC_HOOKS                                                                    \
	'h' /* child: all is mounted, hooks may run; the answer is its pid. No descriptor */

/** sk_child_state_fn - See struct sk_sandbox_opts, hook_state */
typedef char *sk_child_state_fn(void *arg, const char *status, pid_t pid);

/** struct sk_child - State of the child; everything is inherited through clone */
struct sk_child {
	const struct sk_spec *spec;
	const struct sk_cgroup *cgroup;
	bool in_v2_group; /* CLONE_INTO_CGROUP was used */
	int stdio[3];
	int sync, report;
	int gate_fd, sysfs_fd, init_fd;
	const char *init_path;
	struct sk_seccomp *filter; /* NULL without */
	int notify_fd;		   /* connection to the filter's listener; -1 without */
	struct sk_caps caps;
	int *layer_fds;	 /* idmapped lowers, then upper; NULL without */
	int *volume_fds; /* by index of spec->mounts, see mount.h; NULL without */
	int proc_fd;	 /* detached private procfs, or what the caller sees of /proc */
	bool proc_is_outside;
	int root_fd; /* the container's root */
	int dev_fd;  /* what is mounted on its /dev; -1 nothing */
	bool dev_is_bind;
	int *read_only_fds; /* file systems that become read-only when they are filled */
	size_t nr_read_only;
	bool keep_running; /* do not die with the parent */
	bool is_further;   /* joined a running sandbox: mounts nothing */
	int mnt_ns_fd;	   /* mount namespace to join; -1 none */
	pid_t hook_pid;	   /* as the parent sees it, for hooks */
	sk_child_state_fn *hook_state;
	void *hook_arg;
	const char *hook_cwd;
	char *start_state; /* for the hooks of startContainer; NULL: none are run */
	unsigned int preserve_fds, listen_fds;
	bool keep_keyring;
	/* of the command */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t nr_groups;
	char **env;
	char *program; /* resolved path */
	enum sk_child_stage stage;
};

/* The steps in their order, one per file; each returns 0 or -errno. */

/** sk_child_ns() - Die with the parent, enter groups, leave the caller's cgroup view (ns.c) */
int sk_child_ns(struct sk_child *c, struct sk_err *err);
/** sk_child_receive() - Wait for the parent: layers, volumes, "go" (ns.c) */
int sk_child_receive(struct sk_child *c, struct sk_err *err);
/** sk_child_become_root() - uid and gid 0 of the new user namespace (idmap.c) */
int sk_child_become_root(struct sk_child *c, struct sk_err *err);
/** sk_child_root() - Mount the root file system, open root_fd and proc_fd (rootfs.c) */
int sk_child_root(struct sk_child *c, struct sk_err *err);
/** sk_child_mounts() - The mount list and the cgroup file systems (mount.c) */
int sk_child_mounts(struct sk_child *c, struct sk_err *err);
/** sk_child_devices() - Nodes and links in a fresh /dev (device.c) */
int sk_child_devices(struct sk_child *c, struct sk_err *err);
/** sk_child_tty() - New terminal as 0, 1, 2, its master to the parent (tty.c) */
int sk_child_tty(struct sk_child *c, struct sk_err *err);
/** sk_child_stdio() - Make the given descriptors 0, 1, 2 (tty.c) */
int sk_child_stdio(struct sk_child *c, struct sk_err *err);
/** sk_child_masks() - Hide and write-protect paths (mask.c) */
int sk_child_masks(struct sk_child *c, struct sk_err *err);
/** sk_child_pivot() - Make root_fd "/" and drop the old root (rootfs.c) */
int sk_child_pivot(struct sk_child *c, struct sk_err *err);
/** sk_limits_raise() - What needs the caller's privileges, of a process, 0 is the own: higher hard limits, OOM score (rlimit.c) */
int sk_limits_raise(pid_t pid, const struct sk_spec *spec, struct sk_err *err);
/** sk_child_set_limits() - All resource limits and the umask, as the command gets them (rlimit.c) */
int sk_child_set_limits(struct sk_child *c, struct sk_err *err);
/** sk_child_sched() - Scheduler, I/O priority, CPUs, memory policy, personality (sched.c) */
int sk_child_sched(struct sk_child *c, struct sk_err *err);
/** sk_sched_set_cpus() - Run the caller on these CPUs ("0-3"); NULL is fine (sched.c) */
int sk_sched_set_cpus(const char *cpus, struct sk_err *err);
/** sk_child_lsm() - AppArmor profile and SELinux label for the next exec (lsm.c) */
int sk_child_lsm(struct sk_child *c, struct sk_err *err);
/** sk_child_wants_state() - Whether the child must learn its pid, for hooks or a listener's message (child.c) */
bool sk_child_wants_state(sk_child_state_fn *state, const struct sk_spec *spec);
/** sk_child_ask() - Where so: have the parent run its hooks, and learn the own pid (child.c) */
int sk_child_ask(struct sk_child *c, struct sk_err *err);
/** sk_child_user() - Resolve spec->user in the container's passwd and group files (user.c) */
int sk_child_user(struct sk_child *c, struct sk_err *err);
/** sk_child_credentials() - Capabilities and ids, no-new-privileges (credentials.c) */
int sk_child_credentials(struct sk_child *c, struct sk_err *err);
/** sk_child_find_command() - Set c->program from args[0] and PATH (command.c) */
int sk_child_find_command(struct sk_child *c, struct sk_err *err);
/** sk_child_exec() - Pass the gate, install the filter, execute; returns on failure only (command.c) */
int sk_child_exec(struct sk_child *c, struct sk_err *err);
/** sk_child_caps() - In the parent: the capability sets of the spec (credentials.c) */
void sk_child_caps(const struct sk_spec *spec, struct sk_caps *ret);

/** sk_child_arm() - Die when the parent does; a change of ids disarms it, so it is called again. Exits when the parent is gone already */
void sk_child_arm(const struct sk_child *c);
/** sk_child_fail() - Report and exit */
void sk_child_fail(const struct sk_child *c, const struct sk_err *err)
	__attribute__((noreturn));
/** sk_child_main() - Body of the child of sk_sandbox_spawn() */
void sk_child_main(struct sk_child *c) __attribute__((noreturn));
/** sk_child_finish_process() - The last steps, the same for a first and a further process */
int sk_child_finish_process(struct sk_child *c, struct sk_err *err);

#endif
