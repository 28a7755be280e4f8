// SPDX-License-Identifier: Apache-2.0
/* oci_control - state, kill, pause, delete, list of an OCI runtime
 *
 * Theory of operation of delete
 *
 * 1. Find the record, or what a killed process left of one.
 * 2. With --force, and for a container that was never started nor paused, its first process is
 *    killed before the lock is waited for: so a start or run that holds it comes to its end.
 * 3. Under the lock: what is left in its groups is killed, the groups are removed, the poststop
 *    hooks run, and the record goes last. Each step can be done again by the next delete.
 * 4. Who waited and finds the record gone is content: another did it.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/erase.h"
#include "runtime/container/handle.h"
#include "runtime/container/oci_record.h"
#include "runtime/runtime.h"

#define KILL_WAIT_MS 10000

int sk_oci_state(const struct sk_home *home, const char *id, struct sk_json **ret,
		 struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_oci_find(home, id, &state, err);

	if (r < 0)
		return r;
	*ret = sk_oci_describe(state, sk_oci_status(state), sk_oci_pid(state));
	return 0;
}

static int not_running(const struct sk_state *state, struct sk_err *err)
{
	return sk_err_set(err, ESRCH, "container not running: '%s' is %s", state->id,
			  sk_oci_status(state));
}

static int open_group(const struct sk_state *state, struct sk_cgroup **ret,
		      struct sk_err *err)
{
	return sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), ret, err);
}

int sk_oci_pids(const struct sk_home *home, const char *id, int **ret,
		unsigned int *ret_len, struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	int r = sk_oci_find(home, id, &state, err);

	if (r == 0)
		r = open_group(state, &cg, err);
	return r < 0 ? r : sk_cgroup_pids(cg, ret, ret_len, err);
}

static int signal_first(const struct sk_state *state, int sig, struct sk_err *err)
{
	sk_autoclose int pidfd = sk_control_pidfd(state, err);

	if (pidfd == -ESRCH)
		return not_running(state, err);
	if (pidfd < 0)
		return pidfd;
	if (sk_sys_pidfd_send_signal(pidfd, sig) < 0)
		return sk_err_errno(err, "signal container '%s'", state->id);
	return 0;
}

/* The first process too where there are no groups to find the others in. */
static int signal_all(const struct sk_state *state, int sig, struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	int r = open_group(state, &cg, err);

	if (r < 0)
		return r;
	if (!sk_cgroup_is_populated(cg)) {
		(void)signal_first(state, sig, NULL);
		return 0;
	}
	return sig == SIGKILL ? sk_cgroup_kill(cg, KILL_WAIT_MS, err)
			      : sk_cgroup_signal(cg, sig, err);
}

int sk_oci_kill(const struct sk_home *home, const char *id, int sig, bool all,
		struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_oci_find(home, id, &state, err);

	if (r < 0)
		return r;
	return all ? signal_all(state, sig, err) : signal_first(state, sig, err);
}

int sk_oci_pause(const struct sk_home *home, const char *id, bool pause,
		 struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	const char *wanted = pause ? "running" : "paused", *status;
	int r = sk_oci_find(home, id, &state, err);

	if (r < 0)
		return r;
	status = sk_oci_status(state);
	if (strcmp(status, wanted) != 0 && !(pause && strcmp(status, "created") == 0))
		return sk_err_set(err, EINVAL, "container '%s' is %s, not %s", id, status,
				  wanted);
	r = open_group(state, &cg, err);
	return r < 0 ? r : sk_cgroup_freeze(cg, pause, err);
}

/* Known files first: a walk of the folder costs several times as much. */
static int erase(struct sk_state *state, struct sk_err *err)
{
	static const char *const names[] = {"start.sock", "config.json", "state.json"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		(void)unlinkat(state->dir_fd, names[i], 0);
	if (unlinkat(state->parent_fd, state->id, AT_REMOVEDIR) == 0)
		return 0;
	return sk_state_erase(state, err);
}

int sk_oci_destroy(struct sk_state *state, struct sk_cgroup *cgroup, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = sk_handle_clean(state, cgroup, err);

	if (r < 0)
		return sk_err_wrap(err, r, "clean up after container '%s'", state->id);
	if (sk_oci_run_hooks(state, SK_HOOK_POSTSTOP, "stopped", &why) < 0)
		sk_log_warn("%s", why.msg);
	return erase(state, err);
}

/* What a record that cannot be read would have named: the group of its id. */
static int destroy_ruin(const struct sk_home *home, struct sk_state *state,
			struct sk_err *err)
{
	sk_autofree char *path = sk_oci_default_group(home, state->id);
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	const struct sk_cgroup_opts opts = {.path = path, .id = state->id};
	int r = path ? sk_cgroup_open(&opts, &cg, err) : sk_err_oom(err);

	if (r == 0)
		r = sk_handle_clean(state, cg, err);
	return r < 0 ? r : sk_state_erase(state, err);
}

static int lock_and_destroy(const struct sk_home *home, struct sk_state *state,
			    bool force, struct sk_err *err)
{
	const char *status;
	int r = sk_state_lock(state, SK_OCI_LOCK_WAIT_MS, err);

	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG)
		return destroy_ruin(home, state, err);
	if (r < 0)
		return r;
	status = sk_oci_status(state);
	if (!force && strcmp(status, "stopped") != 0 && strcmp(status, "created") != 0) {
		r = sk_err_set(
			err, EBUSY,
			"cannot delete container '%s' that is not stopped: it is %s",
			state->id, status);
		return sk_err_hint(err, r, "kill it first, or use delete --force");
	}
	return sk_oci_destroy(state, NULL, err);
}

int sk_oci_delete(const struct sk_home *home, const char *id, bool force,
		  struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	struct sk_err why = SK_ERR_INIT;
	int r = sk_state_find(home, id, &state, &why);

	if (r == -ENOENT && force)
		return 0;
	if (r == -ENOENT)
		return sk_err_set(err, ENOENT, "container '%s' does not exist", id);
	if (r < 0 && r != -EBADMSG) {
		*(err ? err : &why) = why;
		return r;
	}
	if (force || strcmp(sk_oci_status(state), "created") == 0)
		(void)signal_first(state, SIGKILL, NULL);
	r = lock_and_destroy(home, state, force, &why);
	if (r < 0)
		*(err ? err : &why) = why;
	return r;
}

int sk_oci_match(const struct sk_home *home, const char *expression, char ***ret,
		 struct sk_err *err)
{
	sk_auto(sk_strv_free) char **all = NULL;
	regex_t regex;
	char why[128];
	int r;

	r = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		(void)regerror(r, &regex, why, sizeof(why));
		return sk_err_set(err, EINVAL, "'%s' is no regular expression: %s",
				  expression, why);
	}
	r = sk_state_names(home, &all, err);
	for (char **id = all; r == 0 && id && *id; id++)
		if (regexec(&regex, *id, 0, NULL, 0) == 0 && sk_strv_add(ret, *id) < 0)
			r = sk_err_oom(err);
	regfree(&regex);
	return r;
}

int sk_oci_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_state_names(home, &names, err);

	if (r < 0)
		return r;
	for (char **name = names; name && *name; name++) {
		sk_auto(sk_state_free) struct sk_state *state = NULL;
		struct sk_err why = SK_ERR_INIT;

		r = sk_oci_find(home, *name, &state, &why);
		if (r == 0)
			(void)sk_json_add(list,
					  sk_oci_describe(state, sk_oci_status(state),
							  sk_oci_pid(state)));
		else if (r != -ENOENT)
			sk_log_warn("%s", why.msg);
	}
	*ret = sk_steal(&list);
	return 0;
}
