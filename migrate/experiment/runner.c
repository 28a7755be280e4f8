// SPDX-License-Identifier: Apache-2.0
/* runner - do all runs of an experiment that are still to do
 *
 * Theory of operation
 *
 * 1. The folder has the file's copy, the seed and the number of blocks before the first run: so the
 *    order of runs is known again after any end, and what was done is known by runs.jsonl.
 * 2. Each run: lab and load as its cell wants them, migration or control, judged, written down and
 *    synced. A run that fails is written down as failed, the lab begins anew, the next one follows.
 * 3. Ctrl-C: the run that goes on is given up and not written down; the lab is taken down. After a
 *    kill -9 the lab is left; its name comes from the folder, and the next run removes it.
 * 4. A resumed experiment runs what has no line, and again what failed or was discarded. The
 *    warm-up is repeated, since the lab is a new one.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/random.h"
#include "lib/stats.h"
#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/trial.h"

#define TYPICAL_NS (5 * SK_NS_PER_S) /* of a control before any run was measured */

/** struct runner - One call of sk_experiment_run() */
struct runner {
	const struct sk_experiment_opts *opts;
	struct sk_store store;
	struct sk_site site;
	uint64_t *took; /* by cell */
	bool *done;	/* by run */
	size_t nr_left, nr_done;
	char label[160];
};

static bool is_interrupted(const struct runner *r)
{
	return r->opts->interrupted && *r->opts->interrupted;
}

/* What a run says is happening goes behind the line of the run. */
static void on_phase(void *ctx, const char *phase, const char *detail)
{
	struct runner *r = ctx;

	if (r->opts->phase)
		r->opts->phase(r->opts->phase_ctx, r->label, detail ? detail : phase);
}

static void say_trial(struct runner *r, size_t index)
{
	const struct sk_trial *trial = &r->store.design.trials[index];
	sk_autofree char *label = sk_experiment_label(r->store.experiment, trial->cell);
	uint64_t left = sk_design_remaining(r->store.experiment, &r->store.design,
					    r->done, r->took);
	char text[SK_FORMAT_SIZE];

	(void)snprintf(r->label, sizeof(r->label), "run %zu of %zu, %s%s: %s left",
		       r->nr_done + 1, r->nr_done + r->nr_left,
		       trial->kind == SK_TRIAL_WARMUP	 ? "warm-up, "
		       : trial->kind == SK_TRIAL_CONTROL ? "control, "
							 : "",
		       label ? label : "", sk_format_duration(left, text));
	if (r->opts->phase)
		r->opts->phase(r->opts->phase_ctx, r->label, NULL);
}

/* The median time of the calls that were measured. */
static uint64_t typical_ns(const struct runner *r)
{
	const struct sk_json *runs = r->store.runs;
	sk_autofree double *times = calloc(sk_json_len(runs) + 1, sizeof(*times));
	size_t n = 0;

	for (size_t i = 0; times && i < sk_json_len(runs); i++) {
		const struct sk_json *run = sk_json_at(runs, i);
		double ms = sk_json_double(sk_json_path(run, "result.time_ms.api"), NAN);

		if (!sk_str_equal(sk_json_str(sk_json_get(run, "kind"), ""), "control") &&
		    isfinite(ms))
			times[n++] = ms;
	}
	if (n == 0)
		return TYPICAL_NS;
	sk_stats_sort(times, n);
	return (uint64_t)(sk_stats_quantile(times, n, 0.5) * 1e6);
}

static struct sk_json *new_line(const struct runner *r, size_t index, uint64_t started)
{
	const struct sk_trial *trial = &r->store.design.trials[index];
	struct sk_cell cell = sk_experiment_cell(r->store.experiment, trial->cell);
	sk_autofree char *label = sk_experiment_label(r->store.experiment, trial->cell);
	struct sk_json *run = sk_json_new_object();
	char text[SK_CLOCK_TEXT_SIZE];

	sk_json_set_uint(run, "run", index);
	sk_json_set_uint(run, "block", trial->block);
	sk_json_set_str(run, "kind", sk_trial_kind_name(trial->kind));
	sk_json_set_uint(run, "cell", trial->cell);
	sk_json_set_str(run, "label", label);
	(void)sk_json_set(run, "factors", sk_cell_json(r->store.experiment, &cell));
	sk_json_set_str(run, "started", sk_clock_format(started, text));
	return run;
}

