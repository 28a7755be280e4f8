/* SPDX-License-Identifier: Apache-2.0 */
/* mount - what the parts of mounting share; for runtime/sandbox/ only */
#ifndef SK_SANDBOX_MOUNT_H
#define SK_SANDBOX_MOUNT_H

#include <stdbool.h>

#include "lib/err.h"
#include "runtime/sandbox/child.h"
#include "runtime/spec/mount.h"

/* What c->volume_fds holds for a mount until the parent has sent its source */
#define SK_MOUNT_OWN	 (-1) /* the child opens it */
#define SK_MOUNT_AWAITED (-2) /* the parent opens it */

/**
 * sk_mount_await() - In the parent, before clone: which sources it will open
 *
 * Sources of idmapped mounts, and with a user namespace those of all bind mounts: the
 * container's user 0 may not be able to reach them.
 */
int sk_mount_await(struct sk_child *c, struct sk_err *err);

/**
 * sk_mount_send() - In the parent, after clone: open these sources and send them in their order
 * @userns_fd:	The container's user namespace, -1 without one
 */
int sk_mount_send(const struct sk_child *c, int sync, int userns_fd, struct sk_err *err);

/** sk_mount_slot() - In the child: where the next source from the parent belongs, NULL when none is awaited */
int *sk_mount_slot(struct sk_child *c);

/** sk_mount_bind() - Detached mount of a bind mount's source, with its attributes */
int sk_mount_bind(struct sk_child *c, size_t index, struct sk_err *err);

/** sk_mount_fs() - Detached mount of a file system; where a user namespace may not have one, of the caller's */
int sk_mount_fs(struct sk_child *c, const struct sk_spec_mount *m, struct sk_err *err);

/** sk_mount_is_long() - Whether an option is longer than the new mount API takes (255 bytes) */
bool sk_mount_is_long(const struct sk_spec_mount *m);
/** sk_mount_long() - mount(2) of a file system with such options on an opened folder */
int sk_mount_long(const struct sk_child *c, const struct sk_spec_mount *m, int target,
		  struct sk_err *err);

/** sk_mount_remount() - Change attributes, or a file system's options, of what is mounted already */
int sk_mount_remount(const struct sk_child *c, const struct sk_spec_mount *m,
		     struct sk_err *err);

/** sk_mount_link() - "copy-symlink": 1 when the source is a link and was made again; 0 when it is none */
int sk_mount_link(const struct sk_child *c, const struct sk_spec_mount *m,
		  struct sk_err *err);

/** sk_mount_cgroup() - Show the container its groups at @target (opened, borrowed) */
int sk_mount_cgroup(struct sk_child *c, const struct sk_spec_mount *m, int target,
		    struct sk_err *err);

/**
 * sk_mount_check_proc() - Refuse what would hide or fake a procfs
 * @mount_fd:	What is to be mounted, -1: no procfs
 * @target:	On what
 *
 * Source: CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2025-52881.
 */
int sk_mount_check_proc(const struct sk_child *c, const struct sk_spec_mount *m,
			int mount_fd, int target, struct sk_err *err);

/** sk_mount_copy_up() - Copy all below the folder @from (O_PATH) into @to, with owners, modes and times */
int sk_mount_copy_up(int from, int to, struct sk_err *err);

#endif
