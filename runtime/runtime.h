/* SPDX-License-Identifier: Apache-2.0 */
/* runtime - containers, their networks, and slices of them: all that other layers may use */
#ifndef SK_RUNTIME_H
#define SK_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "runtime/cgroup/cgroup.h"

/* ---- Containers --------------------------------------------------------------------- */

/** enum sk_net_mode - Network of a container */
enum sk_net_mode {
	SK_NET_NONE, /* a namespace of its own with loopback only */
	SK_NET_HOST, /* the caller's */
	SK_NET_PATH, /* join the namespace at netns_path */
};

/** enum sk_userns_mode - User namespace of a container */
enum sk_userns_mode {
	SK_USERNS_AUTO, /* own one with idmapped mounts; an error with a hint where the kernel cannot */
	SK_USERNS_HOST, /* none (as root only) */
};

/**
 * struct sk_run_opts - What to run and how; zero-initialised members are the defaults
 *
 * All pointers are borrowed for the call. String lists are NULL-terminated or NULL.
 */
struct sk_run_opts {
	const char *name;		    /* NULL makes one up ("brisk-otter") */
	const char *image;		    /* image name, for the record */
	char *const *lowers, *const *masks; /* from struct sk_image */
	char *const *image_env;
	char *const *image_volumes; /* as volumes, mounted before all else */
	char *const *args;    /* command; args[0] looked up in the container's PATH */
	char *const *env;     /* "K=V", or "K" to hand on the caller's */
	char *const *volumes; /* "SRC:DST[:ro]" */
	char *const
		*labels; /* "K=V" kept in the state: slice=web, sliver=n1, lab=default */
	const char *workdir;
	const char
		*user; /* "name", "uid", "uid:gid", resolved in the container's passwd */
	const char *hostname;
	enum sk_net_mode network;
	const char *netns_path;
	enum sk_userns_mode userns;
	struct sk_cgroup_limits limits; /* pids_max 0 means 1024 here */
	const char *cgroup_path; /* below the caller's group; NULL: the home's, by name */
	bool rm, interactive, tty, read_only, init, time_ns;
	/* All capabilities, no seccomp filter, host's /dev, nothing masked: for hosts of a lab.
	 * Needs SK_USERNS_HOST. */
	bool privileged;
	bool private_tmp; /* fresh tmpfs on /run and /tmp */
};

/** struct sk_exit - How a container ended */
struct sk_exit {
	char id[65]; /* which: the name that was made up when none was given */
	int status;  /* 0-255, 128 + signal */
	bool oom;    /* killed for want of memory */
	char why[256]; /* for people: "out of memory (limit 64 MiB, peak 64 MiB, process python3)"; else empty */
	char hint[128];
};

/** struct sk_container - A container that this process started and is the parent of */
struct sk_container;

/**
 * sk_container_launch() - Create and start a container as a child of the caller
 * @stdio:	Descriptors for its 0, 1, 2 (borrowed); with opts->tty ignored
 * @ret:	Handle; the container is killed when the caller dies
 *
 * When it returns, the command has been executed (a failing exec is reported here: -ENOENT
 * command not found, -EACCES cannot invoke).
 */
int sk_container_launch(const struct sk_home *home, const struct sk_run_opts *opts,
			const int stdio[3], struct sk_container **ret,
			struct sk_err *err);
/** sk_container_pidfd() - Readable when it has ended (borrowed) */
int sk_container_pidfd(const struct sk_container *ctr);
/** sk_container_pid() - PID 1 of the container, as the caller sees it */
pid_t sk_container_pid(const struct sk_container *ctr);
/**
 * sk_container_finish() - Wait for its end, find the cause, release everything
 * @keep_state:	Keep the record, upper layer and log for `ps -a`, `logs`, `rm`; else nothing is left
 */
int sk_container_finish(struct sk_container *ctr, bool keep_state, struct sk_exit *ret,
			struct sk_err *err);
/** sk_container_free() - Kill it when it still runs, clean up, release the handle */
void sk_container_free(struct sk_container *ctr);
SK_DEFINE_AUTO(struct sk_container, sk_container_free)

