/* SPDX-License-Identifier: Apache-2.0 */
/* enter - namespaces that exist already, and clocks: entered by a stage between the caller and
 * the child; for runtime/sandbox/ only
 *
 *	r = sk_enter_open(spec, &enter, err);		// checks each path's kind
 *	if (sk_enter_is_needed(&enter)) ... sk_enter_namespaces() in the stage, which then clones
 *	sk_enter_finish(&enter);
 */
#ifndef SK_SANDBOX_ENTER_H
#define SK_SANDBOX_ENTER_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "runtime/spec/spec.h"

/** struct sk_enter - Namespaces by path, opened; -1: not given */
struct sk_enter {
	const struct sk_spec *spec;
	int fds[SK_NS_COUNT];
};

/**
 * sk_enter_open() - Open the namespaces that the spec gives by path
 * Return: 0; -EINVAL when one is of another kind, or no namespace at all; -EBUSY when sysctls
 * shall be set in one that is the caller's own; other -errno
 */
int sk_enter_open(const struct sk_spec *spec, struct sk_enter *ret, struct sk_err *err);
/** sk_enter_is_needed() - Whether a stage is needed: a path other than of a mount namespace, or clocks */
bool sk_enter_is_needed(const struct sk_enter *enter);

/**
 * sk_enter_namespaces() - In the stage: set the clocks, join all but the mount namespace
 *
 * What the caller's privileges do not allow is tried again as root of the user namespace
 * that was joined. A pid namespace and new clocks hold for children, not for the stage.
 */
int sk_enter_namespaces(const struct sk_enter *enter, struct sk_err *err);
/** sk_enter_finish() - Close them */
void sk_enter_finish(struct sk_enter *enter);
SK_DEFINE_AUTO_FINISH(struct sk_enter, sk_enter_finish)

#endif
