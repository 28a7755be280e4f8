/* SPDX-License-Identifier: Apache-2.0 */
/* preflight - what the files of preflight share; includes libvirt, so nobody else includes it */
#ifndef SK_VM_PREFLIGHT_H
#define SK_VM_PREFLIGHT_H

#include "migrate/vm/internal.h"

/** struct sk_vm_inspection - Both ends and the guest under inspection */
struct sk_vm_inspection {
	struct sk_vm *vm;
	const struct sk_vm_job *job;
	struct sk_vm_facts *facts;
	unsigned long libvirt[2], hypervisor[2]; /* versions, by enum sk_side */
	virDomainPtr domain;			 /* at the source */
	char *xml;				 /* of it, as it would migrate */
	char *arch, *machine;			 /* out of the XML */
};

/** sk_vm_found() - Set what the check that runs now has found */
void sk_vm_found(struct sk_vm_inspection *in, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_vm_peer() - Connection of one end */
virConnectPtr sk_vm_peer(const struct sk_vm_inspection *in, enum sk_side side);

/* Checks: 0, or a failure with its reason. What they find they tell by sk_vm_found(). */
int sk_vm_check_machine(struct sk_vm_inspection *in, struct sk_err *err);
int sk_vm_check_cpu(struct sk_vm_inspection *in, struct sk_err *err);
int sk_vm_check_memory(struct sk_vm_inspection *in, struct sk_err *err);
int sk_vm_check_disks(struct sk_vm_inspection *in, struct sk_err *err);

#endif
