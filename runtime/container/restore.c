// SPDX-License-Identifier: Apache-2.0
/* restore - make a container from what checkpoint wrote
 *
 * 1. As create: bundle, checks, the record with its intent; the group is made and limited.
 * 2. In a mount namespace of this process, so that nothing of it is left on the host: the
 *    root file system on a folder of the record, for criu wants a mount point. Mount points
 *    that the root lacks are made beneath its descriptor.
 * 3. criu enters the group, and what it restores is born there, as a child of this process.
 *    External mounts and namespaces come from this bundle, 0, 1 and 2 from this process.
 * 4. Before the processes run: createRuntime hooks, the terminal, the record.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/container/checkpoint.h"
#include "runtime/container/launch.h"
#include "runtime/container/oci_io.h"
#include "runtime/container/oci_life.h"
#include "runtime/container/oci_rdt.h"
#include "runtime/container/oci_record.h"
#include "runtime/sandbox/hook.h"
#include "runtime/sandbox/target.h"

#define ROOT_DIR "root"
#define MAX_FDS	 4

struct restore {
	struct sk_oci_bundle bundle;
	struct sk_container *ctr;
	const struct sk_oci_opts *opts;
	struct sk_checkpoint_dirs dirs;
	struct sk_json *list; /* skiff.json of the images */
	struct sk_str message;
	char *root;	  /* the mount point that criu gets */
	int fds[MAX_FDS]; /* for criu, owned */
	unsigned int nr_fds;
};

/* The restored container has its own copy of the mount. */
static void unmount_root(struct restore *r)
{
	if (!r->root)
		return;
	(void)umount2(r->root, MNT_DETACH);
	(void)rmdir(r->root);
	free(sk_steal(&r->root));
}

static void restore_finish(struct restore *r)
{
	unmount_root(r);
	for (unsigned int i = 0; i < r->nr_fds; i++)
		sk_close(&r->fds[i]);
	sk_oci_bundle_finish(&r->bundle);
	sk_container_free(r->ctr);
	sk_checkpoint_dirs_finish(&r->dirs);
	sk_json_free(r->list);
	sk_str_finish(&r->message);
}
SK_DEFINE_AUTO_FINISH(struct restore, restore_finish)

/* Before any folder is opened: one that is opened outside is no place for criu to mount on. */
static int leave_mounts(struct sk_err *err)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return sk_err_errno(err, "make a mount namespace");
	return 0;
}

static int mount_root(struct restore *r, struct sk_err *err)
{
	const char *rootfs = r->bundle.spec->rootfs;

	r->root = sk_strf("%s/" ROOT_DIR, r->ctr->state->path);
	if (!r->root)
		return sk_err_oom(err);
	if (mkdir(r->root, 0700) < 0)
		return sk_err_errno(err, "make folder '%s'", r->root);
	if (mount(rootfs, r->root, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount(NULL, r->root, NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sk_err_errno(err, "mount '%s' on '%s'", rootfs, r->root);
	return 0;
}

/* What is on a file system that is restored comes with it. */
static bool is_below_tmpfs(const struct sk_spec *spec, const char *target)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const char *rest = sk_str_equal(spec->mounts[i].fstype, "tmpfs")
					   ? sk_str_starts(target, spec->mounts[i].target)
					   : NULL;

		if (rest && rest[0] == '/')
			return true;
	}
	return false;
}

static int make_mount_points(const struct restore *r, struct sk_err *err)
{
	const struct sk_spec *spec = r->bundle.spec;
	sk_autoclose int root = open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return sk_err_errno(err, "open '%s'", r->root);
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct sk_spec_mount *m = &spec->mounts[i];
		sk_autoclose int fd = -1;
		struct stat st;

		if (is_below_tmpfs(spec, m->target))
			continue;
		if (!m->fstype && stat(m->source, &st) < 0)
			return sk_err_errno(err, "look at '%s'", m->source);
		fd = sk_target_open(root, m->target,
				    m->fstype || S_ISDIR(st.st_mode) ? SK_TARGET_DIR : 0,
				    err);
		if (fd < 0)
			return fd;
	}
	return 0;
}

/* Where an external mount comes from: a volume, the group, or the same path of the host. */
static const char *source_of(const struct restore *r, const struct sk_json *groups,
			     const char *target)
{
	const struct sk_spec *spec = r->bundle.spec;
	const char *name = strrchr(target, '/');
	const char *group = sk_json_str(sk_json_get(groups, name ? name + 1 : ""), NULL);

	for (size_t i = 0; i < spec->nr_mounts; i++)
		if (!spec->mounts[i].fstype &&
		    strcmp(spec->mounts[i].target, target) == 0)
			return spec->mounts[i].source;
	for (char **path = spec->masked; path && *path; path++)
		if (strcmp(*path, target) == 0)
			return "/dev/null";
	if (sk_str_starts(target, "/sys/fs/cgroup"))
		return group ? group
			     : sk_json_str(sk_json_get(groups, "unified"), target);
	return target;
}

