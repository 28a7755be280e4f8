// SPDX-License-Identifier: Apache-2.0
/* One migration job from its start to a guest that runs at exactly one end
 *
 * Theory of operation
 *
 * 1. Start the job as the strategy wants it (live, post-copy allowed). From here on
 *    libvirt's thread is in its call; this one only reads notes.
 * 2. Each note goes to the strategy, which may switch to post-copy. Between notes, at least
 *    every 100 ms, the interrupt flag is looked at. Nothing here asks the destination for
 *    anything: its monitor is busy until the incoming job ends.
 * 3. A guard watches the bytes that move and the clock. Before post-copy a job that stands
 *    still, and one that takes too long if the user says so, is given up; after that the
 *    connection is mended (recover.c).
 * 4. The ENDED note brings the result of the call. Aborting does not end the loop: only
 *    that note does, because until then the guest may still finish its move. Where the
 *    hypervisor does not answer for some seconds the job is left alone, and the text says so.
 * 5. On failure the guest must run at the source. It is resumed there if it stands still,
 *    but only when it is known not to run at the destination and no post-copy had begun:
 *    two running copies are worse than none (split brain).
 */
#include <inttypes.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "migrate/strategy/strategy.h"

#define ROUND_MS      100
#define STALL_NS      (5 * SK_NS_PER_S)
#define ABORT_WAIT_NS (8 * SK_NS_PER_S) /* for the end of a job that was told to end */
#define STATE_WAIT_NS (5 * SK_NS_PER_S) /* for a libvirtd that is started anew */
#define STATE_NAP_NS  (200 * SK_NS_PER_MS)

const struct sk_strategy *sk_strategy_find(enum sk_mode mode)
{
	switch (mode) {
	case SK_MODE_PRE_COPY:
		return &sk_pre_copy;
	case SK_MODE_STOP_AND_COPY:
		return &sk_stop_and_copy;
	case SK_MODE_POST_COPY:
		return &sk_post_copy;
	case SK_MODE_HYBRID:
		return &sk_hybrid;
	case SK_MODE_AUTO:
		return &sk_auto_any;
	default:
		return NULL;
	}
}

void sk_session_say(struct sk_session *session, const char *fmt, ...)
{
	char text[200];
	va_list args;

	if (!session->phase)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	session->phase(session->phase_ctx, "migrate", text);
}

void sk_session_announce(struct sk_session *session, const char *text)
{
	if (session->phase)
		session->phase(session->phase_ctx, NULL, text);
}

void sk_session_note_course(struct sk_session *session, enum sk_mode mode)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE,
				 .side = SK_SIDE_SOURCE,
				 .name = SK_EVENT_COURSE};

	(void)snprintf(event.detail, sizeof(event.detail), "%s", sk_mode_name(mode));
	if (session->timeline)
		(void)sk_timeline_add(session->timeline, &event);
}

static uint64_t now_ns(const struct sk_session *session)
{
	return session->clock ? session->clock(session->vm) : sk_clock_mono();
}

int sk_session_abort(struct sk_session *session, struct sk_err *err)
{
	int r;

	if (session->is_aborting)
		return 0;
	if (!session->aborted_ns)
		session->aborted_ns = now_ns(session);
	r = session->ops->abort(session->vm, err);
	/* Not yet abortable, or just over: the next round tries again, or the end comes. */
	if (r < 0 && r != -ETIMEDOUT)
		return 0;
	session->is_aborting = true;
	sk_session_announce(session, "give the migration up");
	return 0;
}

int sk_session_switch(struct sk_session *session, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r;

	if (session->is_switched || session->is_aborting || !session->may_switch)
		return 0;
	session->is_switched = true;
	sk_session_announce(
		session,
		"post-copy: from now on it cannot be given up, and when the destination fails the guest is lost");
	r = session->ops->start_postcopy(session->vm, &why);
	/* One that is not answered yet is under way: the guard sees a job that stands still. */
	if (r == 0 || r == -ETIMEDOUT)
		return 0;
	if (err)
		*err = why;
	return r;
}

