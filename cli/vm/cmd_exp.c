// SPDX-License-Identifier: Apache-2.0
/* cmd_exp - exp init, run, ls, compare, report and export; schema */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "cli/decl_exp.h"
#include "cli/out.h"
#include "cli/vm/common.h"
#include "cli/vm/show.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/migrate.h"

#define EXIT_CONDITION 3

static const struct sk_out_column list_columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	     {"STARTED", "started", SK_OUT_AGE},
	{"PLANNED", "planned", SK_OUT_TEXT}, {"OK", "ok", SK_OUT_TEXT},
	{"FAILED", "failed", SK_OUT_TEXT},   {"DISCARDED", "discarded", SK_OUT_TEXT},
	{"DIR", "dir", SK_OUT_TEXT},	     {NULL, NULL, SK_OUT_TEXT},
};

static const struct sk_out_column plan_columns[] = {
	{"RUN", "run", SK_OUT_TEXT},   {"BLOCK", "block", SK_OUT_TEXT},
	{"KIND", "kind", SK_OUT_TEXT}, {"SETTINGS", "label", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

/* Below the state folder unless the user names a folder. */
static char *results_root(const struct sk_home *home)
{
	return sk_strf("%s/experiments", home->root);
}

static char *new_dir(const struct sk_home *home, const char *name)
{
	sk_autofree char *root = results_root(home);
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm parts;

	if (gmtime_r(&now, &parts))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &parts);
	return root ? sk_strf("%s/%s-%s", root, name, stamp) : NULL;
}

/* As new_dir() names it: another's name may begin like this one's. */
static bool is_of(const char *dir, const char *name)
{
	static const char form[] = "-dddddddd-dddddd";
	const char *stamp = sk_str_starts(dir, name);

	if (!stamp || strlen(stamp) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)stamp[i])
				   : stamp[i] != form[i])
			return false;
	return true;
}

/* The youngest results of an experiment: names end in the time. */
static int last_dir(const struct sk_home *home, const char *name, char **ret,
		    struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *root = results_root(home);
	const char *last = NULL;
	int r;

	if (!root)
		return sk_err_oom(err);
	r = sk_fs_list(AT_FDCWD, root, &names);
	if (r < 0 && r != -ENOENT)
		return sk_err_code(err, r, "list '%s'", root);
	for (char **each = names; each && *each; each++)
		if (is_of(*each, name))
			last = *each;
	if (!last) {
		r = sk_err_set(err, ENOENT, "there are no results of '%s' to resume",
			       name);
		return sk_err_hint(err, r, "--dir names their folder");
	}
	*ret = sk_strf("%s/%s", root, last);
	return *ret ? 0 : sk_err_oom(err);
}

/* A folder, or a name below the state folder. */
static char *find_dir(const struct sk_home *home, const char *name)
{
	sk_autofree char *root = results_root(home);
	sk_autofree char *path = root ? sk_strf("%s/%s", root, name) : NULL;

	if (path && !strchr(name, '/') && !sk_fs_exists(AT_FDCWD, name) &&
	    sk_fs_exists(AT_FDCWD, path))
		return sk_steal(&path);
	return strdup(name);
}

static int open_dir(const struct sk_cmd_ctx *ctx, const char *name, char **ret,
		    struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);

	if (r < 0)
		return r;
	*ret = find_dir(home, name);
	return *ret ? 0 : sk_err_oom(err);
}

int sk_run_exp_init(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	sk_autofree char *path = sk_strf("%s.yaml", args[0]);
	sk_autofree char *text = sk_experiment_template(args[0]);
	sk_autoclose int fd = -1;
	int r;

	(void)ctx;
	(void)options;
	(void)nargs;
	r = sk_parse_name("experiment", args[0], err);
	if (r < 0)
		return r;
	if (!path || !text)
		return sk_err_oom(err);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return sk_err_errno(err, "create '%s'", path);
	r = sk_fs_write_all(fd, text, strlen(text));
	if (r < 0)
		return sk_err_code(err, r, "write '%s'", path);
	(void)printf("%s\n", path);
	return sk_out_flush(err);
}

