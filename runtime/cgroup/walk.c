// SPDX-License-Identifier: Apache-2.0
/* walk - visit a group and the groups below it, children first */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/cgroup/internal.h"

/* Each level holds a descriptor; the kernel's own default allows deeper trees, nobody makes them. */
#define MAX_DEPTH   64
#define EMPTY_LINKS 2 /* its name and its "." */

static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

static int walk(int parentfd, const char *name, unsigned int depth,
		sk_cgroup_visit_fn visit, void *ctx);

static int walk_below(int fd, unsigned int depth, sk_cgroup_visit_fn visit, void *ctx)
{
	sk_auto(sk_closedir) DIR *dir = NULL;
	struct dirent *entry;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), r;

	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		r = -errno;
		sk_close(&copy);
		return r;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = walk(fd, entry->d_name, depth + 1, visit, ctx);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of folders the kernel counts those below; most groups have none, but dozens of files. */
static int walk(int parentfd, const char *name, unsigned int depth,
		sk_cgroup_visit_fn visit, void *ctx)
{
	sk_autoclose int fd = -1;
	struct stat st;
	int r = 0;

	if (depth == MAX_DEPTH)
		return -ELOOP;
	fd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return is_gone(-errno) ? 0 : -errno;
	if (fstat(fd, &st) < 0 || st.st_nlink != EMPTY_LINKS)
		r = walk_below(fd, depth, visit, ctx);
	if (r == 0)
		r = visit(ctx, parentfd, name);
	return is_gone(r) ? 0 : r;
}

int sk_cgroup_walk(const char *dir, sk_cgroup_visit_fn visit, void *ctx)
{
	return walk(AT_FDCWD, dir, 0, visit, ctx);
}
