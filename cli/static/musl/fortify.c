// SPDX-License-Identifier: Apache-2.0
/* fortify - what Debian's static libraries call in the C library that they were built for
 *
 * They were compiled with _FORTIFY_SOURCE, and call checked forms of some functions. musl has the
 * functions, not these forms; the rest of what they use is the same in both. A new version of a
 * library that calls more does not link.
 *
 * @flag tells glibc to refuse %n in memory that can be written; musl has no such check.
 * @room is the size of the buffer as the compiler knew it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define UNUSED		  __attribute__((unused))
#define FORMAT(at, first) __attribute__((format(printf, at, first)))

FORMAT(3, 4) int __fprintf_chk(FILE *file, int flag, const char *format, ...);
FORMAT(3, 0) int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args);
FORMAT(4, 5)
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);
FORMAT(5, 6)
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...);
FORMAT(5, 0)
int __vsnprintf_chk(char *to, size_t size, int flag, size_t room, const char *format,
		    va_list args);
FORMAT(3, 4) int __asprintf_chk(char **ret, int flag, const char *format, ...);
FORMAT(3, 0) int __vasprintf_chk(char **ret, int flag, const char *format, va_list args);
char *__strcat_chk(char *to, const char *from, size_t room);
FORMAT(3, 0)
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

int __vfprintf_chk(FILE *file, UNUSED int flag, const char *format, va_list args)
{
	return vfprintf(file, format, args);
}

int __fprintf_chk(FILE *file, UNUSED int flag, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = vfprintf(file, format, args);
	va_end(args);
	return r;
}

int __vsnprintf_chk(char *to, size_t size, UNUSED int flag, size_t room,
		    const char *format, va_list args)
{
	if (size > room)
		abort();
	return vsnprintf(to, size, format, args);
}

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = __vsnprintf_chk(to, size, flag, room, format, args);
	va_end(args);
	return r;
}

int __sprintf_chk(char *to, UNUSED int flag, size_t room, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = vsnprintf(to, room, format, args);
	va_end(args);
	if (r >= 0 && (size_t)r >= room)
		abort();
	return r;
}

int __vasprintf_chk(char **ret, UNUSED int flag, const char *format, va_list args)
{
	return vasprintf(ret, format, args);
}

int __asprintf_chk(char **ret, UNUSED int flag, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(ret, format, args);
	va_end(args);
	return r;
}

char *__strcat_chk(char *to, const char *from, size_t room)
{
	size_t len = strlen(to), more = strlen(from);

	if (len >= room || more >= room - len)
		abort();
	memcpy(to + len, from, more + 1);
	return to;
}

void __vsyslog_chk(int priority, UNUSED int flag, const char *format, va_list args)
{
	vsyslog(priority, format, args);
}