/** sk_container_run() - Launch with the caller's stdio or a pty, forward signals and window size, wait for the end */
int sk_container_run(const struct sk_home *home, const struct sk_run_opts *opts,
		     struct sk_exit *ret, struct sk_err *err);
/** sk_container_run_detached() - Launch under a monitor that keeps log and exit status; returns when it runs. @ret_id: heap */
int sk_container_run_detached(const struct sk_home *home, const struct sk_run_opts *opts,
			      char **ret_id, struct sk_err *err);

/** struct sk_exec_opts - A further process in a running container */
struct sk_exec_opts {
	char *const *args;
	char *const *env;
	const char *workdir, *user;
	bool interactive, tty, detach;
};
/** sk_container_exec() - Run it in all namespaces, groups and limits of the container; waits for its end */
int sk_container_exec(const struct sk_home *home, const char *name,
		      const struct sk_exec_opts *opts, int *ret_status,
		      struct sk_err *err);
/** sk_container_signal() - Signal PID 1 of the container; -ENOENT, -ESRCH when it does not run */
int sk_container_signal(const struct sk_home *home, const char *name, int sig,
			struct sk_err *err);
/** sk_container_stop() - TERM, and KILL after @timeout_ms; returns when it has ended and its groups are empty */
int sk_container_stop(const struct sk_home *home, const char *name,
		      unsigned int timeout_ms, struct sk_err *err);
/** sk_container_remove() - Remove a stopped container's record, layer and log; @force stops it first; -EBUSY while it runs */
int sk_container_remove(const struct sk_home *home, const char *name, bool force,
			struct sk_err *err);
/** sk_container_list() - Array of {id, name, image, command, status, pid, created, started, exit_code, labels, …} */
int sk_container_list(const struct sk_home *home, bool all, struct sk_json **ret,
		      struct sk_err *err);
/** sk_container_inspect() - One object with all that is known; -ENOENT with the nearest name */
int sk_container_inspect(const struct sk_home *home, const char *name,
			 struct sk_json **ret, struct sk_err *err);
/** struct sk_logs_opts - Which part of a log */
struct sk_logs_opts {
	bool follow, timestamps;
	int64_t tail; /* last lines; -1 all */
};
/** sk_container_logs() - Copy the log of a detached container to @out_fd and @err_fd */
int sk_container_logs(const struct sk_home *home, const char *name,
		      const struct sk_logs_opts *opts, int out_fd, int err_fd,
		      struct sk_err *err);

/**
 * sk_container_recover() - Mend what killed processes left
 *
 * Walks all records; where the process that was responsible is gone, its container is killed
 * and mounts, groups, namespaces and files are removed or the record is marked as exited.
 * Called first by every command that reads or changes containers. Idempotent; safe beside
 * running commands (they hold the lock of their record).
 */
int sk_container_recover(const struct sk_home *home, struct sk_err *err);

/* ---- Slices ------------------------------------------------------------------------- */

/** struct sk_slice_node - One node of a slice, already expanded: "n[1-3]" is three of these */
struct sk_slice_node {
	char *name;
	char *image;
	char **command; /* empty: an init that only reaps */
	char **env;
	char **volumes;
	char *address; /* "10.0.0.1/24" on the slice's LAN; NULL none */
	struct sk_cgroup_limits limits;
	bool privileged, private_tmp, init;
};

/** struct sk_slice_def - A slice as wanted */
struct sk_slice_def {
	char *name;
	uint64_t lifetime_ns;		/* from now; 0 is two weeks */
	struct sk_cgroup_limits limits; /* of the whole slice; cpu_weight is its share */
	uint64_t
		cpu_guarantee_milli; /* reserved: admission refuses what the host does not have */
	char *lan_subnet; /* "10.0.0.0/24"; NULL no LAN. Nodes without an address get the next free one */
	struct sk_slice_node *nodes;
	size_t nr_nodes;
	char **labels; /* "lab=default" */
};

