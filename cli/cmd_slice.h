/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_slice - what the subcommands of `skiff slice` share */
#ifndef SK_CMD_SLICE_H
#define SK_CMD_SLICE_H

#include "cli/cmd.h"
#include "lib/home.h"

extern const struct sk_cmd sk_cmd_slice_exec;

/** sk_slice_cmd_open() - Open the state folders; mend slices and containers whose owners were killed */
int sk_slice_cmd_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret,
		      struct sk_err *err);

#endif
