/* SPDX-License-Identifier: Apache-2.0 */
/* store - where layers and the names of images lie
 *
 * Theory of operation: making a layer
 *
 * 1. A folder with a random name appears in staging/, and its maker locks it. A maker that
 *    finds its folder locked or gone has met the sweep of another and takes a new name.
 * 2. The layer is filled. Nothing refers to it yet.
 * 3. syncfs() brings all of it to disk before the rename gives it its name in layers/, and
 *    fsync() of layers/ makes the name last. So a layer that has a name is complete, also
 *    after a power cut.
 * 4. Only then may a record in names/ refer to it. Removing goes the other way round.
 */
#include "images/store.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "images/ref.h"
#include "lib/fs.h"
#include "lib/str.h"

#define LOCK_TIMEOUT_MS 5000

int sk_store_open(const struct sk_home *home, struct sk_store *ret, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	const struct {
		const char *name;
		int *fd;
	} folders[] = {
		{"layers", &store.layers_fd},
		{"names", &store.names_fd},
		{"staging", &store.staging_fd},
	};

	store.path = sk_strf("%s/images", home->root);
	if (!store.path)
		return sk_err_oom(err);
	store.dir_fd = sk_fs_open_dir(home->root_fd, "images", 0700, err);
	if (store.dir_fd < 0)
		return sk_err_wrap(err, store.dir_fd, "open the image store");
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++) {
		*folders[i].fd = sk_fs_open_dir(store.dir_fd, folders[i].name, 0700, err);
		if (*folders[i].fd < 0)
			return sk_err_wrap(err, *folders[i].fd, "open the image store");
	}
	*ret = store;
	store = SK_STORE_INIT;
	return 0;
}

void sk_store_finish(struct sk_store *store)
{
	sk_close(&store->dir_fd);
	sk_close(&store->layers_fd);
	sk_close(&store->names_fd);
	sk_close(&store->staging_fd);
	free(store->path);
	store->path = NULL;
}

char *sk_store_layer_path(const struct sk_store *store, const char *id)
{
	return sk_strf("%s/layers/%s", store->path, id);
}

