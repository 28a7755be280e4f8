// SPDX-License-Identifier: Apache-2.0
/* mount_cgroup - show a container its control groups, wherever it wants them
 *
 * cgroup v2, and the type cgroup2 anywhere:
 *  - with a cgroup namespace the container's own group is the root: its folder is bound;
 *  - without one, paths in /proc/self/cgroup count from the machine's root, so all of the
 *    hierarchy is shown, with the mount options that the machine has for it; where a user
 *    namespace may not mount it, the caller's, read-only (CVE-2023-25809).
 * cgroup v1 and hybrid: a tmpfs with a folder for each hierarchy, to which the container's
 * own group is bound, and a link for each controller of a hierarchy that has several.
 * Without groups of its own (cgroups disabled) the caller's are shown, read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/cgroup/v2_options.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/target.h"

#define OUTSIDE	 "/sys/fs/cgroup"
#define KEY_PATH "path"
#define KEY_V2	 "unified"

static int bind_folder(const char *path, uint64_t attrs, bool recursive, int target,
		       const char *shown, struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, path, recursive, err);
	int r;

	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, attrs, 0, recursive, err);
	return r < 0 ? r : sk_target_attach(fd, target, shown, err);
}

static int mount_v2(const struct sk_child *c, const struct sk_spec_mount *m,
		    const char *group, int target, struct sk_err *err)
{
	const struct sk_spec_namespace *ns = &c->spec->ns[SK_NS_CGROUP];
	sk_auto(sk_strv_free) char **options = NULL;
	sk_autoclose int fd = -1;
	int r;

	if (ns->is_new && group[0] == '/')
		return bind_folder(group, m->attr_set, false, target, m->target, err);
	r = sk_cgroup_v2_options(&options, err);
	if (r < 0)
		return r;
	fd = sk_target_fs("cgroup2", m->source, options, m->attr_set, err);
	if (fd >= 0)
		return sk_target_attach(fd, target, m->target, err);
	if (fd != -EPERM && fd != -EBUSY)
		return fd;
	return bind_folder(OUTSIDE, m->attr_set | MOUNT_ATTR_RDONLY, true, target,
			   m->target, err);
}

/* "cpu,cpuacct" is one hierarchy; programs look for /sys/fs/cgroup/cpu. */
static int link_controllers(int tmpfs, const char *name, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(name, ',');

	if (!parts)
		return sk_err_oom(err);
	if (sk_strv_len(parts) < 2)
		return 0;
	for (char **part = parts; *part; part++)
		if (symlinkat(name, tmpfs, *part) < 0 && errno != EEXIST)
			return sk_err_errno(err, "make link '%s'", *part);
	return 0;
}

static int bind_hierarchy(const struct sk_spec_mount *m, const char *group,
			  const char *name, int tmpfs, struct sk_err *err)
{
	const char *named = sk_str_starts(name, "name=");
	sk_autoclose int target = -1;
	int r;

	if (named)
		name = named;
	if (mkdirat(tmpfs, name, 0755) < 0)
		return sk_err_errno(err, "make folder '%s'", name);
	target = openat(tmpfs, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return sk_err_errno(err, "open folder '%s'", name);
	r = bind_folder(group, m->attr_set, false, target, name, err);
	return r < 0 ? r : link_controllers(tmpfs, name, err);
}

static int mount_hierarchies(const struct sk_spec_mount *m, const struct sk_json *paths,
			     int target, struct sk_err *err)
{
	static char *const data[] = {(char *)"mode=755", (char *)"size=1m", NULL};
	sk_autoclose int tmpfs =
		sk_target_fs("tmpfs", "cgroup", data,
			     m->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY, err);
	const struct sk_json *path;
	void *cursor = NULL;
	const char *key;
	int r;

	if (tmpfs < 0)
		return tmpfs;
	r = sk_target_attach(tmpfs, target, m->target, err);
	while (r == 0 && (path = sk_json_each(paths, &cursor, &key))) {
		const char *group = sk_json_str(path, "");

		if (group[0] == '/' && strcmp(key, KEY_PATH) != 0)
			r = bind_hierarchy(m, group, key, tmpfs, err);
	}
	if (r == 0 && (m->attr_set & MOUNT_ATTR_RDONLY))
		r = sk_target_set_attrs(tmpfs, MOUNT_ATTR_RDONLY, 0, false, err);
	return r;
}

static bool has_v1(const struct sk_json *paths)
{
	const struct sk_json *path;
	void *cursor = NULL;
	const char *key;

	while ((path = sk_json_each(paths, &cursor, &key)))
		if (strcmp(key, KEY_PATH) != 0 && strcmp(key, KEY_V2) != 0 &&
		    sk_json_str(path, "")[0] == '/')
			return true;
	return false;
}

/* Without groups of the container's own. */
static int mount_callers(const struct sk_child *c, const struct sk_spec_mount *m,
			 int target, struct sk_err *err)
{
	struct statfs st;

	if (statfs(OUTSIDE, &st) < 0)
		return sk_err_errno(err, "look at '" OUTSIDE "'");
	if (st.f_type == CGROUP2_SUPER_MAGIC)
		return mount_v2(c, m, "", target, err);
	return bind_folder(OUTSIDE, m->attr_set | MOUNT_ATTR_RDONLY, true, target,
			   m->target, err);
}

int sk_mount_cgroup(struct sk_child *c, const struct sk_spec_mount *m, int target,
		    struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *paths =
		c->cgroup ? sk_cgroup_paths(c->cgroup) : NULL;
	const char *unified = sk_json_str(sk_json_get(paths, KEY_V2), "");

	if (m->data)
		return sk_err_set(err, EINVAL, "option '%s' is not known", m->data[0]);
	if (strcmp(m->fstype, "cgroup2") == 0)
		return mount_v2(c, m, unified, target, err);
	if (has_v1(paths))
		return mount_hierarchies(m, paths, target, err);
	return unified[0] ? mount_v2(c, m, unified, target, err)
			  : mount_callers(c, m, target, err);
}
