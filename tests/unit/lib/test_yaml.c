// SPDX-License-Identifier: Apache-2.0
/* test_yaml - documents as trees, limits, and structs bound from tables */
#include "lib/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

struct node {
	char *image;
	char **command;
	bool privileged;
	uint64_t count, memory_bytes, rate_bits, delay_ns, milli_cpus;
	const struct sk_yaml *links;
};

#define FIELD(member) offsetof(struct node, member)

static const struct sk_yaml_field fields[] = {
	{"image", SK_YAML_STR, FIELD(image), true, 0},
	{"command", SK_YAML_STRV, FIELD(command), false, 0},
	{"privileged", SK_YAML_BOOL, FIELD(privileged), false, 0},
	{"count", SK_YAML_U64, FIELD(count), false, 100},
	{"memory", SK_YAML_SIZE, FIELD(memory_bytes), false, 0},
	{"rate", SK_YAML_RATE, FIELD(rate_bits), false, 0},
	{"delay", SK_YAML_DURATION, FIELD(delay_ns), false, 0},
	{"cpus", SK_YAML_CPUS, FIELD(milli_cpus), false, 0},
	{"links", SK_YAML_NODE, FIELD(links), false, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

static void finish_node(struct node *node)
{
	free(node->image);
	sk_strv_free(node->command);
}
SK_DEFINE_AUTO_FINISH(struct node, finish_node)

static int parse(const char *text, struct sk_yaml **ret, struct sk_err *err)
{
	return sk_yaml_parse(text, strlen(text), "lab.yaml", ret, err);
}

static void test_bind_fills_every_kind(void **state)
{
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	sk_auto(finish_node) struct node node = {0};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(
		parse("image: \"@busybox\"\ncommand: [sh, -c, 'a b']\nprivileged: yes\n"
		      "count: 10\nmemory: 64m\nrate: 100mbit\ndelay: 20ms\ncpus: 0.5\n"
		      "links:\n  - {to: b}\n",
		      &root, &err),
		0);
	assert_int_equal(sk_yaml_bind(root, fields, &node, &err), 0);
	assert_string_equal(node.image, "@busybox");
	assert_int_equal(sk_strv_len(node.command), 3);
	assert_string_equal(node.command[2], "a b");
	assert_true(node.privileged);
	assert_int_equal(node.count, 10);
	assert_int_equal(node.memory_bytes, 64 << 20);
	assert_int_equal(node.rate_bits, 100000000);
	assert_int_equal(node.delay_ns, 20000000);
	assert_int_equal(node.milli_cpus, 500);
	assert_int_equal(sk_yaml_type(node.links), SK_YAML_LIST);
	assert_string_equal(sk_yaml_text(sk_yaml_get(sk_yaml_at(node.links, 0), "to")),
			    "b");
	assert_string_equal(sk_yaml_key(root, 2), "privileged");
}

static void test_bind_takes_a_scalar_as_a_list_of_one(void **state)
{
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	sk_auto(finish_node) struct node node = {0};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(parse("{image: x, command: ls}", &root, &err), 0);
	assert_int_equal(sk_yaml_bind(root, fields, &node, &err), 0);
	assert_int_equal(sk_strv_len(node.command), 1);
	assert_string_equal(node.command[0], "ls");
}

static void test_bind_says_where_and_what(void **state)
{
	static const struct {
		const char *text, *msg, *hint;
		int code;
	} cases[] = {
		{"image: x\nmemroy: 64m\n", "lab.yaml:2:1: unknown key 'memroy'",
		 "did you mean 'memory'?", EINVAL},
		{"image: x\nzzzzzzzz: 1\n", "lab.yaml:2:1: unknown key 'zzzzzzzz'",
		 "keys that may stand here: image, command, privileged, count, memory, rate, "
		 "delay, cpus, links",
		 EINVAL},
		{"count: 1\n", "lab.yaml:1:1: key 'image' is missing", "", EINVAL},
		{"image: [a]\n",
		 "lab.yaml:1:8: 'image' must be a single value, not a list", "", EINVAL},
		{"image: x\ncommand: {a: b}\n",
		 "lab.yaml:2:10: 'command' must be a list, not a map", "", EINVAL},
		{"image: x\ncommand: [a, [b]]\n",
		 "lab.yaml:2:14: 'command' must hold single values, not a list", "",
		 EINVAL},
		{"- image\n",
		 "lab.yaml:1:1: expected a map of 'key: value' lines, got a list", "",
		 EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
		sk_auto(finish_node) struct node node = {0};
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(parse(cases[i].text, &root, &err), 0);
		assert_int_equal(sk_yaml_bind(root, fields, &node, &err), -cases[i].code);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void test_bind_puts_the_place_before_a_bad_value(void **state)
{
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	sk_auto(finish_node) struct node node = {0};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(parse("image: x\nmemory: 12q\ncount: 5\n", &root, &err), 0);
	assert_int_equal(sk_yaml_bind(root, fields, &node, &err), -EINVAL);
	assert_non_null(
		sk_str_starts(err.msg, "lab.yaml:2:9: 'memory': '12q' is not a size"));
	sk_yaml_free(sk_steal(&root));
	assert_int_equal(parse("image: x\ncount: 101\n", &root, &err), 0);
	assert_int_equal(sk_yaml_bind(root, fields, &node, &err), -ERANGE);
	assert_non_null(sk_str_starts(err.msg, "lab.yaml:2:8: 'count': "));
}

static void test_parse_refuses_what_files_do_not_need(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"", "lab.yaml: the file is empty"},
		{"# only a comment\n", "lab.yaml: the file is empty"},
		{"a: &x 1\n", "lab.yaml:1:4: anchors ('&name') are not supported"},
		{"a: 1\nb: *x\n", "lab.yaml:2:4: aliases ('*name') are not supported"},
		{"a: !!str 1\n", "lab.yaml:1:4: tags ('!name') are not supported"},
		{"&k a: 1\n", "lab.yaml:1:1: anchors and tags are not supported"},
		{"[a]: 1\n", "lab.yaml:1:1: a key must be a plain text"},
		{"a: 1\n---\nb: 2\n", "lab.yaml:2:1: a second document in the same file"},
		{"a: \"x\\0y\"\n", "lab.yaml:1:4: a NUL in a text"},
		{"a: 1\nb: 2\na: 3\n",
		 "lab.yaml:3:1: key 'a' is there twice, first in line 1"},
		{"a: [1\nb: 2\n", "lab.yaml:2:2: did not find expected ',' or ']'"},
	};
	struct sk_yaml *root = NULL;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(parse(cases[i].text, &root, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_null(root);
	}
}

static void test_parse_limits_size_depth_and_nodes(void **state)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	struct sk_err err = SK_ERR_INIT;
	struct sk_yaml *root = NULL;

	(void)state;
	for (int i = 0; i < 65; i++)
		sk_str_add_char(&text, '[');
	for (int i = 0; i < 65; i++)
		sk_str_add_char(&text, ']');
	assert_int_equal(parse(text.ptr, &root, &err), -EINVAL);
	assert_string_equal(err.msg, "lab.yaml:1:65: nested deeper than 64 levels");
	sk_str_clear(&text);
	for (int i = 0; i < 100001; i++)
		sk_str_add(&text, "- 1\n");
	assert_int_equal(parse(text.ptr, &root, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than 100,000 values"));
	while (text.len <= 1 << 20)
		sk_str_add(&text, "- 1\n");
	assert_int_equal(parse(text.ptr, &root, &err), -EFBIG);
	assert_string_equal(err.msg, "lab.yaml: larger than 1 MiB");
	assert_null(root);
}

static void test_err_names_the_place_of_a_node(void **state)
{
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(parse("a:\n  b: 7\n", &root, &err), 0);
	assert_int_equal(sk_yaml_err(&err, sk_yaml_get(sk_yaml_get(root, "a"), "b"),
				     ERANGE, "%d is too much", 7),
			 -ERANGE);
	assert_string_equal(err.msg, "lab.yaml:2:6: 7 is too much");
}

static void test_load_names_the_file(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_yaml *root = NULL;

	(void)state;
	assert_int_equal(sk_yaml_load("/nonexistent/x.yaml", &root, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "read '/nonexistent/x.yaml': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_fills_every_kind),
		cmocka_unit_test(test_bind_takes_a_scalar_as_a_list_of_one),
		cmocka_unit_test(test_bind_says_where_and_what),
		cmocka_unit_test(test_bind_puts_the_place_before_a_bad_value),
		cmocka_unit_test(test_parse_refuses_what_files_do_not_need),
		cmocka_unit_test(test_parse_limits_size_depth_and_nodes),
		cmocka_unit_test(test_err_names_the_place_of_a_node),
		cmocka_unit_test(test_load_names_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
