// SPDX-License-Identifier: Apache-2.0
/* probe_remote - our end of a probe that runs on another machine, reached by ssh
 *
 * Theory of operation
 *
 * 1. ssh runs `skiff probe-serve` there; its input and output are one socket here. ssh is killed
 *    when the thread that started it ends, and then the other end sees the end of its input: nothing
 *    is left there, however this program ends.
 * 2. Before the start and after the end its clock is asked NR_CLOCK times. The offset lies within what
 *    both say; that is the error bar, and holds a clock that drifts meanwhile.
 * 3. A thread takes samples as they come, asks for the clock once a second to be heard and to hear,
 *    and ends with the last sample, or when the connection is gone.
 * 4. A connection that breaks is no failure of the migration: what came until then stands, and how
 *    far that reaches is told. Nothing is said of the time behind it.
 */
#include "migrate/measure/probe_remote.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "migrate/measure/probe_internal.h"
#include "migrate/measure/ssh.h"

#define NR_CLOCK     12
#define HELLO_NS     (30 * SK_NS_PER_S)
#define ANSWER_NS    (10 * SK_NS_PER_S)
#define GRACE_NS     (60 * SK_NS_PER_S) /* for all samples, after the last time-out */
#define BEAT_NS	     SK_NS_PER_S
#define ROUND_MS     20
#define MAX_GREETING 64 /* lines that a login shell may say before */
#define ENDING_MS    2000
#define NOT_FOUND    127
#define SSH_FAILED   255

/** struct sk_remote - A connection */
struct sk_remote {
	char *uri;
	struct sk_proc ssh;
	int sock, err_fd;
	struct sk_remote_stream stream;
	char bytes[16384]; /* that came and are not taken yet */
	size_t at, len;
	uint64_t zero_ns; /* sample time 0 on its clock */
	struct sk_clock_offset before, after, offset;
	bool has_after;
	pthread_t thread;
	bool has_thread, has_end, is_stop_sent;
	uint64_t heard_mono, asked_mono, stop_mono;
	unsigned int nr_asked;
	char hint[SK_ERR_HINT_SIZE];
	char why[200]; /* it broke; empty: it did not */
};

/* ---- Lines --------------------------------------------------------------------------- */

static int say(struct sk_remote *remote, const char *line)
{
	return sk_sock_send_all(remote->sock, line, strlen(line));
}

