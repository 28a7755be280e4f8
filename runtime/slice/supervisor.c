// SPDX-License-Identifier: Apache-2.0
/* supervisor - the process that a slice lives by
 *
 * Theory of operation
 *
 * 1. `skiff slice apply` writes want.json, makes the slice's socket and starts the supervisor
 *    with that socket as standard input: a request may be sent before the supervisor is up,
 *    and when it dies its clients see the connection end.
 * 2. The supervisor takes the slice's lock. The lock is how others know that it lives; it
 *    ends with the process, also by kill -9.
 * 3. It waits for: requests, the end of slivers, signals, and the slice's expiry, which is a
 *    timer on CLOCK_BOOTTIME: no command and no daemon is needed for a slice to end in time.
 * 4. It is the parent of all slivers, and they die with it (PDEATHSIG). It restarts nothing:
 *    a sliver that ends is reported as such until the next apply.
 * 5. When the first request fails, or the slice is to end, it removes all that there is on
 *    the system, then the folders, and answers last.
 * 6. When no request comes at first, its apply was killed in between: it ends, and leaves the
 *    definition for another start.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/slice/reconcile.h"

#define FIRST_REQUEST_MS 5000

enum { FD_LISTEN, FD_TIMER, FD_SIGNAL, NR_FDS };

struct supervisor {
	struct sk_slice_live live;
	int fds[NR_FDS];
	int lock_fd;
	bool is_made; /* one request to reconcile has succeeded */
	bool has_ended;
};

static void supervisor_finish(struct supervisor *sup)
{
	sk_slice_live_finish(&sup->live);
	for (int i = 0; i < NR_FDS; i++)
		sk_close(&sup->fds[i]);
	sk_close(&sup->lock_fd);
}
SK_DEFINE_AUTO_FINISH(struct supervisor, supervisor_finish)

/* Standard input when that is a listening socket, else one of our own. */
static int open_listener(const struct sk_slice_dir *dir, struct sk_err *err)
{
	sk_autofree char *path = sk_strf("%s/sock", dir->run_path);
	socklen_t len = sizeof(int);
	int listening = 0;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	    listening) {
		int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return sk_err_errno(err, "take over the socket");
		(void)close(STDIN_FILENO);
		if (open("/dev/null", O_RDONLY) != STDIN_FILENO)
			return sk_err_errno(err, "open '/dev/null'");
		return fd;
	}
	return path ? sk_sock_listen(path, err) : sk_err_oom(err);
}

