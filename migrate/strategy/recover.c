// SPDX-License-Identifier: Apache-2.0
/* Recovery of a post-copy whose connection broke
 *
 * Theory of operation
 *
 * 1. No byte moves for some seconds (guard): that is said, and no more is done at first. TCP mends
 *    a cut alone when the link is back, after one of its intervals. To end the connection at the
 *    source before that would do harm: what is left of a closed one Linux drops while no host
 *    answers, and a destination that only waits for pages is then never told.
 * 2. An end says by itself that the connection is dead, or nothing has moved for longer than TCP's
 *    longest interval. The source is told to end the connection. Its copy of the guest stays paused,
 *    and keeps the memory.
 * 3. The destination cannot be told: libvirt does not speak to the hypervisor there until the
 *    incoming job has ended. It notices when the network is back and brings it the end of the
 *    connection: TCP repeats that in intervals that double, so after at most as long as the cut
 *    had lasted. The hosts' sysctl net.ipv4.tcp_rto_max_ms (Linux 6.15) bounds the intervals.
 *    Then libvirt's call returns with an error.
 *    Where TCP gave up at the source nothing is repeated. A destination that then needs to send no
 *    more, as when the source has acknowledged what it asked for, never notices: after a while it is
 *    told past libvirt where that can be done (migrate/vm/rescue.c), else the user is told.
 *    Of a destination that hangs libvirt hears nothing: then both ends are connected past libvirt, too.
 * 4. A job that resumes, tried every second as long as both copies are there; where that does not
 *    work for some seconds, past libvirt. The guest at the destination runs all the time, until it
 *    touches a page that it lacks. A libvirtd that does not answer may be started anew: it is waited
 *    for, and then the migration left to those who attach to it.
 *
 * The copy at the source is never started: clients have seen a later state of the guest.
 */
#include "migrate/strategy/recover.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "migrate/strategy/strategy.h"

#define DEAD_NS	    (150 * SK_NS_PER_S) /* TCP tries at least every 120 s */
#define RETRY_NS    SK_NS_PER_S
#define ALONE_NS    (60 * SK_NS_PER_S) /* for a libvirtd to be started anew */
#define REPEAT_NS   (5 * SK_NS_PER_S)
#define PATIENCE_NS (2 * SK_NS_PER_S)  /* for libvirt to notice */
#define JOBLESS_NS  (10 * SK_NS_PER_S) /* then libvirt is asked whether it can */
#define DEAF_NS	    (5 * SK_NS_PER_S)  /* for the destination to notice */

static void enter(struct sk_recover *recover, enum sk_recover_step step, uint64_t now_ns)
{
	recover->step = step;
	recover->tried_ns = now_ns;
}

static void break_off(struct sk_session *session, uint64_t now_ns)
{
	struct sk_err err = SK_ERR_INIT;
	int r = session->ops->abort_postcopy(session->vm, &err);

	if (r < 0)
		sk_log_debug("end the dead connection: %s", err.msg);

	/* Refused where the source has noticed by itself. */
	enter(&session->recover,
	      r == -ETIMEDOUT || r == -EALREADY ? SK_RECOVER_BREAKING
						: SK_RECOVER_WAITING,
	      now_ns);
}

static void notice(struct sk_session *session, uint64_t now_ns, const char *why)
{
	struct sk_recover *recover = &session->recover;

	if (recover->step == SK_RECOVER_NONE)
		recover->broken_ns = now_ns;
	sk_session_announce(session, why);
	break_off(session, now_ns);
}

void sk_recover_prepare(struct sk_session *session)
{
	struct sk_recover *recover = &session->recover;

	if (recover->can_rescue || !session->ops->rescue_open)
		return;
	recover->can_rescue = session->ops->rescue_open(session->vm, NULL) == 0;
	sk_log_debug("a second monitor of the destination: %s",
		     recover->can_rescue ? "ready" : "not yet, or none");
}

/* The source's half of the connection is gone, and the destination has not heard of it. */
static void part(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;
	struct sk_err err = SK_ERR_INIT;

	if (recover->parted_ns && now_ns - recover->parted_ns < DEAF_NS)
		return;
	recover->parted_ns = now_ns;
	if (session->ops->rescue_part(session->vm, &err) < 0)
		sk_log_debug("end the destination's half: %s", err.msg);
}

/* Nobody but the user can tell the destination, unless its second monitor was only slow to open. */
static void tell_deaf(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	if (recover->parted_ns && now_ns - recover->parted_ns < DEAF_NS)
		return;
	sk_recover_prepare(session);
	if (!recover->can_rescue && !recover->parted_ns)
		sk_session_announce(
			session,
			"the destination has not noticed yet; if it does not, end its half of the connection there: ss -K");
	recover->parted_ns = now_ns;
}

static void rescue(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;
	struct sk_err err = SK_ERR_INIT;
	int r = session->ops->rescue(session->vm, &err);

	if (r < 0)
		sk_log_debug("connect past libvirt: %s", err.msg);
	if (r == -EAGAIN && now_ns - recover->broken_ns >= DEAF_NS)
		part(session, now_ns);

	/* One that takes long is under way all the same: to begin anew would undo it. */
	if (r == -ETIMEDOUT)
		r = 0;
	enter(recover, r == 0 ? SK_RECOVER_JOINING : SK_RECOVER_WAITING, now_ns);
	if (r == 0 && recover->attempts++ == 0)
		sk_session_announce(session, "connect both hosts anew, past libvirt");
}

/* A libvirtd that does not answer says nothing of the guest: it may be started anew. */
static bool is_gone(struct sk_session *session, enum sk_side side)
{
	enum sk_vm_state state = SK_VM_GONE;

	return session->ops->state(session->vm, side, &state, NULL) == 0 &&
	       state == SK_VM_GONE;
}

