// SPDX-License-Identifier: Apache-2.0
/* fs_lock - locks of files that end with their process, and who holds them
 *
 * 1. Open the file, creating it, and try flock(2).
 * 2. When another holds it, try again at growing intervals until the deadline: flock has
 *    no time-out, and a signal from a timer would disturb the whole process.
 * 3. When the name now stands for another file (the holder removed it while we waited),
 *    the lock is worth nothing: start again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"

#define FIRST_PAUSE_NS (SK_NS_PER_MS / 2)
#define LAST_PAUSE_NS  (20 * SK_NS_PER_MS)

/* The pid of the process that took the lock of the inode, as /proc/locks tells it, or 0. */
static long find_holder(int fd)
{
	sk_auto(sk_fclose) FILE *locks = fopen("/proc/locks", "re");
	char line[256], kind[16];
	struct stat st;

	if (!locks || fstat(fd, &st) < 0)
		return 0;
	while (fgets(line, sizeof(line), locks)) {
		unsigned long long inode;
		long pid;

		/* A waiting process has "->" behind the number and so does not match. */
		if (sscanf(line, "%*u: %15s %*s %*s %ld %*x:%*x:%llu", kind, &pid,
			   &inode) == 3 &&
		    strcmp(kind, "FLOCK") == 0 && inode == st.st_ino && pid > 0)
			return pid;
	}
	return 0;
}

static void read_command(long pid, char *buf, size_t size)
{
	sk_autofree char *text = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	if (sk_fs_read(AT_FDCWD, path, 4096, &text, NULL) < 0) {
		(void)snprintf(buf, size, "ended since");
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(buf, size, "%s", text);
}

static int refuse(int fd, const char *name, unsigned int timeout_ms, struct sk_err *err)
{
	int code = timeout_ms > 0 ? ETIMEDOUT : EWOULDBLOCK;
	long holder = find_holder(fd);
	char command[64];

	if (holder == 0)
		(void)sk_err_set(err, code, "lock '%s': another process holds it", name);
	else {
		read_command(holder, command, sizeof(command));
		(void)sk_err_set(err, code, "lock '%s': process %ld (%s) holds it", name,
				 holder, command);
	}
	return sk_err_hint(err, -code, "try again when it has ended");
}

static bool is_still_named(int fd, int dirfd, const char *name)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 &&
	       fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* flock() until @deadline. Returns 0, -EWOULDBLOCK when it has passed, or -errno. */
static int try_until(int fd, uint64_t deadline)
{
	uint64_t pause = FIRST_PAUSE_NS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		uint64_t now = sk_clock_mono();

		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || now >= deadline)
			return -errno;
		sk_clock_sleep_until(now + pause < deadline ? now + pause : deadline);
		pause = pause * 2 < LAST_PAUSE_NS ? pause * 2 : LAST_PAUSE_NS;
	}
	return 0;
}

static int lock_opened_with(int flags, int dirfd, const char *name,
			    unsigned int timeout_ms, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;

	for (;;) {
		sk_autoclose int fd =
			openat(dirfd, name, flags | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
			       0600);
		int r;

		if (fd < 0)
			return sk_err_errno(err, "open lock '%s'", name);
		r = try_until(fd, deadline);
		if (r == -EWOULDBLOCK)
			return refuse(fd, name, timeout_ms, err);
		if (r < 0)
			return sk_err_code(err, r, "lock '%s'", name);
		if (is_still_named(fd, dirfd, name))
			return sk_steal_fd(&fd);
	}
}

int sk_fs_lock(int dirfd, const char *name, unsigned int timeout_ms, struct sk_err *err)
{
	return lock_opened_with(O_RDWR | O_CREAT, dirfd, name, timeout_ms, err);
}

int sk_fs_lock_dir(int dirfd, const char *name, unsigned int timeout_ms,
		   struct sk_err *err)
{
	return lock_opened_with(O_RDONLY | O_DIRECTORY, dirfd, name, timeout_ms, err);
}

bool sk_fs_is_locked(int dirfd, const char *name)
{
	sk_autoclose int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
