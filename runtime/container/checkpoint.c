// SPDX-License-Identifier: Apache-2.0
/* checkpoint - save a container as files
 *
 * 1. Check: the container runs, criu is there and can do what is asked for.
 * 2. Write down what must be there again at a restore: the names of 0, 1 and 2, and the
 *    mounts that come from outside. A pre-dump saves memory only, and needs none of it.
 * 3. criu freezes the container by its group, saves it, and ends it or lets it go on.
 *
 * Nothing of the record changes: a container that criu has ended is a stopped one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "runtime/container/checkpoint.h"
#include "runtime/container/criu_mounts.h"
#include "runtime/container/oci_record.h"

#define MOUNTINFO_MAX	(4 * 1024 * 1024)
#define FREEZE_V2_SINCE 31400

/* A namespace that was given by path is not the container's: it must be there at a restore. */
static int add_namespaces(struct sk_str *message, const struct sk_json *config,
			  struct sk_err *err)
{
	const struct sk_json *list =
		sk_json_get(sk_json_get(config, "linux"), "namespaces");

	for (size_t i = 0; i < sk_json_len(list); i++) {
		const char *type =
			sk_json_str(sk_json_get(sk_json_at(list, i), "type"), "");
		const char *path =
			sk_json_str(sk_json_get(sk_json_at(list, i), "path"), "");
		bool is_net = strcmp(type, "network") == 0;
		char inode[24];
		struct stat st;

		if (!path[0] || (!is_net && strcmp(type, "pid") != 0))
			continue;
		if (stat(path, &st) < 0)
			return sk_err_errno(err, "look at the %s namespace '%s'", type,
					    path);
		(void)snprintf(inode, sizeof(inode), "%llu",
			       (unsigned long long)st.st_ino);
		sk_checkpoint_add_external(message, is_net ? "net" : "pid", inode,
					   is_net ? SK_CHECKPOINT_NET_KEY
						  : SK_CHECKPOINT_PID_KEY);
	}
	return 0;
}

static int read_mounts(pid_t pid, char **ret, struct sk_err *err)
{
	char path[48];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	r = sk_fs_read(AT_FDCWD, path, MOUNTINFO_MAX, ret, NULL);
	return r < 0 ? sk_err_code(err, r, "read '%s'", path) : 0;
}

/* A plain file on a mount that the container has not: "file[mount:inode]" to criu. */
static bool name_outside_file(pid_t pid, int fd, const char *mountinfo, char name[48])
{
	sk_autofree char *info = NULL;
	char path[48], start[32];
	unsigned long mount;
	const char *line;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	if (sk_fs_read(AT_FDCWD, path, 4096, &info, NULL) < 0)
		return false;
	line = strstr(info, "mnt_id:");
	mount = line ? strtoul(line + strlen("mnt_id:"), NULL, 10) : 0;
	(void)snprintf(start, sizeof(start), "\n%lu ", mount);
	if (strncmp(mountinfo, start + 1, strlen(start + 1)) == 0 ||
	    strstr(mountinfo, start))
		return false;
	(void)snprintf(name, 48, "file[%lx:%llx]", mount, (unsigned long long)st.st_ino);
	return true;
}

/* The names by which criu knows 0, 1 and 2; those of plain files outside it is told. */
static struct sk_json *name_descriptors(struct sk_str *message, pid_t pid,
					const char *mountinfo)
{
	struct sk_json *names = sk_json_new_array();

	for (int fd = 0; fd < 3; fd++) {
		char path[48], target[PATH_MAX], file[48];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (name_outside_file(pid, fd, mountinfo, file)) {
			sk_wire_text(message, SK_CRIU_OPT_EXTERNAL, file);
			(void)sk_json_add(names, sk_json_new_str(file));
		} else {
			(void)sk_json_add(names, sk_json_new_str(target));
		}
	}
	return names;
}

static int add_outside(struct sk_str *message, pid_t pid,
		       const struct sk_checkpoint_dirs *dirs, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *object = sk_json_new_object();
	sk_autofree char *mountinfo = NULL, *text = NULL;
	sk_auto(sk_strv_free) char **mounts = NULL;
	int r = read_mounts(pid, &mountinfo, err);

	if (r < 0)
		return r;
	if (sk_criu_external_mounts(mountinfo, &mounts) < 0)
		return sk_err_oom(err);
	for (char **target = mounts; target && *target; target++)
		sk_checkpoint_add_external(message, "mnt", *target, *target);
	sk_json_set(object, "descriptors", name_descriptors(message, pid, mountinfo));
	sk_json_set_strv(object, "mounts", mounts);
	text = sk_json_print(object, false);
	if (!text)
		return sk_err_oom(err);
	return sk_fs_replace(dirs->images, SK_CHECKPOINT_FILE, text, strlen(text), 0600,
			     err);
}

/* criu stops all processes at once by their group, where it can use it: the one that pauses
 * a container, so that a paused one stays so. */
static void add_freezer(struct sk_str *message, const struct sk_json *cgroups,
			const struct sk_criu *criu)
{
	const char *dir = criu->version >= FREEZE_V2_SINCE
				  ? sk_json_str(sk_json_get(cgroups, "unified"), NULL)
				  : NULL;

	if (!dir)
		dir = sk_json_str(sk_json_get(cgroups, "freezer"), NULL);
	sk_wire_text(message, SK_CRIU_OPT_FREEZE_CGROUP, dir);
}

