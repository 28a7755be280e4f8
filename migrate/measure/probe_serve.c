// SPDX-License-Identifier: Apache-2.0
/* probe_serve - probe for a skiff on another machine, with which lines are exchanged
 *
 * Theory of operation
 *
 * 1. One thread of ordinary priority reads lines and sends samples; the probe's own threads do
 *    not know of it and never wait for it.
 * 2. Clock: one pair of CLOCK_REALTIME and CLOCK_MONOTONIC is read at the start, and all that is
 *    told counts from it by the latter. A clock that is set meanwhile moves nothing.
 * 3. Samples go out every ROUND_MS, in order, as far as they are answered or lost: when the
 *    connection breaks, what was measured before is known. An answer that comes after its time-out
 *    is told at the end, as it still ends a silence.
 * 4. The callers of closed loops take samples side by side, which are put in order at the end: then
 *    all are sent once more.
 * 5. End of input, silence, or nobody who reads: the probe ends, and this program.
 */
#include "migrate/measure/probe_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/probe_internal.h"
#include "migrate/measure/probe_remote.h"

#define ROUND_MS 100

/** struct serve - One session */
struct serve {
	int in, out;
	uint64_t base_real, base_mono, heard_mono;
	struct sk_probe *probe;
	uint64_t end_mono; /* when it is over by itself */
	bool is_over;
	size_t streamed;
	unsigned char *is_open; /* by sample: it was sent without an answer */
	char line[SK_REMOTE_LINE];
	size_t line_len;
};

static uint64_t told_clock(const struct serve *s, uint64_t mono)
{
	return s->base_real + (mono - s->base_mono);
}

/* Nobody who reads for long is the same as a broken connection. */
static int send_bytes(const struct serve *s, const void *bytes, size_t len)
{
	uint64_t deadline = sk_clock_mono() + SK_REMOTE_SILENT_NS;
	const char *from = bytes;

	while (len > 0) {
		struct pollfd ready = {.fd = s->out, .events = POLLOUT};
		int left = sk_clock_remaining_ms(deadline);
		ssize_t n = write(s->out, from, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			from += n;
			len -= (size_t)n;
			continue;
		}
		if (left == 0)
			return -ETIMEDOUT;
		(void)poll(&ready, 1, left);
	}
	return 0;
}

