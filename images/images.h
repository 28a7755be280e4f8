/* SPDX-License-Identifier: Apache-2.0 */
/* images - what a container's root is made of: built-in and imported images */
#ifndef SK_IMAGES_H
#define SK_IMAGES_H

#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"

/**
 * struct sk_image - A resolved image: everything that a start needs, nothing left to unpack
 * @name:	As the user named it: "@host", "@busybox", "debian:12"
 * @id:		Stable id of its content ("host", "busybox-1.35.0-4", or a digest of the layers)
 * @lowers:	Absolute paths of the read-only layer folders, topmost first
 * @masks:	Absolute paths in the container to hide (homes and secrets of @host); /run, /tmp, /var/tmp,
 *		/root and /home are hidden by empty folders that may be written to
 * @volumes:	"SRC:DST:ro", mounted over the layers before anything else: an ordinary user's @host
 * @env:	Defaults, "K=V"
 * @command:	Default command
 * @workdir:	Default working folder
 */
struct sk_image {
	char *name;
	char *id;
	char **lowers;
	char **masks;
	char **volumes;
	char **env;
	char **command;
	char *workdir;
};

/**
 * sk_image_resolve() - Find an image by name, building a built-in one when it is missing
 * @ref:	"@host", "@busybox", or the name of an imported image
 * @ret:	Free with sk_image_free()
 *
 * Return: 0; -ENOENT with the nearest name and how to import one
 */
int sk_image_resolve(const struct sk_home *home, const char *ref, struct sk_image **ret,
		     struct sk_err *err);
void sk_image_free(struct sk_image *image);
SK_DEFINE_AUTO(struct sk_image, sk_image_free)

/** sk_image_list() - Array of {name, id, layers, size_bytes, created, builtin}; built-in ones too */
int sk_image_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err);

/** sk_image_remove() - Forget a name, and its layers when no other name needs them */
int sk_image_remove(const struct sk_home *home, const char *name, struct sk_err *err);

/** struct sk_import_opts - Limits of an import; zero means the default */
struct sk_import_opts {
	uint64_t max_bytes;   /* unpacked; default 16 GiB */
	uint64_t max_entries; /* default 1,000,000 */
};

/**
 * sk_image_import() - Unpack a rootfs tarball (any compression) as a one-layer image
 * @path:	File, or "-" for standard input
 * @name:	Name to give; taken names are replaced in one step
 * @ret:	{name, id, size_bytes, entries, skipped}; may be NULL
 *
 * Needs libarchive: called by skiff-image alone. The archive is hostile: every name is
 * opened beneath the layer's folder, whiteouts become overlay whiteouts, overlay xattrs are
 * dropped, limits stop bombs. The layer appears complete and synced, or not at all.
 */
int sk_image_import(const struct sk_home *home, const char *path, const char *name,
		    const struct sk_import_opts *opts, struct sk_json **ret,
		    struct sk_err *err);

#endif
