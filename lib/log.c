// SPDX-License-Identifier: Apache-2.0
/* log - one line, one write(2), no heap */
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/str.h"

#define TEXT_SIZE 1024
#define LINE_SIZE 2048
#define ELLIPSIS  "..."

static enum sk_log_level last_level = SK_LOG_WARN;
static int log_fd = STDERR_FILENO;
static void (*log_writer)(enum sk_log_level level, const char *text);

static const char *const level_names[] = {
	[SK_LOG_ERROR] = "error",
	[SK_LOG_WARN] = "warning",
	[SK_LOG_INFO] = "info",
	[SK_LOG_DEBUG] = "debug",
};

void sk_log_set_level(enum sk_log_level level)
{
	last_level = level;
}

void sk_log_set_fd(int fd)
{
	log_fd = fd;
}

void sk_log_set_writer(void (*writer)(enum sk_log_level level, const char *text))
{
	log_writer = writer;
}

/* Append @text to the line with control characters escaped; room for an ellipsis and the
 * newline stays free. Returns the new length.
 */
static size_t append_escaped(char line[LINE_SIZE], size_t len, const char *text)
{
	char chunk[SK_STR_ESCAPE_SIZE];

	while (*text) {
		size_t taken = sk_str_escape(text, chunk);
		size_t n = strlen(chunk);

		if (len + n > LINE_SIZE - sizeof(ELLIPSIS) - 1) {
			memcpy(line + len, ELLIPSIS, sizeof(ELLIPSIS) - 1);
			return len + sizeof(ELLIPSIS) - 1;
		}
		len += (size_t)snprintf(line + len, LINE_SIZE - len, "%s", chunk);
		text += taken;
	}
	return len;
}

void sk_log(enum sk_log_level level, const char *fmt, ...)
{
	int keep = errno;
	char text[TEXT_SIZE], line[LINE_SIZE];
	size_t len;
	va_list ap;
	int n;

	if (level > last_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof(text))
		memcpy(text + sizeof(text) - sizeof(ELLIPSIS), ELLIPSIS,
		       sizeof(ELLIPSIS));
	if (log_writer) {
		log_writer(level, text);
		errno = keep;
		return;
	}
	len = (size_t)snprintf(line, sizeof(line), "skiff: %s: ", level_names[level]);
	len = append_escaped(line, len, text);
	line[len++] = '\n';
	if (write(log_fd, line, len) < 0) {
		/* There is nowhere left to say it. */
	}
	errno = keep;
}
