// SPDX-License-Identifier: Apache-2.0
/* The record of a container: names, locks, and who is taken for dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/container/state.h"
#include "tests/unit/tempdir.h"

struct fixture {
	struct tempdir dir;
	struct sk_home *home;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sk_err err = SK_ERR_INIT;

	assert_non_null(f);
	assert_return_code(tempdir_make(&f->dir), errno);
	if (sk_home_open(f->dir.path, f->dir.path, &f->home, &err) < 0)
		fail_msg("%s", err.msg);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sk_home_free(f->home);
	assert_int_equal(tempdir_remove(&f->dir), 0);
	free(f);
	return 0;
}

static struct sk_state *make(struct fixture *f, const char *name)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_state *st = NULL;

	if (sk_state_create(f->home, name, &st, &err) < 0)
		fail_msg("%s", err.msg);
	return st;
}

/* A record whose owner has ended, as after a kill -9. */
static void make_by_a_process_that_ends(struct fixture *f, const char *name,
					bool has_exited)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct sk_state *st = make(f, name);

		if (has_exited)
			sk_json_set_str(st->doc, "status", "exited");
		_exit(sk_state_save(st, NULL) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* 300 of 2304 names: some are tried that are taken. */
static void test_a_made_up_name_that_is_taken_leaves_no_error(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		sk_auto(sk_state_free) struct sk_state *st = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_state_create(f->home, NULL, &st, &err), 0);
		assert_int_equal(err.code, 0);
		assert_string_equal(err.msg, "");
	}
}

static void test_create_refuses_a_taken_name(void **state)
{
	struct fixture *f = *state;
	sk_auto(sk_state_free) __attribute__((unused)) struct sk_state *first =
		make(f, "web");
	struct sk_err err = SK_ERR_INIT;
	struct sk_state *second = NULL;

	assert_int_equal(sk_state_create(f->home, "web", &second, &err), -EEXIST);
	assert_string_equal(err.msg, "the name 'web' is taken by another container");
	assert_null(second);
}

static void test_create_refuses_names_that_leave_the_folder(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "../x", ".hidden", "a b", "a\n", "\xc3\xa9", "a%",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		struct sk_state *st = NULL;

		assert_int_equal(sk_state_create(f->home, names[i], &st, NULL), -EINVAL);
		assert_null(st);
	}
}

static void test_ids_of_oci_callers_are_taken(void **state)
{
	static const char *const good[] = {"+a", "-b", "_c", "a.b+c_d-e", "0"};
	struct fixture *f = *state;
	struct sk_err err = SK_ERR_INIT;
	struct sk_state *none = NULL;
	char id[257];

	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		sk_auto(sk_state_free) struct sk_state *st = make(f, good[i]);

		assert_string_equal(st->id, good[i]);
	}
	memset(id, 'x', sizeof(id));
	id[256] = '\0';
	assert_int_equal(sk_state_create(f->home, id, &none, &err), -ENAMETOOLONG);
	assert_string_equal(
		err.msg,
		"the container id 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than 255 bytes");
	id[255] = '\0';
	sk_state_free(make(f, id));
	assert_int_equal(sk_state_open(f->home, "../web", &none, &err), -EINVAL);
	assert_null(none);
}

static void test_unnamed_containers_get_different_names(void **state)
{
	struct fixture *f = *state;
	sk_auto(sk_state_free) struct sk_state *a = make(f, NULL);
	sk_auto(sk_state_free) struct sk_state *b = make(f, NULL);

	assert_string_not_equal(a->id, b->id);
}

static void test_a_document_survives_in_the_record(void **state)
{
	struct fixture *f = *state;
	sk_auto(sk_state_free) struct sk_state *st = make(f, "web"), *again = NULL;

	sk_json_set_str(st->doc, "image", "busybox");
	assert_int_equal(sk_state_save(st, NULL), 0);
	assert_int_equal(sk_state_open(f->home, "web", &again, NULL), 0);
	assert_string_equal(sk_json_str(sk_json_get(again->doc, "image"), ""), "busybox");
	assert_string_equal(sk_state_status(again), "creating");
	assert_true(sk_state_is_owned(again));
}

static void test_an_unknown_name_hints_at_the_nearest(void **state)
{
	struct fixture *f = *state;
	sk_auto(sk_state_free) __attribute__((unused)) struct sk_state *st =
		make(f, "webserver");
	struct sk_err err = SK_ERR_INIT;
	struct sk_state *other = NULL;

	assert_int_equal(sk_state_open(f->home, "webservr", &other, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no container 'webservr'");
	assert_string_equal(err.hint, "did you mean 'webserver'?");
}

static void test_the_record_of_a_living_owner_is_no_orphan(void **state)
{
	struct fixture *f = *state;
	sk_auto(sk_state_free) __attribute__((unused)) struct sk_state *st =
		make(f, "web");
	struct sk_state **orphans = NULL;
	size_t nr = 9;

	assert_int_equal(sk_state_orphans(f->home, &orphans, &nr, NULL), 0);
	assert_int_equal(nr, 0);
	free(orphans);
}

static void test_only_an_unfinished_record_of_a_dead_owner_is_an_orphan(void **state)
{
	struct fixture *f = *state;
	struct sk_state **orphans = NULL;
	struct sk_err err = SK_ERR_INIT;
	size_t nr = 0;

	make_by_a_process_that_ends(f, "dead", false);
	make_by_a_process_that_ends(f, "done", true);
	assert_int_equal(sk_state_orphans(f->home, &orphans, &nr, &err), 0);
	assert_int_equal(nr, 1);
	assert_string_equal(orphans[0]->id, "dead");
	assert_true(orphans[0]->lock_fd >= 0);
	assert_int_equal(sk_state_erase(orphans[0], &err), 0);
	assert_false(sk_fs_exists(orphans[0]->parent_fd, "dead"));
	sk_state_free(orphans[0]);
	free(orphans);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_made_up_name_that_is_taken_leaves_no_error, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_create_refuses_a_taken_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_create_refuses_names_that_leave_the_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids_of_oci_callers_are_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_unnamed_containers_get_different_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_document_survives_in_the_record,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_unknown_name_hints_at_the_nearest,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_record_of_a_living_owner_is_no_orphan, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_only_an_unfinished_record_of_a_dead_owner_is_an_orphan,
			setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
