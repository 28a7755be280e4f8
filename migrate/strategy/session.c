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
 * 3. The ENDED note brings the result of the call. Aborting does not end the loop: only
 *    that note does, because until then the guest may still finish its move.
 * 4. On failure the guest must run at the source. It is resumed there if it stands still,
 *    but only when it is known not to run at the destination and no post-copy had begun:
 *    two running copies are worse than none (split brain).
 */
#include <inttypes.h>

#include "lib/parse.h"
#include "migrate/strategy/strategy.h"

#define ROUND_MS 100

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
		session->phase(session->phase_ctx, text, NULL);
}

int sk_session_abort(struct sk_session *session, struct sk_err *err)
{
	int r;

	if (session->is_aborting)
		return 0;
	r = session->ops->abort(session->vm, err);
	/* Not yet abortable, or just over: the next round tries again, or the end comes. */
	if (r < 0)
		return 0;
	session->is_aborting = true;
	sk_session_announce(session, "give the migration up");
	return 0;
}

int sk_session_switch(struct sk_session *session, struct sk_err *err)
{
	if (session->is_switched || session->is_aborting)
		return 0;
	session->is_switched = true;
	return session->ops->start_postcopy(session->vm, err);
}

int sk_session_stop_or_explain(struct sk_session *session, struct sk_err *err)
{
	if (!session->is_switched)
		return sk_session_abort(session, err);
	if (!session->has_explained)
		sk_session_announce(
			session,
			"post-copy cannot be stopped (each host has part of the memory): going on");
	session->has_explained = true;
	return 0;
}

static void say_progress(struct sk_session *session, const struct sk_job_sample *job)
{
	char done[SK_FORMAT_SIZE], total[SK_FORMAT_SIZE];
	uint64_t left = job->memory_remaining;

	if (left > job->memory_total)
		left = job->memory_total;
	(void)sk_format_size(job->memory_total - left, done);
	(void)sk_format_size(job->memory_total, total);
	if (session->is_at_destination)
		sk_session_say(session, "post-copy, %s of %s, %" PRIu64 " page requests",
			       done, total, job->postcopy_requests);
	else
		sk_session_say(session, "pass %u, %s of %s, %" PRIu64 " pages/s dirtied",
			       session->passes, done, total, job->dirty_rate);
}

static int handle(struct sk_session *session, const struct sk_vm_note *note,
		  struct sk_err *err)
{
	switch (note->kind) {
	case SK_VM_NOTE_PASS:
		session->passes = (unsigned int)note->value;
		break;
	case SK_VM_NOTE_POSTCOPY:
		session->is_at_destination = true;
		break;
	case SK_VM_NOTE_PROGRESS:
		say_progress(session, &note->job);
		break;
	default:
		break;
	}
	if (!session->strategy->on_note)
		return 0;
	return session->strategy->on_note(session, note, err);
}

/* Runs until the job has ended; what the strategy could not do comes back in @err. */
static int follow(struct sk_session *session, struct sk_vm_note *ret_end,
		  struct sk_err *err)
{
	int failed = 0;

	for (;;) {
		int r = session->ops->next(session->vm, ROUND_MS, ret_end);

		if (r == 0 && ret_end->kind == SK_VM_NOTE_ENDED)
			return failed;
		if (r == 0 && failed == 0)
			failed = handle(session, ret_end, err);
		if (failed == 0 && session->strategy->on_tick)
			failed = session->strategy->on_tick(session, err);
		if (failed < 0)
			(void)sk_session_abort(session, NULL);
		else if (session->interrupted && *session->interrupted)
			(void)session->strategy->on_interrupt(session, NULL);
	}
}

static int settle_after_postcopy(struct sk_session *session, int r, struct sk_err *err)
{
	enum sk_vm_state there = SK_VM_GONE;

	if (session->ops->state(session->vm, SK_SIDE_DESTINATION, &there, NULL) == 0 &&
	    there == SK_VM_RUNNING)
		return sk_err_wrap(
			err, r,
			"guest '%s' runs at the destination, but its move did not end well",
			session->guest);
	r = sk_err_wrap(err, r, "post-copy of guest '%s' broke off: its memory is split",
			session->guest);
	return sk_err_hint(
		err, r,
		"the copy at the source is not started again: it would be older than what clients saw");
}

/* The job failed: let the guest run at the source, see step 4. */
static int settle(struct sk_session *session, int r, struct sk_err *err)
{
	const struct sk_vm_ops *ops = session->ops;
	enum sk_vm_state here = SK_VM_GONE, there = SK_VM_GONE;

	if (session->is_at_destination)
		return settle_after_postcopy(session, r, err);
	if (ops->state(session->vm, SK_SIDE_SOURCE, &here, NULL) < 0)
		return sk_err_wrap(err, r,
				   "the source does not say whether guest '%s' runs",
				   session->guest);
	if (here == SK_VM_PAUSED &&
	    ops->state(session->vm, SK_SIDE_DESTINATION, &there, NULL) == 0 &&
	    there != SK_VM_RUNNING) {
		struct sk_err why = SK_ERR_INIT;

		if (ops->resume(session->vm, SK_SIDE_SOURCE, &why) < 0)
			return sk_err_wrap(err, r,
					   "guest '%s' stands still at the source (%s)",
					   session->guest, why.msg);
		here = SK_VM_RUNNING;
	}
	if (here == SK_VM_RUNNING)
		return sk_err_wrap(err, r, "guest '%s' still runs at the source",
				   session->guest);
	if (here == SK_VM_PAUSED)
		return sk_err_wrap(err, r, "guest '%s' stands still at the source",
				   session->guest);
	return sk_err_wrap(err, r, "guest '%s' is no longer at the source",
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

	r = session->ops->start(session->vm, &job, err);
	if (r < 0)
		return r;
	failed = follow(session, &end, &failure);
	/* When it moved although the strategy failed to steer it, the verdict says how. */
	if (end.result == 0)
		return 0;
	if (failed == 0 && session->is_aborting) {
		r = sk_err_set(err, ECANCELED, "the migration was given up, as asked");
	} else {
		r = failed < 0 ? failed : end.result;
		if (err)
			*err = failed < 0 ? failure : end.err;
	}
	return settle(session, r, err);
}
