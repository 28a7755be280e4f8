/* SPDX-License-Identifier: Apache-2.0 */
/* v2_options - mount options of cgroup v2, which belong to the machine and not to a mount
 *
 * A mount of cgroup v2 by someone in the machine's own cgroup namespace changes the options
 * (nsdelegate, memory_recursiveprot, ...) of all mounts of it to its own: who names none
 * takes away the border that keeps delegated groups in.
 */
#ifndef SK_CGROUP_V2_OPTIONS_H
#define SK_CGROUP_V2_OPTIONS_H

#include "lib/err.h"

/**
 * sk_cgroup_v2_parse_options() - Find the options in the text of /proc/PID/mountinfo
 * @ret:	Options without "rw" and "ro", for sk_strv_free(); NULL for none
 * @ret_point:	Where it is mounted, heap; NULL: nowhere. May be NULL
 *
 * Pure.
 * Return: 0 or -ENOMEM
 */
int sk_cgroup_v2_parse_options(const char *mountinfo, char ***ret, char **ret_point);

/**
 * sk_cgroup_v2_options() - The same of the mounts that the caller sees
 *
 * Return: 0 or -errno
 */
int sk_cgroup_v2_options(char ***ret, struct sk_err *err);

/**
 * sk_cgroup_v2_put_back() - Make the machine's options these again, where they are others
 * @options:	From sk_cgroup_v2_options() earlier; NULL for none
 *
 * Without effect in a cgroup namespace, where nobody can have changed them either.
 * Return: 0 or -errno
 */
int sk_cgroup_v2_put_back(char *const *options, struct sk_err *err);

#endif
