// SPDX-License-Identifier: Apache-2.0
/* oci_rdt - the group of a container in resctrl (Intel RDT: cache and memory bandwidth) */
#include "runtime/container/oci_rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"

#define RESCTRL "/sys/fs/resctrl"

int sk_rdt_open(struct sk_err *err)
{
	sk_autoclose int fd = open(RESCTRL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == RDTGROUP_SUPER_MAGIC)
		return sk_steal_fd(&fd);
	return sk_err_hint(
		err,
		sk_err_set(err, EOPNOTSUPP,
			   "Intel RDT: resctrl is not mounted on '" RESCTRL "'"),
		"where processor and kernel have it: mount -t resctrl resctrl " RESCTRL);
}

static bool is_root(const struct sk_rdt_group *group)
{
	return strcmp(group->name, "/") == 0;
}

/* Path of a file of the group, or of its monitoring group. */
static char *path_of(const struct sk_rdt_group *group, bool monitoring, const char *file)
{
	const char *name = is_root(group) ? "." : group->name;

	if (!monitoring)
		return sk_strf("%s/%s", name, file);
	return sk_strf("%s/mon_groups/%s/%s", name, group->monitoring, file);
}

static int make_folder(int root_fd, const char *path, bool *ret_made, struct sk_err *err)
{
	if (!path)
		return sk_err_oom(err);
	*ret_made = mkdirat(root_fd, path, 0755) == 0;
	if (*ret_made || errno == EEXIST)
		return 0;
	return sk_err_errno(err, "Intel RDT: make the group '%s'", path);
}

int sk_rdt_make(int root_fd, struct sk_rdt_group *group, struct sk_err *err)
{
	sk_autofree char *path = path_of(group, false, "");
	sk_autofree char *monitoring =
		group->monitoring ? path_of(group, true, "") : NULL;
	int r = 0;

	if (!path)
		return sk_err_oom(err);
	if (group->must_exist && faccessat(root_fd, path, F_OK, 0) < 0)
		return sk_err_errno(err,
				    "Intel RDT: group '%s', which closID names without "
				    "what it may use",
				    group->name);
	if (!group->must_exist && !is_root(group))
		r = make_folder(root_fd, path, &group->is_made, err);
	if (r == 0 && group->monitoring)
		r = make_folder(root_fd, monitoring, &group->is_monitoring_made, err);
	return r;
}

/* What the kernel says about the last line that it refused. */
static int explain(int root_fd, const char *text, int r, struct sk_err *err)
{
	sk_autofree char *why = NULL;

	if (sk_fs_read(root_fd, "info/last_cmd_status", 4096, &why, NULL) < 0)
		why = NULL;
	if (why)
		why[strcspn(why, "\n")] = '\0';
	return sk_err_code(err, r, "Intel RDT: write '%.*s'%s%s",
			   (int)strcspn(text, "\n"), text, why && why[0] ? ": " : "",
			   why ? why : "");
}

static int write_lines(int root_fd, const struct sk_rdt_group *group, const char *text,
		       struct sk_err *err)
{
	sk_autofree char *path = path_of(group, false, "schemata");
	int r;

	if (!path || !text)
		return sk_err_oom(err);
	r = text[0] ? sk_fs_write(root_fd, path, text) : 0;
	if (r == -ENOENT)
		return sk_err_set(err, ENOTSUP,
				  "Intel RDT: the container has no group '%s'",
				  group->name);
	return r < 0 ? explain(root_fd, text, r, err) : 0;
}

static int add_line(char **lines, const char *line, size_t len)
{
	char *longer = sk_strf("%s%.*s\n", *lines ? *lines : "", (int)len, line);

	free(*lines);
	*lines = longer;
	return longer ? 0 : -ENOMEM;
}

/* Lines of the cache; those of the bandwidth are left out where it has its own. */
static int add_cache(char **lines, const struct sk_rdt_group *group)
{
	int r = 0;

	for (const char *at = group->l3_cache; r == 0 && at && *at;) {
		size_t len = strcspn(at, "\n");
		bool is_other = sk_str_starts(at, "MB:") && group->mem_bandwidth;

		if (len && !is_other)
			r = add_line(lines, at, len);
		at += len + (at[len] == '\n');
	}
	return r;
}

