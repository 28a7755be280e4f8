// SPDX-License-Identifier: Apache-2.0
/* linux.cgroupsPath, --cgroup-manager and the ownership of groups, as callers see them */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/oci.h"

/* A bundle that sleeps, with this cgroupsPath; NULL: none. */
static char *make_bundle(struct it *it, const char *path)
{
	char *bundle = oci_bundle(it, "[\"sleep\",\"1000\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);

	if (path)
		sk_json_set_str(sk_json_get(config, "linux"), "cgroupsPath", path);
	oci_save(bundle, config);
	return bundle;
}

static char *groups_of(pid_t pid)
{
	sk_autofree char *file = sk_strf("/proc/%d/cgroup", pid);
	char *text = NULL;

	assert_int_equal(sk_fs_read(AT_FDCWD, file, 65536, &text, NULL), 0);
	return text;
}

/* In how many hierarchies the process is in the group @path. */
static unsigned int count_groups(pid_t pid, const char *path)
{
	sk_autofree char *text = groups_of(pid);
	sk_auto(sk_strv_free) char **lines = sk_strv_split(text, '\n');
	unsigned int found = 0;

	for (char **line = lines; *line; line++) {
		const char *list = strchr(*line, ':'), *group = NULL;

		if (list)
			group = strchr(list + 1, ':');
		found += group && strcmp(group + 1, path) == 0;
	}
	return found;
}

static bool has_v2(void)
{
	return sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/cgroup.procs") ||
	       sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/unified");
}

/* Folder of the group @path below the mount point of v2; without v2, of the pids hierarchy. */
static char *folder_of(const char *path)
{
	const char *hierarchy = "";

	if (!has_v2())
		hierarchy = "/pids";
	else if (sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/unified"))
		hierarchy = "/unified";
	return sk_strf("/sys/fs/cgroup%s%s", hierarchy, path);
}

/* In how many hierarchies a container has a group; not in those of rare controllers alone. */
static unsigned int count_hierarchies(void)
{
	static const char *const rare[] = {"hugetlb", "rdma", "misc"};
	sk_autofree char *text = groups_of(getpid());
	unsigned int found = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		found++;
	for (size_t i = 0; i < SK_ARRAY_SIZE(rare); i++) {
		sk_autofree char *part = sk_strf(":%s:", rare[i]);

		found -= strstr(text, part) != NULL;
	}
	return found;
}

/* What skiff leaves of absolute paths: it removes its own group, not those above. */
static void remove_parents(struct it *it, const char *path)
{
	it_command(
		it,
		IT_ARGS("sh", "-c",
			"for d in /sys/fs/cgroup /sys/fs/cgroup/*; do rmdir \"$d$0\" 2>/dev/null; done; :",
			path));
}

static void test_absolute_path_is_below_the_mount_point(void **state)
{
	struct it *it = *state;
	sk_autofree char *parent = sk_strf("/skiff-it-abs-%d", getpid());
	sk_autofree char *path = sk_strf("%s/c1", parent);
	sk_autofree char *bundle = make_bundle(it, path);
	sk_autofree char *folder = folder_of(path);
	pid_t pid;

	it_need_root(it);
	oci_run_detached(it, bundle, "a1");
	pid = oci_pid(it, "a1");
	assert_int_equal(count_groups(pid, path), count_hierarchies());
	oci_expect(it, 0, "delete", "--force", "a1");
	assert_false(sk_fs_exists(AT_FDCWD, folder));
	remove_parents(it, parent);
}

static void test_relative_path_is_below_the_callers_group(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "jobs/c1");
	sk_autofree char *text = NULL;

	it_need_root(it);
	oci_run_detached(it, bundle, "r1");
	text = groups_of(oci_pid(it, "r1"));
	it_assert_has(text, "/jobs/c1\n");
	/* the world's groups have this program's pid in their name, and hold the caller */
	it_assert_has(text, "skiff-it-");
	assert_null(strstr(text, ":/jobs/c1\n"));
	oci_expect(it, 0, "delete", "--force", "r1");
}

static void test_paths_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const bad[] = {"/",	    "/..",   "/../x", "a/../../b",
					  "/a/./b", "/a//b", "..",    "/a/"};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		sk_autofree char *bundle = make_bundle(it, bad[i]);

		oci_expect(it, 1, "create", "-b", bundle, "b1");
		it_assert_has(it->err, "is no path of a cgroup");
	}
	oci_assert_nothing(it);
}

