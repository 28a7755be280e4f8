/* SPDX-License-Identifier: Apache-2.0 */
/* cmd - commands as data: tables, dispatch, help, exit codes; shared by all of skiff's programs
 *
 * How to add a subcommand, say `skiff wait`:
 *
 * 1. Write cli/cmd_wait.c. It holds an option struct, a table of options, a function, and
 *    exports one constant:
 *
 *	struct wait_opts {
 *		uint64_t timeout_ns;
 *	};
 *	static const struct sk_opt wait_table[] = {
 *		{'t', "timeout", "TIME", "give up after this long", SK_OPT_DURATION,
 *		 offsetof(struct wait_opts, timeout_ns)},
 *		SK_OPT_END,
 *	};
 *	static int wait_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
 *			    char **args, struct sk_err *err)
 *	{
 *		const struct wait_opts *opts = options;
 *		...
 *	}
 *	const struct sk_cmd sk_cmd_wait = {
 *		.name = "wait",
 *		.summary = "wait until containers end and print their exit status",
 *		.usage = "[OPTIONS] CONTAINER...",
 *		.opts = wait_table,
 *		.opts_size = sizeof(struct wait_opts),
 *		.min_args = 1,
 *		.max_args = SK_CMD_ANY,
 *		.run = wait_run,
 *	};
 *
 * 2. Declare it in cli/cmds.h and add it to its topic in cli/main.c: a line each.
 * 3. Write man/skiff-wait.1.scd; `tests/manpages` compares its options with the table.
 *
 * A command with subcommands (`skiff slice apply`) has .sub, a NULL-terminated list of
 * such constants, and no .run, unless .is_also_command says that it is both.
 *
 * A command that another program runs (`skiff migrate` is run by libexec/skiff/skiff-vm,
 * which links libvirt) keeps its table and option struct in cli/decl_*.[ch], which both
 * programs link, with .program = "skiff-vm" and .run = sk_run_migrate. That function is
 * declared there with SK_CMD_RUN_ELSEWHERE(), a weak symbol: skiff-vm defines it in
 * cli/vm/, skiff does not, finds NULL and executes skiff-vm with the same arguments. So
 * help, completion and man checks of all commands work without loading libvirt.
 */
#ifndef SK_CMD_H
#define SK_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/opt.h"
#include "lib/err.h"

#define SK_CMD_ANY (-1) /* max_args: no limit */

/* Exit codes that are not a program's own. */
#define SK_EXIT_FAILED	    1
#define SK_EXIT_USAGE	    2
#define SK_EXIT_RUN_FAILED  125 /* run, exec: skiff itself failed */
#define SK_EXIT_NO_INVOKE   126 /* run, exec: the program cannot be invoked */
#define SK_EXIT_NOT_FOUND   127 /* run, exec: there is no such program */
#define SK_EXIT_INTERRUPTED 130

struct sk_cmd;
struct sk_program;

/**
 * struct sk_cmd_globals - Options that come before the subcommand
 * @root:	--root, or NULL for the default
 * @runroot:	--runroot, or NULL for the default
 * @debug:	--debug; the log level is set already
 */
struct sk_cmd_globals {
	const char *root;
	const char *runroot;
	bool debug;
};

/**
 * struct sk_cmd_ctx - What a command's function is told
 * @program:	The running program
 * @cmd:	The command itself
 * @path:	How the user calls it, for messages: "skiff slice apply"
 * @globals:	Global options; the program's own struct when it has its own table
 */
struct sk_cmd_ctx {
	const struct sk_program *program;
	const struct sk_cmd *cmd;
	const char *path;
	const struct sk_cmd_globals *globals;
};

/**
 * sk_cmd_run_fn - Function of a command
 * @ctx:	See struct sk_cmd_ctx (borrowed)
 * @opts:	The filled option struct (borrowed; the framework releases its lists)
 * @nargs:	Number of @args, between .min_args and .max_args
 * @args:	Arguments behind the options, NULL-terminated (borrowed)
 * @err:	Never NULL; what it holds at the end is printed unless the result is 0
 *
 * The function prints data to stdout (cli/out.h) and no errors: it records them. Where it
 * goes on after an error with further objects, it calls sk_out_error() for each.
 * Return: exit status >= 0; -EINTR for 130; sk_cmd_usage()'s result for 2; any other
 * -errno for 1, or for .fail_status
 */
typedef int sk_cmd_run_fn(const struct sk_cmd_ctx *ctx, void *opts, int nargs,
			  char **args, struct sk_err *err);

/** SK_CMD_RUN_ELSEWHERE() - Declare the function of a command that only its .program defines */
#define SK_CMD_RUN_ELSEWHERE(fn) extern sk_cmd_run_fn fn __attribute__((weak))

