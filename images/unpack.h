/* SPDX-License-Identifier: Apache-2.0 */
/* unpack - write a hostile tar archive beneath a folder; only in programs that link libarchive */
#ifndef SK_UNPACK_H
#define SK_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/** struct sk_unpack_opts - How far an archive is trusted; all members must be set */
struct sk_unpack_opts {
	uint64_t max_bytes;   /* of file content, holes included */
	uint64_t max_entries; /* entries of any type */
	bool rootless; /* everything belongs to the caller; no devices; user.* overlay marks */
};

/** struct sk_unpack_result - What was done */
struct sk_unpack_result {
	uint64_t bytes;	  /* content written */
	uint64_t entries; /* written, marks too */
	uint64_t
		skipped; /* devices rootless, sockets, attributes that the store does not keep */
	char digest[65]; /* SHA-256 of the archive as read, in hex */
};

/**
 * sk_unpack() - Read an archive (tar; plain, gzip, bzip2, xz, zstd, lz4) and write its entries
 * @archive_fd:	File or pipe at the archive's start (borrowed); read to its end
 * @layer_fd:	Empty folder that gets the entries (borrowed)
 * @ret:	Filled on success
 *
 * Every entry is written by its own openat2() beneath @layer_fd; links in a parent lead
 * inside it or nowhere; the last part is replaced, never followed. See the theory of
 * operation in unpack.c for what is refused.
 * Return: 0; -EINVAL for a malformed or hostile archive; -EFBIG, -E2BIG for one above the
 * limits; other -errno. After a failure the folder holds a part: throw it away
 */
int sk_unpack(int archive_fd, int layer_fd, const struct sk_unpack_opts *opts,
	      struct sk_unpack_result *ret, struct sk_err *err);

#endif
