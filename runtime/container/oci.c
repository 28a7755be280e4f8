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
#include "runtime/container/oci_cloned.h"
#include "runtime/container/oci_io.h"
#include "runtime/container/oci_life.h"
#include "runtime/container/oci_record.h"
#include "runtime/container/oci_self.h"
#include "runtime/sandbox/sandbox.h"

#define START_SOCKET "start.sock"

/* How far a container is brought, and who stays. */
enum aim { AIM_CREATED, AIM_DETACHED, AIM_FOREGROUND };

/* The path of a record may be longer than a socket's may be. */
static void socket_path(const struct sk_state *state, char path[64])
{
	(void)snprintf(path, 64, "/proc/self/fd/%d/" START_SOCKET, state->dir_fd);
}

static char *hook_state(void *arg, const char *status, pid_t pid)
{
	const struct sk_oci_cloned *cloned = arg;
	sk_auto(sk_json_free) struct sk_json *object =
		sk_oci_describe(cloned->state, status, pid);

	return sk_json_print(object, false);
}

static int bring_up(struct sk_container *ctr, const struct sk_oci_bundle *bundle,
		    const struct sk_oci_opts *opts, enum aim aim, struct sk_err *err)
{
	const struct sk_oci_io io = sk_oci_io_of(opts);
	sk_autoclose int gate = -1, null_fd = -1;
	struct sk_oci_cloned cloned = {
		.state = ctr->state,
		.spec = bundle->spec,
		.shall_record = opts->cgroup_manager == SK_CGROUP_MANAGER_DISABLED,
	};
	struct sk_sandbox_opts how = {
		.spec = bundle->spec,
		.gate_fd = -1,
		.keep_running = aim != AIM_FOREGROUND,
		.hook_state = hook_state,
		.on_cloned = sk_oci_on_cloned,
		.arg = &cloned,
		.hook_cwd = bundle->path,
		.listen_fds = sk_oci_io_listen_fds(),
		.keep_keyring = opts->no_new_keyring,
	};
	char path[64];
	int r = sk_attach_stdio(true, how.stdio, &null_fd, err);

	if (r < 0)
		return r;
	how.preserve_fds = (unsigned int)opts->preserve_fds + how.listen_fds;
	if (aim == AIM_CREATED) {
		socket_path(ctr->state, path);
		gate = how.gate_fd = sk_sock_listen(path, err);
		if (gate < 0)
			return gate;
	}
	r = sk_launch_start(ctr, &how, err);
	if (aim != AIM_CREATED)
		sk_oci_release_self();
	if (r == 0)
		r = sk_launch_record(ctr->state, ctr->pid,
				     aim == AIM_CREATED ? "created" : "running", err);
	return r < 0 ? r : sk_oci_io_hand_over(&io, ctr->pty, ctr->pidfd, ctr->pid, err);
}

static int create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, enum aim aim, struct sk_container **ret,
		  struct sk_err *err)
{
	sk_auto(sk_oci_bundle_finish) struct sk_oci_bundle bundle = {0};
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	int r = sk_oci_begin(home, id, opts, &bundle, &ctr, err);

	if (r < 0)
		return r;
	r = bring_up(ctr, &bundle, opts, aim, err);
	if (r < 0)
		sk_oci_give_up(ctr);
	else
		*ret = sk_steal(&ctr);
	return r;
}

int sk_oci_create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, struct sk_err *err)
{
	struct sk_container *ctr = NULL;
	struct sk_oci_opts detached = *opts;
	int r;

	detached.detach = true;
	r = create(home, id, &detached, AIM_CREATED, &ctr, err);

	if (r == 0)
		sk_oci_release(ctr);
	return r;
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
	r = sk_sandbox_await_exec(sock, sk_oci_pid(state), err);
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

	/* a paused one would not answer before it is resumed */
	if (r == 0 && strcmp(sk_oci_status(state), "created") != 0)
		return sk_err_set(err, EINVAL, "container '%s' is %s, not created", id,
				  sk_oci_status(state));
	if (r == 0)
		r = pass_gate(state, err);
	if (r < 0)
		return r;
	sk_state_unlock(state);
	return run_poststart(state, err);
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
	if (r != 0)
		return r;
	r = run_poststart(ctr->state, err);
	if (r < 0) {
		sk_oci_give_up(ctr);
		return r;
	}
	if (opts->detach) {
		sk_oci_release(sk_steal(&ctr));
		*ret_status = 0;
		return 0;
	}
	return sk_oci_stay(&attach, ctr, opts, ret_status, err);
}
