/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_internal - shared by the unpack modules, for no one else */
#ifndef SK_UNPACK_INTERNAL_H
#define SK_UNPACK_INTERNAL_H

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "images/unpack.h"
#include "lib/cleanup.h"

#define SK_UNPACK_MAX_PATH  4095
#define SK_UNPACK_MAX_NAME  255
#define SK_UNPACK_MAX_DEPTH 256

/** struct sk_unpack_dir - Mode and time of a folder, set when nothing is written into it any more */
struct sk_unpack_dir {
	char *path;
	size_t index;
	mode_t mode;
	struct timespec mtime;
};

/** struct sk_unpack - One archive on its way into one folder */
struct sk_unpack {
	struct archive *archive;
	int layer_fd;
	const struct sk_unpack_opts *opts;
	struct sk_unpack_result *result;
	char *parent; /* path of parent_fd */
	int parent_fd;
	struct sk_unpack_dir *dirs;
	size_t nr_dirs, size_dirs;
	uint64_t written; /* bytes of content without holes */
};

/** struct sk_unpack_item - One entry, its name checked and split */
struct sk_unpack_item {
	struct archive_entry *entry;
	char *path;	  /* heap, "a/b/c": no leading slash, no "." or ".." */
	const char *name; /* last part, inside @path; NULL for the root folder */
	int parent_fd;	  /* borrowed from struct sk_unpack */
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits */
	struct timespec mtime;
};

/** sk_unpack_clean_path() - "./a//b/" to "a/b"; "" for the root. -EINVAL for "..", too long or deep, no UTF-8 */
int sk_unpack_clean_path(const char *path, char **ret, struct sk_err *err);
/** sk_unpack_open_parent() - Folder of a cleaned path, missing folders made; descriptor borrowed until the next call */
int sk_unpack_open_parent(struct sk_unpack *unpack, const char *path,
			  const char **ret_name, struct sk_err *err);
/** sk_unpack_open_folder() - Folder beneath the layer, links inside it followed; O_PATH descriptor or -errno */
int sk_unpack_open_folder(int layer_fd, const char *path);

/** sk_unpack_is_whiteout() - Whether a name has the prefix of whiteouts */
bool sk_unpack_is_whiteout(const char *name);
/** sk_unpack_whiteout() - Write a whiteout or an opaque mark */
int sk_unpack_whiteout(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		       struct sk_err *err);
/** sk_unpack_mark_opaque() - Make a folder hide what lower layers have in it */
int sk_unpack_mark_opaque(struct sk_unpack *unpack, int dir_fd, struct sk_err *err);

/** sk_unpack_read_error() - Record what libarchive says of its input, and what an archive must be */
int sk_unpack_read_error(struct archive *archive, struct sk_err *err, const char *doing);

/** sk_unpack_check_bytes() - Refuse what has grown above the limits, or too much against the bytes read */
int sk_unpack_check_bytes(const struct sk_unpack *unpack, struct sk_err *err);

/** sk_unpack_write() - Write an entry of any type */
int sk_unpack_write(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		    struct sk_err *err);
/** sk_unpack_xattrs() - Set an entry's attributes on an open file; drops what must not come from outside */
int sk_unpack_xattrs(struct sk_unpack *unpack, const struct sk_unpack_item *item, int fd,
		     struct sk_err *err);
/** sk_unpack_content() - Write a regular file's data, holes kept */
int sk_unpack_content(struct sk_unpack *unpack, const struct sk_unpack_item *item, int fd,
		      struct sk_err *err);

#endif
