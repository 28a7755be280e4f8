// SPDX-License-Identifier: Apache-2.0
/* fs - files and folders: opened beneath a descriptor, replaced in one step */
#include "lib/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "lib/sys.h"

/* The kernel asks to try again when a rename raced with the resolution of "..". */
#define MAX_OPEN_TRIES 32

#define TEMP_NAME_SIZE 32

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode,
			 uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	for (int i = 0; i < MAX_OPEN_TRIES; i++) {
		fd = sk_sys_openat2(dirfd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : fd;
}

int sk_fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, RESOLVE_BENEATH);
}

int sk_fs_open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, RESOLVE_IN_ROOT);
}

/* Most files fit into the first buffer: one as large from the heap would be mapped, and unmapped again. */
int sk_fs_read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	char first[4096], *at = first;
	size_t len = 0, size = sizeof(first);
	sk_autofree char *text = NULL;

	for (;;) {
		ssize_t n = read(fd, at + len, size - len - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len + 1 == size) {
			char *grown = realloc(text, size * 2);

			if (!grown)
				return -ENOMEM;
			if (!text)
				memcpy(grown, first, len);
			text = at = grown;
			size *= 2;
		}
	}
	at[len++] = '\0';
	if (!text) {
		text = malloc(len);
		if (!text)
			return -ENOMEM;
		memcpy(text, first, len);
	}
	*ret = sk_steal(&text);
	if (ret_len)
		*ret_len = len - 1;
	return 0;
}

int sk_fs_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	sk_autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return sk_fs_read_fd(fd, max, ret, ret_len);
}

int sk_fs_write(int dirfd, const char *path, const char *text)
{
	sk_autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int sk_fs_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int choose_temp_name(char name[TEMP_NAME_SIZE])
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	(void)snprintf(name, TEMP_NAME_SIZE, ".tmp-%016llx", number);
	return 0;
}

/* A file without a name is best: a crash leaves nothing. Where the file system has none
 * of these, *@ret_has_name tells that the file stands in the folder as @name.
 */
static int open_temp(int dirfd, const char *name, bool *ret_has_name)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*ret_has_name = false;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	fd = openat(dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret_has_name = true;
	return fd;
}

