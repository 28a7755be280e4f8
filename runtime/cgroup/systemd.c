// SPDX-License-Identifier: Apache-2.0
/* systemd - groups as scopes that systemd makes when asked over D-Bus
 *
 * Theory of operation
 *
 * 1. place: the machine's systemd for root, the user's own for anybody else, also for root of
 *    a user namespace. It tells its own group; with the slice and the scope's name the path
 *    is known before anything is made, and can be written down.
 * 2. start: a scope needs a process, and the container's does not exist yet, as it shall be
 *    cloned into its group. So a process of our own that only waits, the holder, is put
 *    into it. When the job is done the folders are there and limits are set by writing to
 *    them, as without systemd; Delegate=yes is what allows that.
 * 3. Who is root lets the container's process enter as without systemd. A user may not move
 *    processes from a session to a service, but the systemds may: attach asks for it.
 * 4. settle: the container's process is in, the holder ends.
 * 5. sync: what systemd believes the limits to be it writes again whenever it likes, so it
 *    is told what the files say after each change.
 * 6. stop: when the processes are gone. systemd removes its folders; cgroup.c what is left.
 */
#include "runtime/cgroup/systemd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/cgroup/dbus.h"

#define SYSTEM_BUS   "unix:path=/run/dbus/system_bus_socket"
#define SYSTEM_PEER  "private:unix:path=/run/systemd/private"
#define TIMEOUT_NS   (25 * SK_NS_PER_S)
#define ANNOTATION   "org.systemd.property."
#define ALL_IDS	     4294967295ull
#define MANAGER	     "org.freedesktop.systemd1.Manager"
#define PROPERTIES   "org.freedesktop.DBus.Properties"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_NAME "org.freedesktop.systemd1"
#define JOBS_MATCH                                                                       \
	"type='signal',sender='" MANAGER_NAME "',path='" MANAGER_PATH                    \
	"',interface='" MANAGER "',member='JobRemoved'"

/* The caller's uid outside of its user namespace; whether it is root of the machine. */
static bool find_uid(uid_t *ret)
{
	sk_autofree char *map = NULL;
	unsigned long long inside = 0, outside = 0, count = 0;
	const char *line;

	*ret = geteuid();
	if (sk_fs_read(AT_FDCWD, "/proc/self/uid_map", 65536, &map, NULL) < 0)
		return *ret == 0;
	for (line = map; line && *line; line = strchr(line, '\n')) {
		char *end;

		inside = strtoull(line + (*line == '\n'), &end, 10);
		outside = strtoull(end, &end, 10);
		count = strtoull(end, NULL, 10);
		if (geteuid() >= inside && geteuid() - inside < count) {
			*ret = (uid_t)(outside + geteuid() - inside);
			break;
		}
	}
	return *ret == 0 && count == ALL_IDS;
}