static void test_group_that_exists_is_used_and_stays(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("/skiff-it-kept-%d", getpid());
	sk_autofree char *bundle = make_bundle(it, path);
	sk_autofree char *folder = folder_of(path);

	it_need_root(it);
	assert_int_equal(mkdir(folder, 0755), 0);
	oci_run_detached(it, bundle, "k1");
	assert_true(count_groups(oci_pid(it, "k1"), path) > 0);
	oci_expect(it, 0, "delete", "--force", "k1");
	assert_true(sk_fs_exists(AT_FDCWD, folder));
	assert_int_equal(rmdir(folder), 0);
}

static void test_group_with_processes_of_others_is_refused(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("/skiff-it-busy-%d", getpid());
	sk_autofree char *inner = sk_strf("%s/inner", path);
	sk_autofree char *bundle = make_bundle(it, path);
	sk_autofree char *folder = folder_of(path), *below = folder_of(inner);
	sk_autofree char *procs = sk_strf("%s/cgroup.procs", below), *pid_text = NULL;
	pid_t pid;

	it_need_root(it);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(mkdir(below, 0755), 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			(void)pause();
	pid_text = sk_strf("%d", pid);
	assert_int_equal(sk_fs_write(AT_FDCWD, procs, pid_text), 0);
	oci_expect(it, 1, "create", "-b", bundle, "o1");
	it_assert_has(it->err, "holds process");
	it_assert_has(it->err, pid_text);
	oci_expect(it, 0, "delete", "--force", "o1");
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rmdir(below), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_without_a_manager_the_container_stays_with_its_caller(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "/skiff-it-never/c1");
	sk_autofree char *never = folder_of("/skiff-it-never");
	sk_autofree char *own = groups_of(getpid()), *its = NULL;
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);

	it_need_root(it);
	it_command(it,
		   IT_ARGS("sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null",
			   program, "--root", root, "--cgroup-manager", "disabled",
			   "create", "-b", bundle, "d1"));
	assert_int_equal(it->status, 0);
	oci_expect(it, 0, "start", "d1");
	its = groups_of(oci_pid(it, "d1"));
	assert_string_equal(its, own);
	assert_false(sk_fs_exists(AT_FDCWD, never));
	oci_expect(it, 0, "kill", "--all", "d1", "KILL");
	oci_await_status(it, "d1", "stopped");
	oci_expect(it, 0, "delete", "d1");
}

/* Its own limits and its end stay root's. */
static bool is_own(const char *file)
{
	return strcmp(file, "cgroup.max.depth") != 0 && strcmp(file, "cgroup.kill") != 0;
}

/* Run as uid 1234 with a cgroup namespace and the mount; assert who owns the group's files. */
static void assert_owner(struct it *it, const char *mode, const char *const *files,
			 uid_t uid)
{
	sk_autofree char *path = sk_strf("/skiff-it-own-%d", getpid());
	sk_autofree char *bundle = make_bundle(it, path);
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *user = sk_json_get(sk_json_get(config, "process"), "user");
	struct sk_json *mounts = sk_json_get(config, "mounts");
	sk_autofree char *folder = folder_of(path);

	sk_json_set_int(user, "uid", 1234);
	sk_json_set_int(user, "gid", 1234);
	for (size_t i = 0; i < sk_json_len(mounts); i++) {
		struct sk_json *mount = sk_json_at(mounts, i);
		struct sk_json *options;

		if (!sk_str_equal(sk_json_str(sk_json_get(mount, "type"), ""), "cgroup"))
			continue;
		options = sk_json_set(mount, "options", sk_json_new_array());
		(void)sk_json_add(options, sk_json_new_str(mode));
	}
	oci_save(bundle, config);
	oci_run_detached(it, bundle, "w1");
	for (; *files; files++) {
		sk_autofree char *name = sk_strf("%s/%s", folder, *files);
		struct stat st;

		assert_int_equal(stat(name, &st), 0);
		if (st.st_uid != (is_own(*files) ? uid : 0))
			fail_msg("%s: '%s' belongs to %u", mode, *files, st.st_uid);
	}
	oci_expect(it, 0, "delete", "--force", "w1");
}

