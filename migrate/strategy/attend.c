// SPDX-License-Identifier: Apache-2.0
/* Migrations that lost their leader: settled, led on, given up */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/strategy/finding.h"
#include "migrate/strategy/strategy.h"

#define SETTLE_NS   (8 * SK_NS_PER_S) /* libvirtd ends the job of a client that is gone */
#define PATIENCE_NS (30 * SK_NS_PER_S) /* for a libvirtd that is started anew */

static int mend(struct sk_finding *f, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	int r;

	if (f->fate != SK_JOB_STOPPED && f->fate != SK_JOB_LEFTOVER)
		return 0;
	r = sk_vm_host_open(sk_finding_text(f, "from"), &host, err);
	if (r < 0)
		return r;
	if (f->fate == SK_JOB_STOPPED)
		return sk_vm_host_resume(host, sk_finding_text(f, "guest"), err);
	return sk_vm_host_destroy(host, sk_finding_text(f, "guest"), err);
}

/** struct recovery - One call of sk_migration_recover() */
struct recovery {
	struct sk_json *told;
	uint64_t until_ns; /* for all records together */
};

static int visit_recover(struct sk_finding *f, void *arg, struct sk_err *err)
{
	struct recovery *recovery = arg;
	sk_autofree char *text = NULL;
	struct sk_err why = SK_ERR_INIT;
	struct sk_json *one;
	int r;

	f->until_ns = recovery->until_ns;
	/* What there is no time for is left to the next command. */
	if (f->is_led || sk_clock_mono() >= f->until_ns)
		return 0;
	sk_finding_settle(f);
	if (!f->is_known || f->fate == SK_JOB_GOES_ON || f->fate == SK_JOB_SPLIT)
		return 0;
	r = mend(f, &why);
	text = sk_finding_tell(f);
	if (!text)
		return sk_err_oom(err);
	one = sk_json_add(recovery->told, sk_json_new_object());
	sk_json_set_str(one, "guest", sk_finding_text(f, "guest"));
	/* The next command tries again; other records do not wait for this one. */
	sk_json_set_str(one, "text", r < 0 ? why.msg : text);
	if (r == 0)
		sk_jobs_end(&f->record);
	return 0;
}

int sk_migration_recover(const struct sk_home *home, struct sk_json **ret,
			 struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	const struct sk_migration_which all = {.guest = NULL};
	struct recovery recovery = {array, sk_clock_mono() + SETTLE_NS};
	int r;

	if (!array)
		return sk_err_oom(err);
	r = sk_findings_each(home, &all, visit_recover, &recovery, err);
	*ret = sk_steal(&array);
	return r;
}

/** struct attend - One call of sk_migration_attach() or sk_migration_abort() */
struct attend {
	const struct sk_attend_opts *opts;
	bool has_found;
};

/* Nobody leads a post-copy that does not move: connect both ends anew, and lead it. */
static int lead_on(struct sk_finding *f, const struct sk_attend_opts *opts,
		   struct sk_err *err)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const char *monitor =
		sk_json_str(sk_json_get(f->record.json, "to_monitor"), NULL);
	const struct sk_vm_ends ends = {.guest = sk_finding_text(f, "guest"),
					.from = sk_finding_text(f, "from"),
					.to = sk_finding_text(f, "to"),
					.timeline = timeline,
					.to_monitor = monitor,
					.to_name = monitor ? sk_finding_text(f, "to_name")
							   : NULL};
	sk_auto(sk_vm_close) struct sk_vm *vm = NULL;
	struct sk_session session = {.ops = &sk_vm_libvirt,
				     .strategy = &sk_post_copy,
				     .guest = ends.guest,
				     .is_resume = true,
				     .phase = opts->phase,
				     .phase_ctx = opts->phase_ctx,
				     .interrupted = opts->interrupted};
	int r;

	if (!timeline)
		return sk_err_oom(err);
	sk_jobs_transfer(f->record.json, &session.transfer);
	r = sk_vm_open(&ends, &vm, err);
	if (r < 0)
		return r;
	session.vm = vm;
	r = sk_session_run(&session, err);
	if (session.is_abandoned) {
		sk_vm_abandon(vm);
		(void)sk_steal(&timeline);
		(void)sk_json_ref(f->record.json);
	}
	return r;
}

