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
	return note->kind == SK_VM_NOTE_PASS ? sk_session_switch(session, err) : 0;
}

const struct sk_strategy sk_post_copy = {
	.mode = SK_MODE_POST_COPY,
	.live = true,
	.postcopy = true,
	.on_note = on_note,
	.on_interrupt = sk_session_stop_or_explain,
};
