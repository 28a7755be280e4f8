// SPDX-License-Identifier: Apache-2.0
/* cmd - commands as data: tables, dispatch, help, exit codes; shared by all of skiff's programs */

/*
 * Theory of operation of sk_cmd_main()
 *
 * 1. Descriptors 0 to 2 are made sure of, so that no file opened later takes their place.
 * 2. Global options are read up to the first word, then words are followed down the
 *    tables to a command without subcommands.
 * 3. Its option struct is filled, and the arguments are counted. Only now is known that
 *    the command line is sound; nothing has been done yet.
 * 4. A command whose function another program has is executed there, with the untouched
 *    words. Otherwise its function runs.
 * 5. What the function recorded is printed, stdout flushed, and the result mapped to an
 *    exit status.
 */
#include "cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/out.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"

#define USAGE_ERROR (-0x10000) /* below every -errno */

const struct sk_opt sk_cmd_globals_table[] = {
	{0, "root", "DIR", "folder of images and lasting state", SK_OPT_STR,
	 offsetof(struct sk_cmd_globals, root)},
	{0, "runroot", "DIR", "folder of run-time state", SK_OPT_STR,
	 offsetof(struct sk_cmd_globals, runroot)},
	{0, "debug", NULL, "tell on stderr what is done", SK_OPT_FLAG,
	 offsetof(struct sk_cmd_globals, debug)},
	SK_OPT_END,
};

/* A command line on its way to a command; argv[0] is the word read last. */
struct call {
	const struct sk_program *program;
	const struct sk_cmd *cmd;
	struct sk_cmd_globals *globals;
	struct sk_str words; /* "slice apply" */
	int argc;
	char **argv;
	char **original; /* from the first word on, as typed */
};

static void finish_call(struct call *call)
{
	sk_str_finish(&call->words);
	free(call->globals);
	free(call->original);
}
SK_DEFINE_AUTO_FINISH(struct call, finish_call)

static const char *user_name(const struct sk_program *program)
{
	return program->user_name ? program->user_name : program->name;
}

static const struct sk_opt *globals_of(const struct sk_program *program)
{
	return program->globals ? program->globals : sk_cmd_globals_table;
}

int sk_cmd_usage(struct sk_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)sk_err_setv(err, EINVAL, fmt, ap);
	va_end(ap);
	return USAGE_ERROR;
}

int sk_cmd_list_format(bool quiet, const char *format, const char **ret,
		       struct sk_err *err)
{
	if (quiet && format)
		return sk_cmd_usage(err, "--quiet and --format exclude each other");
	*ret = quiet ? "{{.name}}" : format;
	return 0;
}

static const struct sk_cmd *find_in(const struct sk_cmd *const *cmds, const char *name)
{
	for (; *cmds; cmds++)
		if (strcmp((*cmds)->name, name) == 0)
			return *cmds;
	return NULL;
}

/* Hidden ones too. */
static const struct sk_cmd *find_cmd(const struct sk_program *program, const char *name)
{
	const struct sk_cmd *cmd;

	for (const struct sk_cmd_group *group = program->groups; group->title; group++) {
		cmd = find_in(group->cmds, name);
		if (cmd)
			return cmd;
	}
	return NULL;
}

typedef int visit_fn(const char *words, const struct sk_cmd *cmd, void *arg);

static int walk(const char *prefix, const struct sk_cmd *const *cmds, visit_fn *visit,
		void *arg)
{
	int r = 0;

	for (; r >= 0 && *cmds; cmds++) {
		sk_autofree char *words =
			sk_strf("%s%s%s", prefix, *prefix ? " " : "", (*cmds)->name);

		if (!words)
			return -ENOMEM;
		if ((*cmds)->is_hidden)
			continue;
		if (!(*cmds)->sub || (*cmds)->is_also_command)
			r = visit(words, *cmds, arg);
		if (r >= 0 && (*cmds)->sub)
			r = walk(words, (*cmds)->sub, visit, arg);
	}
	return r < 0 ? r : 0;
}

int sk_cmd_walk(const struct sk_program *program, visit_fn *visit, void *arg)
{
	int r = 0;

	for (const struct sk_cmd_group *group = program->groups; r == 0 && group->title;
	     group++)
		r = walk("", group->cmds, visit, arg);
	return r;
}

/* A program that is started without one of 0 to 2 would open its files there. */
static void fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	sk_close(&fd);
}

static int unknown_command(const struct call *call, const char *word, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	const char *near;

	if (call->cmd)
		for (const struct sk_cmd *const *sub = call->cmd->sub; *sub; sub++)
			if (sk_strv_add(&names, (*sub)->name) < 0)
				return sk_err_oom(err);
	for (const struct sk_cmd_group *group = call->program->groups;
	     !call->cmd && group->title; group++)
		for (const struct sk_cmd *const *cmd = group->cmds; *cmd; cmd++)
			if (sk_strv_add(&names, (*cmd)->name) < 0)
				return sk_err_oom(err);
	near = names ? sk_str_nearest(word, (const char *const *)names) : NULL;
	return sk_cmd_usage(err, "unknown command '%s'%s%s%s", word,
			    near ? ", did you mean '" : "", near ? near : "",
			    near ? "'?" : "");
}

