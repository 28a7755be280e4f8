// SPDX-License-Identifier: Apache-2.0
/* walk - visit a group and the groups below it, children first */
#include <fcntl.h>

#include "runtime/cgroup/internal.h"

/* Each level holds a descriptor; the kernel's own default allows deeper trees, nobody makes them. */
#define MAX_DEPTH 64

static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

static int walk(int parentfd, const char *name, unsigned int depth,
		sk_cgroup_visit_fn visit, void *ctx)
{
	sk_auto(sk_closedir) DIR *dir = NULL;
	struct dirent *entry;
	int fd, r;

	if (depth == MAX_DEPTH)
		return -ELOOP;
	fd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return is_gone(-errno) ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = walk(fd, entry->d_name, depth + 1, visit, ctx);
		if (r < 0)
			return r;
	}
	r = visit(ctx, parentfd, name);
	return is_gone(r) ? 0 : r;
}

int sk_cgroup_walk(const char *dir, sk_cgroup_visit_fn visit, void *ctx)
{
	return walk(AT_FDCWD, dir, 0, visit, ctx);
}
