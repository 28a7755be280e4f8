// SPDX-License-Identifier: Apache-2.0
/* place - where a group is: from a path to folders, to the record, and back
 *
 * Theory of operation
 *
 * 1. open finds the hierarchies (mounts.c) and the group's folder in each: below the mount
 *    point for an absolute path, else below the caller's own group. Nothing is made.
 * 2. Hierarchies in which the caller may not make groups are kept, marked as refused, for
 *    error texts; they are not used and not part of the record, so that nobody mistakes
 *    another user's group of the same name for this one.
 * 3. A folder that exists already is somebody else's. skiff's own groups are shared on
 *    purpose (a slice's with its slivers), but an OCI container may only have one that no
 *    process is in, here or below: its processes would be killed with the container's. It
 *    is marked as kept, and stays when the container goes.
 * 4. The record holds the folders and these marks: whoever removes the group later may be
 *    in other groups and see other mounts.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/resources.h"
#include "runtime/cgroup/systemd.h"

#define KEY_PATH    "path"
#define KEY_KEPT    "kept"
#define KEY_UNIT    "unit"
#define KEY_SYSTEMD "manager"

static const char *const manager_names[] = {
	[SK_CGROUP_MANAGER_FS] = "cgroupfs",
	[SK_CGROUP_MANAGER_SYSTEMD] = "systemd",
	[SK_CGROUP_MANAGER_DISABLED] = "disabled",
};

int sk_cgroup_manager_from_name(const char *name, enum sk_cgroup_manager *ret)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(manager_names); i++) {
		if (strcmp(name, manager_names[i]) == 0) {
			*ret = (enum sk_cgroup_manager)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Refuses paths that are not plainly below something. */
static int check_path(const char *path, struct sk_err *err)
{
	const char *below = path + (path[0] == '/');
	sk_auto(sk_strv_free) char **parts = sk_strv_split(below, '/');

	if (!parts)
		return sk_err_oom(err);
	for (char **part = parts; *part; part++)
		if (!**part || strcmp(*part, "..") == 0 || strcmp(*part, ".") == 0 ||
		    strlen(*part) > NAME_MAX || strchr(*part, '\n'))
			return sk_err_set(
				err, EINVAL,
				"'%s' is no path of a cgroup: it must have no '.', '..', empty or overlong parts",
				path);
	return 0;
}

/* May the caller make the folder? Ask the nearest one that exists. */
static int check_writable(struct sk_cgroup_hier *hier)
{
	sk_autofree char *dir = strdup(hier->dir);

	while (dir && strlen(dir) > strlen(hier->base)) {
		if (faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) == 0) {
			hier->exists = strlen(dir) == strlen(hier->dir);
			return 0;
		}
		if (errno != ENOENT)
			return -errno;
		*strrchr(dir, '/') = '\0';
	}
	if (!dir)
		return -ENOMEM;
	return faccessat(AT_FDCWD, hier->base, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static bool may_move_below(const char *dir)
{
	sk_autofree char *procs = sk_strf("%s/cgroup.procs", dir);

	return procs && faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) == 0;
}

/* Who enters a v2 group must be allowed to write to cgroup.procs of the nearest group that is
 * above both it and the caller's own. Source: cgroups(7), "Delegation containment". */
static int check_movable(const struct sk_cgroup_hier *hier)
{
	sk_autofree char *self = NULL, *common = strdup(hier->dir);
	size_t mount = strlen(hier->base), same = 0;
	const char *own;
	int r;

	if (!common)
		return -ENOMEM;
	if (may_move_below(hier->base))
		return 0;
	r = sk_fs_read(AT_FDCWD, "/proc/self/cgroup", 65536, &self, NULL);
	own = r == 0 ? strstr(self, "0::/") : NULL;
	if (!own)
		return r < 0 ? r : -EACCES;
	own += strlen("0::");
	for (size_t i = 0;; i++) {
		bool own_ends = own[i] == '\n' || own[i] == '\0';

		if ((own_ends || own[i] == '/') && common[mount + i] == '/')
			same = i;
		if (own_ends || own[i] != common[mount + i])
			break;
	}
	common[mount + same] = '\0';
	return may_move_below(common) ? 0 : -EACCES;
}

/* Step 3 of the theory of operation. */
static int keep_existing(struct sk_cgroup *cg, struct sk_err *err)
{
	for (unsigned int i = 0; i < cg->nr; i++) {
		struct sk_cgroup_hier *hier = &cg->hiers[i];
		int pid;

		if (hier->refused || !hier->exists)
			continue;
		if (sk_cgroup_has_process(hier->dir, &pid))
			return sk_err_set(err, EBUSY,
					  "cgroup '%s' holds process %d already",
					  hier->dir, pid);
		hier->is_kept = true;
	}
	return 0;
}

