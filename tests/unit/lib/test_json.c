// SPDX-License-Identifier: Apache-2.0
/* test_json - strict reading with positions, checked members, building and printing */
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

static struct sk_json *parse(const char *text)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *value = NULL;

	if (sk_json_parse(text, strlen(text), "t.json", &value, &err) < 0)
		fail_msg("'%s': %s", text, err.msg);
	return value;
}

static void test_parse_keeps_every_kind_of_value(void **state)
{
	static const char text[] =
		" {\"a\": [1, -2.5, true, null, \"x\\n\\u00e9\\ud83d\\ude00\"],"
		"\"big\": 18446744073709551615, \"e\": {}, \"\": 0} ";
	sk_auto(sk_json_free) struct sk_json *root = parse(text);
	sk_autofree char *out = sk_json_print(root, false);

	(void)state;
	assert_string_equal(out,
			    "{\"a\":[1,-2.5,true,null,\"x\\n\xc3\xa9\xf0\x9f\x98\x80\"],"
			    "\"big\":18446744073709551615,\"e\":{},\"\":0}");
	assert_int_equal(sk_json_type(sk_json_at(sk_json_get(root, "a"), 3)),
			 SK_JSON_NULL);
	assert_int_equal(sk_json_len(sk_json_get(root, "a")), 5);
	assert_int_equal(sk_json_len(root), 4);
	assert_true(sk_json_int(sk_json_get(root, "big"), 0) == INT64_MAX);
	assert_null(sk_json_at(sk_json_get(root, "a"), 5));
}

static void test_parse_says_where_it_failed(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"", "t.json:1:1: the text ends where a value should follow"},
		{"{\"a\":1,}", "t.json:1:8: expected a key in double quotes, got '}'"},
		{"{\"a\":1\n \"b\":2}", "t.json:2:2: expected ',' or '}', got '\"'"},
		{"[1,]", "t.json:1:4: expected a value, got ']'"},
		{"[1 2]", "t.json:1:4: expected ',' or ']', got '2'"},
		{"{\"a\" 1}", "t.json:1:6: expected ':', got '1'"},
		{"{\"a\":1,\n\"b\":2,\n  \"\\u0061\":3}",
		 "t.json:3:3: key 'a' is there twice"},
		{"{'a':1}", "t.json:1:2: expected a key in double quotes, got '''"},
		{"[1] x", "t.json:1:5: more text behind the value"},
		{"// c\n1", "t.json:1:1: expected a value, got '/'"},
		{"NaN", "t.json:1:1: expected a value, got 'N'"},
		{"01", "t.json:1:2: a number with a leading zero"},
		{"1.", "t.json:1:3: the text ends where a digit should follow"},
		{"-x", "t.json:1:2: expected a digit, got 'x'"},
		{"[-1e999]", "t.json:1:2: a number beyond 1.7e308"},
		{"\"ab", "t.json:1:1: this string has no end"},
		{"\"a\tb\"",
		 "t.json:1:3: control character 0x09 in a string: write it as \\u0009"},
		{"\"\\q\"",
		 "t.json:1:3: expected an escape such as \\n or \\u00e9, got 'q'"},
		{"\"\\u12g4\"",
		 "t.json:1:6: expected four hexadecimal digits behind '\\u', got 'g'"},
		{"\"\\u0000\"", "t.json:1:2: '\\u0000' in a string"},
		{"\"\\ud800x\"", "t.json:1:2: half of a surrogate pair"},
		{"\"\\udc00\"", "t.json:1:2: half of a surrogate pair"},
		{"\"\xc3\xa9\xff\"", "t.json:1:3: not UTF-8"},
		{"\"\xc0\x80\"", "t.json:1:2: not UTF-8"},
		{"\"\xed\xa0\x80\"", "t.json:1:2: not UTF-8"},
	};
	struct sk_json *value = NULL;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_json_parse(cases[i].text, strlen(cases[i].text),
					       "t.json", &value, &err),
				 -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_null(value);
	}
}

static void test_parse_refuses_a_nul_byte(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *value = NULL;

	(void)state;
	assert_int_equal(sk_json_parse("[1\0]", 4, NULL, &value, &err), -EINVAL);
	assert_string_equal(err.msg, "JSON:1:3: a NUL byte in the text");
}

static int parse_nested(unsigned int depth, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	for (unsigned int i = 0; i < depth; i++)
		sk_str_add(&text, "[");
	for (unsigned int i = 0; i < depth; i++)
		sk_str_add(&text, "]");
	return sk_json_parse(text.ptr, text.len, "t", ret, err);
}

