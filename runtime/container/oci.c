// SPDX-License-Identifier: Apache-2.0
/* oci - create, start and run as an OCI runtime
 *
 * 1. create: config.json to spec; record, groups, sandbox up to the last step before exec.
 *    The container's first process then waits in accept(2) on start.sock of its record, holds
 *    the stdio that create inherited, and belongs to whoever reaps create's children.
 * 2. start connects; the connection closes with a successful exec, or brings the failure.
 *
 * Nobody is responsible for a created container, so its record is not locked and there is no
 * recovery: delete --force cleans whatever an interrupted create left. The records of
 * skiff-oci are in a folder of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/container/attach.h"
#include "runtime/container/erase.h"
#include "runtime/container/launch.h"
#include "runtime/container/oci_group.h"
#include "runtime/sandbox/sandbox.h"

#define START_SOCKET "start.sock"

static int load_spec(const struct sk_home *home, const char *bundle, const char *id,
		     enum sk_cgroup_manager manager, struct sk_spec **ret,
		     struct sk_err *err)
{
	/* systemd names the group itself */
	sk_autofree char *group = manager == SK_CGROUP_MANAGER_SYSTEMD
					  ? strdup("")
					  : sk_strf("%s/%s", home->group, id);
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autoclose int dir_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (!group)
		return sk_err_oom(err);
	if (dir_fd < 0)
		return sk_err_errno(err, "open bundle '%s'", bundle);
	r = sk_json_load(dir_fd, "config.json", &config, err);
	if (r < 0)
		return sk_err_wrap(err, r, "bundle '%s'", bundle);
	r = sk_spec_from_config(config, bundle, group, ret, err);
	return r < 0 ? r : sk_spec_check(*ret, err);
}

static int write_intent(struct sk_container *ctr, const struct sk_spec *spec,
			const char *bundle, enum sk_cgroup_manager manager,
			struct sk_err *err)
{
	struct sk_json *doc = ctr->state->doc;
	int r = sk_oci_group_open(spec, ctr->state->id, manager, &ctr->cgroup, err);

	if (r < 0)
		return r;
	sk_json_set_str(doc, "owner", "oci");
	sk_json_set_str(doc, "bundle", bundle);
	sk_json_set_str(doc, "rootfs", spec->rootfs);
	sk_json_set(doc, "annotations", sk_json_ref(spec->annotations));
	sk_launch_describe(ctr->state, spec, ctr->cgroup);
	return sk_state_save(ctr->state, err);
}

/* The path of a record may be longer than a socket's may be. */
static void socket_path(const struct sk_state *state, char path[64])
{
	(void)snprintf(path, 64, "/proc/self/fd/%d/" START_SOCKET, state->dir_fd);
}

static int hand_over_console(const struct sk_container *ctr, const char *path,
			     struct sk_err *err)
{
	sk_autoclose int sock = sk_sock_connect(path, err);
	int r;

	if (sock < 0)
		return sk_err_wrap(err, sock, "connect to the console socket '%s'", path);
	r = sk_sock_send_fd(sock, ctr->pty, 'p');
	if (r < 0)
		return sk_err_code(err, r, "send the terminal to '%s'", path);
	return 0;
}

static int write_pid_file(const char *path, pid_t pid, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	sk_autofree char *dir =
		slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	sk_autoclose int dir_fd = -1;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!dir)
		return sk_err_oom(err);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return sk_err_errno(err, "open folder '%s' of the pid file", dir);
	return sk_fs_replace_volatile(dir_fd, slash ? slash + 1 : path, text, (size_t)n,
				      0644, err);
}

static int check_terminal(const struct sk_spec *spec, const struct sk_oci_opts *opts,
			  bool has_terminal, struct sk_err *err)
{
	if (opts->no_pivot)
		return sk_err_set(err, EOPNOTSUPP,
				  "--no-pivot is not supported: it lets a container out");
	if (spec->tty && !opts->console_socket && !has_terminal)
		return sk_err_set(
			err, EINVAL,
			"process.terminal is set: a detached container needs --console-socket");
	if (!spec->tty && opts->console_socket)
		return sk_err_set(
			err, EINVAL,
			"--console-socket is given, but process.terminal is not set");
	return 0;
}

