/* SPDX-License-Identifier: Apache-2.0 */
/* probe_serve - probe for a skiff on another machine */
#ifndef SK_PROBE_SERVE_H
#define SK_PROBE_SERVE_H

#include "lib/err.h"

/**
 * sk_probe_serve() - Do what comes on @in_fd, answer on @out_fd; see probe_remote.h
 *
 * Returns when @in_fd ends or nobody is heard for SK_REMOTE_SILENT_NS; the probe ends then too.
 * Return: 0; -EPROTO for a line that is none; -ETIMEDOUT; other -errno
 */
int sk_probe_serve(int in_fd, int out_fd, struct sk_err *err);

#endif
