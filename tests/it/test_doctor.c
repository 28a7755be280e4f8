/* SPDX-License-Identifier: Apache-2.0 */
/* test_doctor - the checks tell the truth, in each format, and leave nothing */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/it/it.h"

/* The row of a check in the last command's JSON; fails the case when there is none. */
static const struct sk_json *find_row(const struct sk_json *list, const char *check)
{
	for (size_t i = 0; i < sk_json_len(list); i++)
		if (strcmp(sk_json_str(sk_json_get(sk_json_at(list, i), "check"), ""),
			   check) == 0)
			return sk_json_at(list, i);
	fail_msg("no check '%s'", check);
	return NULL;
}

static struct sk_json *parse(const struct it *it)
{
	struct sk_json *list = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (sk_json_parse(it->out, strlen(it->out), "doctor", &list, &err) < 0)
		fail_msg("%s\n%s", err.msg, it->out);
	return list;
}

static void test_every_row_is_complete_and_the_status_follows_from_them(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	bool all_ok = true;

	it_skiff(it, "doctor", "--format", "json");
	list = parse(it);
	assert_true(sk_json_len(list) > 15);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *row = sk_json_at(list, i);
		bool is_ok = sk_json_bool(sk_json_get(row, "ok"), false);

		assert_string_not_equal(sk_json_str(sk_json_get(row, "section"), ""), "");
		assert_string_not_equal(sk_json_str(sk_json_get(row, "detail"), ""), "");
		assert_string_equal(sk_json_str(sk_json_get(row, "state"), ""),
				    is_ok ? "ok" : "FAILED");
		if (is_ok)
			assert_null(sk_json_get(row, "fix"));
		all_ok = all_ok && is_ok;
	}
	assert_int_equal(it->status, all_ok ? 0 : 1);
}

static void test_containers_work_here_as_root(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "doctor", "containers");
	it_assert_has(it->out, "idmapped mounts");
	it_assert_has(it->out, "seccomp");
	it_assert_has(it->out, "image @busybox");
	assert_null(strstr(it->out, "userfaultfd"));
	assert_null(strstr(it->out, "fix for"));
}

static void test_one_section_has_its_checks_only(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *list = NULL;

	it_skiff(it, "doctor", "migrate", "--format", "json");
	list = parse(it);
	(void)find_row(list, "userfaultfd");
	(void)find_row(list, "tun");
	for (size_t i = 0; i < sk_json_len(list); i++)
		assert_string_equal(sk_json_str(sk_json_get(sk_json_at(list, i),
							    "section"),
						""),
				    "migrate");
}

static void test_a_missing_program_fails_with_the_package_to_install(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	const struct sk_json *row;
	/* mounts of /dev/null over the program, in a namespace of its own */
	static const char script[] = "q=$(command -v qemu-system-x86_64) || exit 99\n"
				     "mount --bind /dev/null \"$q\" && exec \"$@\"";
	sk_autofree char *skiff = NULL;

	it_need_root(it);
	assert_true(asprintf(&skiff, "%s/bin/skiff", it->build) > 0);
	it_command(it, IT_ARGS("unshare", "-m", "sh", "-c", script, "sh", skiff, "--root",
			       it->root, "--runroot", it->runroot, "doctor", "vm",
			       "--format", "json"));
	if (it->status == 99)
		skip(); /* QEMU is not installed */
	assert_int_equal(it->status, 1);
	list = parse(it);
	row = find_row(list, "QEMU");
	assert_false(sk_json_bool(sk_json_get(row, "ok"), true));
	assert_string_equal(sk_json_str(sk_json_get(row, "fix"), ""),
			    "apt-get install qemu-system-x86");
}

static void test_an_unknown_section_is_a_usage_error(void **state)
{
	struct it *it = *state;

	it_expect(it, 2, "doctor", "containrs");
	it_assert_has(it->err,
		      "'containrs' is not a section: use containers, vm or migrate");
	assert_string_equal(it->out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_every_row_is_complete_and_the_status_follows_from_them),
		IT_TEST(test_containers_work_here_as_root),
		IT_TEST(test_one_section_has_its_checks_only),
		IT_TEST(test_a_missing_program_fails_with_the_package_to_install),
		IT_TEST(test_an_unknown_section_is_a_usage_error),
	};

	return it_run_group(tests);
}
