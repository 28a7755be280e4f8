/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_whiteout - the ".wh." names of layers, written as overlayfs reads them
 *
 * Source: OCI image-spec, layer.md, "Whiteouts"; Documentation/filesystems/overlayfs.rst.
 * A whiteout hides names of lower layers only: a file of the same name in this layer stays,
 * whichever comes first, and a folder of the same name becomes opaque.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "images/unpack_internal.h"
#include "lib/str.h"

#define PREFIX ".wh."
#define OPAQUE ".wh..wh..opq"
#define AUFS   ".wh..wh." /* bookkeeping of aufs: plnk, aufs, orph */

bool sk_unpack_is_whiteout(const char *name)
{
	return sk_str_starts(name, PREFIX) != NULL;
}

/* setxattr() does not take an O_PATH descriptor: open the folder itself, which it cannot leave. */
int sk_unpack_mark_opaque(struct sk_unpack *unpack, int dir_fd, struct sk_err *err)
{
	const char *key =
		unpack->opts->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
	sk_autoclose int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return sk_err_errno(err, "open the folder to mark");
	if (fsetxattr(fd, key, "y", 1, 0) < 0)
		return sk_err_errno(err, "mark the folder opaque with '%s'", key);
	return 0;
}

static int mark_existing(struct sk_unpack *unpack, int parent_fd, const char *name,
			 struct sk_err *err)
{
	sk_autoclose int fd =
		openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : sk_err_errno(err, "open '%s'", name);
	return sk_unpack_mark_opaque(unpack, fd, err);
}

int sk_unpack_whiteout(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		       struct sk_err *err)
{
	const char *target = item->name + strlen(PREFIX);
	int r;

	if (strcmp(item->name, OPAQUE) == 0) {
		r = sk_unpack_mark_opaque(unpack, item->parent_fd, err);
		unpack->result->entries += r == 0;
		return r;
	}
	if (sk_str_starts(item->name, AUFS)) {
		unpack->result->skipped++;
		return 0;
	}
	if (target[0] == '\0' || strcmp(target, ".") == 0 || strcmp(target, "..") == 0)
		return sk_err_set(err, EINVAL, "it is a whiteout of no name");
	if (mknodat(item->parent_fd, target, S_IFCHR | 0, makedev(0, 0)) < 0) {
		if (errno != EEXIST)
			return sk_err_errno(err, "write a whiteout of '%s'", target);
		r = mark_existing(unpack, item->parent_fd, target, err);
		if (r < 0)
			return r;
	}
	unpack->result->entries++;
	return 0;
}
