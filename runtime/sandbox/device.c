// SPDX-License-Identifier: Apache-2.0
/* device - nodes of linux.devices, and the usual nodes and links of /dev
 *
 * They go into what was mounted on /dev, by its descriptor, or into a folder of the root
 * that no link leads to: /dev of an image may be a link to anywhere (CVE-2026-41579).
 * A node is made where that is allowed and works, else the one outside is bound: always so
 * in a user namespace, whose file systems carry no working nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

/* Source: OCI runtime-spec, config-linux.md, "Default Devices". */
static const struct {
	const char *name, *path;
	unsigned int major, minor;
} nodes[] = {
	{"null", "/dev/null", 1, 3},	   {"zero", "/dev/zero", 1, 5},
	{"full", "/dev/full", 1, 7},	   {"random", "/dev/random", 1, 8},
	{"urandom", "/dev/urandom", 1, 9}, {"tty", "/dev/tty", 5, 0},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static bool is_device(const struct stat *st, const struct sk_spec_device *device)
{
	return (st->st_mode & S_IFMT) == device->type &&
	       (device->type == S_IFIFO || st->st_rdev == device->number);
}

static int bind_node(int dirfd, const char *name, const struct sk_spec_device *device,
		     struct sk_err *err)
{
	sk_autoclose int fd = sk_target_clone(AT_FDCWD, device->path, false, err);
	sk_autoclose int target = -1;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !is_device(&st, device))
		return sk_err_set(err, ENODEV, "'%s' of the host is another device",
				  device->path);
	target = sk_fs_open_beneath(dirfd, name, O_PATH | O_NOFOLLOW, 0);
	if (target < 0)
		return sk_err_code(err, target, "open '%s'", device->path);
	return sk_target_attach(fd, target, device->path, err);
}

/* Empty files are what a node was bound to before. */
static int check_existing(int dirfd, const char *name,
			  const struct sk_spec_device *device, bool *ret_is_empty,
			  struct sk_err *err)
{
	struct stat st;

	*ret_is_empty = false;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "look at '%s'", device->path);
	if (is_device(&st, device))
		return 0;
	*ret_is_empty = S_ISREG(st.st_mode) && st.st_size == 0;
	return *ret_is_empty ? 0
			     : sk_err_set(err, EEXIST,
					  "'%s' is there already, and is not this device",
					  device->path);
}

static int set_owner(int dirfd, const char *name, const struct sk_spec_device *device,
		     struct sk_err *err)
{
	if ((device->uid || device->gid) &&
	    fchownat(dirfd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return sk_err_errno(err, "set the owner of '%s'", device->path);
	return 0;
}

static int make_node(int dirfd, const char *name, const struct sk_spec_device *device,
		     bool may_make, struct sk_err *err)
{
	bool is_empty = false;
	int r;

	if (device->type == S_IFIFO)
		may_make = true;
	r = mknodat(dirfd, name, may_make ? device->type | device->mode : S_IFREG | 0666,
		    may_make ? device->number : 0);
	if (r == 0)
		return may_make ? set_owner(dirfd, name, device, err)
				: bind_node(dirfd, name, device, err);
	if (errno == EEXIST) {
		r = check_existing(dirfd, name, device, &is_empty, err);
		return r == 0 && is_empty ? bind_node(dirfd, name, device, err) : r;
	}
	/* the devices that its groups allow are fewer, or the kernel says no */
	if (errno == EPERM && may_make && device->type != S_IFIFO)
		return make_node(dirfd, name, device, false, err);
	return sk_err_errno(err, "make '%s'", device->path);
}

static bool may_make_nodes(const struct sk_spec *spec)
{
	return !sk_spec_has_userns(spec) && geteuid() == 0;
}

/* The folder that a device's path is in, and its name there. */
static int open_folder(const struct sk_child *c, const char *path, const char **ret_name,
		       struct sk_err *err)
{
	const char *in_dev = sk_str_starts(path, "/dev/");
	bool is_in_dev = in_dev && c->dev_fd >= 0;
	const char *rest = is_in_dev ? in_dev : path + 1;
	const char *slash = strrchr(rest, '/');
	sk_autofree char *folder =
		slash ? strndup(rest, (size_t)(slash - rest)) : strdup(".");

	if (!folder)
		return sk_err_oom(err);
	*ret_name = slash ? slash + 1 : rest;
	return sk_target_open(is_in_dev ? c->dev_fd : c->root_fd,
			      folder[0] ? folder : ".",
			      SK_TARGET_DIR | SK_TARGET_NO_LINKS, err);
}

static int make_listed(const struct sk_child *c, struct sk_err *err)
{
	for (size_t i = 0; i < c->spec->nr_devices; i++) {
		const struct sk_spec_device *device = &c->spec->devices[i];
		const char *name = NULL;
		sk_autoclose int dirfd = open_folder(c, device->path, &name, err);
		int r = dirfd < 0 ? dirfd
				  : make_node(dirfd, name, device,
					      may_make_nodes(c->spec), err);

		if (r < 0)
			return sk_err_wrap(err, r, "device '%s'", device->path);
	}
	return 0;
}

static int make_usual(const struct sk_child *c, int dev_fd, struct sk_err *err)
{
	bool may = may_make_nodes(c->spec);

	for (size_t i = 0; i < SK_ARRAY_SIZE(nodes); i++) {
		struct sk_spec_device device = {
			.path = (char *)nodes[i].path,
			.type = S_IFCHR,
			.mode = 0666,
			.number = makedev(nodes[i].major, nodes[i].minor),
		};
		int r = make_node(dev_fd, nodes[i].name, &device, may, err);

		/* an image's own file of that name is covered, not trusted */
		if (r == -EEXIST)
			r = bind_node(dev_fd, nodes[i].name, &device, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_links(const struct sk_child *c, int dev_fd, struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 &&
		    errno != EEXIST)
			return sk_err_errno(err, "make link '/dev/%s'", links[i].name);
	if (faccessat(c->proc_fd, "kcore", F_OK, 0) == 0 &&
	    symlinkat("/proc/kcore", dev_fd, "core") < 0 && errno != EEXIST)
		return sk_err_errno(err, "make link '/dev/core'");
	return 0;
}

static int make_all(struct sk_child *c, struct sk_err *err)
{
	int r = make_listed(c, err);

	/* somebody's own /dev is complete */
	if (r < 0 || c->dev_is_bind)
		return r;
	if (c->dev_fd < 0)
		c->dev_fd = sk_target_open(c->root_fd, "/dev",
					   SK_TARGET_DIR | SK_TARGET_NO_LINKS, err);
	if (c->dev_fd < 0)
		return c->dev_fd;
	r = make_usual(c, c->dev_fd, err);
	return r < 0 ? r : make_links(c, c->dev_fd, err);
}

int sk_child_devices(struct sk_child *c, struct sk_err *err)
{
	mode_t mask = umask(0);
	int r = make_all(c, err);

	(void)umask(mask);
	return r < 0 ? sk_err_wrap(err, r, "fill /dev") : 0;
}
