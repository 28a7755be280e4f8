/* SPDX-License-Identifier: Apache-2.0 */
/* ssh - how a command is run on the machine that a URI names */
#ifndef SK_SSH_H
#define SK_SSH_H

#include "lib/err.h"

/**
 * sk_ssh_argv() - The words of ssh, up to and with the host; a command is to be added
 * @uri:	"ssh://[user@]host[:port]" or libvirt's "qemu+ssh://[user@]host[:port]/system", with
 *		libvirt's own parameters behind '?': command (the ssh to run), keyfile, known_hosts,
 *		no_verify. Of a libvirt URI others are passed over; of ssh:// only "program" is known
 * @ret:	Filled with an argv of heap texts; free with sk_strv_free()
 *
 * Nobody is asked for a password. A host may hold letters, digits and "._-:%@" alone.
 * Return: 0; 1 when the URI is this machine's; -EOPNOTSUPP when its transport is not ssh; -EINVAL
 */
int sk_ssh_argv(const char *uri, char ***ret, struct sk_err *err);

/** sk_ssh_param() - A parameter of a URI, percent-decoded: heap text, NULL in @ret when it is not there; 0, -EINVAL, -ENOMEM */
int sk_ssh_param(const char *uri, const char *key, char **ret, struct sk_err *err);

#endif
