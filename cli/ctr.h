/* SPDX-License-Identifier: Apache-2.0 */
/* ctr - what the commands for containers share */
#ifndef SK_CTR_H
#define SK_CTR_H

#include "cli/cmd.h"
#include "cli/out.h"
#include "lib/home.h"

/** sk_ctr_columns - How a table shows containers */
extern const struct sk_out_column sk_ctr_columns[];

/**
 * sk_ctr_open() - Open the state folders and mend what killed processes left
 * @ret:	Free with sk_home_free()
 *
 * First call of each command that reads or changes containers.
 * Return: 0 or -errno
 */
int sk_ctr_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err);

/** sk_ctr_action - Does one thing to the container @name; 0 or -errno */
typedef int sk_ctr_action(const struct sk_home *home, const char *name, const void *arg,
			  struct sk_err *err);

/**
 * sk_ctr_for_each() - Do the same to each container named on the command line
 * @action:	What to do
 * @arg:	Handed to @action
 *
 * Prints the name of each that succeeded, and the error of each that did not, and goes on.
 * Return: exit status: 0; 2 when one was refused because it runs; 1 for other failures;
 * -errno when nothing could be tried
 */
int sk_ctr_for_each(const struct sk_cmd_ctx *ctx, char **names, sk_ctr_action *action,
		    const void *arg, struct sk_err *err);

/**
 * sk_ctr_start_status() - Exit status when a command could not be started in a container
 * @r:	Negative errno of the runtime
 *
 * Source: podman-run(1), "Exit status".
 * Return: 127 when there is no such command, 126 when it cannot be invoked, else 125
 */
int sk_ctr_start_status(int r);

#endif
