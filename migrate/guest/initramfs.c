// SPDX-License-Identifier: Apache-2.0
/* initramfs - the archive that the lab guest boots from, written without cpio(1) */
#include "migrate/guest/initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "migrate/guest/kernel.h"

#define MAX_FILE_BYTES (64u << 20)
#define XZ_TIMEOUT_MS  10000

static void pad(struct sk_str *archive, size_t to)
{
	static const char zeros[512];
	size_t rest = archive->len % to;

	if (rest)
		sk_str_add_bytes(archive, zeros, to - rest);
}

void sk_cpio_add(struct sk_str *archive, const char *path, unsigned int mode,
		 const void *bytes, size_t len, unsigned int device)
{
	unsigned int links = S_ISDIR(mode) ? 2 : 1;

	/* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor
	 * rdevminor namesize check; inode 0 is fine as there are no hard links */
	sk_str_addf(archive,
		    "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0u,
		    mode, 0u, 0u, links, 0u, len, 0u, 0u, device >> 8, device & 0xff,
		    strlen(path) + 1, 0u);
	sk_str_add_bytes(archive, path, strlen(path) + 1);
	pad(archive, 4);
	if (len)
		sk_str_add_bytes(archive, bytes, len);
	pad(archive, 4);
}

void sk_cpio_end(struct sk_str *archive)
{
	sk_cpio_add(archive, "TRAILER!!!", 0, NULL, 0, 0);
	pad(archive, 512);
}

static int unpack_xz(int modules_fd, const char *name, char **ret, size_t *ret_len,
		     struct sk_err *err)
{
	const char *const argv[] = {"xz", "-dc", NULL};
	struct sk_proc_opts opts = {.has_stdin = true, .has_stdout = true};
	sk_autoclose int in = -1, out = -1;
	struct sk_proc xz = {0};
	int r, status = 0;

	in = openat(modules_fd, name, O_RDONLY | O_CLOEXEC);
	out = sk_sys_memfd_create("module", MFD_CLOEXEC);
	if (in < 0 || out < 0)
		return sk_err_errno(err, "open module '%s'", name);
	opts.stdin_fd = in;
	opts.stdout_fd = out;
	r = sk_proc_spawn(argv, &opts, &xz, err);
	if (r == 0)
		r = sk_proc_wait(&xz, XZ_TIMEOUT_MS, &status, err);
	if (r < 0) {
		sk_proc_kill(&xz);
		return r;
	}
	if (status != 0)
		return sk_err_set(err, EIO, "xz failed on module '%s'", name);
	if (lseek(out, 0, SEEK_SET) < 0)
		return sk_err_errno(err, "rewind");
	r = sk_fs_read_fd(out, MAX_FILE_BYTES, ret, ret_len);
	return r < 0 ? sk_err_code(err, r, "read module '%s'", name) : 0;
}

/* 1 when the folder has no such module. */
static int read_module(int modules_fd, const char *module, char **ret, size_t *ret_len,
		       struct sk_err *err)
{
	sk_autofree char *plain = sk_strf("%s.ko", module);
	sk_autofree char *xz = sk_strf("%s.ko.xz", module);
	int r;

	if (!plain || !xz)
		return sk_err_oom(err);
	r = sk_fs_read(modules_fd, plain, MAX_FILE_BYTES, ret, ret_len);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return sk_err_code(err, r, "read module '%s'", plain);
	if (!sk_fs_exists(modules_fd, xz))
		return 1;
	return unpack_xz(modules_fd, xz, ret, ret_len, err);
}

static int add_modules(int modules_fd, struct sk_str *archive, struct sk_err *err)
{
	const char *const *names = sk_kernel_modules();

	for (size_t i = 0; names[i]; i++) {
		sk_autofree char *bytes = NULL;
		sk_autofree char *path = sk_strf("modules/%02zu-%s.ko", i, names[i]);
		size_t len = 0;
		int r;

		if (!path)
			return sk_err_oom(err);
		r = read_module(modules_fd, names[i], &bytes, &len, err);
		if (r < 0)
			return r;
		if (r == 0)
			sk_cpio_add(archive, path, S_IFREG | 0644, bytes, len, 0);
	}
	return 0;
}

int sk_initramfs_build(const char *init_path, int modules_fd, struct sk_str *ret,
		       struct sk_err *err)
{
	static const char *const folders[] = {"dev", "proc", "sys", "modules"};
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;
	sk_autofree char *init = NULL;
	size_t len = 0;
	int r;

	r = sk_fs_read(AT_FDCWD, init_path, MAX_FILE_BYTES, &init, &len);
	if (r < 0)
		return sk_err_code(err, r, "read '%s'", init_path);
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		sk_cpio_add(&archive, folders[i], S_IFDIR | 0755, NULL, 0, 0);
	sk_cpio_add(&archive, "dev/console", S_IFCHR | 0600, NULL, 0, 5 << 8 | 1);
	sk_cpio_add(&archive, "init", S_IFREG | 0755, init, len, 0);
	r = add_modules(modules_fd, &archive, err);
	if (r < 0)
		return r;
	sk_cpio_end(&archive);
	if (archive.failed)
		return sk_err_oom(err);
	*ret = archive;
	archive = SK_STR_INIT;
	return 0;
}
