// SPDX-License-Identifier: Apache-2.0
/* Attacks on OCI runtimes that have a number: each must fail here.
 *
 * Each test names its guard, without which it fails (that was tried by hand).
 */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"

/** struct change - A member of config.json that a test wants otherwise */
struct change {
	const char *parent, *key, *value; /* JSON; NULL takes the member away */
};

/* A bundle with the changes, the last of which has no key. */
static char *make_bundle(struct it *it, const struct change *changes)
{
	sk_autofree char *path = oci_bundle(it, "[\"sh\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(path);

	for (; changes->key; changes++)
		sk_json_set(changes->parent[0] ? sk_json_path(config, changes->parent)
					       : config,
			    changes->key,
			    changes->value ? oci_json(changes->value) : NULL);
	oci_save(path, config);
	return sk_steal(&path);
}
#define CHANGES(...) ((const struct change[]){__VA_ARGS__, {NULL, NULL, NULL}})

/* The command of a container that others enter */
#define SLEEP                                                                            \
	{                                                                                \
		"process", "args", "[\"sleep\",\"1000\"]"                                \
	}

/* Guard: getcwd() after chdir() in enter_cwd() of sandbox/child.c. */
static void test_cve_2024_21626_working_folder_is_no_descriptor(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	for (int fd = 3; fd <= 12; fd++) {
		sk_autofree char *cwd = sk_strf("\"/proc/self/fd/%d\"", fd);
		sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
		sk_autofree char *root = sk_strf("%s/oci", it->dir);
		sk_autofree char *bundle =
			make_bundle(it, CHANGES({"process", "cwd", cwd},
						{"process", "args",
						 "[\"sh\",\"-c\",\"ls; ls ../..\"]"}));

		it_command(
			it,
			IT_ARGS("sh", "-c",
				"exec 9</ 8</; exec \"$0\" --root \"$1\" run -b \"$2\" c1",
				program, root, bundle));
		if (it->status == 0)
			fail_msg("descriptor %d as working folder: %s", fd, it->out);
		it_assert_has(it->err, "working folder '/proc/self/fd/");
		assert_string_equal(it->out, "");
	}
}

/* Guard: descriptors from 3 on are closed at exec, by close_range() in sandbox/command.c. */
static void test_cve_2024_21626_no_descriptor_of_the_caller_is_inherited(void **state)
{
	struct it *it = *state;
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);
	sk_autofree char *bundle =
		make_bundle(it,
			    CHANGES({"process", "args",
				     "[\"sh\",\"-c\",\"cd /proc/self/fd; echo *\"]"}));

	it_need_root(it);
	it_command(it, IT_ARGS("sh", "-c",
			       "exec 9</ 8</; exec \"$0\" --root \"$1\" run -b \"$2\" c1",
			       program, root, bundle));
	oci_assert_exit(it, 0, __LINE__);
	/* 3 is the folder that the shell itself reads */
	assert_string_equal(it->out, "0 1 2 3\n");
}

/* Guard: only what config.json names is inheritable (sandbox/credentials.c). */
static void test_cve_2022_27650_nothing_is_inheritable_unasked(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		make_bundle(it, CHANGES({"process", "args",
					 "[\"grep\",\"CapInh\",\"/proc/self/status\"]"}));

	it_need_root(it);
	oci_expect(it, 0, "run", "-b", bundle, "c1");
	assert_string_equal(it->out, "CapInh:\t0000000000000000\n");
}

/* The same for a process that enters, whose capability is given as an option. */
static void test_cve_2022_27650_exec_inherits_nothing_unasked(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, CHANGES(SLEEP));

	it_need_root(it);
	oci_expect(it, 0, "run", "-d", "-b", bundle, "c1");
	oci_expect(it, 0, "exec", "--cap", "CAP_KILL", "c1", "grep", "CapInh",
		   "/proc/self/status");
	assert_string_equal(it->out, "CapInh:\t0000000000000000\n");
	oci_expect(it, 0, "delete", "-f", "c1");
}

