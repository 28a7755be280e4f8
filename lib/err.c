// SPDX-License-Identifier: Apache-2.0
/* err - fixed-size error texts that grow outward */
#include "lib/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "..."

/* vsnprintf() into @buf; a text that is cut ends in an ellipsis. */
__attribute__((format(printf, 3, 0))) static size_t format_text(char *buf, size_t size,
								const char *fmt,
								va_list ap)
{
	int n = vsnprintf(buf, size, fmt, ap);

	if (n < 0) {
		buf[0] = '\0';
		return 0;
	}
	if ((size_t)n < size)
		return (size_t)n;
	memcpy(buf + size - sizeof(ELLIPSIS), ELLIPSIS, sizeof(ELLIPSIS));
	return size - 1;
}

static void append_text(struct sk_err *err, size_t len, const char *text)
{
	int n = snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", text);

	if (n >= 0 && (size_t)n >= sizeof(err->msg) - len)
		memcpy(err->msg + sizeof(err->msg) - sizeof(ELLIPSIS), ELLIPSIS,
		       sizeof(ELLIPSIS));
}

__attribute__((format(printf, 4, 0))) static void record(struct sk_err *err, int code,
							 bool with_reason,
							 const char *fmt, va_list ap)
{
	size_t len;

	if (!err)
		return;
	err->code = code;
	err->hint[0] = '\0';
	len = format_text(err->msg, sizeof(err->msg), fmt, ap);
	if (with_reason)
		append_text(err, len, strerror(code));
}

int sk_err_setv(struct sk_err *err, int code, const char *fmt, va_list ap)
{
	record(err, code, false, fmt, ap);
	return -code;
}

int sk_err_set(struct sk_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(err, code, false, fmt, ap);
	va_end(ap);
	return -code;
}

int sk_err_errno(struct sk_err *err, const char *fmt, ...)
{
	int code = errno > 0 ? errno : EIO;
	va_list ap;

	va_start(ap, fmt);
	record(err, code, true, fmt, ap);
	va_end(ap);
	return -code;
}

int sk_err_code(struct sk_err *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(err, -r, true, fmt, ap);
	va_end(ap);
	return r;
}

int sk_err_wrap(struct sk_err *err, int r, const char *fmt, ...)
{
	char inner[SK_ERR_MSG_SIZE];
	va_list ap;
	size_t len;

	if (!err)
		return r;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	len = format_text(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	append_text(err, len, inner);
	return r;
}

int sk_err_hint(struct sk_err *err, int r, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->hint[0])
		return r;
	va_start(ap, fmt);
	(void)format_text(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return r;
}

int sk_err_oom(struct sk_err *err)
{
	return sk_err_set(err, ENOMEM, "out of memory");
}