/* libvirt has not managed to for some time: its destination hangs, or has not noticed. */
static bool join_past_libvirt(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;
	struct sk_err err = SK_ERR_INIT;
	int r;

	if (!recover->can_rescue || now_ns - recover->broken_ns < DEAF_NS ||
	    now_ns - recover->past_ns < DEAF_NS)
		return false;
	recover->past_ns = now_ns;
	r = session->ops->rescue(session->vm, &err);
	if (r < 0)
		sk_log_debug("connect past libvirt: %s", err.msg);
	if (r == -EAGAIN)
		part(session, now_ns);
	if (r < 0 && r != -ETIMEDOUT)
		return false;
	sk_session_announce(session, "connect both hosts anew, past libvirt");
	recover->is_jobless = true;
	enter(recover, SK_RECOVER_JOINING, now_ns);
	return true;
}

/* Nobody could be asked: there is no job whose end would tell. */
static void judge(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	enter(recover, SK_RECOVER_APART, now_ns);
	if (is_gone(session, SK_SIDE_SOURCE) || is_gone(session, SK_SIDE_DESTINATION))
		enter(recover, SK_RECOVER_OVER, now_ns);
	else if (!recover->alone_ns)
		recover->alone_ns = now_ns;
	else if (now_ns - recover->alone_ns > ALONE_NS)
		session->is_abandoned = true;
}

static void join(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;
	struct sk_err err = SK_ERR_INIT;

	if (recover->attempts++ == 0)
		sk_session_announce(session, "connect both hosts anew");
	if (join_past_libvirt(session, now_ns))
		return;
	recover->is_jobless = false;
	enter(recover, SK_RECOVER_JOINING, now_ns);
	if (session->ops->resume_postcopy(session->vm, NULL, &err) < 0) {
		sk_log_debug("connect both hosts anew: %s", err.msg);
		judge(session, now_ns);
	} else {
		recover->alone_ns = 0;
	}
}

/* No statistics tell whether memory follows; libvirt ends the source's copy when all of it has. */
static void watch_jobless(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	recover->asked_ns = now_ns;
	/* The word that it has moved may come a moment after the copy has gone. */
	if (!is_gone(session, SK_SIDE_SOURCE))
		recover->gone_ns = 0;
	else if (!recover->gone_ns)
		recover->gone_ns = now_ns;
	if (session->has_moved || is_gone(session, SK_SIDE_DESTINATION) ||
	    (recover->gone_ns && now_ns - recover->gone_ns >= PATIENCE_NS))
		enter(recover, SK_RECOVER_OVER, now_ns);
	else if (now_ns - recover->tried_ns > JOBLESS_NS)
		enter(recover, SK_RECOVER_APART, now_ns);
}

static void tell_stall(struct sk_session *session, uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	if (!recover->has_told)
		sk_session_announce(
			session,
			"no memory follows: is the network between the hosts cut?");
	recover->has_told = true;
	if (now_ns - session->guard.moved_ns >= DEAD_NS)
		notice(session, now_ns, "the connection between the hosts is dead");
}

void sk_recover_tick(struct sk_session *session, enum sk_guard_verdict verdict,
		     uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;
	uint64_t waited = now_ns - recover->tried_ns;

	/* Bytes move again: what was told has worked, or TCP came first. The end of the old
	 * connection changes the statistics once more. */
	if (verdict == SK_GUARD_FINE && !recover->is_jobless &&
	    recover->step != SK_RECOVER_APART && recover->step != SK_RECOVER_OVER &&
	    session->guard.moved_ns > recover->tried_ns + RETRY_NS)
		recover->step = SK_RECOVER_NONE;
	switch (recover->step) {
	case SK_RECOVER_NONE:
		if (verdict != SK_GUARD_STALLED)
			recover->has_told = false;
		else
			tell_stall(session, now_ns);
		break;
	case SK_RECOVER_JOINING:
		if (recover->is_jobless && now_ns - recover->asked_ns >= RETRY_NS)
			watch_jobless(session, now_ns);
		else if (!recover->is_jobless && verdict == SK_GUARD_STALLED &&
			 waited > REPEAT_NS)
			notice(session, now_ns, "no memory follows");
		break;
	case SK_RECOVER_BREAKING:
		if (waited >= RETRY_NS)
			break_off(session, now_ns);
		break;
	case SK_RECOVER_WAITING:
		if (waited >= PATIENCE_NS && recover->can_rescue)
			rescue(session, now_ns);
		else if (waited >= DEAF_NS && !recover->can_rescue)
			tell_deaf(session, now_ns);
		break;
	case SK_RECOVER_APART:
		if (waited >= RETRY_NS)
			join(session, now_ns);
		break;
	case SK_RECOVER_OVER:
		break;
	}
}

void sk_recover_hear(struct sk_session *session, const struct sk_vm_note *note,
		     uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	if (note->kind == SK_VM_NOTE_POSTCOPY_FAILED && recover->step == SK_RECOVER_NONE)
		notice(session, now_ns, "the connection between the hosts broke");
}

bool sk_recover_ended(struct sk_session *session, const struct sk_vm_note *end,
		      uint64_t now_ns)
{
	struct sk_recover *recover = &session->recover;

	if (end->result == 0 || session->has_moved)
		return false;
	if (is_gone(session, SK_SIDE_SOURCE) || is_gone(session, SK_SIDE_DESTINATION))
		return false;
	recover->end = *end;
	sk_log_debug("the job has ended: %s", end->err.msg);
	if (recover->step == SK_RECOVER_NONE) {
		recover->broken_ns = now_ns;
		sk_session_announce(session, "the connection between the hosts broke");
	}
	enter(recover, SK_RECOVER_APART, now_ns);
	return true;
}