static void test_parse_limits_depth_and_size(void **state)
{
	sk_auto(sk_json_free) struct sk_json *value = NULL;
	sk_autofree char *large = malloc(SK_JSON_MAX_BYTES + 1);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(parse_nested(SK_JSON_MAX_DEPTH, &value, &err), 0);
	sk_json_free(sk_steal(&value));
	assert_int_equal(parse_nested(SK_JSON_MAX_DEPTH + 1, &value, &err), -EINVAL);
	assert_string_equal(err.msg, "t:1:65: nested deeper than 64 levels");
	assert_int_equal(parse_nested(1000000, &value, &err), -EINVAL);
	memset(large, ' ', SK_JSON_MAX_BYTES + 1);
	assert_int_equal(sk_json_parse(large, SK_JSON_MAX_BYTES + 1, "t", &value, &err),
			 -EFBIG);
	assert_null(value);
}

static void test_load_names_the_file(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *value = NULL;

	(void)state;
	assert_int_equal(sk_json_load(AT_FDCWD, "/nonexistent/x.json", &value, &err),
			 -ENOENT);
	assert_string_equal(err.msg,
			    "read '/nonexistent/x.json': No such file or directory");
}

static void test_path_follows_objects(void **state)
{
	sk_auto(sk_json_free) struct sk_json *root =
		parse("{\"a\":{\"b\":{\"c\":7}},\"n\":null}");

	(void)state;
	assert_int_equal(sk_json_int(sk_json_path(root, "a.b.c"), -1), 7);
	assert_null(sk_json_path(root, "a.x.c"));
	assert_null(sk_json_path(root, "a.b.c.d"));
	assert_null(sk_json_path(root, "n.b"));
	assert_null(sk_json_path(NULL, "a"));
}

static void test_each_visits_null_members_too(void **state)
{
	sk_auto(sk_json_free) struct sk_json *root =
		parse("{\"x\":1,\"y\":null,\"z\":2}");
	sk_auto(sk_str_finish) struct sk_str seen = SK_STR_INIT;
	struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	(void)state;
	while ((value = sk_json_each(root, &cursor, &key)))
		sk_str_addf(&seen, "%s=%s ", key, sk_json_type_name(sk_json_type(value)));
	assert_string_equal(seen.ptr, "x=number y=null z=number ");
}

static void test_checked_reading_tells_what_is_wrong(void **state)
{
	sk_auto(sk_json_free) struct sk_json *root = parse(
		"{\"s\":\"x\",\"n\":5,\"f\":1.5,\"big\":18446744073709551615,\"huge\":1e30,"
		"\"neg\":-1,\"l\":[\"a\",1],\"null\":null}");
	sk_auto(sk_strv_free) char **list = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *object = NULL;
	const char *text = "kept";
	uint64_t natural = 42;
	int64_t number = 42;
	bool truth = true;

	(void)state;
	assert_int_equal(sk_json_read_str(root, "p", "n", &text, &err), -EINVAL);
	assert_string_equal(err.msg, "p.n: expected a string, got a number");
	assert_int_equal(sk_json_read_str(root, "p", "missing", &text, &err), 0);
	assert_int_equal(sk_json_read_str(root, "p", "null", &text, &err), 0);
	assert_string_equal(text, "kept");
	assert_int_equal(sk_json_read_i64(root, "", "f", 0, 9, &number, &err), -EINVAL);
	assert_string_equal(err.msg, "f: expected an integer, got 1.5");
	assert_int_equal(sk_json_read_i64(root, "p", "big", 0, INT64_MAX, &number, &err),
			 -ERANGE);
	assert_string_equal(err.msg, "p.big: 18446744073709551615 is not between 0 and "
				     "9223372036854775807");
	assert_int_equal(sk_json_read_i64(root, "p", "huge", 0, 9, &number, &err),
			 -ERANGE);
	assert_int_equal(sk_json_read_i64(root, NULL, "n", 6, 9, &number, &err), -ERANGE);
	assert_string_equal(err.msg, "n: 5 is not between 6 and 9");
	assert_int_equal(number, 42);
	assert_int_equal(sk_json_read_u64(root, "p", "neg", UINT64_MAX, &natural, &err),
			 -ERANGE);
	assert_true(natural == 42);
	assert_int_equal(sk_json_read_u64(root, "p", "big", UINT64_MAX, &natural, &err),
			 0);
	assert_true(natural == UINT64_MAX);
	assert_int_equal(sk_json_read_bool(root, "p", "s", &truth, &err), -EINVAL);
	assert_string_equal(err.msg, "p.s: expected a boolean, got a string");
	assert_int_equal(sk_json_read_object(root, "p", "l", &object, &err), -EINVAL);
	assert_string_equal(err.msg, "p.l: expected an object, got an array");
	assert_null(object);
	assert_int_equal(sk_json_read_strv(root, "p", "l", &list, &err), -EINVAL);
	assert_string_equal(err.msg, "p.l[1]: expected a string, got number");
	assert_null(list);
}

