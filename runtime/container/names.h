/* SPDX-License-Identifier: Apache-2.0 */
/* names - made-up names for containers that were given none */
#ifndef SK_NAMES_H
#define SK_NAMES_H

#include <stdint.h>

/** sk_names_make() - "brisk-otter" for a number, "brisk-otter-7f" for one past all pairs; heap, NULL without memory */
char *sk_names_make(uint64_t number);

#endif
