/* SPDX-License-Identifier: Apache-2.0 */
/* common - what skiff-vm's commands share: state folders, progress lines, Ctrl-C */
#ifndef SK_CLI_VM_COMMON_H
#define SK_CLI_VM_COMMON_H

#include "cli/cmd.h"
#include "lib/home.h"
#include "lib/progress.h"

/** sk_vmcli_open() - Open the state folders and mend what killed processes left; free with sk_home_free() */
int sk_vmcli_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err);

/** sk_vmcli_phase() - A sk_phase_fn whose context is a struct sk_progress */
void sk_vmcli_phase(void *ctx, const char *phase, const char *detail);

/**
 * sk_vmcli_catch() - From now on Ctrl-C and TERM are only counted
 * Return: how many came
 */
const volatile int *sk_vmcli_catch(void);

#endif
