/* SPDX-License-Identifier: Apache-2.0 */
/* cmds - the commands of bin/skiff, one line each; cli/main.c groups them */
#ifndef SK_CMDS_H
#define SK_CMDS_H

#include "cli/cmd.h"
#include "cli/decl_image.h"
#include "cli/decl_migrate.h"

extern const struct sk_cmd sk_cmd_completion;
extern const struct sk_cmd sk_cmd_version;

#endif
