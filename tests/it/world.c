// SPDX-License-Identifier: Apache-2.0
/* world - the surroundings of one test program, and what may not be left in them */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/it.h"

#define SETTLE_NS (5 * SK_NS_PER_S)
#define POLL_NS	  (5 * SK_NS_PER_MS)

/* Own groups, one in each hierarchy; what was there before a case. */
struct it_world {
	char **groups;
	char **mounts, **links, **files;
};

static void fail_setup(const char *what)
{
	print_error("set up the test world: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* "4:memory:/jobs/a" is in /sys/fs/cgroup/memory/jobs/a; v2 in unified/ or at the top. */
static char *own_group(const char *line)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(line, ':');
	const char *name;

	if (sk_strv_len(parts) != 3)
		return NULL;
	name = sk_str_starts(parts[1], "name=");
	if (!name)
		name = parts[1];
	if (*name)
		return sk_strf("/sys/fs/cgroup/%s%s", name, parts[2]);
	return sk_strf("/sys/fs/cgroup%s%s",
		       sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/unified") ? "/unified" : "",
		       parts[2]);
}

/* A new v1 cpuset takes no process until it has CPUs and memory nodes. */
static void inherit_cpuset(const char *own, const char *group)
{
	static const char *const names[] = {"cpuset.cpus", "cpuset.mems"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *from = sk_strf("%s/%s", own, names[i]);
		sk_autofree char *to = sk_strf("%s/%s", group, names[i]);
		sk_autofree char *value = NULL;

		if (sk_fs_read(AT_FDCWD, from, 4096, &value, NULL) == 0)
			(void)sk_fs_write(AT_FDCWD, to, value);
	}
}

/*
 * On v1 the group itself is entered. On v2 a group inside it, so that skiff finds one above
 * the caller's that holds no processes.
 */
static void enter_group(struct it_world *world, const char *own)
{
	sk_autofree char *controllers = sk_strf("%s/cgroup.controllers", own);
	bool is_v2 = sk_fs_exists(AT_FDCWD, controllers);
	sk_autofree char *group = NULL;
	sk_autofree char *inner = NULL;
	sk_autofree char *procs = NULL;

	group = sk_strf("%s/skiff-it-%d", own, getpid());
	/* The machine's other processes may fill the v2 group of the caller: go beside. */
	if (is_v2 && strcmp(own, "/sys/fs/cgroup/tests") == 0) {
		free(group);
		group = sk_strf("/sys/fs/cgroup/skiff-it-%d", getpid());
	}
	if (mkdir(group, 0755) < 0 && errno != EEXIST)
		return;
	if (!is_v2)
		inherit_cpuset(own, group);
	inner = sk_strf("%s%s", group, is_v2 ? "/main" : "");
	if (is_v2 && mkdir(inner, 0755) < 0)
		fail_setup(inner);
	procs = sk_strf("%s/cgroup.procs", inner);
	if (sk_fs_write(AT_FDCWD, procs, "0") < 0)
		fail_setup(procs);
	if (is_v2) {
		static const char *const wanted[] = {"+memory", "+cpu", "+pids",
						     "+cpuset", "+io"};
		sk_autofree char *control = sk_strf("%s/cgroup.subtree_control", group);

		for (size_t i = 0; i < SK_ARRAY_SIZE(wanted); i++)
			(void)sk_fs_write(AT_FDCWD, control, wanted[i]);
	}
	if (sk_strv_add(&world->groups, group) < 0)
		fail_setup("memory");
}

static void enter_groups(struct it_world *world)
{
	sk_auto(sk_strv_free) char **lines = NULL;
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL) < 0)
		fail_setup("/proc/self/cgroup");
	lines = sk_strv_split(text, '\n');
	for (char **line = lines; *line; line++) {
		sk_autofree char *own = own_group(*line);

		if (own)
			enter_group(world, own);
	}
}

