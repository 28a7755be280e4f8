/* SPDX-License-Identifier: Apache-2.0 */
/* spawn - what starting a first and a further process share; for runtime/sandbox/ only */
#ifndef SK_SANDBOX_SPAWN_H
#define SK_SANDBOX_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/sandbox/sandbox.h"

/** sk_spawn_channels() - A socket pair for descriptors and a pipe for the report */
int sk_spawn_channels(int sync[2], int report[2], struct sk_err *err);
/** sk_spawn_clone() - clone3() with a pidfd, into the v2 group where there is one; -1 with errno */
pid_t sk_spawn_clone(uint64_t flags, const struct sk_cgroup *cgroup, int *ret_pidfd,
		     bool *ret_in_v2);
/** sk_spawn_report() - Read the child's report: 0 at the end of file or when it is ready, else its failure */
int sk_spawn_report(int report, struct sk_err *err);
/** sk_spawn_wait_ready() - Terminal and report of a child that was fed */
int sk_spawn_wait_ready(struct sk_sandbox *sandbox, bool tty, int sync, int report,
			struct sk_err *err);
/** sk_spawn_reap() - Kill and reap a child that failed */
void sk_spawn_reap(struct sk_sandbox *sandbox);

#endif