/* What a cell's runs take, the later ones counting for more. */
static void learn(struct runner *r, size_t index, const struct sk_json *run)
{
	const struct sk_trial *trial = &r->store.design.trials[index];
	uint64_t took =
		(uint64_t)sk_json_int(sk_json_get(run, "took_ms"), 0) * SK_NS_PER_MS;
	uint64_t *known = &r->took[trial->cell];

	if (trial->kind != SK_TRIAL_CONTROL && sk_run_is(run, "ok"))
		*known = *known ? (*known + took) / 2 : took;
}

static bool has_auto(const struct sk_experiment *experiment)
{
	for (size_t i = 0; i < sk_experiment_cells(experiment); i++)
		if (sk_experiment_cell(experiment, i).set[SK_FACTOR_MODE] == SK_MODE_AUTO)
			return true;
	return false;
}

/* Mode auto predicts by what it learnt of the hosts: one migration of each kind that it may take, before
 * the first that counts. One that fails teaches nothing, and the lab begins anew. */
static void calibrate(struct runner *r, const struct sk_trial_opts *trial)
{
	static const enum sk_mode modes[] = {SK_MODE_PRE_COPY, SK_MODE_HYBRID,
					     SK_MODE_POST_COPY};
	const struct sk_experiment *e = r->store.experiment;
	size_t nr = e->risk.no_post_copy ? 1 : SK_ARRAY_SIZE(modes);

	for (size_t i = 0; has_auto(e) && i < nr && !is_interrupted(r); i++) {
		sk_auto(sk_json_free) struct sk_json *result = NULL;
		struct sk_cell cell = *trial->cell;
		struct sk_trial_opts opts = *trial;

		cell.set[SK_FACTOR_MODE] = modes[i];
		opts.cell = &cell;
		if (sk_trial_do(&r->site, &r->store, &opts, &result, NULL) < 0)
			sk_site_reset(&r->site);
	}
}

static int do_trial(struct runner *r, size_t index, struct sk_err *err)
{
	const struct sk_trial *trial = &r->store.design.trials[index];
	struct sk_cell cell = sk_experiment_cell(r->store.experiment, trial->cell);
	sk_auto(sk_json_free) struct sk_json *run = new_line(r, index, sk_clock_real());
	char samples[32], why[SK_ERR_MSG_SIZE] = "";
	struct sk_trial_opts opts = {.cell = &cell,
				     .is_control = trial->kind == SK_TRIAL_CONTROL,
				     .control_ns = typical_ns(r),
				     .samples = samples};
	struct sk_json *result = NULL;
	struct sk_err failure = SK_ERR_INIT;
	uint64_t start;
	int failed;

	(void)snprintf(samples, sizeof(samples), "%zu.bin", index);
	if (trial->kind == SK_TRIAL_WARMUP)
		calibrate(r, &opts);
	start = sk_clock_mono();
	failed = sk_trial_do(&r->site, &r->store, &opts, &result, &failure);
	if (failed < 0 && (failed == -ECANCELED || is_interrupted(r)))
		return sk_err_set(err, ECANCELED, "interrupted in run %zu of %zu",
				  r->nr_done + 1, r->nr_done + r->nr_left);
	if (failed < 0) {
		sk_json_set_str(run, "status", "failed");
		sk_json_set_str(run, "why", failure.msg);
	} else {
		sk_json_set_str(run, "status", sk_trial_judge(result, why, sizeof(why)));
		sk_json_set_str(run, "why", why[0] ? why : NULL);
		(void)sk_json_set(run, "samples", sk_json_new_str(samples));
		(void)sk_json_set(run, "result", result);
	}
	/* A guest whose memory is wrong fails all runs to come, too. */
	if (sk_run_is(run, "failed"))
		sk_site_reset(&r->site);
	sk_json_set_uint(run, "took_ms", (sk_clock_mono() - start) / SK_NS_PER_MS);
	learn(r, index, run);
	return sk_store_append(&r->store, sk_steal(&run), err);
}

/* Runs belong to the design that file and seed give: were these changed by hand, they do not. */
static int check_line(const struct runner *r, size_t index, const struct sk_json *run,
		      struct sk_err *err)
{
	const struct sk_trial *trial = &r->store.design.trials[index];