bool sk_store_is_layer_id(const char *id)
{
	size_t len = strlen(id);

	if (len == 0 || len > 80 || !isalnum((unsigned char)id[0]))
		return false;
	return strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* -EWOULDBLOCK when another holds or has removed it. */
static int lock_stage(int staging_fd, const char *name)
{
	sk_autoclose int fd =
		openat(staging_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -EWOULDBLOCK : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink == 0 ? -EWOULDBLOCK : sk_steal_fd(&fd);
}

void sk_store_sweep(const struct sk_store *store)
{
	sk_auto(sk_strv_free) char **names = NULL;

	if (sk_fs_list(store->staging_fd, ".", &names) < 0)
		return;
	for (char **n = names; n && *n; n++) {
		sk_autoclose int fd = lock_stage(store->staging_fd, *n);

		if (fd >= 0)
			(void)sk_fs_remove_tree(store->staging_fd, *n, NULL);
	}
}

static int random_name(char name[32])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	(void)snprintf(name, 32, "%016llx", (unsigned long long)number);
	return 0;
}

int sk_stage_start(const struct sk_store *store, struct sk_stage *ret, struct sk_err *err)
{
	struct sk_stage stage = {.staging_fd = store->staging_fd, .fd = -1};
	int r;

	sk_store_sweep(store);
	for (int attempt = 0; attempt < 100; attempt++) {
		r = random_name(stage.name);
		if (r < 0)
			return sk_err_code(err, r, "find a name for a new layer");
		if (mkdirat(store->staging_fd, stage.name, 0755) < 0)
			return sk_err_errno(err, "make a folder for a new layer");
		stage.fd = lock_stage(store->staging_fd, stage.name);
		if (stage.fd >= 0 && fchmod(stage.fd, 0755) == 0) {
			*ret = stage;
			return 0;
		}
		if (stage.fd != -EWOULDBLOCK)
			break;
	}
	r = sk_err_code(err, stage.fd < 0 ? stage.fd : -errno,
			"lock the folder of a new layer");
	(void)unlinkat(store->staging_fd, stage.name, AT_REMOVEDIR);
	return r;
}

int sk_stage_commit(const struct sk_store *store, struct sk_stage *stage, const char *id,
		    struct sk_err *err)
{
	if (syncfs(stage->fd) < 0)
		return sk_err_errno(err, "bring layer '%s' to disk", id);
	if (renameat2(store->staging_fd, stage->name, store->layers_fd, id,
		      RENAME_NOREPLACE) < 0) {
		if (errno != EEXIST)
			return sk_err_errno(err, "put layer '%s' in its place", id);
		sk_stage_drop(stage);
		return 0;
	}
	sk_close(&stage->fd);
	if (fsync(store->layers_fd) < 0)
		return sk_err_errno(err, "bring the list of layers to disk");
	return 0;
}

void sk_stage_drop(struct sk_stage *stage)
{
	if (stage->fd < 0)
		return;
	(void)sk_fs_remove_tree(stage->staging_fd, stage->name, NULL);
	sk_close(&stage->fd);
}

int sk_store_lock(const struct sk_store *store, struct sk_err *err)
{
	int fd = sk_fs_lock(store->dir_fd, "lock", LOCK_TIMEOUT_MS, err);

	return fd < 0 ? sk_err_wrap(err, fd, "lock the image store") : fd;
}

int sk_store_read(const struct sk_store *store, const char *name, struct sk_json **ret,
		  struct sk_err *err)
{
	sk_autofree char *file = sk_ref_file(name);
	int r;

	if (!file)
		return sk_err_oom(err);
	if (!sk_fs_exists(store->names_fd, file))
		return -ENOENT;
	r = sk_json_load(store->names_fd, file, ret, err);
	return r < 0 ? sk_err_wrap(err, r, "read the record of image '%s'", name) : 0;
}

int sk_store_write(const struct sk_store *store, const char *name,
		   const struct sk_json *record, struct sk_err *err)
{
	sk_autofree char *file = sk_ref_file(name);
	sk_autofree char *text = sk_json_print(record, true);

	if (!file || !text)
		return sk_err_oom(err);
	return sk_fs_replace(store->names_fd, file, text, strlen(text), 0600, err);
}

int sk_store_names(const struct sk_store *store, char ***ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **files = NULL, **names = NULL;
	int r = sk_fs_list(store->names_fd, ".", &files);

	if (r < 0)
		return sk_err_code(err, r, "list the image store");
	for (char **f = files; f && *f; f++) {
		char *name = sk_ref_from_file(*f);

		if (name && sk_strv_take(&names, name) < 0)
			return sk_err_oom(err);
	}
	*ret = sk_steal(&names);
	return 0;
}

int sk_store_forget(const struct sk_store *store, const char *name, struct sk_err *err)
{
	sk_autofree char *file = sk_ref_file(name);

	if (!file)
		return sk_err_oom(err);
	if (unlinkat(store->names_fd, file, 0) < 0)
		return sk_err_errno(err, "remove the record of image '%s'", name);
	if (fsync(store->names_fd) < 0)
		return sk_err_errno(err, "bring the list of images to disk");
	return 0;
}

int sk_store_retire_layer(const struct sk_store *store, const char *id,
			  struct sk_err *err)
{
	char name[32];
	int r = random_name(name);

	if (r < 0)
		return sk_err_code(err, r, "find a name for an old layer");
	if (renameat2(store->layers_fd, id, store->staging_fd, name, RENAME_NOREPLACE) <
	    0)
		return errno == ENOENT ? 0 : sk_err_errno(err, "take out layer '%s'", id);
	if (fsync(store->layers_fd) < 0)
		return sk_err_errno(err, "bring the list of layers to disk");
	return 0;
}
