/* SPDX-License-Identifier: Apache-2.0 */
/* cmds - the commands of bin/skiff, one line each; cli/main.c groups them */
#ifndef SK_CMDS_H
#define SK_CMDS_H

#include "cli/cmd.h"
#include "cli/decl_exp.h"
#include "cli/decl_image.h"
#include "cli/decl_migrate.h"
#include "cli/decl_probe.h"
#include "cli/decl_serve.h"

extern const struct sk_cmd sk_cmd_completion;
extern const struct sk_cmd sk_cmd_doctor;
extern const struct sk_cmd sk_cmd_exec;
extern const struct sk_cmd sk_cmd_images;
extern const struct sk_cmd sk_cmd_inspect;
extern const struct sk_cmd sk_cmd_kill;
extern const struct sk_cmd sk_cmd_logs;
extern const struct sk_cmd sk_cmd_ps;
extern const struct sk_cmd sk_cmd_rm;
extern const struct sk_cmd sk_cmd_rmi;
extern const struct sk_cmd sk_cmd_run;
extern const struct sk_cmd sk_cmd_slice;
extern const struct sk_cmd sk_cmd_stop;
extern const struct sk_cmd sk_cmd_version;

#endif