static int open_signals(struct sk_err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return sk_err_errno(err, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? sk_err_errno(err, "watch signals") : fd;
}

static int set_timer(const struct supervisor *sup, struct sk_err *err)
{
	uint64_t at = sup->live.want.expires_boot_ns;
	const struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(at / SK_NS_PER_S),
			     .tv_nsec = (long)(at % SK_NS_PER_S)}};

	if (timerfd_settime(sup->fds[FD_TIMER], TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		return sk_err_errno(err, "set the timer of the slice's end");
	return 0;
}

/* All that the slice has, its folders included. */
static int end_slice(struct supervisor *sup, struct sk_err *err)
{
	struct sk_slice_live *live = &sup->live;
	int r = sk_slice_live_stop(live, err);

	if (r == 0)
		r = sk_slice_dir_remove(live->dir->home, live->dir->name, err);
	sup->has_ended = true;
	return r;
}

/* Nobody asked for it, so nobody holds the command lock, or that one waits in vain. */
static void expire(struct supervisor *sup)
{
	const struct sk_home *home = sup->live.dir->home;
	struct sk_err err = SK_ERR_INIT;
	sk_autoclose int lock = -1;

	sk_log_info("slice '%s' has reached its end", sup->live.dir->name);
	if (end_slice(sup, &err) < 0)
		sk_log_warn("end slice '%s': %s", sup->live.dir->name, err.msg);
	lock = sk_slice_lock(home, sup->live.dir->name, 0, NULL);
	if (lock >= 0)
		sk_slice_lock_forget(home, sup->live.dir->name);
}

static int reconcile(struct supervisor *sup, struct sk_err *err)
{
	int r = sk_slice_live_reconcile(&sup->live, err);

	if (r == 0)
		r = set_timer(sup, err);
	if (r == 0)
		sup->is_made = true;
	else if (!sup->is_made)
		(void)end_slice(sup, NULL);
	return r;
}

/* A new end for what is there; the definition stays the one that was made. */
static int renew(struct supervisor *sup, struct sk_err *err)
{
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	int r = sk_slice_want_load(sup->live.dir, &want, err);

	if (r < 0)
		return r;
	sup->live.want.expires_ns = want.expires_ns;
	sup->live.want.expires_boot_ns = want.expires_boot_ns;
	return set_timer(sup, err);
}

static int act(struct supervisor *sup, const char *verb, struct sk_err *err)
{
	if (strcmp(verb, SK_SLICE_REQUEST_RECONCILE) == 0)
		return reconcile(sup, err);
	if (strcmp(verb, SK_SLICE_REQUEST_RENEW) == 0)
		return renew(sup, err);
	if (strcmp(verb, SK_SLICE_REQUEST_STOP) == 0)
		return end_slice(sup, err);
	return sk_err_set(err, EPROTO, "'%s' is no request", verb);
}

static void serve(struct supervisor *sup)
{
	sk_autoclose int conn = accept4(sup->fds[FD_LISTEN], NULL, NULL, SOCK_CLOEXEC);
	sk_auto(sk_json_free) struct sk_json *answer = sk_json_new_object();
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *verb = NULL;
	int r;

	if (conn < 0)
		return;
	r = sk_slice_request_read(conn, &verb, &err);
	if (r == 0)
		r = act(sup, verb, &err);
	if (r < 0)
		sk_log_warn("%s: %s", verb ? verb : "request", err.msg);
	sk_json_set_double(answer, "ready_ms", sup->live.ready_ms);
	(void)sk_slice_request_answer(conn, r, &err, answer);
}

/* By the machine's shutdown, say: the definition stays for another start. */
static void stop(struct supervisor *sup, const char *why)
{
	struct sk_err err = SK_ERR_INIT;

	sk_log_info("%s", why);
	if (sk_slice_live_stop(&sup->live, &err) < 0)
		sk_log_warn("stop slice '%s': %s", sup->live.dir->name, err.msg);
	(void)sk_slice_live_save(&sup->live, "lost", NULL);
	sup->has_ended = true;
}

static void reap(struct supervisor *sup, const struct pollfd *fds)
{
	bool changed = false;

	for (size_t i = 0; i < sup->live.nr_slivers; i++)
		if (fds[i].revents) {
			sk_sliver_reap(&sup->live.slivers[i]);
			changed = true;
		}
	if (changed)
		(void)sk_slice_live_save(&sup->live, "running", NULL);
}

static int wait_and_act(struct supervisor *sup, struct sk_err *err)
{
	size_t nr = NR_FDS + sup->live.nr_slivers;
	sk_autofree struct pollfd *fds = calloc(nr, sizeof(*fds));
	int n;

	if (!fds)
		return sk_err_oom(err);
	for (size_t i = 0; i < nr; i++) {
		const struct sk_container *ctr =
			i < NR_FDS ? NULL : sup->live.slivers[i - NR_FDS].ctr;

		fds[i].fd = i < NR_FDS ? sup->fds[i] : ctr ? sk_container_pidfd(ctr) : -1;
		fds[i].events = POLLIN;
	}
	n = poll(fds, nr, sup->is_made ? -1 : FIRST_REQUEST_MS);
	if (n < 0)
		return errno == EINTR ? 0 : sk_err_errno(err, "wait for events");
	reap(sup, fds + NR_FDS);
	if (fds[FD_SIGNAL].revents)
		stop(sup, "told to stop by a signal");
	else if (fds[FD_TIMER].revents)
		expire(sup);
	else if (fds[FD_LISTEN].revents)
		serve(sup);
	else if (n == 0)
		stop(sup, "nobody says what to do");
	return 0;
}

static int start(struct supervisor *sup, struct sk_err *err)
{
	struct sk_slice_live *live = &sup->live;
	int r = sk_slice_host_read(&live->host, err);

	if (r < 0)
		return r;
	sup->lock_fd = sk_fs_lock(live->dir->run_fd, "lock", 0, err);
	if (sup->lock_fd < 0)
		return sk_err_wrap(err, sup->lock_fd, "slice '%s' has a supervisor",
				   live->dir->name);
	sup->fds[FD_LISTEN] = open_listener(live->dir, err);
	if (sup->fds[FD_LISTEN] < 0)
		return sup->fds[FD_LISTEN];
	sup->fds[FD_SIGNAL] = open_signals(err);
	if (sup->fds[FD_SIGNAL] < 0)
		return sup->fds[FD_SIGNAL];
	sup->fds[FD_TIMER] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	if (sup->fds[FD_TIMER] < 0)
		return sk_err_errno(err, "make a timer");
	return 0;
}

int sk_slice_supervise(const struct sk_home *home, const char *name,
		       sk_slice_resolve_fn resolve, void *ctx, struct sk_err *err)
{
	sk_auto(supervisor_finish) struct supervisor sup = {.live = {.resolve = resolve,
								     .resolve_ctx = ctx},
							    .fds = {-1, -1, -1},
							    .lock_fd = -1};
	int r = sk_slice_dir_open(home, name, false, &sup.live.dir, err);

	if (r == 0)
		r = start(&sup, err);
	while (r == 0 && !sup.has_ended)
		r = wait_and_act(&sup, err);
	return r;
}
