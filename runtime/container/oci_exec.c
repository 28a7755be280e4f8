// SPDX-License-Identifier: Apache-2.0
/* oci_exec - a further process in a container of skiff-oci
 *
 * 1. The process object: a file, or the container's own of the saved config.json with the
 *    changes of the options. Both go the same way from here on.
 * 2. Its spec; the group that it shall be in; the sandbox joins.
 * 3. Terminal and numbers are handed to the caller; in the foreground its end is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/attach.h"
#include "runtime/container/erase.h"
#include "runtime/container/oci_io.h"
#include "runtime/container/oci_record.h"
#include "runtime/container/oci_self.h"
#include "runtime/sandbox/sandbox.h"

#define MAX_ID (UINT32_MAX - 1) /* the last one means "no change" to the kernel */

/* Only numbers, and all of the text: "1000x", "+1", "" are no users (CVE-2026-30892). */
static int set_user(struct sk_json *process, const char *text, struct sk_err *err)
{
	struct sk_json *user = sk_json_get(process, "user");
	const char *colon = strchr(text, ':');
	sk_autofree char *uid_text =
		strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	uint64_t uid, gid;

	if (!uid_text)
		return sk_err_oom(err);
	if (sk_parse_u64(uid_text, 0, MAX_ID, &uid, NULL) < 0 ||
	    (colon && sk_parse_u64(colon + 1, 0, MAX_ID, &gid, NULL) < 0))
		return sk_err_set(err, EINVAL, "--user '%s' is not UID or UID:GID", text);
	if (!user)
		user = sk_json_set(process, "user", sk_json_new_object());
	sk_json_set_uint(user, "uid", uid);
	if (colon)
		sk_json_set_uint(user, "gid", gid);
	return 0;
}

static int add_gids(struct sk_json *process, char *const *gids, struct sk_err *err)
{
	struct sk_json *user = sk_json_get(process, "user");
	struct sk_json *list = sk_json_get(user, "additionalGids");
	uint64_t gid;

	if (!user)
		user = sk_json_set(process, "user", sk_json_new_object());
	if (!list)
		list = sk_json_set(user, "additionalGids", sk_json_new_array());
	for (; *gids; gids++) {
		if (sk_parse_u64(*gids, 0, MAX_ID, &gid, NULL) < 0)
			return sk_err_set(err, EINVAL, "--additional-gids '%s' is no GID",
					  *gids);
		(void)sk_json_add(list, sk_json_new_uint(gid));
	}
	return 0;
}

/* A later one takes the place of an earlier one of its name: which of two wins is chance. */
static int put_env(char ***env, const char *item, struct sk_err *err)
{
	const char *equal = strchr(item, '=');
	size_t len = equal ? (size_t)(equal - item) + 1 : 0;
	char *copy;

	if (len < 2)
		return sk_err_set(err, EINVAL, "--env '%s' is not NAME=VALUE", item);
	for (char **e = *env; e && *e; e++) {
		if (strncmp(*e, item, len) != 0)
			continue;
		copy = strdup(item);
		if (!copy)
			return sk_err_oom(err);
		free(*e);
		*e = copy;
		return 0;
	}
	return sk_strv_add(env, item) < 0 ? sk_err_oom(err) : 0;
}

static int add_env(struct sk_json *process, char *const *items, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **env = NULL;
	int r = sk_json_read_strv(process, "process", "env", &env, err);

	for (; r == 0 && *items; items++)
		r = put_env(&env, *items, err);
	if (r == 0)
		sk_json_set_strv(process, "env", env);
	return r;
}

/* Not inheritable: CVE-2022-29162. */
static void set_caps(struct sk_json *process, char *const *caps)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	struct sk_json *object =
		sk_json_set(process, "capabilities", sk_json_new_object());

	for (size_t i = 0; i < SK_ARRAY_SIZE(sets); i++)
		sk_json_set_strv(object, sets[i], caps);
}

static int apply_options(struct sk_json *process, const struct sk_oci_exec_opts *opts,
			 struct sk_err *err)
{
	int r = 0;

	sk_json_set_strv(process, "args", opts->args);
	sk_json_set_bool(process, "terminal", opts->tty);
	if (opts->cwd)
		sk_json_set_str(process, "cwd", opts->cwd);
	if (opts->apparmor)
		sk_json_set_str(process, "apparmorProfile", opts->apparmor);
	if (opts->process_label)
		sk_json_set_str(process, "selinuxLabel", opts->process_label);
	if (opts->no_new_privs)
		sk_json_set_bool(process, "noNewPrivileges", true);
	if (opts->caps)
		set_caps(process, opts->caps);
	if (opts->user)
		r = set_user(process, opts->user, err);
	if (r == 0 && opts->gids)
		r = add_gids(process, opts->gids, err);
	if (r == 0 && opts->env)
		r = add_env(process, opts->env, err);
	return r;
}

static int make_spec(const struct sk_state *state, const struct sk_oci_exec_opts *opts,
		     struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL, *file = NULL;
	struct sk_json *process;
	int r = sk_oci_config(state, &config, err);

	if (r < 0)
		return r;
	process = sk_json_get(config, "process");
	if (opts->process) {
		r = sk_json_load(AT_FDCWD, opts->process, &file, err);
		process = file;
	} else if (!process) {
		process = sk_json_set(config, "process", sk_json_new_object());
		sk_json_set_str(process, "cwd", "/");
	}
	if (r == 0 && !opts->process)
		r = apply_options(process, opts, err);
	return r < 0 ? r : sk_spec_from_process(process, config, ret, err);
}

