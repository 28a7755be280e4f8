// SPDX-License-Identifier: Apache-2.0
/* course - how auto steers a running job; see auto.h for its theory of operation */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "migrate/strategy/auto.h"

#define PATIENCE_NS (2 * SK_NS_PER_S) /* for a longer downtime to help */
#define LATE	    1.2		      /* of the longest that was predicted */
#define RESERVE	    0.15	      /* of the deadline, to end by post-copy in time */

static double elapsed_s(const struct sk_autopilot *a)
{
	return a->active_ns ? (double)(a->now() - a->active_ns) / 1e9 : 0;
}

static void note_course(struct sk_session *session, enum sk_mode mode)
{
	session->automatic->course = mode;
	sk_session_note_course(session, mode);
}

static void change(struct sk_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void change(struct sk_session *session, const char *fmt, ...)
{
	struct sk_autopilot *a = session->automatic;
	struct sk_course_change *c;
	va_list args;

	if (a->nr_changes == SK_AUTO_CHANGES)
		return;
	c = &a->changes[a->nr_changes++];
	c->at_s = elapsed_s(a);
	va_start(args, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, args);
	va_end(args);
	sk_session_announce(session, c->text);
}

static int on_note(struct sk_session *session, const struct sk_vm_note *note,
		   struct sk_err *err)
{
	struct sk_autopilot *a = session->automatic;
	enum sk_mode plan = a->candidates[a->chosen].mode;
	int64_t passes = session->postcopy_after ? session->postcopy_after : 1;

	switch (note->kind) {
	case SK_VM_NOTE_ACTIVE:
		a->active_ns = a->now();
		/* A hybrid is a pre-copy until it switches: QEMU may end it before. */
		note_course(session,
			    a->course == SK_MODE_HYBRID ? SK_MODE_PRE_COPY : a->course);
		return 0;
	case SK_VM_NOTE_PASS:
		if (plan == SK_MODE_POST_COPY)
			return sk_session_switch(session, err);
		if (plan != SK_MODE_HYBRID || note->value <= passes ||
		    session->is_switched)
			return 0;
		note_course(session, SK_MODE_HYBRID);
		return sk_session_switch(session, err);
	default:
		return 0;
	}
}

/* The prediction does not hold: too long, or passes that do not become shorter. */
static bool is_broken(const struct sk_session *session, char *why, size_t size)
{
	const struct sk_converge *now = &session->converge;
	const struct sk_autopilot *a = session->automatic;
	const struct sk_candidate *c = &a->candidates[a->chosen];
	double late = LATE * c->out.total_s.high;
	char text[SK_FORMAT_SIZE];

	if (sk_converge_outlook(now) == SK_OUTLOOK_STUCK) {
		(void)snprintf(why, size, "%.0f MB/s dirtied against %.0f MB/s sent",
			       now->dirty_bps / 1e6, now->rate_bps / 1e6);
		return true;
	}
	if (!isfinite(late) || elapsed_s(a) < late)
		return false;
	(void)snprintf(why, size, "it was predicted to take at most %s",
		       sk_format_duration((uint64_t)(c->out.total_s.high * 1e9), text));
	return true;
}

/* Deadline of the objective, and how long a post-copy of what is left would take. */
static double deadline_s(const struct sk_autopilot *a)
{
	return a->slo.total_ns ? (double)a->slo.total_ns / 1e9 : INFINITY;
}

static double rest_s(const struct sk_converge *now)
{
	/* The rate of this moment may be that of a stream that just stands still. */
	return now->average_bps > 0 ? now->remaining / now->average_bps : 0;
}

static int switch_over(struct sk_session *session, const char *why, struct sk_err *err)
{
	change(session, "post-copy from here on: %s", why);
	note_course(session,
		    session->converge.pass > 1 ? SK_MODE_HYBRID : SK_MODE_POST_COPY);
	return sk_session_switch(session, err);
}

static uint64_t allowed_ms(const struct sk_session *session)
{
	return session->transfer.max_downtime_ms ? session->transfer.max_downtime_ms
						 : 300;
}

static int raise(struct sk_session *session, const char *why, struct sk_err *err)
{
	struct sk_autopilot *a = session->automatic;
	int r;

	r = session->ops->set_max_downtime(session->vm, a->longest_ms, err);
	if (r == -EALREADY)
		return 0; /* with the next round */
	/* One that takes long to answer was told all the same. */
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	a->raised_ns = a->now();
	/* QEMU tells nothing while the guest stands still for the last pass. */
	session->guard.stall_ns += (a->longest_ms - allowed_ms(session)) * SK_NS_PER_MS;
	change(session,
	       "a downtime of %" PRIu64 " ms is allowed in place of %" PRIu64 ": %s",
	       a->longest_ms, allowed_ms(session), why);
	return 0;
}

static bool may_switch(const struct sk_session *session)
{
	const struct sk_autopilot *a = session->automatic;

	return a->can_postcopy && session->may_switch && !session->is_switched;
}

static int give_up(struct sk_session *session, struct sk_err *err)
{
	const struct sk_autopilot *a = session->automatic;
	char limit[SK_FORMAT_SIZE], line[160];

	return sk_err_set(err, ETIME, "the deadline of %s has passed (%s)",
			  sk_format_duration(a->slo.total_ns, limit),
			  sk_converge_text(&session->converge, line, sizeof(line)));
}

static bool is_steerable(const struct sk_session *session)
{
	return session->automatic->active_ns && !session->is_switched &&
	       !session->is_at_destination && !session->is_aborting;
}

static int on_tick(struct sk_session *session, struct sk_err *err)
{
	struct sk_autopilot *a = session->automatic;
	double left = deadline_s(a) - elapsed_s(a);
	char why[120] = "";

	if (!is_steerable(session))
		return 0;
	if (left <= 0 && !a->best_effort && !may_switch(session))
		return give_up(session, err);
	/* The first pass has to be done in any case: to switch in it would only be sooner. */
	if (a->course == SK_MODE_STOP_AND_COPY || session->converge.pass < 2)
		return 0;
	if (may_switch(session) &&
	    left < rest_s(&session->converge) + RESERVE * deadline_s(a))
		return switch_over(session, "the deadline is near", err);
	if (!is_broken(session, why, sizeof(why)))
		return 0;
	if (!a->raised_ns && a->longest_ms > allowed_ms(session))
		return raise(session, why, err);
	if (a->raised_ns && a->now() - a->raised_ns < PATIENCE_NS)
		return 0;
	return may_switch(session) ? switch_over(session, why, err) : 0;
}

static const struct sk_strategy precopy = {
	.mode = SK_MODE_AUTO,
	.live = true,
	.on_note = on_note,
	.on_tick = on_tick,
	.on_interrupt = sk_session_abort,
};
static const struct sk_strategy stop_and_copy = {
	.mode = SK_MODE_AUTO,
	.on_note = on_note,
	.on_tick = on_tick,
	.on_interrupt = sk_session_abort,
};
const struct sk_strategy sk_auto_any = {
	.mode = SK_MODE_AUTO,
	.live = true,
	.postcopy = true,
	.on_note = on_note,
	.on_tick = on_tick,
	.on_interrupt = sk_session_stop_or_explain,
};

const struct sk_strategy *sk_auto_strategy(const struct sk_autopilot *chosen)
{
	if (chosen->candidates[chosen->chosen].mode == SK_MODE_STOP_AND_COPY)
		return &stop_and_copy;
	return chosen->can_postcopy ? &sk_auto_any : &precopy;
}
