// SPDX-License-Identifier: Apache-2.0
/* enter - namespaces that exist already, and clocks */
#include "runtime/sandbox/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

static const char *kind_name(int flag)
{
	for (int i = 0; i < SK_NS_COUNT; i++)
		if ((int)sk_spec_ns_flag((enum sk_spec_ns)i) == flag)
			return sk_spec_ns_name((enum sk_spec_ns)i);
	return "unknown";
}

static bool is_own(enum sk_spec_ns ns, int fd)
{
	struct stat theirs, own;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", sk_spec_ns_name(ns));
	return fstat(fd, &theirs) == 0 && stat(path, &own) == 0 &&
	       theirs.st_ino == own.st_ino && theirs.st_dev == own.st_dev;
}

/* Their reader has checked that each belongs to a namespace of the container; a path can
 * still be that of the caller's. */
static int check_sysctls(const struct sk_enter *enter, struct sk_err *err)
{
	static const struct {
		enum sk_spec_ns ns;
		const char *prefix;
	} owners[] = {{SK_NS_NET, "net/"}, {SK_NS_IPC, "fs/"}, {SK_NS_IPC, "kernel/"}};
	const struct sk_spec *spec = enter->spec;

	for (size_t i = 0; i < spec->nr_sysctls; i++)
		for (size_t k = 0; k < SK_ARRAY_SIZE(owners); k++) {
			int fd = enter->fds[owners[k].ns];

			if (fd < 0 || !is_own(owners[k].ns, fd) ||
			    !sk_str_starts(spec->sysctls[i].name, owners[k].prefix))
				continue;
			return sk_err_set(
				err, EBUSY,
				"sysctl '%s': the %s namespace is the host's own",
				spec->sysctls[i].name, sk_spec_ns_name(owners[k].ns));
		}
	return 0;
}

static int open_one(enum sk_spec_ns ns, const char *path, struct sk_err *err)
{
	sk_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int kind;

	if (fd < 0)
		return sk_err_errno(err, "open the %s namespace '%s'",
				    sk_spec_ns_name(ns), path);
	kind = ioctl(fd, NS_GET_NSTYPE);
	if (kind < 0)
		return sk_err_set(err, EINVAL,
				  "'%s' is not a namespace, but shall be a %s one", path,
				  sk_spec_ns_name(ns));
	if (kind != (int)sk_spec_ns_flag(ns))
		return sk_err_set(err, EINVAL, "'%s' is a %s namespace, not a %s one",
				  path, kind_name(kind), sk_spec_ns_name(ns));
	return sk_steal_fd(&fd);
}

int sk_enter_open(const struct sk_spec *spec, struct sk_enter *ret, struct sk_err *err)
{
	int r = 0;

	ret->spec = spec;
	memset(ret->fds, 0xff, sizeof(ret->fds));
	for (int i = 0; r >= 0 && i < SK_NS_COUNT; i++)
		if (spec->ns[i].path)
			r = ret->fds[i] =
				open_one((enum sk_spec_ns)i, spec->ns[i].path, err);
	/* the kernel refuses to join the own one again, and there is nothing to do */
	if (r >= 0 && ret->fds[SK_NS_USER] >= 0 &&
	    is_own(SK_NS_USER, ret->fds[SK_NS_USER]))
		sk_close(&ret->fds[SK_NS_USER]);
	return r < 0 ? r : check_sysctls(ret, err);
}

bool sk_enter_is_needed(const struct sk_enter *enter)
{
	for (int i = 0; i < SK_NS_COUNT; i++)
		if (enter->fds[i] >= 0 && i != SK_NS_MNT)
			return true;
	return enter->spec->process.nr_time_offsets > 0;
}

static int set_clocks(const struct sk_spec_process *p, int fd, struct sk_err *err)
{
	if (p->nr_time_offsets == 0)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return sk_err_errno(err, "make a time namespace");
	for (size_t i = 0; i < p->nr_time_offsets; i++) {
		const struct sk_spec_time_offset *offset = &p->time_offsets[i];
		char line[64];
		int n = snprintf(line, sizeof(line), "%d %lld %u", (int)offset->clock,
				 (long long)offset->seconds, offset->nanoseconds);

		if (write(fd, line, (size_t)n) != n)
			return sk_err_errno(err, "set the clock of the container to '%s'",
					    line);
	}
	return 0;
}

/* @done tells what was joined; unless it is the last try, what is not allowed is passed over. */
static int join_all(const struct sk_enter *enter, bool is_last, bool done[SK_NS_COUNT],
		    struct sk_err *err)
{
	for (int i = 0; i < SK_NS_COUNT; i++) {
		enum sk_spec_ns ns = (enum sk_spec_ns)i;

		if (enter->fds[i] < 0 || done[i] || ns == SK_NS_USER || ns == SK_NS_MNT)
			continue;
		done[i] = setns(enter->fds[i], (int)sk_spec_ns_flag(ns)) == 0;
		if (done[i] || (errno == EPERM && !is_last))
			continue;
		return sk_err_hint(
			err,
			sk_err_errno(err, "join the %s namespace '%s'",
				     sk_spec_ns_name(ns), enter->spec->ns[i].path),
			"joining needs CAP_SYS_ADMIN in the user namespace that owns it: give that one by path too");
	}
	return 0;
}

int sk_enter_namespaces(const struct sk_enter *enter, struct sk_err *err)
{
	bool done[SK_NS_COUNT] = {0};
	const struct sk_spec_process *process = &enter->spec->process;
	sk_autoclose int clocks = -1;
	int userns = enter->fds[SK_NS_USER];
	int r = 0;

	/* now, as who is hidden may not */
	if (process->nr_time_offsets) {
		clocks = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
		if (clocks < 0)
			return sk_err_errno(err, "open '/proc/self/timens_offsets'");
	}
	/* others live in there, and the host's tree and descriptors are in this one's reach and
	 * its child's (CVE-2016-9962) */
	if ((userns >= 0 || enter->fds[SK_NS_PID] >= 0) && prctl(PR_SET_DUMPABLE, 0) < 0)
		return sk_err_errno(err, "hide from other containers");
	/* in a user namespace that is joined, its root makes the clocks */
	if (userns < 0)
		r = set_clocks(process, clocks, err);
	if (r == 0)
		r = join_all(enter, userns < 0, done, err);
	if (r < 0 || userns < 0)
		return r;
	if (setns(userns, CLONE_NEWUSER) < 0)
		return sk_err_hint(
			err,
			sk_err_errno(err, "join the user namespace '%s'",
				     enter->spec->ns[SK_NS_USER].path),
			"only its owner, or root of one above it, may join it");
	r = set_clocks(process, clocks, err);
	return r < 0 ? r : join_all(enter, true, done, err);
}

void sk_enter_finish(struct sk_enter *enter)
{
	for (int i = 0; i < SK_NS_COUNT; i++)
		sk_close(&enter->fds[i]);
}
