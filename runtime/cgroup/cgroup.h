/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup - limits on a collection of processes, on cgroup v1, v2 and the hybrid of both
 *
 *	struct sk_cgroup_opts opts = {.path = "skiff/web/n1"};
 *	sk_cgroup_open(&opts, &cg, err);		// below the caller's own group; nothing is made yet
 *	sk_cgroup_paths(cg)				// write down, so that recovery can remove it
 *	sk_cgroup_create(cg, &limits, err);		// make it and set limits; a limit that cannot be set is an error
 *	clone3(... CLONE_INTO_CGROUP with sk_cgroup_v2_fd(cg))
 *		child: sk_cgroup_enter(cg)		// the child itself: no RCU grace period in the parent
 *	sk_cgroup_read_oom(cg, &oom); sk_cgroup_kill(cg, err); sk_cgroup_remove(cg, err);
 */
#ifndef SK_CGROUP_H
#define SK_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"

/** enum sk_cgroup_mode - What is mounted on this machine */
enum sk_cgroup_mode {
	SK_CGROUP_NONE, /* nothing usable */
	SK_CGROUP_V1,
	SK_CGROUP_HYBRID, /* v1 controllers, v2 without controllers beside them */
	SK_CGROUP_V2,
};

/** struct sk_cgroup_limits - Limits; a zero member is "not limited" */
struct sk_cgroup_limits {
	uint64_t
		memory_bytes; /* memory.max, of memory and swap together where swap is accounted */
	uint64_t memory_low_bytes; /* memory.low; v2 only */
	uint64_t cpu_milli;	   /* cap in thousandths of a CPU: cpu.max, cfs_quota */
	uint64_t
		cpu_weight; /* 1 to 10000, 100 is usual (v2's unit; converted to shares on v1) */
	uint64_t pids_max;
};

/** struct sk_cgroup_usage - What a group has used; *_valid tells which are known */
struct sk_cgroup_usage {
	uint64_t memory_bytes, memory_peak_bytes, cpu_ns, pids;
	bool memory_valid, peak_valid, cpu_valid, pids_valid;
};

/** struct sk_cgroup_oom - Whether the group ran out of memory */
struct sk_cgroup_oom {
	uint64_t kills; /* processes killed by the OOM killer in this group and below */
	uint64_t limit_bytes, peak_bytes; /* 0 when unknown, or without kills */
};

struct sk_cgroup_resources; /* resources.h */

/** struct sk_cgroup - One group, in every hierarchy that has it */
struct sk_cgroup;

/** sk_cgroup_mode() - Find out once what is mounted */
enum sk_cgroup_mode sk_cgroup_mode(void);
/** sk_cgroup_mode_name() - "v1", "hybrid", "v2", "none" */
const char *sk_cgroup_mode_name(enum sk_cgroup_mode mode);

/** enum sk_cgroup_manager - Who makes groups */
enum sk_cgroup_manager {
	SK_CGROUP_MANAGER_FS,	    /* skiff, as folders of the cgroup file systems */
	SK_CGROUP_MANAGER_SYSTEMD,  /* systemd, asked over D-Bus for a scope */
	SK_CGROUP_MANAGER_DISABLED, /* nobody: processes stay where their parent is */
};
/** sk_cgroup_manager_from_name() - "cgroupfs", "systemd", "disabled"; -EINVAL for another */
int sk_cgroup_manager_from_name(const char *name, enum sk_cgroup_manager *ret);

/**
 * struct sk_cgroup_opts - Where a group is and whose it is; all borrowed for sk_cgroup_open() only
 * @path:	"skiff/web/n1" is below the caller's own group (on v2, where that cannot be, beside
 *		it); "/jobs/c1" is below the mount point of each hierarchy, wherever the caller
 *		is. "..", "." and empty parts are refused, and "/" alone.
 *		With systemd "SLICE:PREFIX:NAME", each of which may be empty; NULL is "::ID"
 * @id:		The container's id: name of a scope for which @path has none
 * @manager:	See above
 * @is_oci:	As an OCI runtime: in every hierarchy, not in those alone that skiff itself uses;
 *		a group that exists may be used when no process is in it, and is not removed
 * @delegate:	v2: the group is given to @uid and @gid, for a container that may write to it
 * @annotations: systemd: members "org.systemd.property.NAME" are properties of the scope
 * @resources:	With @is_oci: what will be set. hugetlb, rdma and misc are used only where it
 *		asks for them; NULL: it does not
 */
