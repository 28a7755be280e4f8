/* SPDX-License-Identifier: Apache-2.0 */
/* launch - parts of a start that `run`, detached `run` and the OCI runtime share; for runtime/container/ only */
#ifndef SK_LAUNCH_H
#define SK_LAUNCH_H

#include "runtime/container/handle.h"
#include "runtime/sandbox/sandbox.h"

/** sk_launch_as() - sk_container_launch() with the kind of process that is responsible, for the record:
 *  "skiff", "monitor", "supervisor" */
int sk_launch_as(const struct sk_home *home, const struct sk_run_opts *opts,
		 const int stdio[3], const char *owner, struct sk_container **ret,
		 struct sk_err *err);
/** sk_launch_group() - Make the group of @ctr and set the spec's limits; -ENOENT and -EACCES are never returned */
int sk_launch_group(struct sk_container *ctr, const struct sk_spec *spec,
		    struct sk_err *err);
/**
 * sk_launch_start() - Make the groups, set their limits and spawn
 * @ctr:	With its cgroup; gets pid, pidfd and pty
 * @how:	All but cgroup and init_path, which are filled in
 */
int sk_launch_start(struct sk_container *ctr, struct sk_sandbox_opts *how,
		    struct sk_err *err);
/** sk_launch_record() - Put pid, its start time and @status into the record and save it */
int sk_launch_record(struct sk_state *state, pid_t pid, const char *status,
		     struct sk_err *err);

#endif
