// SPDX-License-Identifier: Apache-2.0
/* mount_proc - what may be mounted on and below /proc
 *
 * A runtime, and what it starts, writes to files of /proc. If a container could have another
 * file system there, these writes would do nothing, or something else.
 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/target.h"

/* Files that tell of resources; programs such as lxcfs show a container its own. */
static const char *const replaceable[] = {
	"cpuinfo",
	"diskstats",
	"loadavg",
	"meminfo",
	"net/dev",
	"slabinfo",
	"stat",
	"swaps",
	"uptime",
	"sys/kernel/ns_last_pid",
	"sys/crypto/fips_enabled",
};

static bool is_procfs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == PROC_SUPER_MAGIC;
}

/* @path without what changes nothing: "//proc/./stat/" is "/proc/stat". */
static char *plain(const char *path)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && strncmp(path, "..", 2) == 0) {
			while (out.len > 0 && out.ptr[--out.len] != '/')
				;
			if (out.ptr)
				out.ptr[out.len] = '\0';
		} else if (len > 1 || (len == 1 && *path != '.')) {
			sk_str_add_char(&out, '/');
			sk_str_add_bytes(&out, path, len);
		}
		path += len;
		path += *path == '/';
	}
	return sk_str_steal(&out);
}

/* By the file, not by the name that led to it. */
static bool is_same_file(const struct sk_child *c, const char *name, int target)
{
	sk_autoclose int fd = -1;
	struct stat mine, theirs;

	if (c->proc_fd < 0)
		return false;
	fd = sk_target_find(c->proc_fd, name, 0);
	return fd >= 0 && fstat(fd, &mine) == 0 && fstat(target, &theirs) == 0 &&
	       mine.st_ino == theirs.st_ino;
}

static int refuse(struct sk_err *err, const char *why)
{
	return sk_err_hint(
		err, sk_err_set(err, EPERM, "%s", why),
		"what is in /proc is masked with maskedPaths, and a procfs is mounted with type proc");
}

int sk_mount_check_proc(const struct sk_child *c, const struct sk_spec_mount *m,
			int mount_fd, int target, struct sk_err *err)
{
	sk_autofree char *path = plain(m->target);
	bool is_in_proc = is_procfs(target);
	const char *name;

	if (!path)
		return sk_err_oom(err);
	name = sk_str_starts(path, "/proc");
	if (!is_in_proc && (!name || (*name && *name != '/')))
		return 0;
	if (name && !*name)
		return mount_fd >= 0 && is_procfs(mount_fd)
			       ? 0
			       : refuse(err, "only a procfs may be mounted on /proc");
	for (size_t i = 0; name && i < SK_ARRAY_SIZE(replaceable); i++)
		if (*name && strcmp(name + 1, replaceable[i]) == 0 &&
		    (!is_in_proc || is_same_file(c, replaceable[i], target)))
			return 0;
	return refuse(err, is_in_proc && !name
				   ? "the mount point leads into /proc"
				   : "this place in /proc may not be mounted over");
}
