/* SPDX-License-Identifier: Apache-2.0 */
/* home - the two folders that hold all of skiff's state */
#ifndef SK_HOME_H
#define SK_HOME_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/**
 * struct sk_home - Where state lives
 * @root:	Lasting: images, containers' upper layers and logs, slices, labs.
 *		/var/lib/skiff, or $XDG_DATA_HOME/skiff of an ordinary user
 * @runroot:	Gone after a restart: states, locks, sockets, pinned namespaces.
 *		/run/skiff, or $XDG_RUNTIME_DIR/skiff (else /tmp/skiff-run-UID)
 * @root_fd:	@root, open
 * @runroot_fd:	@runroot, open
 * @group:	Name of the control group that holds all of this home's: "skiff" with the default
 *		@runroot, else "skiff-HASH", so that homes do not meet in one group
 * @is_rootless: the caller is not uid 0 of the initial user namespace's range
 */
struct sk_home {
	char *root;
	char *runroot;
	char *group;
	int root_fd;
	int runroot_fd;
	bool is_rootless;
};

/**
 * sk_home_open() - Make both folders (0711 root, 0700 below) when missing, and open them
 * @root:	Overrides the default; NULL for the default
 * @runroot:	The same
 * @ret:	Free with sk_home_free()
 *
 * A folder that another user owns or others may write to is refused.
 */
int sk_home_open(const char *root, const char *runroot, struct sk_home **ret,
		 struct sk_err *err);
/** sk_home_default_runroot() - The default of @runroot for this caller: heap path, nothing is made; NULL without memory */
char *sk_home_default_runroot(void);
/** sk_home_free() - Close and release */
void sk_home_free(struct sk_home *home);
SK_DEFINE_AUTO(struct sk_home, sk_home_free)

#endif
