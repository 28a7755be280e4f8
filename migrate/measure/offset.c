// SPDX-License-Identifier: Apache-2.0
/* offset - how far another machine's clock is from ours, with its error bar */
#include "migrate/measure/offset.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "migrate/guest/guest.h"

#define MAX_EXCHANGES 64
#define MAX_SHELL     16
#define SERVICE_MS    2000
#define FIRST_MS      20000 /* a connection and a login */
#define ANSWER_MS     5000
#define LINE_SIZE     64
#define LOOP	      "while read -r line; do date +%s%N; done"

/* False when the times contradict themselves. */
static bool bounds(const struct sk_exchange *x, int64_t *ret_low, int64_t *ret_high)
{
	if (x->answered_ns < x->asked_ns || x->replied_ns < x->received_ns ||
	    x->replied_ns - x->received_ns > x->answered_ns - x->asked_ns)
		return false;
	/* It received after we asked, and replied before we were answered. */
	*ret_low = (int64_t)(x->replied_ns - x->answered_ns);
	*ret_high = (int64_t)(x->received_ns - x->asked_ns);
	return true;
}

static void set(struct sk_clock_offset *ret, int64_t low, int64_t high)
{
	ret->offset_ns = low + (high - low) / 2;
	ret->error_ns = (uint64_t)(high - low + 1) / 2;
}

int sk_offset_estimate(const struct sk_exchange *exchanges, size_t n,
		       struct sk_clock_offset *ret)
{
	int64_t low = INT64_MIN, high = INT64_MAX, best_low = 0, best_high = 0;
	struct sk_clock_offset offset = {.rtt_ns = UINT64_MAX};

	for (size_t i = 0; i < n; i++) {
		int64_t one_low = 0, one_high = 0;
		uint64_t rtt;

		if (!bounds(&exchanges[i], &one_low, &one_high))
			continue;
		offset.nr++;
		low = one_low > low ? one_low : low;
		high = one_high < high ? one_high : high;
		rtt = (uint64_t)(one_high - one_low);
		if (rtt >= offset.rtt_ns)
			continue;
		offset.rtt_ns = rtt;
		best_low = one_low;
		best_high = one_high;
	}
	if (offset.nr == 0)
		return -ENODATA;
	if (low <= high)
		set(&offset, low, high);
	else
		set(&offset, best_low, best_high);
	*ret = offset;
	return 0;
}

void sk_offset_join(const struct sk_clock_offset *a, const struct sk_clock_offset *b,
		    struct sk_clock_offset *ret)
{
	int64_t low_a = a->offset_ns - (int64_t)a->error_ns;
	int64_t low_b = b->offset_ns - (int64_t)b->error_ns;
	int64_t high_a = a->offset_ns + (int64_t)a->error_ns;
	int64_t high_b = b->offset_ns + (int64_t)b->error_ns;
	struct sk_clock_offset both = {.nr = a->nr + b->nr};

	both.rtt_ns = a->rtt_ns < b->rtt_ns ? a->rtt_ns : b->rtt_ns;
	set(&both, low_a < low_b ? low_a : low_b, high_a > high_b ? high_a : high_b);
	*ret = both;
}

bool sk_offset_is_significant(const struct sk_clock_offset *offset)
{
	return (uint64_t)llabs(offset->offset_ns) > offset->error_ns;
}

static int conclude(const struct sk_exchange *exchanges, size_t n,
		    struct sk_clock_offset *ret, struct sk_err *err)
{
	if (sk_offset_estimate(exchanges, n, ret) < 0)
		return sk_err_set(err, EPROTO, "the clock's answers run backwards");
	return 0;
}

static size_t limit(unsigned int n)
{
	return n == 0 ? 1 : n > MAX_EXCHANGES ? MAX_EXCHANGES : n;
}

int sk_offset_ask_service(const char *host, int netns_fd, unsigned int n,
			  struct sk_clock_offset *ret, struct sk_err *err)
{
	struct sk_exchange exchanges[MAX_EXCHANGES];

