/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_write - the entries of an archive become files, folders, links and devices */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "images/unpack_internal.h"
#include "lib/fs.h"
#include "lib/str.h"

static bool is_whiteout_node(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Removes what has the name already; 1 when that was a whiteout, else 0. */
static int remove_leaf(const struct sk_unpack_item *item, struct sk_err *err)
{
	struct stat st;
	int r;

	if (fstatat(item->parent_fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : sk_err_errno(err, "examine '%s'", item->name);
	if (S_ISDIR(st.st_mode)) {
		r = sk_fs_remove_tree(item->parent_fd, item->name, err);
		if (r < 0)
			return r;
	} else if (unlinkat(item->parent_fd, item->name, 0) < 0) {
		return sk_err_errno(err, "replace '%s'", item->name);
	}
	return is_whiteout_node(&st) ? 1 : 0;
}

/* For what has no descriptor of its own: links and devices. */
static int set_meta_at(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		       struct sk_err *err)
{
	struct timespec times[2] = {item->mtime, item->mtime};

	if (!unpack->opts->rootless && fchownat(item->parent_fd, item->name, item->uid,
						item->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "set its owner");
	if (utimensat(item->parent_fd, item->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "set its time");
	return 0;
}

static int write_file(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		      struct sk_err *err)
{
	struct timespec times[2] = {item->mtime, item->mtime};
	sk_autoclose int fd =
		openat(item->parent_fd, item->name,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return sk_err_errno(err, "create the file");
	r = sk_unpack_content(unpack, item, fd, err);
	if (r < 0)
		return r;
	if (!unpack->opts->rootless && fchown(fd, item->uid, item->gid) < 0)
		return sk_err_errno(err, "set its owner");
	r = sk_unpack_xattrs(unpack, item, fd, err);
	if (r < 0)
		return r;
	if (fchmod(fd, item->mode) < 0 || futimens(fd, times) < 0)
		return sk_err_errno(err, "set its mode and time");
	return 0;
}

static int remember_dir(struct sk_unpack *unpack, const struct sk_unpack_item *item,
			struct sk_err *err)
{
	struct sk_unpack_dir *dir;

	if (unpack->nr_dirs == unpack->size_dirs) {
		size_t size = unpack->size_dirs ? 2 * unpack->size_dirs : 64;

		dir = reallocarray(unpack->dirs, size, sizeof(*dir));
		if (!dir)
			return sk_err_oom(err);
		unpack->dirs = dir;
		unpack->size_dirs = size;
	}
	dir = &unpack->dirs[unpack->nr_dirs];
	dir->path = strdup(item->path);
	if (!dir->path)
		return sk_err_oom(err);
	dir->index = unpack->nr_dirs;
	dir->mode = item->mode;
	dir->mtime = item->mtime;
	unpack->nr_dirs++;
	return 0;
}

/* Opens the folder of this name; what else has the name gives way to a new one. */
static int open_or_make_dir(struct sk_unpack *unpack, const struct sk_unpack_item *item,
			    struct sk_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	sk_autoclose int fd =
		openat(item->parent_fd, item->name ? item->name : ".", flags);
	bool was_hidden;
	int r;

	if (fd >= 0)
		return sk_steal_fd(&fd);
	if (!item->name || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP))
		return sk_err_errno(err, "open the folder");
	r = remove_leaf(item, err);
	if (r < 0)
		return r;
	was_hidden = r == 1;
	if (mkdirat(item->parent_fd, item->name, 0700) < 0)
		return sk_err_errno(err, "create the folder");
	fd = openat(item->parent_fd, item->name, flags);
	if (fd < 0)
		return sk_err_errno(err, "open the folder");
	if (was_hidden) {
		r = sk_unpack_mark_opaque(unpack, fd, err);
		if (r < 0)
			return r;
	}
	return sk_steal_fd(&fd);
}

static int write_dir(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		     struct sk_err *err)
{
	sk_autoclose int fd = open_or_make_dir(unpack, item, err);
	int r;

	if (fd < 0)
		return fd;
	if (!unpack->opts->rootless && fchown(fd, item->uid, item->gid) < 0)
		return sk_err_errno(err, "set its owner");
	r = sk_unpack_xattrs(unpack, item, fd, err);
	return r < 0 ? r : remember_dir(unpack, item, err);
}

static int write_symlink(struct sk_unpack *unpack, const struct sk_unpack_item *item,
			 struct sk_err *err)
{
	const char *target = archive_entry_symlink(item->entry);

	if (!target || !target[0] || strlen(target) > SK_UNPACK_MAX_PATH)
		return sk_err_set(err, EINVAL,
				  "it is a link to an empty or overlong name");
	if (symlinkat(target, item->parent_fd, item->name) < 0)
		return sk_err_errno(err, "create the link");
	return set_meta_at(unpack, item, err);
}

/* The other name of a hard link: looked up as names are, its last part not followed. */
static int open_target(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		       char **ret_path, struct stat *ret, struct sk_err *err)
{
	const char *given = archive_entry_hardlink(item->entry), *slash;
	sk_autofree char *path = NULL, *above = NULL;
	sk_autoclose int fd = -1;
	int r;

	r = sk_unpack_clean_path(given ? given : "", &path, err);
	if (r < 0)
		return sk_err_wrap(err, r, "the file that it links to");
	slash = strrchr(path, '/');
	above = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!above)
		return sk_err_oom(err);
	fd = sk_unpack_open_folder(unpack->layer_fd, above);
	if (fd < 0 || !path[0] ||
	    fstatat(fd, slash ? slash + 1 : path, ret, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_set(err, EINVAL,
				  "it is a hard link to '%.200s', which is not there",
				  path);
	if (S_ISDIR(ret->st_mode) || is_whiteout_node(ret))
		return sk_err_set(err, EINVAL,
				  "it is a hard link to '%.200s', which is no file",
				  path);
	*ret_path = sk_steal(&path);
	return sk_steal_fd(&fd);
}

static int write_hardlink(struct sk_unpack *unpack, const struct sk_unpack_item *item,
			  struct sk_err *err)
{
	sk_autofree char *path = NULL;
	struct stat target, here;
	sk_autoclose int fd = open_target(unpack, item, &path, &target, err);
	const char *slash;
	int r;

	if (fd < 0)
		return fd;
	if (fstatat(item->parent_fd, item->name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
	    here.st_dev == target.st_dev && here.st_ino == target.st_ino) {
		if (strcmp(path, item->path) == 0 || here.st_nlink == 1)
			return sk_err_set(err, EINVAL, "it is a hard link to itself");
		return 0;
	}
	r = remove_leaf(item, err);
	if (r < 0)
		return r;
	slash = strrchr(path, '/');
	if (linkat(fd, slash ? slash + 1 : path, item->parent_fd, item->name, 0) < 0)
		return sk_err_errno(err, "link it to '%.200s'", path);
	return 0;
}

static int write_node(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		      mode_t type, struct sk_err *err)
{
	dev_t device = 0;

	if (type != S_IFIFO) {
		dev_t major = archive_entry_rdevmajor(item->entry);
		dev_t minor = archive_entry_rdevminor(item->entry);

		/* so wide numbers that the kernel would cut them, perhaps to 0:0 */
		if (major > 0xfff || minor > 0xfffff)
			return sk_err_set(err, EINVAL,
					  "its device number is out of range");
		if (type == S_IFCHR && major == 0 && minor == 0)
			return sk_err_set(err, EINVAL,
					  "it is device 0:0, which hides files");
		device = makedev((unsigned int)major, (unsigned int)minor);
	}
	if (mknodat(item->parent_fd, item->name, type | 0600, device) < 0)
		return sk_err_errno(err, "create the device");
	if (fchmodat(item->parent_fd, item->name, item->mode, 0) < 0)
		return sk_err_errno(err, "set its mode");
	return set_meta_at(unpack, item, err);
}

static int write_new(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		     mode_t type, struct sk_err *err)
{
	int r = remove_leaf(item, err);

	if (r < 0)
		return r;
	if (type == S_IFREG)
		return write_file(unpack, item, err);
	if (type == S_IFLNK)
		return write_symlink(unpack, item, err);
	return write_node(unpack, item, type, err);
}

int sk_unpack_write(struct sk_unpack *unpack, const struct sk_unpack_item *item,
		    struct sk_err *err)
{
	mode_t type = archive_entry_filetype(item->entry);
	bool is_device = type == S_IFCHR || type == S_IFBLK;
	bool is_hardlink = archive_entry_hardlink(item->entry) != NULL;
	int r;

	if (!item->name && (type != S_IFDIR || is_hardlink))
		return sk_err_set(err, EINVAL, "the root of the archive is no folder");
	if (type == S_IFSOCK || (is_device && unpack->opts->rootless)) {
		unpack->result->skipped++;
		return 0;
	}
	if (is_hardlink)
		r = write_hardlink(unpack, item, err);
	else if (type == S_IFDIR)
		r = write_dir(unpack, item, err);
	else if (type == S_IFREG || type == S_IFLNK || type == S_IFIFO || is_device)
		r = write_new(unpack, item, type, err);
	else
		return sk_err_set(err, EINVAL, "it is of an unknown type");
	unpack->result->entries += r == 0;
	return r;
}
