// SPDX-License-Identifier: Apache-2.0
/* floor - what the kernel alone takes for the parts of a container's start
 *
 * Each step is timed as a whole process, made and waited for, by the plainest calls there
 * are; the later ones include the earlier.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "tests/bench/bench.h"

#define NAMESPACES                                                                       \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |       \
	 CLONE_NEWCGROUP)

static const char *const controllers[] = {
	"cpu",	   "cpuacct", "cpuset", "memory",  "devices",
	"freezer", "blkio",   "pids",	"systemd",
};

static double finish(pid_t pid, uint64_t begin)
{
	int status;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? (double)(sk_clock_mono() - begin) / SK_NS_PER_MS
		       : -1;
}

static double just_fork(const struct bench *b)
{
	uint64_t begin = sk_clock_mono();
	pid_t pid = fork();

	(void)b;
	if (pid == 0)
		_exit(0);
	return finish(pid, begin);
}

static double exec_static(const struct bench *b)
{
	const char *argv[] = {b->helper, NULL};

	return bench_exec(argv);
}

static pid_t clone_into(uint64_t flags)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};

	return (pid_t)sk_sys_clone3(&args, sizeof(args));
}

static double namespaces(const struct bench *b)
{
	uint64_t begin = sk_clock_mono();
	pid_t pid = clone_into(NAMESPACES);

	(void)b;
	if (pid == 0)
		_exit(0);
	return finish(pid, begin);
}

static bool make_mounts(const char *root)
{
	static const struct {
		const char *type, *target, *data;
		unsigned long flags;
	} mounts[] = {
		{"proc", "proc", NULL, 0},
		{"tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID},
		{"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620", MS_NOEXEC},
		{"tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NODEV},
		{"mqueue", "dev/mqueue", NULL, MS_NODEV},
		{"sysfs", "sys", NULL, MS_RDONLY},
	};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0)
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(mounts); i++) {
		(void)mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type,
			  mounts[i].flags, mounts[i].data) < 0)
			return false;
	}
	return sk_sys_pivot_root(".", ".") == 0 && umount2(".", MNT_DETACH) == 0;
}

static double mounts(const struct bench *b)
{
	sk_autofree char *root = sk_strf("%s/bundle/rootfs", b->dir);
	uint64_t begin = sk_clock_mono();
	pid_t pid = clone_into(NAMESPACES);

	if (pid == 0)
		_exit(root && make_mounts(root) ? 0 : 1);
	return finish(pid, begin);
}

/* A new cpuset takes nobody before it has CPUs and memory. */
static void fill_cpuset(void)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char path[128];

	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		sk_autofree char *text = NULL;

		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/cpuset/%s", files[i]);
		if (sk_fs_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
			continue;
		(void)snprintf(path, sizeof(path),
			       "/sys/fs/cgroup/cpuset/skiff-floor-%d/%s", (int)getpid(),
			       files[i]);
		(void)sk_fs_write(AT_FDCWD, path, text);
	}
}

/* Makes the group in each hierarchy and opens its file of tasks; how many. */
static int make_groups(int fds[])
{
	char path[128];
	int n = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(controllers); i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/skiff-floor-%d",
			       controllers[i], (int)getpid());
		if (mkdir(path, 0755) < 0)
			continue;
		(void)snprintf(path, sizeof(path),
			       "/sys/fs/cgroup/%s/skiff-floor-%d/tasks", controllers[i],
			       (int)getpid());
		fds[n++] = open(path, O_WRONLY | O_CLOEXEC);
	}
	fill_cpuset();
	return n;
}

static void remove_groups(void)
{
	char path[128];

	for (size_t i = 0; i < SK_ARRAY_SIZE(controllers); i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/skiff-floor-%d",
			       controllers[i], (int)getpid());
		(void)rmdir(path);
	}
}

static int run_true(const char *root, const int fds[], int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0 && write(fds[i], "0", 1) != 1)
			return 1;
	if (!make_mounts(root))
		return 1;
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static double everything(const struct bench *b)
{
	sk_autofree char *root = sk_strf("%s/bundle/rootfs", b->dir);
	int fds[SK_ARRAY_SIZE(controllers)], n;
	uint64_t begin = sk_clock_mono();
	double ms;
	pid_t pid;

	if (!root)
		return -1;
	n = make_groups(fds);
	pid = clone_into(NAMESPACES);
	if (pid == 0)
		_exit(run_true(root, fds, n));
	ms = finish(pid, begin);
	for (int i = 0; i < n; i++)
		sk_close(&fds[i]);
	remove_groups();
	return ms < 0 ? -1 : (double)(sk_clock_mono() - begin) / SK_NS_PER_MS;
}

const struct bench_floor bench_floors[] = {
	{"fork", just_fork},
	{"vfork + exec of a static program", exec_static},
	{"six namespaces", namespaces},
	{"the same + mounts + pivot_root", mounts},
	{"the same + cgroups + exec", everything},
	{NULL, NULL},
};
