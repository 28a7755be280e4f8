/* SPDX-License-Identifier: Apache-2.0 */
/* migrate_opts - the options of `migrate` as those of the layer below */
#ifndef SK_CLI_VM_MIGRATE_OPTS_H
#define SK_CLI_VM_MIGRATE_OPTS_H

#include "cli/decl_migrate.h"
#include "migrate/migrate.h"

/**
 * sk_vmcli_refuse_zeros() - No number of `migrate` may be 0, which the layer below takes for "not given"
 * @given:	Numbers that were not given become 0
 *
 * Return: 0; a usage error
 */
int sk_vmcli_refuse_zeros(struct sk_cli_migrate_opts *given, struct sk_err *err);

/**
 * sk_vmcli_transfer() - Fill .mode, .transfer, .timeout_ns and what belongs to them
 * @ret:	Texts point into @given
 *
 * What goes together is checked below, by sk_migrate().
 * Return: 0; a usage error
 */
int sk_vmcli_transfer(const struct sk_cli_migrate_opts *given,
		      struct sk_migrate_opts *ret, struct sk_err *err);

#endif