	if (sk_json_int(sk_json_get(run, "cell"), -1) == (int64_t)trial->cell &&
	    sk_str_equal(sk_json_str(sk_json_get(run, "kind"), NULL),
			 sk_trial_kind_name(trial->kind)))
		return 0;
	return sk_err_set(err, EINVAL,
			  "run %zu in '%s' is another than its file and seed make of it",
			  index, r->opts->dir);
}

/* What is there already: of runs that count, and of the time that they took. */
static int take_stock(struct runner *r, struct sk_err *err)
{
	const struct sk_design *design = &r->store.design;

	r->took = calloc(sk_experiment_cells(r->store.experiment), sizeof(*r->took));
	r->done = calloc(design->nr, sizeof(*r->done));
	if (!r->took || !r->done)
		return sk_err_oom(err);
	for (size_t i = 0; i < design->nr; i++) {
		const struct sk_json *run = sk_store_run(&r->store, i);
		int failed = run ? check_line(r, i, run, err) : 0;

		if (failed < 0)
			return failed;
		if (run)
			learn(r, i, run);
		if (design->trials[i].kind == SK_TRIAL_WARMUP)
			continue;
		r->done[i] = sk_run_is(run, "ok");
		r->nr_left += !r->done[i];
	}
	/* A warm-up is for others. */
	for (size_t i = 0; i < design->nr; i++)
		if (design->trials[i].kind == SK_TRIAL_WARMUP) {
			r->done[i] = r->nr_left == 0;
			r->nr_left += r->nr_left > 0;
		}
	return 0;
}

static void say_plan(struct runner *r)
{
	const struct sk_experiment *e = r->store.experiment;
	size_t all = r->store.design.nr;
	char plan[400], before[64] = "", text[SK_FORMAT_SIZE];
	uint64_t left = sk_design_remaining(e, &r->store.design,
					    r->nr_left < all ? r->done : NULL, r->took);

	if (r->nr_left == 0)
		return;
	if (r->nr_left < all)
		(void)snprintf(before, sizeof(before), ", %zu of them done",
			       all - r->nr_left);
	(void)snprintf(plan, sizeof(plan), "%s: %zu runs%s, about %s; results in %s",
		       e->name, all, before, sk_format_duration(left, text),
		       r->opts->dir);
	if (r->opts->phase)
		r->opts->phase(r->opts->phase_ctx, plan, NULL);
}

static int do_all(struct runner *r, struct sk_err *err)
{
	say_plan(r);
	for (size_t i = 0; i < r->store.design.nr; i++) {
		int failed;

		if (r->done[i])
			continue;
		if (is_interrupted(r))
			return sk_err_set(err, ECANCELED,
					  "interrupted before run %zu of %zu",
					  r->nr_done + 1, r->nr_done + r->nr_left);
		say_trial(r, i);
		failed = do_trial(r, i, err);
		if (failed < 0)
			return failed;
		r->done[i] = true;
		r->nr_done++;
		r->nr_left--;
	}
	return 0;
}

static size_t repetitions_of(const struct sk_experiment *experiment,
			     const struct sk_experiment_opts *opts)
{
	return (size_t)(opts->repetitions ? opts->repetitions : experiment->repetitions);
}

static uint64_t seed_of(const struct sk_experiment *experiment,
			const struct sk_experiment_opts *opts)
{
	if (opts->has_seed)
		return opts->seed;
	return experiment->has_seed ? experiment->seed : sk_random_seed();
}

/* What the folder was made for is what it is resumed with. */
static int check_same(const struct sk_store *store,
		      const struct sk_experiment *experiment,
		      const struct sk_experiment_opts *opts, struct sk_err *err)
{
	int r;

	if (strcmp(store->experiment->text, experiment->text) != 0) {
		r = sk_err_set(
			err, EINVAL,
			"the file has changed since the results in '%s' were begun",
			opts->dir);
		return sk_err_hint(err, r,
				   "go on with its copy: %s/" SK_STORE_FILE
				   ", or take another --dir",
				   opts->dir);
	}
	if (opts->has_seed &&
	    opts->seed != (uint64_t)sk_json_int(sk_json_get(store->host, "seed"), -1))
		return sk_err_set(err, EINVAL, "'%s' was begun with another seed",
				  opts->dir);
	if (opts->repetitions &&
	    opts->repetitions !=
		    (uint64_t)sk_json_int(sk_json_get(store->host, "repetitions"), 0))
		return sk_err_set(err, EINVAL,
				  "'%s' was begun with another number of repetitions",
				  opts->dir);
	return 0;
}

