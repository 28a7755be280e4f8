// SPDX-License-Identifier: Apache-2.0
/* oci_record - the records of skiff-oci: find one, its status, what is told of it */
#include "runtime/container/oci_record.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/sandbox/hook.h"

static int not_there(const char *id, struct sk_err *err)
{
	return sk_err_set(err, ENOENT, "container '%s' does not exist", id);
}

static int explain(int r, const char *id, struct sk_err *err)
{
	if (r == -ENOENT)
		return not_there(id, err);
	if (r == -EBADMSG)
		return sk_err_hint(err, r, "remove it: skiff-oci delete --force %s", id);
	return r;
}

int sk_oci_find(const struct sk_home *home, const char *id, struct sk_state **ret,
		struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_find(home, id, &state, err);

	if (r < 0)
		return explain(r, id, err);
	*ret = sk_steal(&state);
	return 0;
}

int sk_oci_find_locked(const struct sk_home *home, const char *id, struct sk_state **ret,
		       struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_oci_find(home, id, &state, err);

	if (r == 0)
		r = explain(sk_state_lock(state, SK_OCI_LOCK_WAIT_MS, err), id, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&state);
	return 0;
}

pid_t sk_oci_pid(const struct sk_state *state)
{
	return (pid_t)sk_json_int(sk_json_get(state->doc, "pid"), 0);
}

static bool is_alive(const struct sk_state *state)
{
	int64_t start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);

	return sk_proc_is(sk_oci_pid(state), (unsigned long long)start);
}

/* Asked of the kernel: others may freeze and thaw the group too. */
static bool is_paused(const struct sk_state *state)
{
	return sk_cgroup_is_frozen_at(sk_json_get(state->doc, "cgroups"));
}

const char *sk_oci_status(const struct sk_state *state)
{
	const char *status = sk_state_status(state);

	/* whoever has the lock is not somebody else who creates it */
	if (strcmp(status, "creating") == 0)
		return state->lock_fd < 0 && sk_state_is_owned(state) ? "creating"
								      : "stopped";
	if (!is_alive(state))
		return "stopped";
	return is_paused(state) ? "paused" : status;
}

/* fgetpwent() and not getpwuid(): that would load NSS. */
static void set_owner(struct sk_json *object, const struct sk_state *state)
{
	sk_auto(sk_fclose) FILE *passwd = NULL;
	const struct passwd *pw;
	struct stat st;

	if (fstat(state->dir_fd, &st) < 0)
		return;
	passwd = fopen("/etc/passwd", "re");
	while (passwd && (pw = fgetpwent(passwd)) != NULL) {
		if (pw->pw_uid != st.st_uid)
			continue;
		sk_json_set_str(object, "owner", pw->pw_name);
		return;
	}
	sk_json_set_str(object, "owner", "");
}

static void copy_text(struct sk_json *object, const struct sk_state *state,
		      const char *key)
{
	sk_json_set_str(object, key, sk_json_str(sk_json_get(state->doc, key), ""));
}

struct sk_json *sk_oci_describe(const struct sk_state *state, const char *status,
				pid_t pid)
{
	struct sk_json *object = sk_json_new_object();
	struct sk_json *annotations = sk_json_get(state->doc, "annotations");

	sk_json_set_str(object, "ociVersion", SK_OCI_VERSION_MAX);
	sk_json_set_str(object, "id", state->id);
	sk_json_set_int(object, "pid", strcmp(status, "stopped") == 0 ? 0 : pid);
	sk_json_set_str(object, "status", status);
	copy_text(object, state, "bundle");
	copy_text(object, state, "rootfs");
	copy_text(object, state, "created");
	if (sk_json_len(annotations))
		sk_json_set(object, "annotations", sk_json_ref(annotations));
	set_owner(object, state);
	return object;
}

char *sk_oci_default_group(const struct sk_home *home, const char *id)
{
	bool is_long = strlen(home->group) + strlen(id) >= NAME_MAX;

	return sk_strf(is_long ? "%s/%s" : "%s-%s", home->group, id);
}

int sk_oci_config(const struct sk_state *state, struct sk_json **ret, struct sk_err *err)
{
	int r = sk_json_load(state->dir_fd, "config.json", ret, err);

	return r < 0 ? sk_err_wrap(err, r, "read the configuration of container '%s'",
				   state->id)
		     : 0;
}

static int load_spec(const struct sk_state *state, struct sk_spec **ret,
		     struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	int r = sk_oci_config(state, &config, err);

	if (r < 0)
		return r;
	return sk_spec_from_config(config,
				   sk_json_str(sk_json_get(state->doc, "bundle"), ""), "",
				   ret, err);
}

/* The failure of one of the last hooks ends nothing: there is nothing left to end. */
static void run_poststop(const struct sk_hook_list *list, const char *text,
			 const char *bundle)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct sk_hook_list one = {list->hooks + i, 1};
		struct sk_err err = SK_ERR_INIT;

		if (sk_hooks_run(&one, SK_HOOK_POSTSTOP, text, bundle, &err) < 0)
			sk_log_warn("%s", err.msg);
	}
}

int sk_oci_run_hooks(const struct sk_state *state, enum sk_hook_kind kind,
		     const char *status, struct sk_err *err)
{
	const char *bundle = sk_json_str(sk_json_get(state->doc, "bundle"), NULL);
	sk_auto(sk_json_free) struct sk_json *object = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	sk_autofree char *text = NULL;
	int r;

	if (!sk_json_bool(sk_json_get(state->doc, sk_hook_name(kind)), false))
		return 0;
	r = load_spec(state, &spec, err);
	if (r < 0)
		return r;
	object = sk_oci_describe(state, status, sk_oci_pid(state));
	text = sk_json_print(object, false);
	if (!text)
		return sk_err_oom(err);
	if (kind != SK_HOOK_POSTSTOP)
		return sk_hooks_run(&spec->process.hooks[kind], kind, text, bundle, err);
	run_poststop(&spec->process.hooks[kind], text, bundle);
	return 0;
}
