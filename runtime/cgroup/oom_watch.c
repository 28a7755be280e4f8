// SPDX-License-Identifier: Apache-2.0
/* oom_watch - be woken when a group runs out of memory */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

static uint64_t count_kills(int fd)
{
	sk_autofree char *text = NULL;
	const char *line;

	if (lseek(fd, 0, SEEK_SET) < 0 || sk_fs_read_fd(fd, 4096, &text, NULL) < 0)
		return 0;
	line = strstr(text, "\noom_kill ");
	return line ? strtoull(line + 10, NULL, 10) : 0;
}

static int init_v1(const struct sk_cgroup_hier *hier, struct sk_cgroup_oom_watch *ret)
{
	sk_autoclose int control =
		openat(hier->dirfd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	sk_autoclose int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];
	int r;

	if (fd < 0 || control < 0)
		return -errno;
	(void)snprintf(text, sizeof(text), "%d %d", fd, control);
	r = sk_fs_write(hier->dirfd, "cgroup.event_control", text);
	if (r < 0)
		return r;
	ret->fd = sk_steal_fd(&fd);
	ret->events = POLLIN;
	return 0;
}

int sk_cgroup_oom_watch_init(const struct sk_cgroup *cg, struct sk_cgroup_oom_watch *ret,
			     struct sk_err *err)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_MEMORY);
	struct sk_cgroup_oom_watch watch = {.fd = -1, .dirfd = -1};
	int r = 0;

	if (hier && hier->dirfd >= 0) {
		watch.dirfd = hier->dirfd;
		if (!hier->is_v2) {
			r = init_v1(hier, &watch);
		} else {
			watch.fd = openat(hier->dirfd, "memory.events",
					  O_RDONLY | O_CLOEXEC);
			watch.events = POLLPRI;
			r = watch.fd < 0 ? -errno : 0;
		}
	}
	if (r < 0)
		return sk_err_code(err, r, "watch cgroup '%s' for want of memory",
				   hier->dir);
	if (watch.events == POLLPRI)
		watch.kills = count_kills(watch.fd);
	*ret = watch;
	return 0;
}

/* v1 wakes once more when the group is removed. */
bool sk_cgroup_oom_watch_check(struct sk_cgroup_oom_watch *watch)
{
	uint64_t number = 0;

	if (watch->fd < 0)
		return false;
	if (watch->events == POLLIN)
		return read(watch->fd, &number, sizeof(number)) == sizeof(number) &&
		       faccessat(watch->dirfd, "memory.oom_control", F_OK, 0) == 0;
	number = count_kills(watch->fd);
	if (number <= watch->kills)
		return false;
	watch->kills = number;
	return true;
}

void sk_cgroup_oom_watch_finish(struct sk_cgroup_oom_watch *watch)
{
	sk_close(&watch->fd);
}
