/* SPDX-License-Identifier: Apache-2.0 */
/* builtin - images that need no registry and no file: @host and @busybox */
#ifndef SK_BUILTIN_H
#define SK_BUILTIN_H

#include "images/images.h"
#include "images/store.h"

/**
 * sk_builtin_host() - The machine's own root as a lower layer, homes and secrets masked
 * @image:	Gets id, lowers, masks, env, command, workdir
 *
 * Mounts below "/" are not part of it: an overlay shows one file system only.
 * Return: 0; -ENOTSUP when "/" is on a file system that overlayfs cannot read from
 */
int sk_builtin_host(struct sk_image *image, struct sk_err *err);

/**
 * sk_builtin_host_rootless() - The same for an ordinary user: its folders as read-only volumes
 * @image:	Gets id, lowers, masks, volumes, env, command, workdir
 *
 * In a user namespace the kernel takes no overlay over "/" while anything is mounted below it,
 * as the layer would show what those mounts hide. So the layer has only the names and links
 * of "/", and each folder is a volume. They are read-only, which is little loss: root's files
 * belong to nobody there and could not be written to anyway. Mounts below such a folder are
 * seen, read-only, since the kernel takes no part of a tree either.
 * Source: clone_private_mount() and has_locked_children() in the kernel's fs/namespace.c.
 */
int sk_builtin_host_rootless(const struct sk_store *store, struct sk_image *image,
			     struct sk_err *err);

/**
 * sk_builtin_host_masks() - What @host hides, as far as it exists below @root
 * @root_fd:	The root folder (borrowed); a test passes its own
 * @ret:	Heap list of absolute paths
 */
int sk_builtin_host_masks(int root_fd, char ***ret, struct sk_err *err);

/** sk_builtin_busybox() - The busybox layer, built from busybox-static when it is missing */
int sk_builtin_busybox(const struct sk_store *store, struct sk_image *image,
		       struct sk_err *err);
/** sk_builtin_busybox_id() - Id of its layer for the installed program; heap. -ENOENT with a hint */
int sk_builtin_busybox_id(char **ret, struct sk_err *err);

#endif
