// SPDX-License-Identifier: Apache-2.0
/*
 * skiff-oci as an ordinary user without subordinate ids or a delegated group: a container of
 * one id, made from `spec --rootless`. The program is copied to where the user may read it.
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

static int teardown(void **state)
{
	struct it *it = *state;

	(void)oci(it, "delete", "--force", "--regex", ".");
	it->prefix = NULL;
	return it_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, it_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_run_is_root_inside_and_the_user_outside),
		CASE(test_the_life_of_a_users_container),
	};

	return it_run_group(tests);
}
