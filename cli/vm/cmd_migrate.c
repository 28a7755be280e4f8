// SPDX-License-Identifier: Apache-2.0
/* cmd_migrate - migrate a guest between hosts of a lab, or between two libvirt URIs */
#include <string.h>
#include <time.h>

#include "cli/decl_migrate.h"
#include "cli/out.h"
#include "cli/vm/common.h"
#include "cli/vm/migrate_opts.h"
#include "cli/vm/show.h"
#include "lib/log.h"
#include "lib/str.h"
#include "migrate/migrate.h"

/* HOME/results/g1-pre-copy-20261121-153000: a folder per run, unless the user names one. */
static char *default_dir(const struct sk_home *home, const struct sk_migrate_opts *opts)
{
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm parts;

	if (gmtime_r(&now, &parts))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &parts);
	return sk_strf("%s/results/%s-%s-%s", home->root, opts->guest,
		       sk_mode_name(opts->mode), stamp);
}

/* Where from and where to: names in a lab, or two URIs. */
static int fill_ends(const struct sk_cli_migrate_opts *given, const char *guest,
		     const struct sk_home *home, struct sk_migrate_opts *opts,
		     struct sk_json **ret_hold, struct sk_err *err)
{
	if (!given->from && (given->probe_from || given->control))
		return sk_cmd_usage(err,
				    "in a lab its client probes and its guest is asked: "
				    "%s needs --from",
				    given->control ? "--control" : "--probe-from");
	if (!given->from)
		return sk_lab_migrate_opts(home, given->lab ? given->lab : "default",
					   guest, given->to, opts, ret_hold, err);
	if (!strstr(given->to, "://") && !strchr(given->to, ':'))
		return sk_cmd_usage(err,
				    "with --from, --to must be a libvirt URI, not '%s'",
				    given->to);
	opts->guest = guest;
	opts->from = given->from;
	opts->to = given->to;
	opts->probe_from = given->probe_from;
	opts->control_host = given->control;
	if (given->probe_from && !given->probe)
		return sk_cmd_usage(err, "--probe-from needs --probe: probe what?");
	return 0;
}

static int print(const char *format, const struct sk_json *run, struct sk_err *err)
{
	if (format && strcmp(format, "table") != 0)
		return sk_out_object(format, NULL, run, err);
	sk_show_migration(stdout, run);
	return sk_out_flush(err);
}

/* The guest has moved; whether all is well with it is another question. */
static int judge(const struct sk_json *run, struct sk_err *err)
{
	const struct sk_json *verified = sk_json_get(run, "memory_verified");

	/* On stderr, so that who reads the object as JSON is told, too. */
	if (sk_json_bool(sk_json_path(run, "probe.discard"), false))
		sk_log(SK_LOG_WARN,
		       "the probe itself was late (p99 %.0f us, more than 1,000): the guest "
		       "has moved, but discard this run's numbers",
		       sk_json_double(sk_json_path(run, "probe.late_p99_us"), 0));
	if (!verified || sk_json_bool(verified, false))
		return 0;
	return sk_err_set(err, EIO, "the guest's memory is not what it was: %s",
			  sk_json_str(sk_json_path(run, "memory_check.why"), ""));
}

/* Shown in a failure, too: it says what is in order and what is not. */
static int dry_run(const struct sk_migrate_opts *opts, const char *format,
		   struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *plan = NULL;
	int r = sk_migrate_plan(opts, &plan, err), printed = 0;

	if (plan && format && strcmp(format, "table") != 0)
		printed = sk_out_object(format, NULL, plan, r < 0 ? NULL : err);
	else if (plan)
		sk_show_plan(stdout, plan);
	if (plan && printed == 0)
		printed = sk_out_flush(r < 0 ? NULL : err);
	return r < 0 ? r : printed;
}

static int migrate(const struct sk_migrate_opts *opts, const char *format,
		   struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	int r, printed = 0;

	r = sk_migrate(opts, &run, err);
	sk_progress_done(opts->phase_ctx);
	if (run)
		printed = print(format, run, r < 0 ? NULL : err);
	if (r == -EINPROGRESS)
		(void)sk_err_hint(err, r, "see it to its end: skiff migrate attach %s",
				  opts->guest);
	if (r == -ECANCELED || r == -EINPROGRESS)
		return SK_EXIT_INTERRUPTED;
	if (r < 0 || printed < 0)
		return r < 0 ? r : printed;
	return judge(run, err);
}

int sk_run_migrate(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		   struct sk_err *err)
{
	struct sk_cli_migrate_opts *given = options;
	struct sk_progress progress = {0};
	struct sk_migrate_opts opts = {.probe = given->probe,
				       .netns_fd = -1,
				       .phase = sk_vmcli_phase,
				       .phase_ctx = &progress,
				       .interrupted = sk_vmcli_catch()};
	sk_auto(sk_json_free) struct sk_json *hold = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree char *dir = NULL;
	int r;

	(void)nargs;
	if (!given->to)
		return sk_cmd_usage(err, "--to is missing: where to?");
	if (given->from && given->lab)
		return sk_cmd_usage(err, "--from and --lab are two sources");
	r = sk_vmcli_refuse_zeros(given, err);
	if (r == 0)
		r = sk_vmcli_transfer(given, &opts, err);
	if (r < 0)
		return r;
	r = sk_vmcli_open(ctx, &home, err);
	if (r < 0)
		return r;
	opts.home = home;
	r = fill_ends(given, args[0], home, &opts, &hold, err);
	if (r < 0)
		return r;
	if (given->dry_run) {
		r = dry_run(&opts, given->format, err);
		sk_close(&opts.netns_fd);
		return r;
	}
	sk_progress_init(&progress, false);
	dir = given->dir ? strdup(given->dir) : default_dir(home, &opts);
	opts.dir = dir;
	r = dir ? migrate(&opts, given->format, err) : sk_err_oom(err);
	sk_close(&opts.netns_fd);
	return r;
}