/**
 * struct sk_cmd - One command
 * @name:	One word
 * @summary:	One line for the list of commands: lower case, no full stop
 * @usage:	Behind the name in the usage line: "[OPTIONS] IMAGE [COMMAND [ARG...]]"
 * @details:	More for --help: paragraphs or examples, lines ending in newline; or NULL
 * @opts:	Options, ended by SK_OPT_END; NULL for none
 * @opts_size:	Size of the option struct; zeroed, or copied from @defaults, before parsing
 * @defaults:	Option struct with defaults, or NULL
 * @sub:	NULL-terminated subcommands, or NULL
 * @is_also_command: With @sub: it is a command itself, too, with options and arguments of its own.
 *		A first word that names a subcommand is that; an argument of such a name stands
 *		behind "--": `migrate -- status`
 * @program:	Program in libexec that has @run, or NULL when each program has it
 * @min_args:	Least number of arguments
 * @max_args:	Largest number, or SK_CMD_ANY
 * @fail_status: Exit status instead of 1 and 2 (run, exec: SK_EXIT_RUN_FAILED), or 0
 * @options_first: Options end at the first argument (run, exec: the rest is a foreign
 *		command line); otherwise they may stand anywhere
 * @is_hidden:	Not in help and completion
 * @run:	Its function; NULL for one that only has subcommands
 */
struct sk_cmd {
	const char *name;
	const char *summary;
	const char *usage;
	const char *details;
	const struct sk_opt *opts;
	size_t opts_size;
	const void *defaults;
	const struct sk_cmd *const *sub;
	const char *program;
	int min_args, max_args;
	int fail_status;
	bool options_first;
	bool is_hidden;
	bool is_also_command;
	sk_cmd_run_fn *run;
};

/** struct sk_cmd_group - Commands under a heading of `skiff --help` */
struct sk_cmd_group {
	const char *title; /* "Containers"; NULL ends the table */
	const struct sk_cmd *const *cmds;
};

/**
 * struct sk_program - A program with subcommands
 * @name:	Name of the executable: commands whose .program is another are executed there
 * @user_name:	As errors begin and help names it; NULL for @name. skiff-vm and skiff-image, which
 *		people see as `skiff migrate` and `skiff import`, have "skiff"
 * @summary:	One line
 * @groups:	Its commands, by topic
 * @globals:	Global options for a struct that begins with struct sk_cmd_globals; NULL for
 *		--root, --runroot and --debug
 * @globals_size: Size of that struct
 * @opt_style:	How command lines are read: SK_OPT_SINGLE_DASH and its like, or 0
 * @version:	What --version prints, without newline; NULL for "NAME VERSION"
 * @on_error:	Called with each error before it is printed (skiff-oci's --log), or NULL
 */
struct sk_program {
	const char *name;
	const char *user_name;
	const char *summary;
	const struct sk_cmd_group *groups;
	const struct sk_opt *globals;
	size_t globals_size;
	unsigned int opt_style;
	const char *version;
	void (*on_error)(const struct sk_cmd_globals *globals, const struct sk_err *err);
};

/**
 * sk_cmd_main() - Parse the command line of a program, run its command, print its error
 * @program:	The program (borrowed)
 *
 * Return: exit status for main()
 */
int sk_cmd_main(const struct sk_program *program, int argc, char **argv);

/**
 * sk_cmd_usage() - Record a usage error found by a command itself
 * @fmt:	The fault: "--to needs --from as well"
 *
 * Return: a negative value that is no errno, to be returned by the command's function
 */
int sk_cmd_usage(struct sk_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * sk_cmd_list_format() - Format of a list whose command has --quiet and --format
 * @quiet:	Only names are wanted
 * @format:	Text of --format, or NULL
 * @ret:	For sk_out_list(): @format, or one that prints the key "name"
 *
 * Return: 0; what sk_cmd_usage() returns when both were given
 */
int sk_cmd_list_format(bool quiet, const char *format, const char **ret,
		       struct sk_err *err);

/**
 * sk_cmd_walk() - Visit every command that has no subcommands, hidden ones not
 * @visit:	Gets the words behind the program's name ("slice apply") and the command; its
 *		negative result ends the walk
 *
 * Return: 0, -ENOMEM, or what @visit returned
 */
int sk_cmd_walk(const struct sk_program *program,
		int (*visit)(const char *words, const struct sk_cmd *cmd, void *arg),
		void *arg);

/** sk_cmd_globals_table - The global options of skiff, skiff-vm and skiff-image */
extern const struct sk_opt sk_cmd_globals_table[];

#endif