/** sk_slice_def_load() - Read and check a slice file; errors with file:line:column. Free with sk_slice_def_free() */
int sk_slice_def_load(const char *path, struct sk_slice_def **ret, struct sk_err *err);
/** sk_slice_def_new() - An empty definition with @name, to be filled by a program (all members heap) */
struct sk_slice_def *sk_slice_def_new(const char *name);
/** sk_slice_def_add_node() - Append a zeroed node with a name; NULL without memory */
struct sk_slice_node *sk_slice_def_add_node(struct sk_slice_def *def, const char *name);
void sk_slice_def_free(struct sk_slice_def *def);
SK_DEFINE_AUTO(struct sk_slice_def, sk_slice_def_free)

/**
 * sk_slice_apply() - Make the slice be as defined: check, admit, write down, let its supervisor act
 * @dry_run:	Only return the plan
 * @ret:	{name, plan: ["+ n1", "- n3", …], ready_ms, expires}; may be NULL
 *
 * The supervisor (`skiff slice supervise NAME`, started when none runs) is the parent of all
 * slivers; it ends the slice at its expiry by itself. All or nothing for a new slice.
 * Return: 0; -ENOSPC when admission refuses, with who holds the resource; other -errno
 */
int sk_slice_apply(const struct sk_home *home, const struct sk_slice_def *def,
		   bool dry_run, struct sk_json **ret, struct sk_err *err);

/** sk_slice_resolve_fn - Finds an image for the supervisor: fills lowers, masks, env, command (heap lists) */
struct sk_slice_image {
	char **lowers, **masks, **env, **command;
};
typedef int (*sk_slice_resolve_fn)(void *ctx, const struct sk_home *home,
				   const char *image, struct sk_slice_image *ret,
				   struct sk_err *err);
/** sk_slice_supervise() - Body of the supervisor process; returns when the slice has ended */
int sk_slice_supervise(const struct sk_home *home, const char *name,
		       sk_slice_resolve_fn resolve, void *ctx, struct sk_err *err);

/** sk_slice_list() - Array of {name, nodes, running, cpu_share, expires, remaining_s, status, labels} */
int sk_slice_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err);
/** sk_slice_show() - One slice with its slivers: container, pid, address, use against limits */
int sk_slice_show(const struct sk_home *home, const char *name, struct sk_json **ret,
		  struct sk_err *err);
/** sk_slice_renew() - Expire @lifetime_ns from now; at most 8 weeks ahead */
int sk_slice_renew(const struct sk_home *home, const char *name, uint64_t lifetime_ns,
		   struct sk_err *err);
/** sk_slice_remove() - End it; returns when no process, group, namespace, veth or file of it is left. A dead supervisor is no obstacle */
int sk_slice_remove(const struct sk_home *home, const char *name, struct sk_err *err);
/** sk_slice_container() - Name of the container of a node: heap; for exec. -ENOENT; -ESRCH when it does not run */
int sk_slice_container(const struct sk_home *home, const char *slice, const char *node,
		       char **ret, struct sk_err *err);
/** sk_slice_node_pid() - PID 1 of a node, for /proc/PID/root and its namespaces */
int sk_slice_node_pid(const struct sk_home *home, const char *slice, const char *node,
		      pid_t *ret, struct sk_err *err);
/** sk_slice_open_netns() - Descriptor of a node's network namespace */
int sk_slice_open_netns(const struct sk_home *home, const char *slice, const char *node,
			struct sk_err *err);
/** sk_slice_recover() - sk_container_recover() for slices whose supervisor was killed */
int sk_slice_recover(const struct sk_home *home, struct sk_err *err);

/* ---- OCI runtime -------------------------------------------------------------------- */

