// SPDX-License-Identifier: Apache-2.0
/* cmd_completion - skiff completion: scripts for shells, made from the option tables */

/*
 * The functions of the script: _skiff_words WORDS prints what may follow the command
 * WORDS ("slice apply"): its options, or the subcommands of a group. _skiff finds which
 * command stands on the line, skipping options, and lets compgen choose. Options with a
 * list of words offer these; other options and arguments offer files. _skiff_names WORDS
 * prints the containers, images or slices that a command wants as its operands: as many
 * as its usage line says. Bash makes a word of '@' alone, which is put back.
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
	struct sk_str names;
};

static void finish_script(struct script *script)
{
	sk_str_finish(&script->options);
	sk_str_finish(&script->values);
	sk_str_finish(&script->names);
}
SK_DEFINE_AUTO_FINISH(struct script, finish_script)

static void add_pattern(struct script *script, const char *words,
			const struct sk_opt *opt)
{
	sk_str_addf(&script->values, "\t'%s --%s'", words, opt->name);
	if (opt->short_name)
		sk_str_addf(&script->values, "|'%s -%c'", words, opt->short_name);
}

static void add_choice(struct script *script, const char *words, const struct sk_opt *opt)
{
	const char *choices =
		opt->kind == SK_OPT_FORMAT ? "table|json|jsonl|csv" : opt->metavar;

	add_pattern(script, words, opt);
	sk_str_add(&script->values, ") echo '");
	for (const char *c = choices; *c; c++)
		sk_str_add_char(&script->values, *c == '|' ? ' ' : *c);
	sk_str_add(&script->values, "' ;;\n");
}

/* The key is the command and the operands before: "rm web " for "CONTAINER...". */
static void add_names(struct script *script, const char *words, const char *usage)
{
	static const struct {
		const char *operand, *list;
	} kinds[] = {
		{"CONTAINER", "ps -aq"},
		{"IMAGE", "images -q"},
		{"SLICE", "slice ls --format '{{.name}}'"},
	};
	const char *rest = sk_str_starts(usage, "[OPTIONS] ");

	if (rest)
		usage = rest;
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		rest = sk_str_starts(usage, kinds[i].operand);
		if (rest && (*rest == '\0' || *rest == ' ' || *rest == '.'))
			sk_str_addf(&script->names, "\t'%s '%s) \"$skiff\" %s ;;\n",
				    words, *rest == '.' ? "*" : "", kinds[i].list);
	}
}

static int add_command(const char *words, const struct sk_cmd *cmd, void *arg)
{
	struct script *script = arg;

	sk_str_addf(&script->options, "\t'%s') echo '--help", words);
	for (const struct sk_opt *opt = cmd->opts; opt && opt->name; opt++)
		sk_str_addf(&script->options, " --%s", opt->name);
	for (const struct sk_cmd *const *sub = cmd->sub; sub && *sub; sub++)
		if (!(*sub)->is_hidden)
			sk_str_addf(&script->options, " %s", (*sub)->name);
	sk_str_add(&script->options, "' ;;\n");
	if (cmd->usage)
		add_names(script, words, cmd->usage);
	for (const struct sk_opt *opt = cmd->opts; opt && opt->name; opt++) {
		if (opt->kind == SK_OPT_CHOICE || opt->kind == SK_OPT_FORMAT) {
			add_choice(script, words, opt);
		} else if (opt->kind != SK_OPT_FLAG) {
			add_pattern(script, words, opt);
			sk_str_add(&script->values, ") echo ':file' ;;\n");
		}
	}
	return 0;
}

static void add_subs(struct script *script, const char *words,
		     const struct sk_cmd *const *subs)
{
	sk_str_addf(&script->options, "\t'%s') echo '--help", words);
	for (; *subs; subs++)
		if (!(*subs)->is_hidden)
			sk_str_addf(&script->options, " %s", (*subs)->name);
	sk_str_add(&script->options, "' ;;\n");
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
		/* One that is also a command has its line already. */
		if (!(*cmds)->is_also_command)
			add_subs(script, below, (*cmds)->sub);
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
		     "_skiff_values() {\n\tcase $1 in\n%s\tesac\n}\n"
		     "_skiff_names() {\n\tcase $1 in\n%s\tesac 2> /dev/null\n}\n",
		     script->options.ptr, script->values.ptr ? script->values.ptr : "",
		     script->names.ptr ? script->names.ptr : "");
	(void)fputs(
		"_skiff() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} n=$COMP_CWORD\n"
		"\tlocal skiff=${COMP_WORDS[0]} words='' operands='' word prev next i values\n"
		"\t[[ ${COMP_WORDS[n-1]} != @ ]] || cur=@$cur n=$((n - 1))\n"
		"\tprev=${COMP_WORDS[n-1]}\n"
		"\tfor ((i = 1; i < n; i++)); do\n"
		"\t\tword=${COMP_WORDS[i]}\n"
		"\t\tif [[ $word == -* ]]; then\n"
		"\t\t\t[[ -z $(_skiff_values \"$words $word\") ]] || ((i++))\n"
		"\t\t\tcontinue\n"
		"\t\tfi\n"
		"\t\tnext=${words:+$words }$word\n"
		"\t\tif [[ -z $(_skiff_words \"$next\") ]]; then\n"
		"\t\t\toperands=$word\n"
		"\t\t\tbreak\n"
		"\t\tfi\n"
		"\t\twords=$next\n"
		"\tdone\n"
		"\tvalues=$(_skiff_values \"$words $prev\")\n"
		"\tif [[ -z $values ]]; then\n"
		"\t\twords=\"$(_skiff_words \"$words\") $(_skiff_names \"$words $operands\")\"\n"
		"\telif [[ $values != :file ]]; then\n"
		"\t\twords=$values\n"
		"\telse\n"
		"\t\twords=''\n"
		"\tfi\n"
		"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		"\tif ((${#COMPREPLY[@]} == 0)) && [[ -z $values || $values == :file ]]; then\n"
		"\t\tcompopt -o filenames 2> /dev/null\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		"\tfi\n"
		"}\n"
		"complete -F _skiff skiff\n",
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
