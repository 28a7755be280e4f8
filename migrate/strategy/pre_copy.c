// SPDX-License-Identifier: Apache-2.0
/* Pre-copy: memory is copied in passes while the guest runs; the last pass stands still */
#include "migrate/strategy/strategy.h"

/* QEMU decides when the rest fits the allowed downtime: nothing to do on notes. */
const struct sk_strategy sk_pre_copy = {
	.mode = SK_MODE_PRE_COPY,
	.live = true,
	.on_interrupt = sk_session_abort,
};
