// SPDX-License-Identifier: Apache-2.0
/* cmd_migrate_attend - migrate status, attach and abort: migrations that are under way */
#include "cli/decl_migrate.h"
#include "cli/out.h"
#include "cli/vm/common.h"
#include "migrate/migrate.h"

static const struct sk_out_column columns[] = {
	{"GUEST", "guest", SK_OUT_TEXT},    {"LAB", "lab", SK_OUT_TEXT},
	{"FROM", "from", SK_OUT_CUT},	    {"TO", "to", SK_OUT_CUT},
	{"MODE", "mode", SK_OUT_TEXT},	    {"PHASE", "phase", SK_OUT_TEXT},
	{"LED BY", "led_by", SK_OUT_TEXT},  {"REMAINING", "remaining_bytes", SK_OUT_SIZE},
	{"STARTED", "started", SK_OUT_AGE}, {NULL, NULL, SK_OUT_TEXT},
};

static struct sk_migration_which which_of(const struct sk_cli_attend_opts *opts,
					  const char *guest)
{
	return (struct sk_migration_which){.guest = guest,
					   .lab = opts->lab,
					   .from = opts->from};
}

int sk_run_migrate_status(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			  char **args, struct sk_err *err)
{
	const struct sk_cli_attend_opts *opts = options;
	const struct sk_migration_which which =
		which_of(opts, nargs > 0 ? args[0] : NULL);
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_vmcli_open(ctx, &home, err);

	if (r == 0)
		r = sk_migration_list(home, &which, &list, err);
	return r < 0 ? r : sk_out_list(opts->format, columns, list, err);
}

int sk_run_migrate_attach(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			  char **args, struct sk_err *err)
{
	const struct sk_migration_which which = which_of(options, args[0]);
	struct sk_progress progress = {0};
	const struct sk_attend_opts opts = {.phase = sk_vmcli_phase,
					    .phase_ctx = &progress,
					    .interrupted = sk_vmcli_catch()};
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_vmcli_open(ctx, &home, err);

	(void)nargs;
	if (r < 0)
		return r;
	sk_progress_init(&progress, false);
	r = sk_migration_attach(home, &which, &opts, err);
	sk_progress_done(&progress);
	return r == -EINPROGRESS ? SK_EXIT_INTERRUPTED : r;
}

int sk_run_migrate_abort(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			 char **args, struct sk_err *err)
{
	const struct sk_migration_which which = which_of(options, args[0]);
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_vmcli_open(ctx, &home, err);

	(void)nargs;
	return r < 0 ? r : sk_migration_abort(home, &which, err);
}
