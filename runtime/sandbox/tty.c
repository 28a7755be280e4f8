// SPDX-License-Identifier: Apache-2.0
/* tty - the container's own terminal, or the given descriptors, as 0, 1, 2 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/target.h"

static bool is_null_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* The host's /dev/null is a file of a mount that the container has not: it could not be saved. */
static int use_own_null(const struct sk_child *c, int number, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	int mode = fcntl(number, F_GETFL);

	if (c->root_fd < 0 || mode < 0 || !is_null_device(number))
		return 0;
	/* not to be waited for: it may be a pipe that a container has put there */
	fd = sk_fs_open_in_root(c->root_fd, "/dev/null",
				(mode & O_ACCMODE) | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || !is_null_device(fd))
		return 0; /* the host's does as well */
	if (fcntl(fd, F_SETFL, 0) < 0 || dup2(fd, number) < 0)
		return sk_err_errno(err, "set descriptor %d", number);
	return 0;
}

static int take_over(const int stdio[3], struct sk_err *err)
{
	int high[3];

	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			return sk_err_errno(err, "take over descriptor %d", stdio[i]);
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(high[i], i) < 0)
			return sk_err_errno(err, "set descriptor %d", i);
		(void)close(high[i]);
	}
	return 0;
}

int sk_child_stdio(struct sk_child *c, struct sk_err *err)
{
	bool is_there = c->stdio[0] == 0 && c->stdio[1] == 1 && c->stdio[2] == 2;
	int r = is_there ? 0 : take_over(c->stdio, err);

	for (int i = 0; r == 0 && i < 3; i++)
		r = use_own_null(c, i, err);
	return r;
}

static int open_master(const struct sk_child *c, struct sk_err *err)
{
	const char *path = c->spec->host_dev ? "/dev/ptmx" : "/dev/pts/ptmx";
	int fd = sk_fs_open_in_root(c->root_fd, path, O_RDWR | O_NOCTTY, 0);
	struct stat st;
	int unlock = 0;

	if (fd < 0)
		return sk_err_code(err, fd, "open '%s' of the container", path);
	/* whatever else lies there shall not get the command's input (CVE-2025-52565) */
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2)) {
		(void)close(fd);
		return sk_err_set(err, ENXIO,
				  "'%s' of the container is not a terminal multiplexer",
				  path);
	}
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0) {
		int r = sk_err_errno(err, "unlock the terminal");

		(void)close(fd);
		return r;
	}
	return fd;
}

/* /dev/console is the same terminal, mounted from its descriptor (CVE-2025-52565). */
static int bind_console(const struct sk_child *c, int slave, struct sk_err *err)
{
	sk_autoclose int fd = -1, target = -1;

	if (c->spec->host_dev || c->dev_fd < 0)
		return 0;
	/* beneath what is mounted on /dev, and behind no link: both may be the image's */
	if (c->dev_is_bind)
		target = sk_target_find(c->dev_fd, "console", SK_TARGET_NO_LINKS);
	else
		target = sk_target_open(c->dev_fd, "console", SK_TARGET_NO_LINKS, NULL);
	if (c->dev_is_bind && target == -ENOENT)
		return 0;
	if (target < 0)
		return sk_err_code(err, target, "open '/dev/console' of the container");
	fd = sk_target_clone(slave, "", false, err);
	return fd < 0 ? fd : sk_target_attach(fd, target, "/dev/console", err);
}

static int set_size(const struct sk_child *c, int slave, struct sk_err *err)
{
	struct winsize size = {.ws_row = c->spec->process.rows,
			       .ws_col = c->spec->process.columns};

	if ((size.ws_row || size.ws_col) && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return sk_err_errno(err, "set the size of the terminal");
	return 0;
}

int sk_child_tty(struct sk_child *c, struct sk_err *err)
{
	sk_autoclose int master = open_master(c, err), slave = -1;
	int r;

	if (master < 0)
		return master;
	/* by the descriptor: a name in a hostile /dev proves nothing */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return sk_err_errno(err, "open the terminal");
	if (c->uid != 0 && fchown(slave, c->uid, (gid_t)-1) < 0)
		return sk_err_errno(err, "give the terminal to user %u", c->uid);
	r = set_size(c, slave, err);
	if (r == 0 && !c->is_further)
		r = bind_console(c, slave, err);
	if (r < 0)
		return r;
	r = sk_sock_send_fd(c->sync, master, SK_SYNC_PTY);
	if (r < 0)
		return sk_err_code(err, r, "hand over the terminal");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return sk_err_errno(err, "make it the controlling terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return sk_err_errno(err, "set descriptor %d", i);
	return 0;
}
