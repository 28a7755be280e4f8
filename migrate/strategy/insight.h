/* SPDX-License-Identifier: Apache-2.0 */
/* insight - what explains a client's outage, beyond events and samples: collected beside the job
 *
 * None of it is needed for a migration: what cannot be had is not known, with the reason, and no
 * error.
 */
#ifndef SK_INSIGHT_H
#define SK_INSIGHT_H

#include <stdbool.h>

#include "lib/json.h"
#include "migrate/guest/guest.h"
#include "migrate/measure/announce.h"
#include "migrate/measure/decompose.h"
#include "migrate/measure/fault_watch.h"
#include "migrate/migrate.h"
#include "migrate/vm/monitor.h"
#include "migrate/vm/vm.h"

/** struct sk_insight - Zero before sk_insight_start() */
struct sk_insight {
	struct sk_monitor *monitor;
	struct sk_announce *announce;
	struct sk_fault_watch *watch;
	struct sk_blocktime blocktime;
	struct sk_fault_waits waits;
	struct sk_announcements announcements;
	struct sk_phase_bytes bytes;
	bool has_service; /* both times it answered */
	struct sk_guest_service before, after;
};

/** sk_insight_start() - Before the probe: ask the service, listen, wait for the destination's QEMU */
void sk_insight_start(struct sk_insight *insight, const struct sk_migrate_opts *opts);
/**
 * sk_insight_stop() - Behind the probe, or after a failure: nothing runs any more
 * @vm:		Whose job has ended well; NULL: it did not, nothing is asked
 * @timeline:	Gets the announcements
 */
void sk_insight_stop(struct sk_insight *insight, const struct sk_migrate_opts *opts,
		     struct sk_vm *vm, struct sk_timeline *timeline);
/** sk_insight_finish() - Release what was collected */
void sk_insight_finish(struct sk_insight *insight);
/** sk_insight_add() - Set "decomposition", "blocktime", "service" and the bytes by phase in the published object */
void sk_insight_add(const struct sk_insight *insight, const struct sk_migrate_opts *opts,
		    const struct sk_verdict *verdict, struct sk_timeline *timeline,
		    struct sk_json *run);
/** sk_insight_service() - The "service" of a published object; @from was asked with a reset of its figures */
struct sk_json *sk_insight_service(const struct sk_guest_service *from,
				   const struct sk_guest_service *to);

#endif