static void test_group_belongs_to_the_user_who_may_write_to_it(void **state)
{
	static const char *const files[] = {"",
					    "cgroup.procs",
					    "cgroup.subtree_control",
					    "cgroup.max.depth",
					    "cgroup.kill",
					    NULL};
	struct it *it = *state;

	it_need_root(it);
	if (!has_v2()) {
		print_message("reason: groups of cgroup v1 are not handed on\n");
		skip();
	}
	assert_owner(it, "rw", files, 1234);
	assert_owner(it, "ro", files, 0);
}

/* The fixture compares mounts: a mount of v2 that names no options takes nsdelegate from all. */
static void test_hierarchy_shown_as_it_is_keeps_its_mount_options(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"ls\",\"/sys/fs/cgroup\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *list = sk_json_path(config, "linux.namespaces");
	struct sk_json *kept = sk_json_new_array();

	it_need_root(it);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		struct sk_json *ns = sk_json_at(list, i);

		if (!sk_str_equal(sk_json_str(sk_json_get(ns, "type"), ""), "cgroup"))
			(void)sk_json_add(kept, sk_json_ref(ns));
	}
	sk_json_set(sk_json_get(config, "linux"), "namespaces", kept);
	oci_save(bundle, config);
	oci_expect(it, 0, "run", "-b", bundle, "h1");
	assert_string_not_equal(it->out, "");
}

static bool has_systemd(void)
{
	return sk_fs_exists(AT_FDCWD, "/run/systemd/private");
}

static void test_systemd_is_named_when_it_is_asked_for_and_missing(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "system.slice:skiff:s1");

	it_need_root(it);
	if (has_systemd()) {
		print_message("reason: systemd runs here\n");
		skip();
	}
	oci_expect(it, 1, "--systemd-cgroup", "create", "-b", bundle, "s1");
	it_assert_has(it->err, "reach systemd: connect to D-Bus");
	oci_assert_nothing(it);
}

static void test_systemd_makes_a_scope_that_goes_with_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "skiff-it.slice:skiff:s1");
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);

	it_need_root(it);
	if (!has_systemd()) {
		print_message("reason: process 1 is not systemd\n");
		skip();
	}
	it_command(it,
		   IT_ARGS("sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null",
			   program, "--root", root, "--systemd-cgroup", "run", "-d", "-b",
			   bundle, "s1"));
	assert_int_equal(it->status, 0);
	assert_int_equal(count_groups(oci_pid(it, "s1"),
				      "/skiff.slice/skiff-it.slice/skiff-s1.scope"),
			 1);
	it_command(it, IT_ARGS("systemctl", "is-active", "skiff-s1.scope"));
	it_assert_has(it->out, "active");
	oci_expect(it, 0, "exec", "s1", "cat", "/proc/self/cgroup");
	oci_expect(it, 0, "delete", "--force", "s1");
	it_command(it, IT_ARGS("systemctl", "is-active", "skiff-s1.scope"));
	it_assert_has(it->out, "inactive");
	it_command(it, IT_ARGS("systemctl", "stop", "skiff-it.slice", "skiff.slice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_absolute_path_is_below_the_mount_point),
		IT_TEST(test_relative_path_is_below_the_callers_group),
		IT_TEST(test_paths_that_lead_elsewhere_are_refused),
		IT_TEST(test_group_that_exists_is_used_and_stays),
		IT_TEST(test_group_with_processes_of_others_is_refused),
		IT_TEST(test_without_a_manager_the_container_stays_with_its_caller),
		IT_TEST(test_group_belongs_to_the_user_who_may_write_to_it),
		IT_TEST(test_hierarchy_shown_as_it_is_keeps_its_mount_options),
		IT_TEST(test_systemd_is_named_when_it_is_asked_for_and_missing),
		IT_TEST(test_systemd_makes_a_scope_that_goes_with_the_container),
	};

	return it_run_group(tests);
}
