// SPDX-License-Identifier: Apache-2.0
/* fs_tree - remove whole trees that others may have filled, and may still be changing
 *
 * 1. Open the folder that holds the name; everything below is reached from there by
 *    openat2() of single names, which follows no link and enters no other mount.
 * 2. Walk depth first with a list of levels on the heap. Only the deepest MAX_OPEN levels
 *    have an open descriptor; the device and inode of those above are remembered.
 * 3. An empty folder is removed from its parent. A parent that was closed is opened again
 *    as "..", and must be the remembered inode: a folder that was moved away meanwhile
 *    does not lead out of the tree.
 * 4. The first failure ends the walk; what was removed stays removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sys.h"

#define MAX_OPEN 16

/* Passes over a folder that somebody else keeps filling. */
#define MAX_PASSES 100

/* struct level - A folder between the top and the current one */
struct level {
	char *name; /* in the level above */
	DIR *dir;   /* NULL while it is closed */
	dev_t dev;
	ino_t ino;
	unsigned int passes;
	bool is_changed; /* an entry was removed since the last rewind */
};

/* struct walk - All levels from the top down; levels[0] is the folder that holds the tree */
struct walk {
	struct level *levels;
	size_t n, size;
};

static void finish_walk(struct walk *walk)
{
	for (size_t i = 0; i < walk->n; i++) {
		sk_closedir(walk->levels[i].dir);
		free(walk->levels[i].name);
	}
	free(walk->levels);
}
SK_DEFINE_AUTO_FINISH(struct walk, finish_walk)

static int open_folder(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = sk_sys_openat2(dirfd, name, &how);

	return fd < 0 ? -errno : fd;
}

/* Give ourselves the folder that its owner may not read; O_PATH needs no permission. */
static int unlock_folder(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	sk_autoclose int fd = sk_sys_openat2(dirfd, name, &how);
	char path[64];

	if (fd < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, 0700) < 0 ? -errno : 0;
}