/* Guard: set_user() of container/oci_exec.c takes numbers only, and all of the text. */
static void test_cve_2026_30892_user_of_exec_is_read_to_its_end(void **state)
{
	static const char *const bad[] = {
		"1000x",
		"+1",
		"-1",
		" 1",
		"1 ",
		"0x0",
		"1e3",
		"1:",
		":1",
		"1:2:3",
		"4294967295",
		"4294967296",
		"18446744073709551616",
		"root",
	};
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, CHANGES(SLEEP));

	it_need_root(it);
	oci_expect(it, 0, "run", "-d", "-b", bundle, "c1");
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		oci(it, "exec", "-u", bad[i], "c1", "id", "-u");
		if (it->status == 0)
			fail_msg("user '%s' is taken, as %s", bad[i], it->out);
		assert_string_equal(it->out, "");
	}
	oci_expect(it, 0, "exec", "-u", "1", "c1", "id", "-u");
	assert_string_equal(it->out, "1\n");
	oci_expect(it, 0, "exec", "-u", "1000:2000", "c1", "sh", "-c", "id -u; id -g");
	assert_string_equal(it->out, "1000\n2000\n");
	oci_expect(it, 0, "delete", "-f", "c1");
}

/* Guard: no socket of skiff is without a path, and those with one are in folders of mode
 * 0700, so a container that shares the network finds none. */
static void test_cve_2020_15257_no_abstract_socket_is_offered(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		make_bundle(it, CHANGES(SLEEP,
					{"linux", "namespaces",
					 "[{\"type\":\"mount\"},{\"type\":\"pid\"}]"},
					{"", "hostname", NULL}));

	it_need_root(it);
	oci_expect(it, 0, "run", "-d", "-b", bundle, "c1");
	oci_expect(it, 0, "exec", "c1", "sh", "-c",
		   "cut -d ' ' -f 8 /proc/net/unix | grep ^@ || echo none");
	assert_string_equal(it->out, "none\n");
	oci_expect(it, 0, "delete", "-f", "c1");
}

/* Guard: check_path() of cgroup/place.c. */
static void test_a_cgroup_path_leads_nowhere_else(void **state)
{
	static const char *const bad[] = {
		"\"/../../escape\"", "\"a/../../../escape\"", "\"/a/./b\"", "\"..\"",
		"\"/a//b\"",
	};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		sk_autofree char *bundle =
			make_bundle(it, CHANGES(SLEEP, {"linux", "cgroupsPath", bad[i]}));

		oci_expect(it, 1, "create", "-b", bundle, "c1");
		it_assert_has(it->err, "is no path of a cgroup");
	}
	oci_expect(it, 0, "list", "-q");
	assert_string_equal(it->out, "");
}

/* Guard: sk_names_check_id() of container/names.c. */
static void test_an_id_leads_nowhere_else(void **state)
{
	static const char *const bad[] = {"../escape", "..",  ".",    "a/b",
					  ".hidden",   "a b", "a\nb", "/etc"};
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, CHANGES(SLEEP));
	sk_autofree char *outside = sk_strf("%s/escape", it->dir);

	it_need_root(it);
	assert_int_equal(mkdir(outside, 0700), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		oci_expect(it, 1, "create", "-b", bundle, bad[i]);
		it_assert_has(it->err, "is not a container id");
		oci_expect(it, 1, "delete", "--force", bad[i]);
		oci_expect(it, 1, "state", bad[i]);
		oci_expect(it, 1, "kill", bad[i], "9");
	}
	/* "containers/../../escape" is where a record would have been */
	assert_int_equal(rmdir(outside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_cve_2024_21626_working_folder_is_no_descriptor),
		IT_TEST(test_cve_2024_21626_no_descriptor_of_the_caller_is_inherited),
		IT_TEST(test_cve_2022_27650_nothing_is_inheritable_unasked),
		IT_TEST(test_cve_2022_27650_exec_inherits_nothing_unasked),
		IT_TEST(test_cve_2026_30892_user_of_exec_is_read_to_its_end),
		IT_TEST(test_cve_2020_15257_no_abstract_socket_is_offered),
		IT_TEST(test_a_cgroup_path_leads_nowhere_else),
		IT_TEST(test_an_id_leads_nowhere_else),
	};

	return it_run_group(tests);
}
