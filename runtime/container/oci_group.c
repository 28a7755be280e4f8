// SPDX-License-Identifier: Apache-2.0
/* oci_group - from a spec to the options of its control group */
#include "runtime/container/oci_group.h"

/* The id outside of @inside; false where no map has it. */
static bool map_id(const struct sk_spec_idmap *maps, size_t nr, uint32_t inside,
		   uint32_t *ret)
{
	for (size_t i = 0; i < nr; i++) {
		if (inside >= maps[i].inside && inside - maps[i].inside < maps[i].size) {
			*ret = maps[i].outside + (inside - maps[i].inside);
			return true;
		}
	}
	return false;
}

static bool is_delegated(const struct sk_spec *spec, uid_t *uid, gid_t *gid)
{
	if (!spec->ns[SK_NS_CGROUP].is_new || !spec->cgroup_mount ||
	    !spec->cgroup_writable)
		return false;
	if (!spec->ns[SK_NS_USER].is_new) {
		*uid = spec->uid;
		*gid = spec->gid;
		return true;
	}
	return map_id(spec->uids, spec->nr_uids, spec->uid, uid) &&
	       map_id(spec->gids, spec->nr_gids, spec->gid, gid);
}

int sk_oci_group_open(const struct sk_spec *spec, const char *id,
		      enum sk_cgroup_manager manager, struct sk_cgroup **ret,
		      struct sk_err *err)
{
	struct sk_cgroup_opts opts = {
		.path = spec->cgroup_path,
		.id = id,
		.manager = manager,
		.is_oci = true,
		.annotations = spec->annotations,
		.resources = spec->resources,
	};

	opts.delegate = is_delegated(spec, &opts.uid, &opts.gid);
	return sk_cgroup_open(&opts, ret, err);
}
