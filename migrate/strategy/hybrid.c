// SPDX-License-Identifier: Apache-2.0
/* Hybrid: some passes of pre-copy, then post-copy for what was written meanwhile
 *
 * Passes are numbered as they begin: with number N + 1, N whole ones are done. Lest QEMU end the
 * migration by itself before, as soon as the rest fits the allowed downtime, next to none is allowed,
 * unless the user says how much is. When it still does, the verdict says that it was a pre-copy.
 */
#include "migrate/strategy/strategy.h"

#define LEAST_DOWNTIME_MS 1

static int on_note(struct sk_session *session, const struct sk_vm_note *note,
		   struct sk_err *err)
{
	unsigned int passes = session->postcopy_after ? session->postcopy_after : 1;

	/* One that cannot be told so may still be in time for the switch. */
	if (note->kind == SK_VM_NOTE_ACTIVE && !session->transfer.max_downtime_ms &&
	    session->ops->set_max_downtime)
		(void)session->ops->set_max_downtime(session->vm, LEAST_DOWNTIME_MS,
						     NULL);
	return note->kind == SK_VM_NOTE_PASS && note->value > (int64_t)passes
		       ? sk_session_switch(session, err)
		       : 0;
}

const struct sk_strategy sk_hybrid = {
	.mode = SK_MODE_HYBRID,
	.live = true,
	.postcopy = true,
	.on_note = on_note,
	.on_interrupt = sk_session_stop_or_explain,
};
