// SPDX-License-Identifier: Apache-2.0
/* One measured migration: probe, move, prove, verify, write down
 *
 * Theory of operation
 *
 * 1. What was asked for makes sense. Preflight: both ends answer, the guest runs, its name is
 *    free there. Nothing has changed yet; the results folder is made, so that a full or read-only disk is known.
 *    What the guest writes is measured, and what the migration will cost predicted.
 * 2. Checksum of the guest's memory. Before the probe: reading all memory slows the guest.
 * 3. Probe on, baseline of some seconds. No reply at all is an error: a migration whose
 *    probe measures nothing is not what was asked for.
 * 4. The job (session.c), while probe and time line record. They share one clock.
 * 5. Tail of some seconds, probe off, connections closed: no thread writes any more.
 * 6. Checksum again. Verdict from the records, by arithmetic alone.
 * 7. run.json, samples.bin, report.html. A failure to write them is reported, but the
 *    guest has moved: the object is returned all the same.
 */
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/migrate.h"
#include "migrate/report/report.h"
#include "migrate/strategy/auto.h"
#include "migrate/strategy/clocks.h"
#include "migrate/strategy/insight.h"
#include "migrate/strategy/jobs.h"
#include "migrate/strategy/plan.h"
#include "migrate/strategy/predict.h"
#include "migrate/strategy/record.h"
#include "migrate/strategy/strategy.h"

#define DEFAULT_WINDOW_NS   (3 * SK_NS_PER_S)
#define PROBE_MAX_NS	    (4 * 3600 * SK_NS_PER_S)
#define PROBE_REPLY_MS	    3000
#define CHECKSUM_TIMEOUT_MS 8000
#define GUEST_PAGE	    4096
#define NAP_NS		    (20 * SK_NS_PER_MS)

/** struct move - One call of sk_migrate() */
struct move {
	const struct sk_migrate_opts *opts;
	struct sk_timeline *timeline;
	struct sk_probe_target target;
	struct sk_probe *probe;
	struct sk_vm_facts facts;
	struct sk_memory_check check;
	struct sk_clocks clocks;
	struct sk_insight insight;
	struct sk_prediction prediction;
	struct sk_autopilot automatic;	  /* of mode auto */
	struct sk_transfer_opts transfer; /* as asked, or as auto wants it */
	uint64_t started_ns;
	int dirfd;
	bool made_dir;
	struct sk_job_record record;
	bool is_late;	   /* its time-out changed what it was predicted to be */
	bool is_abandoned; /* the job's threads go on, with the time line */
};

static void say(const struct move *move, const char *phase, const char *detail)
{
	if (move->opts->phase)
		move->opts->phase(move->opts->phase_ctx, phase, detail);
}

static bool is_interrupted(const struct move *move)
{
	return move->opts->interrupted && *move->opts->interrupted;
}

static int linger(const struct move *move, uint64_t ns, struct sk_err *err)
{
	uint64_t end = sk_clock_mono() + ns;

	while (sk_clock_mono() < end) {
		if (err && is_interrupted(move))
			return sk_err_set(
				err, ECANCELED,
				"interrupted before the migration: guest '%s' was left alone",
				move->opts->guest);
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	}
	return 0;
}

static int checksum_before(struct move *move, struct sk_err *err)
{
	const struct sk_migrate_opts *opts = move->opts;
	int r;

	if (!opts->control_host)
		return 0;
	say(move, "checksum of the guest's memory", NULL);
	r = sk_guest_checksum(opts->control_host, opts->netns_fd, CHECKSUM_TIMEOUT_MS,
			      &move->check.before, err);
	if (r < 0)
		return sk_err_wrap(err, r, "checksum of guest '%s'", opts->guest);
	move->check.is_wanted = true;
	return 0;
}

static void checksum_after(struct move *move)
{
	const struct sk_migrate_opts *opts = move->opts;
	struct sk_err err = SK_ERR_INIT;

	if (!move->check.is_wanted)
		return;
	say(move, "checksum of the guest's memory", NULL);
	if (sk_guest_checksum(opts->control_host, opts->netns_fd, CHECKSUM_TIMEOUT_MS,
			      &move->check.after, &err) == 0)
		move->check.has_after = true;
	else
		(void)snprintf(move->check.why, sizeof(move->check.why),
			       "the guest does not answer after the move: %.100s",
			       err.msg);
}

