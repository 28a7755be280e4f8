// SPDX-License-Identifier: Apache-2.0
/* control - signal, stop and remove a container */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/container/attach.h"
#include "runtime/container/erase.h"
#include "runtime/container/handle.h"
#include "runtime/runtime.h"

#define KILL_WAIT_MS 10000

int sk_control_pidfd(const struct sk_state *state, struct sk_err *err)
{
	int64_t pid = sk_json_int(sk_json_get(state->doc, "pid"), 0);
	int64_t start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);
	int fd = -ESRCH;

	if (pid > 0)
		fd = sk_proc_open((pid_t)pid, (unsigned long long)start);
	if (fd == -ESRCH)
		return sk_err_set(err, ESRCH, "container '%s' is not running", state->id);
	if (fd < 0)
		return sk_err_code(err, fd, "open the process of container '%s'",
				   state->id);
	return fd;
}

int sk_container_signal(const struct sk_home *home, const char *name, int sig,
			struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_autoclose int pidfd = -1;
	int r = sk_state_open(home, name, &state, err);

	if (r < 0)
		return r;
	pidfd = sk_control_pidfd(state, err);
	if (pidfd < 0)
		return pidfd;
	if (sk_sys_pidfd_send_signal(pidfd, sig) < 0)
		return sk_err_errno(err, "signal container '%s'", name);
	return 0;
}

static bool wait_for(int pidfd, unsigned int timeout_ms)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	struct pollfd fds = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int n = poll(&fds, 1, sk_clock_remaining_ms(deadline));

		if (n > 0 || (n == 0 && sk_clock_remaining_ms(deadline) == 0))
			return n > 0;
	}
}

static int end_process(const struct sk_state *state, unsigned int timeout_ms,
		       struct sk_err *err)
{
	sk_autoclose int pidfd = sk_control_pidfd(state, err);

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	/* PID 1 never feels a signal that it does not catch: no use in waiting */
	if (timeout_ms > 0 && !sk_attach_ignores(pidfd, SIGTERM)) {
		if (sk_sys_pidfd_send_signal(pidfd, SIGTERM) < 0 && errno != ESRCH)
			return sk_err_errno(err, "stop container '%s'", state->id);
		if (wait_for(pidfd, timeout_ms))
			return 0;
	}
	if (sk_sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
		return sk_err_errno(err, "kill container '%s'", state->id);
	if (!wait_for(pidfd, KILL_WAIT_MS))
		return sk_err_set(err, ETIMEDOUT,
				  "container '%s' did not end within %d s of SIGKILL",
				  state->id, KILL_WAIT_MS / 1000);
	return 0;
}

/* The one that is responsible cleans up and lets go of the lock; a record may vanish. */
static int await_owner(struct sk_state *state, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = sk_state_lock(state, KILL_WAIT_MS, &why);

	if (r == -ENOENT || r == -ESTALE)
		return 0;
	if (r < 0) {
		*(err ? err : &why) = why;
		return sk_err_wrap(err, r, "wait until container '%s' is cleaned up",
				   state->id);
	}
	r = 0;
	if (strcmp(sk_state_status(state), "exited") != 0)
		r = sk_erase_orphan(state, err);
	sk_close(&state->lock_fd);
	return r;
}

static int stop(struct sk_state *state, unsigned int timeout_ms, struct sk_err *err)
{
	int r = end_process(state, timeout_ms, err);

	return r < 0 ? r : await_owner(state, err);
}

int sk_container_stop(const struct sk_home *home, const char *name,
		      unsigned int timeout_ms, struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_open(home, name, &state, err);

	return r < 0 ? r : stop(state, timeout_ms, err);
}

int sk_container_remove(const struct sk_home *home, const char *name, bool force,
			struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_open(home, name, &state, err);

	if (r < 0)
		return r;
	if (force) {
		r = stop(state, 0, err);
		if (r < 0)
			return r;
	}
	r = sk_state_lock(state, 0, err);
	if (r == -ENOENT || r == -ESTALE)
		return 0; /* --rm, or another remover */
	if (r == -EWOULDBLOCK) {
		r = sk_err_set(err, EBUSY, "container '%s' is running", name);
		return sk_err_hint(err, r, "stop it first, or use: skiff rm -f %s", name);
	}
	return r < 0 ? r : sk_erase_record(state, err);
}