int sk_session_stop_or_explain(struct sk_session *session, struct sk_err *err)
{
	if (!session->is_switched)
		return sk_session_abort(session, err);
	if (!session->has_explained)
		sk_session_announce(
			session,
			"post-copy cannot be stopped (each host has part of the memory): going on; Ctrl-C once more leaves it to the hosts");
	session->has_explained = true;
	return 0;
}

static void change(struct sk_session *session, const char *phase)
{
	if (session->on_change)
		session->on_change(session->change_ctx, phase);
}

static void say_progress(struct sk_session *session, const struct sk_job_sample *job)
{
	char line[160];

	sk_converge_feed(&session->converge, job);
	(void)sk_converge_text(&session->converge, line, sizeof(line));
	if (session->is_at_destination)
		sk_session_say(session, "%s, %" PRIu64 " page requests", line,
			       job->postcopy_requests);
	else
		sk_session_say(session, "%s", line);
}

static int handle(struct sk_session *session, const struct sk_vm_note *note,
		  struct sk_err *err)
{
	uint64_t now = now_ns(session);

	switch (note->kind) {
	case SK_VM_NOTE_ACTIVE:
	case SK_VM_NOTE_PASS:
		if (session->may_switch && !session->is_switched)
			sk_recover_prepare(session);
		session->passes = (unsigned int)note->value;
		sk_guard_touch(&session->guard, now);
		break;
	case SK_VM_NOTE_POSTCOPY:
		session->is_at_destination = true;
		session->converge.is_postcopy = true;
		/* A time-out that has not struck by now has nothing to give up. */
		session->guard.timeout_ns = 0;
		sk_guard_touch(&session->guard, now);
		change(session, "post-copy");
		break;
	case SK_VM_NOTE_MOVED:
		session->has_moved = true;
		break;
	case SK_VM_NOTE_CLOSED:
		sk_session_announce(session,
				    note->value == SK_SIDE_SOURCE
					    ? "libvirtd of the source has gone"
					    : "libvirtd of the destination has gone");
		break;
	case SK_VM_NOTE_PROGRESS:
		sk_guard_hear(&session->guard, note->job.memory_processed,
			      note->job.memory_remaining, now);
		say_progress(session, &note->job);
		break;
	default:
		sk_recover_hear(session, note, now);
		break;
	}
	if (!session->strategy->on_note)
		return 0;
	return session->strategy->on_note(session, note, err);
}

static int strike(struct sk_session *session, struct sk_err *err)
{
	char limit[SK_FORMAT_SIZE];

	(void)sk_format_duration(session->guard.timeout_ns, limit);
	session->guard.timeout_ns = 0;
	session->is_late = true;
	switch (session->timeout_action) {
	case SK_TIMEOUT_SUSPEND:
		sk_session_announce(
			session, "too late: the guest stands still until all is copied");
		/* One that stands still has nothing to gain from post-copy. */
		session->may_switch = false;
		if (!session->is_switched)
			sk_session_note_course(session, SK_MODE_PRE_COPY);
		return session->ops->suspend(session->vm, err);
	case SK_TIMEOUT_POST_COPY:
		if (!session->is_switched)
			sk_session_note_course(session, session->passes > 1
								? SK_MODE_HYBRID
								: SK_MODE_POST_COPY);
		return sk_session_switch(session, err);
	default:
		return sk_err_set(err, ETIMEDOUT,
				  "not done after %s, as --timeout allows", limit);
	}
}

/* Before post-copy: a job that stands still or takes too long is given up. */
static int watch(struct sk_session *session, struct sk_err *err)
{
	uint64_t now = now_ns(session);
	enum sk_guard_verdict verdict = sk_guard_look(&session->guard, now);
	int r;

	if (session->is_at_destination) {
		sk_recover_tick(session, verdict, now);
		return 0;
	}
	if (session->is_aborting || verdict == SK_GUARD_FINE)
		return 0;
	if (verdict == SK_GUARD_LATE)
		return strike(session, err);
	r = sk_err_set(err, ETIMEDOUT,
		       verdict == SK_GUARD_STALLED
			       ? "not a byte was transferred for %llu s"
			       : "the hypervisor told nothing of the job for %llu s",
		       session->guard.stall_ns / SK_NS_PER_S);
	return sk_err_hint(err, r, "is the network between the hosts cut?");
}