static int show_plan(const struct sk_experiment *experiment,
		     const struct sk_experiment_opts *opts, const char *format,
		     struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *plan = NULL;
	char text[SK_FORMAT_SIZE];
	int r = sk_experiment_plan(experiment, opts, &plan, err);

	if (r < 0)
		return r;
	if (format && strcmp(format, "table") != 0)
		return sk_out_object(format, NULL, plan, err);
	(void)printf("%s: %zu cells, %zu runs, about %s, seed %lld\n", experiment->name,
		     sk_json_len(sk_json_get(plan, "cells")),
		     sk_json_len(sk_json_get(plan, "runs")),
		     sk_format_duration(
			     (uint64_t)(sk_json_double(sk_json_get(plan, "estimate_s"),
						       0) *
					1e9),
			     text),
		     (long long)sk_json_int(sk_json_get(plan, "seed"), 0));
	return sk_out_list(NULL, plan_columns, sk_json_get(plan, "runs"), err);
}

/* Controls alone say nothing of a migration. */
static int64_t count_useful(const struct sk_json *summary)
{
	const struct sk_json *cells = sk_json_get(summary, "cells");
	int64_t n = 0;

	for (size_t i = 0; i < sk_json_len(cells); i++)
		n += sk_json_int(sk_json_get(sk_json_at(cells, i), "ok"), 0);
	return n;
}

static int conclude(const char *dir, const struct sk_cli_exp_opts *given,
		    struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *summary = NULL;
	sk_autofree char *why = NULL;
	int r;

	r = sk_experiment_report(dir, err);
	if (r == 0)
		r = sk_experiment_summary(dir, &summary, err);
	if (r < 0)
		return r;
	if (given->format && strcmp(given->format, "table") != 0) {
		r = sk_out_object(given->format, NULL, summary, err);
	} else {
		r = sk_show_experiment(summary, err);
		(void)printf("report: %s/report.html\n", dir);
		if (r == 0)
			r = sk_out_flush(err);
	}
	if (r == 0 && count_useful(summary) == 0)
		return sk_err_set(err, EIO, "no run is of use: %s",
				  sk_json_str(sk_json_get(summary, "why"),
					      "none was done"));
	if (r < 0 || !given->fail_if)
		return r;
	r = sk_experiment_judge(dir, given->fail_if, &why, err);
	if (r < 0 || !why)
		return r;
	(void)sk_err_set(err, ERANGE, "%s", why);
	return EXIT_CONDITION;
}

static int run_in(const struct sk_home *home, const struct sk_experiment *experiment,
		  struct sk_experiment_opts *opts, const struct sk_cli_exp_opts *given,
		  const char *file, struct sk_err *err)
{
	struct sk_progress progress = {0};
	int r;

	sk_progress_init(&progress, false);
	opts->phase = sk_vmcli_phase;
	opts->phase_ctx = &progress;
	opts->interrupted = sk_vmcli_catch();
	r = sk_experiment_run(home, experiment, opts, err);
	opts->phase_ctx = NULL;
	sk_progress_done(&progress);
	if (r == -ECANCELED) {
		(void)sk_err_hint(err, r, "go on: skiff exp run --resume --dir %s %s",
				  opts->dir, file);
		return SK_EXIT_INTERRUPTED;
	}
	return r < 0 ? r : conclude(opts->dir, given, err);
}