static int bring_up(struct sk_container *ctr, const struct sk_spec *spec,
		    const struct sk_oci_opts *opts, struct sk_err *err)
{
	sk_autoclose int gate = -1, null_fd = -1;
	char path[64];
	int stdio[3];
	int r = sk_attach_stdio(true, stdio, &null_fd, err);

	if (r < 0)
		return r;
	socket_path(ctr->state, path);
	gate = sk_sock_listen(path, err);
	if (gate < 0)
		return gate;
	r = sk_launch_start(ctr, spec, stdio, gate, err);
	if (r == 0 && opts->console_socket)
		r = hand_over_console(ctr, opts->console_socket, err);
	if (r == 0)
		r = sk_launch_record_running(ctr, "created", err);
	if (r == 0 && opts->pid_file)
		r = write_pid_file(opts->pid_file, ctr->pid, err);
	return r;
}

static int create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, bool has_terminal,
		  struct sk_container **ret, struct sk_err *err)
{
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	sk_autofree char *bundle = realpath(opts->bundle ? opts->bundle : ".", NULL);
	struct sk_state *state = NULL;
	int r;

	if (!bundle)
		return sk_err_errno(err, "open bundle '%s'",
				    opts->bundle ? opts->bundle : ".");
	r = load_spec(home, bundle, id, opts->cgroup_manager, &spec, err);
	if (r == 0)
		r = check_terminal(spec, opts, has_terminal, err);
	if (r == 0)
		r = sk_state_create(home, id, &state, err);
	if (r < 0)
		return r;
	ctr = sk_handle_new(state);
	if (!ctr)
		return sk_err_oom(err);
	r = write_intent(ctr, spec, bundle, opts->cgroup_manager, err);
	if (r == 0)
		r = bring_up(ctr, spec, opts, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&ctr);
	return 0;
}

/* Let go of a container that goes on without this process. */
static void release(struct sk_container *ctr)
{
	/* the waiting process had a copy of the descriptor */
	(void)flock(ctr->state->lock_fd, LOCK_UN);
	ctr->pid = -1;
	ctr->is_over = true;
	sk_container_free(ctr);
}

int sk_oci_create(const struct sk_home *home, const char *id,
		  const struct sk_oci_opts *opts, struct sk_err *err)
{
	struct sk_container *ctr = NULL;
	int r = create(home, id, opts, false, &ctr, err);

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
	(void)unlinkat(state->dir_fd, START_SOCKET, 0);
	sk_json_set_str(state->doc, "status", "running");
	return sk_state_save(state, err);
}

int sk_oci_start(const struct sk_home *home, const char *id, struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_open(home, id, &state, err);

	if (r == 0 && strcmp(sk_state_status(state), "created") != 0)
		return sk_err_set(err, EINVAL, "container '%s' is %s, not created", id,
				  sk_state_status(state));
	return r < 0 ? r : pass_gate(state, err);
}

int sk_oci_run(const struct sk_home *home, const char *id, const struct sk_oci_opts *opts,
	       int *ret_status, struct sk_err *err)
{
	sk_auto(sk_attach_finish) struct sk_attach attach = {.signal_fd = -1};
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	struct sk_exit end = {0};
	int r = opts->detach ? 0 : sk_attach_init(&attach, err);

	if (r == 0)
		r = create(home, id, opts, !opts->detach, &ctr, err);
	if (r == 0)
		r = pass_gate(ctr->state, err);
	if (r != 0)
		return r;
	if (opts->detach) {
		release(sk_steal(&ctr));
		*ret_status = 0;
		return 0;
	}
	r = sk_attach_wait(&attach, ctr->pidfd, opts->console_socket ? -1 : ctr->pty,
			   true, false, err);
	if (r == 0)
		r = sk_container_finish(ctr, false, &end, err);
	if (r == 0)
		*ret_status = end.status;
	return r;
}