static int open_for_removal(int dirfd, const char *name, struct stat *st)
{
	sk_autoclose int fd = open_folder(dirfd, name);

	if (fd == -EACCES && unlock_folder(dirfd, name) == 0)
		fd = open_folder(dirfd, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		return -errno;
	if ((st->st_mode & 0300) != 0300 && st->st_uid == geteuid())
		(void)fchmod(fd, 0700);
	return sk_steal_fd(&fd);
}

/* Append a level for the folder @fd, which is taken in any case. */
static int push(struct walk *walk, const char *name, int fd, const struct stat *st)
{
	sk_autoclose int folder = fd;
	struct level *level;

	if (walk->n == walk->size) {
		size_t size = walk->size ? walk->size * 2 : 32;
		struct level *grown = realloc(walk->levels, size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		walk->levels = grown;
		walk->size = size;
	}
	level = &walk->levels[walk->n];
	*level = (struct level){.dev = st->st_dev,
				.ino = st->st_ino,
				.name = strdup(name)};
	if (!level->name)
		return -ENOMEM;
	walk->n++;
	level->dir = fdopendir(folder);
	if (!level->dir)
		return -errno;
	(void)sk_steal_fd(&folder);
	if (walk->n > MAX_OPEN + 1) {
		sk_closedir(walk->levels[walk->n - 1 - MAX_OPEN].dir);
		walk->levels[walk->n - 1 - MAX_OPEN].dir = NULL;
	}
	return 0;
}

static int enter(struct walk *walk, int dirfd, const char *name)
{
	struct stat st;
	int fd = open_for_removal(dirfd, name, &st);

	return fd < 0 ? fd : push(walk, name, fd, &st);
}

/* Remove what is no folder, or enter what is one. Gone already is fine. */
static int remove_or_enter(struct walk *walk, const char *name, unsigned char type)
{
	struct level *level = &walk->levels[walk->n - 1];
	int r;

	if (type != DT_DIR) {
		if (unlinkat(dirfd(level->dir), name, 0) == 0 || errno == ENOENT) {
			level->is_changed = true;
			return 0;
		}
		if (errno != EISDIR)
			return -errno;
	}
	r = enter(walk, dirfd(level->dir), name);
	return r == -ENOENT ? 0 : r;
}

/* Open the closed level above the last one, and check that it is the one we came through. */
static int reopen_parent(struct walk *walk)
{
	struct level *level = &walk->levels[walk->n - 2];
	sk_autoclose int fd = -1;
	struct stat st;

	if (level->dir)
		return 0;
	fd = open_folder(dirfd(walk->levels[walk->n - 1].dir), "..");
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != level->dev || st.st_ino != level->ino)
		return -ESTALE;
	level->dir = fdopendir(fd);
	if (!level->dir)
		return -errno;
	(void)sk_steal_fd(&fd);
	return 0;
}

/* The last level has no entries left: remove it and return to its parent. */
static int leave(struct walk *walk)
{
	struct level *level = &walk->levels[walk->n - 1];
	struct level *parent = level - 1;
	int r;

	r = reopen_parent(walk);
	if (r < 0)
		return r;
	if (unlinkat(dirfd(parent->dir), level->name, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT) {
		if (errno != ENOTEMPTY || !level->is_changed ||
		    ++level->passes > MAX_PASSES)
			return -errno;
		level->is_changed = false;
		rewinddir(level->dir);
		return 0;
	}
	parent->is_changed = true;
	sk_closedir(level->dir);
	free(level->name);
	walk->n--;
	return 0;
}

static int step(struct walk *walk)
{
	DIR *dir = walk->levels[walk->n - 1].dir;
	const struct dirent *entry;

	errno = 0;
	entry = readdir(dir);
	if (!entry)
		return errno ? -errno : leave(walk);
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	return remove_or_enter(walk, entry->d_name, entry->d_type);
}

static int report(const struct walk *walk, int r, const char *name, struct sk_err *err)
{
	const struct level *level = &walk->levels[walk->n - 1];

	if (r == -EXDEV) {
		(void)sk_err_set(err, EXDEV,
				 "remove '%s': a file system is mounted in it", name);
		return sk_err_hint(err, r, "find it with 'findmnt' and unmount it first");
	}
	if (walk->n <= 2)
		return sk_err_code(err, r, "remove '%s'", name);
	return sk_err_code(err, r, "remove '%s': in folder '%s', %zu levels down", name,
			   level->name, walk->n - 2);
}

static int remove_folder(int parent, const char *last, const char *name,
			 struct sk_err *err)
{
	sk_auto(finish_walk) struct walk walk = {0};
	sk_autoclose int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return sk_err_errno(err, "remove '%s': open its folder", name);
	r = push(&walk, "", sk_steal_fd(&fd), &st);
	if (r < 0)
		return sk_err_code(err, r, "remove '%s'", name);
	r = remove_or_enter(&walk, last, DT_UNKNOWN);
	while (r == 0 && walk.n > 1)
		r = step(&walk);
	return r < 0 ? report(&walk, r, name, err) : 0;
}

/* The part of @name before its last name, heap: "." when there is none. */
static char *parent_of(const char *name, const char **ret_last)
{
	const char *slash = strrchr(name, '/');

	*ret_last = slash ? slash + 1 : name;
	if (!slash)
		return strdup(".");
	return slash == name ? strdup("/") : strndup(name, (size_t)(slash - name));
}

int sk_fs_remove_tree(int dirfd, const char *name, struct sk_err *err)
{
	const char *last;
	sk_autofree char *folder = parent_of(name, &last);
	sk_autoclose int parent = -1;

	if (!folder)
		return sk_err_oom(err);
	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return sk_err_set(err, EINVAL, "remove '%s': it does not end in a name",
				  name);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	parent = openat(dirfd, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return sk_err_errno(err, "remove '%s': open its folder", name);
	return remove_folder(parent, last, name, err);
}
