/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_content - data and extended attributes of an archive's files */
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "images/unpack_internal.h"
#include "lib/fs.h"
#include "lib/str.h"

#define MAX_XATTRS	64
#define MAX_XATTR_VALUE (64u << 10)

static int write_at(int fd, const char *bytes, size_t len, off_t offset,
		    struct sk_err *err)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_err_errno(err, "write the file");
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* A block as libarchive gives it: holes are what lies between blocks. */
static int take_block(struct sk_unpack *unpack, int fd, la_int64_t size,
		      la_int64_t *position, struct sk_err *err)
{
	const void *bytes;
	size_t len;
	la_int64_t offset;
	int r = archive_read_data_block(unpack->archive, &bytes, &len, &offset);

	if (r == ARCHIVE_EOF)
		return 1;
	if (r != ARCHIVE_OK)
		return sk_unpack_read_error(unpack->archive, err, "read its content");
	if (offset < *position || offset > size || len > (uint64_t)(size - offset))
		return sk_err_set(err, EINVAL, "its content lies outside of its size");
	unpack->result->bytes += (uint64_t)(offset - *position) + len;
	unpack->written += len;
	r = sk_unpack_check_bytes(unpack, err);
	if (r < 0)
		return r;
	*position = offset + (la_int64_t)len;
	return write_at(fd, bytes, len, offset, err);
}

int sk_unpack_content(struct sk_unpack *unpack, const struct sk_unpack_item *item, int fd,
		      struct sk_err *err)
{
	la_int64_t size = archive_entry_size(item->entry), position = 0;
	int r;

	if (size < 0)
		return sk_err_set(err, EINVAL, "its size is negative");
	do {
		r = take_block(unpack, fd, size, &position, err);
	} while (r == 0);
	if (r < 0)
		return r;
	unpack->result->bytes += (uint64_t)(size - position);
	r = sk_unpack_check_bytes(unpack, err);
	if (r < 0)
		return r;
	if (ftruncate(fd, size) < 0)
		return sk_err_errno(err, "set its size");
	return 0;
}

/* Source: capabilities(7), "File capability extended attribute versioning". */
static bool is_capability_valid(const void *value, size_t size)
{
	uint32_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, value, sizeof(magic));
	magic = le32toh(magic) & VFS_CAP_REVISION_MASK;
	return (magic == VFS_CAP_REVISION_2 && size == XATTR_CAPS_SZ_2) ||
	       (magic == VFS_CAP_REVISION_3 && size == XATTR_CAPS_SZ_3);
}

/* Marks of overlayfs and labels of the machine that made the archive have no meaning here. */
static bool is_kept(const char *name)
{
	if (sk_str_starts(name, "user.overlay."))
		return false;
	return sk_str_starts(name, "user.") || strcmp(name, "security.capability") == 0;
}

static int set_one(struct sk_unpack *unpack, int fd, const char *name, const void *value,
		   size_t size, struct sk_err *err)
{
	bool is_capability = strcmp(name, "security.capability") == 0;

	if (strlen(name) > XATTR_NAME_MAX || size > MAX_XATTR_VALUE)
		return sk_err_set(err, EINVAL, "an extended attribute is too large");
	if (!is_kept(name) || (is_capability && unpack->opts->rootless)) {
		unpack->result->skipped++;
		return 0;
	}
	if (is_capability && !is_capability_valid(value, size))
		return sk_err_set(err, EINVAL, "its capabilities are malformed");
	if (fsetxattr(fd, name, value, size, 0) == 0)
		return 0;
	/* a file system without attributes of this kind */
	if (errno == ENOTSUP) {
		unpack->result->skipped++;
		return 0;
	}
	return sk_err_errno(err, "set attribute '%s'", name);
}

int sk_unpack_xattrs(struct sk_unpack *unpack, const struct sk_unpack_item *item, int fd,
		     struct sk_err *err)
{
	int n = archive_entry_xattr_reset(item->entry), r = 0;
	const char *name;
	const void *value;
	size_t size;

	if (n > MAX_XATTRS)
		return sk_err_set(err, EINVAL, "it has more than %d extended attributes",
				  MAX_XATTRS);
	while (r == 0 &&
	       archive_entry_xattr_next(item->entry, &name, &value, &size) == ARCHIVE_OK)
		r = set_one(unpack, fd, name, value, size, err);
	return r;
}
