/* SPDX-License-Identifier: Apache-2.0 */
/* unpack - write a hostile tar archive beneath a folder
 *
 * Theory of operation
 *
 * libarchive only parses; it never touches the file system. For each entry:
 *
 * 1. Limits: entries so far, bytes so far against the compressed bytes read.
 * 2. The name is cleaned (unpack_path.c): slashes and "." fall away; "..", bytes that are no
 *    UTF-8, excessive length or depth refuse the archive. A leading slash means the layer's root.
 * 3. The parent folder is opened with openat2(RESOLVE_IN_ROOT): links in it, from this
 *    archive, lead inside the layer or nowhere; a missing parent is made. No name is
 *    resolved twice: everything below works on that descriptor and the last part alone.
 * 4. ".wh." names become overlay whiteouts and opaque marks (unpack_whiteout.c).
 * 5. Anything that has the last part's name already is removed, never followed, then the
 *    entry is made with O_EXCL or its like (unpack_write.c). A folder on a folder stays.
 * 6. Owner, attributes, mode, time, in this order, through descriptors.
 *
 * Folders get mode and time at the end, so that a read-only folder can be filled.
 *
 * An archive is refused as a whole: the caller throws the folder away. libarchive's warnings
 * count as errors, as they tell that something could not be read as it was meant.
 */
#include "images/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <openssl/evp.h>
#include <string.h>

#include "images/unpack_internal.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"

#define READ_SIZE (256u << 10)
/* An archive of this many bytes unpacked that grows more than RATIO times is a bomb. */
#define RATIO_FROM (256u << 20)
#define RATIO	   200

/* The raw archive, hashed while libarchive reads it. */
struct source {
	int fd;
	EVP_MD_CTX *hash;
	char buffer[READ_SIZE];
};

static la_ssize_t source_read(struct archive *archive, void *arg, const void **ret)
{
	struct source *source = arg;
	ssize_t n;

	do {
		n = read(source->fd, source->buffer, sizeof(source->buffer));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(archive, errno, "%s", strerror(errno));
		return ARCHIVE_FATAL;
	}
	if (EVP_DigestUpdate(source->hash, source->buffer, (size_t)n) != 1) {
		archive_set_error(archive, EIO, "cannot hash");
		return ARCHIVE_FATAL;
	}
	*ret = source->buffer;
	return n;
}

static void source_free(struct source *source)
{
	if (!source)
		return;
	EVP_MD_CTX_free(source->hash);
	free(source);
}
SK_DEFINE_AUTO(struct source, source_free)

static void reader_free(struct archive *archive)
{
	if (archive)
		(void)archive_read_free(archive);
}
SK_DEFINE_AUTO(struct archive, reader_free)

static struct source *source_new(int fd)
{
	sk_auto(source_free) struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->fd = fd;
	source->hash = EVP_MD_CTX_new();
	if (!source->hash || EVP_DigestInit_ex(source->hash, EVP_sha256(), NULL) != 1)
		return NULL;
	return sk_steal(&source);
}

