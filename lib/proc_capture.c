// SPDX-License-Identifier: Apache-2.0
/* proc_capture - run a program to its end and keep what it prints
 *
 * Both outputs are read as they come, so that the program never blocks on a full pipe.
 * The end is that of the program itself: a process it leaves behind may hold the pipes
 * open for ever, so what is in them is read once more then, without waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/proc.h"
#include "lib/str.h"

#define MAX_OUTPUT (16u << 20)
#define MAX_QUOTE  300

/* struct capture - A running program and what it has printed */
struct capture {
	struct sk_proc proc;
	struct sk_str out;
	char quote[MAX_QUOTE + 1]; /* the end of stderr */
	size_t quote_len;
	int out_fd, err_fd;
};

static void finish_capture(struct capture *capture)
{
	sk_proc_kill(&capture->proc);
	sk_str_finish(&capture->out);
	sk_close(&capture->out_fd);
	sk_close(&capture->err_fd);
}
SK_DEFINE_AUTO_FINISH(struct capture, finish_capture)

static void keep_quote(struct capture *capture, const char *bytes, size_t len)
{
	size_t drop;

	if (len > MAX_QUOTE) {
		bytes += len - MAX_QUOTE;
		len = MAX_QUOTE;
	}
	drop = capture->quote_len + len > MAX_QUOTE ? capture->quote_len + len - MAX_QUOTE
						    : 0;
	memmove(capture->quote, capture->quote + drop, capture->quote_len - drop);
	capture->quote_len -= drop;
	memcpy(capture->quote + capture->quote_len, bytes, len);
	capture->quote_len += len;
	capture->quote[capture->quote_len] = '\0';
}

/* One read of a non-blocking pipe. Returns 1 when there may be more, 0 when not now, or a
 * negative errno. At the end of file the descriptor is closed.
 */
static int take_output(struct capture *capture, int *fd)
{
	char bytes[16384];
	ssize_t n;

	if (*fd < 0)
		return 0;
	n = read(*fd, bytes, sizeof(bytes));
	if (n < 0)
		return errno == EINTR ? 1 : errno == EAGAIN ? 0 : -errno;
	if (n == 0) {
		sk_close(fd);
		return 0;
	}
	if (fd == &capture->err_fd) {
		keep_quote(capture, bytes, (size_t)n);
		return 1;
	}
	if (capture->out.len + (size_t)n > MAX_OUTPUT)
		return -EFBIG;
	sk_str_add_bytes(&capture->out, bytes, (size_t)n);
	return capture->out.failed ? -ENOMEM : 1;
}

static int drain(struct capture *capture, int *fd)
{
	int r;

	do {
		r = take_output(capture, fd);
	} while (r > 0);
	return r;
}

/* Read until the program has ended. Returns 0, -ETIMEDOUT, -EFBIG or -errno. */
static int collect(struct capture *capture, uint64_t deadline)
{
	for (;;) {
		struct pollfd pollers[] = {
			{.fd = capture->out_fd, .events = POLLIN},
			{.fd = capture->err_fd, .events = POLLIN},
			{.fd = capture->proc.pidfd, .events = POLLIN},
		};
		int wait_ms =
			deadline == UINT64_MAX ? -1 : sk_clock_remaining_ms(deadline);
		int n = poll(pollers, SK_ARRAY_SIZE(pollers), wait_ms);
		int r;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0 && sk_clock_remaining_ms(deadline) == 0)
			return -ETIMEDOUT;
		if (n <= 0)
			continue;
		r = drain(capture, &capture->out_fd);
		if (r == 0)
			r = drain(capture, &capture->err_fd);
		if (r < 0 || pollers[2].revents)
			return r;
	}
}

static int start(struct capture *capture, const char *const *argv, struct sk_err *err)
{
	struct sk_proc_opts opts = {
		.has_stdin = true,
		.has_stdout = true,
		.has_stderr = true,
		.stdin_fd = -1,
		.death_signal = SIGKILL,
	};
	sk_autoclose int out = -1, errors = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return sk_err_errno(err, "run '%s'", argv[0]);
	capture->out_fd = ends[0];
	out = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return sk_err_errno(err, "run '%s'", argv[0]);
	capture->err_fd = ends[0];
	errors = ends[1];
	if (fcntl(capture->out_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(capture->err_fd, F_SETFL, O_NONBLOCK) < 0)
		return sk_err_errno(err, "run '%s'", argv[0]);
	opts.stdout_fd = out;
	opts.stderr_fd = errors;
	return sk_proc_spawn(argv, &opts, &capture->proc, err);
}

static int refuse_status(struct capture *capture, const char *program, int status,
			 struct sk_err *err)
{
	char *quote = capture->quote;
	const char *name = status > 128 ? sk_proc_signal_name(status - 128) : NULL;

	while (capture->quote_len > 0 && strchr(" \t\r\n", quote[capture->quote_len - 1]))
		quote[--capture->quote_len] = '\0';
	for (char *newline = quote; (newline = strchr(newline, '\n'));)
		*newline = ' ';
	if (name)
		return sk_err_set(err, EIO, "'%s' was ended by SIG%s%s%s", program, name,
				  *quote ? ": " : "", quote);
	return sk_err_set(err, EIO, "'%s' failed with status %d%s%s", program, status,
			  *quote ? ": " : "", quote);
}

int sk_proc_capture(const char *const *argv, int timeout_ms, char **ret_out,
		    int *ret_status, struct sk_err *err)
{
	sk_auto(finish_capture) struct capture capture = {.proc.pidfd = -1,
							  .out_fd = -1,
							  .err_fd = -1};
	uint64_t deadline =
		timeout_ms < 0 ? UINT64_MAX
			       : sk_clock_mono() + (uint64_t)timeout_ms * SK_NS_PER_MS;
	char *text;
	int status, r;

	r = start(&capture, argv, err);
	if (r < 0)
		return r;
	r = collect(&capture, deadline);
	if (r == -ETIMEDOUT)
		return sk_err_set(err, ETIMEDOUT, "'%s' did not end within %d ms",
				  argv[0], timeout_ms);
	if (r == -EFBIG)
		return sk_err_set(err, EFBIG, "'%s' printed more than 16 MiB", argv[0]);
	if (r < 0)
		return sk_err_code(err, r, "read what '%s' prints", argv[0]);
	r = sk_proc_wait(&capture.proc, -1, &status, err);
	if (r < 0)
		return r;
	if (status != 0 && !ret_status)
		return refuse_status(&capture, argv[0], status, err);
	text = sk_str_steal(&capture.out);
	if (!text)
		return sk_err_oom(err);
	if (ret_status)
		*ret_status = status;
	if (ret_out)
		*ret_out = text;
	else
		free(text);
	return 0;
}
