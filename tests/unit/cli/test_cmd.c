// SPDX-License-Identifier: Apache-2.0
/* test_cmd - from a command line to a function, and from its result to text and exit status */
#include "cli/cmd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "tests/unit/capture.h"

struct greet_opts {
	bool loud;
	char **tags;
	uint64_t times;
};

static const struct sk_opt greet_table[] = {
	{'l', "loud", NULL, "shout", SK_OPT_FLAG, offsetof(struct greet_opts, loud)},
	{0, "tag", "TAG", "a tag", SK_OPT_STRV, offsetof(struct greet_opts, tags)},
	{'n', "times", "N",
	 "how often; the text of this option is long enough that it has to be wrapped",
	 SK_OPT_U64, offsetof(struct greet_opts, times)},
	SK_OPT_END,
};

static int greet_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		     struct sk_err *err)
{
	const struct greet_opts *opts = options;

	(void)err;
	(void)printf("%s %d %s %llu tags=%zu root=%s\n", ctx->path, nargs,
		     opts->loud ? "LOUD" : "quiet", (unsigned long long)opts->times,
		     sk_strv_len(opts->tags),
		     ctx->globals->root ? ctx->globals->root : "-");
	for (int i = 0; i < nargs; i++)
		(void)printf("[%s]\n", args[i]);
	return 0;
}

/* Ends as its argument says. */
static int end_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		   struct sk_err *err)
{
	(void)ctx;
	(void)options;
	(void)nargs;
	if (strcmp(args[0], "fail") == 0)
		return sk_err_hint(err, sk_err_set(err, ENOENT, "no such thing"),
				   "make one");
	if (strcmp(args[0], "bare") == 0)
		return -EPERM;
	if (strcmp(args[0], "usage") == 0)
		return sk_cmd_usage(err, "--to needs --from");
	if (strcmp(args[0], "interrupted") == 0)
		return -EINTR;
	if (strcmp(args[0], "not-found") == 0) {
		(void)sk_err_set(err, ENOENT, "run 'nope': not found");
		return SK_EXIT_NOT_FOUND;
	}
	return 42;
}

static const struct sk_cmd greet = {
	.name = "greet",
	.summary = "say hello",
	.usage = "[OPTIONS] NAME...",
	.details = "Example:\n  greet you\n",
	.opts = greet_table,
	.opts_size = sizeof(struct greet_opts),
	.defaults = &(const struct greet_opts){.times = 3},
	.min_args = 1,
	.max_args = 2,
	.run = greet_run,
};
static const struct sk_cmd end = {.name = "end",
				  .summary = "end",
				  .min_args = 1,
				  .max_args = 1,
				  .run = end_run};
static const struct sk_cmd run = {
	.name = "run",
	.summary = "run",
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.fail_status = SK_EXIT_RUN_FAILED,
	.options_first = true,
	.run = end_run,
};
static const struct sk_cmd elsewhere = {.name = "elsewhere",
					.summary = "of another program",
					.program = "skiff-none"};
static const struct sk_cmd group = {
	.name = "group",
	.summary = "some",
	.sub = (const struct sk_cmd *const[]){&greet, &end, NULL},
};
static const struct sk_cmd both = {
	.name = "both",
	.summary = "a command and some",
	.usage = "NAME",
	.sub = (const struct sk_cmd *const[]){&end, NULL},
	.is_also_command = true,
	.min_args = 1,
	.max_args = 1,
	.run = end_run,
};
static const struct sk_cmd hidden = {.name = "hidden",
				     .summary = "not shown",
				     .is_hidden = true,
				     .max_args = 0,
				     .run = greet_run};

static const struct sk_cmd_group groups[] = {
	{"Talk", (const struct sk_cmd *const[]){&greet, &group, NULL}},
	{"More",
	 (const struct sk_cmd *const[]){&end, &run, &elsewhere, &both, &hidden, NULL}},
	{NULL, NULL},
};
static const struct sk_program program = {.name = "prog",
					  .summary = "a test",
					  .groups = groups};

/* The program that should have the function of `elsewhere`, and has not. */
static const struct sk_program lacking = {.name = "skiff-none",
					  .user_name = "prog",
					  .summary = "a test",
					  .groups = groups};

struct result {
	int status;
	char *out, *err;
};

static void result_finish(struct result *result)
{
	free(result->out);
	free(result->err);
}
SK_DEFINE_AUTO_FINISH(struct result, result_finish)

