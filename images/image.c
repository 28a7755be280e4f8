/* SPDX-License-Identifier: Apache-2.0 */
/* image - find, list and remove images */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "images/builtin.h"
#include "images/images.h"
#include "images/ref.h"
#include "images/store.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/str.h"

static const char *const builtin_names[] = {"@busybox", "@host", NULL};

void sk_image_free(struct sk_image *image)
{
	if (!image)
		return;
	free(image->name);
	free(image->id);
	sk_strv_free(image->lowers);
	sk_strv_free(image->masks);
	sk_strv_free(image->volumes);
	sk_strv_free(image->env);
	sk_strv_free(image->command);
	free(image->workdir);
	free(image);
}

static int not_found(const struct sk_store *store, const char *ref, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_store_names(store, &names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; builtin_names[i]; i++)
		if (sk_strv_add(&names, builtin_names[i]) < 0)
			return sk_err_oom(err);
	r = sk_err_set(err, ENOENT, "there is no image '%s'", ref);
	(void)sk_str_hint_nearest(err, r, ref, names);
	return sk_err_hint(
		err, r,
		"import one: skiff import ROOTFS.tar %s; built in are @busybox and @host",
		ref[0] == '@' ? "NAME" : ref);
}

static int add_layers(const struct sk_store *store, const struct sk_json *record,
		      struct sk_image *image, struct sk_err *err)
{
	const struct sk_json *layers = sk_json_get(record, "layers");

	for (size_t i = 0; i < sk_json_len(layers); i++) {
		const char *id = sk_json_str(sk_json_at(layers, i), "");
		int r;

		if (!sk_store_is_layer_id(id))
			return sk_err_set(err, EINVAL, "its record names a layer '%s'",
					  id);
		if (!sk_fs_exists(store->layers_fd, id)) {
			r = sk_err_set(err, ENOENT, "layer '%s' is missing", id);
			return sk_err_hint(err, r, "import the image again");
		}
		if (sk_strv_take(&image->lowers, sk_store_layer_path(store, id)) < 0)
			return sk_err_oom(err);
	}
	if (!image->lowers)
		return sk_err_set(err, EINVAL, "its record names no layers");
	return 0;
}

static int fill_from_record(const struct sk_store *store, const struct sk_json *record,
			    struct sk_image *image, struct sk_err *err)
{
	const struct sk_json *config = sk_json_get(record, "config");
	const char *workdir = "/";
	int r = add_layers(store, record, image, err);

	if (r == 0)
		r = sk_json_read_strv(config, "config", "env", &image->env, err);
	if (r == 0)
		r = sk_json_read_strv(config, "config", "command", &image->command, err);
	if (r == 0)
		r = sk_json_read_str(config, "config", "workdir", &workdir, err);
	if (r < 0)
		return r;
	image->id = strdup(sk_json_str(sk_json_get(record, "id"), ""));
	image->workdir = strdup(workdir);
	return image->id && image->workdir ? 0 : sk_err_oom(err);
}

static int resolve_imported(const struct sk_store *store, const char *ref,
			    struct sk_image *image, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *record = NULL;
	sk_autofree char *name = NULL;
	int r = sk_ref_normalize(ref, &name, err);

	if (r < 0)
		return r;
	r = sk_store_read(store, name, &record, err);
	if (r == -ENOENT)
		return not_found(store, name, err);
	if (r < 0)
		return r;
	r = fill_from_record(store, record, image, err);
	return r < 0 ? sk_err_wrap(err, r, "image '%s'", name) : 0;
}

int sk_image_resolve(const struct sk_home *home, const char *ref, struct sk_image **ret,
		     struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	sk_auto(sk_image_free) struct sk_image *image = calloc(1, sizeof(*image));
	sk_autofree char *layers = NULL;
	int r;

	if (!image)
		return sk_err_oom(err);
	image->name = strdup(ref);
	if (!image->name)
		return sk_err_oom(err);
	r = sk_store_open(home, &store, err);
	if (r < 0)
		return r;
	if (strcmp(ref, "@host") == 0 && home->is_rootless)
		r = sk_builtin_host_rootless(&store, image, err);
	else if (strcmp(ref, "@host") == 0)
		r = sk_builtin_host(image, err);
	else if (strcmp(ref, "@busybox") == 0)
		r = sk_builtin_busybox(&store, image, err);
	else if (ref[0] == '@')
		r = not_found(&store, ref, err);
	else
		r = resolve_imported(&store, ref, image, err);
	if (r < 0)
		return r;
	layers = sk_strv_join(image->lowers, ":");
	sk_log_debug("image '%s': layers %s", ref, layers ? layers : "");
	*ret = sk_steal(&image);
	return 0;
}

