/* SPDX-License-Identifier: Apache-2.0 */
/* decl_probe - table of probe-serve, which skiff runs by skiff-probe */
#ifndef SK_DECL_PROBE_H
#define SK_DECL_PROBE_H

#include "cli/cmd.h"

/* Defined in cli/probe/. */
SK_CMD_RUN_ELSEWHERE(sk_run_probe_serve);

extern const struct sk_cmd sk_cmd_probe_serve;

#endif