/* On v2 a controller is handed on from the machine's root down, for all to see: those that
 * few have a use for only where a limit asks for them. */
static unsigned int wanted_controllers(const struct sk_cgroup_opts *opts)
{
	if (!opts->is_oci)
		return SK_CGROUP_CORE;
	return ~SK_CGROUP_RARE | sk_cgroup_resources_controllers(opts->resources);
}

static int place_hiers(struct sk_cgroup *cg, unsigned int wanted, struct sk_err *err)
{
	bool is_absolute = cg->path[0] == '/';
	int r = sk_cgroup_detect(wanted, is_absolute, cg->hiers, &cg->nr, err);

	for (unsigned int i = 0; r == 0 && i < cg->nr; i++) {
		struct sk_cgroup_hier *hier = &cg->hiers[i];

		hier->dir =
			sk_strf("%s%s%s", hier->base, is_absolute ? "" : "/", cg->path);
		if (!hier->dir)
			return sk_err_oom(err);
		hier->refused = check_writable(hier);
		if (!hier->refused && hier->is_v2 && is_absolute && !cg->systemd)
			hier->refused = check_movable(hier);
	}
	return r == 0 && cg->is_oci && !cg->systemd ? keep_existing(cg, err) : r;
}

static int take_path(struct sk_cgroup *cg, const char *path, struct sk_err *err)
{
	int r = check_path(path, err);

	if (r < 0)
		return r;
	cg->path = strdup(path);
	return cg->path ? 0 : sk_err_oom(err);
}

int sk_cgroup_open(const struct sk_cgroup_opts *opts, struct sk_cgroup **ret,
		   struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = calloc(1, sizeof(*cg));
	int r;

	if (!cg)
		return sk_err_oom(err);
	cg->manager = opts->manager;
	cg->is_oci = opts->is_oci;
	cg->delegate = opts->delegate;
	cg->uid = opts->uid;
	cg->gid = opts->gid;
	if (opts->manager == SK_CGROUP_MANAGER_SYSTEMD)
		r = sk_systemd_place(cg, opts, err);
	else
		r = take_path(cg, opts->path, err);
	if (r < 0)
		return r;
	if (cg->manager != SK_CGROUP_MANAGER_DISABLED)
		r = place_hiers(cg, wanted_controllers(opts), err);
	if (r < 0)
		return r;
	*ret = sk_steal(&cg);
	return 0;
}

void sk_cgroup_free(struct sk_cgroup *cg)
{
	if (!cg)
		return;
	for (unsigned int i = 0; i < cg->nr; i++)
		sk_cgroup_hier_finish(&cg->hiers[i]);
	sk_systemd_free(cg->systemd);
	free(cg->path);
	free(cg);
}

struct sk_json *sk_cgroup_paths(const struct sk_cgroup *cg)
{
	struct sk_json *paths = sk_json_new_object();
	char kept[SK_CGROUP_MAX_HIERS * sizeof(cg->hiers[0].name)] = "";
	size_t len = 0;

	sk_json_set_str(paths, KEY_PATH, cg->path);
	for (unsigned int i = 0; i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];

		if (hier->refused)
			continue;
		sk_json_set_str(paths, hier->name, hier->dir);
		if (hier->is_kept)
			len += (size_t)snprintf(kept + len, sizeof(kept) - len, "%s%s",
						len ? " " : "", hier->name);
	}
	if (len)
		sk_json_set_str(paths, KEY_KEPT, kept);
	if (cg->systemd) {
		sk_json_set_str(paths, KEY_UNIT, cg->systemd->unit);
		sk_json_set_str(paths, KEY_SYSTEMD,
				cg->systemd->is_user ? "user" : "machine");
	}
	return paths;
}

