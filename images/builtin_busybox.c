/* SPDX-License-Identifier: Apache-2.0 */
/* builtin_busybox - a tiny root made from the statically linked busybox of this machine */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "images/builtin.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"

#define BUSYBOX "/bin/busybox"
/* Raise it when what build() makes changes. */
#define RECIPE 1

static const struct {
	const char *path;
	mode_t mode;
} folders[] = {
	{"bin", 0755},	    {"sbin", 0755}, {"usr", 0755},	{"usr/bin", 0755},
	{"usr/sbin", 0755}, {"etc", 0755},  {"root", 0700},	{"home", 0755},
	{"tmp", 01777},	    {"var", 0755},  {"var/tmp", 01777}, {"proc", 0555},
	{"sys", 0555},	    {"dev", 0755},  {"run", 0755},	{"mnt", 0755},
};

static const struct {
	const char *path, *text;
} files[] = {
	{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
		       "nobody:x:65534:65534:nobody:/:/bin/false\n"},
	{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	{"etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"},
	{"etc/resolv.conf", ""},
	{"etc/nsswitch.conf", "hosts: files dns\n"},
	{"etc/profile", "export PS1='\\w # '\n"},
};

static int missing(struct sk_err *err, int code, const char *why)
{
	int r = sk_err_set(err, code, "image '@busybox' is made from '" BUSYBOX "', %s",
			   why);

	return sk_err_hint(err, r, "apt-get install busybox-static");
}

int sk_builtin_busybox_id(char **ret, struct sk_err *err)
{
	struct stat st;
	char *id;

	if (stat(BUSYBOX, &st) < 0 || !S_ISREG(st.st_mode))
		return missing(err, ENOENT, "which is not here");
	id = sk_strf("busybox-%lld-%lld-%d", (long long)st.st_mtime,
		     (long long)st.st_size, RECIPE);
	if (!id)
		return sk_err_oom(err);
	*ret = id;
	return 0;
}

/* A program with an interpreter needs libraries that the layer does not have. */
static bool is_static(int fd)
{
	Elf64_Ehdr head;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (head.e_ident[EI_CLASS] != ELFCLASS64)
		return true; /* 32 bit: Debian's package is the static one or none */
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr part;

		if (pread(fd, &part, sizeof(part),
			  (off_t)(head.e_phoff + i * sizeof(part))) != sizeof(part))
			return false;
		if (part.p_type == PT_INTERP)
			return false;
	}
	return true;
}

static int copy_program(int layer_fd, struct sk_err *err)
{
	sk_autoclose int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
	sk_autoclose int to = -1;
	ssize_t n;

	if (from < 0)
		return sk_err_errno(err, "open '" BUSYBOX "'");
	if (!is_static(from))
		return missing(err, ENOEXEC, "which is not a statically linked program");
	to = sk_fs_open_beneath(layer_fd, "bin/busybox", O_WRONLY | O_CREAT | O_EXCL,
				0755);
	if (to < 0)
		return sk_err_code(err, to, "create 'bin/busybox'");
	while ((n = sendfile(to, from, NULL, 1 << 20)) > 0)
		;
	if (n < 0)
		return sk_err_errno(err, "copy '" BUSYBOX "'");
	if (fchmod(to, 0755) < 0)
		return sk_err_errno(err, "make 'bin/busybox' executable");
	return 0;
}

/* "usr/bin/awk" -> "../../bin/busybox"; names of an unexpected form are left out. */
static int add_link(int layer_fd, const char *path, struct sk_err *err)
{
	const char *target = "../bin/busybox";

	if (sk_str_starts(path, "usr/bin/") || sk_str_starts(path, "usr/sbin/"))
		target = "../../bin/busybox";
	else if (sk_str_starts(path, "bin/"))
		target = "busybox";
	else if (!sk_str_starts(path, "sbin/"))
		return 0;
	if (strstr(path, "..") || strchr(strrchr(path, '/') + 1, '/'))
		return 0;
	if (symlinkat(target, layer_fd, path) < 0 && errno != EEXIST)
		return sk_err_errno(err, "link '%s'", path);
	return 0;
}

static int add_links(int layer_fd, struct sk_err *err)
{
	static const char *const argv[] = {BUSYBOX, "--list-full", NULL};
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *text = NULL;
	int r;

	r = sk_proc_capture(argv, 10000, &text, NULL, err);
	if (r < 0)
		return sk_err_wrap(err, r, "ask busybox for its programs");
	names = sk_strv_split(text, '\n');
	if (!names)
		return sk_err_oom(err);
	for (char **n = names; *n && r >= 0; n++)
		r = add_link(layer_fd, *n, err);
	return r;
}

static int add_folders_and_files(int layer_fd, struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++) {
		if (mkdirat(layer_fd, folders[i].path, 0700) < 0 ||
		    fchmodat(layer_fd, folders[i].path, folders[i].mode, 0) < 0)
			return sk_err_errno(err, "create folder '%s'", folders[i].path);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		sk_autoclose int fd =
			sk_fs_open_beneath(layer_fd, files[i].path,
					   O_WRONLY | O_CREAT | O_EXCL, 0644);

		if (fd < 0)
			return sk_err_code(err, fd, "create '%s'", files[i].path);
		if (sk_fs_write_all(fd, files[i].text, strlen(files[i].text)) < 0 ||
		    fchmod(fd, 0644) < 0)
			return sk_err_errno(err, "write '%s'", files[i].path);
	}
	return 0;
}

static int build(const struct sk_store *store, const char *id, struct sk_err *err)
{
	sk_auto(sk_stage_drop) struct sk_stage stage = SK_STAGE_INIT;
	int r = sk_stage_start(store, &stage, err);

	if (r == 0)
		r = add_folders_and_files(stage.fd, err);
	if (r == 0)
		r = copy_program(stage.fd, err);
	if (r == 0)
		r = add_links(stage.fd, err);
	return r == 0 ? sk_stage_commit(store, &stage, id, err) : r;
}

int sk_builtin_busybox(const struct sk_store *store, struct sk_image *image,
		       struct sk_err *err)
{
	int r = sk_builtin_busybox_id(&image->id, err);

	if (r < 0)
		return r;
	if (!sk_fs_exists(store->layers_fd, image->id)) {
		r = build(store, image->id, err);
		if (r < 0)
			return sk_err_wrap(err, r, "build image '@busybox'");
	}
	image->workdir = strdup("/");
	if (!image->workdir ||
	    sk_strv_take(&image->lowers, sk_store_layer_path(store, image->id)) < 0 ||
	    sk_strv_add(&image->command, "/bin/sh") < 0 ||
	    sk_strv_add(&image->env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin") < 0)
		return sk_err_oom(err);
	return 0;
}
