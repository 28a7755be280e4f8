/* SPDX-License-Identifier: Apache-2.0 */
/* record - the published object of a migration, and its folder of results */
#ifndef SK_RECORD_H
#define SK_RECORD_H

#include "lib/err.h"
#include "lib/json.h"
#include "migrate/guest/guest.h"
#include "migrate/migrate.h"
#include "migrate/vm/vm.h"

/** struct sk_memory_check - Checksums of the guest before and after */
struct sk_memory_check {
	bool is_wanted; /* a skiff-guest answers */
	bool has_after; /* it still answered after the move */
	struct sk_guest_status before, after;
	char why[160]; /* what is wrong, or empty */
};

/**
 * sk_memory_verify() - Compare both checksums; pure
 * @check:	@why is filled when the memory is not verified
 *
 * Verified: the static region has the same sum, every written page holds what was written
 * to it, and the guest's clock of ticks did not go back (a stale copy would).
 */
bool sk_memory_verify(struct sk_memory_check *check);

/** struct sk_record - All that run.json is made of; borrowed */
struct sk_record {
	const struct sk_migrate_opts *opts;
	const struct sk_vm_facts *facts;
	const struct sk_verdict *verdict;
	struct sk_memory_check *check;
	uint64_t started_ns; /* real */
};
/** sk_record_json() - The published object; see man 7 skiff-migration-metrics */
struct sk_json *sk_record_json(const struct sk_record *record);

/**
 * sk_record_open() - Make the results folder, so that it is known to be writable beforehand
 * @ret_made:	It was made now: sk_record_drop() may take it away
 *
 * Return: descriptor of the folder
 */
int sk_record_open(const char *dir, bool *ret_made, struct sk_err *err);
/** sk_record_drop() - Remove the folder when nothing was written to it */
void sk_record_drop(const char *dir);

#endif