static int open_store(const struct sk_experiment *experiment, struct runner *r,
		      struct sk_err *err)
{
	const struct sk_experiment_opts *opts = r->opts;
	int failed;

	if (opts->resume) {
		failed = sk_store_open(opts->dir, &r->store, err);
		if (failed == 0)
			return check_same(&r->store, experiment, opts, err);
		/* Killed before there was anything to go on with, or never begun. */
		if (failed != -ENOENT)
			return failed;
	}
	failed = sk_store_create(opts->dir, experiment, repetitions_of(experiment, opts),
				 seed_of(experiment, opts), err);
	return failed < 0 ? failed : sk_store_open(opts->dir, &r->store, err);
}

int sk_experiment_run(const struct sk_home *home, const struct sk_experiment *experiment,
		      const struct sk_experiment_opts *opts, struct sk_err *err)
{
	struct runner runner = {.opts = opts, .store = {.dirfd = -1}};
	sk_autoclose int lock = -1;
	int r, closed;

	r = sk_site_check(home, experiment, err);
	if (r < 0)
		return r;
	lock = sk_store_lock(opts->dir, err);
	if (lock < 0)
		return lock;
	r = open_store(experiment, &runner, err);
	if (r == 0)
		r = sk_store_begin(&runner.store, err);
	if (r == 0)
		r = take_stock(&runner, err);
	if (r == 0)
		r = sk_site_open(home, runner.store.experiment, opts->dir, &runner.site,
				 err);
	if (r == 0) {
		runner.site.phase = on_phase;
		runner.site.phase_ctx = &runner;
		runner.site.interrupted = opts->interrupted;
		r = do_all(&runner, err);
		closed = sk_site_close(&runner.site, r < 0 ? NULL : err);
		r = r < 0 ? r : closed;
	}
	free(runner.took);
	free(runner.done);
	sk_store_finish(&runner.store);
	return r;
}

int sk_experiment_plan(const struct sk_experiment *experiment,
		       const struct sk_experiment_opts *opts, struct sk_json **ret,
		       struct sk_err *err)
{
	sk_auto(sk_design_finish) struct sk_design design = {NULL, 0};
	size_t cells = sk_experiment_cells(experiment);
	sk_autofree uint64_t *took = calloc(cells, sizeof(*took));
	uint64_t seed = seed_of(experiment, opts);
	struct sk_json *plan, *list;
	int r;

	if (!took)
		return sk_err_oom(err);
	r = sk_design_make(experiment, repetitions_of(experiment, opts), seed, &design,
			   err);
	if (r < 0)
		return r;
	plan = sk_json_new_object();
	sk_json_set_str(plan, "name", experiment->name);
	sk_json_set_uint(plan, "seed", seed);
	sk_json_set_double(plan, "estimate_s",
			   round((double)sk_design_remaining(experiment, &design, NULL,
							     took) /
				 1e9));
	list = sk_json_set(plan, "cells", sk_json_new_array());
	for (size_t i = 0; i < cells; i++) {
		struct sk_cell cell = sk_experiment_cell(experiment, i);
		sk_autofree char *label = sk_experiment_label(experiment, i);
		struct sk_json *one = sk_json_add(list, sk_cell_json(experiment, &cell));

		sk_json_set_str(one, "label", label);
	}
	list = sk_json_set(plan, "runs", sk_json_new_array());
	for (size_t i = 0; i < design.nr; i++) {
		sk_autofree char *label =
			sk_experiment_label(experiment, design.trials[i].cell);
		struct sk_json *one = sk_json_add(list, sk_json_new_object());

		sk_json_set_uint(one, "run", i);
		sk_json_set_uint(one, "block", design.trials[i].block);
		sk_json_set_str(one, "kind", sk_trial_kind_name(design.trials[i].kind));
		sk_json_set_uint(one, "cell", design.trials[i].cell);
		sk_json_set_str(one, "label", label);
	}
	*ret = plan;
	return 0;
}
