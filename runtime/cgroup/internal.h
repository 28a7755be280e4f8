/* SPDX-License-Identifier: Apache-2.0 */
/* internal - what the files of runtime/cgroup share; for them and their tests only */
#ifndef SK_CGROUP_INTERNAL_H
#define SK_CGROUP_INTERNAL_H

#include "runtime/cgroup/cgroup.h"

/** Controllers, as bits */
enum sk_cgroup_controller {
	SK_CGROUP_MEMORY = 1 << 0,
	SK_CGROUP_CPU = 1 << 1,
	SK_CGROUP_CPUACCT = 1 << 2, /* v1 only; v2 counts CPU time in every group */
	SK_CGROUP_PIDS = 1 << 3,
	SK_CGROUP_FREEZER = 1 << 4, /* v1 only; every v2 group can be frozen */
	SK_CGROUP_CPUSET = 1 << 5,
	SK_CGROUP_BLKIO = 1 << 6, /* v1; the same thing is SK_CGROUP_IO on v2 */
	SK_CGROUP_IO = 1 << 7,
	SK_CGROUP_DEVICES = 1 << 8,	/* v1 only; v2 has programs for that */
	SK_CGROUP_NET_CLS = 1 << 9,	/* v1 only */
	SK_CGROUP_NET_PRIO = 1 << 10,	/* v1 only */
	SK_CGROUP_PERF_EVENT = 1 << 11, /* v1 only; implicit on v2 */
	SK_CGROUP_HUGETLB = 1 << 12,
	SK_CGROUP_RDMA = 1 << 13,
	SK_CGROUP_MISC = 1 << 14,
	SK_CGROUP_NAMED = 1 << 15, /* v1's "name=systemd": no controller, systemd's own */
};

/** What every container's group has: limits and figures that skiff itself sets and reads */
#define SK_CGROUP_CORE                                                                   \
	((unsigned int)(SK_CGROUP_MEMORY | SK_CGROUP_CPU | SK_CGROUP_CPUACCT |           \
			SK_CGROUP_PIDS | SK_CGROUP_FREEZER))

/** What is used only where a limit asks for it */
#define SK_CGROUP_RARE                                                                   \
	((unsigned int)(SK_CGROUP_HUGETLB | SK_CGROUP_RDMA | SK_CGROUP_MISC))

#define SK_CGROUP_MAX_HIERS 16

/**
 * struct sk_cgroup_hier - A mounted hierarchy, and the group's place in it
 * @name:	Key of sk_cgroup_paths(): "unified", or the controllers of a v1 mount
 * @mount:	Its mount point
 * @base:	Existing folder below which skiff makes groups; NULL after sk_cgroup_reopen()
 * @dir:	The group's folder; NULL until sk_cgroup_open()
 * @is_v2:	cgroup2
 * @controllers: Bits of enum sk_cgroup_controller that work below @base
 * @blocked:	v2: bits that @base has but cannot hand on, because it holds processes
 * @withheld:	v2: bits that the machine has but @base was not given
 * @refused:	Negative errno when the caller may not make groups here: not used; else 0
 * @exists:	@dir was there at sk_cgroup_open()
 * @is_kept:	@dir is another's: it is not removed
 * @is_made:	sk_cgroup_create() made @dir, so that its failure removes it
 * @dirfd:	@dir, open, or -1
 * @enter_fd:	Where a process writes "0" to enter, or -1
 */
struct sk_cgroup_hier {
	char name[128];
	char *mount, *base, *dir;
	bool is_v2, exists, is_kept, is_made;
	unsigned int controllers, blocked, withheld;
	int refused;
	int dirfd, enter_fd;
};

struct sk_systemd;

struct sk_cgroup {
	struct sk_systemd *systemd; /* of the manager systemd; else NULL */
	char *path; /* absolute or relative, as in struct sk_cgroup_opts */
	enum sk_cgroup_manager manager;
	bool is_oci, delegate;
	uid_t uid;
	gid_t gid;
	struct sk_cgroup_hier hiers[SK_CGROUP_MAX_HIERS];
	unsigned int nr;
};

/** sk_cgroup_hier_finish() - Release what a hierarchy holds */
void sk_cgroup_hier_finish(struct sk_cgroup_hier *hier);
/** sk_cgroup_controller_name() - "memory", "cpu", ... of one bit */
const char *sk_cgroup_controller_name(unsigned int bit);
/** sk_cgroup_controller_bits() - Bits of a list such as "cpu,cpuacct" or "cpu memory pids" */
unsigned int sk_cgroup_controller_bits(const char *list);

/* place.c */

