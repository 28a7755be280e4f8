// SPDX-License-Identifier: Apache-2.0
/* cmd_completion - skiff completion: scripts for shells, made from the option tables */

/*
 * The script holds two functions. _skiff_words WORDS prints what may follow the command
 * WORDS ("slice apply"): its options, or the subcommands of a group. _skiff finds which
 * command stands on the line, skipping options, and lets compgen choose. Options with a
 * list of words offer these; other options and arguments offer files.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "lib/str.h"

/* The rules of a case statement, a line per command and per option with a choice. */
struct script {
	struct sk_str options;
	struct sk_str values;
};

static void finish_script(struct script *script)
{
	sk_str_finish(&script->options);
	sk_str_finish(&script->values);
}
SK_DEFINE_AUTO_FINISH(struct script, finish_script)

static void add_choice(struct script *script, const char *words, const struct sk_opt *opt)
{
	const char *choices =
		opt->kind == SK_OPT_FORMAT ? "table|json|jsonl|csv" : opt->metavar;

	sk_str_addf(&script->values, "\t'%s --%s') echo '", words, opt->name);
	for (const char *c = choices; *c; c++)
		sk_str_add_char(&script->values, *c == '|' ? ' ' : *c);
	sk_str_add(&script->values, "' ;;\n");
}

static int add_command(const char *words, const struct sk_cmd *cmd, void *arg)
{
	struct script *script = arg;

	sk_str_addf(&script->options, "\t'%s') echo '--help", words);
	for (const struct sk_opt *opt = cmd->opts; opt && opt->name; opt++)
		sk_str_addf(&script->options, " --%s", opt->name);
	sk_str_add(&script->options, "' ;;\n");
	for (const struct sk_opt *opt = cmd->opts; opt && opt->name; opt++) {
		if (opt->kind == SK_OPT_CHOICE || opt->kind == SK_OPT_FORMAT)
			add_choice(script, words, opt);
		else if (opt->kind != SK_OPT_FLAG)
			sk_str_addf(&script->values, "\t'%s --%s') echo ':file' ;;\n",
				    words, opt->name);
	}
	return 0;
}

/* A group offers the names below it; the program itself is the group ''. */
static void add_group(struct script *script, const char *words,
		      const struct sk_cmd *const *cmds)
{
	for (; *cmds; cmds++) {
		sk_autofree char *below =
			sk_strf("%s%s%s", words, *words ? " " : "", (*cmds)->name);

		if ((*cmds)->is_hidden || !(*cmds)->sub)
			continue;
		if (!below) {
			script->options.failed = true;
			return;
		}
		sk_str_addf(&script->options, "\t'%s') echo '--help", below);
		for (const struct sk_cmd *const *sub = (*cmds)->sub; *sub; sub++)
			if (!(*sub)->is_hidden)
				sk_str_addf(&script->options, " %s", (*sub)->name);
		sk_str_add(&script->options, "' ;;\n");
		add_group(script, below, (*cmds)->sub);
	}
}

static void add_program(struct script *script, const struct sk_program *program)
{
	const struct sk_cmd_group *group;

	sk_str_add(&script->options, "\t'') echo '--help --version");
	for (const struct sk_opt *opt = sk_cmd_globals_table; opt->name; opt++)
		sk_str_addf(&script->options, " --%s", opt->name);
	for (group = program->groups; group->title; group++)
		for (const struct sk_cmd *const *cmd = group->cmds; *cmd; cmd++)
			if (!(*cmd)->is_hidden)
				sk_str_addf(&script->options, " %s", (*cmd)->name);
	sk_str_add(&script->options, "' ;;\n");
	for (const struct sk_opt *opt = sk_cmd_globals_table; opt->name; opt++)
		if (opt->kind != SK_OPT_FLAG)
			sk_str_addf(&script->values, "\t' --%s') echo ':file' ;;\n",
				    opt->name);
	for (group = program->groups; group->title; group++)
		add_group(script, "", group->cmds);
}

static void print_bash(const struct script *script)
{
	(void)printf("# bash completion for skiff; made by 'skiff completion bash'\n"
		     "_skiff_words() {\n\tcase $1 in\n%s\tesac\n}\n"
		     "_skiff_values() {\n\tcase $1 in\n%s\tesac\n}\n",
		     script->options.ptr, script->values.ptr ? script->values.ptr : "");
	(void)fputs(
		"_skiff() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal words='' word next i values\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tword=${COMP_WORDS[i]}\n"
		"\t\tif [[ $word == -* ]]; then\n"
		"\t\t\t[[ -z $(_skiff_values \"$words $word\") ]] || ((i++))\n"
		"\t\t\tcontinue\n"
		"\t\tfi\n"
		"\t\tnext=${words:+$words }$word\n"
		"\t\t[[ -n $(_skiff_words \"$next\") ]] || break\n"
		"\t\twords=$next\n"
		"\tdone\n"
		"\tCOMPREPLY=()\n"
		"\tvalues=$(_skiff_values \"$words $prev\")\n"
		"\tif [[ $values == :file ]]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		"\telif [[ -n $values ]]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
		"\telse\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_skiff_words \"$words\")\" -- \"$cur\")\n"
		"\t\t((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		"\tfi\n"
		"}\n"
		"complete -o filenames -F _skiff skiff\n",
		stdout);
}

static int completion_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			  char **args, struct sk_err *err)
{
	sk_auto(finish_script) struct script script = {0};

	(void)options;
	(void)nargs;
	if (strcmp(args[0], "bash") != 0)
		return sk_cmd_usage(err, "there is no completion for '%s', only for bash",
				    args[0]);
	add_program(&script, ctx->program);
	if (sk_cmd_walk(ctx->program, add_command, &script) < 0 ||
	    script.options.failed || script.values.failed)
		return sk_err_oom(err);
	print_bash(&script);
	return 0;
}

const struct sk_cmd sk_cmd_completion = {
	.name = "completion",
	.summary = "print a completion script for a shell",
	.usage = "bash",
	.details = "To use it in this shell:  . <(skiff completion bash)\n",
	.min_args = 1,
	.max_args = 1,
	.run = completion_run,
};
