/* SPDX-License-Identifier: Apache-2.0 */
/* announce - the line by which others know that the service answers */
#ifndef SK_GUEST_ANNOUNCE_H
#define SK_GUEST_ANNOUNCE_H

#include "migrate/guest/service.h"

/** sk_announce() - Print it; @address may be NULL. A guest's console is read for it */
void sk_announce(const struct sk_service *service, const char *address);

#endif