/* The next line into stream.line; samples in front of it are taken. 0 when there is none before @until. */
static int next_line(struct sk_remote *remote, uint64_t until_mono, struct sk_err *err)
{
	for (;;) {
		struct pollfd ready = {.fd = remote->sock, .events = POLLIN};
		bool has_line = false;
		ssize_t n;

		n = sk_remote_read(&remote->stream, remote->bytes + remote->at,
				   remote->len - remote->at, &has_line);
		if (n < 0)
			return sk_err_set(err, EPROTO, "it speaks another language");
		remote->at += (size_t)n;
		if (has_line)
			return 1;
		if (poll(&ready, 1, sk_clock_remaining_ms(until_mono)) <= 0) {
			if (sk_clock_mono() >= until_mono)
				return 0;
			continue;
		}
		n = recv(remote->sock, remote->bytes, sizeof(remote->bytes), 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return sk_err_set(err, EPIPE, "the connection ended");
		remote->at = 0;
		remote->len = n > 0 ? (size_t)n : 0;
		remote->heard_mono = sk_clock_mono();
	}
}

/* Its own "error ERRNO TEXT". */
static int take_error(struct sk_remote *remote, const char *text, struct sk_err *err)
{
	char *end = NULL;
	long code = strtol(text, &end, 10);
	int r;

	if (code <= 0 || code > 4095 || *end != ' ')
		return sk_err_set(err, EPROTO, "it speaks another language");
	r = sk_err_set(err, (int)code, "%s", end + 1);
	return remote->hint[0] ? sk_err_hint(err, r, "%s", remote->hint) : r;
}

/* Until a line that begins so; others are passed over, but no error. */
static int await_line(struct sk_remote *remote, const char *prefix, uint64_t timeout_ns,
		      const char **ret_rest, struct sk_err *err)
{
	uint64_t until = sk_clock_mono() + timeout_ns;

	for (int i = 0; i < MAX_GREETING; i++) {
		int r = next_line(remote, until, err);
		const char *rest;

		if (r < 0)
			return r;
		if (r == 0)
			return sk_err_set(err, ETIMEDOUT, "no answer within %.0f s",
					  (double)timeout_ns / 1e9);
		*ret_rest = sk_str_starts(remote->stream.line, prefix);
		if (*ret_rest)
			return 0;
		rest = sk_str_starts(remote->stream.line, "hint ");
		if (rest)
			(void)snprintf(remote->hint, sizeof(remote->hint), "%.255s",
				       rest);
		rest = sk_str_starts(remote->stream.line, "error ");
		if (rest)
			return take_error(remote, rest, err);
	}
	return sk_err_set(err, EPROTO, "it speaks another language");
}

/* ---- Clock --------------------------------------------------------------------------- */

/* Each question has a number. */
static int say_clock(struct sk_remote *remote)
{
	char line[32];

	(void)snprintf(line, sizeof(line), "clock %u\n", ++remote->nr_asked);
	return say(remote, line);
}

static int ask_clock(struct sk_remote *remote, struct sk_exchange *ret,
		     struct sk_err *err)
{
	const char *rest = NULL;
	char *end = NULL, answer[32];
	int r;

	ret->asked_ns = sk_clock_real();
	r = say_clock(remote);
	if (r < 0)
		return sk_err_code(err, r, "ask for its clock");
	/* Not one to an earlier question, which may still be on its way. */
	(void)snprintf(answer, sizeof(answer), "clock %u ", remote->nr_asked);
	r = await_line(remote, answer, ANSWER_NS, &rest, err);
	ret->answered_ns = sk_clock_real();
	if (r < 0)
		return r;
	ret->received_ns = strtoull(rest, &end, 10);
	ret->replied_ns = strtoull(end, NULL, 10);
	return 0;
}

static int measure_clock(struct sk_remote *remote, struct sk_clock_offset *ret,
			 struct sk_err *err)
{
	struct sk_exchange exchanges[NR_CLOCK];

	for (int i = 0; i < NR_CLOCK; i++) {
		int r = ask_clock(remote, &exchanges[i], err);

		if (r < 0)
			return r;
	}
	if (sk_offset_estimate(exchanges, NR_CLOCK, ret) < 0)
		return sk_err_set(err, EPROTO, "the clock's answers run backwards");
	return 0;
}

static void set_start(struct sk_probe *probe)
{
	struct sk_remote *remote = probe->remote;

	remote->offset = remote->before;
	if (remote->has_after)
		sk_offset_join(&remote->before, &remote->after, &remote->offset);
	probe->start_real = remote->zero_ns;
	if (sk_offset_is_significant(&remote->offset))
		probe->start_real -= (uint64_t)remote->offset.offset_ns;
}

/* ---- Connection ---------------------------------------------------------------------- */

/* What a shell there is to run; a path stands in single quotes. */
static int command_text(const char *uri, char **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	sk_autofree char *program = NULL;
	int r = sk_ssh_param(uri, "program", &program, err);

	if (r < 0)
		return r;
	sk_str_add(&text, "exec ");
	if (program) {
		sk_str_add_char(&text, '\'');
		for (const char *c = program; *c; c++)
			if (*c == '\'')
				sk_str_add(&text, "'\\''");
			else
				sk_str_add_char(&text, *c);
		sk_str_add_char(&text, '\'');
	} else {
		sk_str_add(&text, "skiff");
	}
	sk_str_add(&text, " probe-serve");
	*ret = sk_str_steal(&text);
	return *ret ? 0 : sk_err_oom(err);
}

static int spawn(struct sk_remote *remote, char *const *argv, struct sk_err *err)
{
	struct sk_proc_opts opts = {.has_stdin = true,
				    .has_stdout = true,
				    .has_stderr = true,
				    .death_signal = SIGKILL};
	sk_autoclose int near = -1, far = -1;
	int ends[2], r;

	/* A socket in place of pipes: one that nobody reads raises no signal. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return sk_err_errno(err, "create a socket pair");
	near = ends[0];
	far = ends[1];
	remote->err_fd = memfd_create("skiff-probe-ssh", MFD_CLOEXEC);
	if (remote->err_fd < 0)
		return sk_err_errno(err, "keep what ssh says");
	opts.stdin_fd = opts.stdout_fd = far;
	opts.stderr_fd = remote->err_fd;
	r = sk_proc_spawn((const char *const *)argv, &opts, &remote->ssh, err);
	if (r == 0)
		remote->sock = sk_steal_fd(&near);
	return r;
}

/* The last line that ssh, or the shell there, wrote to stderr. */
static void last_words(const struct sk_remote *remote, char *ret, size_t size)
{
	char text[1024], *line;
	off_t end = lseek(remote->err_fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = pread(remote->err_fd, text, sizeof(text) - 1, from);

	text[n > 0 ? n : 0] = '\0';
	for (n--; n >= 0 && (unsigned char)text[n] <= ' '; n--)
		text[n] = '\0';
	line = strrchr(text, '\n');
	(void)snprintf(ret, size, "%.180s", line ? line + 1 : text);
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

/* It ended before it said hello: what its status and last words tell. */
static int explain(struct sk_remote *remote, int r, struct sk_err *err)
{
	char words[200];
	int status = -1;

	if (sk_proc_wait(&remote->ssh, ENDING_MS, &status, NULL) < 0)
		return r;
	remote->ssh = (struct sk_proc){.pid = 0, .pidfd = -1};
	last_words(remote, words, sizeof(words));
	if (status == NOT_FOUND)
		return sk_err_hint(err,
				   sk_err_set(err, ENOENT, "there is no skiff: %s",
					      words),
				   "install skiff there, or name its path: "
				   "ssh://HOST?program=/path/to/skiff");
	if (status == SSH_FAILED)
		return sk_err_set(err, ECONNREFUSED, "ssh: %s", words);
	return sk_err_hint(err,
			   sk_err_set(err, EPROTO, "probe-serve ended with status %d: %s",
				      status, words),
			   "is the skiff there as new as this one?");
}

static int await_hello(struct sk_remote *remote, struct sk_err *err)
{
	const char *version = NULL;
	int r = await_line(remote, SK_REMOTE_NAME, HELLO_NS, &version, err);

	if (r == -EPIPE)
		return explain(remote, r, err);
	if (r < 0 || sk_str_starts(remote->stream.line, SK_REMOTE_HELLO))
		return r;
	return sk_err_hint(err,
			   sk_err_set(err, EPROTO, "its '%.60s' is not our '%s'",
				      remote->stream.line, SK_REMOTE_HELLO SK_VERSION),
			   "install the same version of skiff on both machines");
}

static int connect_remote(struct sk_remote *remote, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **argv = NULL;
	sk_autofree char *command = NULL;
	int r;

	if (!sk_str_starts(remote->uri, "ssh://"))
		return sk_err_hint(err,
				   sk_err_set(err, EINVAL,
					      "it does not begin with ssh://"),
				   "a machine to probe from looks like "
				   "ssh://user@host:22");
	r = sk_ssh_argv(remote->uri, &argv, err);
	if (r == 0)
		r = command_text(remote->uri, &command, err);
	if (r < 0)
		return r;
	if (sk_strv_add(&argv, command) < 0)
		return sk_err_oom(err);
	r = spawn(remote, argv, err);
	return r < 0 ? r : await_hello(remote, err);
}

static int start_probe(struct sk_probe *probe, struct sk_err *err)
{
	struct sk_remote *remote = probe->remote;
	sk_autofree char *url = NULL, *line = NULL;
	const char *rest = NULL;
	int r = sk_probe_target_print(&probe->opts.target, &url);

	if (r < 0)
		return sk_err_oom(err);
	line = sk_strf("start %" PRIu64 " %" PRIu64 " %s\n", probe->opts.max_duration_ns,
		       probe->opts.timeout_ns, url);
	if (!line)
		return sk_err_oom(err);
	r = measure_clock(remote, &remote->before, err);
	if (r == 0 && say(remote, line) < 0)
		r = sk_err_set(err, EPIPE, "the connection ended");
	if (r == 0)
		r = await_line(remote, "started ", ANSWER_NS, &rest, err);
	if (r == 0)
		r = sk_parse_u64(rest, 1, INT64_MAX, &remote->zero_ns, err);
	return r;
}

/* ---- The thread ---------------------------------------------------------------------- */

/* @seen: samples that were looked at for the first answer. */
static void note_samples(struct sk_probe *probe, size_t *seen)
{
	size_t nr = probe->remote->stream.nr;

	atomic_store_explicit(&probe->nr_sent, nr, memory_order_release);
	for (; !probe->has_reply && *seen < nr; ++*seen)
		if (probe->samples[*seen].received_ns)
			sk_probe_note_reply(probe);
}

static int take_end(struct sk_probe *probe, const char *text, struct sk_err *err)
{
	size_t kernel, received, refused, reconnects;
	unsigned int realtime;

	if (sscanf(text, "%zu %zu %zu %zu %u", &kernel, &received, &refused, &reconnects,
		   &realtime) != 5 ||
	    realtime > 1)
		return sk_err_set(err, EPROTO, "it speaks another language");
	atomic_store(&probe->nr_kernel_stamps, kernel);
	atomic_store(&probe->nr_received, received);
	atomic_store(&probe->nr_refused, refused);
	atomic_store(&probe->nr_reconnects, reconnects);
	atomic_store(&probe->is_realtime, realtime);
	probe->remote->has_end = true;
	return 0;
}

static int beat(struct sk_probe *probe, struct sk_err *err)
{
	struct sk_remote *remote = probe->remote;
	uint64_t now = sk_clock_mono();
	int r = 0;

	if (now - remote->heard_mono > SK_REMOTE_SILENT_NS)
		return sk_err_set(err, ETIMEDOUT, "nothing was heard for %d s",
				  (int)(SK_REMOTE_SILENT_NS / SK_NS_PER_S));
	if (remote->is_stop_sent && now > remote->stop_mono)
		return sk_err_set(err, ETIMEDOUT, "the samples did not come");
	if (!remote->is_stop_sent && atomic_load(&probe->is_stopping)) {
		remote->is_stop_sent = true;
		remote->stop_mono = now + probe->opts.timeout_ns + GRACE_NS;
		r = say(remote, "stop\n");
	} else if (now - remote->asked_mono > BEAT_NS) {
		remote->asked_mono = now;
		r = say_clock(remote);
	}
	return r < 0 ? sk_err_set(err, EPIPE, "the connection ended") : 0;
}

static int follow(struct sk_probe *probe, struct sk_err *err)
{
	struct sk_remote *remote = probe->remote;
	size_t seen = 0;
	int r = 0;

	while (r == 0 && !remote->has_end && !atomic_load(&probe->is_abandoned)) {
		const char *rest;

		r = next_line(remote, sk_clock_mono() + ROUND_MS * SK_NS_PER_MS, err);
		note_samples(probe, &seen);
		if (r < 0)
			return r;
		rest = r > 0 ? sk_str_starts(remote->stream.line, "end ") : NULL;
		if (rest)
			return take_end(probe, rest, err);
		rest = r > 0 ? sk_str_starts(remote->stream.line, "error ") : NULL;
		if (rest)
			return take_error(remote, rest, err);
		r = beat(probe, err);
	}
	return r;
}

static void *follow_main(void *arg)
{
	struct sk_probe *probe = arg;
	struct sk_remote *remote = probe->remote;
	struct sk_err err = SK_ERR_INIT;

	if (follow(probe, &err) < 0)
		(void)snprintf(remote->why, sizeof(remote->why), "%.199s", err.msg);
	else if (remote->has_end)
		remote->has_after = measure_clock(remote, &remote->after, NULL) == 0;
	return NULL;
}

/* ---- For probe.c --------------------------------------------------------------------- */

int sk_remote_start(struct sk_probe *probe, struct sk_err *err)
{
	const char *uri = probe->opts.from;
	struct sk_remote *remote = calloc(1, sizeof(*remote));
	int r;

	if (!remote)
		return sk_err_oom(err);
	probe->remote = remote;
	remote->sock = remote->err_fd = remote->ssh.pidfd = -1;
	remote->stream.samples = probe->samples;
	remote->stream.max = probe->max_samples;
	remote->uri = strdup(uri);
	if (!remote->uri)
		return sk_err_oom(err);
	r = connect_remote(remote, err);
	if (r == 0)
		r = start_probe(probe, err);
	if (r < 0)
		return sk_err_wrap(err, r, "probe from '%s'", uri);
	set_start(probe);
	remote->heard_mono = remote->asked_mono = sk_clock_mono();
	r = pthread_create(&remote->thread, NULL, follow_main, probe);
	if (r != 0)
		return sk_err_code(err, -r, "start a thread");
	remote->has_thread = true;
	return 0;
}

void sk_remote_finish(struct sk_probe *probe)
{
	struct sk_remote *remote = probe->remote;

	if (!remote->has_thread)
		return;
	(void)pthread_join(remote->thread, NULL);
	remote->has_thread = false;
	set_start(probe);
}

const char *sk_remote_cut(const struct sk_remote *remote)
{
	return remote->why[0] ? remote->why : NULL;
}

bool sk_remote_ended_first(const struct sk_remote *remote)
{
	return remote->has_end && !remote->is_stop_sent;
}

void sk_remote_describe(const struct sk_remote *remote, struct sk_json *object)
{
	struct sk_json *clock;

	sk_json_set_str(object, "from", remote->uri);
	clock = sk_json_set(object, "clock", sk_offset_json(&remote->offset));
	sk_json_set_bool(clock, "corrected", sk_offset_is_significant(&remote->offset));
	sk_json_set_bool(clock, "after_too", remote->has_after);
	sk_json_set_str(object, "cut", sk_remote_cut(remote));
}

void sk_remote_free(struct sk_remote *remote)
{
	if (!remote)
		return;
	sk_close(&remote->sock);
	sk_proc_kill(&remote->ssh);
	sk_close(&remote->err_fd);
	free(remote->uri);
	free(remote);
}