/* Follow the words down to a command; stops at a group that has no further word. */
static int resolve(struct call *call, struct sk_err *err)
{
	while (call->argc > 0) {
		const char *word = call->argv[0];
		const struct sk_cmd *cmd = call->cmd ? find_in(call->cmd->sub, word)
						     : find_cmd(call->program, word);

		if (!cmd)
			return unknown_command(call, word, err);
		call->cmd = cmd;
		sk_str_addf(&call->words, "%s%s", call->words.len ? " " : "", word);
		if (call->words.failed)
			return sk_err_oom(err);
		/* An option of a group, such as --help, is read with the group as argv[0]. */
		if (!cmd->sub || call->argc == 1 || call->argv[1][0] == '-')
			return 0;
		if (cmd->is_also_command && !find_in(cmd->sub, call->argv[1]))
			return 0;
		call->argc--;
		call->argv++;
	}
	return 0;
}

static int print_help(const struct call *call, struct sk_err *err)
{
	sk_autofree char *path = NULL;

	if (!call->cmd) {
		sk_help_program(call->program, stdout);
		return 0;
	}
	path = sk_strf("%s %s", user_name(call->program), call->words.ptr);
	if (!path)
		return sk_err_oom(err);
	sk_help_command(path, call->cmd, stdout);
	return 0;
}

/* Run the command's program: libexec/skiff/PROGRAM [GLOBALS] WORD... Returns on failure only. */
static int execute(const struct call *call, struct sk_err *err)
{
	const struct sk_cmd_globals *globals = call->globals;
	sk_auto(sk_strv_free) char **argv = NULL;
	sk_autofree char *path = NULL;
	int r;

	if (!call->cmd->program || strcmp(call->cmd->program, call->program->name) == 0)
		return sk_err_set(err, ENOSYS, "'%s' has no function in %s",
				  call->words.ptr, call->program->name);
	r = sk_proc_libexec(call->cmd->program, &path, err);
	if (r < 0)
		return r;
	r = sk_strv_add(&argv, path);
	if (r == 0 && globals->root)
		r = sk_strv_addf(&argv, "--root=%s", globals->root);
	if (r == 0 && globals->runroot)
		r = sk_strv_addf(&argv, "--runroot=%s", globals->runroot);
	if (r == 0 && globals->debug)
		r = sk_strv_add(&argv, "--debug");
	for (size_t i = 0; r == 0 && call->original[i]; i++)
		r = sk_strv_add(&argv, call->original[i]);
	if (r < 0)
		return sk_err_oom(err);
	sk_log_debug("execute %s", path);
	(void)execv(path, argv);
	return sk_err_errno(err, "execute '%s'", path);
}

static int check_count(const struct sk_cmd *cmd, int nargs, char **args,
		       struct sk_err *err)
{
	const char *usage = cmd->usage ? cmd->usage : "";

	if (nargs < cmd->min_args)
		return sk_cmd_usage(err, "%s%s%s",
				    cmd->min_args - nargs == 1 ? "an argument is missing"
							       : "arguments are missing",
				    *usage ? ": " : "", usage);
	if (cmd->max_args != SK_CMD_ANY && nargs > cmd->max_args)
		return sk_cmd_usage(err, "unexpected argument '%s'", args[cmd->max_args]);
	return 0;
}

/* --root behind the command is a common slip: say where it belongs. */
static int hint_globals(const struct call *call, int r, struct sk_err *err)
{
	for (int i = 1; i < call->argc; i++) {
		const char *name = sk_str_starts(call->argv[i], "--");
		sk_autofree char *word = name ? strndup(name, strcspn(name, "=")) : NULL;

		if (word && sk_opt_find(globals_of(call->program), word) &&
		    !sk_opt_find(call->cmd->opts, word))
			return sk_err_hint(
				err, r, "--%s stands before the command: %s --%s ... %s",
				word, user_name(call->program), word, call->words.ptr);
	}
	return r;
}

