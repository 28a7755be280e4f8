/* SPDX-License-Identifier: Apache-2.0 */
/* erase - mend or remove the record of a container that nobody is responsible for; for runtime/container/ only */
#ifndef SK_ERASE_H
#define SK_ERASE_H

#include "runtime/container/state.h"

/**
 * sk_erase_orphan() - Kill what a dead owner left, then remove the record or mark it as exited
 * @state:	Locked by the caller
 *
 * A record of --rm, of a foreground run or of a slice, and one without a document, is removed.
 */
int sk_erase_orphan(struct sk_state *state, struct sk_err *err);

/**
 * sk_erase_record() - Remove a record with its layer; the lock is held
 *
 * An ordinary user's layer holds files of its subordinate ids, which only a process in a
 * user namespace with the same id maps can remove.
 */
int sk_erase_record(struct sk_state *state, struct sk_err *err);

/** sk_control_pidfd() - pidfd of PID 1 of a record, or -ESRCH when it does not run */
int sk_control_pidfd(const struct sk_state *state, struct sk_err *err);

#endif
