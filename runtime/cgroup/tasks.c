// SPDX-License-Identifier: Apache-2.0
/* tasks - the processes of a group: list them, freeze and thaw them */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/cgroup/internal.h"

#define FREEZE_TIMEOUT_NS (5 * SK_NS_PER_S)
#define FIRST_PAUSE	  (50 * SK_NS_PER_US)
#define LONGEST_PAUSE	  (2 * SK_NS_PER_MS)
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

int sk_cgroup_wait_event(int dirfd, const char *line, uint64_t deadline)
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
	uint64_t pause = FIRST_PAUSE;

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
		sk_clock_sleep_until(sk_clock_mono() + pause);
		pause = pause < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
}

static int freeze_v2(const struct sk_cgroup_hier *hier, bool freeze, uint64_t deadline)
{
	int r = sk_fs_write(hier->dirfd, "cgroup.freeze", freeze ? "1" : "0");

	return r < 0 ? r
		     : sk_cgroup_wait_event(hier->dirfd, freeze ? "frozen 1" : "frozen 0",
					    deadline);
}

/* Where there are both, v2 freezes, for it tells when it is done and can be killed; but
 * others may have used v1's freezer. */
int sk_cgroup_freeze(const struct sk_cgroup *cg, bool freeze, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + FREEZE_TIMEOUT_NS;
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg), *v1 = v1_freezer(cg);
	const char *verb = freeze ? "freeze" : "thaw";
	int r = 0;

	if (!v2 && !v1)
		return sk_err_set(
			err, ENOTSUP,
			"%s cgroup '%s': neither cgroup v2 nor the v1 controller 'freezer' can be used here",
			verb, cg->path);
	if (v1 && !(v2 && freeze))
		r = freeze_v1(v1, freeze, deadline);
	if (v2 && r == 0)
		r = freeze_v2(v2, freeze, deadline);
	if (r == 0)
		return 0;
	if (freeze && v2)
		(void)sk_fs_write(v2->dirfd, "cgroup.freeze", "0");
	else if (freeze)
		(void)sk_fs_write(v1->dirfd, "freezer.state", "THAWED");
	return sk_err_code(err, r, "%s cgroup '%s'", verb, v2 ? v2->dir : v1->dir);
}

bool sk_cgroup_is_frozen(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg), *v1 = v1_freezer(cg);
	sk_autofree char *events = NULL, *state = NULL;

	if (v2 && sk_fs_read(v2->dirfd, "cgroup.events", 4096, &events, NULL) == 0 &&
	    strstr(events, "frozen 1"))
		return true;
	return v1 && sk_fs_read(v1->dirfd, "freezer.state", 64, &state, NULL) == 0 &&
	       sk_str_starts(state, "FROZEN");
}