static int run_with(struct call *call, void *opts, struct sk_err *err)
{
	const struct sk_cmd *cmd = call->cmd;
	struct sk_opt_result parsed;
	sk_autofree char *path = NULL;
	int r;

	r = sk_opt_parse(cmd->opts, opts, call->argc, call->argv,
			 (call->program->opt_style & ~SK_OPT_V_IS_VERSION) |
				 (cmd->options_first ? SK_OPT_FIRST : 0),
			 &parsed, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return hint_globals(call, USAGE_ERROR, err);
	if (parsed.wants_help)
		return print_help(call, err);
	if (parsed.wants_version)
		return sk_cmd_usage(err, "unknown option '--version'");
	if (cmd->sub && !cmd->is_also_command)
		return sk_cmd_usage(err, "a command is missing");
	call->argc -= parsed.first_arg;
	call->argv += parsed.first_arg;
	r = check_count(cmd, call->argc, call->argv, err);
	if (r < 0)
		return r;
	if (!cmd->run)
		return execute(call, err);
	path = sk_strf("%s %s", user_name(call->program), call->words.ptr);
	if (!path)
		return sk_err_oom(err);
	return cmd->run(&(struct sk_cmd_ctx){call->program, cmd, path, call->globals},
			opts, call->argc, call->argv, err);
}

static int run_command(struct call *call, struct sk_err *err)
{
	const struct sk_cmd *cmd = call->cmd;
	sk_autofree void *opts = calloc(1, cmd->opts_size + 1);
	int r;

	if (!opts)
		return sk_err_oom(err);
	if (cmd->defaults)
		memcpy(opts, cmd->defaults, cmd->opts_size);
	r = run_with(call, opts, err);
	sk_opt_finish(cmd->opts, opts);
	return r;
}

static int read_globals(struct call *call, struct sk_opt_result *ret, struct sk_err *err)
{
	const struct sk_program *program = call->program;
	size_t size =
		program->globals ? program->globals_size : sizeof(struct sk_cmd_globals);
	int r;

	call->globals = calloc(1, size);
	if (!call->globals)
		return sk_err_oom(err);
	r = sk_opt_parse(globals_of(program), call->globals, call->argc, call->argv,
			 program->opt_style | SK_OPT_FIRST, ret, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return USAGE_ERROR;
	if (call->globals->debug)
		sk_log_set_level(SK_LOG_DEBUG);
	if (ret->wants_help || ret->wants_version)
		return 0;
	call->argc -= ret->first_arg;
	call->argv += ret->first_arg;
	/* Options are moved while they are read; another program wants them as typed. */
	call->original = calloc((size_t)call->argc + 1, sizeof(*call->original));
	if (!call->original)
		return sk_err_oom(err);
	memcpy(call->original, call->argv, (size_t)call->argc * sizeof(*call->original));
	return 0;
}

/* `help [COMMAND...]` and `__options`, which every program has. */
static bool is_builtin(struct call *call, struct sk_err *err, int *ret)
{
	bool is_help = strcmp(call->argv[0], "help") == 0;

	if (find_cmd(call->program, call->argv[0]) ||
	    (!is_help && strcmp(call->argv[0], "__options") != 0))
		return false;
	call->argc--;
	call->argv++;
	if (is_help) {
		*ret = resolve(call, err);
		if (*ret == 0)
			*ret = print_help(call, err);
	} else {
		*ret = sk_help_options(call->program, stdout, err);
	}
	return true;
}

static int dispatch(struct call *call, struct sk_err *err)
{
	const struct sk_program *program = call->program;
	struct sk_opt_result parsed;
	int r;

	r = read_globals(call, &parsed, err);
	if (r < 0)
		return r;
	if (parsed.wants_help)
		return print_help(call, err);
	if (parsed.wants_version) {
		if (program->version)
			(void)printf("%s\n", program->version);
		else
			(void)printf("%s %s\n", program->name, SK_VERSION);
		return 0;
	}
	if (call->argc == 0) {
		sk_help_program(program, stderr);
		return SK_EXIT_USAGE;
	}
	if (is_builtin(call, err, &r))
		return r;
	r = resolve(call, err);
	return r < 0 || !call->cmd ? r : run_command(call, err);
}

static int exit_status(const struct sk_cmd *cmd, int r)
{
	if (r >= 0)
		return r & 0xff;
	if (r == -EINTR)
		return SK_EXIT_INTERRUPTED;
	if (cmd && cmd->fail_status)
		return cmd->fail_status;
	return r == USAGE_ERROR ? SK_EXIT_USAGE : SK_EXIT_FAILED;
}

/* A usage error names the command and where its help is. */
static void complete_usage(const struct call *call, struct sk_err *err)
{
	const char *words = call->words.ptr ? call->words.ptr : "";
	const char *blank = *words ? " " : "";

	if (*words)
		(void)sk_err_wrap(err, -EINVAL, "%s", words);
	(void)sk_err_hint(err, -EINVAL, "try '%s%s%s --help'", user_name(call->program),
			  blank, words);
}

int sk_cmd_main(const struct sk_program *program, int argc, char **argv)
{
	sk_auto(finish_call) struct call call = {.program = program,
						 .argc = argc,
						 .argv = argv};
	struct sk_err err = SK_ERR_INIT, flush_err = SK_ERR_INIT;
	int r;

	fill_standard_fds();
	r = dispatch(&call, &err);
	if (r == USAGE_ERROR)
		complete_usage(&call, &err);
	if (r < 0 && err.code == 0)
		(void)sk_err_code(&err, r, "%s",
				  call.words.ptr ? call.words.ptr : "start");
	if (err.code != 0 && r != 0 && r != -EINTR) {
		if (program->on_error && call.globals)
			program->on_error(call.globals, &err);
		sk_out_error(user_name(program), &err);
	}
	if (sk_out_flush(&flush_err) < 0) {
		sk_out_error(user_name(program), &flush_err);
		if (r == 0)
			r = SK_EXIT_FAILED;
	}
	return exit_status(call.cmd, r);
}
