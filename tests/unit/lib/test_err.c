// SPDX-License-Identifier: Apache-2.0
/* test_err - texts grow outward, fit, and keep the innermost hint */
#include "lib/err.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_records_code_and_text(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_err_set(&err, EINVAL, "'%s' is not a size", "12q"), -EINVAL);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.msg, "'12q' is not a size");
	assert_string_equal(err.hint, "");
}

static void test_errno_appends_the_reason(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	errno = EPERM;
	assert_int_equal(sk_err_errno(&err, "mount '%s'", "/proc"), -EPERM);
	assert_string_equal(err.msg, "mount '/proc': Operation not permitted");
}

static void test_errno_of_zero_is_still_a_failure(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	errno = 0;
	assert_int_equal(sk_err_errno(&err, "read"), -EIO);
	assert_int_equal(err.code, EIO);
}

static void test_code_appends_the_reason(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_err_code(&err, -ENOENT, "read '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.msg, "read 'x': No such file or directory");
}

static void test_wrap_puts_the_larger_task_in_front(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	int r;

	(void)state;
	r = sk_err_set(&err, EBUSY, "the port is in use");
	r = sk_err_hint(&err, r, "choose another");
	assert_int_equal(sk_err_wrap(&err, r, "start '%s'", "web1"), -EBUSY);
	assert_string_equal(err.msg, "start 'web1': the port is in use");
	assert_string_equal(err.hint, "choose another");
	assert_int_equal(err.code, EBUSY);
}

static void test_innermost_hint_is_kept(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	(void)sk_err_set(&err, EINVAL, "bad");
	assert_int_equal(sk_err_hint(&err, -EINVAL, "inner %d", 1), -EINVAL);
	assert_int_equal(sk_err_hint(&err, -EINVAL, "outer"), -EINVAL);
	assert_string_equal(err.hint, "inner 1");
}

static void test_set_forgets_an_older_hint(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	(void)sk_err_hint(&err, -EINVAL, "old");
	(void)sk_err_set(&err, EINVAL, "new");
	assert_string_equal(err.hint, "");
}

static void test_long_texts_end_in_an_ellipsis(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	char text[2 * SK_ERR_MSG_SIZE];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)sk_err_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.msg), SK_ERR_MSG_SIZE - 1);
	assert_string_equal(err.msg + SK_ERR_MSG_SIZE - 4, "...");
	(void)sk_err_wrap(&err, -EINVAL, "outer");
	assert_int_equal(strlen(err.msg), SK_ERR_MSG_SIZE - 1);
	assert_memory_equal(err.msg, "outer: xxx", 10);
	assert_string_equal(err.msg + SK_ERR_MSG_SIZE - 4, "...");
	(void)sk_err_hint(&err, -EINVAL, "%s", text);
	assert_string_equal(err.hint + SK_ERR_HINT_SIZE - 4, "...");
}

static void test_reason_behind_any_length_stays_inside(void **state)
{
	struct sk_err err;
	char text[SK_ERR_MSG_SIZE];

	(void)state;
	for (size_t len = SK_ERR_MSG_SIZE - 40; len < SK_ERR_MSG_SIZE; len++) {
		memset(text, 'y', len);
		text[len] = '\0';
		err = SK_ERR_INIT;
		(void)sk_err_code(&err, -EPERM, "%s", text);
		assert_true(strlen(err.msg) < SK_ERR_MSG_SIZE);
		assert_string_equal(err.hint, "");
		assert_int_equal(err.code, EPERM);
	}
}

static void test_null_error_only_hands_on_the_code(void **state)
{
	(void)state;
	errno = ENOSPC;
	assert_int_equal(sk_err_errno(NULL, "x"), -ENOSPC);
	assert_int_equal(sk_err_set(NULL, EINVAL, "x"), -EINVAL);
	assert_int_equal(sk_err_code(NULL, -EBUSY, "x"), -EBUSY);
	assert_int_equal(sk_err_wrap(NULL, -EAGAIN, "x"), -EAGAIN);
	assert_int_equal(sk_err_hint(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(sk_err_oom(NULL), -ENOMEM);
}

__attribute__((format(printf, 2, 3))) static int refuse(struct sk_err *err,
							const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = sk_err_setv(err, EINVAL, fmt, ap);
	va_end(ap);
	return r;
}

static void test_formats_are_handed_on(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_err_hint(&err, -EPERM, "old"), -EPERM);
	assert_int_equal(refuse(&err, "no %s in %d", "y", 7), -EINVAL);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.msg, "no y in 7");
	assert_string_equal(err.hint, "");
	assert_int_equal(refuse(NULL, "no %s in %d", "y", 7), -EINVAL);
}

static void test_error_fits_into_one_atomic_pipe_write(void **state)
{
	(void)state;
	assert_true(sizeof(struct sk_err) <= PIPE_BUF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_records_code_and_text),
		cmocka_unit_test(test_errno_appends_the_reason),
		cmocka_unit_test(test_errno_of_zero_is_still_a_failure),
		cmocka_unit_test(test_code_appends_the_reason),
		cmocka_unit_test(test_wrap_puts_the_larger_task_in_front),
		cmocka_unit_test(test_innermost_hint_is_kept),
		cmocka_unit_test(test_set_forgets_an_older_hint),
		cmocka_unit_test(test_long_texts_end_in_an_ellipsis),
		cmocka_unit_test(test_reason_behind_any_length_stays_inside),
		cmocka_unit_test(test_null_error_only_hands_on_the_code),
		cmocka_unit_test(test_formats_are_handed_on),
		cmocka_unit_test(test_error_fits_into_one_atomic_pipe_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