int sk_rdt_set(int root_fd, const struct sk_rdt_group *group, struct sk_err *err)
{
	sk_autofree char *first = strdup(""), *last = strdup("");
	const char *bandwidth = group->mem_bandwidth;
	int r = add_cache(&first, group);

	if (r == 0 && bandwidth && bandwidth[0])
		r = add_line(&first, bandwidth, strlen(bandwidth));
	for (char *const *line = group->schemata; r == 0 && line && *line; line++)
		r = add_line(&last, *line, strlen(*line));
	if (r < 0)
		return sk_err_oom(err);
	r = write_lines(root_fd, group, first, err);
	return r < 0 ? r : write_lines(root_fd, group, last, err);
}

static int add_task(int root_fd, const char *path, const char *pid, struct sk_err *err)
{
	int r = path ? sk_fs_write(root_fd, path, pid) : -ENOMEM;

	return r < 0 ? sk_err_code(err, r, "Intel RDT: write process %s to '%s'", pid,
				   path ? path : "")
		     : 0;
}

int sk_rdt_enter(int root_fd, const struct sk_rdt_group *group, pid_t pid,
		 struct sk_err *err)
{
	sk_autofree char *path = path_of(group, false, "tasks");
	sk_autofree char *monitoring =
		group->monitoring ? path_of(group, true, "tasks") : NULL;
	char text[16];
	int r;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = add_task(root_fd, path, text, err);
	return r < 0 || !group->monitoring ? r : add_task(root_fd, monitoring, text, err);
}

static int remove_folder(int root_fd, const char *path, struct sk_err *err)
{
	if (!path)
		return sk_err_oom(err);
	if (unlinkat(root_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return sk_err_errno(err, "Intel RDT: remove the group '%s'", path);
	return 0;
}

int sk_rdt_remove(int root_fd, const struct sk_rdt_group *group, struct sk_err *err)
{
	sk_autofree char *path = path_of(group, false, "");
	sk_autofree char *monitoring =
		group->monitoring ? path_of(group, true, "") : NULL;
	int r = 0;

	if (group->is_monitoring_made)
		r = remove_folder(root_fd, monitoring, err);
	if (r == 0 && group->is_made)
		r = remove_folder(root_fd, path, err);
	return r;
}

static bool is_there(int root_fd, const struct sk_rdt_group *group, bool monitoring)
{
	sk_autofree char *path = path_of(group, monitoring, "");

	return path && faccessat(root_fd, path, F_OK, 0) == 0;
}

/* Before the first is made. */
static int record(struct sk_state *state, int root_fd, const struct sk_rdt_group *group,
		  struct sk_err *err)
{
	struct sk_json *doc = sk_json_set(state->doc, "rdt", sk_json_new_object());

	sk_json_set_str(doc, "group", group->name);
	sk_json_set_bool(doc, "made", !is_there(root_fd, group, false));
	if (group->monitoring && !is_there(root_fd, group, true))
		sk_json_set_str(doc, "monitoring", group->monitoring);
	return sk_state_save(state, err);
}

int sk_oci_rdt_place(struct sk_state *state, const struct sk_spec_rdt *rdt, pid_t pid,
		     struct sk_err *err)
{
	bool has_lines = rdt->l3_cache || rdt->mem_bandwidth ||
			 (rdt->schemata && rdt->schemata[0]);
	struct sk_rdt_group group = {
		.name = rdt->clos_id ? rdt->clos_id : state->id,
		.monitoring = rdt->monitoring ? state->id : NULL,
		.l3_cache = rdt->l3_cache,
		.mem_bandwidth = rdt->mem_bandwidth,
		.schemata = rdt->schemata,
		.must_exist = rdt->clos_id && !has_lines,
	};
	sk_autoclose int fd = -1;
	int r;

	if (!rdt->is_set)
		return 0;
	fd = sk_rdt_open(err);
	if (fd < 0)
		return fd;
	r = record(state, fd, &group, err);
	if (r == 0)
		r = sk_rdt_make(fd, &group, err);
	if (r == 0)
		r = sk_rdt_set(fd, &group, err);
	return r < 0 ? r : sk_rdt_enter(fd, &group, pid, err);
}

int sk_oci_rdt_undo(const struct sk_state *state, struct sk_err *err)
{
	const struct sk_json *doc = sk_json_get(state->doc, "rdt");
	struct sk_rdt_group group = {
		.name = sk_json_str(sk_json_get(doc, "group"), NULL),
		.monitoring = sk_json_str(sk_json_get(doc, "monitoring"), NULL),
		.is_made = sk_json_bool(sk_json_get(doc, "made"), false),
	};
	sk_autoclose int fd = -1;

	group.is_monitoring_made = group.monitoring != NULL;
	if (!group.name || (!group.is_made && !group.monitoring))
		return 0;
	fd = sk_rdt_open(NULL);
	return fd < 0 ? 0 : sk_rdt_remove(fd, &group, err);
}