/** struct sk_oci_opts - Of create and run; all borrowed */
struct sk_oci_opts {
	const char *bundle; /* folder with config.json; NULL is "." */
	const char *config; /* another name than config.json, seen from the bundle */
	const char *pid_file, *console_socket, *pidfd_socket;
	uint64_t preserve_fds; /* see sk_oci_check_fds() */
	bool detach, keep, no_pivot, no_new_keyring;
	bool no_subreaper; /* taken for runc's callers; this runtime makes no subreaper */
	enum sk_cgroup_manager cgroup_manager;
};
/**
 * sk_oci_check_fds() - Refuse --preserve-fds where a descriptor from 3 on is not open
 *
 * The sockets of LISTEN_FDS count too. To be called before the caller opens anything itself,
 * as that would get these numbers. Return: 0; -EBADF; -EINVAL
 */
int sk_oci_check_fds(uint64_t preserve_fds, struct sk_err *err);
/** sk_oci_create() - Make a container that waits for sk_oci_start() */
int sk_oci_create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, struct sk_err *err);
/** sk_oci_start() - Let it execute its command; -ENOENT, -EACCES when that cannot be executed */
int sk_oci_start(const struct sk_home *home, const char *id, struct sk_err *err);
/** sk_oci_run() - Both; waits for its end and deletes it unless it is detached */
int sk_oci_run(const struct sk_home *home, const char *id, const struct sk_oci_opts *opts,
	       int *ret_status, struct sk_err *err);
/** sk_oci_state() - The state object of the OCI runtime-spec */
int sk_oci_state(const struct sk_home *home, const char *id, struct sk_json **ret,
		 struct sk_err *err);
/** sk_oci_list() - Array of the states of all */
int sk_oci_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err);
/** sk_oci_pids() - Its processes as this process numbers them; heap array */
int sk_oci_pids(const struct sk_home *home, const char *id, int **ret,
		unsigned int *ret_len, struct sk_err *err);
/** sk_oci_kill() - Signal its first process, or @all; -ESRCH "container not running" */
int sk_oci_kill(const struct sk_home *home, const char *id, int sig, bool all,
		struct sk_err *err);
/** sk_oci_pause() - Freeze a running container, or with @pause false let it go on */
int sk_oci_pause(const struct sk_home *home, const char *id, bool pause,
		 struct sk_err *err);
/** sk_oci_delete() - Remove a container that is stopped or was never started; @force kills a running one, and
 *  takes an unknown one for deleted */
int sk_oci_delete(const struct sk_home *home, const char *id, bool force,
		  struct sk_err *err);
/** sk_oci_match() - Append the ids that an extended regular expression finds to a heap list */
int sk_oci_match(const struct sk_home *home, const char *expression, char ***ret,
		 struct sk_err *err);

/** struct sk_oci_exec_opts - A further process; all borrowed. Unset members are the container's own process's */
struct sk_oci_exec_opts {
	const char *process;	/* file with a process object: args to caps do not hold */
	char *const *args;	/* NULL with a file */
	const char *cwd, *user; /* "uid[:gid]" */
	char **env, **gids, **caps;
	const char *apparmor, *process_label;
	const char *cgroup; /* a group below the container's, "[CONTROLLER:]PATH" */
	const char *pid_file, *console_socket, *pidfd_socket;
	uint64_t preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused;
};
/** sk_oci_exec() - Run it; waits for its end unless it is detached. -ENOENT, -EACCES: it cannot be executed */
int sk_oci_exec(const struct sk_home *home, const char *id,
		const struct sk_oci_exec_opts *opts, int *ret_status, struct sk_err *err);
/** struct sk_oci_rdt - Lines for a container's group of Intel RDT; NULL leaves one as it is */
struct sk_oci_rdt {
	const char *l3_cache, *mem_bandwidth;
};
/**
 * sk_oci_update() - Change resources of a container that is not stopped
 * @resources:	Of the form of linux.resources: what is missing stays as it is
 *
 * Return: 0; -ENOENT; -ESRCH "container 'x' is not running"; -errno naming limit and file
 */
int sk_oci_update(const struct sk_home *home, const char *id,
		  const struct sk_json *resources, const struct sk_oci_rdt *rdt,
		  struct sk_err *err);