static int count_interrupts(const struct sk_session *session)
{
	return session->interrupted ? *session->interrupted : 0;
}

/* Gives up what has failed or is not wanted any more; true when it is left alone. */
static bool stop(struct sk_session *session, int failed)
{
	int interrupts = count_interrupts(session);

	if (session->is_at_destination) {
		if (interrupts)
			(void)sk_session_stop_or_explain(session, NULL);
		return interrupts > 1;
	}
	if (failed < 0)
		(void)sk_session_abort(session, NULL);
	else if (interrupts && session->is_switched)
		(void)sk_session_stop_or_explain(session, NULL);
	else if (interrupts)
		(void)session->strategy->on_interrupt(session, NULL);
	return session->aborted_ns &&
	       now_ns(session) - session->aborted_ns > ABORT_WAIT_NS;
}

/* Runs until the job has ended or is left alone; what could not be done comes back in @err. */
static int follow(struct sk_session *session, struct sk_vm_note *ret_end,
		  struct sk_err *err)
{
	int failed = 0;

	for (;;) {
		int r = session->ops->next(session->vm, ROUND_MS, ret_end);

		if (r == 0 && ret_end->kind == SK_VM_NOTE_ENDED) {
			if (!session->is_at_destination ||
			    !sk_recover_ended(session, ret_end, now_ns(session)))
				return failed;
		} else if (r == 0 && (failed == 0 || session->is_at_destination)) {
			failed = handle(session, ret_end, err);
		}
		if (failed == 0 && session->strategy->on_tick)
			failed = session->strategy->on_tick(session, err);
		if (failed == 0 || session->is_at_destination)
			failed = watch(session, err);
		if (session->recover.step == SK_RECOVER_OVER) {
			*ret_end = session->recover.end;
			return failed;
		}
		if (session->is_abandoned || stop(session, failed)) {
			session->is_abandoned = true;
			return failed;
		}
	}
}

/* A libvirtd that was killed may be started anew by its host: it is given a moment. */
static int ask_state(struct sk_session *session, enum sk_side side, enum sk_vm_state *ret)
{
	uint64_t deadline = sk_clock_mono() + STATE_WAIT_NS;
	int r;

	for (;;) {
		r = session->ops->state(session->vm, side, ret, NULL);
		if (r == 0 || sk_clock_mono() > deadline)
			return r;
		sk_clock_sleep_until(sk_clock_mono() + STATE_NAP_NS);
	}
}

static int settle_after_postcopy(struct sk_session *session, int r, struct sk_err *err)
{
	enum sk_vm_state there = SK_VM_GONE;
	int asked = ask_state(session, SK_SIDE_DESTINATION, &there);

	if (asked == 0 && there == SK_VM_RUNNING)
		return sk_err_wrap(
			err, r,
			"guest '%s' runs at the destination, but its move did not end well",
			session->guest);
	if (asked == 0 && there == SK_VM_GONE)
		r = sk_err_wrap(
			err, r,
			"guest '%s' is lost: it ended at the destination in the middle of post-copy",
			session->guest);
	else
		r = sk_err_wrap(err, r,
				"post-copy of guest '%s' broke off: its memory is split",
				session->guest);
	/* In place of a hint that came with the reason: this one keeps from harm. */
	if (err)
		err->hint[0] = '\0';
	return sk_err_hint(
		err, r,
		"the copy at the source is not started again: it would be older than what clients saw");
}

static int resume_here(struct sk_session *session, enum sk_vm_state *here, int r,
		       struct sk_err *err)
{
	enum sk_vm_state there = SK_VM_GONE;
	struct sk_err why = SK_ERR_INIT;