static int fill_temp(int fd, const void *bytes, size_t len, mode_t mode, bool durable)
{
	int r = sk_fs_write_all(fd, bytes, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (durable && fsync(fd) < 0)
		return -errno;
	return 0;
}

static int give_name(int fd, int dirfd, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Make the file and move it over @name; nothing is left in the folder on failure. */
static int replace_in(int dirfd, const char *name, const struct iovec *content,
		      mode_t mode, bool durable)
{
	char temp[TEMP_NAME_SIZE];
	sk_autoclose int fd = -1;
	bool has_name;
	int r;

	r = choose_temp_name(temp);
	if (r < 0)
		return r;
	fd = open_temp(dirfd, temp, &has_name);
	if (fd < 0)
		return fd;
	r = fill_temp(fd, content->iov_base, content->iov_len, mode, durable);
	if (r == 0 && !has_name) {
		r = give_name(fd, dirfd, temp);
		has_name = r == 0;
	}
	if (r == 0 && renameat(dirfd, temp, dirfd, name) < 0)
		r = -errno;
	if (r < 0 && has_name)
		(void)unlinkat(dirfd, temp, 0);
	return r;
}

static int replace(int dirfd, const char *name, const struct iovec *content, mode_t mode,
		   bool durable, struct sk_err *err)
{
	sk_autoclose int folder = -1;
	int r;

	if (*name == '\0' || strchr(name, '/'))
		return sk_err_set(err, EINVAL, "write '%s': not a file name", name);
	folder = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return sk_err_errno(err, "write '%s': open its folder", name);
	r = replace_in(folder, name, content, mode, durable);
	if (r < 0)
		return sk_err_code(err, r, "write '%s'", name);
	if (durable && fsync(folder) < 0 && errno != EINVAL)
		return sk_err_errno(err, "write '%s': sync its folder", name);
	return 0;
}

int sk_fs_replace(int dirfd, const char *name, const void *bytes, size_t len, mode_t mode,
		  struct sk_err *err)
{
	struct iovec content = {.iov_base = (void *)bytes, .iov_len = len};

	return replace(dirfd, name, &content, mode, true, err);
}

int sk_fs_replace_volatile(int dirfd, const char *name, const void *bytes, size_t len,
			   mode_t mode, struct sk_err *err)
{
	struct iovec content = {.iov_base = (void *)bytes, .iov_len = len};

	return replace(dirfd, name, &content, mode, false, err);
}

static int make_parents(int dirfd, char *path, mode_t mode)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* mkdir with missing parents; an existing name is fine, whatever it is. */
static int make_path(int dirfd, const char *path, mode_t mode)
{
	sk_autofree char *copy = NULL;
	int r;

	if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || *path == '\0')
		return -errno;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	r = make_parents(dirfd, copy, mode);
	if (r < 0)
		return r;
	if (mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int sk_fs_mkdirs(int dirfd, const char *path, mode_t mode, struct sk_err *err)
{
	struct stat st;
	int r = make_path(dirfd, path, mode);

	if (r < 0)
		return sk_err_code(err, r, "create folder '%s'", path);
	if (fstatat(dirfd, path, &st, 0) < 0)
		return sk_err_errno(err, "create folder '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return sk_err_code(err, -ENOTDIR, "create folder '%s'", path);
	return 0;
}

int sk_fs_open_dir(int dirfd, const char *path, mode_t mode, struct sk_err *err)
{
	int r = make_path(dirfd, path, mode);
	int fd;

	if (r < 0)
		return sk_err_code(err, r, "create folder '%s'", path);
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? sk_err_errno(err, "open folder '%s'", path) : fd;
}

bool sk_fs_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Append to @names, of which *@size are allocated and *@n used, and keep it ended by NULL. */
static int append_name(char ***names, size_t *n, size_t *size, const char *name)
{
	if (*n + 1 >= *size) {
		size_t grown_size = *size ? *size * 2 : 16;
		char **grown = realloc(*names, grown_size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*names = grown;
		*size = grown_size;
	}
	(*names)[*n] = name ? strdup(name) : NULL;
	if (name && !(*names)[*n])
		return -ENOMEM;
	if (name)
		(*names)[++*n] = NULL;
	return 0;
}

int sk_fs_list(int dirfd, const char *path, char ***ret)
{
	sk_autoclose int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sk_auto(sk_closedir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	sk_auto(sk_strv_free) char **names = NULL;
	size_t n = 0, size = 0;
	const struct dirent *entry;
	int r;

	if (!dir)
		return -errno;
	(void)sk_steal_fd(&fd);
	r = append_name(&names, &n, &size, NULL);
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = append_name(&names, &n, &size, entry->d_name);
	if (r == 0 && errno)
		r = -errno;
	if (r < 0)
		return r;
	qsort(names, n, sizeof(*names), compare_names);
	*ret = sk_steal(&names);
	return 0;
}

int sk_fs_readlink(int dirfd, const char *path, char **ret)
{
	for (size_t size = 256; size <= (1u << 20); size *= 2) {
		sk_autofree char *target = malloc(size);
		ssize_t n;

		if (!target)
			return -ENOMEM;
		n = readlinkat(dirfd, path, target, size);
		if (n < 0)
			return -errno;
		if ((size_t)n < size) {
			target[n] = '\0';
			*ret = sk_steal(&target);
			return 0;
		}
	}
	return -ENAMETOOLONG;
}

int sk_fs_self_dir(char **ret)
{
	sk_autofree char *path = NULL;
	char *slash;
	int r = sk_fs_readlink(AT_FDCWD, "/proc/self/exe", &path);

	if (r < 0)
		return r;
	slash = path ? strrchr(path, '/') : NULL;
	if (!slash)
		return -ENOENT;
	slash[slash == path] = '\0';
	*ret = sk_steal(&path);
	return 0;
}
