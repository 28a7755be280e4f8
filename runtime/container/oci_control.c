// SPDX-License-Identifier: Apache-2.0
/* oci_control - state, kill, delete and list of an OCI runtime */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/proc.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/erase.h"
#include "runtime/container/handle.h"
#include "runtime/runtime.h"

static const char *status_of(const struct sk_state *state)
{
	int64_t pid = sk_json_int(sk_json_get(state->doc, "pid"), 0);
	int64_t start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);

	if (strcmp(sk_state_status(state), "creating") == 0)
		return sk_state_is_owned(state) ? "creating" : "stopped";
	if (pid > 0 && sk_proc_is((pid_t)pid, (unsigned long long)start))
		return sk_state_status(state);
	return "stopped";
}

/* Source: OCI runtime-spec, runtime.md, "State"; rootfs, created and owner as runc prints them. */
static struct sk_json *describe(const struct sk_state *state)
{
	struct sk_json *object = sk_json_new_object();
	const char *status = status_of(state);
	bool is_alive = strcmp(status, "created") == 0 || strcmp(status, "running") == 0;

	sk_json_set_str(object, "ociVersion", "1.0.2");
	sk_json_set_str(object, "id", state->id);
	sk_json_set_int(object, "pid",
			is_alive ? sk_json_int(sk_json_get(state->doc, "pid"), 0) : 0);
	sk_json_set_str(object, "status", status);
	sk_json_set_str(object, "bundle",
			sk_json_str(sk_json_get(state->doc, "bundle"), ""));
	sk_json_set_str(object, "rootfs",
			sk_json_str(sk_json_get(state->doc, "rootfs"), ""));
	sk_json_set_str(object, "created",
			sk_json_str(sk_json_get(state->doc, "created"), ""));
	if (sk_json_len(sk_json_get(state->doc, "annotations")))
		sk_json_set(object, "annotations",
			    sk_json_ref(sk_json_get(state->doc, "annotations")));
	return object;
}

int sk_oci_state(const struct sk_home *home, const char *id, struct sk_json **ret,
		 struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_open(home, id, &state, err);

	if (r < 0)
		return r;
	*ret = describe(state);
	return 0;
}

static int kill_all(const struct sk_state *state, int sig, struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	sk_autofree int *pids = NULL;
	unsigned int nr = 0;
	int r = sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), &cg, err);

	if (r == 0)
		r = sk_cgroup_pids(cg, &pids, &nr, err);
	for (unsigned int i = 0; r == 0 && i < nr; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			r = sk_err_errno(err, "signal process %d of container '%s'",
					 pids[i], state->id);
	return r;
}

int sk_oci_kill(const struct sk_home *home, const char *id, int sig, bool all,
		struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_autoclose int pidfd = -1;
	int r = sk_state_open(home, id, &state, err);

	if (r < 0)
		return r;
	if (all)
		return kill_all(state, sig, err);
	pidfd = sk_control_pidfd(state, err);
	if (pidfd < 0)
		return pidfd;
	if (sk_sys_pidfd_send_signal(pidfd, sig) < 0)
		return sk_err_errno(err, "signal container '%s'", id);
	return 0;
}

int sk_oci_delete(const struct sk_home *home, const char *id, bool force,
		  struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	struct sk_err why = SK_ERR_INIT;
	const char *status;
	int r = sk_state_open(home, id, &state, &why);

	if (r < 0 && !(r == -ENOENT && force)) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0) /* nothing, or the ruin of a create that was killed very early */
		return 0;
	r = sk_state_lock(state, 10000, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	status = status_of(state);
	if (!force && strcmp(status, "stopped") != 0) {
		r = sk_err_set(err, EBUSY, "container '%s' is %s, not stopped", id,
			       status);
		return sk_err_hint(err, r, "kill it first, or use delete --force");
	}
	r = sk_handle_clean(state, NULL, err);
	return r < 0 ? r : sk_erase_record(state, err);
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

		if (sk_state_open(home, *name, &state, NULL) == 0)
			(void)sk_json_add(list, describe(state));
	}
	*ret = sk_steal(&list);
	return 0;
}
