// SPDX-License-Identifier: Apache-2.0
/* cgroup - the life of a group that place.c described: make, enter, remove
 *
 * Theory of operation
 *
 * 1. create: refuse limits that cannot be; make the folders; open what a child needs to
 *    enter; prepare.c; write the limits. Any failure removes all of it.
 * 2. Several skiffs share the parents ("skiff"): a remover may take an empty one away while
 *    a creator is on its way down. The creator starts again from the base.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/systemd.h"

#define CREATE_ATTEMPTS 1000
#define REMOVE_DEADLINE SK_NS_PER_S
#define FIRST_PAUSE	(20 * SK_NS_PER_US)
#define LONGEST_PAUSE	(2 * SK_NS_PER_MS)

/* From the base down to the leaf. */
static int make_path(const struct sk_cgroup_hier *hier)
{
	sk_autofree char *dir = strdup(hier->dir);
	size_t at = strlen(hier->base);
	bool made = false;

	if (!dir)
		return -ENOMEM;
	while (dir[at] == '/') {
		char *slash = strchr(dir + at + 1, '/');

		if (slash)
			*slash = '\0';
		made = mkdir(dir, 0755) == 0;
		if (!made && errno != EEXIST)
			return -errno;
		at = strlen(dir);
		if (slash)
			*slash = '/';
	}
	return made ? 0 : -EEXIST;
}

/* -EEXIST when the leaf was there. Usually only the leaf is missing. */
static int make_folders(const struct sk_cgroup_hier *hier)
{
	int r = mkdir(hier->dir, 0755) == 0 ? 0 : -errno;

	for (unsigned int i = 0; i < CREATE_ATTEMPTS && r == -ENOENT; i++)
		r = make_path(hier);
	return r;
}

static int make_hier(const struct sk_cgroup *cg, struct sk_cgroup_hier *hier)
{
	int r = make_folders(hier);

	if (r == -EEXIST && (hier->is_kept || !cg->is_oci || cg->systemd))
		r = 0;
	else
		hier->is_made = r == 0;
	if (hier->is_made && cg->systemd && hier->is_v2 && cg->nr == 1)
		r = -ENOENT; /* the scope is elsewhere */
	if (r < 0)
		return r;
	sk_close(&hier->dirfd);
	sk_close(&hier->enter_fd);
	sk_cgroup_open_folder(hier);
	if (hier->dirfd >= 0)
		sk_cgroup_open_entrance(hier);
	if (hier->dirfd < 0 || hier->enter_fd < 0)
		return -errno;
	return sk_cgroup_prepare(cg, hier);
}

/* Not being allowed to matters only to limits; anything else is a failure. */
static int make_hiers(struct sk_cgroup *cg, struct sk_err *err)
{
	for (unsigned int i = 0; i < cg->nr; i++) {
		struct sk_cgroup_hier *hier = &cg->hiers[i];
		int r = hier->refused ? 0 : make_hier(cg, hier);

		if (r == -EACCES || r == -EPERM || r == -EROFS)
			hier->refused = r;
		else if (r < 0)
			return sk_err_code(err, r, "make cgroup '%s'", hier->dir);
	}
	return 0;
}

int sk_cgroup_create(struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		     struct sk_err *err)
{
	const struct sk_cgroup_limits none = {0};
	const struct sk_cgroup_limits *wanted = limits ? limits : &none;
	int r = sk_cgroup_check_limits(cg, wanted, err);

	if (r < 0)
		return r;
	r = cg->systemd ? sk_systemd_start(cg, err) : 0;
	if (r < 0)
		return r;
	r = make_hiers(cg, err);
	if (r < 0)
		goto undo_make;
	r = sk_cgroup_check_limits(cg, wanted, err);
	if (r < 0)
		goto undo_make;
	r = sk_cgroup_apply(cg, wanted, false, err);
	if (r == 0 && memcmp(wanted, &none, sizeof(none)) != 0)
		r = sk_cgroup_tell_manager(cg, err);
	if (r < 0)
		goto undo_make;
	return 0;

undo_make:
	if (cg->systemd) {
		sk_systemd_settle(cg->systemd);
		(void)sk_systemd_stop(cg, NULL);
	}
	for (unsigned int i = 0; i < cg->nr; i++)
		if (cg->hiers[i].is_made)
			(void)rmdir(cg->hiers[i].dir);
	sk_cgroup_remove_empty_parents(cg);
	return r;
}

int sk_cgroup_update(struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		     struct sk_err *err)
{
	int r = sk_cgroup_check_limits(cg, limits, err);

	if (r == 0)
		r = sk_cgroup_apply(cg, limits, true, err);
	return r < 0 ? r : sk_cgroup_tell_manager(cg, err);
}

int sk_cgroup_tell_manager(const struct sk_cgroup *cg, struct sk_err *err)
{
	return cg->systemd ? sk_systemd_sync(cg, err) : 0;
}

/* root moves its processes itself */
bool sk_cgroup_is_moved_by_manager(const struct sk_cgroup *cg)
{
	return cg && cg->systemd && cg->systemd->is_user;
}

int sk_cgroup_attach(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err)
{
	return sk_cgroup_is_moved_by_manager(cg) ? sk_systemd_attach(cg, pid, err) : 0;
}

