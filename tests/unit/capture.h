/* SPDX-License-Identifier: Apache-2.0 */
/* capture - what the code under test writes to a descriptor, as text; for tests */
#ifndef SK_TEST_CAPTURE_H
#define SK_TEST_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** struct capture - A descriptor that writes to a temporary file for a while */
struct capture {
	int fd, saved;
	FILE *file;
};

/** capture_start() - Redirect @fd (1 or 2) */
static inline void capture_start(struct capture *capture, int fd)
{
	(void)fflush(NULL);
	*capture = (struct capture){fd, dup(fd), tmpfile()};
	if (capture->saved < 0 || !capture->file || dup2(fileno(capture->file), fd) < 0)
		abort();
}

/** capture_stop() - Undo it; returns what was written, to be released with free() */
static inline char *capture_stop(struct capture *capture)
{
	char *text;
	long len;

	(void)fflush(stdout);
	if (dup2(capture->saved, capture->fd) < 0 ||
	    fseek(capture->file, 0, SEEK_END) < 0)
		abort();
	(void)close(capture->saved);
	len = ftell(capture->file);
	rewind(capture->file);
	text = calloc(1, (size_t)len + 1);
	if (!text || fread(text, 1, (size_t)len, capture->file) != (size_t)len)
		abort();
	(void)fclose(capture->file);
	return text;
}

#endif
