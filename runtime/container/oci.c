// SPDX-License-Identifier: Apache-2.0
/* oci - create, start and run as an OCI runtime
 *
 * 1. create: config.json to spec; record with the intent, groups, sandbox up to the last step
 *    before exec. The container's first process then waits in accept(2) on start.sock of its
 *    record, holds the stdio that create inherited, and belongs to whoever reaps create's
 *    children.
 * 2. start connects; the connection closes with a successful exec, or brings the failure.
 * 3. run needs no such gate. In the foreground the container dies with it (PDEATHSIG).
 *
 * Nobody is responsible for a container that runs: its record is locked only while it is
 * changed, and there is no recovery. A process that is killed while it changes one leaves
 * what the record names, and delete --force cleans that. Until the first process waits at the
 * gate it has a copy of the lock, so that delete does not look for it too early.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/attach.h"
#include "runtime/container/erase.h"
#include "runtime/container/launch.h"
#include "runtime/container/oci_group.h"
#include "runtime/container/oci_io.h"
#include "runtime/container/oci_record.h"
#include "runtime/sandbox/sandbox.h"

#define START_SOCKET "start.sock"

/* How far a container is brought, and who stays. */
enum aim { AIM_CREATED, AIM_DETACHED, AIM_FOREGROUND };

struct bundle {
	char *path; /* absolute, without links */
	char *text; /* of its config.json */
	size_t len;
	struct sk_spec *spec;
};

static void bundle_finish(struct bundle *bundle)
{
	free(bundle->path);
	free(bundle->text);
	sk_spec_free(bundle->spec);
}
SK_DEFINE_AUTO_FINISH(struct bundle, bundle_finish)

static int read_config(struct bundle *bundle, const char *name, struct sk_json **ret,
		       struct sk_err *err)
{
	sk_autoclose int dir_fd = open(bundle->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = dir_fd < 0 ? -errno
			   : sk_fs_read(dir_fd, name, SK_JSON_MAX_BYTES, &bundle->text,
					&bundle->len);

	if (r < 0)
		return sk_err_code(err, r, "read '%s' of bundle '%s'", name,
				   bundle->path);
	r = sk_json_parse(bundle->text, bundle->len, name, ret, err);
	return r < 0 ? sk_err_wrap(err, r, "bundle '%s'", bundle->path) : 0;
}

static int load_bundle(const struct sk_home *home, const char *id,
		       const struct sk_oci_opts *opts, struct bundle *bundle,
		       struct sk_err *err)
{
	const char *path = opts->bundle ? opts->bundle : ".";
	/* systemd names the group itself */
	sk_autofree char *group = opts->cgroup_manager == SK_CGROUP_MANAGER_SYSTEMD
					  ? strdup("")
					  : sk_strf("%s/%s", home->group, id);
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	int r;

	if (!group)
		return sk_err_oom(err);
	bundle->path = realpath(path, NULL);
	if (!bundle->path)
		return sk_err_errno(err, "open bundle '%s'", path);
	r = read_config(bundle, opts->config ? opts->config : "config.json", &config,
			err);
	if (r == 0)
		r = sk_spec_from_config(config, bundle->path, group, &bundle->spec, err);
	return r < 0 ? r : sk_spec_check(bundle->spec, err);
}

static int save_config(const struct sk_state *state, const struct bundle *bundle,
		       struct sk_err *err)
{
	sk_autoclose int fd = openat(state->dir_fd, "config.json",
				     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : sk_fs_write_all(fd, bundle->text, bundle->len);

	return r < 0 ? sk_err_code(err, r, "write 'config.json' of the record") : 0;
}

/* All that delete needs to know, before the first thing is made. */
static int write_intent(struct sk_container *ctr, const struct bundle *bundle,
			enum sk_cgroup_manager manager, struct sk_err *err)
{
	const struct sk_spec *spec = bundle->spec;
	struct sk_json *doc = ctr->state->doc;
	char now[SK_CLOCK_TEXT_SIZE];
	int r = sk_oci_group_open(spec, ctr->state->id, manager, &ctr->cgroup, err);

