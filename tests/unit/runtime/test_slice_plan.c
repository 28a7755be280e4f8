// SPDX-License-Identifier: Apache-2.0
/* test_slice_plan - what changes from one definition to the next; state on disk */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"
#include "tests/unit/tempdir.h"

static struct sk_slice_def *make_def(const char *const *names)
{
	struct sk_slice_def *def = sk_slice_def_new("web");

	for (; *names; names++) {
		struct sk_slice_node *node = sk_slice_def_add_node(def, *names);

		node->image = strdup("@busybox");
		node->address = sk_strf("10.0.0.%c/24", (*names)[1]);
	}
	return def;
}

/* The plan as one text, all of @old running but the one named @dead. */
static char *plan(const struct sk_slice_def *old, const struct sk_slice_def *new,
		  const char *dead)
{
	struct sk_slice_have have[8];
	sk_autofree struct sk_slice_change *changes = NULL;
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	size_t nr = 0;

	for (size_t i = 0; i < old->nr_nodes; i++)
		have[i] = (struct sk_slice_have){&old->nodes[i],
						 !sk_str_equal(old->nodes[i].name, dead)};
	assert_int_equal(sk_slice_diff(have, old->nr_nodes, new, &changes, &nr), 0);
	for (size_t i = 0; i < nr; i++) {
		sk_autofree char *line = sk_slice_change_text(&changes[i]);

		sk_str_addf(&text, "%s%s", i ? ", " : "", line);
	}
	return sk_str_steal(&text);
}

static void test_a_new_slice_is_all_additions(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *none =
		make_def((const char *const[]){NULL});
	sk_auto(sk_slice_def_free) struct sk_slice_def *two =
		make_def((const char *const[]){"n1", "n2", NULL});
	sk_autofree char *text = plan(none, two, NULL);

	(void)state;
	assert_string_equal(text, "+ n1, + n2");
}

static void test_the_same_again_is_no_change(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *a =
		make_def((const char *const[]){"n1", "n2", NULL});
	sk_auto(sk_slice_def_free) struct sk_slice_def *b =
		make_def((const char *const[]){"n2", "n1", NULL});
	sk_autofree char *text = plan(a, b, NULL);

	(void)state;
	assert_string_equal(text, "");
}

static void test_each_difference_has_its_step(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *a =
		make_def((const char *const[]){"n1", "n2", "n3", "n4", "n5", NULL});
	sk_auto(sk_slice_def_free) struct sk_slice_def *b =
		make_def((const char *const[]){"n2", "n3", "n4", "n5", "n6", NULL});
	sk_autofree char *text = NULL;

	(void)state;
	b->nodes[0].limits.memory_bytes = 1u << 20;
	free(b->nodes[1].image);
	b->nodes[1].image = strdup("@host");
	free(b->nodes[2].address);
	b->nodes[2].address = strdup("10.0.0.99/24");
	text = plan(a, b, "n5");
	assert_string_equal(text, "- n1, ~ n2 limits, ~ n3, ~ n4 address, ~ n5, + n6");
}

static void test_want_is_kept_on_disk(void **state)
{
	struct tempdir root;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	sk_auto(sk_slice_want_finish) struct sk_slice_want back = {0};
	sk_autofree char *runroot = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_return_code(tempdir_make(&root), errno);
	runroot = sk_strf("%s/run", root.path);
	assert_int_equal(sk_home_open(root.path, runroot, &home, NULL), 0);
	assert_int_equal(sk_slice_dir_open(home, "web", false, &dir, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no slice 'web'");
	assert_int_equal(sk_slice_dir_open(home, "../web", true, &dir, &err), -EINVAL);
	assert_int_equal(sk_slice_dir_open(home, "web", true, &dir, &err), 0);
	want.def = make_def((const char *const[]){"n1", NULL});
	sk_slice_want_expire(&want, 3600ull * 1000000000);
	assert_int_equal(sk_slice_want_save(dir, &want, &err), 0);
	assert_int_equal(sk_slice_want_load(dir, &back, &err), 0);
	assert_int_equal(back.expires_ns, want.expires_ns);
	assert_int_equal(back.expires_boot_ns, want.expires_boot_ns);
	assert_string_equal(back.def->nodes[0].address, "10.0.0.1/24");
	assert_true(sk_slice_want_remaining(&back) > 3500ull * 1000000000);
	assert_false(sk_slice_is_supervised(dir));
	assert_int_equal(sk_slice_dir_open(home, "wbe", false, &dir, &err), -ENOENT);
	assert_string_equal(err.hint, "did you mean 'web'?");
	assert_int_equal(sk_slice_dir_remove(home, "web", &err), 0);
	assert_int_equal(tempdir_remove(&root), 0);
}

static void test_a_lock_keeps_others_out_and_is_not_kept_by_a_deleted_file(void **state)
{
	struct tempdir root;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *runroot = NULL;
	sk_autoclose int one = -1;
	sk_autoclose int two = -1;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_return_code(tempdir_make(&root), errno);
	runroot = sk_strf("%s/run", root.path);
	assert_int_equal(sk_home_open(root.path, runroot, &home, NULL), 0);
	one = sk_slice_lock(home, "web", 0, &err);
	assert_true(one >= 0);
	assert_true(sk_slice_lock(home, "web", 0, &err) < 0);
	assert_non_null(strstr(err.msg, "slice 'web' is being changed"));
	sk_slice_lock_forget(home, "web");
	two = sk_slice_lock(home, "web", 0, &err);
	assert_true(two >= 0);
	assert_int_equal(tempdir_remove(&root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_slice_is_all_additions),
		cmocka_unit_test(test_the_same_again_is_no_change),
		cmocka_unit_test(test_each_difference_has_its_step),
		cmocka_unit_test(test_want_is_kept_on_disk),
		cmocka_unit_test(
			test_a_lock_keeps_others_out_and_is_not_kept_by_a_deleted_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
