// SPDX-License-Identifier: Apache-2.0
/* pivot - the container's root becomes "/", and the tree outside is gone
 *
 * The usual way is pivot_root(2): the old tree is unmounted, nothing of it can be reached.
 * It is not possible
 *  - where the machine's root is the initial ramfs: --no-pivot moves the new root over the old
 *    one and changes root. The old tree is still in the mount namespace, only covered, so
 *    procfs and sysfs mounts in it are removed: a user namespace in the container could mount
 *    new ones, without masks, as long as it sees one.
 *  - in a mount namespace that the container joined: its tree belongs to others. A change of
 *    root is all that can be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

#define MOUNTINFO_MAX (16u << 20)

/* "\040" is a space. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned int octal;

		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] &&
		    from[3]) {
			octal = (unsigned int)(from[1] - '0') * 64 +
				(unsigned int)(from[2] - '0') * 8 +
				(unsigned int)(from[3] - '0');
			*to = (char)octal;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* A line is "ID PARENT DEV ROOT POINT OPTIONS... - TYPE SOURCE OPTIONS". */
static char *full_mount_point(const char *line)
{
	sk_auto(sk_strv_free) char **words = sk_strv_split(line, ' ');
	char **type = words;

	while (type && *type && strcmp(*type, "-") != 0)
		type++;
	if (!type || !*type || !type[1] || sk_strv_len(words) < 7)
		return NULL;
	if (strcmp(type[1], "proc") != 0 && strcmp(type[1], "sysfs") != 0)
		return NULL;
	if (strcmp(words[3], "/") != 0)
		return NULL;
	unescape(words[4]);
	return strdup(words[4]);
}

static int hide(const char *point, struct sk_err *err)
{
	if (umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT)
		return 0;
	if (mount("tmpfs", point, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k") < 0)
		return sk_err_errno(err, "hide '%s' from the container", point);
	return 0;
}

static int hide_outside(const struct sk_child *c, struct sk_err *err)
{
	sk_autofree char *text = NULL, *own = NULL, *link = NULL;
	sk_auto(sk_strv_free) char **lines = NULL;
	sk_autoclose int fd =
		sk_fs_open_in_root(c->proc_fd, "self/mountinfo", O_RDONLY, 0);
	int r = fd < 0 ? fd : sk_fs_read_fd(fd, MOUNTINFO_MAX, &text, NULL);

	link = sk_strf("self/fd/%d", c->root_fd);
	if (!link)
		return sk_err_oom(err);
	if (r == 0)
		r = sk_fs_readlink(c->proc_fd, link, &own);
	if (r < 0)
		return sk_err_code(err, r, "read the list of mounts");
	lines = sk_strv_split(text, '\n');
	if (!lines)
		return sk_err_oom(err);
	for (char **line = lines; r == 0 && *line; line++) {
		sk_autofree char *point = full_mount_point(*line);
		const char *rest = point ? sk_str_starts(point, own) : NULL;

		if (point && !(rest && *rest == '/'))
			r = hide(point, err);
	}
	return r;
}

static int change_root(struct sk_err *err)
{
	if (chroot(".") < 0)
		return sk_err_errno(err, "change root");
	if (chdir("/") < 0)
		return sk_err_errno(err, "enter the root");
	return 0;
}

static int cover(const struct sk_child *c, struct sk_err *err)
{
	int r;

	if (c->spec->rootfs_propagation &&
	    mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return sk_err_errno(err, "keep changes of mounts inside");
	r = hide_outside(c, err);
	if (r < 0)
		return r;
	if (sk_sys_move_mount(c->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sk_err_errno(err, "move the root over the old one");
	return change_root(err);
}

static int pivot(const struct sk_child *c, struct sk_err *err)
{
	sk_autoclose int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return sk_err_errno(err, "open the old root");
	if (sk_sys_pivot_root(".", ".") < 0) {
		int r = sk_err_errno(err, "pivot_root");

		return r == -EINVAL
			       ? sk_err_hint(
					 err, r,
					 "where the machine's root is a ramfs it is not possible: use --no-pivot")
			       : r;
	}
	/* the old root now lies over the new one; it must not be unmounted for others too */
	if (c->spec->rootfs_propagation &&
	    (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
		return sk_err_errno(err, "keep changes of mounts inside");
	if (umount2(".", MNT_DETACH) < 0)
		return sk_err_errno(err, "leave the old root");
	if (chdir("/") < 0)
		return sk_err_errno(err, "enter the root");
	return 0;
}

int sk_child_pivot(struct sk_child *c, struct sk_err *err)
{
	unsigned long propagation = c->spec->rootfs_propagation;
	int r;

	if (c->spec->read_only) {
		r = sk_target_set_attrs(c->root_fd, MOUNT_ATTR_RDONLY, 0, false, err);
		if (r < 0)
			return sk_err_wrap(err, r, "make the root read-only");
	}
	if (fchdir(c->root_fd) < 0)
		return sk_err_errno(err, "enter the root");
	if (c->mnt_ns_fd >= 0)
		r = change_root(err);
	else
		r = c->spec->no_pivot ? cover(c, err) : pivot(c, err);
	if (r == 0 && (propagation & ~(unsigned long)(MS_REC | MS_PRIVATE)) &&
	    mount(NULL, "/", NULL, propagation, NULL) < 0)
		return sk_err_errno(err, "set the propagation of the root");
	return r;
}
