/* SPDX-License-Identifier: Apache-2.0 */
/* target - mount points inside a hostile root, and detached mounts; by descriptor only */
#ifndef SK_SANDBOX_TARGET_H
#define SK_SANDBOX_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/mount.h>

#include "lib/err.h"

/* What every procfs of a container is, whatever its options say */
#define SK_TARGET_PROC_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* How sk_target_open() treats a path */
#define SK_TARGET_DIR	   1u /* make a folder where nothing is, else an empty file */
#define SK_TARGET_NOFOLLOW 2u /* a last part that is a link is the target itself */
#define SK_TARGET_NO_LINKS 4u /* no part may be a link */

/**
 * sk_target_open() - Open a mount point beneath the root, making what is missing
 * @root_fd:	The container's root, or a folder in it that is to be left by no link (borrowed)
 * @path:	Path inside; links, dangling ones too, are followed as the container would
 * @flags:	SK_TARGET_*
 *
 * One openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS); where parts are missing, one part after
 * the other from the descriptor of the part before. What is returned is what is mounted on,
 * so an exchanged folder gains nothing (CVE-2021-30465).
 * Return: O_PATH descriptor, or -errno
 */
int sk_target_open(int root_fd, const char *path, unsigned int flags, struct sk_err *err);

/** sk_target_find() - The same, but what is missing is not made: -ENOENT, without an error record */
int sk_target_find(int root_fd, const char *path, unsigned int flags);

/** sk_target_attach() - move_mount() of a detached mount onto an opened target */
int sk_target_attach(int mount_fd, int target_fd, const char *path, struct sk_err *err);

/**
 * sk_target_fs() - A detached mount of a new file system
 * @data:	"key=value" or "flag" for the file system; NULL-terminated or NULL
 * @attrs:	MOUNT_ATTR_*
 *
 * Return: descriptor, or -errno with the option at fault and what the kernel says of it
 */
int sk_target_fs(const char *fstype, const char *source, char *const *data,
		 uint64_t attrs, struct sk_err *err);

/** sk_target_configure() - Set options in a file system's context (fsopen, fspick) */
int sk_target_configure(int fs_fd, const char *fstype, char *const *data,
			struct sk_err *err);

/** sk_target_fs_errno() - sk_err_errno() with the kernel's own words from a file system's context */
int sk_target_fs_errno(int fs_fd, struct sk_err *err, const char *what,
		       const char *fstype);

/** sk_target_clone() - A detached copy of the mount at @path below @dirfd ("" for the fd itself) */
int sk_target_clone(int dirfd, const char *path, bool recursive, struct sk_err *err);

/**
 * sk_target_set_attrs() - mount_setattr() of a mount; no bits is fine
 * @recursive:	Of what is mounted below too
 *
 * Attributes that a less privileged user namespace may not clear stay as they are.
 */
int sk_target_set_attrs(int mount_fd, uint64_t set, uint64_t clear, bool recursive,
			struct sk_err *err);

/** sk_target_set_propagation() - Make a mount MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE */
int sk_target_set_propagation(int mount_fd, uint64_t propagation, bool recursive,
			      struct sk_err *err);

#endif
