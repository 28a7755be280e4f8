/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_vm - what virtual machines need, found without libvirt */
#ifndef SK_DOCTOR_VM_H
#define SK_DOCTOR_VM_H

#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"

/** sk_doctor_vm() - Append {check, ok, detail, fix} objects: QEMU, libvirtd, guest kernel, KVM; 0 or -errno */
int sk_doctor_vm(const struct sk_home *home, struct sk_json *list, struct sk_err *err);

#endif
