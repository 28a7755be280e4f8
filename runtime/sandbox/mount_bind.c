// SPDX-License-Identifier: Apache-2.0
/* mount_bind - sources of bind mounts, opened by whoever can: parent or child; links, remounts */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/target.h"

static bool is_parents(const struct sk_spec *spec, const struct sk_spec_mount *m)
{
	if (m->fstype || m->is_remount || m->copy_symlink)
		return false;
	return m->is_idmapped ||
	       (sk_spec_has_userns(spec) && geteuid() == 0 && !m->is_optional);
}

int sk_mount_await(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;

	for (size_t i = 0; i < spec->nr_mounts; i++) {
		if (!is_parents(spec, &spec->mounts[i]))
			continue;
		if (!c->volume_fds) {
			c->volume_fds = calloc(spec->nr_mounts, sizeof(int));
			if (!c->volume_fds)
				return sk_err_oom(err);
			for (size_t k = 0; k < spec->nr_mounts; k++)
				c->volume_fds[k] = SK_MOUNT_OWN;
		}
		c->volume_fds[i] = SK_MOUNT_AWAITED;
	}
	return 0;
}

int *sk_mount_slot(struct sk_child *c)
{
	for (size_t i = 0; c->volume_fds && i < c->spec->nr_mounts; i++)
		if (c->volume_fds[i] == SK_MOUNT_AWAITED)
			return &c->volume_fds[i];
	return NULL;
}

static int clone_source(const struct sk_spec_mount *m, struct sk_err *err)
{
	int fd = sk_sys_open_tree(AT_FDCWD, m->source,
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT |
					  (m->recursive ? AT_RECURSIVE : 0) |
					  (m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0));
	int r;

	if (fd >= 0)
		return fd;
	r = sk_err_errno(err, "open the source");
	if (r == -ENOENT)
		return sk_err_hint(err, r,
				   "a bind mount needs a source that is there: '%s'",
				   m->source);
	if (r == -EINVAL && !m->recursive)
		return sk_err_hint(
			err, r,
			"what is mounted below '%s' must come along in a user namespace: use rbind",
			m->source);
	return r;
}

/* A user namespace that exists for its id maps alone, as long as it is held open. */
static int maps_userns(const struct sk_spec_mount *m, struct sk_err *err)
{
	struct sk_spec maps = {.nr_uids = m->nr_uids, .nr_gids = m->nr_gids};
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t parent = getpid(), pid;
	int fd = -1, r;

	memcpy(maps.uids, m->uids, m->nr_uids * sizeof(*m->uids));
	memcpy(maps.gids, m->gids, m->nr_gids * sizeof(*m->gids));
	pid = (pid_t)sk_sys_clone3(&args, sizeof(args));
	if (pid < 0)
		return sk_err_errno(err, "make a user namespace for id maps");
	if (pid == 0) {
		/* nothing else would end it if the caller is killed */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			(void)pause();
		_exit(0);
	}
	r = sk_idmap_write(pid, &maps, err);
	if (r == 0)
		fd = sk_idmap_userns(pid, err);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : fd;
}

