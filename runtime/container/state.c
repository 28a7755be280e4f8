// SPDX-License-Identifier: Apache-2.0
/* state - the record of a container */
#include "runtime/container/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/container/names.h"

#define RECORDS	      "containers"
#define RECORDS_LOCK  "containers.lock"
#define LOCK_WAIT_MS  5000
#define DYING_WAIT_MS 2000
#define NAME_TRIES    64
#define DOCUMENT      "state.json"

void sk_state_free(struct sk_state *state)
{
	if (!state)
		return;
	sk_close(&state->parent_fd);
	sk_close(&state->dir_fd);
	sk_close(&state->lock_fd);
	free(state->id);
	free(state->path);
	sk_json_free(state->doc);
	free(state);
}

static int state_new(const struct sk_home *home, const char *id, struct sk_state **ret,
		     struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = calloc(1, sizeof(*state));

	if (!state)
		return sk_err_oom(err);
	state->parent_fd = state->dir_fd = state->lock_fd = -1;
	state->id = strdup(id);
	state->path = sk_strf("%s/" RECORDS "/%s", home->root, id);
	state->doc = sk_json_new_object();
	if (!state->id || !state->path || !state->doc)
		return sk_err_oom(err);
	state->parent_fd = openat(home->root_fd, RECORDS,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state->parent_fd < 0)
		state->parent_fd = sk_fs_open_dir(home->root_fd, RECORDS, 0700, err);
	if (state->parent_fd < 0)
		return state->parent_fd;
	*ret = sk_steal(&state);
	return 0;
}

static int open_folder(struct sk_state *state, struct sk_err *err)
{
	state->dir_fd = sk_fs_open_beneath(state->parent_fd, state->id,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (state->dir_fd < 0)
		return sk_err_code(err, state->dir_fd,
				   "open the record of container '%s'", state->id);
	return 0;
}

int sk_state_claim(const struct sk_home *home, const char *id, struct sk_state **ret,
		   struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_names_check_id(id, err);

	if (r < 0)
		return r;
	r = state_new(home, id, &state, err);
	if (r < 0)
		return r;
	if (mkdirat(state->parent_fd, id, 0700) < 0) {
		if (errno != EEXIST)
			return sk_err_errno(err, "make the record of container '%s'", id);
		return sk_err_set(err, EEXIST,
				  "the name '%s' is taken by another container", id);
	}
	state->lock_fd = sk_fs_lock_dir(state->parent_fd, id, LOCK_WAIT_MS, err);
	r = state->lock_fd < 0 ? state->lock_fd : open_folder(state, err);
	if (r < 0) {
		if (r != -ENOENT) /* otherwise it was deleted, and may be another's now */
			(void)unlinkat(state->parent_fd, id, AT_REMOVEDIR);
		return r;
	}
	sk_json_set_str(state->doc, "id", id);
	sk_json_set_str(state->doc, "status", "creating");
	*ret = sk_steal(&state);
	return 0;
}

static int make_unnamed(const struct sk_home *home, struct sk_state **ret,
			struct sk_err *err)
{
	uint64_t number = sk_clock_real() / 1000;
	struct sk_err why = SK_ERR_INIT;
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST && i < NAME_TRIES; i++) {
		sk_autofree char *name = NULL;

		number = number * 6364136223846793005ull + 1442695040888963407ull;
		name = sk_names_make((number >> 20) % (i < 16 ? 2304 : UINT32_MAX));
		if (!name)
			return sk_err_oom(err);
		r = sk_state_claim(home, name, ret, &why);
	}
	/* a name that was taken is no failure: the next one was free */
	if (r < 0 && err)
		*err = why;
	return r;
}

int sk_state_create(const struct sk_home *home, const char *name, struct sk_state **ret,
		    struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_autoclose int guard = -1;
	int r;

	guard = sk_fs_lock(home->root_fd, RECORDS_LOCK, LOCK_WAIT_MS, err);
	if (guard < 0)
		return guard;
	r = name ? sk_state_claim(home, name, &state, err)
		 : make_unnamed(home, &state, err);
	if (r == -EEXIST)
		return sk_err_hint(err, r,
				   "choose another --name, or remove it: skiff rm %s",
				   name);
	if (r < 0)
		return r;
	/* before the guard is gone: a record without state.json is taken for a ruin */
	r = sk_state_save(state, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&state);
	return 0;
}

