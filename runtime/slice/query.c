// SPDX-License-Identifier: Apache-2.0
/* query - what slices there are, how they do, and where their nodes are */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/net/net.h"
#include "runtime/slice/slice.h"

/* One slice as it is on disk. */
struct view {
	struct sk_slice_dir *dir;
	struct sk_slice_want want;
	struct sk_json *state;
	bool is_supervised;
};

static void view_finish(struct view *view)
{
	sk_slice_dir_free(view->dir);
	sk_slice_want_finish(&view->want);
	sk_json_free(view->state);
}
SK_DEFINE_AUTO_FINISH(struct view, view_finish)

static int open_view(const struct sk_home *home, const char *name, struct view *ret,
		     struct sk_err *err)
{
	int r = sk_slice_dir_open(home, name, false, &ret->dir, err);

	if (r == 0)
		r = sk_slice_want_load(ret->dir, &ret->want, err);
	if (r == 0)
		r = sk_slice_state_load(ret->dir, &ret->state, err);
	if (r == 0)
		ret->is_supervised = sk_slice_is_supervised(ret->dir);
	return r;
}

static const char *status_of(const struct view *view)
{
	return view->is_supervised
		       ? sk_json_str(sk_json_get(view->state, "status"), "starting")
		       : "lost";
}

/* The record of a node in state.json, or NULL. */
static struct sk_json *sliver_of(const struct view *view, const char *node)
{
	const struct sk_json *slivers = sk_json_get(view->state, "slivers");

	for (size_t i = 0; i < sk_json_len(slivers); i++) {
		struct sk_json *sliver = sk_json_at(slivers, i);

		if (strcmp(sk_json_str(sk_json_get(sliver, "name"), ""), node) == 0)
			return sliver;
	}
	return NULL;
}

static size_t count_running(const struct view *view)
{
	const struct sk_json *slivers = sk_json_get(view->state, "slivers");
	size_t nr = 0;

	for (size_t i = 0; view->is_supervised && i < sk_json_len(slivers); i++)
		if (strcmp(sk_json_str(sk_json_path(sk_json_at(slivers, i), "status"),
				       ""),
			   "running") == 0)
			nr++;
	return nr;
}

static struct sk_json *summary(const struct view *view)
{
	const struct sk_slice_def *def = view->want.def;
	struct sk_json *json = sk_json_new_object();
	uint64_t share = def->limits.cpu_weight;
	char text[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(json, "name", def->name);
	sk_json_set_str(json, "status", status_of(view));
	sk_json_set_uint(json, "nodes", def->nr_nodes);
	sk_json_set_uint(json, "running", count_running(view));
	sk_json_set_uint(json, "cpu_share", share ? share : SK_SLICE_DEFAULT_SHARE);
	sk_json_set_double(json, "cpu_guarantee",
			   (double)def->cpu_guarantee_milli / 1000);
	if (def->limits.memory_bytes)
		sk_json_set_uint(json, "memory_limit_bytes", def->limits.memory_bytes);
	sk_json_set_str(json, "lan", def->lan_subnet);
	sk_json_set_str(json, "created", sk_clock_format(view->want.created_ns, text));
	sk_json_set_str(json, "expires", sk_clock_format(view->want.expires_ns, text));
	sk_json_set_uint(json, "remaining_s",
			 sk_slice_want_remaining(&view->want) / SK_NS_PER_S);
	sk_json_set_double(json, "ready_ms",
			   sk_json_double(sk_json_get(view->state, "ready_ms"), 0));
	sk_json_set_strv(json, "labels", def->labels);
	return json;
}

int sk_slice_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_slice_dir_names(home, &names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; names && names[i]; i++) {
		sk_auto(view_finish) struct view view = {0};

		/* One that ends or is only being made now is not listed. */
		r = open_view(home, names[i], &view, err);
		if (r == 0)
			(void)sk_json_add(list, summary(&view));
		else if (r != -ENOENT)
			return r;
	}
	if (err)
		*err = SK_ERR_INIT;
	*ret = sk_steal(&list);
	return 0;
}

/* Group of the slice, or of a node below it: from where the supervisor made it, not from here. */
static int open_group(const struct view *view, const char *node, struct sk_cgroup **ret)
{
	const struct sk_json *paths = sk_json_get(view->state, "cgroup");
	sk_auto(sk_json_free) struct sk_json *below = sk_json_new_object();
	struct sk_json *path;
	void *cursor = NULL;
	const char *key;

	if (!paths)
		return -ENOENT;
	if (!node)
		return sk_cgroup_reopen(paths, ret, NULL);
	while ((path = sk_json_each(paths, &cursor, &key))) {
		sk_autofree char *text = sk_strf("%s/%s", sk_json_str(path, ""), node);

		sk_json_set_str(below, key, text);
	}
	return sk_cgroup_reopen(below, ret, NULL);
}

static void set_usage(const struct view *view, const char *node, struct sk_json *json)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *group = NULL;

	if (open_group(view, node, &group) == 0)
		(void)sk_json_set(json, "usage", sk_cgroup_usage_to_json(group));
}

