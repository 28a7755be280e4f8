// SPDX-License-Identifier: Apache-2.0
/* test_opt - every kind of option, where options end, and errors that name the option */
#include "cli/opt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"

struct opts {
	bool remove, tty;
	const char *name, *mode, *format;
	char **env;
	uint64_t count, memory, rate, delay, cpus;
};

#define OPT(member) offsetof(struct opts, member)

static const struct sk_opt table[] = {
	{0, "rm", NULL, "remove at the end", SK_OPT_FLAG, OPT(remove)},
	{'t', "tty", NULL, "terminal", SK_OPT_FLAG, OPT(tty)},
	{'n', "name", "NAME", "name", SK_OPT_STR, OPT(name)},
	{'e', "env", "K=V", "environment", SK_OPT_STRV, OPT(env)},
	{0, "mode", "pre-copy|post-copy", "mode", SK_OPT_CHOICE, OPT(mode)},
	SK_OPT_FORMAT_ROW(struct opts, format),
	{'c', "count", "N", "count", SK_OPT_U64, OPT(count)},
	{'m', "memory", "SIZE", "memory", SK_OPT_SIZE, OPT(memory)},
	{0, "rate", "RATE", "rate", SK_OPT_RATE, OPT(rate)},
	{0, "delay", "TIME", "delay", SK_OPT_DURATION, OPT(delay)},
	{0, "cpus", "N", "CPUs", SK_OPT_CPUS, OPT(cpus)},
	SK_OPT_END,
};

#define MAX_ARGS 24

/* A command line from words parted by blanks, and what a parse of it gave. */
struct parse {
	struct opts opts;
	struct sk_opt_result result;
	struct sk_err err;
	char *argv[MAX_ARGS + 1];
	int argc;
	char **words;
	int r;
};

static void parse_init(struct parse *p, const char *line, unsigned int style)
{
	*p = (struct parse){.opts.memory = SK_OPT_UNSET};
	p->words = sk_strv_split(line, ' ');
	assert_non_null(p->words);
	for (; p->words[p->argc]; p->argc++) {
		assert_true(p->argc < MAX_ARGS);
		p->argv[p->argc] = p->words[p->argc];
	}
	p->r = sk_opt_parse(table, &p->opts, p->argc, p->argv, style, &p->result,
			    &p->err);
}

static void parse_finish(struct parse *p)
{
	sk_opt_finish(table, &p->opts);
	assert_null(p->opts.env);
	sk_strv_free(p->words);
}
SK_DEFINE_AUTO_FINISH(struct parse, parse_finish)

static void test_every_kind_is_read(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(
		&p,
		"run --rm -tn web -e A=1 --env=B=2 --mode post-copy --format json -c 7 -m64m "
		"--rate 100mbit --delay 20ms --cpus 1.5 image",
		0);
	assert_int_equal(p.r, 0);
	assert_true(p.opts.remove && p.opts.tty);
	assert_string_equal(p.opts.name, "web");
	assert_int_equal(sk_strv_len(p.opts.env), 2);
	assert_string_equal(p.opts.env[0], "A=1");
	assert_string_equal(p.opts.env[1], "B=2");
	assert_string_equal(p.opts.mode, "post-copy");
	assert_string_equal(p.opts.format, "json");
	assert_int_equal(p.opts.count, 7);
	assert_int_equal(p.opts.memory, 64 << 20);
	assert_int_equal(p.opts.rate, 100000000);
	assert_int_equal(p.opts.delay, 20000000);
	assert_int_equal(p.opts.cpus, 1500);
	assert_string_equal(p.argv[p.result.first_arg], "image");
}

static void test_options_that_are_not_given_keep_their_values(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(&p, "run image", 0);
	assert_int_equal(p.r, 0);
	assert_true(p.opts.memory == SK_OPT_UNSET);
	assert_null(p.opts.name);
	assert_int_equal(p.result.first_arg, 1);
}

static void test_options_first_leaves_a_foreign_command_line_alone(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(&p, "run -t image ls -t --rm --help", SK_OPT_FIRST);
	assert_int_equal(p.r, 0);
	assert_false(p.opts.remove);
	assert_false(p.result.wants_help);
	assert_string_equal(p.argv[p.result.first_arg], "image");
	assert_string_equal(p.argv[p.result.first_arg + 2], "-t");
}

static void test_otherwise_options_stand_anywhere(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(&p, "migrate g1 --name b x -- --rm", 0);
	assert_int_equal(p.r, 0);
	assert_string_equal(p.opts.name, "b");
	assert_false(p.opts.remove);
	assert_int_equal(p.argc - p.result.first_arg, 3);
	assert_string_equal(p.argv[p.result.first_arg], "g1");
	assert_string_equal(p.argv[p.argc - 1], "--rm");
}

static void test_flags_take_a_truth_value(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(&p, "run --rm --tty=true --rm=false image", 0);
	assert_int_equal(p.r, 0);
	assert_true(p.opts.tty);
	assert_false(p.opts.remove);
	assert_string_equal(p.argv[p.result.first_arg], "image");
}

static void test_help_and_version_end_the_parse(void **state)
{
	static const struct {
		const char *line;
		bool help, version;
	} cases[] = {{"x --help --bogus", true, false},
		     {"x -h", true, false},
		     {"x -th", true, false},
		     {"x --version", false, true}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(parse_finish) struct parse p;

		parse_init(&p, cases[i].line, 0);
		assert_int_equal(p.r, 0);
		assert_int_equal(p.result.wants_help, cases[i].help);
		assert_int_equal(p.result.wants_version, cases[i].version);
	}
}

