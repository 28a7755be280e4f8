// SPDX-License-Identifier: Apache-2.0
/* images - kernel and initramfs of lab guests, found or made, cached below HOME->root/guest
 *
 * Theory of operation
 *
 * 1. One caller at a time, under the lock guest/lock; the others wait and find all made.
 * 2. Kernel: an installed one is preferred, as the package manager keeps it current. It and
 *    its modules are copied to guest/kernel-VERSION. Without one, the newest folder of that
 *    form is used, else the package is fetched and unpacked into a temporary folder and its
 *    needed parts (8 of 106 MiB) are kept.
 * 3. A kernel folder is filled under another name and renamed: one that exists is whole.
 * 4. Initramfs: its name holds a sum of skiff-guest and the modules. It is never changed or
 *    removed once made, as a migration opens it again at the destination.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/initramfs.h"
#include "migrate/guest/kernel.h"
#include "migrate/guest/pattern.h"

#define LOCK_TIMEOUT_MS 600000
#define FOLDER_PREFIX	"kernel-"
#define FETCH_FOLDER	".fetch"
#define FILL_FOLDER	".fill"

void sk_guest_images_finish(struct sk_guest_images *images)
{
	free(images->kernel);
	free(images->initramfs);
	free(images->kernel_version);
	*images = (struct sk_guest_images){0};
}

static int empty_folder(int dir_fd, const char *name, struct sk_err *err)
{
	int r = sk_fs_remove_tree(dir_fd, name, err);

	return r < 0 ? r : sk_fs_open_dir(dir_fd, name, 0700, err);
}

/* Fill guest/kernel-VERSION from a root, unless it is there. */
static int keep_kernel(int guest_fd, int root_fd, const char *version, struct sk_err *err)
{
	sk_autofree char *name = sk_strf(FOLDER_PREFIX "%s", version);
	sk_autoclose int fill = -1;
	int r;

	if (!name)
		return sk_err_oom(err);
	if (sk_fs_exists(guest_fd, name))
		return 0;
	fill = empty_folder(guest_fd, FILL_FOLDER, err);
	if (fill < 0)
		return fill;
	r = sk_kernel_collect(root_fd, version, fill, err);
	if (r < 0)
		goto undo_fill;
	if (fchmod(fill, 0755) < 0 ||
	    renameat(guest_fd, FILL_FOLDER, guest_fd, name) < 0) {
		r = sk_err_errno(err, "keep the kernel as '%s'", name);
		goto undo_fill;
	}
	return 0;

undo_fill:
	(void)sk_fs_remove_tree(guest_fd, FILL_FOLDER, NULL);
	return r;
}

static int newest_kept(int guest_fd, char **ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	const char *best = NULL;
	int r = sk_fs_list(guest_fd, ".", &names);

	if (r < 0)
		return sk_err_code(err, r, "list the guest images");
	for (char **name = names; name && *name; name++) {
		const char *version = sk_str_starts(*name, FOLDER_PREFIX);

		if (version && (!best || strverscmp(version, best) > 0))
			best = version;
	}
	if (!best)
		return -ENOENT;
	*ret = strdup(best);
	return *ret ? 0 : sk_err_oom(err);
}

static int fetch_kernel(int guest_fd, char **ret_version, struct sk_err *err)
{
	sk_autofree char *version = NULL;
	sk_autoclose int root = empty_folder(guest_fd, FETCH_FOLDER, err);
	int r;

	if (root < 0)
		return root;
	r = sk_kernel_fetch(root, err);
	if (r == 0)
		r = sk_kernel_find(root, &version, err);
	if (r == 0)
		r = keep_kernel(guest_fd, root, version, err);
	(void)sk_fs_remove_tree(guest_fd, FETCH_FOLDER, NULL);
	if (r == 0)
		*ret_version = sk_steal(&version);
	return r;
}

static int find_kernel(int guest_fd, char **ret_version, struct sk_err *err)
{
	sk_autofree char *version = NULL;
	sk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return sk_err_errno(err, "open '/'");
	r = sk_kernel_find(root, &version, NULL);
	if (r == 0)
		r = keep_kernel(guest_fd, root, version, err);
	else
		r = newest_kept(guest_fd, &version, err);
	if (r == -ENOENT)
		return fetch_kernel(guest_fd, ret_version, err);
	if (r == 0)
		*ret_version = sk_steal(&version);
	return r;
}

/* The name tells the content, so that a new skiff-guest or kernel gives a new file. */
static int make_initramfs(int guest_fd, int kernel_fd, char **ret_name,
			  struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;
	sk_autofree char *init = NULL, *name = NULL;
	uint64_t sum;
	int r;

	r = sk_proc_libexec("skiff-guest", &init, err);
	if (r == 0)
		r = sk_initramfs_build(init, kernel_fd, &archive, err);
	if (r < 0)
		return r;
	/* Padded to 512 bytes, and from malloc: whole aligned words. */
	sum = sk_pattern_sum(0, (const uint64_t *)(void *)archive.ptr, archive.len / 8);
	name = sk_strf("initramfs-%016" PRIx64 ".cpio", sum);
	if (!name)
		return sk_err_oom(err);
	if (!sk_fs_exists(guest_fd, name))
		r = sk_fs_replace(guest_fd, name, archive.ptr, archive.len, 0644, err);
	if (r == 0)
		*ret_name = sk_steal(&name);
	return r;
}

static int prepare(const struct sk_home *home, int guest_fd, struct sk_guest_images *ret,
		   struct sk_err *err)
{
	sk_auto(sk_guest_images_finish) struct sk_guest_images images = {0};
	sk_autofree char *folder = NULL, *initramfs = NULL;
	sk_autoclose int kernel = -1;
	int r;

	r = find_kernel(guest_fd, &images.kernel_version, err);
	if (r < 0)
		return r;
	folder = sk_strf(FOLDER_PREFIX "%s", images.kernel_version);
	if (!folder)
		return sk_err_oom(err);
	kernel = sk_fs_open_dir(guest_fd, folder, 0755, err);
	if (kernel < 0)
		return kernel;
	r = make_initramfs(guest_fd, kernel, &initramfs, err);
	if (r < 0)
		return r;
	images.kernel = sk_strf("%s/guest/%s/vmlinuz", home->root, folder);
	images.initramfs = sk_strf("%s/guest/%s", home->root, initramfs);
	if (!images.kernel || !images.initramfs)
		return sk_err_oom(err);
	*ret = images;
	images = (struct sk_guest_images){0};
	return 0;
}

int sk_guest_prepare(const struct sk_home *home, struct sk_guest_images *ret,
		     struct sk_err *err)
{
	sk_autoclose int guest = sk_fs_open_dir(home->root_fd, "guest", 0700, err);
	sk_autoclose int lock = -1;
	int r;

	if (guest < 0)
		return guest;
	lock = sk_fs_lock(guest, "lock", LOCK_TIMEOUT_MS, err);
	if (lock < 0)
		return lock;
	r = prepare(home, guest, ret, err);
	return r < 0 ? sk_err_wrap(err, r, "prepare guest images") : 0;
}