int sk_run_exp_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		   struct sk_err *err)
{
	const struct sk_cli_exp_opts *given = options;
	struct sk_experiment_opts opts = {.seed = given->seed,
					  .has_seed = given->seed != SK_OPT_UNSET,
					  .resume = given->resume};
	sk_auto(sk_experiment_free) struct sk_experiment *experiment = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *dir = NULL;
	int r;

	(void)nargs;
	if (given->repetitions == 0)
		return sk_cmd_usage(err, "--repetitions is at least 1");
	if (given->repetitions != SK_OPT_UNSET)
		opts.repetitions = given->repetitions;
	if (opts.has_seed && opts.seed > SK_SEED_MAX)
		return sk_cmd_usage(err, "--seed is at most %llu",
				    (unsigned long long)SK_SEED_MAX);
	if (given->dry_run && given->resume)
		return sk_cmd_usage(err, "--dry-run shows all runs, --resume does the "
					 "rest: give one of them");
	r = given->fail_if ? sk_experiment_check_expr(given->fail_if, err) : 0;
	if (r < 0)
		return r;
	r = sk_experiment_load(args[0], &experiment, err);
	if (r < 0)
		return r;
	if (given->dry_run)
		return show_plan(experiment, &opts, given->format, err);
	r = sk_vmcli_open(ctx, &home, err);
	if (r < 0)
		return r;
	if (!given->dir && given->resume)
		r = last_dir(home, experiment->name, &dir, err);
	else
		dir = given->dir ? strdup(given->dir) : new_dir(home, experiment->name);
	if (r == 0 && !dir)
		r = sk_err_oom(err);
	opts.dir = dir;
	return r < 0 ? r : run_in(home, experiment, &opts, given, args[0], err);
}

/* Programs see {dir, damage} in the list; people a line beside it. */
static int show_list(const char *format, struct sk_json *list, struct sk_err *err)
{
	if (format && strcmp(format, "table") != 0)
		return sk_out_list(format, list_columns, list, err);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *damage = sk_json_get(sk_json_at(list, i), "damage");

		if (damage)
			sk_log(SK_LOG_WARN, "'%s' cannot be read: %s",
			       sk_json_str(sk_json_get(sk_json_at(list, i), "dir"), ""),
			       sk_json_str(damage, ""));
	}
	return sk_out_list(format, list_columns, list, err);
}

int sk_run_exp_ls(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct sk_cli_exp_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *root = NULL;
	int r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);

	if (r < 0)
		return r;
	root = nargs > 0 ? strdup(args[0]) : results_root(home);
	if (!root)
		return sk_err_oom(err);
	/* Where nothing was run yet there is no folder. */
	if (nargs == 0 && !sk_fs_exists(AT_FDCWD, root))
		list = sk_json_new_array();
	else
		r = sk_experiment_list(root, &list, err);
	return r < 0 ? r : show_list(opts->format, list, err);
}

int sk_run_exp_compare(const struct sk_cmd_ctx *ctx, void *options, int nargs,
		       char **args, struct sk_err *err)
{
	const struct sk_cli_exp_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *differences = NULL;
	sk_auto(sk_strv_free) char **dirs = NULL;
	int r = 0;

	for (int i = 0; r == 0 && i < nargs; i++) {
		char *dir = NULL;

		r = open_dir(ctx, args[i], &dir, err);
		if (r == 0 && sk_strv_take(&dirs, dir) < 0)
			r = sk_err_oom(err);
	}
	if (r == 0)
		r = sk_experiment_compare(dirs, &differences, err);
	return r < 0 ? r : sk_show_differences(opts->format, differences, err);
}

int sk_run_exp_report(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct sk_cli_exp_opts *opts = options;
	sk_autofree char *dir = NULL;
	int r = open_dir(ctx, args[0], &dir, err);

	(void)nargs;
	return r < 0 ? r : conclude(dir, opts, err);
}

int sk_run_exp_export(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct sk_cli_exp_opts *opts = options;
	sk_autofree char *dir = NULL;
	int r = open_dir(ctx, args[0], &dir, err);

	(void)nargs;
	return r < 0 ? r
		     : sk_experiment_export(dir, opts->csv, opts->samples, STDOUT_FILENO,
					    err);
}

int sk_run_schema_experiment(const struct sk_cmd_ctx *ctx, void *options, int nargs,
			     char **args, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *schema = sk_experiment_schema();

	(void)ctx;
	(void)options;
	(void)nargs;
	(void)args;
	return sk_out_object("json", NULL, schema, err);
}