static void say_progress(const struct sk_finding *f, const struct sk_attend_opts *opts)
{
	char left[SK_FORMAT_SIZE], text[80];

	if (!opts->phase)
		return;
	(void)sk_format_size(f->here.job.memory_remaining, left);
	(void)snprintf(text, sizeof(text), "%s to go", left);
	opts->phase(opts->phase_ctx, "migrate", text);
}

static int watch(struct sk_finding *f, const struct sk_attend_opts *opts,
		 struct sk_err *err)
{
	uint64_t known_ns = sk_clock_mono();
	struct sk_guard guard;

	sk_guard_start(&guard, 0, 5 * SK_NS_PER_S, known_ns);
	for (;;) {
		uint64_t now = sk_clock_mono();

		if (opts->interrupted && *opts->interrupted)
			return sk_err_set(err, EINPROGRESS, "it goes on without us");
		sk_finding_look(f);
		if (!f->is_known && now - known_ns > PATIENCE_NS)
			return sk_err_set(err, EIO, "%s", f->why);
		if (f->is_known && f->fate != SK_JOB_GOES_ON)
			return 0;
		if (f->is_known)
			known_ns = now;
		/* A libvirtd that was started anew may know of no job: then nothing moves. */
		sk_guard_hear(&guard, f->here.job.memory_processed,
			      f->here.has_job ? f->here.job.memory_remaining : 1, now);
		if (f->here.is_postcopy && sk_guard_look(&guard, now) == SK_GUARD_STALLED)
			return lead_on(f, opts, err);
		say_progress(f, opts);
		sk_clock_sleep_until(now + SK_FINDING_NAP_NS);
	}
}

static int visit_attach(struct sk_finding *f, void *arg, struct sk_err *err)
{
	struct attend *attend = arg;
	sk_autofree char *text = NULL;
	int r;

	attend->has_found = true;
	if (f->is_led)
		return sk_err_set(err, EBUSY, "process %lld leads it already",
				  (long long)sk_json_int(sk_json_get(f->record.json,
								     "pid"),
							 0));
	sk_jobs_claim(&f->record);
	if (attend->opts->phase)
		attend->opts->phase(attend->opts->phase_ctx, "migrate", NULL);
	r = watch(f, attend->opts, err);
	if (r < 0)
		return r;
	f->until_ns = sk_clock_mono() + SETTLE_NS;
	sk_finding_settle(f);
	r = f->is_known ? mend(f, err) : sk_err_set(err, EIO, "%s", f->why);
	if (r < 0)
		return r;
	text = sk_finding_tell(f);
	if (!text)
		return sk_err_oom(err);
	if (f->fate != SK_JOB_ARRIVED)
		r = sk_err_set(err, f->fate == SK_JOB_ABORTED ? ECANCELED : EIO, "%s",
			       text);
	/* Two copies are for the user to judge: it is told again. */
	if (f->fate != SK_JOB_SPLIT && f->fate != SK_JOB_GOES_ON)
		sk_jobs_end(&f->record);
	return r;
}

static int not_found(const struct sk_migration_which *which, struct sk_err *err)
{
	int r = sk_err_set(err, ENOENT, "no migration of guest '%s' is under way%s%s%s%s",
			   which->guest, which->lab ? " in lab " : "",
			   which->lab ? which->lab : "", which->from ? " from " : "",
			   which->from ? which->from : "");

	return sk_err_hint(err, r, "see those that are: skiff migrate status");
}

static int visit_place(struct sk_finding *f, void *arg, struct sk_err *err)
{
	const char *lab = sk_finding_text(f, "lab");
	char ***places = arg;

	if (sk_strv_addf(places, "'%s'%s%s", sk_finding_text(f, "from_name"),
			 *lab ? " of lab " : "", lab) < 0)
		return sk_err_oom(err);
	return 0;
}