static void list_builtin(const struct sk_store *store, struct sk_json *array)
{
	sk_autofree char *id = NULL, *program = NULL;
	struct sk_json *host = sk_json_add(array, sk_json_new_object()), *busybox;
	struct stat st;

	sk_json_set_str(host, "name", "@host");
	sk_json_set_str(host, "id", "host");
	sk_json_set_int(host, "layers", 1);
	sk_json_set(host, "size_bytes", NULL);
	sk_json_set(host, "created", NULL);
	sk_json_set_bool(host, "builtin", true);

	busybox = sk_json_add(array, sk_json_new_object());
	(void)sk_builtin_busybox_id(&id, NULL);
	sk_json_set_str(busybox, "name", "@busybox");
	sk_json_set_str(busybox, "id", id);
	sk_json_set_int(busybox, "layers", 1);
	program = id ? sk_strf("%s/bin/busybox", id) : NULL;
	if (program && fstatat(store->layers_fd, program, &st, AT_SYMLINK_NOFOLLOW) == 0)
		sk_json_set_int(busybox, "size_bytes", st.st_size);
	else
		sk_json_set(busybox, "size_bytes", NULL);
	sk_json_set(busybox, "created", NULL);
	sk_json_set_bool(busybox, "builtin", true);
}

static int list_one(const struct sk_store *store, const char *name, struct sk_json *array,
		    struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *record = NULL;
	struct sk_json *row;
	int r = sk_store_read(store, name, &record, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r; /* removed meanwhile */
	row = sk_json_add(array, sk_json_new_object());
	sk_json_set_str(row, "name", name);
	sk_json_set_str(row, "id", sk_json_str(sk_json_get(record, "id"), NULL));
	sk_json_set_uint(row, "layers", sk_json_len(sk_json_get(record, "layers")));
	sk_json_set_int(row, "size_bytes",
			sk_json_int(sk_json_get(record, "size_bytes"), 0));
	sk_json_set_str(row, "created",
			sk_json_str(sk_json_get(record, "created"), NULL));
	sk_json_set_bool(row, "builtin", false);
	return 0;
}

int sk_image_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	sk_auto(sk_strv_free) char **names = NULL;
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	int r = sk_store_open(home, &store, err);

	if (r == 0)
		r = sk_store_names(&store, &names, err);
	if (r < 0)
		return r;
	list_builtin(&store, array);
	for (char **n = names; n && *n; n++) {
		r = list_one(&store, *n, array, err);
		if (r < 0)
			return r;
	}
	*ret = sk_steal(&array);
	return 0;
}

static bool names_layer(const struct sk_json *record, const char *key, const char *id)
{
	const struct sk_json *list = sk_json_get(record, key);

	for (size_t i = 0; i < sk_json_len(list); i++)
		if (strcmp(sk_json_str(sk_json_at(list, i), ""), id) == 0)
			return true;
	return false;
}

/* An unreadable record may name any layer: then nothing is collected. */
static int is_layer_used(const struct sk_store *store, const char *id, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_store_names(store, &names, err);

	for (char **n = names; r >= 0 && n && *n; n++) {
		sk_auto(sk_json_free) struct sk_json *record = NULL;

		r = sk_store_read(store, *n, &record, err);
		if (r == 0 && (names_layer(record, "layers", id) ||
			       names_layer(record, "superseded", id)))
			return 1;
	}
	return r;
}

static int collect(const struct sk_store *store, const struct sk_json *record,
		   const char *key, struct sk_err *err)
{
	const struct sk_json *list = sk_json_get(record, key);

	for (size_t i = 0; i < sk_json_len(list); i++) {
		const char *id = sk_json_str(sk_json_at(list, i), "");
		int r;

		if (!sk_store_is_layer_id(id))
			continue;
		r = is_layer_used(store, id, err);
		if (r == 0)
			r = sk_store_retire_layer(store, id, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int sk_image_remove(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	sk_auto(sk_json_free) struct sk_json *record = NULL;
	sk_autofree char *normal = NULL;
	sk_autoclose int lock = -1;
	int r;

	if (name[0] == '@')
		return sk_err_set(err, EINVAL,
				  "image '%s' is built in and cannot be removed", name);
	r = sk_ref_normalize(name, &normal, err);
	if (r == 0)
		r = sk_store_open(home, &store, err);
	if (r < 0)
		return r;
	lock = sk_store_lock(&store, err);
	if (lock < 0)
		return lock;
	r = sk_store_read(&store, normal, &record, err);
	if (r == -ENOENT)
		return not_found(&store, normal, err);
	if (r == 0)
		r = sk_store_forget(&store, normal, err);
	if (r == 0)
		r = collect(&store, record, "layers", err);
	if (r == 0)
		r = collect(&store, record, "superseded", err);
	sk_close(&lock);
	sk_store_sweep(&store);
	return r < 0 ? sk_err_wrap(err, r, "remove image '%s'", normal) : 0;
}
