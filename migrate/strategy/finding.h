/* SPDX-License-Identifier: Apache-2.0 */
/* finding - a record of a migration, and what both ends do now: for those who find it */
#ifndef SK_FINDING_H
#define SK_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "migrate/strategy/jobs.h"

#define SK_FINDING_NAP_NS (200 * SK_NS_PER_MS) /* between two looks */

/** struct sk_finding - A record, and what both ends do now */
struct sk_finding {
	struct sk_job_record record; /* its lock is held when nobody else leads */
	bool is_led;
	bool is_known; /* both ends answered */
	uint64_t
		until_ns; /* CLOCK_MONOTONIC: they are not waited for beyond; 0: some seconds each */
	struct sk_vm_look here, there;
	enum sk_job_fate fate;
	char why[160]; /* why it is not known */
};

/** sk_finding_text() - Of the record; "" without this key */
const char *sk_finding_text(const struct sk_finding *finding, const char *key);
/** sk_finding_look() - Ask both ends; a host that does not answer in time leaves it not known */
void sk_finding_look(struct sk_finding *finding);
/** sk_finding_settle() - Look until @until_ns as long as libvirtd is about to end it, or its other half */
void sk_finding_settle(struct sk_finding *finding);
/** sk_finding_tell() - What became of the guest, as a sentence: heap; NULL without memory */
char *sk_finding_tell(const struct sk_finding *finding);

/** sk_finding_fn - Called with each; what it returns below zero ends the walk */
typedef int sk_finding_fn(struct sk_finding *finding, void *arg, struct sk_err *err);
/** sk_findings_each() - Walk over the records that are meant; neither end is asked yet */
int sk_findings_each(const struct sk_home *home, const struct sk_migration_which *which,
		     sk_finding_fn *visit, void *arg, struct sk_err *err);

#endif
