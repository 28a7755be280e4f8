// SPDX-License-Identifier: Apache-2.0
/* reconcile - make a slice be as want.json says
 *
 * Theory of operation
 *
 * 1. Compare the slivers that are with the nodes that are wanted (diff.c).
 * 2. Stop what goes or restarts. Nothing new is made yet.
 * 3. Write state.json: every group and container that there will be, so that whoever comes
 *    after a kill -9 knows what to remove. Pinned namespaces are found by their folder.
 * 4. The slice's group with its limits; then namespaces and cables of new nodes in one batch;
 *    then /etc/hosts, rewritten in place because running slivers have it mounted.
 * 5. Start the slivers, one after the other, by the thread that lives as long as they do.
 * 6. Write state.json again: now with the processes.
 */
#include "runtime/slice/reconcile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"

#define KILL_TIMEOUT_MS 10000

static struct sk_sliver *find_sliver(const struct sk_slice_live *live, const char *name)
{
	for (size_t i = 0; i < live->nr_slivers; i++)
		if (strcmp(live->slivers[i].node->name, name) == 0)
			return &live->slivers[i];
	return NULL;
}

int sk_slice_live_save(const struct sk_slice_live *live, const char *status,
		       struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = sk_json_new_object();
	struct sk_json *slivers = sk_json_set(json, "slivers", sk_json_new_array());
	unsigned long long start = 0;

	(void)sk_proc_start_time(getpid(), &start);
	sk_json_set_str(json, "status", status);
	sk_json_set_int(json, "pid", getpid());
	sk_json_set_uint(json, "start_time", start);
	sk_json_set_double(json, "ready_ms", live->ready_ms);
	if (live->group)
		(void)sk_json_set(json, "cgroup", sk_cgroup_paths(live->group));
	for (size_t i = 0; i < live->nr_slivers; i++)
		(void)sk_json_add(slivers,
				  sk_sliver_to_json(live->dir, &live->slivers[i]));
	return sk_slice_state_save(live->dir, json, err);
}

static int update_limits(const struct sk_slice_live *live,
			 const struct sk_slice_node *node, struct sk_err *err)
{
	sk_autofree char *path = sk_slice_cgroup_path(live->dir, node->name);
	sk_auto(sk_cgroup_free) struct sk_cgroup *group = NULL;
	const struct sk_cgroup_opts opts = {.path = path};
	int r = path ? sk_cgroup_open(&opts, &group, err) : sk_err_oom(err);

	if (r == 0)
		r = sk_cgroup_update(group, &node->limits, err);
	return r < 0 ? sk_err_wrap(err, r, "node '%s'", node->name) : 0;
}

/* Steps 1 and 2 for one node. */
static int act_before(struct sk_slice_live *live, const struct sk_slice_change *change,
		      const struct sk_slice_def *def, struct sk_err *err)
{
	struct sk_sliver *sliver = find_sliver(live, change->name);

	switch (change->op) {
	case SK_SLICE_ADD:
		return 0;
	case SK_SLICE_LIMITS:
		return update_limits(live, sk_slice_def_find(def, change->name), err);
	case SK_SLICE_RESTART:
		sk_sliver_stop(sliver);
		return 0;
	case SK_SLICE_REMOVE:
	case SK_SLICE_RELINK:
		sk_sliver_stop(sliver);
		return sk_slice_links_remove(live->dir, change->name, err);
	}
	return 0;
}

static int stop_changed(struct sk_slice_live *live, const struct sk_slice_def *def,
			struct sk_err *err)
{
	sk_autofree struct sk_slice_have *have =
		calloc(live->nr_slivers + 1, sizeof(*have));
	sk_autofree struct sk_slice_change *changes = NULL;
	size_t nr = 0;
	int r = 0;

	if (!have)
		return sk_err_oom(err);
	for (size_t i = 0; i < live->nr_slivers; i++)
		have[i] = (struct sk_slice_have){live->slivers[i].node,
						 live->slivers[i].ctr != NULL};
	if (sk_slice_diff(have, live->nr_slivers, def, &changes, &nr) < 0)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < nr; i++) {
		sk_autofree char *text = sk_slice_change_text(&changes[i]);

		sk_log_info("%s", text ? text : changes[i].name);
		r = act_before(live, &changes[i], def, err);
	}
	return r;
}

/* The new definition takes over the slivers that stay. */
static int adopt(struct sk_slice_live *live, struct sk_slice_want *want,
		 struct sk_err *err)
{
	struct sk_sliver *slivers = calloc(want->def->nr_nodes, sizeof(*slivers));

