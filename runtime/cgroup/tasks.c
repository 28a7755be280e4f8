// SPDX-License-Identifier: Apache-2.0
/* tasks - the processes of a group: list, freeze, kill
 *
 * Theory of operation of the kill
 *
 * 1. cgroup.kill, where there is a v2 group, kills all at once, forks under way included;
 *    then cgroup.events tells when the last is gone.
 * 2. Where there is none (pure v1, an old kernel): freeze where that is possible, so that
 *    nothing forks, SIGKILL each, thaw, and again until none is left.
 * 3. Stragglers that are in a v1 group only are killed one by one. A pid is killed through
 *    a pidfd that was opened before the group was read a second time, so that a pid in
 *    use again elsewhere is never hit.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/cgroup/internal.h"

#define FREEZE_TIMEOUT_NS (5 * SK_NS_PER_S)
#define POLL_NS		  SK_NS_PER_MS
#define MAX_FILE	  (16u << 20)

struct pid_list {
	int *pids;
	unsigned int len, size;
};

static int add_pid(struct pid_list *list, int pid)
{
	if (list->len == list->size) {
		unsigned int size = list->size ? list->size * 2 : 64;
		int *pids = realloc(list->pids, size * sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		list->pids = pids;
		list->size = size;
	}
	list->pids[list->len++] = pid;
	return 0;
}

/* A process of another pid namespace reads as 0; a threaded group cannot be read at all. */
static int collect_pids(void *ctx, int parentfd, const char *name)
{
	sk_autofree char *path = sk_strf("%s/cgroup.procs", name);
	sk_autofree char *text = NULL;
	char *at;
	int r;

	if (!path)
		return -ENOMEM;
	r = sk_fs_read(parentfd, path, MAX_FILE, &text, NULL);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	for (at = text; *at;) {
		long pid = strtol(at, &at, 10);

		if (pid > 0 && add_pid(ctx, (int)pid) < 0)
			return -ENOMEM;
		at += *at == '\n';
	}
	return 0;
}

/* Processes of a pid namespace out of sight read as 0: they count all the same. */
static int find_pid(void *ctx, int parentfd, const char *name)
{
	sk_autofree char *path = sk_strf("%s/cgroup.procs", name);
	sk_autofree char *text = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = sk_fs_read(parentfd, path, MAX_FILE, &text, NULL);
	if (r < 0 || !*text)
		return r == -EOPNOTSUPP ? 0 : r;
	*(int *)ctx = (int)strtol(text, NULL, 10);
	return -EBUSY;
}

bool sk_cgroup_has_process(const char *dir, int *ret_pid)
{
	*ret_pid = 0;
	return sk_cgroup_walk(dir, find_pid, ret_pid) < 0;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int sk_cgroup_pids(const struct sk_cgroup *cg, int **ret, unsigned int *ret_len,
		   struct sk_err *err)
{
	struct pid_list list = {0};
	unsigned int unique = 0;

	for (unsigned int i = 0; i < cg->nr; i++) {
		int r;

		if (cg->hiers[i].refused)
			continue;
		r = sk_cgroup_walk(cg->hiers[i].dir, collect_pids, &list);
		if (r < 0) {
			free(list.pids);
			return sk_err_code(err, r, "list the processes of cgroup '%s'",
					   cg->hiers[i].dir);
		}
	}
	if (list.len)
		qsort(list.pids, list.len, sizeof(*list.pids), compare_pids);
	for (unsigned int i = 0; i < list.len; i++)
		if (i == 0 || list.pids[i] != list.pids[i - 1])
			list.pids[unique++] = list.pids[i];
	*ret = list.pids;
	*ret_len = unique;
	return 0;
}

bool sk_cgroup_is_populated(const struct sk_cgroup *cg)
{
	sk_autofree int *pids = NULL;
	unsigned int len = 0;

	return sk_cgroup_pids(cg, &pids, &len, NULL) == 0 && len > 0;
}

/* Wait until cgroup.events has the line @line; the kernel wakes its pollers at each change. */
static int wait_event(int dirfd, const char *line, uint64_t deadline)
{
	sk_autoclose int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	for (;;) {
		struct pollfd poller = {.fd = fd, .events = POLLPRI};
		sk_autofree char *text = NULL;
		int timeout, r;

		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
		r = sk_fs_read_fd(fd, 4096, &text, NULL);
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return r;
		if (strstr(text, line))
			return 0;
		timeout = sk_clock_remaining_ms(deadline);
		if (timeout == 0)
			return -ETIMEDOUT;
		if (poll(&poller, 1, timeout) < 0 && errno != EINTR)
			return -errno;
	}
}

static const struct sk_cgroup_hier *v1_freezer(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_FREEZER);

	return hier && hier->dirfd >= 0 ? hier : NULL;
}

