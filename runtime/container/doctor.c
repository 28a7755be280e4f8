/* SPDX-License-Identifier: Apache-2.0 */
/* doctor - try what containers need from this machine, each thing for real
 *
 * Theory of operation
 *
 * What changes a process (namespaces, mounts, filters) is tried in a forked child, which
 * hands its error back through a pipe and ends. What needs files is tried in a folder of
 * its own below the state root, since that is the file system that containers will use.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "lib/trial.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/seccomp.h"
#include "runtime/spec/idrange.h"

#define DETAIL_SIZE 300
#define STEP_MS	    10000

/* What a check is told, and where it says what it found. */
struct doctor {
	const struct sk_home *home;
	char *work; /* folder for trials */
	char detail[DETAIL_SIZE];
};

static int check_system_calls(struct doctor *doc, struct sk_err *err)
{
	const struct open_how how = {.flags = O_PATH};
	const struct {
		const char *name, *since;
		long result;
	} calls[] = {
		{"openat2", "5.6", sk_sys_openat2(-1, "", &how) < 0 ? errno : 0},
		{"pidfd_open", "5.3", sk_sys_pidfd_open(-1, 0) < 0 ? errno : 0},
		{"close_range", "5.9", sk_sys_close_range(2, 1, 0) < 0 ? errno : 0},
		{"clone3", "5.3", sk_sys_clone3(NULL, 0) < 0 ? errno : 0},
		{"fsopen", "5.2", sk_sys_fsopen(NULL, 0) < 0 ? errno : 0},
		{"mount_setattr", "5.12",
		 sk_sys_mount_setattr(-1, "", 0, NULL, 0) < 0 ? errno : 0},
	};
	struct utsname name;

	for (size_t i = 0; i < SK_ARRAY_SIZE(calls); i++)
		if (calls[i].result == ENOSYS)
			return sk_err_set(err, ENOSYS,
					  "%s is missing: it is in Linux since %s",
					  calls[i].name, calls[i].since);
	if (uname(&name) < 0)
		return sk_err_errno(err, "ask for the kernel's version");
	(void)snprintf(doc->detail, DETAIL_SIZE, "Linux %s", name.release);
	return 0;
}

static int body_userns(const void *ctx, struct sk_err *err)
{
	(void)ctx;
	return sk_trial_enter_userns(err);
}

static int check_userns(struct doctor *doc, struct sk_err *err)
{
	(void)snprintf(doc->detail, DETAIL_SIZE, "can be made");
	return sk_trial_run(body_userns, doc, err);
}

static int body_namespaces(const void *ctx, struct sk_err *err)
{
	const struct doctor *doc = ctx;
	static const struct {
		int flag;
		const char *name;
	} kinds[] = {
		{CLONE_NEWNS, "mount"},
		{CLONE_NEWPID, "pid"},
		{CLONE_NEWNET, "network"},
		{CLONE_NEWIPC, "ipc"},
		{CLONE_NEWUTS, "uts"},
		{CLONE_NEWCGROUP, "cgroup"},
		{0x80 /* CLONE_NEWTIME */, "time"},
	};
	int r = doc->home->is_rootless ? sk_trial_enter_userns(err) : 0;

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(kinds); i++)
		if (unshare(kinds[i].flag) < 0)
			r = sk_err_errno(err, "make a %s namespace", kinds[i].name);
	return r;
}

static int check_namespaces(struct doctor *doc, struct sk_err *err)
{
	(void)snprintf(doc->detail, DETAIL_SIZE,
		       "mount, pid, network, ipc, uts, cgroup, time");
	return sk_trial_run(body_namespaces, doc, err);
}

/* A child in a new user namespace that waits for its maps until @hold is closed. */
static pid_t start_userns_child(int *ret_hold, struct sk_err *err)
{
	struct pollfd ready;
	int up[2], down[2];
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	pid = fork();
	if (pid == 0) {
		char byte = 0;

		(void)close(down[1]);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		if (write(up[1], &byte, 1) == 1)
			(void)!read(down[0], &byte, 1);
		_exit(0);
	}
	(void)close(up[1]);
	(void)close(down[0]);
	*ret_hold = down[1];
	ready = (struct pollfd){.fd = up[0], .events = POLLIN};
	if (pid > 0 && (poll(&ready, 1, STEP_MS) != 1 || !(ready.revents & POLLIN))) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		(void)close(down[1]);
		pid = sk_err_set(err, EPERM, "make a user namespace: refused");
	} else if (pid < 0) {
		pid = sk_err_errno(err, "start a process");
		(void)close(down[1]);
	}
	(void)close(up[0]);
	return pid;
}

