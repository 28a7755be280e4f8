/* SPDX-License-Identifier: Apache-2.0 */
/* import - a rootfs tarball becomes an image; only in programs that link libarchive
 *
 * Theory of operation
 *
 * 1. The archive is unpacked into a staging folder. No lock of the store is held.
 * 2. The layer's id is the archive's digest, known at its end. The layer is committed.
 * 3. Under the store's lock: the layer is still there (else another command has removed it
 *    meanwhile: the import fails and may be repeated), and the record is replaced. Layers
 *    that the name had before go on the record's list "superseded": containers made from
 *    them carry this image name, so they are removed together with the name.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "images/images.h"
#include "images/ref.h"
#include "images/store.h"
#include "images/unpack.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define DEFAULT_MAX_BYTES   (16ull << 30)
#define DEFAULT_MAX_ENTRIES 1000000ull

static int open_archive(const char *path, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	struct stat st;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open '%s'", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		int r = sk_err_set(err, EISDIR, "'%s' is a folder, not an archive", path);

		return sk_err_hint(err, r, "tar -C '%s' -c . | skiff import - NAME",
				   path);
	}
	return sk_steal_fd(&fd);
}

static void add_superseded(struct sk_json *list, const struct sk_json *old,
			   const char *key, const char *id)
{
	const struct sk_json *layers = sk_json_get(old, key);

	for (size_t i = 0; i < sk_json_len(layers); i++) {
		const char *layer = sk_json_str(sk_json_at(layers, i), "");

		if (strcmp(layer, id) != 0)
			(void)sk_json_add(list, sk_json_new_str(layer));
	}
}

static struct sk_json *make_record(const char *name,
				   const struct sk_unpack_result *result,
				   const struct sk_json *old)
{
	static char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		NULL};
	static char *const command[] = {(char *)"/bin/sh", NULL};
	struct sk_json *record = sk_json_new_object(), *layers, *superseded, *config;
	char created[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(record, "name", name);
	sk_json_set_str(record, "id", result->digest);
	layers = sk_json_set(record, "layers", sk_json_new_array());
	(void)sk_json_add(layers, sk_json_new_str(result->digest));
	superseded = sk_json_set(record, "superseded", sk_json_new_array());
	add_superseded(superseded, old, "layers", result->digest);
	add_superseded(superseded, old, "superseded", result->digest);
	sk_json_set_str(record, "created", sk_clock_format(sk_clock_real(), created));
	sk_json_set_uint(record, "size_bytes", result->bytes);
	sk_json_set_uint(record, "entries", result->entries);
	config = sk_json_set(record, "config", sk_json_new_object());
	sk_json_set_strv(config, "env", env);
	sk_json_set_strv(config, "command", command);
	sk_json_set_str(config, "workdir", "/");
	return record;
}

static int write_record(const struct sk_store *store, const char *name,
			const struct sk_unpack_result *result, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *old = NULL, *record = NULL;
	sk_autoclose int lock = sk_store_lock(store, err);
	int r;

	if (lock < 0)
		return lock;
	if (!sk_fs_exists(store->layers_fd, result->digest))
		return sk_err_set(err, EAGAIN,
				  "its layer was removed by another command meanwhile");
	r = sk_store_read(store, name, &old, err);
	if (r < 0 && r != -ENOENT)
		return r;
	record = make_record(name, result, old);
	return sk_store_write(store, name, record, err);
}

static struct sk_json *make_result(const char *name,
				   const struct sk_unpack_result *result)
{
	struct sk_json *object = sk_json_new_object();

	sk_json_set_str(object, "name", name);
	sk_json_set_str(object, "id", result->digest);
	sk_json_set_uint(object, "size_bytes", result->bytes);
	sk_json_set_uint(object, "entries", result->entries);
	sk_json_set_uint(object, "skipped", result->skipped);
	return object;
}

static int import(const struct sk_home *home, int archive_fd, const char *name,
		  const struct sk_unpack_opts *opts, struct sk_unpack_result *ret,
		  struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	sk_auto(sk_stage_drop) struct sk_stage stage = SK_STAGE_INIT;
	int r = sk_store_open(home, &store, err);

	if (r == 0)
		r = sk_stage_start(&store, &stage, err);
	if (r == 0)
		r = sk_unpack(archive_fd, stage.fd, opts, ret, err);
	if (r == 0)
		r = sk_stage_commit(&store, &stage, ret->digest, err);
	return r == 0 ? write_record(&store, name, ret, err) : r;
}

int sk_image_import(const struct sk_home *home, const char *path, const char *name,
		    const struct sk_import_opts *opts, struct sk_json **ret,
		    struct sk_err *err)
{
	struct sk_unpack_opts limits = {
		.max_bytes =
			opts && opts->max_bytes ? opts->max_bytes : DEFAULT_MAX_BYTES,
		.max_entries = opts && opts->max_entries ? opts->max_entries
							 : DEFAULT_MAX_ENTRIES,
		.rootless = home->is_rootless,
	};
	struct sk_unpack_result result = {0};
	sk_autofree char *normal = NULL;
	sk_autoclose int fd = -1;
	int r = sk_ref_normalize(name, &normal, err);

	if (r < 0)
		return r;
	fd = open_archive(path, err);
	if (fd < 0)
		return fd;
	r = import(home, fd, normal, &limits, &result, err);
	if (r < 0)
		return sk_err_wrap(err, r, "import '%s' as '%s'", path, normal);
	if (ret)
		*ret = make_result(normal, &result);
	return 0;
}