static void test_errors_name_the_option(void **state)
{
	static const struct {
		const char *line, *msg;
	} cases[] = {
		{"x --nmae web", "unknown option '--nmae', did you mean '--name'?"},
		{"x --mem 64m", "unknown option '--mem', did you mean '--memory'?"},
		{"x --mem=64m", "unknown option '--mem', did you mean '--memory'?"},
		{"x --na web", "unknown option '--na', did you mean '--name'?"},
		{"x --r", "unknown option '--r', did you mean '--rm'?"},
		{"x --hel", "unknown option '--hel', did you mean '--help'?"},
		{"x --bogus=1", "unknown option '--bogus'"},
		{"x -z", "unknown option '-z'"},
		{"x -tz", "unknown option '-z'"},
		{"x --name", "option '--name' needs a value: NAME"},
		{"x -m", "option '-m' needs a value: SIZE"},
		{"x --mode pre-cpy",
		 "--mode: 'pre-cpy' is not one of pre-copy|post-copy, did you mean 'pre-copy'?"},
		{"x --mode x", "--mode: 'x' is not one of pre-copy|post-copy"},
		{"x --format jsn",
		 "--format: 'jsn' is not table, json, jsonl, csv or a text with "
		 "{{.key}}, did you mean 'json'?"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(parse_finish) struct parse p;

		parse_init(&p, cases[i].line, 0);
		assert_int_equal(p.r, -EINVAL);
		assert_string_equal(p.err.msg, cases[i].msg);
	}
}

static void test_a_bad_value_keeps_the_old_one(void **state)
{
	sk_auto(parse_finish) struct parse p;

	(void)state;
	parse_init(&p, "x -m 12q", 0);
	assert_int_equal(p.r, -EINVAL);
	assert_non_null(sk_str_starts(p.err.msg, "--memory: '12q' is not a size"));
	assert_true(p.opts.memory == SK_OPT_UNSET);
}

static void test_a_command_without_options_still_has_help(void **state)
{
	char name[] = "x", help[] = "--help", other[] = "--other";
	char *good[] = {name, help, NULL}, *bad[] = {name, other, NULL};
	struct sk_err err = SK_ERR_INIT;
	struct sk_opt_result result;

	(void)state;
	assert_int_equal(sk_opt_parse(NULL, NULL, 2, good, 0, &result, &err), 0);
	assert_true(result.wants_help);
	assert_int_equal(sk_opt_parse(NULL, NULL, 2, bad, 0, &result, &err), -EINVAL);
	assert_string_equal(err.msg, "unknown option '--other'");
}

static void test_a_single_dash_is_enough_where_the_style_says_so(void **state)
{
	sk_auto(parse_finish) struct parse p, q;

	(void)state;
	parse_init(&p, "run -rm=true -name web x -mode=post-copy -m64m -tc 3 -",
		   SK_OPT_SINGLE_DASH);
	assert_int_equal(p.r, 0);
	assert_true(p.opts.remove && p.opts.tty);
	assert_string_equal(p.opts.name, "web");
	assert_string_equal(p.opts.mode, "post-copy");
	assert_int_equal(p.opts.memory, 64 << 20);
	assert_int_equal(p.opts.count, 3);
	assert_int_equal(p.argc - p.result.first_arg, 2);
	assert_string_equal(p.argv[p.result.first_arg], "x");
	assert_string_equal(p.argv[p.argc - 1], "-");
	parse_init(&q, "run -rm", 0);
	assert_int_equal(q.r, -EINVAL);
	assert_string_equal(q.err.msg, "unknown option '-r'");
}

static void test_abbreviations_are_taken_where_the_style_says_so(void **state)
{
	sk_auto(parse_finish) struct parse p, q;

	(void)state;
	parse_init(&p, "run --na web --mem=64m --tt", SK_OPT_ABBREVIATED);
	assert_int_equal(p.r, 0);
	assert_string_equal(p.opts.name, "web");
	assert_int_equal(p.opts.memory, 64 << 20);
	assert_true(p.opts.tty);
	parse_init(&q, "run --m=64m", SK_OPT_ABBREVIATED);
	assert_int_equal(q.r, -EINVAL);
	assert_string_equal(q.err.msg, "option '--m' could be '--mode' and '--memory'");
}

static void test_v_is_version_where_the_style_says_so(void **state)
{
	sk_auto(parse_finish) struct parse p, q;

	(void)state;
	parse_init(&p, "x -v", SK_OPT_V_IS_VERSION);
	assert_int_equal(p.r, 0);
	assert_true(p.result.wants_version);
	parse_init(&q, "x -v", 0);
	assert_int_equal(q.r, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_is_read),
		cmocka_unit_test(test_options_that_are_not_given_keep_their_values),
		cmocka_unit_test(test_options_first_leaves_a_foreign_command_line_alone),
		cmocka_unit_test(test_otherwise_options_stand_anywhere),
		cmocka_unit_test(test_flags_take_a_truth_value),
		cmocka_unit_test(test_help_and_version_end_the_parse),
		cmocka_unit_test(test_errors_name_the_option),
		cmocka_unit_test(test_a_bad_value_keeps_the_old_one),
		cmocka_unit_test(test_a_command_without_options_still_has_help),
		cmocka_unit_test(test_a_single_dash_is_enough_where_the_style_says_so),
		cmocka_unit_test(test_abbreviations_are_taken_where_the_style_says_so),
		cmocka_unit_test(test_v_is_version_where_the_style_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
