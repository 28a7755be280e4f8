/* SPDX-License-Identifier: Apache-2.0 */
/* decompose - a client's outage cut into its causes; pure arithmetic
 *
 * run.json has it as "decomposition": [{part, ms, how}], in order of time, with these parts:
 *
 *	before		no reply yet, the virtual CPU still ran at the source
 *	setup		the same, while the source's QEMU set the transfer up
 *	stop		it stood still: from QEMU's STOP to its RESUME
 *	announce	from RESUME to the first frame that tells the client's network the new place
 *	faults		waiting for pages that the guest touched, as long as that takes on an idle link
 *	queue		waiting for them beyond that: behind the stream of pages that nobody asked for
 *	busy		the virtual CPU was ready, and the machine had no processor for it
 *	rest		what none of these explains
 *
 * The parts sum to the outage exactly and none is negative. A part that cannot be told has null in
 * place of ms, and its share is in "rest". sk_part_ms() finds one by its name.
 */
#ifndef SK_DECOMPOSE_H
#define SK_DECOMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"
#include "migrate/measure/fault_watch.h"
#include "migrate/measure/timeline.h"
#include "migrate/measure/verdict.h"

/** struct sk_blocktime - What the destination's QEMU says of waits for pages in post-copy */
struct sk_blocktime {
	bool is_known;
	uint64_t total_ns;     /* every virtual CPU stood in a fault */
	uint64_t vcpu_ns[16];  /* each of the first of them */
	unsigned int nr_vcpus; /* of vcpu_ns */
	char why[120];	       /* why it is not known */
};

/** struct sk_announcements - Whether and where the network's announcements were listened for */
struct sk_announcements {
	bool is_known;
	char why[120]; /* why not */
	const char *
		macs; /* hardware addresses of the guest, in small letters (borrowed); NULL or empty: anyone's count */
};

/* Name and side (SK_SIDE_CLIENT) of an announcement on the time line, kind SK_EVENT_NOTE; its detail
 * begins with the hardware address */
#define SK_ANNOUNCE_EVENT "announce"

/** enum sk_part - A cause, in order of time */
enum sk_part {
	SK_PART_BEFORE,
	SK_PART_SETUP,
	SK_PART_STOP,
	SK_PART_ANNOUNCE,
	SK_PART_FAULTS,
	SK_PART_QUEUE,
	SK_PART_BUSY,
	SK_PART_REST,
	SK_NR_PARTS,
};
/** sk_part_name() - "before", "setup", "stop", "announce", "faults", "queue", "busy", "rest" */
const char *sk_part_name(enum sk_part part);

/** struct sk_decomposition - The outage and its parts */
struct sk_decomposition {
	bool is_known;		   /* there is a probe, and so an outage */
	uint64_t start_ns, end_ns; /* real */
	struct {
		bool is_known;
		uint64_t ns; /* 0 when it is not known */
		char how[240];
	} part[SK_NR_PARTS];
};

/** struct sk_decompose_input - What it is made of; borrowed */
struct sk_decompose_input {
	const struct sk_verdict *verdict;
	struct sk_timeline *timeline; /* announcements, and page requests over time */
	const struct sk_blocktime *blocktime;
	const struct sk_fault_waits *waits; /* and of processors; NULL: nobody looked */
	const struct sk_announcements *announcements;
	uint64_t bandwidth_bits; /* per second, of the post-copy phase; 0 unlimited */
};

/** sk_decompose() - Cut the outage; see man 7 skiff-migration-metrics for what each part assumes */
void sk_decompose(const struct sk_decompose_input *input, struct sk_decomposition *ret);
/** sk_decomposition_json() - [{part, ms, how}…]; NULL when there is no outage */
struct sk_json *sk_decomposition_json(const struct sk_decomposition *decomposition);
/** sk_part_find() - Of a run's published object the entry {part, ms, how} of this name; NULL without one */
const struct sk_json *sk_part_find(const struct sk_json *run, const char *part);
/** sk_part_ms() - Of a run's published object the milliseconds of a part; NaN when they are not known */
double sk_part_ms(const struct sk_json *run, const char *part);

#endif
