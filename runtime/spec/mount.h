/* SPDX-License-Identifier: Apache-2.0 */
/* mount - the mounts and device nodes of a spec
 *
 *	m = sk_spec_add_mount(spec, source, target, "tmpfs", MOUNT_ATTR_NOSUID);
 *	r = sk_spec_mount_option(m, "size=64m", err);
 *
 * An option is an attribute of the mount (ro, nosuid, noatime), the same for all that is
 * mounted below (rro), propagation (rslave), something that the runtime does (tmpcopyup,
 * idmap, src-nofollow), or data for the file system (size=64m, sync).
 */
#ifndef SK_SPEC_MOUNT_H
#define SK_SPEC_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct sk_spec;
struct sk_spec_idmap;

/** struct sk_spec_mount - One mount, in the order of the list */
struct sk_spec_mount {
	char *source; /* bind: absolute path outside; else NULL or a label */
	char *target; /* path inside, absolute; missing parts are created */
	char *fstype; /* NULL for a bind mount; "cgroup" and "cgroup2" show the groups */
	char **data;  /* "mode=755", "size=64m", for the file system */
	uint64_t attr_set, attr_clear; /* MOUNT_ATTR_* of the mount alone */
	uint64_t rec_set, rec_clear;   /* MOUNT_ATTR_* of it and what is mounted below */
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0 none */
	bool propagation_below; /* it holds for what is mounted below too */
	bool recursive;		/* of a bind mount: what is mounted below too */
	bool is_remount;	/* change what is mounted at the target already */
	bool copy_up;		/* fill it with what the target holds */
	bool copy_symlink;	/* a source that is a link becomes the same link */
	bool source_nofollow;	/* a source that is a link is mounted itself */
	bool target_nofollow;	/* a target that is a link is mounted on itself */
	bool is_idmapped;	/* owners are shown through id maps */
	bool idmap_below;	/* those below too */
	/* its own id maps; without any those of the container's user namespace */
	struct sk_spec_idmap *uids, *gids;
	size_t nr_uids, nr_gids;
	bool uids_relative, gids_relative; /* "outside" is an id inside the container */
	bool is_optional; /* the kernel may refuse it (mqueue, a missing feature) */
	bool no_create;	  /* leave it out where the mount point is missing */
};

/** struct sk_spec_device - One entry of linux.devices */
struct sk_spec_device {
	char *path;  /* inside, absolute */
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	dev_t number;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/**
 * sk_spec_add_mount() - Append a mount
 * @source:	See struct sk_spec_mount (copied); the same for the others
 * @attr_set:	MOUNT_ATTR_*
 *
 * Return: the mount, to be adjusted (borrowed until the next call), or NULL without memory
 */
struct sk_spec_mount *sk_spec_add_mount(struct sk_spec *spec, const char *source,
					const char *target, const char *fstype,
					uint64_t attr_set);

/**
 * sk_spec_mount_option() - Apply one option of an OCI mount
 * @option:	"ro", "nosuid", "rbind", "mode=755", "idmap=uids=0-1000-1;gids=0-1000-1"
 *
 * What no table knows is data for the file system, and an error for a bind mount, which has
 * none. The kernel refuses data that the file system does not know.
 * Source: OCI runtime-spec, config.md, "Linux mount options"; mount(8); crun(1).
 * Return: 0; -EINVAL; -EOPNOTSUPP for what no kernel can do; -ENOMEM
 */
int sk_spec_mount_option(struct sk_spec_mount *mount, const char *option,
			 struct sk_err *err);

/** sk_spec_mount_option_name() - Name of the @index-th option that is known, for `features`; NULL behind the last */
const char *sk_spec_mount_option_name(size_t index);

/**
 * sk_spec_mount_idmap() - Read id maps of "idmap=": "uids=0-1000-1#1-2000-9;gids=@0-0-10"
 *
 * Each line is INSIDE-OUTSIDE-SIZE: ids of the file system, ids that are shown, how many.
 * After '@' "outside" counts inside the container: sk_spec_mounts_finish() shifts it.
 */
int sk_spec_mount_idmap(struct sk_spec_mount *mount, const char *maps,
			struct sk_err *err);

/**
 * sk_spec_mounts_finish() - After all is read: idmapped mounts against the container's maps
 * Return: 0; -EINVAL naming the mount
 */
int sk_spec_mounts_finish(struct sk_spec *spec, struct sk_err *err);

/** sk_spec_mounts_check() - The part of sk_spec_check() for mounts: -EINVAL naming the mount */
int sk_spec_mounts_check(const struct sk_spec *spec, struct sk_err *err);

/** sk_spec_mounts_free() - Release mounts and devices of a spec */
void sk_spec_mounts_free(struct sk_spec *spec);

/** sk_spec_propagation() - MS_* of "private", "rslave"...; 0 for another word */
unsigned long sk_spec_propagation(const char *word);

/** sk_spec_mount_is_cgroup() - Whether a mount shows the container its groups */
bool sk_spec_mount_is_cgroup(const struct sk_spec_mount *mount);

#endif
