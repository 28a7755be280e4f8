// SPDX-License-Identifier: Apache-2.0
/* inuserns - remove a record's folder, in a user namespace where its files belong to */
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/json.h"
#include "runtime/container/erase.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/spec/spec.h"

static size_t read_maps(const struct sk_json *list, struct sk_spec_idmap *maps)
{
	size_t nr = sk_json_len(list);

	if (nr > SK_SPEC_MAX_IDMAPS)
		nr = SK_SPEC_MAX_IDMAPS;
	for (size_t i = 0; i < nr; i++) {
		const struct sk_json *line = sk_json_at(list, i);

		maps[i] = (struct sk_spec_idmap){
			.inside = (uint32_t)sk_json_int(sk_json_get(line, "inside"), 0),
			.outside = (uint32_t)sk_json_int(sk_json_get(line, "outside"), 0),
			.size = (uint32_t)sk_json_int(sk_json_get(line, "size"), 0),
		};
	}
	return nr;
}

static int remove_layer(void *arg, struct sk_err *err)
{
	const struct sk_state *state = arg;

	return sk_fs_remove_tree(state->dir_fd, "layer", err);
}

int sk_erase_record(struct sk_state *state, struct sk_err *err)
{
	struct sk_spec spec = {0};
	int r;

	spec.nr_uids = read_maps(sk_json_get(state->doc, "uid_maps"), spec.uids);
	spec.nr_gids = read_maps(sk_json_get(state->doc, "gid_maps"), spec.gids);
	spec.use_newidmap = spec.nr_uids > 1;
	if (geteuid() != 0 && spec.nr_uids && sk_fs_exists(state->dir_fd, "layer")) {
		r = sk_sandbox_in_userns(&spec, remove_layer, state, err);
		if (r < 0)
			return sk_err_wrap(err, r, "remove the layer of container '%s'",
					   state->id);
	}
	return sk_state_erase(state, err);
}
