// SPDX-License-Identifier: Apache-2.0
/* exec - a further process in a running container, as its record says */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/str.h"
#include "runtime/container/attach.h"
#include "runtime/container/erase.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/sandbox.h"

static int copy_list(const struct sk_json *list, char ***ret)
{
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const char *text = sk_json_str(sk_json_at(list, i), NULL);

		if (text && sk_strv_add(ret, text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static size_t env_name(const char *assignment)
{
	return strcspn(assignment, "=") + 1;
}

/* "K" hands on the caller's variable; later ones win, as the last wins in an environment
 * only by chance: so what is replaced is taken out. */
static int add_env(char ***env, const char *item)
{
	const char *value = strchr(item, '=') ? NULL : getenv(item);
	sk_autofree char *text = value ? sk_strf("%s=%s", item, value) : strdup(item);

	if (!text)
		return -ENOMEM;
	if (!strchr(text, '='))
		return 0;
	for (char **e = *env; e && *e; e++) {
		if (strncmp(*e, text, env_name(text)) != 0)
			continue;
		free(*e);
		*e = sk_steal(&text);
		return 0;
	}
	return sk_strv_take(env, sk_steal(&text));
}

static void set_namespaces(const struct sk_json *list, struct sk_spec *spec)
{
	for (size_t i = 0; i < sk_json_len(list); i++)
		for (int ns = 0; ns < SK_NS_COUNT; ns++)
			if (sk_str_equal(sk_json_str(sk_json_at(list, i), NULL),
					 sk_spec_ns_name((enum sk_spec_ns)ns)))
				spec->ns[ns].is_new = true;
}

static int make_spec(const struct sk_json *doc, const struct sk_exec_opts *opts,
		     struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	const char *cwd =
		opts->workdir ? opts->workdir : sk_json_str(sk_json_get(doc, "cwd"), "/");
	const char *user =
		opts->user ? opts->user : sk_json_str(sk_json_get(doc, "user"), "0");
	int r;

	if (!spec)
		return sk_err_oom(err);
	spec->args = sk_strv_dup(opts->args);
	spec->cwd = strdup(cwd);
	spec->user = strdup(user);
	r = copy_list(sk_json_get(doc, "env"), &spec->env);
	for (char *const *e = opts->env; r == 0 && e && *e; e++)
		r = add_env(&spec->env, *e);
	if (r == 0 && opts->tty)
		r = add_env(&spec->env, "TERM=xterm");
	if (r < 0 || !spec->args || !spec->cwd || !spec->user)
		return sk_err_oom(err);
	if (!spec->args[0] || !spec->args[0][0])
		return sk_err_set(err, EINVAL, "no command to run");
	if (cwd[0] != '/')
		return sk_err_set(err, EINVAL,
				  "working folder '%s' must be an absolute path", cwd);
	spec->tty = opts->tty;
	spec->seccomp = sk_json_bool(sk_json_get(doc, "seccomp"), true);
	spec->no_new_privs = sk_json_bool(sk_json_get(doc, "no_new_privileges"), true);
	set_namespaces(sk_json_get(doc, "namespaces"), spec);
	if (sk_json_bool(sk_json_get(doc, "all_capabilities"), false))
		spec->caps = SK_SPEC_CAPS_FULL;
	*ret = sk_steal(&spec);
	return 0;
}

static int join(const struct sk_state *state, const struct sk_spec *spec,
		const struct sk_exec_opts *opts, struct sk_sandbox *ret,
		struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	struct sk_sandbox_join how = {.spec = spec, .keep_running = opts->detach};
	sk_autoclose int pidfd = sk_control_pidfd(state, err), null_fd = -1;
	int r;

	if (pidfd < 0)
		return pidfd;
	r = sk_cgroup_reopen_to_enter(sk_json_get(state->doc, "cgroups"), &cg, err);
	if (r < 0)
		return r;
	r = sk_attach_stdio(opts->interactive && !opts->detach, how.stdio, &null_fd, err);
	if (r < 0)
		return r;
	if (opts->detach)
		how.stdio[0] = how.stdio[1] = how.stdio[2] = null_fd;
	how.cgroup = cg;
	how.target_pidfd = pidfd;
	return sk_sandbox_join(&how, ret, err);
}

static int wait_for(struct sk_sandbox *sandbox, int *ret_status, struct sk_err *err)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return sk_err_errno(err, "wait for the process");
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int sk_container_exec(const struct sk_home *home, const char *name,
		      const struct sk_exec_opts *opts, int *ret_status,
		      struct sk_err *err)
{
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_sandbox sandbox = {.pid = -1, .pidfd = -1, .pty = -1};
	int r = sk_state_open(home, name, &state, err);

	if (r == -ENOENT) {
		r = -ENODATA; /* -ENOENT is "command not found" to callers */
		if (err)
			err->code = ENODATA;
	}
	if (r == 0)
		r = make_spec(state->doc, opts, &spec, err);
	if (r == 0 && !opts->detach)
		r = sk_attach_init(&attach, err);
	if (r == 0)
		r = join(state, spec, opts, &sandbox, err);
	if (r < 0)
		return r;
	if (opts->detach)
		*ret_status = 0;
	else
		r = sk_attach_wait(&attach, sandbox.pidfd, sandbox.pty, opts->interactive,
				   false, err);
	if (r == 0 && !opts->detach)
		r = wait_for(&sandbox, ret_status, err);
	sk_close(&sandbox.pidfd);
	sk_close(&sandbox.pty);
	return r;
}
