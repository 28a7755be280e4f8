/* SPDX-License-Identifier: Apache-2.0 */
/* launch - parts of a start that `run`, detached `run` and the OCI runtime share; for runtime/container/ only */
#ifndef SK_LAUNCH_H
#define SK_LAUNCH_H

#include "runtime/container/handle.h"
#include "runtime/spec/spec.h"

/** sk_launch_as() - sk_container_launch() with the kind of process that is responsible, for the record:
 *  "skiff", "monitor", "supervisor" */
int sk_launch_as(const struct sk_home *home, const struct sk_run_opts *opts,
		 const int stdio[3], const char *owner, struct sk_container **ret,
		 struct sk_err *err);
/** sk_launch_describe() - Put the spec and the group's folders into the record's document (not saved) */
void sk_launch_describe(struct sk_state *state, const struct sk_spec *spec,
			const struct sk_cgroup *cgroup);
/** sk_launch_start() - Make the groups and spawn; fills pid, pidfd and pty of @ctr. With a gate (else -1) it
 *  outlives the caller */
int sk_launch_start(struct sk_container *ctr, const struct sk_spec *spec,
		    const int stdio[3], int gate_fd, struct sk_err *err);
/** sk_launch_record_running() - Put pid, start time and @status into the record and save it */
int sk_launch_record_running(struct sk_container *ctr, const char *status,
			     struct sk_err *err);

#endif