/** sk_cgroup_open_folder() - Open @dirfd of an existing folder; -1 where that fails */
void sk_cgroup_open_folder(struct sk_cgroup_hier *hier);
/** sk_cgroup_open_entrance() - Open @enter_fd, and of v2 @dirfd, into which a process can be cloned; -1 where that fails */
void sk_cgroup_open_entrance(struct sk_cgroup_hier *hier);

/* prepare.c */

/** sk_cgroup_prepare() - Make a folder that is open fit for processes and limits; 0 or -errno */
int sk_cgroup_prepare(const struct sk_cgroup *cg, struct sk_cgroup_hier *hier);

/* tasks.c */

/** sk_cgroup_has_process() - Whether a process may be in a folder or below, and one of them; pid 0 when it is
 *  out of sight, or the folder cannot be read */
bool sk_cgroup_has_process(const char *dir, int *ret_pid);
/** sk_cgroup_wait_event() - Wait until cgroup.events of a v2 group has @line; the kernel wakes its pollers at
 *  each change. A group that is gone is fine. 0, -ETIMEDOUT, or -errno */
int sk_cgroup_wait_event(int dirfd, const char *line, uint64_t deadline);

/* mounts.c */

/**
 * sk_cgroup_parse_mounts() - Find the hierarchies that skiff uses, and the caller's group in each
 * @mountinfo:	Text of /proc/self/mountinfo
 * @self:	Text of /proc/self/cgroup; NULL: the base is the mount point itself
 * @wanted:	Bits of controllers; v1 hierarchies that have none of them are left out
 * @ret:	Filled with name, mount, base, is_v2 and (v1) controllers
 * @ret_nr:	How many of them; finish each with sk_cgroup_hier_finish()
 *
 * Pure: opens nothing. A hierarchy in which the caller's group is not visible (mounted from
 * another cgroup namespace) is left out. Named hierarchies are not used.
 * Source: cgroups(7), proc_pid_mountinfo(5).
 * Return: 0 or -ENOMEM
 */
int sk_cgroup_parse_mounts(const char *mountinfo, const char *self, unsigned int wanted,
			   struct sk_cgroup_hier ret[SK_CGROUP_MAX_HIERS],
			   unsigned int *ret_nr);
/**
 * sk_cgroup_detect() - The same for this process; and find out which of @wanted v2's group can hand on
 * @from_mount:	The base is the mount point, not the caller's own group
 */
int sk_cgroup_detect(unsigned int wanted, bool from_mount,
		     struct sk_cgroup_hier ret[SK_CGROUP_MAX_HIERS], unsigned int *ret_nr,
		     struct sk_err *err);

/* walk.c */

/** Called for each folder, children before their parents: folder @name in @parentfd; 0 or -errno, which ends the walk */
typedef int (*sk_cgroup_visit_fn)(void *ctx, int parentfd, const char *name);
/** sk_cgroup_walk() - Visit a group and those below it; a missing one, or one that goes away, is fine */
int sk_cgroup_walk(const char *dir, sk_cgroup_visit_fn visit, void *ctx);

/* limits.c */

#define SK_CGROUP_MAX_SETTINGS 12
/**
 * struct sk_cgroup_setting - One value to write
 * @controller:	Bit of the controller that owns the file
 * @what:	The limit as a user calls it: "memory", "CPU", "number of processes"
 * @file:	File of the group
 * @value:	Text to write
 * @is_optional: No error when the file is missing
 * @is_trial:	No error at all
 */
struct sk_cgroup_setting {
	unsigned int controller;
	const char *what;
	const char *file;
	char value[48];
	bool is_optional, is_trial;
};
/**
 * sk_cgroup_plan() - Turn limits into values of files; pure
 * @lift:	Zero members lift a limit (update), instead of being left out (create)
 * @ret:	Filled; with an empty @file where this version of cgroups has no such limit
 *
 * Return: how many
 */
unsigned int sk_cgroup_plan(const struct sk_cgroup_limits *limits, bool is_v2, bool lift,
			    struct sk_cgroup_setting ret[SK_CGROUP_MAX_SETTINGS]);
/** sk_cgroup_check_limits() - Refuse limits that cannot be applied here, before anything is made */
int sk_cgroup_check_limits(const struct sk_cgroup *cg,
			   const struct sk_cgroup_limits *limits, struct sk_err *err);
/** sk_cgroup_apply() - Write the values; the group exists */
int sk_cgroup_apply(const struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		    bool lift, struct sk_err *err);
/** sk_cgroup_find() - The hierarchy that has a controller and is used, or NULL */
const struct sk_cgroup_hier *sk_cgroup_find(const struct sk_cgroup *cg, unsigned int bit);
/** sk_cgroup_v2() - The v2 hierarchy when it is used and the group is there, or NULL */
const struct sk_cgroup_hier *sk_cgroup_v2(const struct sk_cgroup *cg);

#endif
