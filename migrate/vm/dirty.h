/* SPDX-License-Identifier: Apache-2.0 */
/* dirty - what a guest writes and holds, as its hypervisor can tell before a migration */
#ifndef SK_VM_DIRTY_H
#define SK_VM_DIRTY_H

#include "migrate/vm/vm.h"

/** struct sk_vm_dirty - What a guest wrote in a period */
struct sk_vm_dirty {
	unsigned int seconds;
	double bytes;	    /* of different pages */
	double error_bytes; /* one standard error, as only some pages are looked at */
};

/**
 * sk_vm_dirty_measure() - Let the source's QEMU compare some of the guest's pages with themselves
 * @seconds:	Length of the period, 1 to 60: the call takes that long
 * @memory_bytes: The guest's
 *
 * Pages are sampled. QEMU's way by its bitmap would be exact, but QEMU 7.2 crashes when it is asked
 * for that with an emulated processor, and the guest is lost.
 * Return: 0; -ENOTSUP where libvirt (7.2) or QEMU (5.2) cannot; -ETIMEDOUT; other -errno
 */
int sk_vm_dirty_measure(struct sk_vm *vm, unsigned int seconds, uint64_t memory_bytes,
			struct sk_vm_dirty *ret, struct sk_err *err);
/** sk_vm_resident() - Bytes of the source's memory that QEMU occupies; 0 when it is not known */
uint64_t sk_vm_resident(struct sk_vm *vm);

#endif
