// SPDX-License-Identifier: Apache-2.0
/* state - folders, files and locks of slices; slice.h lists them */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

#define ADMISSION_TIMEOUT_MS 5000

void sk_slice_dir_free(struct sk_slice_dir *dir)
{
	if (!dir)
		return;
	sk_close(&dir->fd);
	sk_close(&dir->run_fd);
	sk_close(&dir->ns_fd);
	free(dir->name);
	free(dir->run_path);
	free(dir);
}

static int no_such_slice(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;

	(void)sk_err_set(err, ENOENT, "there is no slice '%s'", name);
	if (sk_slice_dir_names(home, &names, NULL) == 0)
		(void)sk_str_hint_nearest(err, -ENOENT, name, names);
	return sk_err_hint(err, -ENOENT, "'skiff slice ls' lists those that exist");
}

int sk_slice_dir_open(const struct sk_home *home, const char *name, bool create,
		      struct sk_slice_dir **ret, struct sk_err *err)
{
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_autofree char *path = NULL;
	int r = sk_parse_name("slice", name, err);

	if (r < 0)
		return r;
	path = sk_strf("slices/%s", name);
	dir = calloc(1, sizeof(*dir));
	if (!path || !dir)
		return sk_err_oom(err);
	dir->fd = dir->run_fd = dir->ns_fd = -1;
	if (!create && !sk_fs_exists(home->root_fd, path))
		return no_such_slice(home, name, err);
	dir->home = home;
	dir->name = strdup(name);
	dir->run_path = sk_strf("%s/%s", home->runroot, path);
	if (!dir->name || !dir->run_path)
		return sk_err_oom(err);
	dir->fd = sk_fs_open_dir(home->root_fd, path, 0700, err);
	if (dir->fd < 0)
		return dir->fd;
	dir->run_fd = sk_fs_open_dir(home->runroot_fd, path, 0700, err);
	if (dir->run_fd < 0)
		return dir->run_fd;
	dir->ns_fd = sk_fs_open_dir(dir->run_fd, "ns", 0700, err);
	if (dir->ns_fd < 0)
		return dir->ns_fd;
	*ret = sk_steal(&dir);
	return 0;
}

int sk_slice_dir_remove(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_autofree char *path = sk_strf("slices/%s", name);
	int r;

	if (!path)
		return sk_err_oom(err);
	r = sk_fs_remove_tree(home->runroot_fd, path, err);
	if (r == 0)
		r = sk_fs_remove_tree(home->root_fd, path, err);
	return r < 0 ? sk_err_wrap(err, r, "remove the state of slice '%s'", name) : 0;
}

int sk_slice_dir_names(const struct sk_home *home, char ***ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **all = NULL;
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_fs_list(home->root_fd, "slices", &all);

	if (r < 0 && r != -ENOENT)
		return sk_err_code(err, r, "list slices");
	for (size_t i = 0; all && all[i]; i++)
		if (sk_parse_name("slice", all[i], NULL) == 0 &&
		    sk_strv_add(&names, all[i]) < 0)
			return sk_err_oom(err);
	*ret = sk_steal(&names);
	return 0;
}

bool sk_slice_is_supervised(const struct sk_slice_dir *dir)
{
	return sk_fs_is_locked(dir->run_fd, "lock");
}

void sk_slice_want_finish(struct sk_slice_want *want)
{
	sk_slice_def_free(want->def);
	want->def = NULL;
}

int sk_slice_want_load(const struct sk_slice_dir *dir, struct sk_slice_want *ret,
		       struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	int r = sk_json_load(dir->fd, "want.json", &json, err);

	if (r < 0)
		return r;
	r = sk_slice_def_from_json(sk_json_get(json, "slice"), &ret->def, err);
	if (r < 0)
		return sk_err_wrap(err, r, "slice '%s': want.json", dir->name);
	ret->created_ns = (uint64_t)sk_json_int(sk_json_get(json, "created_ns"), 0);
	ret->expires_ns = (uint64_t)sk_json_int(sk_json_get(json, "expires_ns"), 0);
	ret->expires_boot_ns =
		(uint64_t)sk_json_int(sk_json_get(json, "expires_boot_ns"), 0);
	return 0;
}

