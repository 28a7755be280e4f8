// SPDX-License-Identifier: Apache-2.0
/* attach - stay with a foreground process: hand on signals, pump its terminal */
#include "runtime/container/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/sys.h"

static const int forwarded[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,
				SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};

/* Bytes on their way; a full one stops reading, so that nothing is lost. */
struct flow {
	int in, out;
	size_t start, end;
	char bytes[16384];
};

struct pump {
	struct flow up, down; /* caller to terminal, terminal to caller */
};

int sk_attach_init(struct sk_attach *attach, struct sk_err *err)
{
	sigset_t set;

	*attach = (struct sk_attach){.signal_fd = -1};
	(void)sigemptyset(&set);
	for (size_t i = 0; i < SK_ARRAY_SIZE(forwarded); i++)
		(void)sigaddset(&set, forwarded[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &attach->old_mask);
	attach->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (attach->signal_fd >= 0)
		return 0;
	(void)sigprocmask(SIG_SETMASK, &attach->old_mask, NULL);
	return sk_err_errno(err, "watch signals");
}

void sk_attach_finish(struct sk_attach *attach)
{
	if (attach->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &attach->old_termios);
	attach->is_raw = false;
	if (attach->signal_fd < 0)
		return;
	sk_close(&attach->signal_fd);
	(void)sigprocmask(SIG_SETMASK, &attach->old_mask, NULL);
}

static void copy_window(int pty)
{
	struct winsize size;

	for (int fd = 0; fd < 3; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0)
			continue;
		(void)ioctl(pty, TIOCSWINSZ, &size);
		return;
	}
}

static void make_raw(struct sk_attach *attach)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &attach->old_termios) < 0)
		return;
	raw = attach->old_termios;
	cfmakeraw(&raw);
	attach->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static uint64_t status_mask(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, 16) : 0;
}

bool sk_attach_ignores(int pidfd, int sig)
{
	sk_autofree char *info = NULL, *status = NULL;
	uint64_t bit = 1ull << (sig - 1);
	const char *pid;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (sk_fs_read(AT_FDCWD, path, 4096, &info, NULL) < 0)
		return false;
	pid = strstr(info, "\nPid:");
	if (!pid)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", strtol(pid + 5, NULL, 10));
	if (sk_fs_read(AT_FDCWD, path, 16384, &status, NULL) < 0)
		return false;
	return !((status_mask(status, "\nSigCgt:") | status_mask(status, "\nSigBlk:")) &
		 bit);
}

static void hand_on(struct sk_attach *attach, int pidfd, int pty, bool force)
{
	struct signalfd_siginfo info;

	while (read(attach->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGWINCH) {
			if (pty >= 0)
				copy_window(pty);
			continue;
		}
		if (force && (sig == SIGINT || sig == SIGTERM || sig == SIGHUP) &&
		    sk_attach_ignores(pidfd, sig)) {
			attach->forced = sig;
			sig = SIGKILL;
		}
		(void)sk_sys_pidfd_send_signal(pidfd, sig);
	}
}

/* The bytes are not touched: without a terminal they are never needed. */
static void empty(struct flow *flow, int in, int out)
{
	flow->in = in;
	flow->out = out;
	flow->start = flow->end = 0;
}

static short wants(const struct flow *flow, bool is_in)
{
	if (is_in)
		return flow->in >= 0 && flow->end < sizeof(flow->bytes) ? POLLIN : 0;
	return flow->end > flow->start ? POLLOUT : 0;
}

/* Returns false when nothing more comes. */
static bool fill(struct flow *flow)
{
	ssize_t n =
		read(flow->in, flow->bytes + flow->end, sizeof(flow->bytes) - flow->end);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		flow->in = -1;
		return false;
	}
	flow->end += (size_t)n;
	return true;
}

