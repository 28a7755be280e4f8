/* SPDX-License-Identifier: Apache-2.0 */
/* kernel - Debian's cloud kernel and the modules that the lab guest needs of it */
#ifndef SK_KERNEL_H
#define SK_KERNEL_H

#include "lib/err.h"
#include "lib/str.h"

/** sk_kernel_modules() - Names of the modules in the order of insertion; NULL-terminated */
const char *const *sk_kernel_modules(void);

/**
 * sk_kernel_find() - Newest kernel "*-cloud-amd64" below a root that has its modules beside it
 * @root_fd:	Folder that holds boot/ and lib/modules/ (or usr/lib/modules/)
 * @ret_version:	Heap text such as "6.1.0-56-cloud-amd64"
 *
 * Return: 0; -ENOENT
 */
int sk_kernel_find(int root_fd, char **ret_version, struct sk_err *err);

/**
 * sk_kernel_collect() - Copy the kernel as "vmlinuz" and the needed modules into a folder
 * @root_fd:	As sk_kernel_find()
 * @to_fd:	Existing folder
 */
int sk_kernel_collect(int root_fd, const char *version, int to_fd, struct sk_err *err);

/**
 * sk_kernel_fetch() - Download the package and unpack it
 * @into_fd:	Empty folder, which becomes a root for sk_kernel_find()
 *
 * Return: 0; -ENOENT with a hint when this machine has no apt or apt knows no such package
 */
int sk_kernel_fetch(int into_fd, struct sk_err *err);

#endif
