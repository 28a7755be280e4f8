// SPDX-License-Identifier: Apache-2.0
/* kernel - Debian's cloud kernel and the modules that the lab guest needs of it */
#include "migrate/guest/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/proc.h"

#define META_PACKAGE	    "linux-image-cloud-amd64"
#define KERNEL_PREFIX	    "vmlinuz-"
#define KERNEL_SUFFIX	    "-cloud-amd64"
#define APT_TIMEOUT_MS	    30000
#define DOWNLOAD_TIMEOUT_MS 300000
#define INSTALL_HINT	    "apt-get update, then apt-get install " META_PACKAGE

/* Folders below "kernel/" of each module, in the order in which they depend on each other. */
static const char *const names[] =
	{"virtio_ring",		  "virtio",	"virtio_pci_legacy_dev",
	 "virtio_pci_modern_dev", "virtio_pci", "failover",
	 "net_failover",	  "virtio_net", NULL};
static const char *const folders[] = {"drivers/virtio", "net/core", "drivers/net"};

const char *const *sk_kernel_modules(void)
{
	return names;
}

/* Where a root keeps a kernel's modules: with merged /usr a package may hold either. */
static int open_modules(int root_fd, const char *version)
{
	static const char *const places[] = {"lib/modules", "usr/lib/modules"};
	int fd = -ENOENT;

	for (size_t i = 0; i < SK_ARRAY_SIZE(places) && fd == -ENOENT; i++) {
		sk_autofree char *path = sk_strf("%s/%s/kernel", places[i], version);

		fd = path ? sk_fs_open_in_root(root_fd, path,
					       O_PATH | O_DIRECTORY | O_CLOEXEC, 0)
			  : -ENOMEM;
	}
	return fd;
}

int sk_kernel_find(int root_fd, char **ret_version, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **files = NULL;
	sk_autofree char *best = NULL;
	int r = sk_fs_list(root_fd, "boot", &files);

	if (r < 0 && r != -ENOENT)
		return sk_err_code(err, r, "list 'boot'");
	for (char **file = files; file && *file; file++) {
		const char *version = sk_str_starts(*file, KERNEL_PREFIX);
		sk_autoclose int modules = -1;

		if (!version || !sk_str_ends(version, KERNEL_SUFFIX) ||
		    (best && strverscmp(version, best) < 0))
			continue;
		modules = open_modules(root_fd, version);
		if (modules < 0)
			continue;
		free(best);
		best = strdup(version);
		if (!best)
			return sk_err_oom(err);
	}
	if (!best)
		return sk_err_set(err, ENOENT, "no cloud kernel is installed");
	*ret_version = sk_steal(&best);
	return 0;
}

/* 1 when there is no such file. */
static int copy_file(int from_fd, const char *from, int to_fd, const char *to,
		     struct sk_err *err)
{
	sk_autoclose int in = -1, out = -1;
	ssize_t n;