static void set_limits(struct sk_json *json, const struct sk_cgroup_limits *limits)
{
	struct sk_json *object = sk_json_set(json, "limits", sk_json_new_object());

	if (limits->cpu_milli)
		sk_json_set_double(object, "cpus", (double)limits->cpu_milli / 1000);
	if (limits->cpu_weight)
		sk_json_set_uint(object, "share", limits->cpu_weight);
	if (limits->memory_bytes)
		sk_json_set_uint(object, "memory_bytes", limits->memory_bytes);
	if (limits->pids_max)
		sk_json_set_uint(object, "pids", limits->pids_max);
}

int sk_slice_show(const struct sk_home *home, const char *name, struct sk_json **ret,
		  struct sk_err *err)
{
	sk_auto(view_finish) struct view view = {0};
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	struct sk_json *slivers;
	int r = open_view(home, name, &view, err);

	if (r < 0)
		return r;
	json = summary(&view);
	set_limits(json, &view.want.def->limits);
	if (view.is_supervised) {
		(void)sk_json_set(json, "supervisor_pid",
				  sk_json_ref(sk_json_get(view.state, "pid")));
		set_usage(&view, NULL, json);
	}
	slivers = sk_json_set(json, "slivers", sk_json_new_array());
	for (size_t i = 0; i < view.want.def->nr_nodes; i++) {
		const struct sk_slice_node *node = &view.want.def->nodes[i];
		struct sk_json *sliver =
			view.is_supervised ? sliver_of(&view, node->name) : NULL;

		if (sliver)
			sliver = sk_json_ref(sliver);
		else
			sliver = sk_json_new_object();
		sk_json_set_str(sliver, "name", node->name);
		set_limits(sliver, &node->limits);
		if (view.is_supervised)
			set_usage(&view, node->name, sliver);
		(void)sk_json_add(slivers, sliver);
	}
	*ret = sk_steal(&json);
	return 0;
}

/* View of a slice that has this node. */
static int open_node(const struct sk_home *home, const char *slice, const char *node,
		     struct view *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = open_view(home, slice, ret, err);

	if (r < 0)
		return r;
	if (sk_slice_def_find(ret->want.def, node))
		return 0;
	(void)sk_err_set(err, ENOENT, "slice '%s' has no node '%s'", slice, node);
	for (size_t i = 0; i < ret->want.def->nr_nodes; i++)
		if (sk_strv_add(&names, ret->want.def->nodes[i].name) < 0)
			return sk_err_oom(err);
	(void)sk_str_hint_nearest(err, -ENOENT, node, names);
	return sk_err_hint(err, -ENOENT, "'skiff slice show %s' lists its nodes", slice);
}

static int not_running(const struct view *view, const char *node, struct sk_err *err)
{
	const struct sk_json *exit_code = sk_json_get(sliver_of(view, node), "exit_code");

	if (!view->is_supervised || !exit_code)
		(void)sk_err_set(err, ESRCH, "node '%s' of slice '%s' does not run", node,
				 view->dir->name);
	else
		(void)sk_err_set(
			err, ESRCH,
			"node '%s' of slice '%s' does not run: it exited with %d", node,
			view->dir->name, (int)sk_json_int(exit_code, 0));
	return sk_err_hint(
		err, -ESRCH,
		"see %s/slices/%s/logs/%s; applying the slice again restarts it",
		view->dir->home->root, view->dir->name, node);
}

static bool is_running(const struct view *view, const char *node)
{
	return view->is_supervised &&
	       strcmp(sk_json_str(sk_json_path(sliver_of(view, node), "status"), ""),
		      "running") == 0;
}

int sk_slice_container(const struct sk_home *home, const char *slice, const char *node,
		       char **ret, struct sk_err *err)
{
	sk_auto(view_finish) struct view view = {0};
	int r = open_node(home, slice, node, &view, err);
	char *name;

	if (r < 0)
		return r;
	if (!is_running(&view, node))
		return not_running(&view, node, err);
	name = sk_slice_container_name(slice, node);
	if (!name)
		return sk_err_oom(err);
	*ret = name;
	return 0;
}

int sk_slice_node_pid(const struct sk_home *home, const char *slice, const char *node,
		      pid_t *ret, struct sk_err *err)
{
	sk_auto(view_finish) struct view view = {0};
	const struct sk_json *sliver;
	pid_t pid;
	int r = open_node(home, slice, node, &view, err);

	if (r < 0)
		return r;
	sliver = sliver_of(&view, node);
	pid = (pid_t)sk_json_int(sk_json_get(sliver, "pid"), 0);
	if (pid <= 0 ||
	    !sk_proc_is(pid,
			(unsigned long long)sk_json_int(sk_json_get(sliver, "start_time"),
							0)))
		return not_running(&view, node, err);
	*ret = pid;
	return 0;
}

int sk_slice_open_netns(const struct sk_home *home, const char *slice, const char *node,
			struct sk_err *err)
{
	sk_auto(view_finish) struct view view = {0};
	int r = open_node(home, slice, node, &view, err);

	return r < 0 ? r : sk_netns_open(view.dir->ns_fd, node, err);
}
