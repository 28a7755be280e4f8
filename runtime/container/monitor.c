// SPDX-License-Identifier: Apache-2.0
/* monitor - the process that stays with a detached container; linked into the static skiff-monitor */
#include "runtime/container/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "runtime/container/handle.h"
#include "runtime/container/logfile.h"

static int open_handle(const struct sk_home *home, const char *id,
		       struct sk_container **ret, struct sk_err *err)
{
	struct sk_state *state = NULL;
	int r = sk_state_adopt(home, id, SK_MONITOR_LOCK, &state, err);

	if (r < 0)
		return r;
	*ret = sk_handle_new(state);
	if (!*ret)
		return sk_err_oom(err);
	(*ret)->pidfd = SK_MONITOR_PIDFD;
	(*ret)->pid = (pid_t)sk_json_int(sk_json_get(state->doc, "pid"), -1);
	return sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), &(*ret)->cgroup, err);
}

/* Returns false at the end of the stream. */
static bool copy(int fd, int stream, struct sk_logfile *log)
{
	char bytes[16384];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n > 0)
		sk_logfile_feed(log, stream, bytes, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* After the end only what is in the pipes already: who else holds them is not waited for. */
static void keep_log(struct sk_logfile *log)
{
	struct pollfd fds[3] = {
		{.fd = SK_MONITOR_OUT, .events = POLLIN},
		{.fd = SK_MONITOR_ERR, .events = POLLIN},
		{.fd = SK_MONITOR_PIDFD, .events = POLLIN},
	};
	bool has_ended = false;

	for (;;) {
		int n = poll(fds, 3, has_ended ? 0 : -1);
		bool moved = false;

		if (n < 0 && errno != EINTR)
			return;
		for (int i = 0; n > 0 && i < 2; i++) {
			if (!fds[i].revents)
				continue;
			moved = true;
			if (!copy(fds[i].fd, i + 1, log))
				fds[i].fd = -1;
		}
		if (has_ended && !moved)
			return;
		if (n > 0 && fds[2].revents) {
			has_ended = true;
			fds[2].fd = -1;
		}
	}
}

static void say_ready(const struct sk_container *ctr)
{
	struct sk_monitor_ready ready = {0};

	(void)snprintf(ready.id, sizeof(ready.id), "%s", ctr->state->id);
	(void)!write(SK_MONITOR_READY, &ready, sizeof(ready));
	(void)close(SK_MONITOR_READY);
}

int sk_monitor_run(const struct sk_home *home, const char *id, struct sk_err *err)
{
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	sk_auto(sk_logfile_free) struct sk_logfile *log = NULL;
	bool keep;
	int r;

	for (int fd = SK_MONITOR_LOCK; fd < SK_MONITOR_NR; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (int fd = SK_MONITOR_OUT; fd <= SK_MONITOR_ERR; fd++)
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	r = open_handle(home, id, &ctr, err);
	if (r < 0)
		return r;
	r = sk_logfile_open(ctr->state->dir_fd, SK_LOG_LIMIT, &log, err);
	if (r < 0)
		return r;
	say_ready(ctr);
	keep_log(log);
	sk_logfile_flush(log);
	keep = !sk_json_bool(sk_json_get(ctr->state->doc, "rm"), false);
	return sk_container_finish(ctr, keep, NULL, err);
}
