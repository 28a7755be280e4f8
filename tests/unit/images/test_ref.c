/* SPDX-License-Identifier: Apache-2.0 */
/* test_ref - names of images and of their records */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "images/ref.h"
#include "lib/cleanup.h"

static void test_good_names_get_their_one_form(void **state)
{
	static const struct {
		const char *given, *wanted;
	} cases[] = {
		{"a", "a"},
		{"debian:12", "debian:12"},
		{"web:latest", "web"},
		{"lab/web:2.1-rc_3", "lab/web:2.1-rc_3"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *name = NULL;

		assert_int_equal(sk_ref_normalize(cases[i].given, &name, NULL), 0);
		assert_string_equal(name, cases[i].wanted);
	}
}

static void test_bad_names_are_refused_with_the_reason(void **state)
{
	static const char *const names[] = {
		"",   ".",     "..",	"a/..", "../a", "/a", "a/",   "a//b",  "a:",
		":a", "a:b:c", "a:b/c", "a b",	"a\n",	"-a", "a/.b", "@host", "a%2Fb",
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		struct sk_err err = SK_ERR_INIT;
		char *name = NULL;

		if (sk_ref_normalize(names[i], &name, &err) != -EINVAL)
			fail_msg("'%s' was taken", names[i]);
		assert_null(name);
		assert_non_null(strstr(err.msg, "is not an image name: "));
		assert_non_null(strstr(err.hint, "debian:12"));
	}
	memset(longest, 'a', sizeof(longest));
	longest[201] = '\0';
	assert_int_equal(sk_ref_normalize(longest, &(char *){NULL}, NULL), -EINVAL);
}

static void test_file_names_lead_back_to_the_name(void **state)
{
	static const char *const names[] = {"a", "debian:12", "lab/web/x:2"};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *file = sk_ref_file(names[i]);
		sk_autofree char *back = NULL;

		assert_null(strchr(file, '/'));
		back = sk_ref_from_file(file);
		assert_string_equal(back, names[i]);
	}
	assert_null(sk_ref_from_file(".tmp-x.json"));
	assert_null(sk_ref_from_file("a.txt"));
	assert_null(sk_ref_from_file(".json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_names_get_their_one_form),
		cmocka_unit_test(test_bad_names_are_refused_with_the_reason),
		cmocka_unit_test(test_file_names_lead_back_to_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