/* Writes the maps that a container would get; on success @after is called before the child ends. */
static int with_mapped_child(struct doctor *doc, struct sk_spec *spec,
			     int (*after)(struct doctor *, pid_t, struct sk_err *),
			     struct sk_err *err)
{
	int hold = -1, r;
	pid_t pid = start_userns_child(&hold, err);

	if (pid < 0)
		return pid;
	r = sk_idmap_write(pid, spec, err);
	if (r == 0 && after)
		r = after(doc, pid, err);
	(void)close(hold);
	(void)waitpid(pid, NULL, 0);
	return r;
}

static int try_idmapped_mount(struct doctor *doc, pid_t pid, struct sk_err *err)
{
	sk_autoclose int userns = sk_idmap_userns(pid, err);
	sk_autoclose int mount = -1;

	if (userns < 0)
		return userns;
	mount = sk_idmap_mount(doc->work, userns, false, err);
	return mount < 0 ? mount : 0;
}

static int check_idmap(struct doctor *doc, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;

	if (doc->home->is_rootless) {
		(void)snprintf(doc->detail, DETAIL_SIZE,
			       "for root only; not needed here");
		return 0;
	}
	spec = sk_spec_new();
	if (!spec)
		return sk_err_oom(err);
	sk_idrange_fill(spec, "doctor", false);
	(void)snprintf(doc->detail, DETAIL_SIZE, "work on '%s'", doc->home->root);
	return with_mapped_child(doc, spec, try_idmapped_mount, err);
}

static int check_subids(struct doctor *doc, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	int r;

	if (!doc->home->is_rootless) {
		(void)snprintf(doc->detail, DETAIL_SIZE, "root needs none");
		return 0;
	}
	spec = sk_spec_new();
	if (!spec)
		return sk_err_oom(err);
	sk_idrange_fill(spec, "doctor", true);
	if (!spec->use_newidmap) {
		r = sk_err_set(
			err, ENOENT,
			"no range in /etc/subuid and /etc/subgid, or no newuidmap: "
			"containers have one user only");
		return sk_err_hint(
			err, r,
			"apt-get install uidmap; usermod --add-subuids 100000-165535 "
			"--add-subgids 100000-165535 USER");
	}
	(void)snprintf(doc->detail, DETAIL_SIZE, "newuidmap maps a range of this user");
	return with_mapped_child(doc, spec, NULL, err);
}

/* A real union: what is written above must not be seen below. */
static int try_overlay(const struct doctor *doc, const char *lower, struct sk_err *err)
{
	const char *extra = doc->home->is_rootless ? ",userxattr" : "";
	sk_autofree char *options =
		sk_strf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work%s", lower,
			doc->work, doc->work, extra);
	sk_autofree char *target = sk_strf("%s/merged", doc->work);
	int r = doc->home->is_rootless ? sk_trial_enter_userns(err) : 0;

	if (r < 0)
		return r;
	if (!options || !target)
		return sk_err_oom(err);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sk_err_errno(err, "make a mount namespace");
	if (mount("overlay", target, "overlay", 0, options) < 0)
		return sk_err_errno(err, "mount an overlay over '%s'", lower);
	return 0;
}

static int body_overlay(const void *ctx, struct sk_err *err)
{
	const struct doctor *doc = ctx;
	sk_autofree char *lower = sk_strf("%s/lower", doc->work);

	return lower ? try_overlay(doc, lower, err) : sk_err_oom(err);
}

static int body_overlay_root(const void *ctx, struct sk_err *err)
{
	const struct doctor *doc = ctx;
	return try_overlay(doc, "/", err);
}

static int check_overlay(struct doctor *doc, struct sk_err *err)
{
	(void)snprintf(doc->detail, DETAIL_SIZE, "works on '%s'", doc->home->root);
	return sk_trial_run(body_overlay, doc, err);
}

static int check_overlay_root(struct doctor *doc, struct sk_err *err)
{
	if (doc->home->is_rootless) {
		(void)snprintf(doc->detail, DETAIL_SIZE,
			       "for root only: @host has read-only volumes here");
		return 0;
	}
	(void)snprintf(doc->detail, DETAIL_SIZE, "'/' can be a lower layer");
	return sk_trial_run(body_overlay_root, doc, err);
}

/* Each limit in a group of its own, which is removed again. */
static int try_limit(const char *name, const struct sk_cgroup_limits *limits,
		     struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	sk_autofree char *path = sk_strf("skiff/doctor-%d-%s", (int)getpid(), name);
	int r;

	if (!path)
		return sk_err_oom(err);
	r = sk_cgroup_open(&(struct sk_cgroup_opts){.path = path}, &cg, err);
	if (r < 0)
		return r;
	r = sk_cgroup_create(cg, limits, err);
	(void)sk_cgroup_remove(cg, NULL);
	sk_cgroup_remove_empty_parents(cg);
	return r;
}