/* Whatever follows the end of the archive belongs to the digest too. */
static int finish_digest(struct source *source, struct sk_unpack_result *result,
			 struct sk_err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	const void *bytes;
	la_ssize_t n;

	while ((n = source_read(NULL, source, &bytes)) > 0)
		;
	if (n < 0 || EVP_DigestFinal_ex(source->hash, digest, &len) != 1)
		return sk_err_set(err, EIO, "read the rest of the archive");
	for (unsigned int i = 0; i < 32; i++)
		(void)snprintf(result->digest + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

int sk_unpack_read_error(struct archive *archive, struct sk_err *err, const char *doing)
{
	const char *text = archive_error_string(archive);
	int code = archive_errno(archive);

	int r;

	/* what libarchive says of malformed input */
	if (code <= 0 || code == EILSEQ)
		code = EINVAL;
	r = sk_err_set(err, code, "%s: %s", doing, text ? text : "unknown failure");
	return sk_err_hint(
		err, r,
		"give a whole tar archive, plain or of gzip, bzip2, xz, zstd or lz4");
}

static struct archive *reader_new(void)
{
	sk_auto(reader_free) struct archive *archive = archive_read_new();

	/* No "all": some filters of libarchive run programs. */
	if (!archive || archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_lz4(archive) != ARCHIVE_OK)
		return NULL;
	return sk_steal(&archive);
}

int sk_unpack_check_bytes(const struct sk_unpack *unpack, struct sk_err *err)
{
	la_int64_t packed = archive_filter_bytes(unpack->archive, -1);
	char size[SK_FORMAT_SIZE];
	int r;

	if (unpack->result->bytes > unpack->opts->max_bytes) {
		r = sk_err_set(err, EFBIG, "the archive unpacks to more than %s",
			       sk_format_size(unpack->opts->max_bytes, size));
		return sk_err_hint(err, r, "--max-size sets the limit");
	}
	if (unpack->written > RATIO_FROM && packed > 0 &&
	    unpack->written / RATIO > (uint64_t)packed)
		return sk_err_set(
			err, EFBIG,
			"the archive grows more than %d times: it looks like a bomb",
			RATIO);
	return 0;
}

static int check_owner(struct sk_unpack_item *item, struct sk_err *err)
{
	la_int64_t uid = archive_entry_uid(item->entry),
		   gid = archive_entry_gid(item->entry);

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return sk_err_set(err, EINVAL, "its owner %lld:%lld is out of range",
				  (long long)uid, (long long)gid);
	item->uid = (uid_t)uid;
	item->gid = (gid_t)gid;
	return 0;
}

static int fill_item(struct sk_unpack *unpack, struct sk_unpack_item *item,
		     struct sk_err *err)
{
	const char *path = archive_entry_pathname(item->entry);
	int r;

	if (!path)
		return sk_err_set(err, EINVAL,
				  "an entry has no name, or one that is not UTF-8");
	r = sk_unpack_clean_path(path, &item->path, err);
	if (r == 0)
		r = check_owner(item, err);
	if (r < 0)
		return r;
	item->mode = archive_entry_mode(item->entry) & 07777;
	item->mtime.tv_sec = archive_entry_mtime(item->entry);
	item->mtime.tv_nsec = archive_entry_mtime_nsec(item->entry);
	if (item->mtime.tv_nsec < 0 || item->mtime.tv_nsec > 999999999)
		item->mtime.tv_nsec = 0;
	item->parent_fd = sk_unpack_open_parent(unpack, item->path, &item->name, err);
	return item->parent_fd < 0 ? item->parent_fd : 0;
}

static int unpack_entry(struct sk_unpack *unpack, struct archive_entry *entry,
			struct sk_err *err)
{
	struct sk_unpack_item item = {.entry = entry, .parent_fd = -1};
	sk_auto(sk_str_finish) struct sk_str shown = SK_STR_INIT;
	sk_autofree char *path = NULL;
	int r;

	if (unpack->result->entries + unpack->result->skipped >=
	    unpack->opts->max_entries) {
		r = sk_err_set(err, E2BIG, "the archive has more than %llu entries",
			       (unsigned long long)unpack->opts->max_entries);
		return sk_err_hint(err, r, "--max-entries sets the limit");
	}
	r = fill_item(unpack, &item, err);
	path = item.path;
	if (r == 0 && item.name && sk_unpack_is_whiteout(item.name))
		r = sk_unpack_whiteout(unpack, &item, err);
	else if (r == 0)
		r = sk_unpack_write(unpack, &item, err);
	if (r == 0)
		return 0;
	sk_str_add_escaped(&shown, archive_entry_pathname(entry)
					   ? archive_entry_pathname(entry)
					   : "?");
	return sk_err_wrap(err, r, "entry '%.200s'", shown.ptr ? shown.ptr : "");
}

/* By path, and in the archive's order where a folder stands in it twice. */
static int by_path(const void *a, const void *b)
{
	const struct sk_unpack_dir *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

static int finish_dir(struct sk_unpack *unpack, const struct sk_unpack_dir *dir,
		      struct sk_err *err)
{
	const char *slash = strrchr(dir->path, '/');
	sk_autofree char *above =
		slash ? strndup(dir->path, (size_t)(slash - dir->path)) : strdup(".");
	const char *name = slash ? slash + 1 : dir->path[0] ? dir->path : ".";
	struct timespec times[2] = {dir->mtime, dir->mtime};
	sk_autoclose int above_fd =
		above ? sk_unpack_open_folder(unpack->layer_fd, above) : -ENOMEM;
	sk_autoclose int fd = -1;

	if (above_fd >= 0)
		fd = openat(above_fd, name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	else
		errno = -above_fd;
	/* a later entry may have replaced it by something else */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0 || futimens(fd, times) < 0 || fchmod(fd, dir->mode) < 0)
		return sk_err_errno(err, "set the mode of folder '%s'", dir->path);
	return 0;
}

/* Subfolders come before the folder that may take away the way to them. */
static int finish_dirs(struct sk_unpack *unpack, struct sk_err *err)
{
	int r = 0;

	if (unpack->nr_dirs > 0)
		qsort(unpack->dirs, unpack->nr_dirs, sizeof(unpack->dirs[0]), by_path);
	for (size_t i = unpack->nr_dirs; i-- > 0 && r == 0;) {
		bool is_last =
			i + 1 == unpack->nr_dirs ||
			strcmp(unpack->dirs[i].path, unpack->dirs[i + 1].path) != 0;

		if (is_last)
			r = finish_dir(unpack, &unpack->dirs[i], err);
	}
	return r;
}

static int read_entries(struct sk_unpack *unpack, struct sk_err *err)
{
	struct archive_entry *entry;
	int r;

	for (;;) {
		r = archive_read_next_header(unpack->archive, &entry);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return sk_unpack_read_error(unpack->archive, err,
						    "read the archive");
		r = unpack_entry(unpack, entry, err);
		if (r < 0)
			return r;
	}
	if (unpack->result->entries == 0)
		return sk_err_set(err, EINVAL, "the archive holds no files");
	return finish_dirs(unpack, err);
}

static void unpack_finish(struct sk_unpack *unpack)
{
	free(unpack->parent);
	sk_close(&unpack->parent_fd);
	for (size_t i = 0; i < unpack->nr_dirs; i++)
		free(unpack->dirs[i].path);
	free(unpack->dirs);
}
SK_DEFINE_AUTO_FINISH(struct sk_unpack, unpack_finish)

static int unpack_with_locale(int archive_fd, int layer_fd,
			      const struct sk_unpack_opts *opts,
			      struct sk_unpack_result *ret, struct sk_err *err)
{
	sk_auto(source_free) struct source *source = source_new(archive_fd);
	sk_auto(reader_free) struct archive *archive = reader_new();
	struct sk_unpack_result result = {0};
	sk_auto(unpack_finish) struct sk_unpack unpack = {
		.archive = archive,
		.layer_fd = layer_fd,
		.opts = opts,
		.result = &result,
		.parent_fd = -1,
	};
	int r;

	if (!source || !archive)
		return sk_err_oom(err);
	if (archive_read_open(archive, source, NULL, source_read, NULL) != ARCHIVE_OK)
		return sk_unpack_read_error(archive, err, "read the archive");
	r = read_entries(&unpack, err);
	if (r == 0)
		r = finish_digest(source, &result, err);
	if (r == 0)
		*ret = result;
	return r;
}

int sk_unpack(int archive_fd, int layer_fd, const struct sk_unpack_opts *opts,
	      struct sk_unpack_result *ret, struct sk_err *err)
{
	/* libarchive brings names into the locale's encoding: it must be UTF-8 */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL), before;
	int r;

	if (!utf8)
		return sk_err_errno(err, "use the C.UTF-8 locale");
	before = uselocale(utf8);
	r = unpack_with_locale(archive_fd, layer_fd, opts, ret, err);
	(void)uselocale(before);
	freelocale(utf8);
	return r;
}
