/* SPDX-License-Identifier: Apache-2.0 */
/* passes - the passes over memory, from pass events and job statistics; pure arithmetic */
#ifndef SK_PASSES_H
#define SK_PASSES_H

#include <stddef.h>

#include "migrate/measure/verdict.h"

/**
 * sk_passes_make() - Cut the job's statistics at the pass events
 * @verdict:	Its marks are set
 * @ret:	Room for @max passes; further ones are left out
 *
 * Bytes are of the statistics at 10 Hz, linear between two of them. A pass ends with the next
 * one, with the stop of the guest, with the switch to post-copy, or with the migration. What
 * comes behind the switch to post-copy is no pass.
 * Return: number of passes
 */
size_t sk_passes_make(struct sk_timeline *timeline, const struct sk_verdict *verdict,
		      struct sk_pass *ret, size_t max);

#endif
