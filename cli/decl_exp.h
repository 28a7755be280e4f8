/* SPDX-License-Identifier: Apache-2.0 */
/* decl_exp - tables of exp and schema, which skiff shows and skiff-vm runs */
#ifndef SK_DECL_EXP_H
#define SK_DECL_EXP_H

#include "cli/cmd.h"

/** struct sk_cli_exp_opts - Options of exp's commands; each uses those of its table */
struct sk_cli_exp_opts {
	const char *dir;
	const char *fail_if;
	const char *format;
	uint64_t repetitions; /* SK_OPT_UNSET: the file's */
	uint64_t seed;	      /* SK_OPT_UNSET: the file's, or drawn */
	bool resume;
	bool dry_run;
	bool csv;
	bool samples;
};

/* Defined in cli/vm/. */
SK_CMD_RUN_ELSEWHERE(sk_run_exp_init);
SK_CMD_RUN_ELSEWHERE(sk_run_exp_run);
SK_CMD_RUN_ELSEWHERE(sk_run_exp_ls);
SK_CMD_RUN_ELSEWHERE(sk_run_exp_compare);
SK_CMD_RUN_ELSEWHERE(sk_run_exp_report);
SK_CMD_RUN_ELSEWHERE(sk_run_exp_export);
SK_CMD_RUN_ELSEWHERE(sk_run_schema_experiment);

extern const struct sk_cmd sk_cmd_exp;
extern const struct sk_cmd sk_cmd_schema;

#endif