static int start_probe(struct move *move, struct sk_err *err)
{
	struct sk_probe_opts opts = {.target = move->target,
				     .netns_fd = move->opts->netns_fd,
				     .from = move->opts->probe_from,
				     .max_duration_ns = PROBE_MAX_NS};
	uint64_t baseline = move->opts->baseline_ns;
	uint64_t longest_s;
	int r;

	if (!move->opts->probe)
		return 0;
	longest_s = SK_PROBE_MAX_SAMPLES / move->target.hz;
	if (longest_s < PROBE_MAX_NS / SK_NS_PER_S)
		opts.max_duration_ns = longest_s * SK_NS_PER_S;
	say(move, "probe, baseline", NULL);
	r = sk_probe_start(&opts, &move->probe, err);
	if (r < 0)
		return r;
	r = sk_probe_wait_reply(move->probe, PROBE_REPLY_MS, err);
	if (r < 0) {
		r = sk_err_wrap(err, r, "probe '%s'", move->opts->probe);
		return sk_err_hint(
			err, r, "does the service answer from here? try: skiff probe %s",
			move->opts->probe);
	}
	return linger(move, baseline ? baseline : DEFAULT_WINDOW_NS, err);
}

static int run_job(struct move *move, struct sk_vm *vm, struct sk_err *err)
{
	const struct sk_migrate_opts *opts = move->opts;
	struct sk_session session = {
		.ops = &sk_vm_libvirt,
		.vm = vm,
		.strategy = sk_strategy_find(opts->mode),
		.guest = opts->guest,
		.transfer = move->transfer,
		.postcopy_after = opts->postcopy_after,
		.timeout_ns = opts->timeout_ns,
		.timeout_action = opts->timeout_action,
		.timeline = move->timeline,
		.phase = opts->phase,
		.phase_ctx = opts->phase_ctx,
		.interrupted = opts->interrupted,
		.on_change = sk_jobs_phase,
		.change_ctx = &move->record,
	};
	int r;

	if (opts->mode == SK_MODE_AUTO) {
		session.strategy = sk_auto_strategy(&move->automatic);
		session.automatic = &move->automatic;
	}
	say(move, "migrate", NULL);
	r = sk_session_run(&session, err);
	move->is_late = session.is_late;
	if (session.is_abandoned) {
		move->is_abandoned = true;
		sk_vm_abandon(vm);
	}
	return r;
}

/* One line for each way to migrate, then the one that is taken. */
static int choose(struct move *move, struct sk_err *err)
{
	struct sk_autopilot *a = &move->automatic;
	char line[384];
	int r = sk_auto_choose(&move->prediction, move->opts, a, err);

	for (size_t i = 0; i < a->nr; i++)
		say(move, NULL, sk_auto_describe(&a->candidates[i], line, sizeof(line)));
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "auto takes %s", a->why);
	say(move, NULL, line);
	sk_auto_apply(a, &move->transfer);
	return 0;
}

static int predict(struct move *move, struct sk_vm *vm, struct sk_err *err)
{
	struct sk_guest_use use;

	say(move, "measure what the guest writes", NULL);
	sk_guest_use_measure(vm, &move->facts, move->opts, &use);
	sk_predict(move->opts, &move->facts, &use, &move->prediction);
	return move->opts->mode == SK_MODE_AUTO ? choose(move, err) : 0;
}

/* What a guest of a lab says of its own writes: to compare, nothing is predicted from it. */
static void cross_check(const struct move *move, struct sk_json *run)
{
	struct sk_json *inputs = sk_json_path(run, "prediction.inputs"), *says;

	if (!inputs || !move->check.is_wanted)
		return;
	says = sk_json_set(inputs, "guest_says", sk_json_new_object());
	sk_json_set_uint(says, "write_bytes_per_s",
			 move->check.before.pages_per_s * GUEST_PAGE);
	sk_json_set_uint(says, "working_set_bytes", move->check.before.working_set_bytes);
}