struct sk_cgroup_opts {
	const char *path, *id;
	enum sk_cgroup_manager manager;
	bool is_oci, delegate;
	uid_t uid;
	gid_t gid;
	const struct sk_json *annotations;
	const struct sk_cgroup_resources *resources;
};

/**
 * sk_cgroup_open() - Describe a group; makes nothing
 *
 * A group at an absolute path is not below the caller's and escapes the limits of that: the
 * OCI runtime-spec demands it ("relative to the cgroups mount point").
 * With SK_CGROUP_MANAGER_DISABLED there is a group without any hierarchy: all that follows
 * works and does nothing, but limits are refused.
 *
 * Return: 0; -EINVAL for a path as above; other -errno
 */
int sk_cgroup_open(const struct sk_cgroup_opts *opts, struct sk_cgroup **ret,
		   struct sk_err *err);

/**
 * sk_cgroup_paths() - The folders of the group, to be written down before they are made
 * Return: {"path": "skiff/web/n1", "memory": "/sys/fs/cgroup/memory/…", "unified": "…"};
 * hierarchies in which the caller may make no groups are left out. Printing it fails when
 * memory ran out
 */
struct sk_json *sk_cgroup_paths(const struct sk_cgroup *cg);
/** sk_cgroup_reopen() - The same group from sk_cgroup_paths(), whoever calls it; folders may be gone.
 *  Nobody can enter it: sk_cgroup_reopen_to_enter() */
int sk_cgroup_reopen(const struct sk_json *paths, struct sk_cgroup **ret,
		     struct sk_err *err);
/** sk_cgroup_reopen_to_enter() - The same for a process that shall be in there; only sk_cgroup_v2_fd(),
 *  sk_cgroup_enter(), sk_cgroup_descend(), sk_cgroup_attach() and sk_cgroup_read_oom() make sense */
int sk_cgroup_reopen_to_enter(const struct sk_json *paths, struct sk_cgroup **ret,
			      struct sk_err *err);

/**
 * sk_cgroup_descend() - Take a group below instead, as a place for a process to enter
 * @cg:		From sk_cgroup_reopen_to_enter()
 * @hierarchy:	A controller, or "unified" or "" for v2: there alone; NULL: in all
 * @below:	Existing group, relative; ".." is refused
 *
 * Return: 0; -EINVAL
 */
int sk_cgroup_descend(struct sk_cgroup *cg, const char *hierarchy, const char *below,
		      struct sk_err *err);

/**
 * sk_cgroup_create() - Make the group where it is missing and set its limits
 * @limits:	May be NULL
 *
 * On v2 the controllers are switched on from the caller's group down. A group other than
 * the machine's root that holds processes, as the caller's own does, cannot hand on
 * controllers ("no internal processes"): the processes stay where they are and skiff's
 * groups are made beside the caller's, as far as delegation allows. sk_cgroup_open()
 * decides this, so that sk_cgroup_paths() tells the true place.
 * A limit that was asked for and cannot be set is an error that names it, its file and the
 * reason (controller not mounted, not delegated); what was made is removed again.
 * Without any limit a missing controller is no error.
 */
int sk_cgroup_create(struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		     struct sk_err *err);
/**
 * sk_cgroup_can_limit() - Whether a limit of this controller can be set
 * @controller:	"memory", "cpu" or "pids"
 *
 * For limits that nobody asked for, such as a default: set them only where that is possible.
 */
bool sk_cgroup_can_limit(const struct sk_cgroup *cg, const char *controller);
/** sk_cgroup_update() - Change limits of an existing group; a zero member lifts the limit */
int sk_cgroup_update(struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		     struct sk_err *err);

/** sk_cgroup_v2_fd() - Folder for CLONE_INTO_CGROUP (borrowed), or -1 where v2 is not mounted */
int sk_cgroup_v2_fd(const struct sk_cgroup *cg);
/**
 * sk_cgroup_enter() - Called by the child: move into the v1 groups (and v2 when @with_v2)
 *
 * Descriptors were opened by sk_cgroup_create() in the parent. Async-signal-safe.
 * Return: 0 or -errno
 */
int sk_cgroup_enter(const struct sk_cgroup *cg, bool with_v2, struct sk_err *err);

