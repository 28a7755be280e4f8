// SPDX-License-Identifier: Apache-2.0
/* test_out - the same data in every format, templates, and errors on stderr */
#include "cli/out.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "tests/unit/capture.h"

static const struct sk_out_column columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	 {"MEMORY", "memory.bytes", SK_OUT_SIZE},
	{"DOWN", "down_ms", SK_OUT_MS},	 {"NODES", "nodes", SK_OUT_TEXT},
	{"COUNT", "count", SK_OUT_TEXT}, {NULL, NULL, SK_OUT_TEXT},
};

static struct sk_json *parse(const char *text)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *value = NULL;

	if (sk_json_parse(text, strlen(text), "test", &value, &err) < 0)
		fail_msg("%s", err.msg);
	return value;
}

static const char list_text[] =
	"[{\"name\":\"web\",\"memory\":{\"bytes\":67108864},\"down_ms\":61,\"nodes\":[\"a\",\"b\"],"
	"\"count\":3},"
	"{\"name\":\"x,\\\"y\\u001b\",\"memory\":null,\"down_ms\":1402.5,\"nodes\":[],\"count\":12}]";

static char *list(const char *format, const char *text)
{
	sk_auto(sk_json_free) struct sk_json *array = parse(text);
	struct sk_err err = SK_ERR_INIT;
	struct capture capture;
	char *out;
	int r;

	capture_start(&capture, STDOUT_FILENO);
	r = sk_out_list(format, columns, array, &err);
	out = capture_stop(&capture);
	if (r < 0)
		fail_msg("%s", err.msg);
	return out;
}

static void test_table_shows_units_and_dashes(void **state)
{
	sk_autofree char *out = list(NULL, list_text);

	(void)state;
	assert_string_equal(out, "NAME     MEMORY  DOWN NODES COUNT\n"
				 "web      64 MiB 61 ms a,b       3\n"
				 "x,\"y\\x1b      - 1.4 s          12\n");
}

static void test_a_column_that_may_be_cut_is_never_long(void **state)
{
	static const struct sk_out_column cut[] = {{"COMMAND", "command", SK_OUT_CUT},
						   {NULL, NULL, SK_OUT_TEXT}};
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	struct sk_json *row = sk_json_add(array, sk_json_new_object());
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *out = NULL;
	char text[101];
	struct capture capture;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 50, "\xc3\xa9", 2); /* one character of two bytes */
	sk_json_set_str(row, "command", text);
	capture_start(&capture, STDOUT_FILENO);
	assert_int_equal(sk_out_list(NULL, cut, array, &err), 0);
	out = capture_stop(&capture);
	assert_non_null(strstr(out, "xxxxxx...\n"));
	/* the heading's line, 57 characters of which one has two bytes, dots, newline */
	assert_int_equal(strlen(strchr(out, '\n') + 1), 58 + 3 + 1);
}

static void test_json_keeps_keys_and_values(void **state)
{
	sk_autofree char *out = list("json", list_text);
	sk_auto(sk_json_free) struct sk_json *again = parse(out),
					     *want = parse(list_text);
	sk_autofree char *got_text = sk_json_print(again, false);
	sk_autofree char *want_text = sk_json_print(want, false);

	(void)state;
	assert_string_equal(got_text, want_text);
	assert_null(strchr(out, '\x1b'));
}

static void test_jsonl_has_a_line_per_object(void **state)
{
	sk_autofree char *out = list("jsonl", "[{\"name\":\"a\"},{\"name\":\"b\"}]");

	(void)state;
	assert_string_equal(out, "{\"name\":\"a\"}\n{\"name\":\"b\"}\n");
}

static void test_csv_quotes_and_names_columns_by_key(void **state)
{
	sk_autofree char *out = list("csv", list_text);

	(void)state;
	assert_string_equal(out, "name,memory.bytes,down_ms,nodes,count\n"
				 "web,67108864,61,\"[\"\"a\"\",\"\"b\"\"]\",3\n"
				 "\"x,\"\"y\\x1b\",,1402.5,[],12\n");
}

static void test_an_empty_list_is_an_empty_list(void **state)
{
	static const struct {
		const char *format, *want;
	} cases[] = {{"json", "[]\n"},
		     {"jsonl", ""},
		     {"{{.name}}", ""},
		     {"csv", "name,memory.bytes,down_ms,nodes,count\n"},
		     {"table", "NAME MEMORY DOWN NODES COUNT\n"}};
	struct sk_err err = SK_ERR_INIT;
	struct capture capture;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *out = list(cases[i].format, "[]");
		sk_autofree char *null_out = NULL;

		assert_string_equal(out, cases[i].want);
		capture_start(&capture, STDOUT_FILENO);
		assert_int_equal(sk_out_list(cases[i].format, columns, NULL, &err), 0);
		null_out = capture_stop(&capture);
		assert_string_equal(null_out, cases[i].want);
	}
}

static void test_templates_show_keys_as_they_are(void **state)
{
	sk_autofree char *out =
		list("{{.name}}\\t{{ .memory.bytes }} {{json .nodes}} {{ json .name }}!",
		     list_text);
	sk_autofree char *whole = list("{{json .}}", "[{\"a\":null}]");

	(void)state;
	assert_string_equal(out, "web\t67108864 [\"a\",\"b\"] \"web\"!\n"
				 "x,\"y\\x1b\t [] \"x,\\\"y\\u001b\"!\n");
	assert_string_equal(whole, "{\"a\":null}\n");
}

