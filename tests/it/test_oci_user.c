// SPDX-License-Identifier: Apache-2.0
/*
 * skiff-oci as an ordinary user: a container of one id made from `spec --rootless`, one with a
 * range of subordinate ids, and one in groups that root delegated to the user. The program is
 * copied to where the user may read it.
 */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define UID  65534
#define UIDS "65534"

static const char *const as_user[] = {
	"setpriv",	  "--reuid",	 UIDS, "--regid", UIDS,
	"--clear-groups", "--reset-env", "--", NULL,
};

/*
 * In each hierarchy a group that is the user's, as chown makes it; on v2 with a group inside
 * for the processes, as systemd does. The first word is "make", "remove", or what enters.
 */
static const char delegate[] =
	"cg=/sys/fs/cgroup\n"
	"while IFS=: read -r n list path; do\n"
	"	list=${list#name=}; v1=$cg/$list$path/user; v2=$cg$path\n"
	"	[ ! -e $cg/unified ] || v2=$cg/unified$path; v2=${v2%/main}/user\n"
	"	case $1:$list in\n"
	"	make:) mkdir $v2 $v2/session\n"
	"		for c in $(cat $v2/cgroup.controllers); do echo +$c > $v2/cgroup.subtree_control; done\n"
	"		chown -R " UIDS " $v2 ;;\n"
	"	make:*) mkdir $v1\n"
	"		for f in cpus mems; do [ $list != cpuset ] || cat $cg/$list$path/cpuset.$f > $v1/cpuset.$f; done\n"
	"		chown " UIDS " $v1 $v1/tasks $v1/cgroup.procs ;;\n"
	"	remove:) rmdir $v2/session $v2 ;;\n"
	"	remove:*) rmdir $v1 ;;\n"
	"	*:) enter=\"$enter $v2/session/cgroup.procs\" ;;\n"
	"	*) enter=\"$enter $v1/tasks\" ;;\n"
	"	esac || exit 1\n"
	"done < /proc/self/cgroup\n"
	"[ -n \"$enter\" ] || exit 0\n"
	"for f in $enter; do echo 0 > $f || exit 1; done\n"
	"exec \"$@\"\n";

static const char *const in_groups[] = {
	"sh",	   "-c", delegate,	   "sh",	  "setpriv", "--reuid", UIDS,
	"--regid", UIDS, "--clear-groups", "--reset-env", "--",	     NULL,
};

static void make_folder(const char *path)
{
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	assert_int_equal(chown(path, UID, UID), 0);
}

/* Everything in a folder that is the user's; the bundle's root file system too. */
static char *become_user(struct it *it, const char *args)
{
	static bool is_set_up;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	if (!is_set_up) {
		sk_autofree char *dir = sk_strf("%s/user", it->dir);
		sk_autofree char *copy = sk_strf("%s/build", it->dir);
		sk_autofree char *bin = sk_strf("%s/bin", it->build);

		assert_int_equal(mkdir(copy, 0755), 0);
		assert_int_equal(it_command(it, IT_ARGS("cp", "-r", bin, copy)), 0);
		make_folder(dir);
		free(it->build);
		it->build = sk_steal(&copy);
		free(it->dir);
		it->dir = sk_steal(&dir);
		is_set_up = true;
	}
	bundle = oci_bundle(it, args);
	return sk_steal(&bundle);
}

/* config.json of `spec --rootless` in the place of root's, with the same command. */
static void write_config(struct it *it, const char *bundle)
{
	sk_auto(sk_json_free) struct sk_json *old = oci_config(bundle), *config = NULL;
	struct sk_json *process;

	it_command(it, IT_ARGS("sh", "-c",
			       "rm \"$0/config.json\"; chown -R " UIDS ":" UIDS " \"$0\"",
			       bundle));
	it->prefix = as_user;
	oci_expect(it, 0, "spec", "--rootless", "-b", bundle);
	config = oci_config(bundle);
	process = sk_json_get(config, "process");
	sk_json_set_bool(process, "terminal", false);
	sk_json_set(process, "args", sk_json_ref(sk_json_path(old, "process.args")));
	oci_save(bundle, config);
	assert_int_equal(chmod(bundle, 0755), 0);
}

