/* SPDX-License-Identifier: Apache-2.0 */
/* fs - files and folders: opened beneath a descriptor, replaced in one step, locked */
#ifndef SK_FS_H
#define SK_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/*
 * Functions that take an error record it; those without return the bare negative errno.
 * A dirfd may be AT_FDCWD. Every descriptor that is returned is O_CLOEXEC.
 */

/** sk_fs_open_beneath() - openat2() that stays beneath @dirfd: no "..", no absolute links, no magic links */
int sk_fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);
/** sk_fs_open_in_root() - openat2() that treats @dirfd as "/": links and ".." stay inside, no magic links */
int sk_fs_open_in_root(int dirfd, const char *path, int flags, mode_t mode);

/**
 * sk_fs_read() - Read a whole file
 * @max:	Refuse more bytes than this, with -EFBIG
 * @ret:	Heap buffer with a NUL after the last byte
 * @ret_len:	Bytes before that NUL; may be NULL
 *
 * Works for files of /proc and cgroups, whose size reads as 0.
 * Return: 0 or -errno
 */
int sk_fs_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
/** sk_fs_read_fd() - The same of an open descriptor, from its position on */
int sk_fs_read_fd(int fd, size_t max, char **ret, size_t *ret_len);
/** sk_fs_write() - Write @text in one write(2) to an existing file, as /proc and cgroups want it */
int sk_fs_write(int dirfd, const char *path, const char *text);
/** sk_fs_write_all() - Write all bytes to a descriptor, through short writes and EINTR; 0 or -errno */
int sk_fs_write_all(int fd, const void *bytes, size_t len);

/**
 * sk_fs_replace() - Replace a file in one step, durable when it returns
 * @name:	Name without a slash
 * @bytes:	New content (borrowed)
 * @mode:	Mode of the file, exactly: the umask takes nothing away
 *
 * Writes a temporary file beside it, fsync, rename, fsync of the folder. After a power
 * cut the old or the new content is there, never a mixture.
 * Return: 0 or -errno, the old content untouched and no temporary file left
 */
int sk_fs_replace(int dirfd, const char *name, const void *bytes, size_t len, mode_t mode,
		  struct sk_err *err);
/** sk_fs_replace_volatile() - The same without fsync, for folders on tmpfs that a restart empties */
int sk_fs_replace_volatile(int dirfd, const char *name, const void *bytes, size_t len,
			   mode_t mode, struct sk_err *err);

/** sk_fs_mkdirs() - Create a folder and its missing parents with @mode; an existing one is fine */
int sk_fs_mkdirs(int dirfd, const char *path, mode_t mode, struct sk_err *err);
/** sk_fs_open_dir() - Create a folder (its parents too) when missing and open it
 *  (O_DIRECTORY, O_NOFOLLOW on the last part) */
int sk_fs_open_dir(int dirfd, const char *path, mode_t mode, struct sk_err *err);

/**
 * sk_fs_remove_tree() - Remove a file or a folder with all that is in it
 * @name:	Name or path below @dirfd
 *
 * Never follows a link below its folder, never crosses into another mount (-EXDEV). A
 * missing one is fine. Folders of our own that are not readable or writable are made so.
 * Deep trees need no stack or descriptor per level beyond a fixed number.
 */
int sk_fs_remove_tree(int dirfd, const char *name, struct sk_err *err);

/**
 * sk_fs_lock() - Take the exclusive lock of a file, created when missing
 * @timeout_ms:	Give up after this many milliseconds with -ETIMEDOUT; 0 tries once (-EWOULDBLOCK)
 *
 * The error names the process that holds the lock when /proc/locks tells it. The lock ends
 * with the descriptor, and so with the process: no lock outlives a kill -9.
 * Return: descriptor that holds the lock, or -errno
 */
int sk_fs_lock(int dirfd, const char *name, unsigned int timeout_ms, struct sk_err *err);
/** sk_fs_lock_dir() - The same with a folder, which must be there (-ENOENT): nothing is made in
 *  it, so whoever removes it is not disturbed by those who wait */
int sk_fs_lock_dir(int dirfd, const char *name, unsigned int timeout_ms,
		   struct sk_err *err);
/** sk_fs_is_locked() - Tell whether some process holds the exclusive lock of a file or folder now.
 *  Takes the shared lock for an instant to find out */
bool sk_fs_is_locked(int dirfd, const char *name);

/** sk_fs_exists() - Tell whether a name exists (a dangling link does) */
bool sk_fs_exists(int dirfd, const char *path);
/** sk_fs_list() - Sorted names of a folder without "." and ".."; free with sk_strv_free(). 0 or -errno */
int sk_fs_list(int dirfd, const char *path, char ***ret);
/** sk_fs_readlink() - Target of a link as a heap string; 0 or -errno */
int sk_fs_readlink(int dirfd, const char *path, char **ret);
/** sk_fs_self_dir() - Folder of the running program ("/usr/bin"), heap string; 0 or -errno */
int sk_fs_self_dir(char **ret);

#endif