static int add_page_server(struct sk_str *message, const char *text, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str server = SK_STR_INIT;
	const char *colon = text ? strrchr(text, ':') : NULL;
	sk_autofree char *address = colon ? strndup(text, (size_t)(colon - text)) : NULL;
	uint64_t port = 0;

	if (!text)
		return 0;
	if (!colon || sk_parse_u64(colon + 1, 1, 65535, &port, err) < 0)
		return sk_err_set(err, EINVAL, "--page-server: '%s' is not ADDRESS:PORT",
				  text);
	sk_wire_text(&server, 1, address);
	sk_wire_uint(&server, 2, port);
	sk_wire_message(message, SK_CRIU_OPT_PAGE_SERVER, &server);
	return 0;
}

static int add_dump_opts(struct sk_str *message, const struct sk_state *state,
			 const struct sk_checkpoint_opts *opts,
			 const struct sk_checkpoint_dirs *dirs, struct sk_err *err)
{
	pid_t pid = (pid_t)sk_json_int(sk_json_get(state->doc, "pid"), 0);
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	int r = sk_json_load(state->dir_fd, "config.json", &config, err);

	if (r < 0)
		return r;
	sk_checkpoint_common_opts(message, opts, dirs, sk_json_get(config, "annotations"),
				  SK_CHECKPOINT_DUMP_LOG);
	sk_wire_uint(message, SK_CRIU_OPT_PID, (uint64_t)pid);
	sk_wire_text(message, SK_CRIU_OPT_ROOT,
		     sk_json_str(sk_json_get(state->doc, "rootfs"), NULL));
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_LEAVE_RUNNING, opts->leave_running);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_TCP_SKIP_IN_FLIGHT,
			       opts->tcp_skip_in_flight);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_LINK_REMAP, opts->link_remap);
	if (opts->parent_path || opts->pre_dump)
		sk_checkpoint_add_flag(message, SK_CRIU_OPT_TRACK_MEM, true);
	sk_wire_text(message, SK_CRIU_OPT_PARENT_IMG, opts->parent_path);
	r = add_page_server(message, opts->page_server, err);
	if (r == 0)
		r = add_namespaces(message, config, err);
	if (r < 0 || opts->pre_dump)
		return r;
	return add_outside(message, pid, dirs, err);
}

/* Whoever waits at the descriptor starts `criu lazy-pages` elsewhere. */
static int on_notify(void *arg, const char *script, pid_t pid, int fd, struct sk_err *err)
{
	int *status_fd = arg;

	(void)pid;
	(void)fd;
	if (strcmp(script, "status-ready") != 0 || *status_fd < 0)
		return 0;
	if (write(*status_fd, "", 1) != 1)
		return sk_err_errno(err, "tell --status-fd that pages can be served");
	sk_close(status_fd);
	return 0;
}

static int status_descriptor(const char *text, int *ret, struct sk_err *err)
{
	uint64_t number = 0;

	if (!text)
		return 0;
	if (sk_parse_u64(text, 0, INT_MAX, &number, err) < 0 ||
	    fcntl((int)number, F_GETFD) < 0)
		return sk_err_set(err, EINVAL, "--status-fd: '%s' is no open descriptor",
				  text);
	*ret = (int)number;
	return 0;
}

static int dump(const struct sk_state *state, const struct sk_checkpoint_opts *opts,
		const struct sk_criu *criu, struct sk_err *err)
{
	sk_auto(sk_checkpoint_dirs_finish) struct sk_checkpoint_dirs dirs = {-1, -1};
	sk_auto(sk_str_finish) struct sk_str message = SK_STR_INIT;
	struct sk_criu_reply reply;
	int status_fd = -1;
	const struct sk_criu_call call = {
		.type = opts->pre_dump ? SK_CRIU_PRE_DUMP : SK_CRIU_DUMP,
		.opts = &message,
		.notify = on_notify,
		.arg = &status_fd,
	};
	int r = status_descriptor(opts->status_fd, &status_fd, err);

	if (r == 0)
		r = sk_checkpoint_dirs_open(opts, true, &dirs, err);
	if (r == 0)
		r = add_dump_opts(&message, state, opts, &dirs, err);
	if (r < 0)
		return r;
	add_freezer(&message, sk_json_get(state->doc, "cgroups"), criu);
	r = sk_criu_call(criu, &call, &reply, err);
	return r < 0 ? sk_criu_explain(dirs.work, SK_CHECKPOINT_DUMP_LOG, r, err) : 0;
}

int sk_oci_checkpoint(const struct sk_home *home, const char *id,
		      const struct sk_checkpoint_opts *opts, struct sk_err *err)
{
	sk_auto(sk_criu_finish) struct sk_criu criu = {0};
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int64_t pid, start;
	int r = sk_oci_find(home, id, &state, err);

	if (r < 0)
		return r;
	pid = sk_json_int(sk_json_get(state->doc, "pid"), 0);
	start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);
	if (strcmp(sk_state_status(state), "running") != 0 || pid <= 0 ||
	    !sk_proc_is((pid_t)pid, (unsigned long long)start))
		return sk_err_set(err, EINVAL, "container '%s' does not run", id);
	r = sk_criu_find(&criu, err);
	if (r == 0)
		r = sk_checkpoint_check(opts, &criu, err);
	if (r == 0)
		r = dump(state, opts, &criu, err);
	return r < 0 ? sk_err_wrap(err, r, "checkpoint '%s'", id) : 0;
}