static int not_found(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_err_set(err, ENOENT, "there is no container '%s'", name);

	if (sk_state_names(home, &names, NULL) == 0)
		(void)sk_str_hint_nearest(err, r, name, names);
	return sk_err_hint(err, r, "'skiff ps -a' lists all");
}

/* -ENOENT when the record was removed. */
static int reload(struct sk_state *state, struct sk_err *err)
{
	struct sk_json *doc = NULL;
	int r = sk_json_load(state->dir_fd, DOCUMENT, &doc, err);

	if (r < 0)
		return r;
	sk_json_free(state->doc);
	state->doc = doc;
	/* those of skiff-oci end with the machine */
	state->is_durable =
		!sk_json_bool(sk_json_get(doc, "rm"), false) &&
		strcmp(sk_json_str(sk_json_get(doc, "owner"), ""), "oci") != 0;
	return 0;
}

/* What there is of it; a record without a document is the ruin of a killed process. */
static int read_document(struct sk_state *state, struct sk_err *err)
{
	int r = reload(state, err);

	if (r != -ENOENT && r != -EINVAL && r != -EFBIG)
		return r;
	sk_json_free(state->doc);
	state->doc = sk_json_new_object();
	sk_json_set_str(state->doc, "status", "ruin");
	return sk_err_set(err, EBADMSG, "the record of container '%s' is damaged",
			  state->id);
}

int sk_state_open(const struct sk_home *home, const char *name, struct sk_state **ret,
		  struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_names_check_id(name, err);

	if (r < 0)
		return r;
	r = state_new(home, name, &state, err);
	if (r < 0)
		return r;
	r = open_folder(state, err);
	if (r == 0)
		r = reload(state, err);
	if (r == -ENOENT)
		return not_found(home, name, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&state);
	return 0;
}

int sk_state_find(const struct sk_home *home, const char *id, struct sk_state **ret,
		  struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_names_check_id(id, err);

	if (r < 0)
		return r;
	r = state_new(home, id, &state, err);
	if (r == 0)
		r = open_folder(state, err);
	if (r < 0)
		return r;
	r = read_document(state, err);
	*ret = sk_steal(&state);
	return r;
}

int sk_state_adopt(const struct sk_home *home, const char *id, int lock_fd,
		   struct sk_state **ret, struct sk_err *err)
{
	int r = sk_state_open(home, id, ret, err);

	if (r < 0)
		return r;
	(*ret)->lock_fd = lock_fd;
	return 0;
}

/* Nobody else writes while the lock is held, so the temporary file can have one name: four
 * system calls, where sk_fs_replace_volatile() needs nine. */