/* The processes of this program go back up, so that its groups can go. */
static void leave_groups(struct it_world *world)
{
	for (char **group = world->groups; group && *group; group++) {
		sk_autofree char *above = strdup(*group);
		sk_autofree char *procs = NULL;
		sk_autofree char *inner = sk_strf("%s/main", *group);
		sk_autofree char *tests = NULL;

		*strrchr(above, '/') = '\0';
		tests = sk_strf("%s/tests", above);
		procs = sk_strf("%s/cgroup.procs",
				sk_fs_exists(AT_FDCWD, inner) &&
						sk_fs_exists(AT_FDCWD, tests)
					? tests
					: above);
		if (sk_fs_write(AT_FDCWD, procs, "0") < 0)
			print_error("cannot go back to %s\n", procs);
		(void)rmdir(inner);
		if (rmdir(*group) < 0)
			print_error("cannot remove %s: %s\n", *group, strerror(errno));
	}
}

static void make_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		fail_setup("unshare");
	/* Shared, as on most machines, but with nobody: what leaks is seen, and stays here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		fail_setup("mount propagation");
}

int it_group_setup(void **state)
{
	struct it *it = calloc(1, sizeof(*it));
	const char *build = getenv("SKIFF_BUILD");
	const char *place = getenv("SKIFF_IT_DIR");
	sk_autofree char *dir = sk_strf("%s/skiff-it-XXXXXX", place ? place : "/tmp");

	if (!it || !dir || !mkdtemp(dir) || chmod(dir, 0755) < 0)
		fail_setup("temporary folder");
	it->build = realpath(build ? build : "build", NULL);
	if (!it->build)
		fail_setup("SKIFF_BUILD");
	it->dir = strdup(dir);
	it->root = sk_strf("%s/root", dir);
	it->runroot = sk_strf("%s/run", dir);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (geteuid() == 0) {
		it->world = calloc(1, sizeof(*it->world));
		if (!it->world)
			fail_setup("memory");
		make_namespaces();
		enter_groups(it->world);
	}
	*state = it;
	return 0;
}

int it_group_teardown(void **state)
{
	struct it *it = *state;
	struct sk_err err = SK_ERR_INIT;
	int r = sk_fs_remove_tree(AT_FDCWD, it->dir, &err);

	if (r < 0)
		print_error("%s\n", err.msg);
	if (it->world) {
		leave_groups(it->world);
		sk_strv_free(it->world->groups);
		free(it->world);
	}
	free(it->build);
	free(it->dir);
	free(it->root);
	free(it->runroot);
	free(it->out);
	free(it->err);
	free(it);
	return r < 0 ? -1 : 0;
}

/* ---- What is there ---- */

static char **list_mounts(void)
{
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &text, NULL) < 0)
		fail_setup("/proc/self/mountinfo");
	return sk_strv_split(text, '\n');
}

static char **list_links(void)
{
	struct if_nameindex *links = if_nameindex();
	char **list = NULL;

	for (struct if_nameindex *link = links; link && link->if_name; link++)
		(void)sk_strv_add(&list, link->if_name);
	if_freenameindex(links);
	return list;
}

/* Files that skiff makes outside its state folders, by its name in their names; not those of
 * other tests that run at the same time. */
static char **list_files(void)
{
	sk_auto(sk_strv_free) char **names = NULL;
	char **list = NULL;

	if (sk_fs_list(AT_FDCWD, "/tmp", &names) < 0)
		fail_setup("/tmp");
	for (char **name = names; name && *name; name++)
		if (strstr(*name, "skiff") && !sk_str_starts(*name, "skiff-it-") &&
		    !sk_str_starts(*name, "skiff-test-") &&
		    !sk_str_starts(*name, "skiff-bench-"))
			(void)sk_strv_add(&list, *name);
	return list;
}

int it_setup(void **state)
{
	struct it *it = *state;

	it->prefix = NULL;
	if (!it->world)
		return 0;
	it->world->mounts = list_mounts();
	it->world->links = list_links();
	it->world->files = list_files();
	return 0;
}

