// SPDX-License-Identifier: Apache-2.0
/* device - the nodes and links of a fresh /dev
 *
 * Nodes are bound from outside, not made: that works in a user namespace too, and a tmpfs
 * of one carries no working nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static int bind_node(int dev_fd, const char *name, struct sk_err *err)
{
	sk_autoclose int fd = -1, target = -1;
	char outside[32];
	struct stat st;

	(void)snprintf(outside, sizeof(outside), "/dev/%s", name);
	fd = sk_target_clone(AT_FDCWD, outside, false, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return sk_err_set(err, ENODEV, "'%s' of the host is not a device",
				  outside);
	target = openat(dev_fd, name,
			O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (target < 0)
		return sk_err_errno(err, "make '%s'", outside);
	return sk_target_attach(fd, target, outside, err);
}

static bool has_fresh_dev(const struct sk_spec *spec)
{
	for (size_t i = 0; i < spec->nr_mounts; i++)
		if (sk_str_equal(spec->mounts[i].target, "/dev"))
			return sk_str_equal(spec->mounts[i].fstype, "tmpfs");
	return false;
}

int sk_child_devices(struct sk_child *c, struct sk_err *err)
{
	sk_autoclose int dev_fd = -1;
	int r;

	if (!has_fresh_dev(c->spec))
		return 0;
	dev_fd = sk_fs_open_in_root(c->root_fd, "/dev", O_DIRECTORY | O_RDONLY, 0);
	if (dev_fd < 0)
		return sk_err_code(err, dev_fd, "open '/dev'");
	for (size_t i = 0; i < SK_ARRAY_SIZE(nodes); i++) {
		r = bind_node(dev_fd, nodes[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 &&
		    errno != EEXIST)
			return sk_err_errno(err, "make link '/dev/%s'", links[i].name);
	return 0;
}
