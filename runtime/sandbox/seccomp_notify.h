/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_notify - hand the listener of a filter to the program that answers for it
 *
 *	parent:	sock = sk_notify_connect(seccomp, err);		// before clone
 *	child:	message = sk_notify_message(seccomp, state, pid);
 *		sk_notify_install(filter, sock, message, err);	// instead of sk_seccomp_install()
 */
#ifndef SK_SECCOMP_NOTIFY_H
#define SK_SECCOMP_NOTIFY_H

#include <sys/types.h>

#include "lib/err.h"
#include "runtime/sandbox/seccomp.h"

/** sk_notify_connect() - Connect to listenerPath. The socket, O_CLOEXEC; -errno */
int sk_notify_connect(const struct sk_spec_seccomp *seccomp, struct sk_err *err);

/**
 * sk_notify_message() - The container process state, as one line of JSON
 * @state:	Text of the OCI state (borrowed)
 * @pid:	The process that gets the filter, as the runtime sees it
 *
 * Source: OCI runtime-spec, config-linux.md, "The Container Process State".
 * Return: heap text; NULL without memory, or when @state is no JSON
 */
char *sk_notify_message(const struct sk_spec_seccomp *seccomp, const char *state,
			pid_t pid);

/**
 * sk_notify_install() - Put the caller under the filter and send its listener with the message
 * @sock:	From sk_notify_connect(); closed
 *
 * Afterwards the caller makes no system call but execve(2): every other may be one that the
 * filter refuses. Return: 0; -errno
 */
int sk_notify_install(const struct sk_seccomp *filter, int sock, const char *message,
		      struct sk_err *err);

#endif