/* Names of guests may be the same elsewhere: which one is meant is not guessed. */
static int need_one(const struct sk_home *home, const struct sk_migration_which *which,
		    struct sk_err *err)
{
	sk_auto(sk_strv_free) char **places = NULL;
	int r = sk_findings_each(home, which, visit_place, &places, err);

	if (r < 0 || !places || !places[0] || !places[1])
		return r;
	r = sk_err_set(err, ENOTUNIQ, "guests '%s' migrate from %s and from %s",
		       which->guest, places[0], places[1]);
	return sk_err_hint(err, r, "say which one is meant: --lab NAME, or --from HOST");
}

int sk_migration_attach(const struct sk_home *home,
			const struct sk_migration_which *which,
			const struct sk_attend_opts *opts, struct sk_err *err)
{
	struct attend attend = {.opts = opts};
	int r = need_one(home, which, err);

	if (r == 0)
		r = sk_findings_each(home, which, visit_attach, &attend, err);
	return r == 0 && !attend.has_found ? not_found(which, err) : r;
}

static int refuse_postcopy(const char *guest, struct sk_err *err)
{
	int r = sk_err_set(err, EBUSY,
			   "guest '%s' is in post-copy, which cannot be given up", guest);

	return sk_err_hint(err, r,
			   "each host has a part of its memory; see it to its end: skiff "
			   "migrate attach %s",
			   guest);
}

static int visit_abort(struct sk_finding *f, void *arg, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	struct attend *attend = arg;
	int r;

	attend->has_found = true;
	sk_finding_look(f);
	if (!f->is_known)
		return sk_err_set(err, EIO, "%s", f->why);
	if (f->here.is_postcopy || f->there.is_postcopy)
		return refuse_postcopy(sk_finding_text(f, "guest"), err);
	r = sk_vm_host_open(sk_finding_text(f, "from"), &host, err);
	if (r == 0)
		r = sk_vm_host_abort(host, sk_finding_text(f, "guest"), err);
	if (r < 0 || f->is_led)
		return r;
	for (uint64_t end = sk_clock_mono() + SETTLE_NS; sk_clock_mono() < end;) {
		sk_finding_look(f);
		if (f->is_known && f->fate != SK_JOB_GOES_ON &&
		    f->there.state == SK_VM_GONE)
			break;
		sk_clock_sleep_until(sk_clock_mono() + SK_FINDING_NAP_NS);
	}
	if (!f->is_known)
		return sk_err_set(err, EIO, "%s", f->why);
	if (f->fate == SK_JOB_GOES_ON)
		return sk_err_set(err, ETIMEDOUT, "the job has not ended yet");
	r = mend(f, err);
	if (r == 0 && f->fate != SK_JOB_SPLIT)
		sk_jobs_end(&f->record);
	return r;
}

/* One that was not started from here: the source itself is asked, and told. */
static int abort_foreign(const struct sk_migration_which *which, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	struct sk_vm_look look = {.state = SK_VM_GONE};
	int r = sk_vm_host_open(which->from, &host, err);

	if (r == 0)
		r = sk_vm_host_look(host, which->guest, &look, err);
	if (r < 0)
		return r;
	if (!look.has_job)
		return not_found(which, err);
	if (look.is_postcopy)
		return refuse_postcopy(which->guest, err);
	r = sk_vm_host_abort(host, which->guest, err);
	for (uint64_t end = sk_clock_mono() + SETTLE_NS; r == 0 && look.has_job;) {
		if (sk_clock_mono() > end)
			return sk_err_set(err, ETIMEDOUT, "the job has not ended yet");
		sk_clock_sleep_until(sk_clock_mono() + SK_FINDING_NAP_NS);
		r = sk_vm_host_look(host, which->guest, &look, err);
	}
	return r;
}

int sk_migration_abort(const struct sk_home *home, const struct sk_migration_which *which,
		       struct sk_err *err)
{
	struct attend attend = {.opts = NULL};
	int r = need_one(home, which, err);

	if (r == 0)
		r = sk_findings_each(home, which, visit_abort, &attend, err);
	if (r < 0 || attend.has_found)
		return r;
	return sk_jobs_is_at_uri(which) ? abort_foreign(which, err)
					: not_found(which, err);
}
