// SPDX-License-Identifier: Apache-2.0
/* handle - a container that this process is the parent of: its end and its cause */
#include "runtime/container/handle.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/oci_rdt.h"

#define KILL_WAIT_MS 10000

struct sk_container *sk_handle_new(struct sk_state *state)
{
	struct sk_container *ctr = calloc(1, sizeof(*ctr));

	if (!ctr) {
		sk_state_free(state);
		return NULL;
	}
	ctr->state = state;
	ctr->pid = -1;
	ctr->pidfd = ctr->pty = -1;
	return ctr;
}

int sk_container_pidfd(const struct sk_container *ctr)
{
	return ctr->pidfd;
}

pid_t sk_container_pid(const struct sk_container *ctr)
{
	return ctr->pid;
}

void sk_handle_set_exit(struct sk_state *state, const struct sk_exit *end)
{
	char now[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(state->doc, "status", "exited");
	sk_json_set_int(state->doc, "exit_code", end->status);
	sk_json_set_bool(state->doc, "oom", end->oom);
	sk_json_set_str(state->doc, "why", end->why[0] ? end->why : NULL);
	sk_json_set_str(state->doc, "hint", end->hint[0] ? end->hint : NULL);
	sk_json_set_str(state->doc, "finished", sk_clock_format(sk_clock_real(), now));
	sk_json_set_int(state->doc, "pid", 0);
}

/* The process of the record, for the moment between clone and its entering the groups. */
static void kill_recorded(const struct sk_state *state)
{
	int64_t pid = sk_json_int(sk_json_get(state->doc, "pid"), 0);
	int64_t start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);
	sk_autoclose int pidfd = -1;

	if (pid <= 0 || start <= 0)
		return;
	pidfd = sk_proc_open((pid_t)pid, (unsigned long long)start);
	if (pidfd >= 0)
		(void)sk_sys_pidfd_send_signal(pidfd, SIGKILL);
}

int sk_handle_clean(struct sk_state *state, struct sk_cgroup *cgroup, struct sk_err *err)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *reopened = NULL;
	const struct sk_json *paths = sk_json_get(state->doc, "cgroups");
	int r;

	kill_recorded(state);
	if (!cgroup && paths) {
		r = sk_cgroup_reopen(paths, &reopened, err);
		if (r < 0)
			return r;
		cgroup = reopened;
	}
	r = cgroup ? sk_cgroup_destroy(cgroup, KILL_WAIT_MS, err) : 0;
	return r < 0 ? r : sk_oci_rdt_undo(state, err);
}

static int wait_for_end(struct sk_container *ctr, int *ret_status, struct sk_err *err)
{
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)ctr->pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return sk_err_errno(err, "wait for container '%s'",
					    ctr->state->id);
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

/* Name of the program for people: without its folder. */
static const char *program_name(const struct sk_state *state)
{
	const char *path =
		sk_json_str(sk_json_at(sk_json_get(state->doc, "command"), 0), "unknown");
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void explain_oom(const struct sk_container *ctr, struct sk_exit *end)
{
	char limit[SK_FORMAT_SIZE], peak[SK_FORMAT_SIZE], twice[SK_FORMAT_SIZE];
	struct sk_cgroup_oom oom = {0};

	if (!ctr->cgroup || sk_cgroup_read_oom(ctr->cgroup, &oom, NULL) < 0 || !oom.kills)
		return;
	/* a child that was killed while the command went on to a good end is not the cause */
	if (end->status == 0)
		return;
	end->oom = true;
	if (!oom.limit_bytes) {
		(void)snprintf(end->why, sizeof(end->why), "out of memory (process %s)",
			       program_name(ctr->state));
		return;
	}
	(void)snprintf(end->why, sizeof(end->why),
		       "out of memory (limit %s, peak %s, process %s)",
		       sk_format_size(oom.limit_bytes, limit),
		       sk_format_size(oom.peak_bytes, peak), program_name(ctr->state));
	(void)snprintf(twice, sizeof(twice), "%llum",
		       (unsigned long long)((oom.limit_bytes * 2 + (1 << 20) - 1) >> 20));
	(void)snprintf(end->hint, sizeof(end->hint), "give it more, for example -m %s",
		       twice);
}

int sk_handle_wait(struct sk_container *ctr, struct sk_exit *ret, struct sk_err *err)
{
	int r = wait_for_end(ctr, &ret->status, err);

	if (r < 0)
		return r;
	ctr->pid = -1;
	(void)snprintf(ret->id, sizeof(ret->id), "%s", ctr->state->id);
	explain_oom(ctr, ret);
	return 0;
}

int sk_container_finish(struct sk_container *ctr, bool keep_state, struct sk_exit *ret,
			struct sk_err *err)
{
	struct sk_exit end = {0};
	int r = sk_handle_wait(ctr, &end, err), clean;

	if (r < 0)
		return r;
	clean = sk_handle_clean(ctr->state, ctr->cgroup, err);
	ctr->is_over = clean == 0;
	if (ret)
		*ret = end;
	if (clean < 0)
		return sk_err_wrap(err, clean, "clean up after container '%s'",
				   ctr->state->id);
	if (!keep_state)
		return sk_state_erase(ctr->state, err);
	sk_handle_set_exit(ctr->state, &end);
	return sk_state_save(ctr->state, err);
}

/* The record of what could not be removed stays, for delete or recovery to find it. */
static void undo(const struct sk_container *ctr)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_handle_clean(ctr->state, ctr->cgroup, &err);

	if (r == 0)
		r = sk_state_erase(ctr->state, &err);
	if (r < 0)
		sk_log_warn("container '%s' is left behind: %s", ctr->state->id, err.msg);
}

void sk_container_free(struct sk_container *ctr)
{
	if (!ctr)
		return;
	if (ctr->pid > 0) {
		(void)sk_sys_pidfd_send_signal(ctr->pidfd, SIGKILL);
		(void)wait_for_end(ctr, &(int){0}, NULL);
	}
	if (!ctr->is_over && ctr->state)
		undo(ctr);
	sk_close(&ctr->pidfd);
	sk_close(&ctr->pty);
	sk_cgroup_free(ctr->cgroup);
	sk_state_free(ctr->state);
	free(ctr);
}