	if (!slivers)
		return sk_err_oom(err);
	for (size_t i = 0; i < want->def->nr_nodes; i++) {
		const struct sk_slice_node *node = &want->def->nodes[i];
		struct sk_sliver *old = find_sliver(live, node->name);

		if (old) {
			slivers[i] = *old;
			old->ctr = NULL;
		}
		slivers[i].node = node;
	}
	for (size_t i = 0; i < live->nr_slivers; i++)
		sk_container_free(live->slivers[i].ctr);
	free(live->slivers);
	live->slivers = slivers;
	live->nr_slivers = want->def->nr_nodes;
	sk_slice_want_finish(&live->want);
	live->want = *want;
	want->def = NULL;
	return 0;
}

static int open_group(struct sk_slice_live *live, struct sk_err *err)
{
	sk_autofree char *path = sk_slice_cgroup_path(live->dir, NULL);
	const struct sk_cgroup_opts opts = {.path = path};

	if (live->group)
		return 0;
	return path ? sk_cgroup_open(&opts, &live->group, err) : sk_err_oom(err);
}

/* It may be gone again: the last sliver to end takes empty groups above it away. */
static int make_group(struct sk_slice_live *live, struct sk_err *err)
{
	struct sk_cgroup_limits limits = live->want.def->limits;
	int r;

	limits.cpu_weight = sk_slice_weight(live->want.def, &live->host);
	r = sk_cgroup_create(live->group, &limits, err);
	return r < 0 ? sk_err_wrap(err, r, "limit slice '%s'", live->dir->name) : 0;
}

static int write_hosts(const struct sk_slice_live *live, struct sk_err *err)
{
	sk_autofree char *text = sk_slice_hosts_text(live->want.def);
	sk_autoclose int fd = -1;
	int r;

	if (!text)
		return sk_err_oom(err);
	fd = openat(live->dir->run_fd, "hosts",
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return sk_err_errno(err, "write the hosts file");
	r = sk_fs_write_all(fd, text, strlen(text));
	return r < 0 ? sk_err_code(err, r, "write the hosts file") : 0;
}

static int link_nodes(const struct sk_slice_live *live, struct sk_err *err)
{
	const struct sk_slice_def *def = live->want.def;
	sk_autofree struct sk_slice_node **nodes = calloc(def->nr_nodes, sizeof(*nodes));

	if (!nodes)
		return sk_err_oom(err);
	for (size_t i = 0; i < def->nr_nodes; i++)
		nodes[i] = &def->nodes[i];
	return sk_slice_links_add(live->dir, def, nodes, def->nr_nodes, err);
}

static int start_stopped(struct sk_slice_live *live, struct sk_err *err)
{
	sk_auto(sk_sliver_images_finish) struct sk_sliver_images images =
		{.resolve = live->resolve, .ctx = live->resolve_ctx};
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->nr_slivers; i++)
		if (!live->slivers[i].ctr)
			r = sk_sliver_start(live->dir, live->want.def, &images,
					    &live->slivers[i], err);
	return r;
}

int sk_slice_live_reconcile(struct sk_slice_live *live, struct sk_err *err)
{
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	uint64_t start = sk_clock_mono();
	int r = sk_slice_want_load(live->dir, &want, err);

	if (r == 0)
		r = stop_changed(live, want.def, err);
	if (r == 0)
		r = adopt(live, &want, err);
	if (r == 0)
		r = open_group(live, err);
	if (r == 0)
		r = sk_slice_live_save(live, "starting", err);
	if (r == 0)
		r = make_group(live, err);
	if (r == 0)
		r = link_nodes(live, err);
	if (r == 0)
		r = write_hosts(live, err);
	if (r == 0)
		r = start_stopped(live, err);
	live->ready_ms = (double)(sk_clock_mono() - start) / SK_NS_PER_MS;
	if (live->want.def &&
	    sk_slice_live_save(live, "running", r < 0 ? NULL : err) < 0 && r == 0)
		r = -EIO;
	return r;
}

int sk_slice_live_stop(struct sk_slice_live *live, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *state = NULL;
	int r;

	/* All at once, so that the slivers need not be waited for one by one. */
	if (live->group)
		(void)sk_cgroup_kill(live->group, KILL_TIMEOUT_MS, NULL);
	for (size_t i = 0; i < live->nr_slivers; i++)
		sk_sliver_stop(&live->slivers[i]);
	r = sk_slice_state_load(live->dir, &state, err);
	return r < 0 ? r : sk_slice_clear_remains(live->dir, state, err);
}

void sk_slice_live_finish(struct sk_slice_live *live)
{
	for (size_t i = 0; i < live->nr_slivers; i++)
		sk_container_free(live->slivers[i].ctr);
	free(live->slivers);
	sk_cgroup_free(live->group);
	sk_slice_want_finish(&live->want);
	sk_slice_dir_free(live->dir);
}
