// SPDX-License-Identifier: Apache-2.0
/* test_cli - help of every command, slips of the pen, formats, and completion in a real bash */
#include <stdlib.h>
#include <string.h>

#include "tests/it/it.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/str.h"

static void test_every_command_has_help(void **state)
{
	sk_auto(sk_strv_free) char **lines = NULL;
	struct it *it = *state;
	size_t commands = 0;

	it_expect(it, 0, "__options");
	lines = sk_strv_split(it->out, '\n');
	assert_non_null(lines);
	for (size_t i = 0; lines[i]; i++) {
		const char *rest = sk_str_starts(lines[i], "command\t");
		sk_autofree char *words =
			rest ? strndup(rest, strcspn(rest, "\t")) : NULL;
		sk_autofree char *line = words ? sk_strf("help %s", words) : NULL;
		sk_autofree char *usage =
			words ? sk_strf("Usage: skiff %s", words) : NULL;
		sk_auto(sk_strv_free) char **argv =
			line ? sk_strv_split(line, ' ') : NULL;

		if (!rest)
			continue;
		commands++;
		it_expect_argv(it, 0, (const char *const *)argv, __FILE__, __LINE__);
		assert_non_null(sk_str_starts(it->out, usage));
		it_assert_has(it->out, "--help");
		assert_string_equal(it->err, "");
	}
	assert_true(commands >= 10);
}

static void test_slips_are_told_with_a_way_on(void **state)
{
	struct it *it = *state;

	it_expect(it, 2, "verison");
	assert_string_equal(it->err,
			    "skiff: unknown command 'verison', did you mean 'version'?\n"
			    "hint: try 'skiff --help'\n");
	it_expect(it, 2, "version", "--fromat", "json");
	assert_string_equal(it->err,
			    "skiff: version: unknown option '--fromat', did you mean "
			    "'--format'?\nhint: try 'skiff version --help'\n");
	it_expect(it, 2, "lab");
	assert_string_equal(
		it->err,
		"skiff: lab: a command is missing\nhint: try 'skiff lab --help'\n");
	it_expect(it, 125, "run");
	it_assert_has(it->err, "skiff: run: an argument is missing: ");
	assert_string_equal(it->out, "");
}

static void test_version_comes_in_every_format(void **state)
{
	sk_auto(sk_json_free) struct sk_json *object = NULL;
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *line = NULL;
	struct it *it = *state;

	it_expect(it, 0, "version", "--format", "json");
	assert_int_equal(sk_json_parse(it->out, strlen(it->out), "version", &object,
				       &err),
			 0);
	assert_string_equal(sk_json_str(sk_json_get(object, "version"), ""), SK_VERSION);
	it_expect(it, 0, "version", "--format", "{{.version}} {{.machine}}");
	line = sk_strf(SK_VERSION " %s\n",
		       sk_json_str(sk_json_get(object, "machine"), ""));
	assert_string_equal(it->out, line);
	it_expect(it, 0, "version", "--format", "csv");
	assert_non_null(sk_str_starts(it->out,
				      "version,compiler,kernel,machine\n" SK_VERSION
				      ","));
	it_expect(it, 0, "--version");
	assert_string_equal(it->out, "skiff " SK_VERSION "\n");
}

/* Completes the words of @line (the last one may be empty) in bash. */
static void complete(struct it *it, const char *line)
{
	static const char script[] =
		"program=$1 root=$2 runroot=$3\n"
		"skiff() { \"$program\" --root \"$root\" --runroot \"$runroot\" \"$@\"; }\n"
		". <(skiff completion bash) || exit 9\n"
		"shift 3\n"
		"[[ $(complete -p skiff) == *'-F _skiff '* ]] || exit 8\n"
		"COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n"
		"_skiff\n"
		"echo \"${COMPREPLY[*]}\"\n";
	sk_autofree char *skiff = sk_strf("%s/bin/skiff", it->build);
	sk_auto(sk_strv_free) char **words = sk_strv_split(line, ' '), **argv = NULL;
	const char *const head[] = {"bash", "--norc", "-c",	script,
				    "bash", skiff,    it->root, it->runroot};

	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		assert_int_equal(sk_strv_add(&argv, head[i]), 0);
	for (size_t i = 0; words[i]; i++)
		assert_int_equal(sk_strv_add(&argv, words[i]), 0);
	assert_int_equal(it_command(it, (const char *const *)argv), 0);
	assert_string_equal(it->err, "");
}

static void test_bash_completes_from_the_tables(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{"skiff vers", "version\n"},
		{"skiff slice ", "--help apply ls show exec renew rm\n"},
		{"skiff lab do", "down\n"},
		{"skiff --root /x lab up --ho", "--hosts\n"},
		{"skiff --debug version --for", "--format\n"},
		{"skiff migrate g1 --mode p", "pre-copy post-copy\n"},
		{"skiff version --format ", "table json jsonl csv\n"},
		{"skiff --root /dev/nul", "/dev/null\n"},
		{"skiff import /dev/nul", "/dev/null\n"},
		{"skiff run -m 64m @b", "@busybox\n"},
		{"skiff run @ b", "@busybox\n"}, /* as bash breaks '@b' */
		{"skiff run @busybox /dev/nul", "/dev/null\n"},
		{"skiff rm it-on", "it-one\n"},
		{"skiff rm it-one it-t", "it-two\n"},
		{"skiff logs it-one /dev/nul", "/dev/null\n"},
	};
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "--name", "it-one", "@busybox", "true");
	it_expect(it, 0, "run", "--name", "it-two", "@busybox", "true");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		complete(it, cases[i].line);
		assert_string_equal(it->out, cases[i].want);
	}
	it_expect(it, 0, "rm", "it-one", "it-two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_every_command_has_help),
		IT_TEST(test_slips_are_told_with_a_way_on),
		IT_TEST(test_version_comes_in_every_format),
		IT_TEST(test_bash_completes_from_the_tables),
	};

	return it_run_group(tests);
}