	if (r == 0)
		r = save_config(ctr->state, bundle, err);
	if (r < 0)
		return r;
	sk_json_set_str(doc, "owner", "oci");
	sk_json_set_str(doc, "bundle", bundle->path);
	sk_json_set_str(doc, "rootfs", spec->rootfs);
	sk_json_set_str(doc, "created", sk_clock_format(sk_clock_real(), now));
	if (spec->args)
		sk_json_set_strv(doc, "command", spec->args);
	sk_json_set(doc, "annotations", sk_json_ref(spec->annotations));
	sk_json_set(doc, "cgroups", sk_cgroup_paths(ctr->cgroup));
	for (int i = SK_HOOK_POSTSTART; i <= SK_HOOK_POSTSTOP; i++)
		if (spec->process.hooks[i].nr)
			sk_json_set_bool(doc, sk_hook_name((enum sk_hook_kind)i), true);
	return sk_state_save(ctr->state, err);
}

/* The path of a record may be longer than a socket's may be. */
static void socket_path(const struct sk_state *state, char path[64])
{
	(void)snprintf(path, 64, "/proc/self/fd/%d/" START_SOCKET, state->dir_fd);
}

static char *hook_state(void *arg, const char *status, pid_t pid)
{
	sk_auto(sk_json_free) struct sk_json *object = sk_oci_describe(arg, status, pid);

	return sk_json_print(object, false);
}

/* Without groups the process is all there is for delete to find. */
static int record_cloned(void *arg, pid_t pid, struct sk_err *err)
{
	return sk_launch_record(arg, pid, "creating", err);
}

static struct sk_oci_io io_of(const struct sk_oci_opts *opts)
{
	return (struct sk_oci_io){opts->pid_file, opts->console_socket,
				  opts->pidfd_socket};
}

static int bring_up(struct sk_container *ctr, const struct bundle *bundle,
		    const struct sk_oci_opts *opts, enum aim aim, struct sk_err *err)
{
	const struct sk_oci_io io = io_of(opts);
	sk_autoclose int gate = -1, null_fd = -1;
	struct sk_sandbox_opts how = {
		.spec = bundle->spec,
		.gate_fd = -1,
		.keep_running = aim != AIM_FOREGROUND,
		.hook_state = hook_state,
		.arg = ctr->state,
		.hook_cwd = bundle->path,
		.listen_fds = sk_oci_io_listen_fds(),
		.keep_keyring = opts->no_new_keyring,
	};
	char path[64];
	int r = sk_attach_stdio(true, how.stdio, &null_fd, err);

	if (r < 0)
		return r;
	how.preserve_fds = (unsigned int)opts->preserve_fds + how.listen_fds;
	if (opts->cgroup_manager == SK_CGROUP_MANAGER_DISABLED)
		how.on_cloned = record_cloned;
	if (aim == AIM_CREATED) {
		socket_path(ctr->state, path);
		gate = how.gate_fd = sk_sock_listen(path, err);
		if (gate < 0)
			return gate;
	}
	r = sk_launch_start(ctr, &how, err);
	if (r == 0)
		r = sk_launch_record(ctr->state, ctr->pid,
				     aim == AIM_CREATED ? "created" : "running", err);
	return r < 0 ? r : sk_oci_io_hand_over(&io, ctr->pty, ctr->pidfd, ctr->pid, err);
}

static int create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, enum aim aim, struct sk_container **ret,
		  struct sk_err *err)
{
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	sk_auto(bundle_finish) struct bundle bundle = {0};
	const struct sk_oci_io io = io_of(opts);
	struct sk_state *state = NULL;
	int r;