/* Addresses in the order in which they are tried. */
static char **bus_addresses(bool is_user, uid_t uid)
{
	const char *given =
		getenv(is_user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *dir = getenv("XDG_RUNTIME_DIR");
	sk_autofree char *run = dir ? strdup(dir) : sk_strf("/run/user/%u", uid);
	sk_auto(sk_strv_free) char **list = NULL;
	int r = 0;

	if (given && *given)
		r = sk_strv_add(&list, given);
	else if (!is_user)
		r = sk_strv_add(&list, SYSTEM_BUS) < 0 ||
		    sk_strv_add(&list, SYSTEM_PEER) < 0;
	else if (run)
		r = sk_strv_addf(&list, "unix:path=%s/bus", run) < 0 ||
		    sk_strv_addf(&list, "private:unix:path=%s/systemd/private", run) < 0;
	return r == 0 ? sk_steal(&list) : NULL;
}

static int connect_bus(bool is_user, struct sk_dbus **ret, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + TIMEOUT_NS;
	sk_auto(sk_strv_free) char **list = NULL;
	struct sk_err why = SK_ERR_INIT;
	uid_t uid;
	int r = -ENOMEM;

	(void)find_uid(&uid);
	list = bus_addresses(is_user, uid);
	if (!list)
		return sk_err_oom(err);
	for (char **address = list; *address; address++) {
		struct sk_err one = SK_ERR_INIT;

		r = sk_dbus_open(*address, uid, deadline, ret, &one);
		if (r == 0)
			return 0;
		if (address == list)
			why = one;
	}
	r = sk_err_set(err, why.code, "reach systemd: %s", why.msg);
	return sk_err_hint(
		err, r,
		"without systemd use the cgroup manager cgroupfs; a user needs a "
		"session with XDG_RUNTIME_DIR and a user bus");
}

static int call(struct sk_dbus *bus, const char *member, const char *signature,
		const struct sk_dbus_writer *body, struct sk_dbus_message *ret,
		struct sk_err *err)
{
	const struct sk_dbus_message message = {
		.destination = MANAGER_NAME,
		.path = MANAGER_PATH,
		.interface = strcmp(member, "Get") == 0 ? PROPERTIES : MANAGER,
		.member = member,
		.signature = signature,
		.body = body->bytes,
		.body_len = body->len,
	};

	if (body->failed)
		return sk_err_oom(err);
	return sk_dbus_call(bus, &message, ret, err);
}

/* The group that systemd itself was started in: "" on a machine, "/user.slice/…" of a user. */
static int ask_own_group(struct sk_dbus *bus, char **ret, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	struct sk_dbus_reader reader = {0};
	struct sk_dbus_message answer;
	const char *type, *group;
	int r;

	sk_dbus_put_str(&body, MANAGER);
	sk_dbus_put_str(&body, "ControlGroup");
	r = call(bus, "Get", "ss", &body, &answer, err);
	if (r < 0)
		return r;
	reader.bytes = answer.body;
	reader.len = answer.body_len;
	type = sk_dbus_get_sig(&reader);
	group = type && strcmp(type, "s") == 0 ? sk_dbus_get_str(&reader) : NULL;
	if (!group || (*group && (group[0] != '/' || strstr(group, "/../"))))
		return sk_err_set(err, EPROTO, "systemd does not tell its own cgroup");
	*ret = strdup(strcmp(group, "/") == 0 ? "" : group);
	return *ret ? 0 : sk_err_oom(err);
}

static int take_annotations(struct sk_systemd *systemd, const struct sk_json *annotations,
			    struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer trial = {0};
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	while ((value = sk_json_each(annotations, &cursor, &key))) {
		const char *name = sk_str_starts(key, ANNOTATION);
		const char *text = sk_json_str(value, "");
		int r;

		if (!name)
			continue;
		r = sk_systemd_put_annotation(&trial, name, text, err);
		if (r < 0)
			return r;
		if (sk_strv_addf(&systemd->properties, "%s=%s", name, text) < 0)
			return sk_err_oom(err);
	}
	return 0;
}

int sk_systemd_place(struct sk_cgroup *cg, const struct sk_cgroup_opts *opts,
		     struct sk_err *err)
{
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	sk_autofree char *own = NULL, *slice = NULL;
	uid_t uid;
	int r = sk_systemd_from_path(opts->path, opts->id ? opts->id : "",
				     !find_uid(&uid), &cg->systemd, err);

	if (r == 0)
		r = take_annotations(cg->systemd, opts->annotations, err);
	if (r == 0)
		r = connect_bus(cg->systemd->is_user, &bus, err);
	if (r == 0)
		r = ask_own_group(bus, &own, err);
	if (r < 0)
		return r;
	slice = sk_systemd_slice_path(cg->systemd->slice);
	cg->path = slice ? sk_strf("%s%s/%s", own, slice, cg->systemd->unit) : NULL;
	return cg->path ? 0 : sk_err_oom(err);
}

/* It holds nothing that a caller may wait for the end of, and dies with its parent. */
static _Noreturn void hold(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sk_sys_signals_default();
	(void)sk_sys_close_range(0, ~0u, 0);
	if (getppid() != parent)
		_exit(0);
	for (;;)
		(void)pause();
}

void sk_systemd_settle(struct sk_systemd *systemd)
{
	if (systemd->holder <= 0)
		return;
	(void)kill(systemd->holder, SIGKILL);
	while (waitpid(systemd->holder, NULL, 0) < 0 && errno == EINTR)
		;
	systemd->holder = 0;
}

static void put_text(struct sk_dbus_writer *w, const char *name, const char *value)
{
	sk_dbus_put_align(w, 8);
	sk_dbus_put_str(w, name);
	sk_dbus_put_sig(w, "s");
	sk_dbus_put_str(w, value);
}

static void put_flag(struct sk_dbus_writer *w, const char *name, bool value)
{
	sk_dbus_put_align(w, 8);
	sk_dbus_put_str(w, name);
	sk_dbus_put_sig(w, "b");
	sk_dbus_put_u32(w, value);
}

static void put_pids(struct sk_dbus_writer *w, pid_t pid)
{
	size_t mark = sk_dbus_open_array(w, 4);

	sk_dbus_put_u32(w, (uint32_t)pid);
	sk_dbus_close_array(w, mark, 4);
}

/* What annotations say comes last, and so wins. */
static int put_scope(struct sk_dbus_writer *w, const struct sk_systemd *systemd,
		     struct sk_err *err)
{
	sk_autofree char *text = sk_strf("container %s", systemd->unit);
	size_t properties, aux;

	if (!text)
		return sk_err_oom(err);
	sk_dbus_put_str(w, systemd->unit);
	sk_dbus_put_str(w, "fail");
	properties = sk_dbus_open_array(w, 8);
	put_text(w, "Description", text);
	put_text(w, "Slice", systemd->slice);
	put_text(w, "CollectMode", "inactive-or-failed");
	put_flag(w, "DefaultDependencies", false);
	put_flag(w, "Delegate", true);
	put_flag(w, "CPUAccounting", true);
	put_flag(w, "MemoryAccounting", true);
	put_flag(w, "IOAccounting", true);
	put_flag(w, "TasksAccounting", true);
	sk_dbus_put_align(w, 8);
	sk_dbus_put_str(w, "PIDs");
	sk_dbus_put_sig(w, "au");
	put_pids(w, systemd->holder);
	for (char **one = systemd->properties; one && *one; one++) {
		char *equal = strchr(*one, '=');
		sk_autofree char *name = strndup(*one, (size_t)(equal - *one));
		int r = name ? sk_systemd_put_annotation(w, name, equal + 1, err)
			     : sk_err_oom(err);

		if (r < 0)
			return r;
	}
	sk_dbus_close_array(w, properties, 8);
	aux = sk_dbus_open_array(w, 8);
	sk_dbus_close_array(w, aux, 8);
	return 0;
}

/* A bus brings signals to who asks it, systemd sends them when somebody subscribes. */
static int subscribe(struct sk_dbus *bus, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer rule = {0};
	const struct sk_dbus_writer none = {0};
	struct sk_dbus_message message = {
		.destination = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "AddMatch",
		.signature = "s",
	};
	int r = 0;

	sk_dbus_put_str(&rule, JOBS_MATCH);
	message.body = rule.bytes;
	message.body_len = rule.len;
	if (rule.failed)
		return sk_err_oom(err);
	if (sk_dbus_is_bus(bus))
		r = sk_dbus_call(bus, &message, NULL, err);
	return r < 0 ? r : call(bus, "Subscribe", "", &none, NULL, err);
}

/* JobRemoved: id, job, unit, result */
static int await_job(struct sk_dbus *bus, const char *job, const char *what,
		     struct sk_err *err)
{
	struct sk_dbus_message signal;
	struct sk_dbus_reader reader;
	const char *path, *result;
	int r;

	do {
		r = sk_dbus_await_signal(bus, "JobRemoved", &signal, err);
		if (r < 0)
			return r;
		reader = (struct sk_dbus_reader){.bytes = signal.body,
						 .len = signal.body_len};
		(void)sk_dbus_get_u32(&reader);
		path = sk_dbus_get_str(&reader);
		(void)sk_dbus_get_str(&reader);
		result = sk_dbus_get_str(&reader);
		if (!result || strcmp(signal.signature, "uoss") != 0)
			return sk_err_set(err, EPROTO,
					  "systemd: a JobRemoved that is none");
	} while (strcmp(path, job) != 0);
	if (strcmp(result, "done") != 0)
		return sk_err_set(err, EREMOTEIO, "systemd: %s: the job ended as '%s'",
				  what, result);
	return 0;
}

/* Call a method that answers with a job, and wait for the job's end. */
static int call_job(struct sk_dbus *bus, const char *member, const char *signature,
		    const struct sk_dbus_writer *body, struct sk_err *err)
{
	struct sk_dbus_message answer;
	struct sk_dbus_reader reader;
	sk_autofree char *job = NULL;
	const char *path;
	int r = call(bus, member, signature, body, &answer, err);

	if (r < 0)
		return r;
	reader = (struct sk_dbus_reader){.bytes = answer.body, .len = answer.body_len};
	path = strcmp(answer.signature, "o") == 0 ? sk_dbus_get_str(&reader) : NULL;
	if (!path)
		return sk_err_set(err, EPROTO, "systemd: %s: the answer is no job",
				  member);
	job = strdup(path);
	return job ? await_job(bus, job, member, err) : sk_err_oom(err);
}

static int reset_failed(struct sk_dbus *bus, const char *unit)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};

	sk_dbus_put_str(&body, unit);
	return call(bus, "ResetFailedUnit", "s", &body, NULL, NULL);
}

