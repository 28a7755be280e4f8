/* SPDX-License-Identifier: Apache-2.0 */
/* stats - all figures of a group as runc tells them, and a watch for want of memory */
#ifndef SK_CGROUP_STATS_H
#define SK_CGROUP_STATS_H

#include "runtime/cgroup/cgroup.h"

/**
 * sk_cgroup_stats_to_json() - Figures of a group, in the form of runc's `events --stats`
 *
 * {"cpu": {"usage": {"total", ...}, "throttling", "psi"}, "cpuset", "memory": {"usage":
 * {"limit", "usage", "max", "failcnt"}, "swap", "kernel", "kernelTCP", "raw", "psi",
 * "event_count"}, "pids", "blkio", "hugetlb"}. Times are nanoseconds, sizes bytes. What a
 * controller does not tell is left out; v2's swap is told with memory, as on v1.
 * Return: the object; printing it fails when memory ran out
 */
struct sk_json *sk_cgroup_stats_to_json(const struct sk_cgroup *cg);

/**
 * struct sk_cgroup_oom_watch - Wakes when a group runs out of memory
 * @fd:		For poll(2), or -1 where no group counts memory
 * @events:	POLLIN on v1, POLLPRI on v2
 */
struct sk_cgroup_oom_watch {
	int fd;
	short events;
	int dirfd; /* borrowed from the group */
	uint64_t kills;
};

/**
 * sk_cgroup_oom_watch_init() - Begin to watch
 * @cg:		Borrowed for the watch's life
 *
 * Source: the kernel's cgroup-v1/memory.rst, section 10 (eventfd); cgroup-v2.rst, memory.events.
 * Return: 0, also where there is nothing to watch; -errno
 */
int sk_cgroup_oom_watch_init(const struct sk_cgroup *cg, struct sk_cgroup_oom_watch *ret,
			     struct sk_err *err);
/** sk_cgroup_oom_watch_check() - Whether it ran out of memory since the last call; does not block */
bool sk_cgroup_oom_watch_check(struct sk_cgroup_oom_watch *watch);
/** sk_cgroup_oom_watch_finish() - End it */
void sk_cgroup_oom_watch_finish(struct sk_cgroup_oom_watch *watch);

#endif