/** Gets {"type": "stats" or "oom", "id", "data"} (borrowed); a result below 0 ends sk_oci_events() with it */
typedef int sk_oci_event_fn(void *ctx, const struct sk_json *event);
/** struct sk_oci_events_opts - @once: tell the figures and end; else each @interval_ns until the containers end */
struct sk_oci_events_opts {
	bool once;
	uint64_t interval_ns;
	sk_oci_event_fn *tell;
	void *ctx;
};
/**
 * sk_oci_events() - Tell figures of containers, and when one runs out of memory
 * @ids:	NULL-terminated; none: all that run
 *
 * Return: 0 when all have ended; -ENOENT, -ESRCH for a named one; -EINTR
 */
int sk_oci_events(const struct sk_home *home, char *const *ids,
		  const struct sk_oci_events_opts *opts, struct sk_err *err);

/** struct sk_checkpoint_opts - Of checkpoint and restore; what is not set is criu's default */
struct sk_checkpoint_opts {
	const char *image_path;	 /* folder of the images; "checkpoint" when NULL */
	const char *work_path;	 /* folder of criu's log; NULL: that of the images */
	const char *parent_path; /* an earlier pre-dump, relative to image_path */
	const char *page_server; /* "ADDRESS:PORT" that the pages go to */
	const char *manage_cgroups_mode; /* "soft", "full", "strict" or "ignore" */
	const char *network_lock;	 /* "iptables" or "nftables" */
	const char *empty_ns;		 /* "network": restored without its devices */
	const char *lsm_profile, *lsm_mount_context; /* restore only */
	const char *status_fd; /* a descriptor that gets a NUL when pages can be served */
	bool leave_running, pre_dump, lazy_pages, auto_dedup;
	bool tcp_established, tcp_close, tcp_skip_in_flight;
	bool ext_unix_sk, shell_job, file_locks, link_remap;
};
/**
 * sk_oci_checkpoint() - Save a running or paused container as files
 *
 * With leave_running or pre_dump it runs on; otherwise it has ended afterwards.
 * Return: 0; -ENOENT without criu; -EOPNOTSUPP when criu or the kernel cannot; -EIO with
 * what criu's log tells of the cause
 */
int sk_oci_checkpoint(const struct sk_home *home, const char *id,
		      const struct sk_checkpoint_opts *opts, struct sk_err *err);
/**
 * sk_oci_restore() - Make a container from such files; its bundle may be another one
 * @ret_status:	Of its command, unless it is detached
 */
int sk_oci_restore(const struct sk_home *home, const char *id,
		   const struct sk_oci_opts *opts,
		   const struct sk_checkpoint_opts *checkpoint, int *ret_status,
		   struct sk_err *err);
/**
 * sk_oci_protect_self() - Execute this program again, from where no container can write to it
 * @argv:	Of main()
 *
 * To be called first by what makes a process in a container. Does nothing the second time.
 * Return: 0; -errno
 */
int sk_oci_protect_self(char *const *argv, struct sk_err *err);
/** sk_oci_default_config() - config.json of `skiff-oci spec`; NULL without memory */
struct sk_json *sk_oci_default_config(void);
/** sk_oci_rootless_config() - The same for an ordinary user: these ids are root inside */
struct sk_json *sk_oci_rootless_config(uid_t uid, gid_t gid);
/** sk_oci_features() - What `skiff-oci features` prints (oci_features.c); NULL without memory */
struct sk_json *sk_oci_features(void);

/* ---- What works here ---------------------------------------------------------------- */

/**
 * sk_runtime_doctor() - Try what containers need: namespaces, idmapped mounts, overlay, cgroups, ...
 * @checks:	Array that gets {check, ok, detail, fix} objects; fix is null where nothing is wrong
 *
 * Each thing is done for real, in a child or a folder below HOME->root, and undone.
 * Return: 0, whatever the checks say; -errno when they could not be made
 */
int sk_runtime_doctor(const struct sk_home *home, struct sk_json *checks,
		      struct sk_err *err);
/** sk_net_doctor() - The same for what networks, labs and migrations need: veth, bridge, tun, tc, userfaultfd */
int sk_net_doctor(const struct sk_home *home, struct sk_json *checks, struct sk_err *err);

#endif
