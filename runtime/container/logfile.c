// SPDX-License-Identifier: Apache-2.0
/* logfile - the log of a detached container */
#include "runtime/container/logfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fs.h"

struct part {
	char bytes[SK_LOG_LINE];
	size_t len;
};

struct sk_logfile {
	int dirfd, fd;
	size_t limit, size;
	struct part parts[3]; /* by stream */
};

static int open_file(struct sk_logfile *log)
{
	struct stat st;

	sk_close(&log->fd);
	log->fd = openat(log->dirfd, "log",
			 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->fd < 0)
		return -errno;
	log->size = fstat(log->fd, &st) == 0 ? (size_t)st.st_size : 0;
	return 0;
}

int sk_logfile_open(int dirfd, size_t limit, struct sk_logfile **ret, struct sk_err *err)
{
	sk_auto(sk_logfile_free) struct sk_logfile *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return sk_err_oom(err);
	log->dirfd = dirfd;
	log->fd = -1;
	log->limit = limit;
	r = open_file(log);
	if (r < 0)
		return sk_err_code(err, r, "open the log of the container");
	*ret = sk_steal(&log);
	return 0;
}

static void rotate(struct sk_logfile *log)
{
	(void)renameat(log->dirfd, "log.1", log->dirfd, "log.2");
	(void)renameat(log->dirfd, "log", log->dirfd, "log.1");
	(void)open_file(log);
}

static void write_line(struct sk_logfile *log, int stream, char mark)
{
	struct part *part = &log->parts[stream];
	char head[SK_CLOCK_TEXT_SIZE + 16], stamp[SK_CLOCK_TEXT_SIZE];
	char line[sizeof(head) + SK_LOG_LINE + 1];
	int n = snprintf(head, sizeof(head), "%s %s %c ",
			 sk_clock_format(sk_clock_real(), stamp),
			 stream == 2 ? "stderr" : "stdout", mark);
	size_t len = (size_t)n;

	memcpy(line, head, len);
	memcpy(line + len, part->bytes, part->len);
	len += part->len;
	line[len++] = '\n';
	part->len = 0;
	if (log->size + len > log->limit)
		rotate(log);
	if (log->fd >= 0 && sk_fs_write_all(log->fd, line, len) == 0)
		log->size += len;
}

void sk_logfile_feed(struct sk_logfile *log, int stream, const char *bytes, size_t len)
{
	struct part *part = &log->parts[stream];

	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t n = newline ? (size_t)(newline - bytes) : len;
		size_t room = sizeof(part->bytes) - part->len;
		bool fits = n <= room;

		if (!fits)
			n = room;
		memcpy(part->bytes + part->len, bytes, n);
		part->len += n;
		bytes += n;
		len -= n;
		if (!fits) {
			write_line(log, stream, 'P');
		} else if (newline) {
			write_line(log, stream, 'F');
			bytes++;
			len--;
		}
	}
}

void sk_logfile_flush(struct sk_logfile *log)
{
	for (int stream = 1; stream <= 2; stream++)
		if (log->parts[stream].len)
			write_line(log, stream, 'P');
}

void sk_logfile_free(struct sk_logfile *log)
{
	if (!log)
		return;
	sk_close(&log->fd);
	free(log);
}

bool sk_logfile_parse(const char *line, size_t len, struct sk_log_line *ret)
{
	const char *space = memchr(line, ' ', len);
	size_t rest;

	if (!space)
		return false;
	rest = len - (size_t)(space - line);
	/* " stdout F " */
	if (rest < 10 ||
	    (memcmp(space, " stdout ", 8) != 0 && memcmp(space, " stderr ", 8) != 0) ||
	    (space[8] != 'F' && space[8] != 'P') || space[9] != ' ')
		return false;
	*ret = (struct sk_log_line){
		.time = line,
		.time_len = (size_t)(space - line),
		.stream = space[4] == 'e' ? 2 : 1,
		.is_full = space[8] == 'F',
		.text = space + 10,
		.text_len = rest - 10,
	};
	return true;
}
