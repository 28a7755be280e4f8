// SPDX-License-Identifier: Apache-2.0
/* Hybrid: some passes of pre-copy, then post-copy for what was written meanwhile
 *
 * Passes are numbered as they begin: with number N + 1, N whole ones are done. Until then QEMU
 * may find that the rest fits the allowed downtime and end the migration by itself; the verdict
 * then says that it was a pre-copy.
 */
#include "migrate/strategy/strategy.h"

static int on_note(struct sk_session *session, const struct sk_vm_note *note,
		   struct sk_err *err)
{
	unsigned int passes = session->postcopy_after ? session->postcopy_after : 1;

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
