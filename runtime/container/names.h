/* SPDX-License-Identifier: Apache-2.0 */
/* names - ids of containers: which are allowed, and made-up ones */
#ifndef SK_NAMES_H
#define SK_NAMES_H

#include <stdint.h>

#include "lib/err.h"

/** sk_names_make() - "brisk-otter" for a number, "brisk-otter-7f" for one past all pairs; heap, NULL without memory */
char *sk_names_make(uint64_t number);

/**
 * sk_names_check_id() - Refuse what cannot be the id of a container
 *
 * Letters, digits, '_', '+', '-' and, but for the first, '.': what callers of OCI runtimes
 * use, and safe as the name of a folder and of a control group. At most 255 bytes, the
 * longest name of a folder. `skiff` itself takes less: sk_parse_name().
 *
 * Return: 0; -EINVAL; -ENAMETOOLONG
 */
int sk_names_check_id(const char *id, struct sk_err *err);

#endif
