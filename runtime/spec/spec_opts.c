// SPDX-License-Identifier: Apache-2.0
/* spec_opts - the spec of `skiff run` */
#include <errno.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/spec/idrange.h"
#include "runtime/spec/spec.h"

#define DEFAULT_PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_PIDS_MAX 1024

/* Replace the variable where it is set already, else append. */
static int set_env(char ***env, const char *assignment)
{
	size_t name_len = strcspn(assignment, "=");

	for (char **e = *env; e && *e; e++) {
		char *copy;

		if (strncmp(*e, assignment, name_len + 1) != 0)
			continue;
		copy = strdup(assignment);
		if (!copy)
			return -ENOMEM;
		free(*e);
		*e = copy;
		return 0;
	}
	return sk_strv_add(env, assignment);
}

static int add_user_env(char ***env, const char *item)
{
	sk_autofree char *assignment = NULL;
	const char *value;

	if (strchr(item, '='))
		return set_env(env, item);
	value = getenv(item);
	if (!value)
		return 0;
	assignment = sk_strf("%s=%s", item, value);
	return assignment ? set_env(env, assignment) : -ENOMEM;
}

static int build_env(struct sk_spec *spec, const struct sk_run_opts *opts)
{
	int r = set_env(&spec->env, "PATH=" DEFAULT_PATH);

	if (r == 0)
		r = set_env(&spec->env, "container=skiff");
	if (r == 0 && opts->tty)
		r = set_env(&spec->env, "TERM=xterm");
	for (char *const *e = opts->image_env; r == 0 && e && *e; e++)
		r = set_env(&spec->env, *e);
	for (char *const *e = opts->env; r == 0 && e && *e; e++)
		r = (*e)[0] == '\0' || (*e)[0] == '=' ? -EINVAL
						      : add_user_env(&spec->env, *e);
	return r;
}

static int split_volume(const char *text, char ***ret, bool *ret_ro, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(text, ':');
	size_t n = sk_strv_len(parts);

	if (!parts)
		return sk_err_oom(err);
	if (n < 2 || n > 3 || !parts[0][0] || parts[1][0] != '/')
		return sk_err_set(err, EINVAL,
				  "volume '%s' is not of the form SOURCE:/TARGET[:ro]",
				  text);
	if (parts[1][strspn(parts[1], "/")] == '\0')
		return sk_err_set(err, EINVAL,
				  "volume '%s' would hide the whole root file system",
				  text);
	if (n == 3 && strcmp(parts[2], "ro") != 0 && strcmp(parts[2], "rw") != 0)
		return sk_err_set(err, EINVAL,
				  "option '%s' of volume '%s' is not known: use ro or rw",
				  parts[2], text);
	*ret_ro = n == 3 && parts[2][1] == 'o';
	*ret = sk_steal(&parts);
	return 0;
}

static int add_volume(struct sk_spec *spec, const char *text, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = NULL;
	sk_autofree char *source = NULL;
	struct sk_spec_mount *m;
	bool ro = false;
	int r;

	r = split_volume(text, &parts, &ro, err);
	if (r < 0)
		return r;
	source = realpath(parts[0], NULL);
	if (!source) {
		r = sk_err_set(err, EINVAL, "source '%s' of the volume: %s", parts[0],
			       strerror(errno));
		return sk_err_hint(err, r, "create it first: mkdir -p '%s'", parts[0]);
	}
	m = sk_spec_add_mount(spec, source, parts[1], NULL, ro ? MOUNT_ATTR_RDONLY : 0);
	if (!m)
		return sk_err_oom(err);
	m->recursive = true;
	m->rec_set = m->attr_set;
	m->idmap_below = true;
	m->is_idmapped = spec->idmap_layers;
	return 0;
}

/* Folders that programs write to: hidden by an empty one of the container's own. */
static const struct scratch {
	const char *path, *mode;
	bool is_private_tmp;
} scratch[] = {
	{"/run", "mode=755", true},	  {"/tmp", "mode=1777", true},
	{"/var/tmp", "mode=1777", false}, {"/root", "mode=700", false},
	{"/home", "mode=755", false},
};

static const struct scratch *find_scratch(const char *path)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(scratch); i++)
		if (strcmp(scratch[i].path, path) == 0)
			return &scratch[i];
	return NULL;
}