static int add_mounts(struct restore *r, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *groups = sk_cgroup_paths(r->ctr->cgroup);
	const struct sk_json *mounts = sk_json_get(r->list, "mounts");

	for (size_t i = 0; i < sk_json_len(mounts); i++) {
		const char *target = sk_json_str(sk_json_at(mounts, i), "");

		sk_checkpoint_add_external(&r->message, "mnt", target,
					   source_of(r, groups, target));
	}
	return r->message.failed ? sk_err_oom(err) : 0;
}

static void add_inherited(struct restore *r, const char *key, int number)
{
	sk_auto(sk_str_finish) struct sk_str entry = SK_STR_INIT;

	sk_wire_text(&entry, 1, key);
	sk_wire_uint(&entry, 2, (uint64_t)number);
	sk_wire_message(&r->message, SK_CRIU_OPT_INHERIT_FD, &entry);
}

static void add_stdio(struct restore *r)
{
	const struct sk_json *names = sk_json_get(r->list, "descriptors");

	for (int i = 0; i < 3; i++) {
		const char *name = sk_json_str(sk_json_at(names, (size_t)i), "");

		if (sk_str_starts(name, "pipe:") || sk_str_starts(name, "socket:") ||
		    sk_str_starts(name, "file["))
			add_inherited(r, name, i);
	}
}

static int add_namespace(struct restore *r, enum sk_spec_ns ns, struct sk_err *err)
{
	const char *path = r->bundle.spec->ns[ns].path;
	sk_auto(sk_str_finish) struct sk_str entry = SK_STR_INIT;
	int fd;

	if (!path)
		return 0;
	if (ns == SK_NS_CGROUP || ns == SK_NS_TIME)
		return sk_err_set(err, EOPNOTSUPP,
				  "criu cannot restore into the %s namespace '%s'",
				  sk_spec_ns_name(ns), path);
	if (ns != SK_NS_NET && ns != SK_NS_PID) {
		sk_wire_text(&entry, 1, sk_spec_ns_name(ns));
		sk_wire_text(&entry, 2, path);
		sk_wire_message(&r->message, SK_CRIU_OPT_JOIN_NS, &entry);
		return 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open the %s namespace '%s'",
				    sk_spec_ns_name(ns), path);
	add_inherited(r, ns == SK_NS_NET ? SK_CHECKPOINT_NET_KEY : SK_CHECKPOINT_PID_KEY,
		      SK_CRIU_FIRST_FD + (int)r->nr_fds);
	r->fds[r->nr_fds++] = fd;
	return 0;
}

static int add_options(struct restore *r, const struct sk_checkpoint_opts *opts,
		       struct sk_err *err)
{
	int result = 0;

	sk_checkpoint_common_opts(&r->message, opts, &r->dirs,
				  r->bundle.spec->annotations, SK_CHECKPOINT_RESTORE_LOG);
	sk_wire_text(&r->message, SK_CRIU_OPT_ROOT, r->root);
	sk_checkpoint_add_flag(&r->message, SK_CRIU_OPT_RST_SIBLING, true);
	sk_checkpoint_add_flag(&r->message, SK_CRIU_OPT_EVASIVE_DEVICES, true);
	sk_wire_text(&r->message, SK_CRIU_OPT_LSM_PROFILE, opts->lsm_profile);
	sk_wire_text(&r->message, SK_CRIU_OPT_LSM_MOUNT_CONTEXT, opts->lsm_mount_context);
	add_stdio(r);
	for (int ns = 0; result == 0 && ns < SK_NS_COUNT; ns++)
		result = add_namespace(r, (enum sk_spec_ns)ns, err);
	return result < 0 ? result : add_mounts(r, err);
}

static int run_hooks(const struct restore *r, pid_t pid, struct sk_err *err)
{
	static const enum sk_hook_kind kinds[] = {SK_HOOK_PRESTART,
						  SK_HOOK_CREATE_RUNTIME};
	sk_auto(sk_json_free) struct sk_json *object =
		sk_oci_describe(r->ctr->state, "creating", pid);
	sk_autofree char *text = sk_json_print(object, false);
	int result = text ? 0 : sk_err_oom(err);

	for (size_t i = 0; result == 0 && i < SK_ARRAY_SIZE(kinds); i++)
		result = sk_hooks_run(&r->bundle.spec->process.hooks[kinds[i]], kinds[i],
				      text, r->bundle.path, err);
	return result;
}

/* Before the processes go on: whoever looks at the record then finds them. */
static int take_over(struct restore *r, pid_t pid, struct sk_err *err)
{
	const struct sk_oci_io io = sk_oci_io_of(r->opts);

	r->ctr->pidfd = sk_sys_pidfd_open(pid, 0);
	if (r->ctr->pidfd < 0)
		return sk_err_errno(err, "open process %d", (int)pid);
	r->ctr->pid = pid;
	sk_cgroup_settle(r->ctr->cgroup);
	if (sk_launch_record(r->ctr->state, pid, "running", err) < 0)
		return -EIO;
	return sk_oci_io_hand_over(&io, -1, r->ctr->pidfd, pid, err);
}

