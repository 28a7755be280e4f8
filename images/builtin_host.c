/* SPDX-License-Identifier: Apache-2.0 */
/* builtin_host - the machine's own root as an image */
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdbool.h>
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

int sk_builtin_host(struct sk_image *image, struct sk_err *err)
{
	sk_autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool has_bash;
	int r;

	if (root < 0)
		return sk_err_errno(err, "open '/'");
	r = check_root(err);
	if (r < 0)
		return r;
	r = sk_builtin_host_masks(root, &image->masks, err);
	if (r < 0)
		return r;
	has_bash = sk_fs_exists(root, "bin/bash");
	image->id = strdup("host");
	image->workdir = strdup("/");
	if (!image->id || !image->workdir || sk_strv_add(&image->lowers, "/") < 0 ||
	    sk_strv_add(&image->command, has_bash ? "/bin/bash" : "/bin/sh") < 0 ||
	    sk_strv_add(&image->env,
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			"/sbin:/bin") < 0)
		return sk_err_oom(err);
	return 0;
}