static int save(int dirfd, const char *name, const struct sk_json *json, bool durable,
		struct sk_err *err)
{
	sk_autofree char *text = sk_json_print(json, true);

	if (!text)
		return sk_err_oom(err);
	return (durable ? sk_fs_replace : sk_fs_replace_volatile)(dirfd, name, text,
								  strlen(text), 0600,
								  err);
}

int sk_slice_want_save(const struct sk_slice_dir *dir, const struct sk_slice_want *want,
		       struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = sk_json_new_object();

	sk_json_set_uint(json, "created_ns", want->created_ns);
	sk_json_set_uint(json, "expires_ns", want->expires_ns);
	sk_json_set_uint(json, "expires_boot_ns", want->expires_boot_ns);
	sk_json_set(json, "slice", sk_slice_def_to_json(want->def));
	return save(dir->fd, "want.json", json, true, err);
}

uint64_t sk_slice_want_remaining(const struct sk_slice_want *want)
{
	uint64_t now = sk_clock_real();

	return want->expires_ns > now ? want->expires_ns - now : 0;
}

void sk_slice_want_expire(struct sk_slice_want *want, uint64_t lifetime_ns)
{
	want->expires_ns = sk_clock_real() + lifetime_ns;
	want->expires_boot_ns = sk_clock_boot() + lifetime_ns;
}

int sk_slice_state_load(const struct sk_slice_dir *dir, struct sk_json **ret,
			struct sk_err *err)
{
	struct sk_json *json = NULL;
	int r;

	if (!sk_fs_exists(dir->fd, "state.json")) {
		*ret = sk_json_new_object();
		return *ret ? 0 : sk_err_oom(err);
	}
	r = sk_json_load(dir->fd, "state.json", &json, err);
	if (r == 0)
		*ret = json;
	return r;
}

int sk_slice_state_save(const struct sk_slice_dir *dir, const struct sk_json *state,
			struct sk_err *err)
{
	return save(dir->fd, "state.json", state, false, err);
}

/* The file may have been deleted by the one who held the lock before: then it is no lock. */
static bool is_deleted(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || st.st_nlink == 0;
}

int sk_slice_lock(const struct sk_home *home, const char *name, unsigned int timeout_ms,
		  struct sk_err *err)
{
	sk_autofree char *path = sk_strf("slices/.locks/%s", name);
	int r = sk_parse_name("slice", name, err);

	if (r < 0)
		return r;
	if (!path)
		return sk_err_oom(err);
	for (;;) {
		sk_autoclose int fd = -1;

		r = sk_fs_mkdirs(home->runroot_fd, "slices/.locks", 0700, err);
		if (r < 0)
			return r;
		fd = sk_fs_lock(home->runroot_fd, path, timeout_ms, err);
		if (fd < 0)
			return sk_err_wrap(err, fd, "slice '%s' is being changed", name);
		if (!is_deleted(fd))
			return sk_steal_fd(&fd);
	}
}

void sk_slice_lock_forget(const struct sk_home *home, const char *name)
{
	sk_autofree char *path = sk_strf("slices/.locks/%s", name);

	if (path)
		(void)unlinkat(home->runroot_fd, path, 0);
}

int sk_slice_lock_admission(const struct sk_home *home, struct sk_err *err)
{
	int r = sk_fs_mkdirs(home->runroot_fd, "slices", 0700, err);

	if (r < 0)
		return r;
	return sk_fs_lock(home->runroot_fd, "slices/.admission", ADMISSION_TIMEOUT_MS,
			  err);
}

char *sk_slice_cgroup_path(const struct sk_slice_dir *dir, const char *node)
{
	const char *group = dir->home->group;

	return node ? sk_strf("%s/@%s/%s", group, dir->name, node)
		    : sk_strf("%s/@%s", group, dir->name);
}

char *sk_slice_container_name(const char *slice, const char *node)
{
	return sk_strf("%s.%s", slice, node);
}