int sk_cgroup_move(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	for (unsigned int i = 0; cg && i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];

		if (hier->refused || hier->enter_fd < 0 ||
		    (hier->is_v2 && sk_cgroup_is_moved_by_manager(cg)))
			continue;
		if (write(hier->enter_fd, text, (size_t)n) < 0)
			return sk_err_errno(err, "move process %d to cgroup '%s'",
					    (int)pid, hier->dir);
	}
	return sk_cgroup_attach(cg, pid, err);
}

void sk_cgroup_settle(struct sk_cgroup *cg)
{
	if (cg->systemd)
		sk_systemd_settle(cg->systemd);
}

bool sk_cgroup_can_limit(const struct sk_cgroup *cg, const char *controller)
{
	return sk_cgroup_find(cg, sk_cgroup_controller_bits(controller)) != NULL;
}

const struct sk_cgroup_hier *sk_cgroup_v2(const struct sk_cgroup *cg)
{
	for (unsigned int i = 0; i < cg->nr; i++)
		if (cg->hiers[i].is_v2 && !cg->hiers[i].refused &&
		    cg->hiers[i].dirfd >= 0)
			return &cg->hiers[i];
	return NULL;
}

int sk_cgroup_v2_fd(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg);

	return v2 && !sk_cgroup_is_moved_by_manager(cg) ? v2->dirfd : -1;
}

int sk_cgroup_enter(const struct sk_cgroup *cg, bool with_v2, struct sk_err *err)
{
	for (unsigned int i = 0; i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];

		if (hier->refused || hier->enter_fd < 0 ||
		    (hier->is_v2 && (!with_v2 || sk_cgroup_is_moved_by_manager(cg))))
			continue;
		if (write(hier->enter_fd, "0", 1) < 0)
			return sk_err_errno(err, "enter cgroup '%s'", hier->dir);
	}
	return 0;
}

/* The kernel holds a group for a moment after its last process has ended. */
static int remove_one(void *ctx, int parentfd, const char *name)
{
	const uint64_t *deadline = ctx;
	uint64_t pause = FIRST_PAUSE;

	while (unlinkat(parentfd, name, AT_REMOVEDIR) < 0) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || sk_clock_mono() >= *deadline)
			return -errno;
		sk_clock_sleep_until(sk_clock_mono() + pause);
		pause = pause < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
	return 0;
}

static int explain_busy(const char *dir, int code, struct sk_err *err)
{
	int pid = 0;

	if (code == -EBUSY && sk_cgroup_has_process(dir, &pid))
		return sk_err_code(err, code, "remove cgroup '%s': process %d is in it",
				   dir, pid);
	return sk_err_code(err, code, "remove cgroup '%s'", dir);
}

int sk_cgroup_remove(struct sk_cgroup *cg, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + REMOVE_DEADLINE;
	int result = cg->systemd ? sk_systemd_stop(cg, err) : 0;

	for (unsigned int i = 0; i < cg->nr; i++) {
		struct sk_cgroup_hier *hier = &cg->hiers[i];
		int r;

		sk_close(&hier->enter_fd);
		sk_close(&hier->dirfd);
		if (hier->refused || hier->is_kept || rmdir(hier->dir) == 0 ||
		    errno == ENOENT)
			continue;
		r = sk_cgroup_walk(hier->dir, remove_one, &deadline);
		if (r < 0)
			result = explain_busy(hier->dir, r, err);
	}
	return result;
}

/* An empty group goes without a look at its processes. */
static bool remove_at_once(const struct sk_cgroup *cg)
{
	bool is_gone = true;

	for (unsigned int i = 0; i < cg->nr; i++)
		if (!cg->hiers[i].refused &&
		    (cg->hiers[i].is_kept ||
		     (rmdir(cg->hiers[i].dir) < 0 && errno != ENOENT)))
			is_gone = false;
	return is_gone;
}

int sk_cgroup_destroy(struct sk_cgroup *cg, unsigned int timeout_ms, struct sk_err *err)
{
	bool is_gone = remove_at_once(cg);
	int r = is_gone ? 0 : sk_cgroup_kill(cg, timeout_ms, err);

	if (r == 0 && (!is_gone || cg->systemd))
		r = sk_cgroup_remove(cg, err);
	if (r == 0)
		sk_cgroup_remove_empty_parents(cg);
	return r;
}

/* Nobody removes an empty group above later: what is no reason to keep it is tried once more. */
static bool remove_parent(const char *dir)
{
	for (int i = 0; i < 2; i++) {
		if (rmdir(dir) == 0 || errno == ENOENT)
			return true;
		if (errno == EBUSY || errno == ENOTEMPTY)
			break;
	}
	return false;
}

void sk_cgroup_remove_empty_parents(struct sk_cgroup *cg)
{
	if (cg->path[0] == '/')
		return;
	for (unsigned int i = 0; i < cg->nr; i++) {
		sk_autofree char *dir = strdup(cg->hiers[i].dir);
		size_t levels = 0;

		for (const char *at = cg->path; (at = strchr(at, '/')); at++)
			levels++;
		for (; dir && levels > 0; levels--) {
			*strrchr(dir, '/') = '\0';
			if (!remove_parent(dir))
				break;
		}
	}
}
