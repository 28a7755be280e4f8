// SPDX-License-Identifier: Apache-2.0
/* test_str - strings grow, lists keep their strings, terminals stay safe */
#include "lib/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_string_is_stolen_as_empty_text(void **state)
{
	struct sk_str str = SK_STR_INIT;
	sk_autofree char *text = sk_str_steal(&str);

	(void)state;
	assert_string_equal(text, "");
	assert_null(str.ptr);
}

static void test_parts_are_appended_in_order(void **state)
{
	sk_auto(sk_str_finish) struct sk_str str = SK_STR_INIT;

	(void)state;
	sk_str_add(&str, "a");
	sk_str_add_char(&str, 'b');
	sk_str_addf(&str, "%d-%s", 12, "c");
	sk_str_add_bytes(&str, "\0z", 2);
	assert_int_equal(str.len, 8);
	assert_memory_equal(str.ptr, "ab12-c\0z", 9);
	sk_str_clear(&str);
	assert_int_equal(str.len, 0);
	assert_string_equal(str.ptr, "");
	sk_str_add(&str, "again");
	assert_string_equal(str.ptr, "again");
}

static void test_string_grows_far(void **state)
{
	sk_auto(sk_str_finish) struct sk_str str = SK_STR_INIT;

	(void)state;
	for (int i = 0; i < 20000; i++)
		sk_str_addf(&str, "%05d", i);
	assert_int_equal(str.len, 100000);
	assert_int_equal(strlen(str.ptr), 100000);
	assert_memory_equal(str.ptr + 50000, "10000", 5);
}

static void test_failure_is_remembered_until_stolen(void **state)
{
	struct sk_str str = SK_STR_INIT;

	(void)state;
	sk_str_add(&str, "x");
	sk_str_add_bytes(&str, "x", SIZE_MAX - 1);
	assert_true(str.failed);
	sk_str_add(&str, "y");
	assert_int_equal(str.len, 1);
	assert_null(sk_str_steal(&str));
	assert_false(str.failed);
}

static void test_control_characters_are_escaped(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"a\nb\tc", "a\\nb\\tc"},
		{"\033[31m", "\\x1b[31m"},
		{"\r\x7f\x01", "\\x0d\\x7f\\x01"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b"
		 "31m"},
		{"\x9b", "\\x9b"},
		{"\xc3", "\\xc3"},
		{"\xe2\x82", "\\xe2\\x82"},
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xff", "\\xff"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_str_finish) struct sk_str str = SK_STR_INIT;

		sk_str_add(&str, "");
		sk_str_add_escaped(&str, cases[i].text);
		assert_string_equal(str.ptr, cases[i].want);
	}
}

static void test_characters_are_measured_as_unicode_says(void **state)
{
	static const struct {
		const char *text;
		size_t left, want;
	} cases[] = {
		{"", SIZE_MAX, 1},
		{"ab", SIZE_MAX, 1},
		{"\xc3\xbc", SIZE_MAX, 2},
		{"\xc3\xbc", 1, 0}, /* cut */
		{"\xc3", SIZE_MAX, 0},
		{"\xe2\x82\xac", 3, 3},
		{"\xe2\x82\xac", 2, 0},
		{"\xf0\x9f\x90\x98", 4, 4},
		{"\xf0\x9f\x90", 3, 0},
		{"\x80", SIZE_MAX, 0},
		{"\xc1\xbf", SIZE_MAX, 0}, /* overlong */
		{"\xe0\x9f\xbf", SIZE_MAX, 0},
		{"\xf0\x8f\xbf\xbf", SIZE_MAX, 0},
		{"\xed\xa0\x80", SIZE_MAX, 0},	   /* surrogate */
		{"\xf4\x90\x80\x80", SIZE_MAX, 0}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", SIZE_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_str_utf8_length(cases[i].text, cases[i].left) != cases[i].want)
			fail_msg("case %zu gave %zu", i,
				 sk_str_utf8_length(cases[i].text, cases[i].left));
}

static void test_markup_holds_text_and_nothing_else(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"plain \n\t text", "plain \n\t text"},
		{"<a href='x'>&\"</a>",
		 "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\033\x7f", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff<", "\xef\xbf\xbd&lt;"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_str_finish) struct sk_str str = SK_STR_INIT;

		sk_str_add(&str, "");
		sk_str_add_xml(&str, cases[i].text);
		assert_string_equal(str.ptr, cases[i].want);
	}
}

static void test_format_returns_heap_text(void **state)
{
	sk_autofree char *text = sk_strf("%s/%d", "a", 5);

	(void)state;
	assert_string_equal(text, "a/5");
}

static void test_comparisons_take_null_and_ends(void **state)
{
	(void)state;
	assert_true(sk_str_equal(NULL, NULL));
	assert_false(sk_str_equal(NULL, ""));
	assert_false(sk_str_equal("a", NULL));
	assert_true(sk_str_equal("a", "a"));
	assert_string_equal(sk_str_starts("tcp:80", "tcp:"), "80");
	assert_null(sk_str_starts("tc", "tcp:"));
	assert_true(sk_str_ends("a.tar", ".tar"));
	assert_false(sk_str_ends("tar", ".tar"));
	assert_true(sk_str_ends("x", ""));
}

