// SPDX-License-Identifier: Apache-2.0
/* kill - signal or kill the processes of a group, however they fork
 *
 * Theory of operation of the kill
 *
 * 1. cgroup.kill, where there is a v2 group, kills all at once, forks under way and frozen
 *    ones included. What v1's freezer holds dies only when it is thawed, so it is thawed
 *    behind the kill: nothing runs in between. cgroup.events tells when the last is gone.
 * 2. Where there is none (pure v1, an old kernel), and for stragglers that are in a v1 group
 *    only: freeze where that is possible, so that nothing forks, SIGKILL each, thaw, and
 *    again until none is left.
 * 3. While all are frozen no pid can get another owner. Where nothing could be frozen a pid
 *    is signalled through a pidfd that was opened before the group was read a second time,
 *    so that a pid in use again elsewhere is never hit; some at a time, as descriptors are
 *    few.
 */
#include <fcntl.h>
#include <signal.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/cgroup/internal.h"

#define FIRST_PAUSE   (50 * SK_NS_PER_US)
#define LONGEST_PAUSE (5 * SK_NS_PER_MS)
#define BATCH	      64

static int compare_pids(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool has_pid(const int *pids, unsigned int len, int pid)
{
	return len > 0 && bsearch(&pid, pids, len, sizeof(*pids), compare_pids) != NULL;
}

static int explain_signal(const struct sk_cgroup *cg, int pid, struct sk_err *err)
{
	return sk_err_errno(err, "signal process %d of cgroup '%s'", pid, cg->path);
}

/* Step 3 of the theory of operation, for at most BATCH pids. */
static int signal_batch(const struct sk_cgroup *cg, const int *pids, unsigned int len,
			int sig, struct sk_err *err)
{
	sk_autofree int *now = NULL;
	unsigned int now_len = 0;
	int pidfds[BATCH], r;

	for (unsigned int i = 0; i < len; i++)
		pidfds[i] = sk_sys_pidfd_open(pids[i], 0);
	r = sk_cgroup_pids(cg, &now, &now_len, err);
	for (unsigned int i = 0; i < len; i++) {
		if (r == 0 && pidfds[i] >= 0 && has_pid(now, now_len, pids[i]) &&
		    sk_sys_pidfd_send_signal(pidfds[i], sig) < 0 && errno != ESRCH)
			r = explain_signal(cg, pids[i], err);
		sk_close(&pidfds[i]);
	}
	return r;
}

static int signal_each(const struct sk_cgroup *cg, const int *pids, unsigned int len,
		       int sig, bool is_frozen, struct sk_err *err)
{
	int r = 0;

	for (unsigned int at = 0; !is_frozen && r == 0 && at < len; at += BATCH)
		r = signal_batch(cg, pids + at, len - at < BATCH ? len - at : BATCH, sig,
				 err);
	for (unsigned int i = 0; is_frozen && r == 0 && i < len; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			r = explain_signal(cg, pids[i], err);
	return r;
}

/* One round of step 2; @stay_frozen: the group is left as it was found. */
static int freeze_and_signal(const struct sk_cgroup *cg, int sig, bool stay_frozen,
			     struct sk_err *err)
{
	bool was_frozen = sk_cgroup_is_frozen(cg);
	bool is_frozen = was_frozen || sk_cgroup_freeze(cg, true, NULL) == 0;
	sk_autofree int *pids = NULL;
	unsigned int len = 0;
	int r = sk_cgroup_pids(cg, &pids, &len, err);

	if (r == 0)
		r = signal_each(cg, pids, len, sig, is_frozen, err);
	if (is_frozen && !(was_frozen && stay_frozen))
		(void)sk_cgroup_freeze(cg, false, NULL);
	return r;
}

static int name_survivor(const struct sk_cgroup *cg, int pid, struct sk_err *err)
{
	sk_autofree char *path = sk_strf("/proc/%d/comm", pid);
	sk_autofree char *comm = NULL;

	if (path && sk_fs_read(AT_FDCWD, path, 64, &comm, NULL) == 0)
		comm[strcspn(comm, "\n")] = '\0';
	return sk_err_set(err, ETIMEDOUT,
			  "kill cgroup '%s': process %d (%s) is still there", cg->path,
			  pid, comm ? comm : "?");
}

/* Step 1 of the theory of operation. */
static bool kill_at_once(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg);
	const struct sk_cgroup_hier *freezer = sk_cgroup_find(cg, SK_CGROUP_FREEZER);
	bool is_killed = v2 && sk_fs_write(v2->dirfd, "cgroup.kill", "1") == 0;

	if (is_killed && freezer && freezer->dirfd >= 0)
		(void)sk_fs_write(freezer->dirfd, "freezer.state", "THAWED");
	return is_killed;
}

int sk_cgroup_kill(const struct sk_cgroup *cg, unsigned int timeout_ms,
		   struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	uint64_t pause = FIRST_PAUSE;

	if (kill_at_once(cg))
		(void)sk_cgroup_wait_event(sk_cgroup_v2(cg)->dirfd, "populated 0",
					   deadline);
	for (;;) {
		sk_autofree int *pids = NULL;
		unsigned int len = 0;
		int r = sk_cgroup_pids(cg, &pids, &len, err);

		if (r < 0 || len == 0)
			return r;
		if (sk_clock_mono() >= deadline)
			return name_survivor(cg, pids[0], err);
		r = freeze_and_signal(cg, SIGKILL, false, err);
		if (r < 0)
			return r;
		sk_clock_sleep_until(sk_clock_mono() + pause);
		pause = pause < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
}

int sk_cgroup_signal(const struct sk_cgroup *cg, int sig, struct sk_err *err)
{
	if (sig == SIGKILL && kill_at_once(cg))
		return 0;
	return freeze_and_signal(cg, sig, sig != SIGKILL, err);
}