/* Before the volumes, which may lie inside. */
static int add_scratch(struct sk_spec *spec, const struct sk_run_opts *opts)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(scratch); i++) {
		struct sk_spec_mount *m;

		if (!(opts->private_tmp && scratch[i].is_private_tmp) &&
		    !sk_strv_has(opts->masks, scratch[i].path))
			continue;
		m = sk_spec_add_mount(spec, "tmpfs", scratch[i].path, "tmpfs",
				      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		if (!m || sk_strv_add(&m->data, scratch[i].mode) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_masks(struct sk_spec *spec, char *const *masks)
{
	for (char *const *m = masks; m && *m; m++)
		if (!find_scratch(*m) && sk_strv_add(&spec->masked, *m) < 0)
			return -ENOMEM;
	return 0;
}

/* With the caller's network its name service is wanted too. Anybody may read these files,
 * so they need no shifted owners, which not every file system can give.
 */
static int add_name_service(struct sk_spec *spec)
{
	static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		struct sk_spec_mount *m = sk_spec_add_mount(spec, files[i], files[i],
							    NULL, MOUNT_ATTR_RDONLY);

		if (!m)
			return -ENOMEM;
		m->is_optional = true;
	}
	return 0;
}

static int add_mounts(struct sk_spec *spec, const struct sk_run_opts *opts,
		      struct sk_err *err)
{
	int r = sk_spec_add_defaults(spec, opts->privileged, err);

	if (r < 0)
		return r;
	for (char *const *v = opts->image_volumes; v && *v; v++) {
		r = add_volume(spec, *v, err);
		if (r < 0)
			return r;
	}
	if (add_scratch(spec, opts) < 0)
		return sk_err_oom(err);
	if (opts->network == SK_NET_HOST && !opts->privileged &&
	    add_name_service(spec) < 0)
		return sk_err_oom(err);
	for (char *const *v = opts->volumes; v && *v; v++) {
		r = add_volume(spec, *v, err);
		if (r < 0)
			return r;
	}
	return add_masks(spec, opts->masks) < 0 ? sk_err_oom(err) : 0;
}

static int set_namespaces(struct sk_spec *spec, const struct sk_run_opts *opts,
			  bool is_rootless, struct sk_err *err)
{
	static const enum sk_spec_ns always[] = {SK_NS_CGROUP, SK_NS_IPC, SK_NS_UTS,
						 SK_NS_PID, SK_NS_MNT};

	if (opts->userns == SK_USERNS_HOST && is_rootless)
		return sk_err_hint(
			err,
			sk_err_set(err, EPERM,
				   "only root runs a container without a user namespace"),
			"leave out '--userns host'");
	if (opts->privileged && opts->userns != SK_USERNS_HOST)
		return sk_err_hint(
			err,
			sk_err_set(err, EINVAL,
				   "a privileged container has no user namespace"),
			"add '--userns host'");
	for (size_t i = 0; i < SK_ARRAY_SIZE(always); i++)
		spec->ns[always[i]].is_new = true;
	spec->ns[SK_NS_USER].is_new = opts->userns == SK_USERNS_AUTO;
	spec->ns[SK_NS_TIME].is_new = opts->time_ns;
	spec->ns[SK_NS_NET].is_new = opts->network == SK_NET_NONE;
	if (opts->network != SK_NET_PATH)
		return 0;
	if (!opts->netns_path)
		return sk_err_set(err, EINVAL, "no path of a network namespace is given");
	spec->ns[SK_NS_NET].path = strdup(opts->netns_path);
	return spec->ns[SK_NS_NET].path ? 0 : sk_err_oom(err);
}

static int set_process(struct sk_spec *spec, const struct sk_run_opts *opts,
		       const char *id, struct sk_err *err)
{
	int r = build_env(spec, opts);

	if (r == -EINVAL)
		return sk_err_set(err, EINVAL,
				  "a variable of the environment has no name");
	spec->args = sk_strv_dup(opts->args);
	spec->cwd = strdup(opts->workdir ? opts->workdir : "/");
	spec->user = strdup(opts->user ? opts->user : "0");
	spec->hostname = strdup(opts->hostname ? opts->hostname : id);
	if (r < 0 || !spec->args || !spec->cwd || !spec->user || !spec->hostname)
		return sk_err_oom(err);
	if (!opts->hostname && strlen(id) > 63)
		spec->hostname[63] = '\0';
	spec->tty = opts->tty;
	spec->use_init = opts->init;
	spec->no_new_privs = !opts->privileged;
	spec->seccomp = !opts->privileged;
	spec->caps = opts->privileged ? SK_SPEC_CAPS_FULL : SK_SPEC_CAPS_DEFAULT;
	return 0;
}

static int set_root(struct sk_spec *spec, const struct sk_run_opts *opts,
		    struct sk_err *err)
{
	spec->lowers = sk_strv_dup(opts->lowers);
	spec->read_only = opts->read_only;
	spec->limits = opts->limits;
	if (!spec->limits.pids_max)
		spec->limits.pids_max = DEFAULT_PIDS_MAX;
	spec->cgroup_path = strdup(opts->cgroup_path);
	return spec->lowers && spec->cgroup_path ? 0 : sk_err_oom(err);
}

int sk_spec_from_opts(const struct sk_run_opts *opts, const char *id, bool is_rootless,
		      struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	int r;

	if (!spec)
		return sk_err_oom(err);
	r = set_namespaces(spec, opts, is_rootless, err);
	if (r < 0)
		return r;
	if (spec->ns[SK_NS_USER].is_new)
		sk_idrange_fill(spec, id, is_rootless);
	r = set_process(spec, opts, id, err);
	if (r < 0)
		return r;
	r = set_root(spec, opts, err);
	if (r < 0)
		return r;
	r = add_mounts(spec, opts, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&spec);
	return 0;
}
