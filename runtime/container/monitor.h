/* SPDX-License-Identifier: Apache-2.0 */
/* monitor - the process that stays with a detached container
 *
 * `skiff run -d` forks a process that launches the container as its parent and then executes
 * the static skiff-monitor: children survive that. The descriptors below are handed over.
 */
#ifndef SK_MONITOR_H
#define SK_MONITOR_H

#include "lib/err.h"
#include "lib/home.h"

/** Descriptors of skiff-monitor */
enum {
	SK_MONITOR_LOCK = 3, /* holds the record's lock */
	SK_MONITOR_PIDFD,    /* PID 1 of the container */
	SK_MONITOR_OUT,	     /* read end of its stdout, or master of its terminal */
	SK_MONITOR_ERR,	     /* read end of its stderr, or the same as OUT */
	SK_MONITOR_READY,    /* where struct sk_monitor_ready is written once */
	SK_MONITOR_NR
};

/** struct sk_monitor_ready - What `skiff run -d` waits for */
struct sk_monitor_ready {
	int result; /* 0 or -errno */
	char id[65];
	struct sk_err err;
};

/**
 * sk_monitor_run() - Body of skiff-monitor
 * @id:		Container, of which this process is the parent
 *
 * Says that it is ready, keeps the log, waits for the end, cleans up, writes the exit status
 * or, with --rm, removes the record.
 */
int sk_monitor_run(const struct sk_home *home, const char *id, struct sk_err *err);

#endif
