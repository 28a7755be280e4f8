// SPDX-License-Identifier: Apache-2.0
/* Post-copy: the guest moves at once, its memory follows, pages it touches first
 *
 * The switch is asked for when the first pass has started: earlier QEMU refuses it, later
 * it would be pre-copy for part of the memory. It is asked of the source alone: a call to
 * the destination's monitor would wait for the end of the incoming job, and the run would
 * quietly become pre-copy. The verdict proves from events that the switch took place.
 */
#include "migrate/strategy/strategy.h"

static int on_note(struct sk_session *session, const struct sk_vm_note *note,
		   struct sk_err *err)
{
	if (note->kind != SK_VM_NOTE_PASS || session->is_switched || session->is_aborting)
		return 0;
	session->is_switched = true;
	return session->ops->start_postcopy(session->vm, err);
}

static int on_interrupt(struct sk_session *session, struct sk_err *err)
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

const struct sk_strategy sk_post_copy = {
	.mode = SK_MODE_POST_COPY,
	.live = true,
	.postcopy = true,
	.on_note = on_note,
	.on_interrupt = on_interrupt,
};
