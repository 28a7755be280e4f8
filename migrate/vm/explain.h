/* SPDX-License-Identifier: Apache-2.0 */
/* explain - what libvirt and QEMU say about a failed migration, in words that help; pure */
#ifndef SK_VM_EXPLAIN_H
#define SK_VM_EXPLAIN_H

#include "lib/err.h"

/**
 * sk_vm_explain() - Put a clear text and a hint in place of a misleading one
 * @err:	Not NULL. A failure whose text is libvirt's, with or without words of ours in front of it. The
 *		text becomes "WHAT: CLEAR TEXT (libvirt: ORIGINAL)"; one that is not known stays
 * @what:	What failed, as it stands in front of libvirt's words: "migrate guest 'g1'"
 *
 * One failure comes under several texts, and none of them is its cause ("Bad file descriptor",
 * "Channel error", "closed the monitor"): which of them is a race between both ends.
 * Return: -code of the failure, the same as before; for some a better one (EADDRINUSE, ENOSPC, …)
 */
int sk_vm_explain(struct sk_err *err, const char *what);

#endif