static struct result run_line_of(const struct sk_program *which, const char *line)
{
	sk_auto(sk_strv_free) char **words = sk_strv_split(line, ' ');
	struct capture out, err;
	struct result result;
	char *argv[16] = {NULL};
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = words[argc];
	capture_start(&out, STDOUT_FILENO);
	capture_start(&err, STDERR_FILENO);
	result.status = sk_cmd_main(which, argc, argv);
	result.err = capture_stop(&err);
	result.out = capture_stop(&out);
	return result;
}

static struct result run_line(const char *line)
{
	return run_line_of(&program, line);
}

static void test_a_command_gets_options_arguments_and_globals(void **state)
{
	sk_auto(result_finish) struct result result =
		run_line("prog --root /r group greet a --tag x --tag y -l b");

	(void)state;
	assert_string_equal(result.err, "");
	assert_string_equal(result.out,
			    "prog group greet 2 LOUD 3 tags=2 root=/r\n[a]\n[b]\n");
	assert_int_equal(result.status, 0);
}

static void test_results_become_texts_and_exit_codes(void **state)
{
	static const struct {
		const char *line, *err;
		int status;
	} cases[] = {
		{"prog end status", "", 42},
		{"prog both end fail", "prog: no such thing\nhint: make one\n", 1},
		{"prog both fail", "prog: no such thing\nhint: make one\n", 1},
		{"prog both -- end", "", 42},
		{"prog both end",
		 "prog: both end: an argument is missing\nhint: try 'prog both end --help'\n",
		 2},
		{"prog both",
		 "prog: both: an argument is missing: NAME\nhint: try 'prog both --help'\n",
		 2},
		{"prog end fail", "prog: no such thing\nhint: make one\n", 1},
		{"prog end bare", "prog: end: Operation not permitted\n", 1},
		{"prog end interrupted", "", 130},
		{"prog end usage",
		 "prog: end: --to needs --from\nhint: try 'prog end --help'\n", 2},
		{"prog run fail", "prog: no such thing\nhint: make one\n", 125},
		{"prog run --bogus x",
		 "prog: run: unknown option '--bogus'\nhint: try 'prog run --help'\n",
		 125},
		{"prog run not-found x --y", "prog: run 'nope': not found\n", 127},
		{"prog end",
		 "prog: end: an argument is missing\nhint: try 'prog end --help'\n", 2},
		{"prog greet",
		 "prog: greet: an argument is missing: [OPTIONS] NAME...\nhint: try 'prog greet --help'\n",
		 2},
		{"prog end a b",
		 "prog: end: unexpected argument 'b'\nhint: try 'prog end --help'\n", 2},
		{"prog gret x",
		 "prog: unknown command 'gret', did you mean 'greet'?\nhint: try 'prog --help'\n",
		 2},
		{"prog group edn",
		 "prog: group: unknown command 'edn', did you mean 'end'?\n"
		 "hint: try 'prog group --help'\n",
		 2},
		{"prog group",
		 "prog: group: a command is missing\nhint: try 'prog group --help'\n", 2},
		{"prog greet a --root /x",
		 "prog: greet: unknown option '--root'\n"
		 "hint: --root stands before the command: prog --root ... greet\n",
		 2},
		{"prog --rot x greet",
		 "prog: unknown option '--rot', did you mean '--root'?\nhint: try 'prog --help'\n",
		 2},
		{"prog greet --version",
		 "prog: greet: unknown option '--version'\nhint: try 'prog greet --help'\n",
		 2},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(result_finish) struct result result = run_line(cases[i].line);

		assert_string_equal(result.err, cases[i].err);
		assert_string_equal(result.out, "");
		assert_int_equal(result.status, cases[i].status);
	}
}

static void test_help_of_a_command_comes_from_its_table(void **state)
{
	static const char want[] =
		"Usage: prog group greet [OPTIONS] NAME...\n\nSay hello.\n\n"
		"Options:\n"
		"  -l, --loud                shout\n"
		"      --tag TAG             a tag\n"
		"  -n, --times N             how often; the text of this option is long enough\n"
		"                            that it has to be wrapped\n"
		"      --help                print this text\n"
		"\nExample:\n  greet you\n";
	static const char *const lines[] = {"prog group greet --help",
					    "prog group greet a -h",
					    "prog help group greet"};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++) {
		sk_auto(result_finish) struct result result = run_line(lines[i]);

		assert_string_equal(result.out, want);
		assert_string_equal(result.err, "");
		assert_int_equal(result.status, 0);
	}
}

