// SPDX-License-Identifier: Apache-2.0
/* netns - network namespaces that live without a process, and work inside them
 *
 * A thread has its own network namespace. So a helper thread makes or enters one, does the
 * work and ends; the caller's thread never leaves its own, and cannot be left in a wrong one
 * by a failure half way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/net/net.h"

struct helper {
	int netns_fd; /* -1: a new one */
	sk_netns_fn *fn;
	void *ctx;
	struct sk_err *err;
	int result;
};

static void *helper_main(void *arg)
{
	struct helper *helper = arg;

	if (helper->netns_fd >= 0) {
		if (setns(helper->netns_fd, CLONE_NEWNET) < 0) {
			helper->result =
				sk_err_errno(helper->err, "enter a network namespace");
			return NULL;
		}
	} else if (unshare(CLONE_NEWNET) < 0) {
		helper->result = sk_err_errno(helper->err, "make a network namespace");
		return NULL;
	}
	helper->result = helper->fn(helper->ctx, helper->err);
	return NULL;
}

static int call_helper(struct helper *helper)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, helper_main, helper);

	if (r != 0)
		return sk_err_code(helper->err, -r, "start a helper thread");
	(void)pthread_join(thread, NULL);
	return helper->result;
}

int sk_netns_call(int netns_fd, sk_netns_fn *fn, void *ctx, struct sk_err *err)
{
	struct helper helper = {.netns_fd = netns_fd, .fn = fn, .ctx = ctx, .err = err};

	return call_helper(&helper);
}

struct pin {
	int dirfd;
	const char *name;
	int fd; /* the new namespace */
};

static int pin_own(void *ctx, struct sk_err *err)
{
	struct pin *pin = ctx;
	sk_autoclose int tree = -1;
	sk_autoclose int fd = -1;

	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open '/proc/thread-self/ns/net'");
	tree = sk_sys_open_tree(AT_FDCWD, "/proc/thread-self/ns/net",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || sk_sys_move_mount(tree, "", pin->dirfd, pin->name,
					  MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sk_err_errno(err, "mount the pin");
	pin->fd = sk_steal_fd(&fd);
	return 0;
}

int sk_netns_create(int dirfd, const char *name, struct sk_err *err)
{
	struct pin pin = {.dirfd = dirfd, .name = name, .fd = -1};
	struct helper helper = {.netns_fd = -1, .fn = pin_own, .ctx = &pin, .err = err};
	sk_autoclose int file = -1;
	int r;

	file = openat(dirfd, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0);
	if (file < 0)
		return sk_err_errno(err, "pin network namespace '%s'", name);
	r = call_helper(&helper);
	if (r < 0) {
		r = sk_err_wrap(err, r, "pin network namespace '%s'", name);
		goto undo_file;
	}
	return pin.fd;

undo_file:
	(void)unlinkat(dirfd, name, 0);
	return r;
}

int sk_netns_open(int dirfd, const char *name, struct sk_err *err)
{
	sk_autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return sk_err_errno(err, "open network namespace '%s'", name);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return sk_err_set(err, EINVAL, "'%s' is no pinned network namespace",
				  name);
	return sk_steal_fd(&fd);
}

int sk_netns_remove(int dirfd, const char *name, struct sk_err *err)
{
	/* There is no umountat(2). */
	sk_autofree char *path = sk_strf("/proc/self/fd/%d/%s", dirfd, name);

	if (!path)
		return sk_err_oom(err);
	/* EINVAL: not mounted; ENOENT: not there. Both are what is wanted. */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		return sk_err_errno(err, "unpin network namespace '%s'", name);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return sk_err_errno(err, "remove the pin of network namespace '%s'",
				    name);
	return 0;
}

static int set_sysctls(void *ctx, struct sk_err *err)
{
	for (const char *const *setting = ctx; *setting; setting++) {
		const char *value = strchr(*setting, '=');
		sk_autofree char *path = NULL;
		int r;

		if (!value)
			return sk_err_set(err, EINVAL, "'%s' has no value", *setting);
		path = sk_strf("/proc/sys/net/%.*s", (int)(value - *setting), *setting);
		if (!path)
			return sk_err_oom(err);
		r = sk_fs_write(AT_FDCWD, path, value + 1);
		if (r < 0 && r != -ENOENT)
			return sk_err_code(err, r, "set '%s' to %s", path, value + 1);
	}
	return 0;
}

int sk_netns_set_sysctls(int netns_fd, const char *const *settings, struct sk_err *err)
{
	return sk_netns_call(netns_fd, set_sysctls, (void *)settings, err);
}