static int replace_document(struct sk_state *state, const char *text, struct sk_err *err)
{
	sk_autoclose int fd =
		openat(state->dir_fd, DOCUMENT ".new",
		       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : sk_fs_write_all(fd, text, strlen(text));

	if (r == 0 &&
	    renameat(state->dir_fd, DOCUMENT ".new", state->dir_fd, DOCUMENT) < 0)
		r = -errno;
	if (r < 0)
		return sk_err_code(err, r, "write the record of container '%s'",
				   state->id);
	return 0;
}

int sk_state_save(struct sk_state *state, struct sk_err *err)
{
	sk_autofree char *text = sk_json_print(state->doc, state->is_durable);

	if (!text)
		return sk_err_oom(err);
	if (state->is_durable)
		return sk_fs_replace(state->dir_fd, DOCUMENT, text, strlen(text), 0600,
				     err);
	return replace_document(state, text, err);
}

/* The name may be another container's by now: an open folder keeps its number. */
static int check_ours(const struct sk_state *state, int fd, struct sk_err *err)
{
	struct stat own, locked;

	if (fstat(state->dir_fd, &own) < 0 || fstat(fd, &locked) < 0)
		return sk_err_errno(err, "look at the record of container '%s'",
				    state->id);
	if (own.st_ino == locked.st_ino && own.st_dev == locked.st_dev)
		return 0;
	return sk_err_set(err, ENOENT, "container '%s' was deleted", state->id);
}

int sk_state_lock(struct sk_state *state, unsigned int timeout_ms, struct sk_err *err)
{
	sk_autoclose int fd =
		sk_fs_lock_dir(state->parent_fd, state->id, timeout_ms, err);
	int r = fd < 0 ? fd : check_ours(state, fd, err);

	if (r < 0)
		return r;
	state->lock_fd = sk_steal_fd(&fd);
	return read_document(state, err);
}

void sk_state_unlock(struct sk_state *state)
{
	if (state->lock_fd >= 0)
		(void)flock(state->lock_fd, LOCK_UN);
	sk_close(&state->lock_fd);
}

bool sk_state_is_owned(const struct sk_state *state)
{
	return sk_fs_is_locked(state->parent_fd, state->id);
}

const char *sk_state_status(const struct sk_state *state)
{
	return sk_json_str(sk_json_get(state->doc, "status"), "unknown");
}

int sk_state_erase(struct sk_state *state, struct sk_err *err)
{
	int r = sk_fs_remove_tree(state->parent_fd, state->id, err);

	return r == -ENOENT ? 0 : r;
}

int sk_state_names(const struct sk_home *home, char ***ret, struct sk_err *err)
{
	int r = sk_fs_list(home->root_fd, RECORDS, ret);

	if (r == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	return r < 0 ? sk_err_code(err, r, "list the containers in '%s'", home->root) : 0;
}

static bool is_owner_dead(const struct sk_state *state)
{
	pid_t pid = (pid_t)sk_json_int(sk_json_get(state->doc, "owner_pid"), 0);
	int64_t start = sk_json_int(sk_json_get(state->doc, "owner_start_time"), 0);

	return pid > 0 && !sk_proc_is(pid, (unsigned long long)start);
}

/*
 * A child that has not yet executed its command shares the lock of its parent, and dies with
 * it a moment later: that moment is waited for when the owner that the record names is dead.
 */
static int lock_orphan(struct sk_state *state)
{
	int r = sk_fs_lock_dir(state->parent_fd, state->id, 0, NULL);

	if (r != -EWOULDBLOCK || reload(state, NULL) < 0 || !is_owner_dead(state))
		return r;
	return sk_fs_lock_dir(state->parent_fd, state->id, DYING_WAIT_MS, NULL);
}

/*
 * A look without any lock, so that commands do not queue up: false only for a record that
 * is in order. A half-made one is a suspect too.
 */
static bool is_suspect(const struct sk_home *home, const char *id)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;

	if (state_new(home, id, &state, NULL) < 0 || open_folder(state, NULL) < 0)
		return false;
	if (reload(state, NULL) < 0)
		return true;
	if (strcmp(sk_state_status(state), "exited") == 0)
		return false;
	return !sk_state_is_owned(state) || is_owner_dead(state);
}

/* Called with the lock of all records held, so that no record is half made. */
static int judge(const struct sk_home *home, const char *id, struct sk_state **ret)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = state_new(home, id, &state, NULL);

	if (r == 0)
		r = open_folder(state, NULL);
	if (r < 0)
		return r;
	state->lock_fd = lock_orphan(state);
	if (state->lock_fd < 0)
		return state->lock_fd;
	r = reload(state, NULL);
	if (r == 0 && strcmp(sk_state_status(state), "exited") == 0)
		return 0;
	if (r < 0)
		sk_json_set_str(state->doc, "status", "ruin");
	*ret = sk_steal(&state);
	return 0;
}

int sk_state_orphans(const struct sk_home *home, struct sk_state ***ret, size_t *ret_len,
		     struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autoclose int guard = -1;
	struct sk_state **list;
	size_t len = 0;
	int r = sk_state_names(home, &names, err);

	if (r < 0)
		return r;
	list = calloc(sk_strv_len(names) + 1, sizeof(*list));
	if (!list)
		return sk_err_oom(err);
	for (char **name = names; name && *name; name++) {
		struct sk_state *state = NULL;

		if (!is_suspect(home, *name))
			continue;
		if (guard < 0)
			guard = sk_fs_lock(home->root_fd, RECORDS_LOCK, LOCK_WAIT_MS,
					   err);
		if (guard < 0) {
			while (len > 0)
				sk_state_free(list[--len]);
			free(list);
			return guard;
		}
		if (judge(home, *name, &state) == 0 && state)
			list[len++] = state;
	}
	*ret = list;
	*ret_len = len;
	return 0;
}
