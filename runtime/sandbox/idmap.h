/* SPDX-License-Identifier: Apache-2.0 */
/* idmap - id maps of a new user namespace, and mounts seen through them */
#ifndef SK_SANDBOX_IDMAP_H
#define SK_SANDBOX_IDMAP_H

#include "lib/err.h"
#include "runtime/spec/spec.h"

/**
 * sk_idmap_write() - Write uid_map and gid_map of a child that waits
 *
 * By newuidmap and newgidmap where the spec says so; a single own group needs "deny" in
 * setgroups first. Source: user_namespaces(7).
 */
int sk_idmap_write(pid_t pid, const struct sk_spec *spec, struct sk_err *err);

/** sk_idmap_userns() - Descriptor of the child's user namespace, for sk_idmap_mount() */
int sk_idmap_userns(pid_t pid, struct sk_err *err);

/**
 * sk_idmap_mount() - A detached copy of @path whose ids are shifted into a user namespace
 * @recursive:	With what is mounted below it
 *
 * Return: descriptor; -EOPNOTSUPP naming the file system that cannot, with the hint
 * `--userns host`; other -errno
 */
int sk_idmap_mount(const char *path, int userns_fd, bool recursive, struct sk_err *err);

/** sk_idmap_shift() - Shift the ids of a detached mount of @path; -EOPNOTSUPP as above */
int sk_idmap_shift(int mount_fd, const char *path, int userns_fd, bool recursive,
		   struct sk_err *err);

#endif