static int check_cgroups(struct doctor *doc, struct sk_err *err)
{
	static const struct {
		const char *name;
		struct sk_cgroup_limits limits;
	} kinds[] = {
		{"memory", {.memory_bytes = 64u << 20}},
		{"cpu", {.cpu_milli = 500}},
		{"pids", {.pids_max = 64}},
	};
	enum sk_cgroup_mode mode = sk_cgroup_mode();
	int r;

	if (mode == SK_CGROUP_NONE)
		return sk_err_set(err, ENOENT, "no cgroup file system is mounted");
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		r = try_limit(kinds[i].name, &kinds[i].limits, err);
		if (r < 0 && doc->home->is_rootless)
			(void)sk_err_hint(
				err, r,
				"run as root, or in a group that was delegated: "
				"systemd-run --user --scope -p Delegate=yes ...");
		if (r < 0)
			return sk_err_wrap(err, r, "limit %s (cgroups: %s)",
					   kinds[i].name, sk_cgroup_mode_name(mode));
	}
	(void)snprintf(doc->detail, DETAIL_SIZE,
		       "%s: memory, cpu and pids can be limited",
		       sk_cgroup_mode_name(mode));
	return 0;
}

static int body_seccomp(const void *ctx, struct sk_err *err)
{
	const struct doctor *doc = ctx;
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = NULL;
	int r = sk_seccomp_new_default(&filter, err);

	(void)doc;
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sk_err_errno(err, "set no-new-privileges");
	r = sk_seccomp_install(filter, err);
	if (r < 0)
		return r;
	if (syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0 || errno != EPERM)
		return sk_err_set(err, EIO, "the seccomp filter lets keyctl through");
	return 0;
}

static int check_seccomp(struct doctor *doc, struct sk_err *err)
{
	(void)snprintf(doc->detail, DETAIL_SIZE, "the default filter holds");
	return sk_trial_run(body_seccomp, doc, err);
}

static const struct {
	const char *name;
	int (*check)(struct doctor *doc, struct sk_err *err);
	const char *fix;
} checks[] = {
	{"system calls", check_system_calls, "run a newer kernel: Linux 5.12 or later"},
	{"user namespaces", check_userns,
	 "sysctl user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1"},
	{"namespaces", check_namespaces, "run a kernel with namespaces of every kind"},
	{"idmapped mounts", check_idmap,
	 "put --root on ext4, xfs, btrfs or (Linux 6.3) tmpfs, or use --userns host"},
	{"subordinate ids", check_subids, NULL},
	{"overlay", check_overlay,
	 "modprobe overlay; --root on ext4, xfs, btrfs or tmpfs"},
	{"overlay of '/'", check_overlay_root,
	 "use @busybox or an imported image instead of @host"},
	{"cgroups", check_cgroups, "mount the controllers: see cgroups(7)"},
	{"seccomp", check_seccomp, "run a kernel with CONFIG_SECCOMP_FILTER"},
};

static int make_work(const struct sk_home *home, char **ret, struct sk_err *err)
{
	static const char *const folders[] = {"lower", "upper", "work", "merged"};
	sk_autofree char *work = sk_strf("%s/doctor-XXXXXX", home->root);
	sk_autoclose int fd = -1;

	if (!work)
		return sk_err_oom(err);
	if (!mkdtemp(work))
		return sk_err_errno(err, "make a folder in '%s'", home->root);
	fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		if (mkdirat(fd, folders[i], 0755) < 0) {
			(void)sk_err_errno(err, "make a folder in '%s'", work);
			goto undo_mkdir;
		}
	*ret = sk_steal(&work);
	return 0;

undo_mkdir:
	(void)sk_fs_remove_tree(AT_FDCWD, work, NULL);
	return -EIO;
}

int sk_runtime_doctor(const struct sk_home *home, struct sk_json *list,
		      struct sk_err *err)
{
	struct doctor doc = {.home = home};
	int r = make_work(home, &doc.work, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++) {
		struct sk_err why = SK_ERR_INIT;

		if (checks[i].check(&doc, &why) < 0 && why.code == 0)
			(void)sk_err_set(&why, EIO, "it failed without a reason");
		sk_trial_report(list, checks[i].name, doc.detail, &why, checks[i].fix);
	}
	r = sk_fs_remove_tree(AT_FDCWD, doc.work, err);
	free(doc.work);
	return r;
}