static int start_scope(const struct sk_systemd *systemd, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	int r = put_scope(&body, systemd, err);

	if (r == 0)
		r = connect_bus(systemd->is_user, &bus, err);
	if (r == 0)
		r = subscribe(bus, err);
	if (r == 0)
		r = call_job(bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, err);
	/* one of this name that failed is only remembered */
	if (r == -EEXIST && reset_failed(bus, systemd->unit) == 0)
		r = call_job(bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, err);
	return r;
}

int sk_systemd_start(struct sk_cgroup *cg, struct sk_err *err)
{
	struct sk_systemd *systemd = cg->systemd;
	pid_t parent = getpid();
	int r;

	systemd->holder = fork();
	if (systemd->holder == 0)
		hold(parent);
	if (systemd->holder < 0)
		return sk_err_errno(err, "start a process for the scope '%s'",
				    systemd->unit);
	r = start_scope(systemd, err);
	if (r < 0) {
		sk_systemd_settle(systemd);
		return sk_err_wrap(err, r, "make the scope '%s'", systemd->unit);
	}
	return 0;
}

int sk_systemd_attach(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	int r = connect_bus(cg->systemd->is_user, &bus, err);

	sk_dbus_put_str(&body, cg->systemd->unit);
	sk_dbus_put_str(&body, "");
	put_pids(&body, pid);
	if (r == 0)
		r = call(bus, "AttachProcessesToUnit", "ssau", &body, NULL, err);
	if (r < 0)
		return sk_err_wrap(err, r, "move process %d to the scope '%s'", (int)pid,
				   cg->systemd->unit);
	return 0;
}