/**
 * sk_cgroup_attach() - Called by the parent before its child goes on: move it where it may not go by itself
 * @cg:		May be NULL
 *
 * Only an ordinary user's systemd does that; for anybody else the child enters by itself, and
 * nothing is done here.
 */
int sk_cgroup_attach(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err);
/** sk_cgroup_is_moved_by_manager() - Whether sk_cgroup_attach() does anything; @cg may be NULL */
bool sk_cgroup_is_moved_by_manager(const struct sk_cgroup *cg);
/**
 * sk_cgroup_move() - Move another process of one thread into the groups, by whoever may
 * @cg:		May be NULL
 *
 * Slower than to enter: the writer waits for a grace period of the kernel.
 */
int sk_cgroup_move(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err);
/** sk_cgroup_settle() - The container's process is in the group: release what held an empty one */
void sk_cgroup_settle(struct sk_cgroup *cg);
/** sk_cgroup_tell_manager() - After files of the group were written: tell systemd, so that it does not undo it */
int sk_cgroup_tell_manager(const struct sk_cgroup *cg, struct sk_err *err);

/** sk_cgroup_is_populated() - Whether any process is in the group or below */
bool sk_cgroup_is_populated(const struct sk_cgroup *cg);
/** sk_cgroup_pids() - Processes of the group and below it as a heap array; 0 or -errno */
int sk_cgroup_pids(const struct sk_cgroup *cg, int **ret, unsigned int *ret_len,
		   struct sk_err *err);
/** sk_cgroup_kill() - SIGKILL all until none is left, at most @timeout_ms; -ETIMEDOUT names a survivor */
int sk_cgroup_kill(const struct sk_cgroup *cg, unsigned int timeout_ms,
		   struct sk_err *err);
/** sk_cgroup_signal() - Signal each process of the group and below, at a moment when none can fork where the
 *  kernel can stop them; does not wait. A frozen group stays so, but for SIGKILL */
int sk_cgroup_signal(const struct sk_cgroup *cg, int sig, struct sk_err *err);
/** sk_cgroup_freeze() - Stop or go on with all processes; waits until the kernel says so (5 s), else undoes it */
int sk_cgroup_freeze(const struct sk_cgroup *cg, bool freeze, struct sk_err *err);
/** sk_cgroup_is_frozen() - Whether all its processes are stopped by sk_cgroup_freeze() or its like */
bool sk_cgroup_is_frozen(const struct sk_cgroup *cg);
/** sk_cgroup_is_frozen_at() - The same of a group from sk_cgroup_paths(), of which no more is opened than needed */
bool sk_cgroup_is_frozen_at(const struct sk_json *paths);
/** sk_cgroup_read_usage() - Current use */
int sk_cgroup_read_usage(const struct sk_cgroup *cg, struct sk_cgroup_usage *ret,
			 struct sk_err *err);
/** sk_cgroup_usage_to_json() - Current use as users see it: cpu_ns, memory_bytes, memory_peak_bytes, pids; what is not known is left out */
struct sk_json *sk_cgroup_usage_to_json(const struct sk_cgroup *cg);
/** sk_cgroup_read_oom() - Look for OOM kills (memory.events, memory.oom_control) */
int sk_cgroup_read_oom(const struct sk_cgroup *cg, struct sk_cgroup_oom *ret,
		       struct sk_err *err);
/** sk_cgroup_remove() - Remove the empty group and groups below it; EBUSY is retried for a second, then
 *  names a process. A missing one is fine */
int sk_cgroup_remove(struct sk_cgroup *cg, struct sk_err *err);
/** sk_cgroup_remove_empty_parents() - Remove "skiff" and "skiff/web" above it when nobody else uses them */
void sk_cgroup_remove_empty_parents(struct sk_cgroup *cg);
/**
 * sk_cgroup_destroy() - Kill what is in the group, remove it and its empty parents
 * @timeout_ms:	For the kill
 *
 * The fastest way where nothing is left in it. What exists because of others stays.
 * Return: 0, also when it is gone; -ETIMEDOUT or -EBUSY naming a process; other -errno
 */
int sk_cgroup_destroy(struct sk_cgroup *cg, unsigned int timeout_ms, struct sk_err *err);
void sk_cgroup_free(struct sk_cgroup *cg);
SK_DEFINE_AUTO(struct sk_cgroup, sk_cgroup_free)

#endif