static void test_a_template_with_an_unknown_key_is_an_error(void **state)
{
	sk_auto(sk_json_free) struct sk_json *array =
		parse("[{\"name\":\"a\",\"size\":1}]");
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_out_list("{{.nmae}}", columns, array, &err), -EINVAL);
	assert_string_equal(err.msg, "there is no key 'nmae', did you mean 'name'?");
	assert_string_equal(err.hint, "keys: name, size");
}

static void test_check_format_refuses_malformed_ones(void **state)
{
	static const struct {
		const char *format, *msg;
	} cases[] = {
		{"xml", "'xml' is not table, json, jsonl, csv or a text with {{.key}}"},
		{"{{.a", "'{{' without '}}' in the format '{{.a'"},
		{"x {{a}}", "'{{a}}' in a format is not understood"},
		{"{{.}}", "'{{.}}' in a format is not understood"},
		{"{{}}", "'{{}}' in a format is not understood"},
		{"{{json }}", "'{{json }}' in a format is not understood"},
		{"{{range .}}", "'{{range .}}' in a format is not understood"},
	};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_out_check_format("csv", &err), 0);
	assert_int_equal(sk_out_check_format("{{.a}} {{ json . }}", &err), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_int_equal(sk_out_check_format(cases[i].format, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static char *object(const char *format, const struct sk_out_column *shown,
		    const char *text)
{
	sk_auto(sk_json_free) struct sk_json *value = parse(text);
	struct sk_err err = SK_ERR_INIT;
	struct capture capture;
	char *out;
	int r;

	capture_start(&capture, STDOUT_FILENO);
	r = sk_out_object(format, shown, value, &err);
	out = capture_stop(&capture);
	if (r < 0)
		fail_msg("%s", err.msg);
	return out;
}

static void test_an_object_has_a_line_per_key(void **state)
{
	static const char text[] =
		"{\"id\":7,\"mode\":{\"asked\":\"x\",\"proven\":null}}";
	sk_autofree char *lines = object(NULL, NULL, text);
	sk_autofree char *csv = object("csv", NULL, text);
	sk_autofree char *json = object("json", NULL, text);
	sk_autofree char *field = object("{{.mode.asked}}", NULL, text);

	(void)state;
	assert_string_equal(lines, "id           7\nmode.asked   x\nmode.proven  -\n");
	assert_string_equal(csv, "id,mode.asked,mode.proven\n7,x,\n");
	assert_string_equal(json,
			    "{\n  \"id\": 7,\n  \"mode\": {\n    \"asked\": \"x\",\n"
			    "    \"proven\": null\n  }\n}\n");
	assert_string_equal(field, "x\n");
}

static void test_ages_are_told_in_one_unit(void **state)
{
	static const struct sk_out_column age[] = {{"AGE", "t", SK_OUT_AGE},
						   {NULL, NULL, SK_OUT_TEXT}};
	static const struct {
		int64_t offset_s;
		const char *want;
	} cases[] = {{-5, "AGE  5 s ago\n"},
		     {-200, "AGE  3 min ago\n"},
		     {-7300, "AGE  2 h ago\n"},
		     {-400000, "AGE  4 d ago\n"},
		     {2430, "AGE  in 40 min\n"}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char stamp[SK_CLOCK_TEXT_SIZE];
		sk_autofree char *text =
			sk_strf("{\"t\":\"%s\"}",
				sk_clock_format(sk_clock_real() +
							cases[i].offset_s * SK_NS_PER_S,
						stamp));
		sk_autofree char *out = object(NULL, age, text);

		assert_string_equal(out, cases[i].want);
	}
}

static void test_errors_are_escaped_and_carry_the_hint(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *out = NULL;
	struct capture capture;

	(void)state;
	(void)sk_err_set(&err, EINVAL, "open 'a\x1b[2J'");
	(void)sk_err_hint(&err, -EINVAL, "give it more, for example -m 256m");
	capture_start(&capture, STDERR_FILENO);
	sk_out_error("skiff", &err);
	out = capture_stop(&capture);
	assert_string_equal(
		out,
		"skiff: open 'a\\x1b[2J'\nhint: give it more, for example -m 256m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_shows_units_and_dashes),
		cmocka_unit_test(test_a_column_that_may_be_cut_is_never_long),
		cmocka_unit_test(test_json_keeps_keys_and_values),
		cmocka_unit_test(test_jsonl_has_a_line_per_object),
		cmocka_unit_test(test_csv_quotes_and_names_columns_by_key),
		cmocka_unit_test(test_an_empty_list_is_an_empty_list),
		cmocka_unit_test(test_templates_show_keys_as_they_are),
		cmocka_unit_test(test_a_template_with_an_unknown_key_is_an_error),
		cmocka_unit_test(test_check_format_refuses_malformed_ones),
		cmocka_unit_test(test_an_object_has_a_line_per_key),
		cmocka_unit_test(test_ages_are_told_in_one_unit),
		cmocka_unit_test(test_errors_are_escaped_and_carry_the_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
