/* SPDX-License-Identifier: Apache-2.0 */
/* log - diagnostics on stderr, switched by level */
#ifndef SK_LOG_H
#define SK_LOG_H

#include <stdarg.h>

/** enum sk_log_level - What is shown; each level includes those before it */
enum sk_log_level {
	SK_LOG_ERROR,
	SK_LOG_WARN,
	SK_LOG_INFO,
	SK_LOG_DEBUG,
};

/**
 * sk_log_set_level() - Choose what is shown; SK_LOG_WARN at the start
 * @level:	Last level to show
 */
void sk_log_set_level(enum sk_log_level level);

/**
 * sk_log_set_fd() - Send the lines elsewhere; stderr at the start
 * @fd:	Descriptor (borrowed for as long as lines are written)
 */
void sk_log_set_fd(int fd);

/**
 * sk_log_set_writer() - Hand the lines that are shown to a function instead
 * @writer:	Gets the text alone; NULL: descriptors again
 */
void sk_log_set_writer(void (*writer)(enum sk_log_level level, const char *text));

/**
 * sk_log() - Write one line "skiff: warning: TEXT" in one write(2)
 * @level:	Level of the line; dropped when not shown
 * @fmt:	Text without newline; control characters are shown escaped
 *
 * Keeps errno. Needs no heap, so it may be used after clone.
 */
void sk_log(enum sk_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define sk_log_debug(...) sk_log(SK_LOG_DEBUG, __VA_ARGS__)
#define sk_log_info(...)  sk_log(SK_LOG_INFO, __VA_ARGS__)
#define sk_log_warn(...)  sk_log(SK_LOG_WARN, __VA_ARGS__)

#endif
