// SPDX-License-Identifier: Apache-2.0
/* guard - notices that a running job stands still or takes too long; pure arithmetic
 *
 * A cut network breaks no connection: TCP waits for minutes, and so does the hypervisor. What
 * can be seen at once is that no byte is transferred. Before the first statistics nothing is
 * known, and with nothing left to send the rest of the job is other work: then it is not stalled.
 */
#include "migrate/strategy/guard.h"

void sk_guard_start(struct sk_guard *guard, uint64_t timeout_ns, uint64_t stall_ns,
		    uint64_t now_ns)
{
	*guard = (struct sk_guard){.timeout_ns = timeout_ns,
				   .stall_ns = stall_ns,
				   .started_ns = now_ns};
}

void sk_guard_hear(struct sk_guard *guard, uint64_t transferred, uint64_t remaining,
		   uint64_t now_ns)
{
	if (!guard->heard_ns || transferred != guard->transferred ||
	    remaining != guard->remaining)
		guard->moved_ns = now_ns;
	guard->heard_ns = now_ns;
	guard->transferred = transferred;
	guard->remaining = remaining;
}

void sk_guard_touch(struct sk_guard *guard, uint64_t now_ns)
{
	guard->moved_ns = now_ns;
	if (guard->heard_ns)
		guard->heard_ns = now_ns;
}

enum sk_guard_verdict sk_guard_look(const struct sk_guard *guard, uint64_t now_ns)
{
	if (guard->timeout_ns && now_ns - guard->started_ns >= guard->timeout_ns)
		return SK_GUARD_LATE;
	if (!guard->heard_ns || !guard->remaining)
		return SK_GUARD_FINE;
	if (now_ns - guard->heard_ns >= guard->stall_ns)
		return SK_GUARD_SILENT;
	if (now_ns - guard->moved_ns >= guard->stall_ns)
		return SK_GUARD_STALLED;
	return SK_GUARD_FINE;
}