/* What was predicted beside what came, and the next prediction the wiser. */
static void review(struct move *move, const struct sk_verdict *verdict,
		   struct sk_json *run)
{
	struct sk_prediction *p = &move->prediction;
	enum sk_mode mode = move->opts->mode;
	struct sk_err err = SK_ERR_INIT;

	/* As it was chosen: what came otherwise is in auto.changes. */
	if (move->opts->mode == SK_MODE_AUTO) {
		sk_auto_predicted(&move->automatic, p);
		(void)sk_json_set(run, "auto", sk_auto_json(&move->automatic));
		mode = verdict->chosen;
	}
	if (mode < SK_MODEL_MODES)
		(void)sk_json_set(run, "prediction",
				  sk_prediction_json(p, mode, verdict));
	cross_check(move, run);
	if (sk_slo_is_set(&move->opts->slo))
		(void)sk_json_set(run, "slo", sk_slo_json(&move->opts->slo, verdict));
	if (!move->is_late &&
	    sk_prediction_learn(p, move->opts, &move->facts, verdict,
				sk_json_double(sk_json_path(run, "memory.downtime_bytes"),
					       NAN),
				&err) < 0) {
		(void)sk_err_wrap(&err, -err.code, "the calibration cannot be written");
		say(move, NULL, err.msg);
	}
}

/* Steps 1 to 5: afterwards nothing adds to the time line or the samples. */
static int measure(struct move *move, struct sk_err *err)
{
	const struct sk_migrate_opts *opts = move->opts;
	const struct sk_vm_ends ends = {.guest = opts->guest,
					.from = opts->from,
					.to = opts->to,
					.timeline = move->timeline,
					.to_monitor = opts->to_monitor,
					.to_name = opts->to_name};
	sk_auto(sk_vm_close) struct sk_vm *vm = NULL;
	struct sk_vm_job job;
	int r;

	say(move, "check both hosts", NULL);
	sk_plan_job(opts, &job);
	r = sk_vm_open(&ends, &vm, err);
	if (r == 0)
		r = sk_vm_libvirt.preflight(vm, &job, &move->facts, err);
	if (r == 0 && opts->dir) {
		move->dirfd = sk_record_open(opts->dir, &move->made_dir, err);
		r = move->dirfd < 0 ? move->dirfd : 0;
	}
	if (r == 0)
		sk_clocks_measure(opts, &move->clocks);
	if (r == 0)
		r = predict(move, vm, err);
	if (r == 0)
		r = checksum_before(move, err);
	if (r == 0) {
		sk_insight_start(&move->insight, opts);
		r = start_probe(move, err);
	}
	if (r == 0)
		r = run_job(move, vm, err);
	if (r == 0 && move->probe) {
		say(move, "probe, after the move", NULL);
		(void)linger(move, opts->tail_ns ? opts->tail_ns : DEFAULT_WINDOW_NS,
			     NULL);
		r = sk_probe_stop(move->probe, err);
		if (r < 0)
			r = sk_err_wrap(err, r, "guest '%s' has moved, but its probe",
					opts->guest);
	}
	sk_insight_stop(&move->insight, opts, r == 0 ? vm : NULL, move->timeline);
	return r;
}

/* run.json is the published object and the time line it was computed from. */
static int write_run(const struct move *move, struct sk_json *run,
		     uint64_t probe_start_ns, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *full = sk_json_new_object();
	sk_autofree char *text = NULL;
	struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	while ((value = sk_json_each(run, &cursor, &key)))
		(void)sk_json_set(full, key, sk_json_ref(value));
	(void)sk_json_set(full, "timeline", sk_timeline_json(move->timeline));
	sk_json_set_uint(full, "probe_start_ns", probe_start_ns);
	text = sk_json_print(full, true);
	if (!text)
		return sk_err_oom(err);
	return sk_fs_replace(move->dirfd, "run.json", text, strlen(text), 0644, err);
}

static int name_report(const char *dir, struct sk_json *run, struct sk_err *err)
{
	sk_autofree char *report = sk_strf("%s/report.html", dir);

	if (!report)
		return sk_err_oom(err);
	sk_json_set_str(run, "report", report);
	return 0;
}

