/* SPDX-License-Identifier: Apache-2.0 */
/* plan - what a migration will do, before it does anything */
#ifndef SK_PLAN_H
#define SK_PLAN_H

#include "lib/err.h"
#include "lib/json.h"
#include "migrate/migrate.h"
#include "migrate/vm/vm.h"

/**
 * sk_plan_settle() - Decide what is left open, and refuse what cannot go together
 * @opts:	.transfer.tls is set where nothing was said of encryption
 *
 * Needs no host: versions are checked by preflight. Return: as sk_transfer_check() and
 * sk_transfer_secure(); -EINVAL for a mode that is none, or a time-out that makes no sense
 */
int sk_plan_settle(struct sk_migrate_opts *opts, struct sk_err *err);

/** sk_plan_job() - The job that the mode starts; its texts are those of @opts */
void sk_plan_job(const struct sk_migrate_opts *opts, struct sk_vm_job *ret);

/** sk_plan_checks() - What preflight found: [{name, ok, result, hint}] */
struct sk_json *sk_plan_checks(const struct sk_vm_facts *facts);

/** sk_plan_transfer() - The options of a transfer that are set, and {encryption}, for the record */
struct sk_json *sk_plan_transfer(const struct sk_migrate_opts *opts);

#endif