static int open_idmapped(const struct sk_spec_mount *m, int userns_fd, struct sk_err *err)
{
	sk_autoclose int fd = -1, own = -1;
	int r;

	if (geteuid() != 0)
		return sk_err_set(err, EPERM,
				  "only root may show the owners of '%s' through id maps",
				  m->source);
	fd = clone_source(m, err);
	if (fd < 0)
		return fd;
	if (m->nr_uids) {
		own = maps_userns(m, err);
		if (own < 0)
			return own;
	}
	r = sk_idmap_shift(fd, m->source, own >= 0 ? own : userns_fd, m->idmap_below,
			   err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

int sk_mount_send(const struct sk_child *c, int sync, int userns_fd, struct sk_err *err)
{
	for (size_t i = 0; c->volume_fds && i < c->spec->nr_mounts; i++) {
		const struct sk_spec_mount *m = &c->spec->mounts[i];
		sk_autoclose int fd = -1;
		int r;

		if (c->volume_fds[i] != SK_MOUNT_AWAITED)
			continue;
		fd = m->is_idmapped ? open_idmapped(m, userns_fd, err)
				    : clone_source(m, err);
		if (fd < 0)
			return sk_err_wrap(err, fd, "mount '%s' on '%s'", m->source,
					   m->target);
		r = sk_sock_send_fd(sync, fd, SK_SYNC_VOLUME);
		if (r < 0)
			return sk_err_code(err, r, "send '%s' to the container",
					   m->source);
	}
	return 0;
}

int sk_mount_bind(struct sk_child *c, size_t index, struct sk_err *err)
{
	const struct sk_spec_mount *m = &c->spec->mounts[index];
	sk_autoclose int fd = -1;
	int r;

	if (c->volume_fds && c->volume_fds[index] >= 0)
		fd = sk_steal_fd(&c->volume_fds[index]);
	else
		fd = clone_source(m, err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, m->rec_set, m->rec_clear, true, err);
	if (r == 0 && ((m->attr_set & ~m->rec_set) || m->attr_clear))
		r = sk_target_set_attrs(fd, m->attr_set, m->attr_clear, false, err);
	return r < 0 ? r : sk_steal_fd(&fd);
}

static int reconfigure(int target, const struct sk_spec_mount *m, struct sk_err *err)
{
	sk_autoclose int fs =
		sk_sys_fspick(target, "",
			      FSPICK_EMPTY_PATH | FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
	int r;

	if (fs < 0)
		return sk_err_errno(err, "open the mounted file system");
	r = sk_target_configure(fs, m->fstype, m->data, err);
	if (r < 0)
		return r;
	if (sk_sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return sk_target_fs_errno(fs, err, "reconfigure file system", m->fstype);
	return 0;
}

int sk_mount_remount(const struct sk_child *c, const struct sk_spec_mount *m,
		     struct sk_err *err)
{
	sk_autoclose int target =
		sk_target_find(c->root_fd, m->target,
			       m->target_nofollow ? SK_TARGET_NOFOLLOW : 0);
	int r = 0;

	if (target < 0)
		return sk_err_code(err, target, "open '%s' to remount it", m->target);
	if (m->fstype && m->data)
		r = reconfigure(target, m, err);
	if (r == 0)
		r = sk_target_set_attrs(target, m->rec_set, m->rec_clear, true, err);
	if (r == 0)
		r = sk_target_set_attrs(target, m->attr_set, m->attr_clear, false, err);
	if (r == 0 && m->propagation)
		r = sk_target_set_propagation(target, m->propagation,
					      m->propagation_below, err);
	if (r == -EINVAL)
		return sk_err_hint(err, r,
				   "only what is a mount already can be remounted");
	return r;
}

static int same_link(int dirfd, const char *name, const char *text, struct sk_err *err)
{
	sk_autofree char *there = NULL;

	if (sk_fs_readlink(dirfd, name, &there) == 0 && strcmp(there, text) == 0)
		return 0;
	return sk_err_set(err, EEXIST,
			  "the target is there already, and is not a link to '%s'", text);
}

int sk_mount_link(const struct sk_child *c, const struct sk_spec_mount *m,
		  struct sk_err *err)
{
	sk_autofree char *text = NULL, *folder = strdup(m->target);
	sk_autoclose int dirfd = -1;
	char *name;
	int r = sk_fs_readlink(AT_FDCWD, m->source, &text);

	if (r == -EINVAL)
		return 0;
	if (r < 0)
		return sk_err_code(err, r, "read the link '%s'", m->source);
	if (!folder)
		return sk_err_oom(err);
	for (size_t len = strlen(folder); len > 1 && folder[len - 1] == '/'; len--)
		folder[len - 1] = '\0';
	name = strrchr(folder, '/');
	*name++ = '\0';
	dirfd = sk_target_open(c->root_fd, folder[0] ? folder : "/", SK_TARGET_DIR, err);
	if (dirfd < 0)
		return dirfd;
	if (symlinkat(text, dirfd, name) == 0)
		return 1;
	if (errno != EEXIST)
		return sk_err_errno(err, "make the link");
	r = same_link(dirfd, name, text, err);
	return r < 0 ? r : 1;
}
