// SPDX-License-Identifier: Apache-2.0
/* target - mount points inside a hostile root, by descriptor only */
#include "runtime/sandbox/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

#define MAX_LINKS      40
#define MAX_OPEN_TRIES 32

static int resolve(int dirfd, const char *path, int flags, uint64_t how_to)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_PATH | O_CLOEXEC),
			       .resolve = how_to | RESOLVE_NO_MAGICLINKS};
	int fd;

	/* the kernel asks to try again when a rename raced with the resolution of ".." */
	for (int i = 0; i < MAX_OPEN_TRIES; i++) {
		fd = sk_sys_openat2(dirfd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : fd;
}

int sk_target_find(int root_fd, const char *path, unsigned int flags)
{
	return resolve(root_fd, path,
		       (flags & SK_TARGET_DIR ? O_DIRECTORY : 0) |
			       (flags & SK_TARGET_NOFOLLOW ? O_NOFOLLOW : 0),
		       RESOLVE_IN_ROOT |
			       (flags & SK_TARGET_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0));
}

/* struct walk - On the way along a path of which parts are missing */
struct walk {
	int root_fd, fd;       /* where it starts, where it is; fd is owned */
	struct sk_str at;      /* path of fd below the root, without links */
	struct sk_str rest;    /* what is to be walked */
	size_t next;	       /* in rest */
	unsigned int nr_links; /* followed so far */
};

static void walk_finish(struct walk *w)
{
	sk_close(&w->fd);
	sk_str_finish(&w->at);
	sk_str_finish(&w->rest);
}
SK_DEFINE_AUTO_FINISH(struct walk, walk_finish)

static int walk_up(struct walk *w)
{
	char *slash = w->at.ptr ? strrchr(w->at.ptr, '/') : NULL;

	if (!slash)
		return 0;
	*slash = '\0';
	w->at.len = (size_t)(slash - w->at.ptr);
	sk_close(&w->fd);
	w->fd = resolve(w->root_fd, w->at.len ? w->at.ptr : ".", O_DIRECTORY,
			RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	return w->fd < 0 ? w->fd : 0;
}

/* A link's text takes the place of its name in the rest of the way. */
static int walk_link(struct walk *w, int link)
{
	sk_autofree char *text = NULL;
	struct sk_str rest = SK_STR_INIT;
	int r = sk_fs_readlink(link, "", &text);

	if (r < 0)
		return r;
	if (++w->nr_links > MAX_LINKS)
		return -ELOOP;
	sk_str_addf(&rest, "%s/%s", text, w->rest.ptr + w->next);
	sk_str_finish(&w->rest);
	w->rest = rest;
	w->next = 0;
	if (rest.failed)
		return -ENOMEM;
	if (text[0] != '/')
		return 0;
	sk_str_clear(&w->at);
	sk_close(&w->fd);
	w->fd = resolve(w->root_fd, ".", O_DIRECTORY, RESOLVE_IN_ROOT);
	return w->fd < 0 ? w->fd : 0;
}

static int make_part(int dirfd, const char *name, bool is_dir)
{
	int r = is_dir ? mkdirat(dirfd, name, 0755)
		       : mknodat(dirfd, name, S_IFREG | 0644, 0);

	if (r < 0 && errno != EEXIST)
		return -errno;
	return resolve(dirfd, name, O_NOFOLLOW, RESOLVE_BENEATH);
}

static int walk_into(struct walk *w, const char *name, bool is_last, unsigned int flags)
{
	sk_autoclose int fd = resolve(w->fd, name, O_NOFOLLOW, RESOLVE_BENEATH);
	struct stat st;

	if (fd == -ENOENT)
		fd = make_part(w->fd, name, !is_last || (flags & SK_TARGET_DIR));
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && (flags & SK_TARGET_NO_LINKS))
		return -ELOOP;
	if (S_ISLNK(st.st_mode) && !(is_last && (flags & SK_TARGET_NOFOLLOW)))
		return walk_link(w, fd);
	sk_close(&w->fd);
	w->fd = sk_steal_fd(&fd);
	sk_str_addf(&w->at, "/%s", name);
	return w->at.failed ? -ENOMEM : 0;
}

static int walk_step(struct walk *w, unsigned int flags)
{
	char name[NAME_MAX + 1];
	const char *from = w->rest.ptr + w->next;
	size_t len = strcspn(from, "/");
	bool is_last;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, from, len);
	name[len] = '\0';
	w->next += len + strspn(from + len, "/");
	is_last = w->rest.ptr[w->next] == '\0';
	if (len == 0 || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return walk_up(w);
	return walk_into(w, name, is_last, flags);
}

/* The slow way, where something is missing. */
static int make_path(int root_fd, const char *path, unsigned int flags)
{
	sk_auto(walk_finish) struct walk w = {.root_fd = root_fd, .fd = -1};
	int r = 0;

	w.fd = resolve(root_fd, ".", O_DIRECTORY, RESOLVE_IN_ROOT);
	if (w.fd < 0)
		return w.fd;
	sk_str_add(&w.rest, path + strspn(path, "/"));
	if (w.rest.failed || !w.rest.ptr)
		return -ENOMEM;
	while (r == 0 && w.rest.ptr[w.next])
		r = walk_step(&w, flags);
	return r < 0 ? r : sk_steal_fd(&w.fd);
}

int sk_target_open(int root_fd, const char *path, unsigned int flags, struct sk_err *err)
{
	int fd = sk_target_find(root_fd, path, flags);

	if (fd == -ENOENT)
		fd = make_path(root_fd, path, flags);
	if (fd == -ELOOP && (flags & SK_TARGET_NO_LINKS))
		return sk_err_set(err, ELOOP,
				  "mount point '%s' must not be, or lie behind, a link",
				  path);
	if (fd < 0)
		return sk_err_code(err, fd, "open mount point '%s'", path);
	return fd;
}

int sk_target_attach(int mount_fd, int target_fd, const char *path, struct sk_err *err)
{
	if (sk_sys_move_mount(mount_fd, "", target_fd, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return sk_err_errno(err, "mount on '%s'", path);
	return 0;
}