/* @below: "[CONTROLLER:]PATH" */
static int open_group(const struct sk_state *state, const char *below,
		      struct sk_cgroup **ret, struct sk_err *err)
{
	const char *colon = below ? strchr(below, ':') : NULL;
	sk_autofree char *controller =
		colon ? strndup(below, (size_t)(colon - below)) : NULL;
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	int r = sk_cgroup_reopen_to_enter(sk_json_get(state->doc, "cgroups"), &cg, err);

	if (r == 0 && colon && !controller)
		r = sk_err_oom(err);
	if (r == 0 && below)
		r = sk_cgroup_descend(cg, controller, colon ? colon + 1 : below, err);
	if (r == 0)
		*ret = sk_steal(&cg);
	return r;
}

static int check_status(const struct sk_state *state, bool ignore_paused,
			struct sk_err *err)
{
	const char *status = sk_oci_status(state);

	if (strcmp(status, "paused") == 0 && !ignore_paused)
		return sk_err_set(
			err, EBUSY,
			"container '%s' is paused: resume it, or use --ignore-paused to wait until then",
			state->id);
	if (strcmp(status, "stopped") == 0 || strcmp(status, "creating") == 0)
		return sk_err_set(err, ESRCH, "container not running: '%s' is %s",
				  state->id, status);
	return 0;
}

/* Made before the process is: the container's /proc is not the caller's. */
static char *state_text(const struct sk_state *state)
{
	sk_auto(sk_json_free) struct sk_json *object =
		sk_oci_describe(state, sk_oci_status(state), sk_oci_pid(state));

	return sk_json_print(object, false);
}

static char *copy_state(void *arg, const char *status, pid_t pid)
{
	(void)status;
	(void)pid;
	return arg ? strdup(arg) : NULL;
}

static int join(const struct sk_state *state, const struct sk_spec *spec,
		const struct sk_oci_exec_opts *opts, struct sk_sandbox *ret,
		struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	sk_autoclose int pidfd = sk_control_pidfd(state, err), null_fd = -1;
	struct sk_sandbox_join how = {
		.spec = spec,
		.target_pidfd = pidfd,
		.keep_running = opts->detach,
		.preserve_fds = (unsigned int)opts->preserve_fds + sk_oci_io_listen_fds(),
		.hook_state = copy_state,
	};
	sk_autofree char *text = NULL;
	int r;

	if (pidfd < 0)
		return pidfd;
	r = open_group(state, opts->cgroup, &cg, err);
	if (r == 0)
		r = sk_attach_stdio(true, how.stdio, &null_fd, err);
	how.cgroup = cg;
	if (r == 0 && spec->seccomp_config && spec->seccomp_config->listener_path) {
		how.arg = text = state_text(state);
		if (!text)
			return sk_err_oom(err);
	}
	return r < 0 ? r : sk_sandbox_join(&how, ret, err);
}

static int wait_for(const struct sk_sandbox *sandbox, int *ret_status, struct sk_err *err)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return sk_err_errno(err, "wait for the process");
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

static void finish(struct sk_sandbox *sandbox)
{
	sk_close(&sandbox->pidfd);
	sk_close(&sandbox->pty);
}
SK_DEFINE_AUTO_FINISH(struct sk_sandbox, finish)

static int start_process(const struct sk_state *state,
			 const struct sk_oci_exec_opts *opts, struct sk_sandbox *ret,
			 struct sk_err *err)
{
	const struct sk_oci_io io = {opts->pid_file, opts->console_socket,
				     opts->pidfd_socket};
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	int r = make_spec(state, opts, &spec, err);

	if (r == 0)
		r = sk_oci_io_check(&io, spec->tty, !opts->detach, err);
	if (r == 0)
		r = join(state, spec, opts, ret, err);
	if (r < 0)
		return r;
	sk_oci_release_self();
	r = sk_oci_io_hand_over(&io, ret->pty, ret->pidfd, ret->pid, err);
	if (r < 0) /* a process that nobody knows of must not stay */
		(void)sk_sys_pidfd_send_signal(ret->pidfd, SIGKILL);
	return r;
}

int sk_oci_exec(const struct sk_home *home, const char *id,
		const struct sk_oci_exec_opts *opts, int *ret_status, struct sk_err *err)
{
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_auto(finish) struct sk_sandbox sandbox = {.pid = -1, .pidfd = -1, .pty = -1};
	int r = sk_oci_find(home, id, &state, err);

	if (r == 0)
		r = check_status(state, opts->ignore_paused, err);
	if (r == 0 && !opts->detach)
		r = sk_attach_init(&attach, err);
	if (r == 0)
		r = start_process(state, opts, &sandbox, err);
	if (r < 0)
		return r;
	*ret_status = 0;
	if (opts->detach)
		return 0;
	r = sk_attach_wait(&attach, sandbox.pidfd,
			   opts->console_socket ? -1 : sandbox.pty, true, false, err);
	return r < 0 ? r : wait_for(&sandbox, ret_status, err);
}
