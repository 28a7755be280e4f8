// SPDX-License-Identifier: Apache-2.0
/* help - what --help, `help` and the hidden `__options` print */
#include "cli/help.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/str.h"

#define TEXT_WIDTH  80
#define HELP_COLUMN 28

/* Print @text from column @column on, broken between words. */
static void print_wrapped(FILE *out, const char *text, int column)
{
	int at = column;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (at > column && at + 1 + len > TEXT_WIDTH) {
			(void)fprintf(out, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			(void)fputc(' ', out);
			at++;
		}
		(void)fprintf(out, "%.*s", len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	(void)fputc('\n', out);
}

/* @left at the margin and @right in its own column, below it where @left is too long. */
static void print_pair(FILE *out, const char *left, const char *right, int column)
{
	int width = (int)strlen(left);

	(void)fputs(left, out);
	if (width + 2 > column) {
		(void)fputc('\n', out);
		width = 0;
	}
	(void)fprintf(out, "%*s", column - width, "");
	print_wrapped(out, right, column);
}

static void print_option(FILE *out, const struct sk_opt *opt)
{
	sk_autofree char *left = NULL;

	left = sk_strf("  %c%c%s --%s%s%s", opt->short_name ? '-' : ' ',
		       opt->short_name ? opt->short_name : ' ',
		       opt->short_name ? "," : " ", opt->name, opt->metavar ? " " : "",
		       opt->metavar ? opt->metavar : "");
	if (left)
		print_pair(out, left, opt->help, HELP_COLUMN);
}

static void print_options(FILE *out, const char *title, const struct sk_opt *opts)
{
	(void)fprintf(out, "\n%s:\n", title);
	for (const struct sk_opt *opt = opts; opt && opt->name; opt++)
		print_option(out, opt);
	print_pair(out, "      --help", "print this text", HELP_COLUMN);
}

static void print_commands(FILE *out, const char *title, const struct sk_cmd *const *cmds)
{
	(void)fprintf(out, "\n%s:\n", title);
	for (; *cmds; cmds++) {
		sk_autofree char *left = sk_strf("  %s", (*cmds)->name);

		if (left && !(*cmds)->is_hidden)
			print_pair(out, left, (*cmds)->summary, 14);
	}
}

static const struct sk_opt *globals_of(const struct sk_program *program)
{
	return program->globals ? program->globals : sk_cmd_globals_table;
}

void sk_help_program(const struct sk_program *program, FILE *out)
{
	const char *name = program->user_name ? program->user_name : program->name;

	(void)fprintf(out, "Usage: %s [GLOBAL OPTIONS] COMMAND [ARG...]\n\n%c%s.\n", name,
		      toupper((unsigned char)program->summary[0]), program->summary + 1);
	for (const struct sk_cmd_group *group = program->groups; group->title; group++)
		print_commands(out, group->title, group->cmds);
	print_options(out, "Global options", globals_of(program));
	print_pair(out, "      --version", "print the version", HELP_COLUMN);
	(void)fprintf(out, "\n'%s COMMAND --help' tells more about a command.\n", name);
}

void sk_help_command(const char *path, const struct sk_cmd *cmd, FILE *out)
{
	const char *usage = cmd->usage ? cmd->usage : cmd->sub ? "COMMAND [ARG...]" : "";

	(void)fprintf(out, "Usage: %s%s%s\n\n%c%s.\n", path, *usage ? " " : "", usage,
		      toupper((unsigned char)cmd->summary[0]), cmd->summary + 1);
	if (cmd->sub)
		print_commands(out, "Commands", cmd->sub);
	print_options(out, "Options", cmd->opts);
	if (cmd->details)
		(void)fprintf(out, "\n%s", cmd->details);
	if (cmd->sub)
		(void)fprintf(out, "\n'%s COMMAND --help' tells more about a command.\n",
			      path);
}

struct listing {
	const struct sk_program *program;
	FILE *out;
	struct sk_err *err;
};

/* @head is "global", or "option" and the words of the command. */
static void list_options(FILE *out, const char *head, const struct sk_opt *opts)
{
	for (const struct sk_opt *opt = opts; opt && opt->name; opt++)
		(void)fprintf(out, "%s\t%c\t%s\t%s\n", head,
			      opt->short_name ? opt->short_name : '-', opt->name,
			      opt->metavar ? opt->metavar : "-");
}

static int list_command(const char *words, const struct sk_cmd *cmd, void *arg)
{
	const struct listing *listing = arg;
	sk_autofree char *head = NULL;

	if (!cmd->run &&
	    (!cmd->program || strcmp(cmd->program, listing->program->name) == 0))
		return sk_err_set(listing->err, EINVAL, "command '%s' has no function",
				  words);
	(void)fprintf(listing->out, "command\t%s\t%s\n", words, cmd->summary);
	head = sk_strf("option\t%s", words);
	if (!head)
		return sk_err_oom(listing->err);
	list_options(listing->out, head, cmd->opts);
	return 0;
}

int sk_help_options(const struct sk_program *program, FILE *out, struct sk_err *err)
{
	struct listing listing = {program, out, err};

	list_options(out, "global", globals_of(program));
	return sk_cmd_walk(program, list_command, &listing);
}
