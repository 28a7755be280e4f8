/* SPDX-License-Identifier: Apache-2.0 */
/* recover - a post-copy whose connection broke is connected anew
 *
 * In a post-copy each host has a part of the guest's memory: it can neither be given up nor
 * started again at the source. It can be mended, as long as both hypervisors live.
 */
#ifndef SK_RECOVER_H
#define SK_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "migrate/strategy/guard.h"
#include "migrate/vm/vm.h"

struct sk_session;

/** enum sk_recover_step - How far a recovery is */
enum sk_recover_step {
	SK_RECOVER_NONE,     /* memory follows */
	SK_RECOVER_BREAKING, /* the dead connection is being ended at the source */
	SK_RECOVER_WAITING,  /* for the destination to notice: then the job ends */
	SK_RECOVER_APART,    /* no job; both ends wait to be connected */
	SK_RECOVER_JOINING,  /* both ends were told to connect anew */
	SK_RECOVER_OVER, /* one of the copies is gone, and no job is there to say so */
};

/** struct sk_recover - One session's; zero-initialise */
struct sk_recover {
	enum sk_recover_step step;
	uint64_t broken_ns, tried_ns; /* CLOCK_MONOTONIC */
	uint64_t parted_ns;	      /* the destination was told; 0 not yet */
	uint64_t alone_ns;     /* since when a libvirtd cannot be asked; 0 it can */
	struct sk_vm_note end; /* of the job that is to be resumed */
	uint64_t past_ns;  /* both ends were connected past libvirt, or that was tried */
	uint64_t asked_ns; /* whether both copies are there */
	uint64_t gone_ns;  /* the source's is not; 0 it is */
	bool is_jobless;   /* both ends were connected, and libvirt leads no job */
	unsigned int attempts;
	bool can_rescue; /* past libvirt */
	bool has_told;	 /* that no memory follows */
};

/** sk_recover_prepare() - Before a post-copy may begin: make ready for the worst */
void sk_recover_prepare(struct sk_session *session);
/** sk_recover_tick() - A round of a session whose guest runs at the destination: watch, and act */
void sk_recover_tick(struct sk_session *session, enum sk_guard_verdict verdict,
		     uint64_t now_ns);
/** sk_recover_hear() - A note other than the job's end */
void sk_recover_hear(struct sk_session *session, const struct sk_vm_note *note,
		     uint64_t now_ns);
/**
 * sk_recover_ended() - The job has ended
 *
 * Return: true when the session goes on, to resume it; false when this is the end, good or bad:
 * one of the two copies is gone, or neither end waits for the other
 */
bool sk_recover_ended(struct sk_session *session, const struct sk_vm_note *end,
		      uint64_t now_ns);

#endif
