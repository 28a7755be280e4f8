/* SPDX-License-Identifier: Apache-2.0 */
/* builtin_host - the machine's own root as an image */
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "images/builtin.h"
#include "lib/fs.h"
#include "lib/str.h"

#define ECRYPTFS_MAGIC 0xf15f
#define EXFAT_MAGIC    0x2011bab0
#define NTFS_MAGIC     0x5346544e
#define HFSPLUS_MAGIC  0x482b

/* What a container made from this machine must not see; "*" in the last part only. */
static const struct {
	const char *path;
	const char *why;
} hidden[] = {
	{"/root", "home, with keys and histories; becomes an empty folder to write to"},
	{"/home", "the same"},
	{"/run",
	 "sockets and state of running services; becomes an empty folder to write to"},
	{"/tmp", "other people's files; becomes an empty folder to write to"},
	{"/var/tmp", "the same"},
	{"/etc/shadow", "password hashes"},
	{"/etc/shadow-", "their backup"},
	{"/etc/gshadow", "group password hashes"},
	{"/etc/gshadow-", "their backup"},
	{"/etc/security/opasswd", "old password hashes"},
	{"/var/backups", "Debian keeps copies of the shadow files there"},
	{"/etc/ssh/ssh_host_*_key", "identity of this machine"},
	{"/etc/ssl/private", "private keys"},
	{"/etc/pki/tls/private", "private keys"},
	{"/etc/pki/libvirt/private", "private keys"},
	{"/etc/libvirt/secrets", "passphrases of disks"},
	{"/etc/krb5.keytab", "identity of this machine"},
	{"/etc/wireguard", "keys of tunnels"},
	{"/etc/openvpn", "keys of tunnels"},
	{"/etc/ipsec.secrets", "keys of tunnels"},
	{"/etc/ppp/chap-secrets", "passwords"},
	{"/etc/ppp/pap-secrets", "passwords"},
	{"/etc/NetworkManager/system-connections", "passwords of networks"},
	{"/etc/apt/auth.conf", "passwords of package servers"},
	{"/etc/apt/auth.conf.d", "the same"},
	{"/var/cache/debconf/passwords.dat", "passwords"},
	{"/var/mail", "mail"},
	{"/var/spool/mail", "mail"},
	{"/var/spool/cron", "users' jobs"},
	{"/var/lib/sss", "cached credentials"},
	{"/var/lib/skiff", "other containers' files"},
	{"/var/lib/docker", "the same"},
	{"/var/lib/containerd", "the same"},
	{"/var/lib/containers", "the same"},
	{"/var/lib/kubelet", "the same, and tokens"},
	{"/var/lib/libvirt/images", "disks of virtual machines"},
};

/* File systems that overlayfs refuses below: names that differ by case, or inodes of their own kind. */
static const struct {
	unsigned long magic;
	const char *name;
} unfit[] = {
	{MSDOS_SUPER_MAGIC, "vfat"}, {EXFAT_MAGIC, "exfat"},	   {NTFS_MAGIC, "ntfs"},
	{HFSPLUS_MAGIC, "hfsplus"},  {ECRYPTFS_MAGIC, "ecryptfs"},
};

static int check_root(struct sk_err *err)
{
	struct statfs st;
	int r;

	if (statfs("/", &st) < 0)
		return sk_err_errno(err, "examine '/'");
	for (size_t i = 0; i < SK_ARRAY_SIZE(unfit); i++) {
		if ((unsigned long)st.f_type != unfit[i].magic)
			continue;
		r = sk_err_set(
			err, ENOTSUP,
			"image '@host': '/' is on %s, which overlayfs cannot use as a lower layer",
			unfit[i].name);
		return sk_err_hint(
			err, r,
			"use @busybox, or import a root file system: skiff import");
	}
	return 0;
}

static int add_matches(int root_fd, const char *pattern, char ***masks)
{
	sk_auto(sk_strv_free) char **names = NULL;
	const char *base = strrchr(pattern, '/') + 1;
	sk_autofree char *folder = strndup(pattern, (size_t)(base - pattern));
	int r;

	if (!folder)
		return -ENOMEM;
	/* "etc/ssh/" below root_fd */
	if (sk_fs_list(root_fd, folder + 1, &names) < 0)
		return 0;
	for (char **n = names; n && *n; n++) {
		if (fnmatch(base, *n, FNM_PERIOD) != 0)
			continue;
		r = sk_strv_addf(masks, "%s%s", folder, *n);
		if (r < 0)
			return r;
	}
	return 0;
}

