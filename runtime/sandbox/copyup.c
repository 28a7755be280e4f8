// SPDX-License-Identifier: Apache-2.0
/* copyup - "tmpcopyup": a new tmpfs starts with what its target holds
 *
 * What is copied is the container's, and may change meanwhile: every file is opened below the
 * descriptor of its folder, and no link is followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/sandbox/mount.h"

#define MAX_DEPTH 128
#define CHUNK	  (1u << 20)

static int copy_folder(int from, int to, unsigned int depth, struct sk_err *err);

static int copy_content(int from, int to, const char *name, struct sk_err *err)
{
	sk_autoclose int in =
		openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	sk_autoclose int out = -1;
	ssize_t n;

	if (in < 0)
		return sk_err_errno(err, "open '%s'", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0600);
	if (out < 0)
		return sk_err_errno(err, "make '%s'", name);
	do {
		n = sendfile(out, in, NULL, CHUNK);
	} while (n > 0);
	return n < 0 ? sk_err_errno(err, "copy '%s'", name) : 0;
}

static int copy_link(int from, int to, const char *name, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	int r = sk_fs_readlink(from, name, &text);

	if (r < 0)
		return sk_err_code(err, r, "read link '%s'", name);
	return symlinkat(text, to, name) < 0 ? sk_err_errno(err, "make link '%s'", name)
					     : 0;
}

static int copy_subfolder(int from, int to, const char *name, unsigned int depth,
			  struct sk_err *err)
{
	sk_autoclose int in =
		openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	sk_autoclose int out = -1;

	if (in < 0)
		return sk_err_errno(err, "open folder '%s'", name);
	if (depth == MAX_DEPTH)
		return sk_err_set(err, ELOOP, "folders are deeper than %d", MAX_DEPTH);
	if (mkdirat(to, name, 0700) < 0)
		return sk_err_errno(err, "make folder '%s'", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return sk_err_errno(err, "open folder '%s'", name);
	return copy_folder(in, out, depth + 1, err);
}

/* Owner first: a change of it takes set-user-id bits away. */
static int copy_inode(const struct stat *st, int to, const char *name, struct sk_err *err)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "set the owner of '%s'", name);
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return sk_err_errno(err, "set the mode of '%s'", name);
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "set the times of '%s'", name);
	return 0;
}

static int copy_one(int from, int to, const char *name, unsigned int depth,
		    struct sk_err *err)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "look at '%s'", name);
	if (S_ISDIR(st.st_mode))
		r = copy_subfolder(from, to, name, depth, err);
	else if (S_ISREG(st.st_mode))
		r = copy_content(from, to, name, err);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name, err);
	else
		r = mknodat(to, name, st.st_mode & S_IFMT, st.st_rdev) < 0
			    ? sk_err_errno(err, "make node '%s'", name)
			    : 0;
	return r < 0 ? r : copy_inode(&st, to, name, err);
}

static int copy_folder(int from, int to, unsigned int depth, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_fs_list(from, ".", &names);

	if (r < 0)
		return sk_err_code(err, r, "list a folder");
	for (char **name = names; r == 0 && *name; name++)
		r = copy_one(from, to, *name, depth, err);
	return r;
}

int sk_mount_copy_up(int from, int to, struct sk_err *err)
{
	sk_autoclose int folder = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (folder < 0 || fstat(folder, &st) < 0)
		return sk_err_errno(err, "open the folder to be copied");
	r = copy_folder(folder, to, 0, err);
	if (r < 0)
		return sk_err_wrap(err, r, "tmpcopyup");
	return copy_inode(&st, to, ".", err);
}