	in = sk_fs_open_in_root(from_fd, from, O_RDONLY | O_CLOEXEC, 0);
	if (in == -ENOENT) {
		in = -1;
		return 1;
	}
	if (in < 0)
		return sk_err_code(err, in, "open '%s'", from);
	out = openat(to_fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		return sk_err_errno(err, "create '%s'", to);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		continue;
	return n < 0 ? sk_err_errno(err, "copy '%s'", from) : 0;
}

/* The driver may lie in any of the folders, compressed or not, or be built in. */
static int copy_module(int modules_fd, const char *name, int to_fd, struct sk_err *err)
{
	static const char *const suffixes[] = {".ko", ".ko.xz"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		for (size_t k = 0; k < SK_ARRAY_SIZE(suffixes); k++) {
			sk_autofree char *path =
				sk_strf("%s/%s%s", folders[i], name, suffixes[k]);
			int r;

			if (!path)
				return sk_err_oom(err);
			r = copy_file(modules_fd, path, to_fd, strrchr(path, '/') + 1,
				      err);
			if (r <= 0)
				return r;
		}
	return 0;
}

int sk_kernel_collect(int root_fd, const char *version, int to_fd, struct sk_err *err)
{
	sk_autofree char *kernel = sk_strf("boot/" KERNEL_PREFIX "%s", version);
	sk_autoclose int modules = open_modules(root_fd, version);
	int r;

	if (!kernel)
		return sk_err_oom(err);
	if (modules < 0)
		return sk_err_code(err, modules, "open the modules of kernel %s",
				   version);
	r = copy_file(root_fd, kernel, to_fd, "vmlinuz", err);
	if (r > 0)
		return sk_err_set(err, ENOENT, "'%s' does not exist", kernel);
	for (size_t i = 0; r == 0 && names[i]; i++)
		r = copy_module(modules, names[i], to_fd, err);
	return r;
}

/* Run a program with a folder as its current one; its messages go to a file there. */
static int run_in(int dir_fd, const char *const *argv, struct sk_err *err)
{
	struct sk_proc_opts opts = {.has_stdin = true,
				    .stdin_fd = -1,
				    .has_stdout = true,
				    .has_stderr = true,
				    .has_cwd = true,
				    .cwd_fd = dir_fd};
	sk_autofree char *said = NULL;
	sk_autoclose int log = -1;
	struct sk_proc proc = {0};
	int r, status = 0;

	log = openat(dir_fd, "log", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0)
		return sk_err_errno(err, "create a log");
	opts.stdout_fd = opts.stderr_fd = log;
	r = sk_proc_spawn(argv, &opts, &proc, err);
	if (r == 0)
		r = sk_proc_wait(&proc, DOWNLOAD_TIMEOUT_MS, &status, err);
	if (r < 0) {
		sk_proc_kill(&proc);
		return r;
	}
	if (status == 0)
		return 0;
	if (sk_fs_read(dir_fd, "log", 1 << 16, &said, NULL) < 0)
		return sk_err_oom(err);
	for (char *end = said + strlen(said); end > said && end[-1] == '\n'; end--)
		end[-1] = '\0';
	return sk_err_set(err, EIO, "%s %s: %s", argv[0], argv[1],
			  strrchr(said, '\n') ? strrchr(said, '\n') + 1 : said);
}

/* The name without a version is of a package that only depends on the real one. */
static int resolve_package(char **ret, struct sk_err *err)
{
	const char *const argv[] = {"apt-cache", "depends", META_PACKAGE, NULL};
	sk_autofree char *out = NULL;
	char *rest = NULL;
	int r, status = 0;

	r = sk_proc_capture(argv, APT_TIMEOUT_MS, &out, &status, err);
	if (r < 0)
		return r;
	for (char *word = status == 0 ? strtok_r(out, " |\n", &rest) : NULL; word;
	     word = strtok_r(NULL, " |\n", &rest))
		if (strcmp(word, META_PACKAGE) != 0 &&
		    sk_str_starts(word, "linux-image-") &&
		    sk_str_ends(word, KERNEL_SUFFIX)) {
			*ret = strdup(word);
			return *ret ? 0 : sk_err_oom(err);
		}
	return sk_err_set(err, ENOENT, "apt knows no package '%s'", META_PACKAGE);
}

static int unpack(int into_fd, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **files = NULL;
	int r = sk_fs_list(into_fd, ".", &files);

	if (r < 0)
		return sk_err_code(err, r, "list the download");
	for (char **file = files; file && *file; file++)
		if (sk_str_ends(*file, ".deb")) {
			const char *const argv[] = {"dpkg-deb", "-x", *file, ".", NULL};

			return run_in(into_fd, argv, err);
		}
	return sk_err_set(err, ENOENT, "apt-get download left no package");
}

int sk_kernel_fetch(int into_fd, struct sk_err *err)
{
	sk_autofree char *package = NULL;
	int r = resolve_package(&package, err);

	if (r == 0) {
		const char *const argv[] = {"apt-get", "download", package, NULL};

		r = run_in(into_fd, argv, err);
	}
	if (r == 0)
		r = unpack(into_fd, err);
	if (r < 0)
		return sk_err_hint(err, sk_err_wrap(err, r, "fetch a kernel for guests"),
				   INSTALL_HINT);
	return 0;
}
