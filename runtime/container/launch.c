// SPDX-License-Identifier: Apache-2.0
/* launch - from options to a running container
 *
 * 1. The spec is made and checked: nothing is touched yet.
 * 2. The record is made, locked, and says which groups and folders will be made.
 * 3. Layer folders, groups, the sandbox. What fails from here on is undone.
 * 4. The record says pid, start time and "running".
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/container/handle.h"
#include "runtime/container/launch.h"
#include "runtime/sandbox/sandbox.h"

static int make_layer(struct sk_state *state, struct sk_spec *spec, struct sk_err *err)
{
	static const char *const folders[] = {"layer", "layer/upper", "layer/work",
					      "layer/mnt"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		if (mkdirat(state->dir_fd, folders[i], 0755) < 0 ||
		    fchmodat(state->dir_fd, folders[i], 0755, 0) < 0)
			return sk_err_errno(err, "make folder '%s/%s'", state->path,
					    folders[i]);
	spec->layer_dir = sk_strf("%s/layer", state->path);
	return spec->layer_dir ? 0 : sk_err_oom(err);
}

static void set_labels(struct sk_json *doc, char *const *labels)
{
	struct sk_json *object = sk_json_set(doc, "labels", sk_json_new_object());

	for (; labels && *labels; labels++) {
		char *equal = strchr(*labels, '=');
		sk_autofree char *key = strndup(*labels, equal ? (size_t)(equal - *labels)
							       : strlen(*labels));

		if (key)
			sk_json_set_str(object, key, equal ? equal + 1 : "");
	}
}

static void set_maps(struct sk_json *doc, const char *key,
		     const struct sk_spec_idmap *maps, size_t nr)
{
	struct sk_json *list = sk_json_set(doc, key, sk_json_new_array());

	for (size_t i = 0; i < nr; i++) {
		struct sk_json *line = sk_json_add(list, sk_json_new_object());

		sk_json_set_uint(line, "inside", maps[i].inside);
		sk_json_set_uint(line, "outside", maps[i].outside);
		sk_json_set_uint(line, "size", maps[i].size);
	}
}

/* Those that are not the caller's own: what a further process has to join. */
static void set_namespaces(struct sk_json *doc, const struct sk_spec *spec)
{
	struct sk_json *list = sk_json_set(doc, "namespaces", sk_json_new_array());

	for (int i = 0; i < SK_NS_COUNT; i++)
		if (spec->ns[i].is_new || spec->ns[i].path)
			(void)sk_json_add(list, sk_json_new_str(sk_spec_ns_name(
							(enum sk_spec_ns)i)));
}

