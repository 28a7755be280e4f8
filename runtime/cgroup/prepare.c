// SPDX-License-Identifier: Apache-2.0
/* prepare - what a new group needs before a process can enter and limits can be set
 *
 * 1. v1, cpuset: nobody can enter a group without CPUs and memory nodes, and new groups have
 *    none: they take those of the group above, from the first that has any downward.
 * 2. v2: controllers are handed on from the base down. An existing leaf keeps its parents
 *    from being removed meanwhile.
 * 3. v2, delegation: the container's user becomes the owner of the folder and of the files
 *    that the kernel names for that; of no other, as those hold the container's own limits.
 *    Source: OCI runtime-spec, config-linux.md, "Cgroup ownership"; cgroups(7).
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

#define DELEGATE_LIST "/sys/kernel/cgroup/delegate"
#define MAX_TEXT      4096u

static int read_at(const char *dir, const char *file, char **ret)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, file);

	return path ? sk_fs_read(AT_FDCWD, path, MAX_TEXT, ret, NULL) : -ENOMEM;
}

static int write_at(const char *dir, const char *file, const char *text)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, file);

	return path ? sk_fs_write(AT_FDCWD, path, text) : -ENOMEM;
}

/* What @file says in the folder that is the first @len bytes of @dir; when it says nothing it
 * is filled from the folder above, down from @base_len. */
static int inherit(char *dir, size_t len, size_t base_len, const char *file, char **ret)
{
	sk_autofree char *have = NULL;
	char keep = dir[len];
	size_t parent = len;
	int r;

	dir[len] = '\0';
	r = read_at(dir, file, &have);
	if (r == 0 && have[0] == '\n' && len > base_len) {
		free(sk_steal(&have));
		while (dir[--parent] != '/')
			;
		r = inherit(dir, parent, base_len, file, &have);
		if (r == 0)
			r = write_at(dir, file, have);
	}
	dir[len] = keep;
	if (r == 0)
		*ret = sk_steal(&have);
	return r;
}

static int fill_cpuset(const struct sk_cgroup_hier *hier)
{
	sk_autofree char *dir = strdup(hier->dir);
	sk_autofree char *cpus = NULL;
	sk_autofree char *mems = NULL;
	int r;

	if (!dir)
		return -ENOMEM;
	r = inherit(dir, strlen(dir), strlen(hier->base), "cpuset.cpus", &cpus);
	if (r == 0)
		r = inherit(dir, strlen(dir), strlen(hier->base), "cpuset.mems", &mems);
	return r;
}

/* All at once; if that is refused, one by one, as one that is missing fails them all. */
static void enable_controllers(const char *dir, unsigned int bits)
{
	sk_autofree char *have = NULL;
	char all[256];
	size_t len = 0;

	if (read_at(dir, "cgroup.subtree_control", &have) == 0)
		bits &= ~sk_cgroup_controller_bits(have);
	for (unsigned int bit = 1; bit && bit <= bits; bit <<= 1)
		if (bits & bit)
			len += (size_t)snprintf(all + len, sizeof(all) - len, " +%s",
						sk_cgroup_controller_name(bit));
	if (!bits || write_at(dir, "cgroup.subtree_control", all + 1) == 0)
		return;
	for (unsigned int bit = 1; bit && bit <= bits; bit <<= 1) {
		if (!(bits & bit))
			continue;
		(void)snprintf(all, sizeof(all), "+%s", sk_cgroup_controller_name(bit));
		(void)write_at(dir, "cgroup.subtree_control", all);
	}
}

/* What the leaf has in the end counts. */
static void hand_on_controllers(struct sk_cgroup_hier *hier)
{
	sk_autofree char *dir = strdup(hier->dir);
	sk_autofree char *list = NULL;
	size_t at = strlen(hier->base);

	if (!dir || !hier->controllers)
		return;
	while (dir[at] == '/') {
		char *slash = strchr(dir + at + 1, '/');

		dir[at] = '\0';
		enable_controllers(dir, hier->controllers);
		dir[at] = '/';
		at = slash ? (size_t)(slash - dir) : strlen(dir);
	}
	if (sk_fs_read(hier->dirfd, "cgroup.controllers", MAX_TEXT, &list, NULL) == 0) {
		unsigned int have = sk_cgroup_controller_bits(list);

		hier->blocked |= hier->controllers & ~have;
		hier->controllers &= have;
	}
}

/* Who is not root owns the group already, and can give it to nobody else. */
static int own(int dirfd, const char *file, uid_t uid, gid_t gid)
{
	if (fchownat(dirfd, file, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno == ENOENT || (errno == EPERM && geteuid() != 0))
		return 0;
	return -errno;
}

static int delegate(const struct sk_cgroup *cg, const struct sk_cgroup_hier *hier)
{
	sk_autofree char *list = NULL;
	sk_auto(sk_strv_free) char **files = NULL;
	int r = sk_fs_read(AT_FDCWD, DELEGATE_LIST, MAX_TEXT, &list, NULL);

	files = sk_strv_split(
		r == 0 ? list : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads",
		'\n');
	if (!files)
		return -ENOMEM;
	r = own(hier->dirfd, "", cg->uid, cg->gid);
	for (char **file = files; r == 0 && *file; file++)
		if (**file && !strchr(*file, '/'))
			r = own(hier->dirfd, *file, cg->uid, cg->gid);
	return r;
}

int sk_cgroup_prepare(const struct sk_cgroup *cg, struct sk_cgroup_hier *hier)
{
	if (!hier->is_v2)
		return hier->controllers & SK_CGROUP_CPUSET ? fill_cpuset(hier) : 0;
	hand_on_controllers(hier);
	return cg->delegate ? delegate(cg, hier) : 0;
}
