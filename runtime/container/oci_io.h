/* SPDX-License-Identifier: Apache-2.0 */
/* oci_io - what a caller of create, run and exec wants to be handed; for runtime/container/ only */
#ifndef SK_OCI_IO_H
#define SK_OCI_IO_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/spec/spec.h"

/** struct sk_oci_io - Where it goes; each may be NULL */
struct sk_oci_io {
	const char *pid_file, *console_socket, *pidfd_socket;
};

struct sk_oci_opts;

/** sk_oci_io_of() - What options of create, run and restore ask for (borrowed) */
struct sk_oci_io sk_oci_io_of(const struct sk_oci_opts *opts);

/** sk_oci_io_check() - Refuse a terminal that nobody takes, and a console socket without one
 *  @has_terminal: the caller itself attends to the process */
int sk_oci_io_check(const struct sk_oci_io *io, bool tty, bool has_terminal,
		    struct sk_err *err);

/** sk_oci_io_hand_over() - The terminal (@pty, borrowed) and the process to the sockets, its number to the file */
int sk_oci_io_hand_over(const struct sk_oci_io *io, int pty, int pidfd, pid_t pid,
			struct sk_err *err);

/** sk_oci_io_listen_fds() - How many sockets the caller hands on: LISTEN_FDS, when it is meant for this process */
unsigned int sk_oci_io_listen_fds(void);

/**
 * sk_oci_io_notify() - Give the container the socket that NOTIFY_SOCKET names, as /run/notify/notify.sock
 *
 * The service manager sees the sender's pid on its own side, so nobody has to pass messages on.
 * Where the config has a NOTIFY_SOCKET of its own its author has taken care of it.
 */
int sk_oci_io_notify(struct sk_spec *spec, struct sk_err *err);

#endif
