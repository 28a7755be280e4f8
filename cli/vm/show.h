/* SPDX-License-Identifier: Apache-2.0 */
/* show - the result of a migration for people */
#ifndef SK_CLI_VM_SHOW_H
#define SK_CLI_VM_SHOW_H

#include <stdio.h>

#include "lib/json.h"

/** sk_show_migration() - Print the published object of sk_migrate() as a page of text */
void sk_show_migration(FILE *out, const struct sk_json *run);

#endif
