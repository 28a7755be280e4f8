/* SPDX-License-Identifier: Apache-2.0 */
/* monitor - the second monitor of the destination's QEMU, which libvirt does not hold
 *
 *	sk_monitor_start(path, &monitor, err);	// before the job
 *	... the job ...
 *	sk_monitor_finish(monitor, &blocktime);	// after its end
 */
#ifndef SK_MONITOR_H
#define SK_MONITOR_H

#include "lib/err.h"
#include "migrate/measure/decompose.h"

/** struct sk_monitor - A thread that waits for QEMU; opaque */
struct sk_monitor;
/**
 * sk_monitor_start() - Wait for the destination's QEMU and switch its measuring of fault waits on
 * @path:	Socket, as "-qmp unix:" of the guest has it (copied); need not be there yet
 *
 * The capability is the destination's alone: the source is not asked.
 * Return: 0; -ENOMEM; -EAGAIN
 */
int sk_monitor_start(const char *path, struct sk_monitor **ret, struct sk_err *err);
/**
 * sk_monitor_finish() - Ask what was measured, end the thread, release all
 * @monitor:	NULL is fine
 * @ret:	Filled; NULL: nobody wants to know
 */
void sk_monitor_finish(struct sk_monitor *monitor, struct sk_blocktime *ret);

#endif
