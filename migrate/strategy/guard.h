/* SPDX-License-Identifier: Apache-2.0 */
/* guard - notices that a running job stands still or takes too long; pure arithmetic */
#ifndef SK_GUARD_H
#define SK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/** enum sk_guard_verdict - What a guard says of a job now */
enum sk_guard_verdict {
	SK_GUARD_FINE,
	SK_GUARD_STALLED, /* nothing was transferred for too long although there is a rest */
	SK_GUARD_SILENT, /* the hypervisor tells nothing any more although it should */
	SK_GUARD_LATE,	 /* the time that the user gave it is over */
};

/**
 * struct sk_guard - One job's; zero-initialise, then sk_guard_start()
 * @timeout_ns:	Of the job from its start; 0 none
 * @stall_ns:	Longest time without a transferred byte
 */
struct sk_guard {
	uint64_t timeout_ns, stall_ns;
	uint64_t started_ns, heard_ns, moved_ns; /* CLOCK_MONOTONIC; 0 not yet */
	uint64_t transferred, remaining;
};

/** sk_guard_start() - The job begins at @now_ns */
void sk_guard_start(struct sk_guard *guard, uint64_t timeout_ns, uint64_t stall_ns,
		    uint64_t now_ns);
/**
 * sk_guard_hear() - Statistics came
 * @transferred:	Bytes so far; a smaller number than before (a resumed job) counts as movement
 * @remaining:	Bytes yet to go; with 0 the job is about to end and does not stall
 */
void sk_guard_hear(struct sk_guard *guard, uint64_t transferred, uint64_t remaining,
		   uint64_t now_ns);
/** sk_guard_touch() - Something else shows that the job goes on: an event, a change of phase */
void sk_guard_touch(struct sk_guard *guard, uint64_t now_ns);
/** sk_guard_look() - What is to be said of the job at @now_ns; lateness goes before a stall */
enum sk_guard_verdict sk_guard_look(const struct sk_guard *guard, uint64_t now_ns);

#endif