static void test_building_prints_stable_text(void **state)
{
	sk_auto(sk_json_free) struct sk_json *root = sk_json_new_object();
	sk_autofree char *line = NULL, *pretty = NULL;
	char *list[] = {(char *)"a", (char *)"b", NULL};

	(void)state;
	sk_json_set_str(root, "s", "q\"\\/\x01\xff\x7f");
	sk_json_set_str(root, "none", NULL);
	sk_json_set_double(root, "d", 0.1);
	sk_json_set_double(root, "whole", 3);
	sk_json_set_double(root, "small", 1e-9);
	sk_json_set_double(root, "nan", NAN);
	sk_json_set_bool(root, "b", true);
	sk_json_set_strv(root, "l", list);
	sk_json_set_strv(root, "empty", NULL);
	line = sk_json_print(root, false);
	assert_string_equal(
		line, "{\"s\":\"q\\\"\\\\/\\u0001\xef\xbf\xbd\\u007f\",\"none\":null,"
		      "\"d\":0.1,\"whole\":3.0,\"small\":0.0,\"nan\":null,\"b\":true,"
		      "\"l\":[\"a\",\"b\"],\"empty\":[]}");
	pretty = sk_json_print(sk_json_get(root, "l"), true);
	assert_string_equal(pretty, "[\n  \"a\",\n  \"b\"\n]\n");
}

static void test_printed_text_reads_back_the_same(void **state)
{
	static const char text[] = "{\"a\":[1,2.25,\"x\xc3\xa9\",{\"b\":null}],\"c\":-7}";
	sk_auto(sk_json_free) struct sk_json *first = parse(text);
	sk_autofree char *pretty = sk_json_print(first, true);
	sk_auto(sk_json_free) struct sk_json *second = parse(pretty);
	sk_autofree char *again = sk_json_print(second, false);

	(void)state;
	assert_string_equal(again, text);
}

static void test_printed_text_has_no_control_characters(void **state)
{
	sk_auto(sk_json_free) struct sk_json *value =
		sk_json_new_str("a\x1b\x7f\xc2\x9b\xc2\xa0z");
	sk_autofree char *text = sk_json_print(value, false);

	(void)state;
	assert_string_equal(text, "\"a\\u001b\\u007f\\u009b\xc2\xa0z\"");
}

static void test_adding_takes_the_child_in_any_case(void **state)
{
	sk_auto(sk_json_free) struct sk_json *number = sk_json_new_int(1);
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	sk_auto(sk_json_free) struct sk_json *shared = sk_json_new_str("s");
	sk_autofree char *text = NULL;

	(void)state;
	/* LSan fails the test if these children leak. */
	assert_null(sk_json_set(number, "k", sk_json_new_object()));
	assert_null(sk_json_add(NULL, sk_json_new_object()));
	(void)sk_json_add(array, sk_json_ref(shared));
	(void)sk_json_add(array, sk_json_ref(shared));
	(void)sk_json_add(array, NULL);
	text = sk_json_print(array, false);
	assert_string_equal(text, "[\"s\",\"s\",null]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_keeps_every_kind_of_value),
		cmocka_unit_test(test_parse_says_where_it_failed),
		cmocka_unit_test(test_parse_refuses_a_nul_byte),
		cmocka_unit_test(test_parse_limits_depth_and_size),
		cmocka_unit_test(test_load_names_the_file),
		cmocka_unit_test(test_path_follows_objects),
		cmocka_unit_test(test_each_visits_null_members_too),
		cmocka_unit_test(test_checked_reading_tells_what_is_wrong),
		cmocka_unit_test(test_building_prints_stable_text),
		cmocka_unit_test(test_printed_text_reads_back_the_same),
		cmocka_unit_test(test_printed_text_has_no_control_characters),
		cmocka_unit_test(test_adding_takes_the_child_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
