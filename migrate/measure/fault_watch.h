/* SPDX-License-Identifier: Apache-2.0 */
/* fault_watch - when the threads of a guest's QEMU stand in page faults of post-copy
 *
 *	sk_fault_watch_start("/proc/4711/root", "g1", &watch, err);
 *	... the migration ...
 *	sk_fault_watch_finish(watch, &waits);
 *	sk_fault_waits_finish(&waits);
 *
 * QEMU's own figure, postcopy-blocktime, is a sum over the whole phase and of virtual CPUs alone.
 * Where the destination's /proc can be seen (a lab's hosts), its threads are looked at about once a
 * millisecond: one that waits for a page sleeps in the kernel's handle_userfault(). The scheduler
 * tells of virtual CPUs how long they ran, and how long they could have but had no processor.
 */
#ifndef SK_FAULT_WATCH_H
#define SK_FAULT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/** struct sk_fault_span - Threads were seen waiting from one look to the next; real time */
struct sk_fault_span {
	uint64_t from_ns, to_ns;
	bool vcpu; /* a virtual CPU among them; else only the emulator's own threads */
};

/** struct sk_cpu_look - What virtual CPUs did since the first look; of several the one that did so most in each step */
struct sk_cpu_look {
	uint64_t real_ns, ran_ns, waited_ns;
};

/** struct sk_fault_waits - All that was seen, in order of time */
struct sk_fault_waits {
	bool is_known;
	struct sk_fault_span *spans;
	size_t nr;
	struct sk_cpu_look *looks;
	size_t nr_looks;
	char why[120]; /* why it is not known */
};
/** sk_fault_waits_finish() - Release the spans */
void sk_fault_waits_finish(struct sk_fault_waits *waits);
/** sk_fault_waits_in() - Time between two moments in which a thread waited; of it a virtual CPU in @ret_vcpu */
uint64_t sk_fault_waits_in(const struct sk_fault_waits *waits, uint64_t from_ns,
			   uint64_t to_ns, uint64_t *ret_vcpu);

/**
 * sk_fault_waits_cpu() - What virtual CPUs did between two moments
 * @ret_ran:	Nanoseconds with a processor; emulated guests compute there, too
 * @ret_waited:	Nanoseconds without one, though ready
 *
 * Return: false when they were not looked at in all of that time
 */
bool sk_fault_waits_cpu(const struct sk_fault_waits *waits, uint64_t from_ns,
			uint64_t to_ns, uint64_t *ret_ran, uint64_t *ret_waited);

/** struct sk_fault_watch - A looking thread; opaque */
struct sk_fault_watch;
/**
 * sk_fault_watch_start() - Look as soon as QEMU is there
 * @root:	Root folder of the host that the guest comes to (copied): its /run has libvirt's file
 *		of QEMU's pid, its /proc QEMU
 * @guest:	Domain name (copied)
 *
 * Looks every 5 ms, and every ms once a wait was seen in the last 200 ms.
 * Return: 0; -ENOMEM; -EAGAIN
 */
int sk_fault_watch_start(const char *root, const char *guest, struct sk_fault_watch **ret,
			 struct sk_err *err);
/** sk_fault_watch_finish() - Look no more; @watch NULL is fine, @ret NULL: nobody wants to know */
void sk_fault_watch_finish(struct sk_fault_watch *watch, struct sk_fault_waits *ret);

#endif