/* Both files of v1's CPU cap, as put_file wants them. */
static int read_quota_v1(int dirfd, char **ret)
{
	sk_autofree char *quota = NULL, *period = NULL;
	int r = sk_fs_read(dirfd, "cpu.cfs_quota_us", 64, &quota, NULL);

	if (r == 0)
		r = sk_fs_read(dirfd, "cpu.cfs_period_us", 64, &period, NULL);
	if (r < 0)
		return r;
	*ret = sk_strf("%.*s %s", (int)strcspn(quota, "\n"), quota, period);
	return *ret ? 0 : -ENOMEM;
}

static void put_files(struct sk_dbus_writer *w, const struct sk_cgroup_hier *hier)
{
	static const char *const v1[] = {"memory.limit_in_bytes", "cpu.shares",
					 "pids.max", "blkio.weight"};
	static const char *const v2[] = {"memory.max",	"memory.high",	   "memory.low",
					 "memory.min",	"memory.swap.max", "cpu.weight",
					 "cpu.max",	"pids.max",	   "cpuset.cpus",
					 "cpuset.mems", "io.weight"};
	size_t nr = hier->is_v2 ? SK_ARRAY_SIZE(v2) : SK_ARRAY_SIZE(v1);
	sk_autofree char *quota = NULL;

	for (size_t i = 0; i < nr; i++) {
		const char *file = hier->is_v2 ? v2[i] : v1[i];
		sk_autofree char *text = NULL;

		if (sk_fs_read(hier->dirfd, file, 65536, &text, NULL) == 0)
			sk_systemd_put_file(w, file, text);
	}
	if (!hier->is_v2 && read_quota_v1(hier->dirfd, &quota) == 0)
		sk_systemd_put_file(w, "cpu.cfs_quota_us", quota);
}

int sk_systemd_sync(const struct sk_cgroup *cg, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	size_t mark;
	int r = connect_bus(cg->systemd->is_user, &bus, err);

	if (r < 0)
		return r;
	sk_dbus_put_str(&body, cg->systemd->unit);
	sk_dbus_put_u32(&body, true); /* not kept over a restart */
	mark = sk_dbus_open_array(&body, 8);
	for (unsigned int i = 0; i < cg->nr; i++)
		if (!cg->hiers[i].refused && cg->hiers[i].dirfd >= 0)
			put_files(&body, &cg->hiers[i]);
	sk_dbus_close_array(&body, mark, 8);
	r = call(bus, "SetUnitProperties", "sba(sv)", &body, NULL, err);
	if (r < 0)
		return sk_err_wrap(err, r, "tell the limits of the scope '%s'",
				   cg->systemd->unit);
	return 0;
}

int sk_systemd_stop(const struct sk_cgroup *cg, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	sk_auto(sk_dbus_free) struct sk_dbus *bus = NULL;
	struct sk_err why = SK_ERR_INIT;
	int r;

	/* a systemd that is gone has no scopes: what is left are folders */
	if (connect_bus(cg->systemd->is_user, &bus, &why) < 0)
		return 0;
	sk_dbus_put_str(&body, cg->systemd->unit);
	sk_dbus_put_str(&body, "replace");
	r = subscribe(bus, &why);
	if (r == 0)
		r = call_job(bus, "StopUnit", "ss", &body, &why);
	(void)reset_failed(bus, cg->systemd->unit);
	if (r == 0 || r == -ENOENT)
		return 0;
	return sk_err_set(err, -r, "stop the scope '%s': %s", cg->systemd->unit, why.msg);
}