static int report_new(const char *what, char **before, char **after)
{
	int found = 0;

	for (char **item = after; item && *item; item++) {
		if (sk_strv_has(before, *item))
			continue;
		print_error("left behind: %s %s\n", what, *item);
		found = -1;
	}
	sk_strv_free(after);
	return found;
}

/* Containers that the case did not remove are an error, and removed for the next case. */
static int check_containers(struct it *it)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int found = 0;

	(void)it_skiff(it, "ps", "--all", "--quiet");
	if (it->status != 0) {
		print_error("skiff ps: status %d: %s\n", it->status, it->err);
		return -1;
	}
	names = sk_strv_split(it->out, '\n');
	for (char **name = names; *name; name++) {
		sk_autofree char *copy = strdup(*name);

		if (!**name)
			continue;
		print_error("left behind: container %s\n", *name);
		(void)it_skiff(it, "rm", "--force", copy);
		found = -1;
	}
	return found;
}

static void kill_children(void)
{
	sk_autofree char *path = sk_strf("/proc/self/task/%d/children", getpid());
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return;
	for (char *at = text; *at;) {
		int pid = (int)strtol(at, &at, 10);
		sk_autofree char *file = sk_strf("/proc/%d/comm", pid);
		sk_autofree char *comm = NULL;

		if (pid <= 0)
			break;
		at += *at == ' ';
		if (it_is_kept(pid))
			continue;
		(void)sk_fs_read(AT_FDCWD, file, 64, &comm, NULL);
		print_error("left behind: process %d %s\n", pid, comm ? comm : "");
		(void)kill(pid, SIGKILL);
	}
}

/* All processes of a case are children now, or will be when their parents have ended. */
static int check_processes(void)
{
	uint64_t deadline = sk_clock_mono() + SETTLE_NS;
	int found = 0;

	it_forget_jobs();
	while (it_has_children()) {
		if (sk_clock_mono() >= deadline) {
			kill_children();
			found = -1;
			deadline = sk_clock_mono() + SETTLE_NS;
		}
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
	return found;
}

static int check_groups(const struct it_world *world)
{
	int found = 0;

	for (char **group = world->groups; group && *group; group++) {
		sk_auto(sk_strv_free) char **names = NULL;

		if (sk_fs_list(AT_FDCWD, *group, &names) < 0)
			continue;
		for (char **name = names; name && *name; name++) {
			sk_autofree char *path = sk_strf("%s/%s", *group, *name);
			struct stat st;

			if (strcmp(*name, "main") == 0 || stat(path, &st) < 0 ||
			    !S_ISDIR(st.st_mode))
				continue;
			print_error("left behind: cgroup %s\n", path);
			found = -1;
		}
	}
	return found;
}

/* Records of containers; what is listed is removed by check_containers() before. */
static int check_records(const struct it *it)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *path = sk_strf("%s/containers", it->root);
	int found = 0;

	(void)sk_fs_list(AT_FDCWD, path, &names);
	for (char **name = names; name && *name; name++) {
		print_error("left behind: %s/%s\n", path, *name);
		found = -1;
	}
	return found;
}

bool it_find_leftover(const struct it *it)
{
	const struct it_world *world = it->world;
	int r = check_records(it) | check_groups(world);

	r |= report_new("mount", world->mounts, list_mounts());
	r |= report_new("link", world->links, list_links());
	r |= report_new("file /tmp/", world->files, list_files());
	return r < 0;
}

int it_teardown(void **state)
{
	struct it *it = *state;
	int r = 0;

	if (!it->world)
		return 0;
	r |= check_containers(it);
	it->prefix = NULL;
	r |= check_processes();
	if (it_find_leftover(it))
		r = -1;
	sk_strv_free(sk_steal(&it->world->mounts));
	sk_strv_free(sk_steal(&it->world->links));
	sk_strv_free(sk_steal(&it->world->files));
	return r;
}
