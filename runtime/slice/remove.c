// SPDX-License-Identifier: Apache-2.0
/* remove - the end of a slice, asked for or found after a kill -9; and its renewal
 *
 * Theory of operation
 *
 * A living supervisor removes everything itself and answers last. When it is dead, its
 * slivers are too (PDEATHSIG), or are about to be; state.json names their groups and
 * containers, written before any was made, and the folder of pins holds the namespaces:
 * 1. kill what is left in the slice's group;  2. let the container layer mend its records,
 * then remove them;  3. unpin;  4. remove the groups;  5. remove the folders.
 * Each step is idempotent, so that a second kill -9 in the middle does no harm.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/slice/slice.h"

#define KILL_TIMEOUT_MS 10000
#define STOP_TIMEOUT_MS 60000
#define LOCK_TIMEOUT_MS 30000
#define EXIT_TIMEOUT_MS 5000

static int open_group(const struct sk_json *state, struct sk_cgroup **ret,
		      struct sk_err *err)
{
	const struct sk_json *paths = sk_json_get(state, "cgroup");

	return paths ? sk_cgroup_reopen(paths, ret, err) : 0;
}

static int remove_containers(const struct sk_slice_dir *dir, const struct sk_json *state,
			     struct sk_err *err)
{
	const struct sk_json *slivers = sk_json_get(state, "slivers");
	int r;

	if (sk_json_len(slivers) == 0)
		return 0;
	r = sk_container_recover(dir->home, err);
	for (size_t i = 0; r == 0 && i < sk_json_len(slivers); i++) {
		const struct sk_json *sliver = sk_json_at(slivers, i);
		const char *name = sk_json_str(sk_json_get(sliver, "container"), NULL);
		struct sk_err why = SK_ERR_INIT;

		r = name ? sk_container_remove(dir->home, name, true, &why) : 0;
		if (r == -ENOENT)
			r = 0; /* gone already: what the supervisor did before it ended */
		else if (r < 0 && err)
			*err = why;
	}
	return r;
}

int sk_slice_clear_remains(const struct sk_slice_dir *dir, const struct sk_json *state,
			   struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *group = NULL;
	int r = open_group(state, &group, err);

	if (r == 0 && group)
		r = sk_cgroup_kill(group, KILL_TIMEOUT_MS, err);
	if (r == 0)
		r = remove_containers(dir, state, err);
	if (r == 0)
		r = sk_slice_links_clear(dir, err);
	if (r == 0 && group)
		r = sk_cgroup_remove(group, err);
	if (r < 0)
		return sk_err_wrap(err, r, "clear slice '%s'", dir->name);
	if (group)
		sk_cgroup_remove_empty_parents(group);
	return 0;
}

/* The one who asked may be the supervisor's parent: then it is reaped too. */
static void wait_for_exit(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	siginfo_t info;

	if (pidfd < 0)
		return;
	(void)poll(&poll_fd, 1, EXIT_TIMEOUT_MS);
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
}

static int open_supervisor(const struct sk_json *state)
{
	pid_t pid = (pid_t)sk_json_int(sk_json_get(state, "pid"), 0);
	unsigned long long start =
		(unsigned long long)sk_json_int(sk_json_get(state, "start_time"), 0);

	return pid > 0 && start ? sk_proc_open(pid, start) : -ESRCH;
}

/* Ask it first; one that does not answer is killed. */
static void stop_supervisor(const struct sk_slice_dir *dir, const struct sk_json *state)
{
	sk_autoclose int pidfd = open_supervisor(state);

	if (sk_slice_request(dir, SK_SLICE_REQUEST_STOP, STOP_TIMEOUT_MS, NULL, NULL) <
		    0 &&
	    pidfd >= 0)
		(void)sk_sys_pidfd_send_signal(pidfd, SIGKILL);
	wait_for_exit(pidfd);
}

static int remove_locked(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_auto(sk_json_free) struct sk_json *state = NULL;
	int r = sk_slice_dir_open(home, name, false, &dir, err);

	if (r == 0)
		r = sk_slice_state_load(dir, &state, err);
	if (r < 0)
		return r;
	if (sk_slice_is_supervised(dir))
		stop_supervisor(dir, state);
	if (sk_slice_is_supervised(dir))
		return sk_err_set(err, EBUSY, "the supervisor of slice '%s' does not end",
				  name);
	/* Done already unless it was killed. */
	r = sk_slice_clear_remains(dir, state, err);
	return r < 0 ? r : sk_slice_dir_remove(home, name, err);
}

int sk_slice_remove(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_autoclose int lock = sk_slice_lock(home, name, LOCK_TIMEOUT_MS, err);
	int r;

	if (lock < 0)
		return lock;
	r = remove_locked(home, name, err);
	if (r == 0 || r == -ENOENT)
		sk_slice_lock_forget(home, name);
	return r;
}

/* Under the command lock: nobody is just starting or removing it. */
static int recover_one(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	sk_auto(sk_json_free) struct sk_json *state = NULL;
	int r = sk_slice_dir_open(home, name, false, &dir, NULL);

	if (r < 0 || sk_slice_is_supervised(dir))
		return 0;
	r = sk_slice_state_load(dir, &state, err);
	if (r < 0)
		return r;
	if (strcmp(sk_json_str(sk_json_get(state, "status"), ""), "lost") != 0) {
		r = sk_slice_clear_remains(dir, state, err);
		if (r < 0)
			return r;
		sk_json_set_str(state, "status", "lost");
		(void)sk_json_set(state, "slivers", sk_json_new_array());
		r = sk_slice_state_save(dir, state, err);
	}
	if (r < 0 || (sk_slice_want_load(dir, &want, NULL) == 0 &&
		      sk_slice_want_remaining(&want) > 0))
		return r;
	r = sk_slice_dir_remove(home, name, err);
	sk_slice_lock_forget(home, name);
	return r;
}

int sk_slice_recover(const struct sk_home *home, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_slice_dir_names(home, &names, err);

	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		sk_autofree char *path = sk_strf("slices/%s/lock", names[i]);
		sk_autoclose int lock = -1;

		if (path && sk_fs_exists(home->runroot_fd, path) &&
		    sk_fs_is_locked(home->runroot_fd, path))
			continue;
		lock = sk_slice_lock(home, names[i], 0, NULL);
		if (lock >= 0)
			r = recover_one(home, names[i], err);
	}
	return r;
}

int sk_slice_renew(const struct sk_home *home, const char *name, uint64_t lifetime_ns,
		   struct sk_err *err)
{
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	sk_autoclose int lock = -1;
	int r;

	if (lifetime_ns == 0 || lifetime_ns > SK_SLICE_MAX_LIFETIME)
		return sk_err_set(
			err, EINVAL,
			"a slice is renewed for more than 0 and at most 8 weeks");
	r = sk_slice_dir_open(home, name, false, &dir, err);
	if (r < 0)
		return r;
	lock = sk_slice_lock(home, name, LOCK_TIMEOUT_MS, err);
	if (lock < 0)
		return lock;
	r = sk_slice_want_load(dir, &want, err);
	if (r < 0)
		return r;
	sk_slice_want_expire(&want, lifetime_ns);
	r = sk_slice_want_save(dir, &want, err);
	if (r == 0 && sk_slice_is_supervised(dir))
		r = sk_slice_request(dir, SK_SLICE_REQUEST_RENEW, STOP_TIMEOUT_MS, NULL,
				     err);
	return r < 0 ? sk_err_wrap(err, r, "renew slice '%s'", name) : 0;
}
