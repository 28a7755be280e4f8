/* SPDX-License-Identifier: Apache-2.0 */
/* initramfs - the archive that the lab guest boots from, written without cpio(1) */
#ifndef SK_INITRAMFS_H
#define SK_INITRAMFS_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

/**
 * sk_cpio_add() - Append one entry of a "newc" archive
 * @archive:	Grows
 * @path:	Name without a leading slash
 * @mode:	Type and permission bits, as st_mode
 * @bytes:	Content of a regular file (borrowed), else NULL
 * @device:	Major << 8 | minor of a device node, else 0
 *
 * Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst
 */
void sk_cpio_add(struct sk_str *archive, const char *path, unsigned int mode,
		 const void *bytes, size_t len, unsigned int device);
/** sk_cpio_end() - Append the trailer and pad to 512 bytes */
void sk_cpio_end(struct sk_str *archive);

/**
 * sk_initramfs_build() - An archive with skiff-guest as /init and modules in their order
 * @init_path:	Static program
 * @modules_fd:	Folder with the modules as sk_kernel_modules() names them, .ko or .ko.xz
 * @ret:	The archive's bytes in @ret->ptr, @ret->len; finish with sk_str_finish()
 *
 * A module that the folder lacks is taken to be built into the kernel.
 * Return: 0; -ENOENT without @init_path; other -errno
 */
int sk_initramfs_build(const char *init_path, int modules_fd, struct sk_str *ret,
		       struct sk_err *err);

#endif