static void test_nearest_word_is_guessed(void **state)
{
	static const char *const words[] = {"run",     "create", "images", "image",
					    "inspect", "ps",	 NULL};
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{"imags", "images"},
		{"iamges", "images"},
		{"imgae", "image"},
		{"creat", "create"},
		{"inspcet", "inspect"},
		{"rnu", "run"},
		{"xyz", NULL},
		{"", NULL},
		{"p", NULL},
		{"migrate", NULL},
		{"rxx", NULL},
	};
	char huge[200];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		const char *got = sk_str_nearest(cases[i].typed, words);

		if (!sk_str_equal(got, cases[i].want))
			fail_msg("'%s' gave '%s'", cases[i].typed, got ? got : "nothing");
	}
	memset(huge, 'r', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(sk_str_nearest(huge, words));
	assert_null(sk_str_nearest("run", NULL));
}

static void test_hint_names_what_was_meant(void **state)
{
	char *names[] = {(char *)"web", (char *)"database", NULL};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_str_hint_nearest(&err, -ENOENT, "xyz", names), -ENOENT);
	assert_int_equal(sk_str_hint_nearest(&err, -ENOENT, "web", NULL), -ENOENT);
	assert_string_equal(err.hint, "");
	assert_int_equal(sk_str_hint_nearest(&err, -ENOENT, "databse", names), -ENOENT);
	assert_string_equal(err.hint, "did you mean 'database'?");
	assert_int_equal(sk_str_hint_nearest(NULL, -ENOENT, "databse", names), -ENOENT);
}

static void test_lists_grow_and_are_searched(void **state)
{
	sk_auto(sk_strv_free) char **list = NULL;
	sk_auto(sk_strv_free) char **copy = NULL;

	(void)state;
	assert_int_equal(sk_strv_len(NULL), 0);
	assert_false(sk_strv_has(NULL, "a"));
	assert_int_equal(sk_strv_add(&list, "a"), 0);
	assert_int_equal(sk_strv_addf(&list, "b%d", 2), 0);
	assert_int_equal(sk_strv_take(&list, strdup("c")), 0);
	assert_int_equal(sk_strv_take(&list, NULL), -ENOMEM);
	assert_int_equal(sk_strv_len(list), 3);
	assert_true(sk_strv_has(list, "b2"));
	assert_false(sk_strv_has(list, "b"));
	copy = sk_strv_dup(list);
	assert_int_equal(sk_strv_len(copy), 3);
	assert_string_equal(copy[2], "c");
	assert_ptr_not_equal(copy[2], list[2]);
}

static void test_copy_of_no_list_is_an_empty_list(void **state)
{
	sk_auto(sk_strv_free) char **copy = sk_strv_dup(NULL);

	(void)state;
	assert_non_null(copy);
	assert_null(copy[0]);
}

static void test_split_keeps_empty_parts_and_join_undoes_it(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{"", 1}, {"a", 1}, {":", 2}, {"a:b", 2}, {":a::b:", 5}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_strv_free) char **list = sk_strv_split(cases[i].text, ':');
		sk_autofree char *joined = sk_strv_join(list, ":");

		assert_int_equal(sk_strv_len(list), cases[i].n);
		assert_string_equal(joined, cases[i].text);
	}
}

static void test_join_of_nothing_is_empty(void **state)
{
	sk_autofree char *joined = sk_strv_join(NULL, ", ");

	(void)state;
	assert_string_equal(joined, "");
}

static void test_csv_fields_are_quoted_where_they_must_be(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"a,b", "\"a,b\""},
		{"say \"x\"", "\"say \"\"x\"\"\""},
		{"two\nlines", "\"two\nlines\""},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_str_finish) struct sk_str str = SK_STR_INIT;

		sk_str_add_csv(&str, cases[i].text);
		assert_string_equal(str.ptr ? str.ptr : "", cases[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_fields_are_quoted_where_they_must_be),
		cmocka_unit_test(test_empty_string_is_stolen_as_empty_text),
		cmocka_unit_test(test_parts_are_appended_in_order),
		cmocka_unit_test(test_string_grows_far),
		cmocka_unit_test(test_failure_is_remembered_until_stolen),
		cmocka_unit_test(test_control_characters_are_escaped),
		cmocka_unit_test(test_characters_are_measured_as_unicode_says),
		cmocka_unit_test(test_markup_holds_text_and_nothing_else),
		cmocka_unit_test(test_format_returns_heap_text),
		cmocka_unit_test(test_comparisons_take_null_and_ends),
		cmocka_unit_test(test_nearest_word_is_guessed),
		cmocka_unit_test(test_hint_names_what_was_meant),
		cmocka_unit_test(test_lists_grow_and_are_searched),
		cmocka_unit_test(test_copy_of_no_list_is_an_empty_list),
		cmocka_unit_test(test_split_keeps_empty_parts_and_join_undoes_it),
		cmocka_unit_test(test_join_of_nothing_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