static int write_results(struct move *move, const struct sk_verdict *verdict,
			 const struct sk_sample *samples, size_t n, struct sk_json *run,
			 struct sk_err *err)
{
	struct sk_report_input input = {
		.run = run,
		.verdict = verdict,
		.timeline = move->timeline,
		.samples = samples,
		.nr_samples = n,
		.probe_start_real_ns = move->probe ? sk_probe_start_time(move->probe) : 0,
	};
	int r;

	say(move, "write results", NULL);
	/* First, as it is the smallest: where the disk is full the numbers are kept. */
	r = write_run(move, run, input.probe_start_real_ns, err);
	if (r == 0 && samples)
		r = sk_probe_save(move->dirfd, "samples.bin", samples, n, err);
	if (r == 0)
		r = sk_report_write(move->dirfd, "report.html", &input, err);
	if (r == 0)
		r = name_report(move->opts->dir, run, err);
	/* Once more, as it now names the report. */
	if (r == 0)
		r = write_run(move, run, input.probe_start_real_ns, err);
	if (r < 0)
		return sk_err_wrap(
			err, r,
			"guest '%s' has moved, but the results cannot be written to '%s'",
			move->opts->guest, move->opts->dir);
	return 0;
}

static int conclude(struct move *move, struct sk_json **ret, struct sk_err *err)
{
	const struct sk_sample *samples = NULL;
	struct sk_verdict verdict;
	struct sk_record record = {move->opts, &move->facts, &verdict, &move->check,
				   move->started_ns};
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	size_t n = 0;
	int r;

	if (move->probe)
		samples = sk_probe_samples(move->probe, &n);
	sk_clocks_correct(&move->clocks, move->timeline);
	r = sk_verdict_make(move->opts->mode, move->timeline, samples, n,
			    move->probe ? sk_probe_start_time(move->probe) : 0, &verdict);
	if (r < 0)
		return sk_err_code(err, r, "summarize the probe's samples");
	if (move->probe && sk_probe_cut(move->probe))
		sk_verdict_cut(&verdict, sk_probe_start_time(move->probe) +
						 (n ? samples[n - 1].intended_ns : 0));
	run = sk_record_json(&record);
	if (!run)
		return sk_err_oom(err);
	(void)sk_json_set(run, "clocks", sk_clocks_json(&move->clocks));
	move->insight.announcements.macs = move->facts.macs;
	sk_insight_add(&move->insight, move->opts, &verdict, move->timeline, run);
	review(move, &verdict, run);
	if (move->probe && sk_json_get(run, "probe"))
		sk_probe_describe(move->probe, sk_json_get(run, "probe"));
	if (move->dirfd >= 0)
		r = write_results(move, &verdict, samples, n, run, err);
	*ret = sk_steal(&run);
	return r;
}

int sk_migrate(const struct sk_migrate_opts *opts, struct sk_json **ret,
	       struct sk_err *err)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	struct sk_migrate_opts full = *opts;
	struct move move = {.opts = &full,
			    .timeline = timeline,
			    .started_ns = sk_clock_real(),
			    .record = SK_JOB_RECORD_INIT,
			    .dirfd = -1};
	int r;

	if (!timeline)
		return sk_err_oom(err);
	r = sk_plan_settle(&full, err);
	if (r < 0)
		return r;
	move.transfer = full.transfer;
	r = opts->probe ? sk_probe_target_parse(opts->probe, &move.target, err) : 0;
	if (r < 0)
		return r;
	r = sk_jobs_begin(&full, &move.record, err);
	if (r < 0)
		return r;
	r = measure(&move, err);
	if (r == 0) {
		checksum_after(&move);
		r = conclude(&move, ret, err);
	} else if (move.made_dir) {
		sk_record_drop(opts->dir);
	}
	sk_insight_finish(&move.insight);
	sk_probe_free(move.probe);
	sk_close(&move.dirfd);
	if (move.is_abandoned) {
		(void)sk_steal(&timeline);
		sk_jobs_leave(&move.record);
	} else {
		sk_jobs_end(&move.record);
	}
	return r;
}