static void describe(struct sk_state *state, const struct sk_spec *spec,
		     const struct sk_cgroup *cgroup)
{
	struct sk_json *doc = state->doc;
	struct sk_json *limits = sk_json_set(doc, "limits", sk_json_new_object());
	char now[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(doc, "created", sk_clock_format(sk_clock_real(), now));
	sk_json_set_strv(doc, "command", spec->args);
	sk_json_set_strv(doc, "env", spec->env);
	sk_json_set_str(doc, "cwd", spec->cwd);
	sk_json_set_str(doc, "user", spec->user);
	sk_json_set_str(doc, "hostname", spec->hostname);
	sk_json_set_bool(doc, "tty", spec->tty);
	sk_json_set_bool(doc, "userns", spec->ns[SK_NS_USER].is_new);
	set_namespaces(doc, spec);
	sk_json_set_bool(doc, "seccomp", spec->seccomp);
	sk_json_set_bool(doc, "no_new_privileges", spec->no_new_privs);
	sk_json_set_bool(doc, "all_capabilities", spec->caps == SK_SPEC_CAPS_FULL);
	set_maps(doc, "uid_maps", spec->uids, spec->nr_uids);
	set_maps(doc, "gid_maps", spec->gids, spec->nr_gids);
	sk_json_set_strv(doc, "lowers", spec->lowers);
	sk_json_set_uint(limits, "memory_bytes", spec->limits.memory_bytes);
	sk_json_set_uint(limits, "cpu_milli", spec->limits.cpu_milli);
	sk_json_set_uint(limits, "cpu_weight", spec->limits.cpu_weight);
	sk_json_set_uint(limits, "pids_max", spec->limits.pids_max);
	if (cgroup)
		sk_json_set(doc, "cgroups", sk_cgroup_paths(cgroup));
}

static int write_intent(struct sk_container *ctr, const struct sk_run_opts *opts,
			struct sk_spec *spec, const char *owner, struct sk_err *err)
{
	struct sk_state *state = ctr->state;
	unsigned long long start = 0;
	const struct sk_cgroup_opts group = {.path = spec->cgroup_path};
	int r = sk_cgroup_open(&group, &ctr->cgroup, err);

	if (r < 0)
		return r;
	/* Nobody asked for the default: it holds where it can be set. */
	if (!opts->limits.pids_max && !sk_cgroup_can_limit(ctr->cgroup, "pids"))
		spec->limits.pids_max = 0;
	sk_json_set_str(state->doc, "name", state->id);
	sk_json_set_str(state->doc, "image", opts->image);
	sk_json_set_str(state->doc, "owner", owner);
	(void)sk_proc_start_time(getpid(), &start);
	sk_json_set_int(state->doc, "owner_pid", getpid());
	sk_json_set_int(state->doc, "owner_start_time", (int64_t)start);
	sk_json_set_bool(state->doc, "rm", opts->rm);
	sk_json_set_bool(state->doc, "privileged", opts->privileged);
	set_labels(state->doc, opts->labels);
	describe(state, spec, ctr->cgroup);
	state->is_durable = !opts->rm;
	return sk_state_save(state, err);
}

int sk_launch_record(struct sk_state *state, pid_t pid, const char *status,
		     struct sk_err *err)
{
	char now[SK_CLOCK_TEXT_SIZE];
	unsigned long long start = 0;
	int r = sk_proc_start_time(pid, &start);

	/* a command that has ended already has left a zombie that still has its time */
	if (r < 0)
		return sk_err_code(err, r, "find the start time of process %d", (int)pid);
	sk_json_set_str(state->doc, "status", status);
	sk_json_set_int(state->doc, "pid", pid);
	sk_json_set_int(state->doc, "start_time", (int64_t)start);
	sk_json_set_str(state->doc, "started", sk_clock_format(sk_clock_real(), now));
	return sk_state_save(state, err);
}

/* -ENOENT and -EACCES tell callers that the command could not be executed; nothing else may. */
static int not_exec(int r)
{
	if (r == -ENOENT)
		return -EIO;
	return r == -EACCES ? -EPERM : r;
}

int sk_launch_group(struct sk_container *ctr, const struct sk_spec *spec,
		    struct sk_err *err)
{
	int r = sk_cgroup_resources_check(ctr->cgroup, spec->resources, err);

	if (r == 0)
		r = sk_cgroup_create(ctr->cgroup, &spec->limits, err);
	if (r == 0)
		r = sk_cgroup_set_resources(ctr->cgroup, spec->resources,
					    SK_CGROUP_ON_CREATE, err);
	if (r < 0)
		return not_exec(r);
	sk_log_debug("container '%s': made its groups '%s'", ctr->state->id,
		     spec->cgroup_path ? spec->cgroup_path : "");
	return 0;
}

int sk_launch_start(struct sk_container *ctr, struct sk_sandbox_opts *how,
		    struct sk_err *err)
{
	const struct sk_spec *spec = how->spec;
	sk_autofree char *init_path = NULL;
	struct sk_sandbox sandbox;
	int r;

	if (spec->use_init) {
		r = sk_proc_libexec("skiff-init", &init_path, err);
		if (r < 0)
			return not_exec(r);
		how->init_path = init_path;
	}
	r = sk_launch_group(ctr, spec, err);
	if (r < 0)
		return r;
	how->cgroup = ctr->cgroup;
	r = sk_sandbox_spawn(how, &sandbox, err);
	how->init_path = NULL;
	if (r < 0)
		return r;
	sk_cgroup_settle(ctr->cgroup);
	sk_log_debug("container '%s': '%s' runs as process %d", ctr->state->id,
		     spec->args ? spec->args[0] : "", (int)sandbox.pid);
	ctr->pid = sandbox.pid;
	ctr->pidfd = sandbox.pidfd;
	ctr->pty = sandbox.pty;
	return 0;
}

static int make_spec(const struct sk_home *home, const struct sk_run_opts *opts,
		     const char *id, struct sk_spec **ret, struct sk_err *err)
{
	sk_autofree char *group = sk_strf("%s/%s", home->group, id);
	struct sk_run_opts placed = *opts;

	if (!group)
		return sk_err_oom(err);
	if (!placed.cgroup_path)
		placed.cgroup_path = group;
	return sk_spec_from_opts(&placed, id, home->is_rootless, ret, err);
}

int sk_launch_as(const struct sk_home *home, const struct sk_run_opts *opts,
		 const int stdio[3], const char *owner, struct sk_container **ret,
		 struct sk_err *err)
{
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_sandbox_opts how = {.stdio = {stdio[0], stdio[1], stdio[2]},
				      .gate_fd = -1};
	struct sk_state *state = NULL;
	int r = opts->name ? sk_parse_name("container", opts->name, err) : 0;

	if (r < 0)
		return not_exec(r);
	r = sk_state_create(home, opts->name, &state, err);
	if (r < 0)
		return not_exec(r);
	ctr = sk_handle_new(state);
	if (!ctr)
		return sk_err_oom(err);
	sk_log_debug("container '%s': made its record '%s'", state->id, state->path);
	r = make_spec(home, opts, state->id, &spec, err);
	if (r == 0)
		r = write_intent(ctr, opts, spec, owner, err);
	if (r == 0)
		r = make_layer(state, spec, err);
	if (r == 0)
		r = sk_spec_check(spec, err);
	if (r < 0)
		return not_exec(r);
	how.spec = spec;
	r = sk_launch_start(ctr, &how, err);
	if (r < 0)
		return r;
	r = sk_launch_record(state, ctr->pid, "running", err);
	if (r < 0)
		return not_exec(r);
	*ret = sk_steal(&ctr);
	return 0;
}

int sk_container_launch(const struct sk_home *home, const struct sk_run_opts *opts,
			const int stdio[3], struct sk_container **ret, struct sk_err *err)
{
	return sk_launch_as(home, opts, stdio, "supervisor", ret, err);
}