static void test_run_is_root_inside_and_the_user_outside(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		become_user(it,
			    "[\"sh\",\"-c\",\"id -u; cat /proc/self/uid_map; exit 6\"]");

	write_config(it, bundle);
	oci_expect(it, 6, "run", "-b", bundle, "u1");
	assert_non_null(sk_str_starts(it->out, "0\n"));
	it_assert_has(it->out, UIDS);
	oci_assert_nothing(it);
}

static void test_the_life_of_a_users_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = become_user(it, "[\"sleep\",\"1000\"]");

	write_config(it, bundle);
	oci_create(it, bundle, "u2");
	oci_assert_status(it, "u2", "created");
	oci_expect(it, 0, "start", "u2");
	oci_expect(it, 3, "exec", "u2", "sh", "-c", "id -u; exit 3");
	assert_string_equal(it->out, "0\n");
	oci_expect(it, 0, "list", "-f", "json");
	it_assert_has(it->out, "\"owner\": \"nobody\"");
	oci_expect(it, 0, "kill", "u2", "KILL");
	oci_await_status(it, "u2", "stopped");
	oci_expect(it, 0, "delete", "u2");
	oci_assert_nothing(it);
}

static void set_resources(const char *bundle, const char *text)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *resources = NULL;

	assert_int_equal(sk_json_parse(text, strlen(text), "resources", &resources, NULL),
			 0);
	sk_json_set(sk_json_get(config, "linux"), "resources", resources);
	oci_save(bundle, config);
}

static void delegate_groups(struct it *it, const char *verb)
{
	it->prefix = NULL;
	if (it_command(it, IT_ARGS("sh", "-c", delegate, "sh", verb)) != 0)
		fail_msg("%s groups: %s", verb, it->err);
	it->prefix = strcmp(verb, "make") == 0 ? in_groups : NULL;
}

/* What is set from within a process that is hidden from its new neighbours: files of its own
 * /proc are root's then. */
static void test_a_users_container_joins_another_ones_namespaces(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = become_user(it, "[\"sleep\",\"1000\"]");
	sk_autofree char *list = NULL;
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	struct sk_json *part, *process;
	pid_t first;

	write_config(it, bundle);
	oci_run_detached(it, bundle, "u1");
	first = oci_pid(it, "u1");
	list = sk_strf("[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
		       "{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"},"
		       "{\"type\":\"user\",\"path\":\"/proc/%d/ns/user\"}]",
		       (int)first, (int)first);
	config = oci_config(bundle);
	part = sk_json_get(config, "linux");
	process = sk_json_get(config, "process");
	sk_json_set(part, "namespaces", oci_json(list));
	sk_json_set(part, "uidMappings", NULL);
	sk_json_set(part, "gidMappings", NULL);
	sk_json_set_int(process, "oomScoreAdj", 321);
	sk_json_set(process, "args",
		    oci_json("[\"sh\",\"-c\",\"cat /proc/self/oom_score_adj; ps\"]"));
	oci_save(bundle, config);
	oci_expect(it, 0, "run", "-b", bundle, "u2");
	assert_non_null(sk_str_starts(it->out, "321\n"));
	it_assert_has(it->out, "sleep 1000");
	assert_string_equal(it->err, "");
	oci_expect(it, 0, "delete", "-f", "u1");
	oci_assert_nothing(it);
}

static void test_limits_hold_in_delegated_groups(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		become_user(it, "[\"sh\",\"-c\",\"sleep 1 & sleep 1 & wait\"]");

	write_config(it, bundle);
	set_resources(bundle, "{\"pids\":{\"limit\":2}}");
	delegate_groups(it, "make");
	oci_expect(it, 2, "run", "-b", bundle, "u3");
	it_assert_has(it->err, "can't fork");
	set_resources(bundle,
		      "{\"pids\":{\"limit\":16},\"memory\":{\"limit\":67108864}}");
	oci_expect(it, 0, "run", "-b", bundle, "u3");
	oci_assert_nothing(it);
}

static void test_the_life_of_a_users_container_in_delegated_groups(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = become_user(it, "[\"sleep\",\"1000\"]");

	write_config(it, bundle);
	set_resources(bundle, "{\"memory\":{\"limit\":67108864}}");
	delegate_groups(it, "make");
	oci_create(it, bundle, "u4");
	oci_expect(it, 0, "start", "u4");
	oci_expect(it, 3, "exec", "u4", "sh", "-c", "exit 3");
	oci_expect(it, 0, "events", "--stats", "u4");
	it_assert_has(it->out, "67108864");
	oci_expect(it, 0, "update", "--memory", "33554432", "u4");
	oci_expect(it, 0, "events", "--stats", "u4");
	it_assert_has(it->out, "33554432");
	oci_expect(it, 0, "pause", "u4");
	oci_assert_status(it, "u4", "paused");
	oci_expect(it, 0, "resume", "u4");
	oci_expect(it, 0, "kill", "--all", "u4", "KILL");
	oci_await_status(it, "u4", "stopped");
	oci_expect(it, 0, "delete", "u4");
	oci_assert_nothing(it);
}

