/* SPDX-License-Identifier: Apache-2.0 */
/* clocks - the clocks of both hosts against ours, measured before a migration */
#ifndef SK_CLOCKS_H
#define SK_CLOCKS_H

#include <stdbool.h>

#include "migrate/measure/offset.h"
#include "migrate/measure/verdict.h"
#include "migrate/migrate.h"

/** struct sk_clocks - What is known of them, by enum sk_side */
struct sk_clocks {
	bool is_known[2];
	struct sk_clock_offset offset[2];
	char why[2][120]; /* why it is not known */
};

/**
 * sk_clocks_measure() - Ask both hosts
 *
 * By the shell of a lab's host, by ssh (sk_ssh_argv()) for a URI with "+ssh"; a URI without a host is this machine
 * itself and is not asked. What cannot be asked is not known: no error.
 */
void sk_clocks_measure(const struct sk_migrate_opts *opts, struct sk_clocks *ret);
/**
 * sk_clocks_correct() - Put QEMU's stamps in the time line on our clock
 *
 * Only where the offset is larger than its error: a smaller one may be none, and to subtract it
 * would only add the error.
 */
void sk_clocks_correct(const struct sk_clocks *clocks, struct sk_timeline *timeline);
/** sk_clocks_json() - {from, to: {offset_us, error_us, rtt_us, exchanges, corrected} or null} */
struct sk_json *sk_clocks_json(const struct sk_clocks *clocks);

#endif
