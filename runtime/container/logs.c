// SPDX-License-Identifier: Apache-2.0
/* logs - copy the log of a detached container
 *
 * The files are read oldest first. To follow, the record's folder is watched: log is
 * appended to, renamed when it is full, and the record's lock ends with its monitor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/container/logfile.h"
#include "runtime/container/state.h"
#include "runtime/runtime.h"

/* The monitor's lock gives no event on a kill -9: looked at this often while following. */
#define OWNER_CHECK_MS 1000

static const char *const files[SK_LOG_FILES] = {"log.2", "log.1", "log"};

struct reader {
	const struct sk_logs_opts *opts;
	int out_fd, err_fd;
	struct sk_str rest; /* a line whose end is not there yet */
};

static int put_line(const struct reader *rd, const char *line, size_t len)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	struct sk_log_line parsed;

	if (!sk_logfile_parse(line, len, &parsed))
		return 0;
	if (rd->opts->timestamps) {
		sk_str_add_bytes(&text, parsed.time, parsed.time_len);
		sk_str_add_char(&text, ' ');
	}
	sk_str_add_bytes(&text, parsed.text, parsed.text_len);
	if (parsed.is_full)
		sk_str_add_char(&text, '\n');
	if (text.failed)
		return -ENOMEM;
	return sk_fs_write_all(parsed.stream == 2 ? rd->err_fd : rd->out_fd, text.ptr,
			       text.len);
}

static int put_bytes(struct reader *rd, const char *bytes, size_t len)
{
	const char *newline, *line;
	size_t left;
	int r;

	sk_str_add_bytes(&rd->rest, bytes, len);
	if (rd->rest.failed)
		return -ENOMEM;
	line = rd->rest.ptr;
	left = rd->rest.len;
	while (left && (newline = memchr(line, '\n', left))) {
		r = put_line(rd, line, (size_t)(newline - line));
		if (r < 0)
			return r;
		left -= (size_t)(newline + 1 - line);
		line = newline + 1;
	}
	if (left)
		memmove(rd->rest.ptr, line, left);
	rd->rest.len = left;
	return 0;
}

static int copy_rest(struct reader *rd, int fd)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		int r = put_bytes(rd, bytes, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 && errno != EINTR ? -errno : 0;
}

static int64_t count_lines(int fd)
{
	char bytes[65536];
	int64_t lines = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += bytes[i] == '\n';
	return lines;
}

static void skip_lines(int fd, int64_t skip)
{
	off_t offset = 0;
	char bytes[65536];
	ssize_t n;

	while (skip > 0 && (n = pread(fd, bytes, sizeof(bytes), offset)) > 0) {
		ssize_t i = 0;

		while (i < n && skip > 0)
			skip -= bytes[i++] == '\n';
		offset += i;
	}
	(void)lseek(fd, offset, SEEK_SET);
}

/* Put the descriptors where the wanted lines start. */
static void seek_tail(int fds[SK_LOG_FILES], int64_t tail)
{
	for (int i = SK_LOG_FILES - 1; i >= 0; i--) {
		int64_t lines;

		if (fds[i] < 0)
			continue;
		if (tail == 0) {
			(void)lseek(fds[i], 0, SEEK_END);
			continue;
		}
		lines = count_lines(fds[i]);
		(void)lseek(fds[i], 0, SEEK_SET);
		skip_lines(fds[i], lines > tail ? lines - tail : 0);
		tail = lines > tail ? 0 : tail - lines;
	}
}

static int copy_files(struct reader *rd, const struct sk_state *state, int *ret_fd)
{
	int fds[SK_LOG_FILES], r = 0;

	for (int i = 0; i < SK_LOG_FILES; i++)
		fds[i] = openat(state->dir_fd, files[i],
				O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (rd->opts->tail >= 0)
		seek_tail(fds, rd->opts->tail);
	for (int i = 0; i < SK_LOG_FILES; i++) {
		if (fds[i] >= 0 && r == 0)
			r = copy_rest(rd, fds[i]);
		if (i < SK_LOG_FILES - 1)
			sk_close(&fds[i]);
	}
	*ret_fd = fds[SK_LOG_FILES - 1];
	return r;
}

/* Goes on with the next file when the open one was renamed. */
static int catch_up(struct reader *rd, const struct sk_state *state, int *fd)
{
	struct stat open_st, name_st;
	int r = *fd >= 0 ? copy_rest(rd, *fd) : 0;

	if (r < 0)
		return r;
	if (fstatat(state->dir_fd, "log", &name_st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (*fd >= 0 && fstat(*fd, &open_st) == 0 && open_st.st_ino == name_st.st_ino))
		return 0;
	sk_close(fd);
	*fd = openat(state->dir_fd, "log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd >= 0 ? copy_rest(rd, *fd) : 0;
}

static int follow(struct reader *rd, const struct sk_state *state, int watch, int *fd,
		  struct sk_err *err)
{
	char events[4096];
	bool is_owned;
	int r;

	do {
		struct pollfd fds = {.fd = watch, .events = POLLIN};

		/* asked before the last look, so that no line is missed */
		is_owned = sk_state_is_owned(state);
		r = catch_up(rd, state, fd);
		if (r < 0 || !is_owned)
			break;
		(void)poll(&fds, 1, OWNER_CHECK_MS);
		(void)!read(watch, events, sizeof(events));
	} while (true);
	return r < 0 ? sk_err_code(err, r, "follow the log of container '%s'", state->id)
		     : 0;
}

int sk_container_logs(const struct sk_home *home, const char *name,
		      const struct sk_logs_opts *opts, int out_fd, int err_fd,
		      struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	struct reader rd = {.opts = opts, .out_fd = out_fd, .err_fd = err_fd};
	sk_autoclose int fd = -1, watch = -1;
	int r = sk_state_open(home, name, &state, err);

	if (r < 0)
		return r;
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, state->path,
					   IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0)
		return sk_err_errno(err, "watch '%s'", state->path);
	r = copy_files(&rd, state, &fd);
	if (r < 0)
		r = sk_err_code(err, r, "copy the log of container '%s'", name);
	else if (opts->follow)
		r = follow(&rd, state, watch, &fd, err);
	sk_str_finish(&rd.rest);
	return r;
}