static void test_limit_without_delegated_groups_is_refused(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = become_user(it, "[\"true\"]");

	write_config(it, bundle);
	set_resources(bundle, "{\"memory\":{\"limit\":67108864}}");
	oci_expect(it, 1, "run", "-b", bundle, "u5");
	it_assert_has(it->err, "cannot limit memory");
	oci_assert_nothing(it);
}

/* The group is shown at the top on pure v2, in unified/ beside those of v1, and in pids/ of v1. */
static void test_root_of_the_container_may_divide_its_group(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		become_user(it,
			    "[\"sh\",\"-c\",\"cd /sys/fs/cgroup; cd unified || cd pids; "
			    "busybox mkdir sub && echo 0 > sub/cgroup.procs && "
			    "busybox sed -n s,.*:/sub,moved,p /proc/self/cgroup\"]");
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	struct sk_json *mount;

	write_config(it, bundle);
	config = oci_config(bundle);
	mount = sk_json_add(sk_json_get(config, "mounts"), sk_json_new_object());
	sk_json_set_str(mount, "destination", "/sys/fs/cgroup");
	sk_json_set_str(mount, "type", "cgroup");
	sk_json_set_strv(mount, "options", (char *[]){(char *)"rw", NULL});
	oci_save(bundle, config);
	delegate_groups(it, "make");
	oci_expect(it, 0, "run", "-b", bundle, "u6");
	assert_string_equal(it->out, "moved\n");
	oci_assert_nothing(it);
}

static void add_range(struct sk_json *linux_object, const char *key)
{
	struct sk_json *list = sk_json_get(linux_object, key);
	struct sk_json *range = sk_json_add(list, sk_json_new_object());

	sk_json_set_int(range, "containerID", 1);
	sk_json_set_int(range, "hostID", 700000);
	sk_json_set_int(range, "size", 65535);
}

static void test_subordinate_ids_are_mapped(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = become_user(
		it,
		"[\"sh\",\"-c\",\"id -u; busybox awk '{print $1,$2,$3}' /proc/self/uid_map\"]");
	sk_auto(sk_json_free) struct sk_json *config = NULL;

	write_config(it, bundle);
	config = oci_config(bundle);
	add_range(sk_json_get(config, "linux"), "uidMappings");
	add_range(sk_json_get(config, "linux"), "gidMappings");
	sk_json_set_int(sk_json_path(config, "process.user"), "uid", 1000);
	oci_save(bundle, config);
	it->prefix = NULL;
	it_command(it, IT_ARGS("sh", "-c",
			       "for f in subuid subgid; do echo " UIDS
			       ":700000:65536 > $0/$f; "
			       "mount --bind $0/$f /etc/$f || exit 1; done",
			       it->dir));
	assert_int_equal(it->status, 0);
	it->prefix = as_user;
	oci_expect(it, 0, "run", "-b", bundle, "u7");
	assert_string_equal(it->out, "1000\n0 " UIDS " 1\n1 700000 65535\n");
	oci_assert_nothing(it);
	it->prefix = NULL;
	assert_int_equal(it_command(it, IT_ARGS("umount", "/etc/subuid", "/etc/subgid")),
			 0);
}

static int teardown(void **state)
{
	struct it *it = *state;

	(void)oci(it, "delete", "--force", "--regex", ".");
	if (it->prefix == in_groups)
		delegate_groups(it, "remove");
	it->prefix = NULL;
	return it_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, it_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_run_is_root_inside_and_the_user_outside),
		CASE(test_the_life_of_a_users_container),
		CASE(test_a_users_container_joins_another_ones_namespaces),
		CASE(test_limits_hold_in_delegated_groups),
		CASE(test_the_life_of_a_users_container_in_delegated_groups),
		CASE(test_limit_without_delegated_groups_is_refused),
		CASE(test_root_of_the_container_may_divide_its_group),
		CASE(test_subordinate_ids_are_mapped),
	};

	return it_run_group(tests);
}
