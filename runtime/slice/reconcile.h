/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile - make a slice be as want.json says; only for the supervisor */
#ifndef SK_RECONCILE_H
#define SK_RECONCILE_H

#include "runtime/slice/sliver.h"

/**
 * struct sk_slice_live - A slice as its supervisor has it
 * @want:	What it was last made to be; want.def is NULL before the first time
 * @slivers:	One per node of want.def, in its order
 * @group:	Group of the whole slice; NULL before the first time
 * @ready_ms:	How long the last change took
 */
struct sk_slice_live {
	struct sk_slice_dir *dir;
	sk_slice_resolve_fn resolve;
	void *resolve_ctx;
	struct sk_slice_host host;
	struct sk_slice_want want;
	struct sk_sliver *slivers;
	size_t nr_slivers;
	struct sk_cgroup *group;
	double ready_ms;
};

/** sk_slice_live_reconcile() - Read want.json and make it so. On failure part of it may be done */
int sk_slice_live_reconcile(struct sk_slice_live *live, struct sk_err *err);
/** sk_slice_live_save() - Write state.json with @status */
int sk_slice_live_save(const struct sk_slice_live *live, const char *status,
		       struct sk_err *err);
/** sk_slice_live_stop() - Kill all slivers and remove all that the slice has on the system */
int sk_slice_live_stop(struct sk_slice_live *live, struct sk_err *err);
/** sk_slice_live_finish() - Release the memory */
void sk_slice_live_finish(struct sk_slice_live *live);
SK_DEFINE_AUTO_FINISH(struct sk_slice_live, sk_slice_live_finish)

#endif
