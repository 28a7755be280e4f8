/* SPDX-License-Identifier: Apache-2.0 */
/* hook - run the hooks of a container's life
 *
 *	sk_hooks_run(&spec->process.hooks[SK_HOOK_POSTSTOP], SK_HOOK_POSTSTOP, state_text, bundle,
 *		     err);
 *
 * Source: OCI runtime-spec, config.md, "POSIX-platform Hooks".
 */
#ifndef SK_SANDBOX_HOOK_H
#define SK_SANDBOX_HOOK_H

#include "lib/err.h"
#include "runtime/spec/process.h"

/**
 * sk_hooks_run() - Run hooks one after the other, up to the first that fails
 * @list:	May be empty
 * @kind:	For errors
 * @state:	Text of the state, written to the standard input of each (borrowed)
 * @cwd:	Folder in which they start; NULL: the caller's
 *
 * A hook gets no other descriptors than 0, 1 and 2, its own environment, or without one the
 * caller's, as of runc and crun, and a process group of its own, which is killed when its time
 * is over. What it leaves in the background stays: such as a helper of the network.
 *
 * Return: 0; -EIO with the hook's path, how it ended and the end of what it wrote to stderr;
 * -ETIMEDOUT; other -errno when it could not be started
 */
int sk_hooks_run(const struct sk_hook_list *list, enum sk_hook_kind kind,
		 const char *state, const char *cwd, struct sk_err *err);

#endif