static void test_help_of_the_program_hides_hidden_commands(void **state)
{
	sk_auto(result_finish) struct result result = run_line("prog --help");
	sk_auto(result_finish) struct result group_help = run_line("prog group --help");
	sk_auto(result_finish) struct result nothing = run_line("prog");

	(void)state;
	assert_int_equal(result.status, 0);
	assert_non_null(strstr(result.out,
			       "Talk:\n  greet       say hello\n  group       some\n"));
	assert_null(strstr(result.out, "hidden"));
	assert_non_null(strstr(result.out, "      --root DIR "));
	assert_non_null(strstr(group_help.out, "Commands:\n  greet       say hello\n"));
	assert_int_equal(nothing.status, 2);
	assert_string_equal(nothing.out, "");
	assert_string_equal(nothing.err, result.out);
}

static void test_version_names_the_program(void **state)
{
	sk_auto(result_finish) struct result result = run_line("prog --version");

	(void)state;
	assert_string_equal(result.out, "prog " SK_VERSION "\n");
	assert_int_equal(result.status, 0);
}

static void test_a_command_of_another_program_is_looked_for_there(void **state)
{
	sk_auto(result_finish) struct result result = run_line("prog elsewhere");
	sk_auto(result_finish) struct result help = run_line("prog elsewhere --help");

	(void)state;
	assert_int_equal(result.status, 1);
	assert_non_null(strstr(result.err, "skiff-none"));
	assert_int_equal(help.status, 0);
	assert_non_null(strstr(help.out, "Of another program."));
}

static void test_a_program_without_its_own_function_says_so(void **state)
{
	sk_auto(result_finish) struct result result =
		run_line_of(&lacking, "prog elsewhere");
	sk_auto(result_finish) struct result listing =
		run_line_of(&lacking, "prog __options");

	(void)state;
	assert_string_equal(result.err,
			    "prog: 'elsewhere' has no function in skiff-none\n");
	assert_int_equal(result.status, 1);
	assert_string_equal(listing.err, "prog: command 'elsewhere' has no function\n");
	assert_int_equal(listing.status, 1);
}

static void test_options_are_listed_for_scripts(void **state)
{
	sk_auto(result_finish) struct result result = run_line("prog __options");

	(void)state;
	assert_int_equal(result.status, 0);
	assert_non_null(sk_str_starts(result.out, "global\t-\troot\tDIR\n"));
	assert_non_null(strstr(result.out, "command\tgroup greet\tsay hello\n"
					   "option\tgroup greet\tl\tloud\t-\n"
					   "option\tgroup greet\t-\ttag\tTAG\n"));
	assert_null(strstr(result.out, "hidden"));
}

static void test_a_full_disk_is_a_failure(void **state)
{
	char name[] = "prog", version[] = "--version";
	char *argv[] = {name, version, NULL};
	struct capture err;
	sk_autofree char *text = NULL;
	int saved = dup(STDOUT_FILENO), status;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	(void)fflush(stdout);
	assert_true(dup2(fileno(full), STDOUT_FILENO) >= 0);
	capture_start(&err, STDERR_FILENO);
	status = sk_cmd_main(&program, 2, argv);
	text = capture_stop(&err);
	clearerr(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	sk_close(&saved);
	(void)fclose(full);
	assert_int_equal(status, 1);
	assert_string_equal(text,
			    "prog: write to standard output: No space left on device\n");
}

static void test_a_list_is_quiet_or_has_a_format(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	const char *format = "untouched";

	(void)state;
	assert_true(sk_cmd_list_format(true, "json", &format, &err) < 0);
	assert_string_equal(err.msg, "--quiet and --format exclude each other");
	assert_string_equal(format, "untouched");
	assert_int_equal(sk_cmd_list_format(true, NULL, &format, &err), 0);
	assert_string_equal(format, "{{.name}}");
	assert_int_equal(sk_cmd_list_format(false, "json", &format, &err), 0);
	assert_string_equal(format, "json");
	assert_int_equal(sk_cmd_list_format(false, NULL, &format, &err), 0);
	assert_null(format);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_gets_options_arguments_and_globals),
		cmocka_unit_test(test_results_become_texts_and_exit_codes),
		cmocka_unit_test(test_help_of_a_command_comes_from_its_table),
		cmocka_unit_test(test_help_of_the_program_hides_hidden_commands),
		cmocka_unit_test(test_version_names_the_program),
		cmocka_unit_test(test_a_command_of_another_program_is_looked_for_there),
		cmocka_unit_test(test_a_program_without_its_own_function_says_so),
		cmocka_unit_test(test_options_are_listed_for_scripts),
		cmocka_unit_test(test_a_full_disk_is_a_failure),
		cmocka_unit_test(test_a_list_is_quiet_or_has_a_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