void sk_cgroup_open_folder(struct sk_cgroup_hier *hier)
{
	hier->dirfd = open(hier->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* v1: who enters has one thread, and moving one task needs no grace period. */
void sk_cgroup_open_entrance(struct sk_cgroup_hier *hier)
{
	sk_autofree char *tasks = hier->is_v2 ? NULL : sk_strf("%s/tasks", hier->dir);

	if (tasks)
		hier->enter_fd = open(tasks, O_WRONLY | O_CLOEXEC);
	if (!hier->is_v2)
		return;
	if (hier->dirfd < 0)
		sk_cgroup_open_folder(hier);
	if (hier->dirfd >= 0)
		hier->enter_fd =
			openat(hier->dirfd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
}

/* Whether blank-separated @list has @name. */
static bool has_word(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at++)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* A written-down folder must end in the group's own path, so that parents can be told apart. */
static int reopen_hier(struct sk_cgroup *cg, const char *name, const char *dir,
		       const char *kept, bool to_enter, struct sk_err *err)
{
	sk_autofree char *end = sk_strf("/%s", cg->path + (cg->path[0] == '/'));
	struct sk_cgroup_hier *hier = &cg->hiers[cg->nr];
	sk_autofree char *list = NULL;

	if (!end)
		return sk_err_oom(err);
	if (dir[0] != '/' || !sk_str_ends(dir, end) || strstr(dir, "/../") ||
	    strlen(name) >= sizeof(hier->name))
		return sk_err_set(err, EINVAL, "'%s' is no folder of the cgroup '%s'",
				  dir, cg->path);
	*hier = (struct sk_cgroup_hier){.is_v2 = strcmp(name, "unified") == 0,
					.is_kept = has_word(kept, name),
					.dirfd = -1,
					.enter_fd = -1};
	(void)snprintf(hier->name, sizeof(hier->name), "%s", name);
	hier->dir = strdup(dir);
	if (!hier->dir)
		return sk_err_oom(err);
	cg->nr++;
	if (to_enter)
		sk_cgroup_open_entrance(hier);
	else
		sk_cgroup_open_folder(hier);
	hier->controllers = sk_cgroup_controller_bits(name);
	if (hier->is_v2 && hier->dirfd >= 0 &&
	    sk_fs_read(hier->dirfd, "cgroup.controllers", 4096, &list, NULL) == 0)
		hier->controllers = sk_cgroup_controller_bits(list);
	return 0;
}

static bool is_mark(const char *key)
{
	return strcmp(key, KEY_PATH) == 0 || strcmp(key, KEY_KEPT) == 0 ||
	       strcmp(key, KEY_UNIT) == 0 || strcmp(key, KEY_SYSTEMD) == 0;
}

static int reopen_systemd(struct sk_cgroup *cg, const struct sk_json *paths,
			  struct sk_err *err)
{
	const char *unit = sk_json_str(sk_json_get(paths, KEY_UNIT), NULL);
	const char *whose = sk_json_str(sk_json_get(paths, KEY_SYSTEMD), "");

	if (!unit)
		return 0;
	cg->manager = SK_CGROUP_MANAGER_SYSTEMD;
	cg->systemd = calloc(1, sizeof(*cg->systemd));
	if (!cg->systemd || !(cg->systemd->unit = strdup(unit)))
		return sk_err_oom(err);
	cg->systemd->is_user = strcmp(whose, "user") == 0;
	return 0;
}

static bool may_have(const char *name, unsigned int wanted)
{
	return wanted == ~0u || strcmp(name, "unified") == 0 ||
	       (sk_cgroup_controller_bits(name) & wanted);
}

/* @wanted: bits of controllers; a v1 hierarchy without any of them is left out */
static int reopen(const struct sk_json *paths, unsigned int wanted, bool to_enter,
		  struct sk_cgroup **ret, struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = calloc(1, sizeof(*cg));
	const char *path = sk_json_str(sk_json_get(paths, KEY_PATH), NULL);
	const char *kept = sk_json_str(sk_json_get(paths, KEY_KEPT), "");
	struct sk_json *value;
	void *cursor = NULL;
	const char *key;
	int r;

	if (!path)
		return sk_err_set(err, EINVAL,
				  "the record of a cgroup has no member 'path'");
	r = check_path(path, err);
	if (r < 0)
		return r;
	if (!cg || !(cg->path = strdup(path)))
		return sk_err_oom(err);
	r = reopen_systemd(cg, paths, err);
	if (r < 0)
		return r;
	while ((value = sk_json_each(paths, &cursor, &key))) {
		if (is_mark(key) || cg->nr == SK_CGROUP_MAX_HIERS ||
		    !may_have(key, wanted))
			continue;
		r = reopen_hier(cg, key, sk_json_str(value, ""), kept, to_enter, err);
		if (r < 0)
			return r;
	}
	*ret = sk_steal(&cg);
	return 0;
}

int sk_cgroup_reopen(const struct sk_json *paths, struct sk_cgroup **ret,
		     struct sk_err *err)
{
	return reopen(paths, ~0u, false, ret, err);
}

int sk_cgroup_reopen_to_enter(const struct sk_json *paths, struct sk_cgroup **ret,
			      struct sk_err *err)
{
	return reopen(paths, ~0u, true, ret, err);
}

bool sk_cgroup_is_frozen_at(const struct sk_json *paths)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;

	return reopen(paths, SK_CGROUP_FREEZER, false, &cg, NULL) == 0 &&
	       sk_cgroup_is_frozen(cg);
}