	r = load_bundle(home, id, opts, &bundle, err);
	if (r == 0)
		bundle.spec->no_pivot = opts->no_pivot;
	if (r == 0)
		r = sk_oci_io_check(&io, bundle.spec->tty, aim == AIM_FOREGROUND, err);
	if (r == 0)
		r = sk_state_claim(home, id, &state, err);
	if (r < 0)
		return r;
	ctr = sk_handle_new(state);
	if (!ctr)
		return sk_err_oom(err);
	r = write_intent(ctr, &bundle, opts->cgroup_manager, err);
	if (r == 0) {
		r = bring_up(ctr, &bundle, opts, aim, err);
		if (r < 0)
			(void)sk_oci_run_hooks(state, SK_HOOK_POSTSTOP, "stopped", NULL);
	}
	if (r < 0)
		return r;
	*ret = sk_steal(&ctr);
	return 0;
}

/* Let go of a container that goes on without this process. */
static void release(struct sk_container *ctr)
{
	sk_state_unlock(ctr->state);
	ctr->pid = -1;
	ctr->is_over = true;
	sk_container_free(ctr);
}

int sk_oci_create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, struct sk_err *err)
{
	struct sk_container *ctr = NULL;
	int r = create(home, id, opts, AIM_CREATED, &ctr, err);

	if (r < 0)
		return r;
	release(ctr);
	return 0;
}

static int pass_gate(struct sk_state *state, struct sk_err *err)
{
	sk_autoclose int sock = -1;
	char path[64];
	int r;

	socket_path(state, path);
	sock = sk_sock_connect(path, err);
	if (sock < 0)
		return sk_err_set(err, EINVAL,
				  "container '%s' does not wait to be started",
				  state->id);
	r = sk_sandbox_await_exec(sock, err);
	if (r < 0)
		return r;
	sk_json_set_str(state->doc, "status", "running");
	return sk_state_save(state, err);
}

static int run_poststart(struct sk_state *state, struct sk_err *err)
{
	int r = sk_oci_run_hooks(state, SK_HOOK_POSTSTART, "running", err);
	sk_autoclose int pidfd = r < 0 ? sk_control_pidfd(state, NULL) : -1;

	/* runtime.md, "Lifecycle": a container whose hook failed is stopped */
	if (pidfd >= 0)
		(void)sk_sys_pidfd_send_signal(pidfd, SIGKILL);
	return r;
}

int sk_oci_start(const struct sk_home *home, const char *id, struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_oci_find_locked(home, id, &state, err);

	if (r == 0 && strcmp(sk_state_status(state), "created") != 0)
		return sk_err_set(err, EINVAL, "container '%s' is %s, not created", id,
				  sk_oci_status(state));
	if (r == 0)
		r = pass_gate(state, err);
	if (r < 0)
		return r;
	sk_state_unlock(state);
	return run_poststart(state, err);
}

/* Another may have deleted it since it ended: then there is nothing left to do. */
static int clean_up(struct sk_container *ctr, bool keep, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r;

	ctr->is_over = true;
	if (keep)
		return 0;
	r = sk_state_lock(ctr->state, SK_OCI_LOCK_WAIT_MS, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*(err ? err : &why) = why;
		return r;
	}
	return sk_oci_destroy(ctr->state, ctr->cgroup, err);
}

static int stay(struct sk_attach *attach, struct sk_container *ctr,
		const struct sk_oci_opts *opts, int *ret_status, struct sk_err *err)
{
	struct sk_exit end = {0};
	int r = sk_attach_wait(attach, ctr->pidfd, opts->console_socket ? -1 : ctr->pty,
			       true, true, err);

	if (r == 0)
		r = sk_handle_wait(ctr, &end, err);
	if (r == 0)
		r = clean_up(ctr, opts->keep, err);
	if (r < 0)
		return r;
	if (attach->forced && end.status == 128 + SIGKILL && !end.oom)
		end.status = 128 + attach->forced;
	if (end.why[0])
		sk_log_warn("container '%s': %s", end.id, end.why);
	*ret_status = end.status;
	return 0;
}

int sk_oci_run(const struct sk_home *home, const char *id, const struct sk_oci_opts *opts,
	       int *ret_status, struct sk_err *err)
{
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	int r = opts->detach ? 0 : sk_attach_init(&attach, err);

	if (r == 0)
		r = create(home, id, opts, opts->detach ? AIM_DETACHED : AIM_FOREGROUND,
			   &ctr, err);
	if (r == 0)
		r = run_poststart(ctr->state, err);
	if (r != 0)
		return r;
	if (opts->detach) {
		release(sk_steal(&ctr));
		*ret_status = 0;
		return 0;
	}
	sk_state_unlock(ctr->state);
	return stay(&attach, ctr, opts, ret_status, err);
}
