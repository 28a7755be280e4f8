/* SPDX-License-Identifier: Apache-2.0 */
/* shape - rate, delay and loss of what leaves a network device, by tc in its namespace */
#ifndef SK_SHAPE_H
#define SK_SHAPE_H

#include "lib/err.h"
#include "migrate/migrate.h"

/**
 * sk_shape_apply() - Shape what leaves a device; what was shaped before is forgotten
 * @netns_fd:	Its network namespace (borrowed)
 * @device:	Such as "eth0"
 * @shape:	All zero removes every shape
 *
 * The rate is kept by a token bucket with a queue of 10 ms; delay and loss are netem's, in front
 * of it.
 * Return: 0; -ENOTSUP when the kernel has no netem; -ENOENT without tc; other -errno
 */
int sk_shape_apply(int netns_fd, const char *device, const struct sk_lab_shape *shape,
		   struct sk_err *err);

#endif
