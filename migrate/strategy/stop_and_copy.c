// SPDX-License-Identifier: Apache-2.0
/* Stop-and-copy: the guest stands still while all of its memory is copied
 *
 * libvirt stops the guest itself right before the first byte when the job is not live, and
 * lets it run at the source again when the job fails. Suspending it from here would cost
 * the time of t_prep as downtime, leave the guest paused at the destination, and, after a
 * kill -9 of this process, paused at the source.
 */
#include "migrate/strategy/strategy.h"

const struct sk_strategy sk_stop_and_copy = {
	.mode = SK_MODE_STOP_AND_COPY,
	.live = false,
	.on_interrupt = sk_session_abort,
};
