/* SPDX-License-Identifier: Apache-2.0 */
/* logfile - the log of a detached container: lines with time and stream, in three files of 10 MiB */
#ifndef SK_LOGFILE_H
#define SK_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/*
 * A line is "2026-11-22T00:46:47.123Z stdout F text", as Kubernetes' engines write it: F for
 * a full line, P for the first part of one that was cut at SK_LOG_LINE bytes or by the end.
 */
#define SK_LOG_LINE  4096
#define SK_LOG_LIMIT (10u << 20)
#define SK_LOG_FILES 3

/** struct sk_logfile - A log that is written */
struct sk_logfile;

/** sk_logfile_open() - Open or make the log in a record's folder (borrowed) for appending; @limit bytes a file */
int sk_logfile_open(int dirfd, size_t limit, struct sk_logfile **ret, struct sk_err *err);
/**
 * sk_logfile_feed() - Append what a process wrote
 * @stream:	1 for stdout, 2 for stderr
 *
 * Whole lines are written, the rest is kept until it is continued or sk_logfile_flush().
 * A full disk loses lines, never blocks. Rotation renames log to log.1, log.1 to log.2.
 */
void sk_logfile_feed(struct sk_logfile *log, int stream, const char *bytes, size_t len);
/** sk_logfile_flush() - Write what is left without a newline */
void sk_logfile_flush(struct sk_logfile *log);
void sk_logfile_free(struct sk_logfile *log);
SK_DEFINE_AUTO(struct sk_logfile, sk_logfile_free)

/** struct sk_log_line - One parsed line; pointers into the text */
struct sk_log_line {
	const char *time;
	size_t time_len;
	int stream;
	bool is_full;
	const char *text;
	size_t text_len;
};
/** sk_logfile_parse() - Split a line without its newline; false when malformed */
bool sk_logfile_parse(const char *line, size_t len, struct sk_log_line *ret);

#endif
