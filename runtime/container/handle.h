/* SPDX-License-Identifier: Apache-2.0 */
/* handle - a container that this process is the parent of; for runtime/container/ only
 *
 * handle.c is linked into the static monitor: it must not need the sandbox.
 */
#ifndef SK_HANDLE_H
#define SK_HANDLE_H

#include "runtime/cgroup/cgroup.h"
#include "runtime/container/state.h"
#include "runtime/runtime.h"

struct sk_container {
	struct sk_state *state;
	struct sk_cgroup *cgroup;
	pid_t pid;
	int pidfd, pty;
	bool is_over; /* it was waited for and cleaned */
};

/** sk_handle_new() - Take a locked record; NULL without memory (the record is released then) */
struct sk_container *sk_handle_new(struct sk_state *state);

/**
 * sk_handle_clean() - Kill what is left of a container and remove its groups
 * @state:	Record whose lock the caller holds
 * @cgroup:	Its group, or NULL to take it from the record
 *
 * Idempotent; fine when nothing was made yet.
 */
int sk_handle_clean(struct sk_state *state, struct sk_cgroup *cgroup, struct sk_err *err);

/** sk_handle_wait() - Wait for its end and find the cause; what is left of it stays */
int sk_handle_wait(struct sk_container *ctr, struct sk_exit *ret, struct sk_err *err);

/** sk_handle_set_exit() - Put the end into the record's document (not saved) */
void sk_handle_set_exit(struct sk_state *state, const struct sk_exit *end);

#endif