	for (size_t i = 0; i < limit(n); i++) {
		struct sk_guest_clock clock;
		int r = sk_guest_clock(host, netns_fd, SERVICE_MS, &clock, err);

		if (r < 0)
			return sk_err_wrap(err, r, "clock of '%s'", host);
		exchanges[i] = (struct sk_exchange){clock.asked_ns, clock.received_ns,
						    clock.sent_ns, clock.answered_ns};
	}
	return conclude(exchanges, limit(n), ret, err);
}

/* ---- By a shell ---------------------------------------------------------------------- */

/** struct shell - The other end of a loop that answers lines */
struct shell {
	struct sk_proc proc;
	int sock; /* its input and output */
};

static int start_shell(const char *const *argv, struct shell *ret, struct sk_err *err)
{
	const char *full[MAX_SHELL + 2];
	struct sk_proc_opts opts = {.has_stdin = true,
				    .has_stdout = true,
				    .has_stderr = true,
				    .stderr_fd = -1,
				    .death_signal = SIGKILL};
	sk_autoclose int near = -1, far = -1;
	int ends[2], r;
	size_t n = 0;

	for (; n < MAX_SHELL && argv[n]; n++)
		full[n] = argv[n];
	full[n] = LOOP;
	full[n + 1] = NULL;
	/* A socket in place of pipes: one that nobody reads raises no signal. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return sk_err_errno(err, "create a socket pair");
	near = ends[0];
	far = ends[1];
	opts.stdin_fd = opts.stdout_fd = far;
	r = sk_proc_spawn(full, &opts, &ret->proc, err);
	if (r == 0)
		ret->sock = sk_steal_fd(&near);
	return r;
}

static int read_line(int fd, int timeout_ms, char line[LINE_SIZE], struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + (uint64_t)timeout_ms * SK_NS_PER_MS;
	size_t len = 0;

	while (len + 1 < LINE_SIZE) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int left = sk_clock_remaining_ms(deadline);
		ssize_t n;

		if (left == 0)
			return sk_err_set(err, ETIMEDOUT, "no answer within %d s",
					  timeout_ms / 1000);
		if (poll(&ready, 1, left) <= 0)
			continue;
		n = read(fd, line + len, 1);
		if (n <= 0)
			return sk_err_set(err, EPROTO, "it ended without an answer");
		if (line[len] == '\n') {
			line[len] = '\0';
			return 0;
		}
		len++;
	}
	return sk_err_set(err, EPROTO, "its answer is no time");
}

static int exchange(struct shell *shell, int timeout_ms, struct sk_exchange *ret,
		    struct sk_err *err)
{
	char line[LINE_SIZE];
	uint64_t told = 0;
	int r;

	ret->asked_ns = sk_clock_real();
	r = sk_sock_send_all(shell->sock, "\n", 1);
	if (r < 0 && r != -EPIPE) /* what it said before it ended is still to be read */
		return sk_err_code(err, r, "ask");
	r = read_line(shell->sock, timeout_ms, line, err);
	ret->answered_ns = sk_clock_real();
	if (r < 0)
		return r;
	if (sk_parse_u64(line, 1, UINT64_MAX, &told, NULL) < 0)
		return sk_err_set(err, EPROTO, "its answer is no time");
	ret->received_ns = ret->replied_ns = told;
	return 0;
}

int sk_offset_ask_shell(const char *const *argv, unsigned int n,
			struct sk_clock_offset *ret, struct sk_err *err)
{
	struct sk_exchange exchanges[MAX_EXCHANGES];
	struct shell shell = {.sock = -1};
	size_t done = 0;
	int r;

	r = start_shell(argv, &shell, err);
	while (r == 0 && done < limit(n)) {
		r = exchange(&shell, done ? ANSWER_MS : FIRST_MS, &exchanges[done], err);
		done += r == 0;
	}
	sk_close(&shell.sock);
	sk_proc_kill(&shell.proc);
	if (r < 0)
		return sk_err_wrap(err, r, "clock by '%s'", argv[0]);
	return conclude(exchanges, done, ret, err);
}

struct sk_json *sk_offset_json(const struct sk_clock_offset *offset)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_double(json, "offset_us", (double)offset->offset_ns / 1e3);
	sk_json_set_double(json, "error_us", (double)offset->error_ns / 1e3);
	sk_json_set_double(json, "rtt_us", (double)offset->rtt_ns / 1e3);
	sk_json_set_uint(json, "exchanges", offset->nr);
	return json;
}
