/* SPDX-License-Identifier: Apache-2.0 */
/* target - mount points inside a hostile root, by descriptor only */
#ifndef SK_SANDBOX_TARGET_H
#define SK_SANDBOX_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/**
 * sk_target_open() - Open a mount point beneath the root, making what is missing
 * @root_fd:	The container's root (borrowed)
 * @path:	Path inside; links are followed as the container would follow them
 * @is_dir:	Make a folder, else an empty file
 *
 * Every part is opened once with openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS); what is
 * returned is what is mounted on, so an exchanged folder gains nothing (CVE-2021-30465).
 * Return: O_PATH descriptor, or -errno
 */
int sk_target_open(int root_fd, const char *path, bool is_dir, struct sk_err *err);

/** sk_target_attach() - move_mount() of a detached mount onto an opened target */
int sk_target_attach(int mount_fd, int target_fd, const char *path, struct sk_err *err);

/**
 * sk_target_fs() - A detached mount of a new file system
 * @data:	"key=value" or "flag" for the file system; NULL-terminated or NULL
 * @attrs:	MOUNT_ATTR_*
 *
 * Return: descriptor, or -errno with the option at fault
 */
int sk_target_fs(const char *fstype, const char *source, char *const *data,
		 uint64_t attrs, struct sk_err *err);

/** sk_target_clone() - A detached copy of the mount at @path below @dirfd (AT_EMPTY_PATH for the fd itself) */
int sk_target_clone(int dirfd, const char *path, bool recursive, struct sk_err *err);

/** sk_target_set_attrs() - mount_setattr() of a detached mount; no bits is fine */
int sk_target_set_attrs(int mount_fd, uint64_t set, uint64_t clear, bool recursive,
			struct sk_err *err);

#endif
