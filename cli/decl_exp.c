// SPDX-License-Identifier: Apache-2.0
/* decl_exp - tables of exp and schema, which skiff shows and skiff-vm runs */
#include "cli/decl_exp.h"

#define EXP(member) offsetof(struct sk_cli_exp_opts, member)

static const struct sk_opt run_table[] = {
	{'r', "repetitions", "N", "blocks, in place of the file's", SK_OPT_U64,
	 EXP(repetitions)},
	{0, "dir", "DIR", "folder of results; below the state folder if not given",
	 SK_OPT_STR, EXP(dir)},
	{0, "resume", NULL, "go on with results that are there", SK_OPT_FLAG,
	 EXP(resume)},
	{0, "seed", "N", "of the order of runs, in place of the file's", SK_OPT_U64,
	 EXP(seed)},
	{0, "fail-if", "EXPR", "end with status 3 when it holds, such as 'p99>20ms'",
	 SK_OPT_STR, EXP(fail_if)},
	{0, "dry-run", NULL, "print the order of runs and how long they take",
	 SK_OPT_FLAG, EXP(dry_run)},
	SK_OPT_FORMAT_ROW(struct sk_cli_exp_opts, format),
	SK_OPT_END,
};

static const struct sk_opt show_table[] = {
	SK_OPT_FORMAT_ROW(struct sk_cli_exp_opts, format),
	SK_OPT_END,
};

static const struct sk_opt export_table[] = {
	{0, "csv", NULL, "CSV in place of JSON lines", SK_OPT_FLAG, EXP(csv)},
	{0, "samples", NULL, "every request of every run", SK_OPT_FLAG, EXP(samples)},
	SK_OPT_END,
};

static const struct sk_cmd exp_init = {
	.name = "init",
	.summary = "write an example file, NAME.yaml",
	.usage = "NAME",
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_exp_init,
};

static const struct sk_cmd exp_run = {
	.name = "run",
	.summary = "do all runs of an experiment, and report",
	.usage = "[OPTIONS] FILE",
	.details = "Examples:\n"
		   "  skiff exp init web && skiff exp run --dry-run web.yaml\n"
		   "  skiff exp run web.yaml -r 10 --dir results --fail-if 'p99>20ms'\n"
		   "  skiff exp run web.yaml --dir results --resume\n",
	.opts = run_table,
	.opts_size = sizeof(struct sk_cli_exp_opts),
	.defaults = &(const struct sk_cli_exp_opts){.seed = SK_OPT_UNSET,
						    .repetitions = SK_OPT_UNSET},
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_exp_run,
};

static const struct sk_cmd exp_ls = {
	.name = "ls",
	.summary = "list the results of experiments",
	.usage = "[OPTIONS] [DIR]",
	.opts = show_table,
	.opts_size = sizeof(struct sk_cli_exp_opts),
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_exp_ls,
};

static const struct sk_cmd exp_compare = {
	.name = "compare",
	.summary = "tell what differs between results, or within one",
	.usage = "[OPTIONS] DIR [DIR...]",
	.opts = show_table,
	.opts_size = sizeof(struct sk_cli_exp_opts),
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = sk_run_exp_compare,
};

static const struct sk_cmd exp_report = {
	.name = "report",
	.summary = "write DIR/report.html and print the numbers",
	.usage = "[OPTIONS] DIR",
	.opts = show_table,
	.opts_size = sizeof(struct sk_cli_exp_opts),
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_exp_report,
};

static const struct sk_cmd exp_export = {
	.name = "export",
	.summary = "print runs or samples for other programs",
	.usage = "[OPTIONS] DIR",
	.opts = export_table,
	.opts_size = sizeof(struct sk_cli_exp_opts),
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_exp_export,
};

const struct sk_cmd sk_cmd_exp = {
	.name = "exp",
	.summary = "experiments: many migrations in random order, compared",
	.sub = (const struct sk_cmd *const[]){&exp_init, &exp_run, &exp_ls, &exp_compare,
					      &exp_report, &exp_export, NULL},
	.program = "skiff-vm",
};

static const struct sk_cmd schema_experiment = {
	.name = "experiment",
	.summary = "print the schema of experiment files",
	.program = "skiff-vm",
	.run = sk_run_schema_experiment,
};

const struct sk_cmd sk_cmd_schema = {
	.name = "schema",
	.summary = "print JSON schemas of the files that skiff reads",
	.sub = (const struct sk_cmd *const[]){&schema_experiment, NULL},
	.program = "skiff-vm",
};