/* v1 tells nobody when it is done, and a process that forks may need a second order. */
static int freeze_v1(const struct sk_cgroup_hier *hier, bool freeze, uint64_t deadline)
{
	const char *state = freeze ? "FROZEN" : "THAWED";

	for (;;) {
		sk_autofree char *text = NULL;
		int r = sk_fs_write(hier->dirfd, "freezer.state", state);

		if (r == 0)
			r = sk_fs_read(hier->dirfd, "freezer.state", 64, &text, NULL);
		if (r < 0)
			return r;
		if (sk_str_starts(text, state))
			return 0;
		if (sk_clock_mono() >= deadline)
			return -ETIMEDOUT;
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

int sk_cgroup_freeze(const struct sk_cgroup *cg, bool freeze, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + FREEZE_TIMEOUT_NS;
	const struct sk_cgroup_hier *hier = sk_cgroup_v2(cg);
	const char *verb = freeze ? "freeze" : "thaw";
	int r;

	if (hier) {
		r = sk_fs_write(hier->dirfd, "cgroup.freeze", freeze ? "1" : "0");
		if (r == 0)
			r = wait_event(hier->dirfd, freeze ? "frozen 1" : "frozen 0",
				       deadline);
	} else {
		hier = v1_freezer(cg);
		if (!hier)
			return sk_err_set(
				err, ENOTSUP,
				"%s cgroup '%s': neither cgroup v2 nor the v1 controller 'freezer' can be used here",
				verb, cg->path);
		r = freeze_v1(hier, freeze, deadline);
	}
	if (r < 0)
		return sk_err_code(err, r, "%s cgroup '%s'", verb, hier->dir);
	return 0;
}

bool sk_cgroup_is_frozen(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_v2(cg);
	sk_autofree char *text = NULL;

	if (hier)
		return sk_fs_read(hier->dirfd, "cgroup.events", 4096, &text, NULL) == 0 &&
		       strstr(text, "frozen 1") != NULL;
	hier = v1_freezer(cg);
	return hier && sk_fs_read(hier->dirfd, "freezer.state", 64, &text, NULL) == 0 &&
	       sk_str_starts(text, "FROZEN");
}

static bool has_pid(const int *pids, unsigned int len, int pid)
{
	return len > 0 && bsearch(&pid, pids, len, sizeof(*pids), compare_pids) != NULL;
}

/* Step 3 of the theory of operation; @pids was read before. */
static int kill_each(const struct sk_cgroup *cg, const int *pids, unsigned int len,
		     struct sk_err *err)
{
	for (unsigned int i = 0; i < len; i++) {
		sk_autoclose int pidfd = sk_sys_pidfd_open(pids[i], 0);
		sk_autofree int *now = NULL;
		unsigned int now_len = 0;
		int r;

		if (pidfd < 0)
			continue;
		r = sk_cgroup_pids(cg, &now, &now_len, err);
		if (r < 0)
			return r;
		if (has_pid(now, now_len, pids[i]) &&
		    sk_sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno == EPERM)
			return sk_err_errno(err, "kill process %d of cgroup '%s'",
					    pids[i], cg->path);
	}
	return 0;
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

static void kill_at_once(const struct sk_cgroup *cg, uint64_t deadline)
{
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg);

	if (v2 && sk_fs_write(v2->dirfd, "cgroup.kill", "1") == 0)
		(void)wait_event(v2->dirfd, "populated 0", deadline);
}

int sk_cgroup_kill(const struct sk_cgroup *cg, unsigned int timeout_ms,
		   struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;

	kill_at_once(cg, deadline);
	for (;;) {
		sk_autofree int *pids = NULL;
		unsigned int len = 0;
		bool is_frozen;
		int r = sk_cgroup_pids(cg, &pids, &len, err);

		if (r < 0 || len == 0)
			return r;
		if (sk_clock_mono() >= deadline)
			return name_survivor(cg, pids[0], err);
		is_frozen = sk_cgroup_freeze(cg, true, NULL) == 0;
		r = kill_each(cg, pids, len, err);
		if (is_frozen)
			(void)sk_cgroup_freeze(cg, false, NULL);
		if (r < 0)
			return r;
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}