int sk_builtin_host_masks(int root_fd, char ***ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **masks = NULL;
	int r = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(hidden) && r == 0; i++) {
		const char *path = hidden[i].path;

		if (strchr(path, '*'))
			r = add_matches(root_fd, path, &masks);
		else if (sk_fs_exists(root_fd, path + 1))
			r = sk_strv_add(&masks, path);
	}
	if (r < 0)
		return sk_err_oom(err);
	*ret = sk_steal(&masks);
	return 0;
}

/* All but the layers. */
static int fill_image(int root, struct sk_image *image, struct sk_err *err)
{
	bool has_bash;
	int r = sk_builtin_host_masks(root, &image->masks, err);

	if (r < 0)
		return r;
	has_bash = sk_fs_exists(root, "bin/bash");
	image->id = strdup("host");
	image->workdir = strdup("/");
	if (!image->id || !image->workdir ||
	    sk_strv_add(&image->command, has_bash ? "/bin/bash" : "/bin/sh") < 0 ||
	    sk_strv_add(&image->env,
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			"/sbin:/bin") < 0)
		return sk_err_oom(err);
	return 0;
}

int sk_builtin_host(struct sk_image *image, struct sk_err *err)
{
	sk_autoclose int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return sk_err_errno(err, "open '/'");
	r = check_root(err);
	if (r == 0)
		r = fill_image(root, image, err);
	if (r < 0)
		return r;
	return sk_strv_add(&image->lowers, "/") < 0 ? sk_err_oom(err) : 0;
}

/* What the container has of its own, and where other file systems are mounted. */
static bool is_own(const char *name)
{
	static const char *const own[] = {"proc", "sys",  "dev",	"run", "tmp",
					  "home", "root", "lost+found", "mnt", "media"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(own); i++)
		if (strcmp(own[i], name) == 0)
			return true;
	return false;
}

/* Folders of "/" on its own file system that the caller may read become volumes. */
static int add_volume(int root, const char *name, dev_t dev, struct sk_image *image)
{
	struct stat st;

	if (is_own(name) || strpbrk(name, ":\n") ||
	    fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_dev != dev || faccessat(root, name, R_OK | X_OK, AT_EACCESS) < 0)
		return 0;
	return sk_strv_addf(&image->volumes, "/%s:/%s:ro", name, name);
}

/* A folder for each folder, a link for each link. */
static int copy_names(int root, int layer_fd, char *const *names, struct sk_err *err)
{
	for (char *const *n = names; *n; n++) {
		sk_autofree char *target = NULL;
		struct stat st;

		if (fstatat(root, *n, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && mkdirat(layer_fd, *n, 0755) < 0)
			return sk_err_errno(err, "create folder '%s'", *n);
		if (S_ISLNK(st.st_mode) && (sk_fs_readlink(root, *n, &target) < 0 ||
					    symlinkat(target, layer_fd, *n) < 0))
			return sk_err_errno(err, "create link '%s'", *n);
	}
	return 0;
}

/* Its id follows from the names, so that a new folder in "/" gives a new layer. */
static char *skeleton_id(char *const *names)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (char *const *n = names; *n; n++)
		for (const char *p = *n;; p++) {
			hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
			if (!*p)
				break;
		}
	return sk_strf("host-%016llx", (unsigned long long)hash);
}

static int make_skeleton(const struct sk_store *store, int root, char *const *names,
			 struct sk_image *image, struct sk_err *err)
{
	sk_auto(sk_stage_drop) struct sk_stage stage = SK_STAGE_INIT;
	sk_autofree char *id = skeleton_id(names);
	int r = 0;

	if (!id)
		return sk_err_oom(err);
	if (!sk_fs_exists(store->layers_fd, id)) {
		r = sk_stage_start(store, &stage, err);
		if (r == 0)
			r = copy_names(root, stage.fd, names, err);
		if (r == 0)
			r = sk_stage_commit(store, &stage, id, err);
	}
	if (r < 0)
		return r;
	r = sk_strv_take(&image->lowers, sk_store_layer_path(store, id));
	return r < 0 ? sk_err_oom(err) : 0;
}

int sk_builtin_host_rootless(const struct sk_store *store, struct sk_image *image,
			     struct sk_err *err)
{
	sk_autoclose int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sk_auto(sk_strv_free) char **names = NULL;
	struct stat st;
	int r;

	if (root < 0 || fstat(root, &st) < 0)
		return sk_err_errno(err, "open '/'");
	r = sk_fs_list(root, ".", &names);
	if (r < 0)
		return sk_err_code(err, r, "list '/'");
	r = fill_image(root, image, err);
	for (char **n = names; r == 0 && *n; n++)
		if (add_volume(root, *n, st.st_dev, image) < 0)
			r = sk_err_oom(err);
	return r < 0 ? r : make_skeleton(store, root, names, image, err);
}