	if (ask_state(session, SK_SIDE_DESTINATION, &there) < 0 || there == SK_VM_RUNNING)
		return 0;
	if (session->ops->resume(session->vm, SK_SIDE_SOURCE, &why) < 0)
		return sk_err_wrap(err, r, "guest '%s' stands still at the source (%s)",
				   session->guest, why.msg);
	*here = SK_VM_RUNNING;
	return 0;
}

/* The job failed: let the guest run at the source, see step 5. */
static int settle(struct sk_session *session, int r, struct sk_err *err)
{
	enum sk_vm_state here = SK_VM_GONE;
	const char *where;

	if (session->is_at_destination)
		return settle_after_postcopy(session, r, err);
	if (ask_state(session, SK_SIDE_SOURCE, &here) < 0)
		return sk_err_wrap(err, r,
				   "the source does not say whether guest '%s' runs",
				   session->guest);
	/* Of a hypervisor that does not answer nothing more is asked. */
	if (here == SK_VM_PAUSED && !session->is_abandoned) {
		int stuck = resume_here(session, &here, r, err);

		if (stuck < 0)
			return stuck;
	}
	if (here == SK_VM_RUNNING)
		where = "still runs at the source";
	else if (here == SK_VM_PAUSED)
		where = "stands still at the source";
	else
		where = "is no longer at the source";
	return sk_err_wrap(err, r, "guest '%s' %s%s", session->guest, where,
			   session->is_abandoned
				   ? ", where the hypervisor has not ended the job yet"
				   : "");
}

static int fail(struct sk_session *session, int failed, const struct sk_vm_note *end,
		const struct sk_err *failure, struct sk_err *err)
{
	if (failed < 0) {
		if (err)
			*err = *failure;
		return failed;
	}
	if (session->aborted_ns)
		return sk_err_set(err, ECANCELED, "the migration was given up, as asked");
	if (err)
		*err = end->err;
	return end->result;
}

static int leave_post_copy(const struct sk_session *session, struct sk_err *err)
{
	int r;

	if (count_interrupts(session))
		return sk_err_set(
			err, EINPROGRESS,
			"guest '%s' runs at the destination, and its memory still follows",
			session->guest);
	r = sk_err_set(
		err, ETIMEDOUT,
		"guest '%s' is at the destination, but not all of its memory, and a "
		"libvirtd no longer answers",
		session->guest);
	return sk_err_hint(err, r,
			   "when it is back, see it to its end: skiff migrate attach %s",
			   session->guest);
}

int sk_session_run(struct sk_session *session, struct sk_err *err)
{
	struct sk_vm_job job = {.live = session->strategy->live,
				.postcopy = session->strategy->postcopy,
				.transfer = session->transfer};
	struct sk_vm_note end = {.kind = SK_VM_NOTE_ENDED};
	struct sk_err failure = SK_ERR_INIT;
	int failed, r;

	if (session->timeout_ns && session->timeout_action == SK_TIMEOUT_POST_COPY)
		job.postcopy = true;
	session->is_at_destination = session->is_switched = session->is_resume;
	if (session->is_resume) {
		sk_recover_prepare(session);
		r = session->ops->resume_postcopy(session->vm, &job, err);
	} else {
		r = session->ops->start(session->vm, &job, err);
	}
	if (r < 0)
		return r;
	sk_guard_start(&session->guard, session->timeout_ns,
		       STALL_NS + session->transfer.max_downtime_ms * SK_NS_PER_MS,
		       now_ns(session));
	session->may_switch = job.postcopy;
	failed = follow(session, &end, &failure);
	if (session->ops->rescue_close)
		session->ops->rescue_close(session->vm);
	if (session->is_abandoned && session->is_at_destination)
		return leave_post_copy(session, err);
	/* When it moved although the strategy failed to steer it, the verdict says how. */
	if (!session->is_abandoned &&
	    (end.result == 0 || (session->is_at_destination && session->has_moved)))
		return 0;
	r = fail(session, failed, &end, &failure, err);
	return settle(session, r, err);
}
