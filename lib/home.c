/* SPDX-License-Identifier: Apache-2.0 */
/* home - the two folders that hold all of skiff's state */
#include "lib/home.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/str.h"

/* Root of a user namespace owns neither /var/lib nor the kernel: it is an ordinary user. */
static bool is_in_user_namespace(void)
{
	unsigned long inside, outside, count;
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, "/proc/self/uid_map", 4096, &text, NULL) < 0)
		return false;
	if (sscanf(text, "%lu %lu %lu", &inside, &outside, &count) != 3)
		return true;
	return inside != 0 || outside != 0 || count != 4294967295ul;
}

/* fgetpwent() and not getpwuid(): that would load NSS, which a static program cannot. */
static char *home_folder(void)
{
	sk_auto(sk_fclose) FILE *passwd = NULL;
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && home[0] == '/')
		return strdup(home);
	passwd = fopen("/etc/passwd", "re");
	while (passwd && (pw = fgetpwent(passwd)) != NULL)
		if (pw->pw_uid == geteuid())
			return strdup(pw->pw_dir);
	return strdup("/");
}

static char *default_root(bool rootless)
{
	const char *data = getenv("XDG_DATA_HOME");
	sk_autofree char *home = NULL;

	if (!rootless)
		return strdup("/var/lib/skiff");
	if (data && data[0] == '/')
		return sk_strf("%s/skiff", data);
	home = home_folder();
	return home ? sk_strf("%s/.local/share/skiff", home) : NULL;
}

/* After su(1) the variable may still name the folder of the user before: then it is no use. */
static char *default_runroot(bool rootless)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (!rootless)
		return strdup("/run/skiff");
	if (run && run[0] == '/' && stat(run, &st) == 0 && st.st_uid == geteuid())
		return sk_strf("%s/skiff", run);
	return sk_strf("/tmp/skiff-run-%u", (unsigned int)geteuid());
}

static bool is_ordinary_user(void)
{
	return geteuid() != 0 || is_in_user_namespace();
}

char *sk_home_default_runroot(void)
{
	return default_runroot(is_ordinary_user());
}

static int check_owner(int fd, const char *path, struct sk_err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return sk_err_errno(err, "examine state folder '%s'", path);
	if (st.st_uid != geteuid()) {
		r = sk_err_set(err, EPERM,
			       "state folder '%s' belongs to user %u, not to %u", path,
			       (unsigned int)st.st_uid, (unsigned int)geteuid());
		return sk_err_hint(err, r,
				   "name folders of your own with --root and --runroot");
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		r = sk_err_set(err, EPERM,
			       "state folder '%s' may be written by others (mode %04o)",
			       path, (unsigned int)(st.st_mode & 07777));
		return sk_err_hint(err, r, "chmod go-w '%s'", path);
	}
	return 0;
}

static int unusable(int r, const char *doing, const char *path, struct sk_err *err)
{
	r = sk_err_wrap(err, r, "%s state folder '%s'", doing, path);
	return sk_err_hint(err, r, "choose other folders with --root and --runroot");
}

/* @path becomes absolute without links in it, for what other programs are told of it. */
static int open_folder(char **path, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	char *full;
	char *slash = strrchr(*path, '/');
	int r;

	if (slash && slash != *path) {
		*slash = '\0';
		r = sk_fs_mkdirs(AT_FDCWD, *path, 0755, err);
		*slash = '/';
		if (r < 0)
			return unusable(r, "make", *path, err);
	}
	fd = sk_fs_open_dir(AT_FDCWD, *path, 0711, err);
	if (fd < 0)
		return unusable(fd, "open", *path, err);
	r = check_owner(fd, *path, err);
	if (r < 0)
		return r;
	full = realpath(*path, NULL);
	if (!full)
		return sk_err_errno(err, "find the full path of '%s'", *path);
	free(*path);
	*path = full;
	return sk_steal_fd(&fd);
}

/* "dir/" and "dir" are one folder; the parent is found by cutting at the last slash. */
static char *given_path(const char *path)
{
	char *copy = strdup(path);
	size_t len = copy ? strlen(copy) : 0;

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	return copy;
}

/* FNV-1a; the path is free of links here. */
static char *group_of(const char *runroot, bool rootless)
{
	sk_autofree char *usual = default_runroot(rootless);
	uint32_t hash = 2166136261u;

	if (!usual)
		return NULL;
	if (strcmp(runroot, usual) == 0)
		return strdup("skiff");
	for (const char *at = runroot; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return sk_strf("skiff-%08x", hash);
}

/* skiff-oci has one folder for both. */
static int open_runroot(struct sk_home *home, struct sk_err *err)
{
	char *copy;

	if (strcmp(home->runroot, home->root) != 0) {
		home->runroot_fd = open_folder(&home->runroot, err);
		return home->runroot_fd < 0 ? home->runroot_fd : 0;
	}
	copy = strdup(home->root);
	if (!copy)
		return sk_err_oom(err);
	free(home->runroot);
	home->runroot = copy;
	home->runroot_fd = fcntl(home->root_fd, F_DUPFD_CLOEXEC, 3);
	return home->runroot_fd < 0
		       ? sk_err_errno(err, "open state folder '%s'", home->root)
		       : 0;
}

int sk_home_open(const char *root, const char *runroot, struct sk_home **ret,
		 struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = calloc(1, sizeof(*home));
	int r;

	if (!home)
		return sk_err_oom(err);
	home->root_fd = home->runroot_fd = -1;
	if ((root && !root[0]) || (runroot && !runroot[0]))
		return sk_err_set(err, EINVAL, "the name of a state folder is empty");
	home->is_rootless = is_ordinary_user();
	home->root = root ? given_path(root) : default_root(home->is_rootless);
	home->runroot =
		runroot ? given_path(runroot) : default_runroot(home->is_rootless);
	if (!home->root || !home->runroot)
		return sk_err_oom(err);

	home->root_fd = open_folder(&home->root, err);
	if (home->root_fd < 0)
		return home->root_fd;
	r = open_runroot(home, err);
	if (r < 0)
		return r;
	home->group = group_of(home->runroot, home->is_rootless);
	if (!home->group)
		return sk_err_oom(err);
	*ret = sk_steal(&home);
	return 0;
}

void sk_home_free(struct sk_home *home)
{
	if (!home)
		return;
	sk_close(&home->root_fd);
	sk_close(&home->runroot_fd);
	free(home->root);
	free(home->runroot);
	free(home->group);
	free(home);
}
