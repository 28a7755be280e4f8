/* SPDX-License-Identifier: Apache-2.0 */
/* show - the results of migrations and experiments for people */
#ifndef SK_CLI_VM_SHOW_H
#define SK_CLI_VM_SHOW_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/json.h"

/** sk_show_migration() - Print the published object of sk_migrate() as a page of text */
void sk_show_migration(FILE *out, const struct sk_json *run);
/** sk_show_experiment() - Print what sk_experiment_summary() gives: a line per cell and metric */
int sk_show_experiment(const struct sk_json *summary, struct sk_err *err);
/** sk_show_differences() - Print what sk_experiment_compare() gives, in a --format */
int sk_show_differences(const char *format, const struct sk_json *differences,
			struct sk_err *err);

/** sk_show_plan() - Print what sk_migrate_plan() made */
void sk_show_plan(FILE *out, const struct sk_json *plan);

/* Parts of sk_show_migration(); what is not known of a run is left out. */

/** sk_show_parts() - What the client's downtime consists of: a line */
void sk_show_parts(FILE *out, const struct sk_json *run);
/** sk_show_answers() - Refused requests, new connections, stamps, where there is something to say of them */
void sk_show_answers(FILE *out, const struct sk_json *run);
/** sk_show_service() - The service's model and parallelism */
void sk_show_service(FILE *out, const struct sk_json *run);
/** sk_show_clocks() - How far the hosts' clocks are from ours */
void sk_show_clocks(FILE *out, const struct sk_json *run);

#endif