static void drain(struct flow *flow)
{
	ssize_t n = write(flow->out, flow->bytes + flow->start, flow->end - flow->start);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* a reader that is gone must not stop the process: its output is dropped */
	flow->start = n < 0 ? flow->end : flow->start + (size_t)n;
	if (flow->start == flow->end)
		flow->start = flow->end = 0;
}

static void end_of_input(const struct sk_attach *attach, int pty)
{
	struct termios t;

	/* a file or pipe as input ends: say so as a keyboard would */
	if (!attach->is_raw && tcgetattr(pty, &t) == 0)
		(void)!write(pty, &t.c_cc[VEOF], 1);
}

static void pump_events(struct sk_attach *attach, struct pump *pump,
			const struct pollfd fds[4])
{
	if (fds[0].revents & (POLLIN | POLLHUP) && pump->up.in >= 0 && !fill(&pump->up))
		end_of_input(attach, pump->up.out);
	if (fds[1].revents & POLLOUT && pump->up.end > pump->up.start)
		drain(&pump->up);
	if (fds[1].revents & (POLLIN | POLLHUP) && pump->down.in >= 0)
		(void)fill(&pump->down);
	if (fds[2].revents & (POLLOUT | POLLERR) && pump->down.end > pump->down.start)
		drain(&pump->down);
}

static int pump_loop(struct sk_attach *attach, int pidfd, int pty, struct pump *pump,
		     bool force, struct sk_err *err)
{
	bool has_ended = false;

	for (;;) {
		struct pollfd fds[5] = {
			{.fd = pump->up.in, .events = wants(&pump->up, true)},
			{.fd = pump->down.in,
			 .events = (short)(wants(&pump->up, false) |
					   wants(&pump->down, true))},
			{.fd = pump->down.end > pump->down.start ? STDOUT_FILENO : -1,
			 .events = POLLOUT},
			{.fd = attach->signal_fd, .events = POLLIN},
			{.fd = has_ended ? -1 : pidfd, .events = POLLIN},
		};
		bool is_drained = pump->down.end == pump->down.start;
		/* what the ended process wrote is in the terminal already */
		int n = poll(fds, 5, has_ended && is_drained ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return sk_err_errno(err, "wait for the process");
		if (n == 0 || (has_ended && is_drained && pump->down.in < 0))
			return 0;
		if (n < 0)
			continue;
		if (fds[3].revents)
			hand_on(attach, pidfd, pty, force);
		pump_events(attach, pump, fds);
		if (fds[4].revents) {
			has_ended = true;
			pump->up.in = -1;
			pump->up.start = pump->up.end = 0;
		}
	}
}

int sk_attach_wait(struct sk_attach *attach, int pidfd, int pty, bool use_stdin,
		   bool force, struct sk_err *err)
{
	sk_autofree struct pump *pump = malloc(sizeof(*pump));
	int r;

	if (!pump)
		return sk_err_oom(err);
	empty(&pump->up, pty >= 0 && use_stdin ? STDIN_FILENO : -1, pty);
	empty(&pump->down, pty, STDOUT_FILENO);
	if (pty >= 0) {
		copy_window(pty);
		(void)fcntl(pty, F_SETFL, fcntl(pty, F_GETFL) | O_NONBLOCK);
		if (use_stdin)
			make_raw(attach);
	}
	r = pump_loop(attach, pidfd, pty, pump, force, err);
	if (attach->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &attach->old_termios);
	attach->is_raw = false;
	return r;
}

int sk_attach_stdio(bool interactive, int stdio[3], int *null_fd, struct sk_err *err)
{
	for (int i = 0; i < 3; i++) {
		bool is_open = fcntl(i, F_GETFD) >= 0;

		if (!is_open && errno != EBADF)
			return sk_err_errno(err, "look at descriptor %d", i);
		stdio[i] = i;
		if (is_open && (i > 0 || interactive))
			continue;
		if (*null_fd < 0)
			*null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (*null_fd < 0)
			return sk_err_errno(err, "open '/dev/null'");
		stdio[i] = *null_fd;
	}
	return 0;
}
