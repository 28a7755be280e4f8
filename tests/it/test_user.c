// SPDX-License-Identifier: Apache-2.0
/* test_user - skiff as an ordinary user, with and without ranges of subordinate ids
 *
 * Root makes the user, gives it state folders of its own, and removes it afterwards. The
 * programs are copied to where the user may read them: the build may be in root's home.
 */
#include "tests/it/it.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define USER "skiffit"
#define BOX  "run", "--rm", "@busybox"

static const char *const as_user[] = {"setpriv",     "--reuid", USER,
				      "--regid",     USER,	"--init-groups",
				      "--reset-env", "--",	NULL};

static void must(struct it *it, const char *const *argv)
{
	if (it_command(it, argv) != 0)
		fail_msg("%s: status %d: %s", argv[0], it->status, it->err);
}

/* useradd gives ranges of subordinate ids where /etc/login.defs says so. */
static void become_user(struct it *it)
{
	static bool has_folders;
	struct passwd *user;

	it_need_root(it);
	user = getpwnam(USER);
	assert_non_null(user);
	if (!has_folders) {
		has_folders = true;
		free(it->root);
		free(it->runroot);
		it->root = sk_strf("%s/user-root", it->dir);
		it->runroot = sk_strf("%s/user-run", it->dir);
		assert_int_equal(mkdir(it->root, 0700), 0);
		assert_int_equal(mkdir(it->runroot, 0700), 0);
		assert_int_equal(chown(it->root, user->pw_uid, user->pw_gid), 0);
		assert_int_equal(chown(it->runroot, user->pw_uid, user->pw_gid), 0);
	}
	it->prefix = as_user;
}

static void set_ranges(struct it *it, bool wanted)
{
	static const char *const add[] = {"usermod",
					  "--add-subuids",
					  "700000-765535",
					  "--add-subgids",
					  "700000-765535",
					  USER,
					  NULL};
	static const char *const remove[] = {"sed",	    "-i",	   "/^skiffit:/d",
					     "/etc/subuid", "/etc/subgid", NULL};

	must(it, remove);
	if (wanted)
		must(it, add);
}

static int copy_programs(struct it *it)
{
	sk_autofree char *bin = sk_strf("%s/bin", it->build);
	sk_autofree char *libexec = sk_strf("%s/libexec", it->build);
	sk_autofree char *copy = sk_strf("%s/programs", it->dir);

	if (!bin || !libexec || !copy || mkdir(copy, 0755) < 0 ||
	    it_command(it, IT_ARGS("cp", "-r", bin, libexec, copy)) != 0)
		return -1;
	free(it->build);
	it->build = sk_steal(&copy);
	return 0;
}

static int group_setup(void **state)
{
	struct it *it;
	int r = it_group_setup(state);

	it = *state;
	if (r == 0 && it->world && copy_programs(it) < 0) {
		print_error("copy the programs: %s\n", it->err ? it->err : "");
		return -1;
	}
	if (r == 0 && it->world) {
		(void)it_command(it, IT_ARGS("userdel", "--remove", USER));
		if (it_command(it, IT_ARGS("useradd", "--create-home", "--shell",
					   "/bin/bash", USER)) != 0) {
			print_error("useradd: %s\n", it->err);
			return -1;
		}
	}
	return r;
}

static int group_teardown(void **state)
{
	struct it *it = *state;

	if (it->world && it_command(it, IT_ARGS("userdel", "--remove", USER)) != 0 &&
	    getpwnam(USER))
		print_error("userdel: %s\n", it->err);
	return it_group_teardown(state);
}

static void test_user_with_ranges_runs_a_container(void **state)
{
	struct it *it = *state;

	become_user(it);
	set_ranges(it, true);
	it_expect(it, 5, "run", "--rm", "@busybox", "sh", "-c",
		  "id -u; echo $$; touch /x && exit 5");
	assert_string_equal(it->out, "0\n1\n");
	it_expect(it, 0, "run", "--rm", "@busybox", "cat", "/proc/self/uid_map");
	it_assert_has(it->out, "700000");
	it_expect(it, 0, "run", "--rm", "-u", "1000", "@busybox", "id", "-u");
	assert_string_equal(it->out, "1000\n");
}

static void test_user_without_ranges_has_one_id(void **state)
{
	struct it *it = *state;
	sk_autofree char *want = NULL;

	become_user(it);
	set_ranges(it, false);
	it_expect(it, 0, BOX, "sh", "-c", "id -u; touch /x && stat -c %u /x");
	assert_string_equal(it->out, "0\n0\n");
	it_expect(it, 0, BOX, "sh", "-c", "set -- $(cat /proc/self/uid_map); echo $2 $3");
	want = sk_strf("%u 1\n", getpwnam(USER)->pw_uid);
	assert_string_equal(it->out, want);
}

static void test_limits_of_a_user_are_refused_with_the_reason(void **state)
{
	struct it *it = *state;

	become_user(it);
	set_ranges(it, true);
	it_expect(it, 125, "run", "--rm", "-m", "64m", "@busybox", "true");
	it_assert_has(it->err, "cannot limit memory");
	it_assert_has(it->err, "Delegate=yes");
}

static void test_user_runs_detached_containers(void **state)
{
	struct it *it = *state;

	become_user(it);
	set_ranges(it, true);
	it_expect(it, 0, "run", "-d", "--name", "it-mine", "@busybox", "sh", "-c",
		  "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done");
	it_await_text(it, "up\n", IT_ARGS("logs", "it-mine"));
	it_expect(it, 0, "exec", "it-mine", "id", "-u");
	assert_string_equal(it->out, "0\n");
	it_expect(it, 0, "stop", "it-mine");
	it_expect(it, 0, "rm", "it-mine");
}

static void test_containers_of_root_are_not_the_users(void **state)
{
	struct it *it = *state;
	char *own;

	become_user(it);
	set_ranges(it, true);
	own = it->runroot;
	it->runroot = sk_strf("%s/root-run", it->dir);
	assert_int_equal(mkdir(it->runroot, 0755), 0);
	assert_int_not_equal(it_skiff(it, "ps"), 0);
	it_assert_has(it->err, "root-run");
	assert_int_equal(rmdir(it->runroot), 0);
	free(it->runroot);
	it->runroot = own;
}

static void test_volume_of_a_user_is_written_as_that_user(void **state)
{
	struct it *it = *state;
	sk_autofree char *folder = NULL;
	sk_autofree char *file = NULL;
	sk_autofree char *volume = NULL;
	struct stat st;

	become_user(it);
	set_ranges(it, true);
	folder = sk_strf("%s/volume", it->root);
	file = sk_strf("%s/file", folder);
	volume = sk_strf("%s:/data", folder);
	must(it, IT_ARGS("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups",
			 "mkdir", folder));
	it_expect(it, 0, "run", "--rm", "-v", volume, "@busybox", "touch", "/data/file");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, getpwnam(USER)->pw_uid);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, folder, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_user_with_ranges_runs_a_container),
		IT_TEST(test_user_without_ranges_has_one_id),
		IT_TEST(test_limits_of_a_user_are_refused_with_the_reason),
		IT_TEST(test_user_runs_detached_containers),
		IT_TEST(test_containers_of_root_are_not_the_users),
		IT_TEST(test_volume_of_a_user_is_written_as_that_user),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
