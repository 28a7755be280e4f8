/* SPDX-License-Identifier: Apache-2.0 */
/* test_trial - errors come back from the child; reports hold what was found */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "lib/trial.h"

static int succeed(const void *ctx, struct sk_err *err)
{
	(void)err;
	return getpid() == *(const pid_t *)ctx ? -EIO : 0;
}

static int refuse(const void *ctx, struct sk_err *err)
{
	(void)ctx;
	return sk_err_hint(err, sk_err_set(err, EXDEV, "make it"), "mend it");
}

static int fail_silently(const void *ctx, struct sk_err *err)
{
	(void)ctx;
	(void)err;
	return -ENOSYS;
}

static int die(const void *ctx, struct sk_err *err)
{
	(void)ctx;
	(void)err;
	return raise(SIGKILL);
}

static void test_the_function_runs_in_another_process(void **state)
{
	pid_t self = getpid();

	(void)state;
	assert_int_equal(sk_trial_run(succeed, &self, NULL), 0);
}

static void test_the_error_of_the_child_comes_back_whole(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(refuse, NULL, &err), -EXDEV);
	assert_string_equal(err.msg, "make it");
	assert_string_equal(err.hint, "mend it");
	assert_int_equal(sk_trial_run(fail_silently, NULL, &err), -ENOSYS);
	assert_string_equal(err.msg,
			    "it failed without a reason: Function not implemented");
	assert_int_equal(sk_trial_run(refuse, NULL, NULL), -EXDEV);
}

static void test_a_killed_child_is_a_failure(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(die, NULL, &err), -EIO);
	assert_string_equal(err.msg, "the process that tried it was killed");
}

static void test_a_report_has_a_fix_only_for_what_failed(void **state)
{
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	sk_autofree char *text = NULL;
	struct sk_err why = SK_ERR_INIT;

	(void)state;
	sk_trial_report(list, "a", "fine", &why, "unused");
	(void)sk_err_set(&why, EIO, "broken");
	sk_trial_report(list, "b", "fine", &why, "usual fix");
	(void)sk_err_hint(&why, -EIO, "special fix");
	sk_trial_report(list, "c", "fine", &why, "usual fix");
	text = sk_json_print(list, false);
	assert_string_equal(
		text,
		"[{\"check\":\"a\",\"ok\":true,\"detail\":\"fine\",\"fix\":null},"
		"{\"check\":\"b\",\"ok\":false,\"detail\":\"broken\",\"fix\":\"usual fix\"},"
		"{\"check\":\"c\",\"ok\":false,\"detail\":\"broken\",\"fix\":\"special fix\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_function_runs_in_another_process),
		cmocka_unit_test(test_the_error_of_the_child_comes_back_whole),
		cmocka_unit_test(test_a_killed_child_is_a_failure),
		cmocka_unit_test(test_a_report_has_a_fix_only_for_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