static int on_notify(void *arg, const char *script, pid_t pid, int fd, struct sk_err *err)
{
	struct restore *r = arg;
	const struct sk_oci_io io = {.console_socket = r->opts->console_socket};

	if (strcmp(script, "setup-namespaces") == 0)
		return run_hooks(r, pid, err);
	if (strcmp(script, "post-restore") == 0)
		return take_over(r, pid, err);
	if (strcmp(script, "orphan-pts-master") == 0 && fd >= 0)
		return sk_oci_io_hand_over(&io, fd, -1, 0, err);
	return 0;
}

/* criu would make the group again that the container was saved in: this one instead.
 * "4:cpu,cpuacct:/a/b" of /proc/PID/cgroup is controller "cpu,cpuacct", path "/a/b". */
static void add_group(struct restore *r, char *line)
{
	sk_auto(sk_str_finish) struct sk_str entry = SK_STR_INIT;
	char *name = strchr(line, ':');
	char *path = name ? strchr(name + 1, ':') : NULL;

	if (!path)
		return;
	*path++ = '\0';
	sk_wire_text(&entry, 1, name + 1);
	sk_wire_text(&entry, 2, path);
	sk_wire_message(&r->message, SK_CRIU_OPT_CG_ROOT, &entry);
}

static int on_started(void *arg, pid_t pid, struct sk_err *err)
{
	struct restore *r = arg;
	sk_autofree char *text = NULL;
	char file[48], *save = NULL;
	int result = sk_cgroup_move(r->ctr->cgroup, pid, err);

	if (result == 0)
		result = sk_oci_rdt_place(r->ctr->state, &r->bundle.spec->process.rdt,
					  pid, err);
	if (result < 0)
		return result;
	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	result = sk_fs_read(AT_FDCWD, file, 64 * 1024, &text, NULL);
	if (result < 0)
		return sk_err_code(err, result, "read '%s'", file);
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		add_group(r, line);
	return 0;
}

static int call_criu(struct restore *r, const struct sk_criu *criu, struct sk_err *err)
{
	struct sk_criu_reply reply = {0};
	const struct sk_criu_call call = {
		.type = SK_CRIU_RESTORE,
		.opts = &r->message,
		.fds = r->fds,
		.nr_fds = r->nr_fds,
		.keep_stdio = true,
		.started = on_started,
		.notify = on_notify,
		.arg = r,
	};
	int result = sk_criu_call(criu, &call, &reply, err);

	if (result < 0)
		return sk_criu_explain(r->dirs.work, SK_CHECKPOINT_RESTORE_LOG, result,
				       err);
	if (r->ctr->pid <= 0)
		return sk_err_set(err, EPROTO, "criu did not say which process it made");
	return 0;
}

static int make(struct restore *r, const struct sk_checkpoint_opts *opts,
		struct sk_err *err)
{
	sk_auto(sk_criu_finish) struct sk_criu criu = {0};
	int result = sk_criu_find(&criu, err);

	if (result == 0)
		result = sk_checkpoint_check(opts, &criu, err);
	if (result == 0)
		result = mount_root(r, err);
	if (result == 0)
		result = make_mount_points(r, err);
	if (result == 0)
		result = sk_launch_group(r->ctr, r->bundle.spec, err);
	if (result == 0)
		result = add_options(r, opts, err);
	if (result == 0)
		result = call_criu(r, &criu, err);
	unmount_root(r);
	return result;
}

int sk_oci_restore(const struct sk_home *home, const char *id,
		   const struct sk_oci_opts *opts,
		   const struct sk_checkpoint_opts *checkpoint, int *ret_status,
		   struct sk_err *err)
{
	sk_auto(restore_finish) struct restore r = {.opts = opts, .dirs = {-1, -1}};
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	int result = leave_mounts(err);

	if (result == 0)
		result = sk_checkpoint_dirs_open(checkpoint, false, &r.dirs, err);
	if (result == 0)
		result = sk_json_load(r.dirs.images, SK_CHECKPOINT_FILE, &r.list, err);
	if (result == 0 && !opts->detach)
		result = sk_attach_init(&attach, err);
	if (result == 0)
		result = sk_oci_begin(home, id, opts, &r.bundle, &r.ctr, err);
	if (result == 0) {
		result = make(&r, checkpoint, err);
		if (result < 0)
			sk_oci_give_up(r.ctr);
	}
	if (result < 0)
		return sk_err_wrap(err, result, "restore '%s'", id);
	if (!opts->detach)
		return sk_oci_stay(&attach, r.ctr, opts, ret_status, err);
	sk_oci_release(sk_steal(&r.ctr));
	*ret_status = 0;
	return 0;
}
