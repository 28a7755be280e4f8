/* SPDX-License-Identifier: Apache-2.0 */
/* criu_mounts - which mounts of a container come from outside it; for runtime/container/ only */
#ifndef SK_CRIU_MOUNTS_H
#define SK_CRIU_MOUNTS_H

/**
 * sk_criu_external_mounts() - Find the mounts that CRIU cannot save
 * @mountinfo:	Text of /proc/PID/mountinfo of the container's first process
 * @ret:	Mount points as the container names them, NULL-terminated, heap; NULL for none
 *
 * CRIU saves a file system whose root the container shows, and binds of its parts. What
 * shows only a part (a volume, a device of the host, a control group) has to be there again
 * when the container is restored, and is named to CRIU as external. The root itself is told
 * to CRIU in another way. Pure.
 * Source: proc_pid_mountinfo(5); https://criu.org/External_bind_mounts.
 * Return: 0 or -ENOMEM
 */
int sk_criu_external_mounts(const char *mountinfo, char ***ret);

#endif