static int say(const struct serve *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int say(const struct serve *s, const char *fmt, ...)
{
	char line[SK_REMOTE_LINE];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	for (int i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[len] = '\n';
	return send_bytes(s, line, (size_t)len + 1);
}

/* ---- Samples ------------------------------------------------------------------------- */

static int send_samples(const struct serve *s, size_t first, size_t n)
{
	unsigned char bytes[SK_REMOTE_MAX_SAMPLE * SK_REMOTE_SAMPLE];
	int r = 0;

	while (r == 0 && n > 0) {
		size_t part = n < SK_REMOTE_MAX_SAMPLE ? n : SK_REMOTE_MAX_SAMPLE;

		sk_remote_pack(s->probe->samples + first, part, bytes);
		r = say(s, "samples %zu %zu", first, part);
		if (r == 0)
			r = send_bytes(s, bytes, part * SK_REMOTE_SAMPLE);
		first += part;
		n -= part;
	}
	return r;
}

/* All from the next one on that are answered or lost. */
static int stream(struct serve *s)
{
	struct sk_probe *probe = s->probe;
	size_t sent = atomic_load_explicit(&probe->nr_sent, memory_order_acquire);
	size_t first = s->streamed;
	uint64_t now = sk_probe_now(probe);

	for (; s->streamed < sent; s->streamed++) {
		const struct sk_sample *sample = &probe->samples[s->streamed];

		if (__atomic_load_n(&sample->received_ns, __ATOMIC_ACQUIRE))
			continue;
		if (now < sample->intended_ns + probe->opts.timeout_ns)
			break;
		s->is_open[s->streamed] = 1;
	}
	return send_samples(s, first, s->streamed - first);
}

static int send_late(const struct serve *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->streamed; i++)
		if (s->is_open[i] && s->probe->samples[i].received_ns)
			r = send_samples(s, i, 1);
	return r;
}

/* Wait for the last answers, tell the rest. */
static int conclude(struct serve *s, bool is_cut_short, struct sk_err *err)
{
	struct sk_probe_counts counts;
	size_t n = 0;
	int r;

	r = is_cut_short ? sk_probe_stop(s->probe, err) : sk_probe_finish(s->probe, err);
	if (r < 0)
		return r;
	(void)sk_probe_samples(s->probe, &n);
	if (s->probe->opts.target.model != SK_PROBE_OPEN)
		s->streamed = 0;
	r = send_late(s);
	if (r == 0)
		r = send_samples(s, s->streamed, n - s->streamed);
	sk_probe_counts(s->probe, &counts);
	if (r == 0)
		r = say(s, "end %zu %zu %zu %zu %d", counts.kernel_stamps,
			atomic_load(&s->probe->nr_received), counts.refused,
			counts.reconnects, atomic_load(&s->probe->is_realtime));
	s->is_over = true;
	return r < 0 ? sk_err_code(err, r, "send the samples") : 0;
}

/* ---- Lines --------------------------------------------------------------------------- */

/* "MAX_NS TIMEOUT_NS URL" */
static int read_start(char *text, struct sk_probe_opts *ret, struct sk_err *err)
{
	char *rest = text, *max = strsep(&rest, " "), *timeout = strsep(&rest, " ");
	int r;

	if (!rest)
		return sk_err_set(err, EPROTO, "'start' needs three words");
	r = sk_parse_u64(max, 1, INT64_MAX, &ret->max_duration_ns, err);
	if (r == 0)
		r = sk_parse_u64(timeout, 1, INT64_MAX, &ret->timeout_ns, err);
	return r < 0 ? r : sk_probe_target_parse(rest, &ret->target, err);
}

static int start(struct serve *s, char *text, struct sk_err *err)
{
	struct sk_probe_opts opts = {.netns_fd = -1};
	int r;

	if (s->probe)
		return sk_err_set(err, EPROTO, "a probe runs already");
	r = read_start(text, &opts, err);
	if (r == 0)
		r = sk_probe_start(&opts, &s->probe, err);
	if (r < 0)
		return r;
	s->end_mono = s->probe->start_mono + opts.max_duration_ns;
	s->is_open = calloc(s->probe->max_samples, 1);
	if (!s->is_open)
		return sk_err_oom(err);
	return say(s, "started %" PRIu64, told_clock(s, s->probe->start_mono));
}

static int obey(struct serve *s, char *line, uint64_t received_mono, struct sk_err *err)
{
	const char *rest = sk_str_starts(line, "start ");

	if (rest)
		return start(s, line + (rest - line), err);
	rest = sk_str_starts(line, "clock ");
	if (rest)
		return say(s, "clock %.20s %" PRIu64 " %" PRIu64, rest,
			   told_clock(s, received_mono), told_clock(s, sk_clock_mono()));
	if (strcmp(line, "stop") == 0 && s->probe)
		return s->is_over ? 0 : conclude(s, true, err);
	return sk_err_set(err, EPROTO, "'%s' is not understood", line);
}

/* 1 at the end of the input. */
static int take_input(struct serve *s, struct sk_err *err)
{
	char bytes[SK_REMOTE_LINE];
	ssize_t n = read(s->in, bytes, sizeof(bytes));
	int r = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n == 0 ? 1 : sk_err_errno(err, "read");
	s->heard_mono = sk_clock_mono();
	for (ssize_t i = 0; r == 0 && i < n; i++) {
		if (bytes[i] != '\n') {
			if (s->line_len + 1 == sizeof(s->line))
				return sk_err_set(err, EPROTO, "a line is too long");
			s->line[s->line_len++] = bytes[i];
			continue;
		}
		s->line[s->line_len] = '\0';
		s->line_len = 0;
		r = obey(s, s->line, s->heard_mono, err);
	}
	return r;
}

static int serve(struct serve *s, struct sk_err *err)
{
	int r = say(s, SK_REMOTE_HELLO SK_VERSION);

	while (r == 0) {
		struct pollfd ready = {.fd = s->in, .events = POLLIN};

		if (poll(&ready, 1, ROUND_MS) > 0)
			r = take_input(s, err);
		if (r == 0 && s->probe && !s->is_over)
			r = sk_clock_mono() >= s->end_mono ? conclude(s, false, err)
							   : stream(s);
		if (r == 0 && sk_clock_mono() - s->heard_mono > SK_REMOTE_SILENT_NS)
			r = sk_err_set(err, ETIMEDOUT, "nobody asks any more");
	}
	return r > 0 ? 0 : r;
}

int sk_probe_serve(int in_fd, int out_fd, struct sk_err *err)
{
	struct serve s = {.in = in_fd, .out = out_fd, .heard_mono = sk_clock_mono()};
	struct sk_err why = SK_ERR_INIT;
	int flags = fcntl(out_fd, F_GETFL), r;

	if (flags >= 0)
		(void)fcntl(out_fd, F_SETFL, flags | O_NONBLOCK);
	sk_probe_read_clocks(&s.base_mono, &s.base_real);
	r = serve(&s, &why);
	if (r < 0 && why.code) {
		if (why.hint[0])
			(void)say(&s, "hint %s", why.hint);
		(void)say(&s, "error %d %s", why.code, why.msg);
	}
	sk_probe_free(s.probe);
	free(s.is_open);
	if (err)
		*err = why;
	return r;
}
