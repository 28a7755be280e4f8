/* SPDX-License-Identifier: Apache-2.0 */
/* err - what failed, why, and what to do about it
 *
 *	r = parse(text, &value, err);
 *	if (r < 0)
 *		return sk_err_wrap(err, r, "read '%s'", path);
 *	if (mkdirat(dirfd, name, 0700) < 0)
 *		return sk_err_errno(err, "create folder '%s'", name);
 *	if (value == 0)
 *		return sk_err_set(err, EINVAL, "a memory limit must not be 0");
 *
 * Functions return 0 or a negative errno, and fill the error, which may be NULL. The
 * text is lower case, has no full stop and grows outward: "start 'web1': mount '/proc':
 * Operation not permitted". The struct has a fixed size below PIPE_BUF and needs no heap,
 * so that a child hands it to its parent with one write(2).
 */
#ifndef SK_ERR_H
#define SK_ERR_H

#include <stdarg.h>

#define SK_ERR_MSG_SIZE	 508
#define SK_ERR_HINT_SIZE 256

/**
 * struct sk_err - One failure
 * @code:	0 while there is none, else a positive errno
 * @msg:	What failed and why, NUL-terminated, cut with "..." when too long
 * @hint:	What to do, or empty
 */
struct sk_err {
	int code;
	char msg[SK_ERR_MSG_SIZE];
	char hint[SK_ERR_HINT_SIZE];
};

#define SK_ERR_INIT ((struct sk_err){0})

/**
 * sk_err_set() - Record a failure that no system call reported
 * @err:	Replaced, its hint too; may be NULL
 * @code:	Positive errno
 * @fmt:	What failed and why
 *
 * Return: -@code
 */
int sk_err_set(struct sk_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** sk_err_setv() - sk_err_set() for functions that take a format themselves */
int sk_err_setv(struct sk_err *err, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/**
 * sk_err_errno() - Record the failure that errno holds
 * @err:	Replaced, its hint too; may be NULL
 * @fmt:	What failed; ": " and the text of errno are appended
 *
 * Return: -errno; -EIO when errno is 0
 */
int sk_err_errno(struct sk_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * sk_err_code() - Record a failure of which the negative errno is known
 * @err:	Replaced, its hint too; may be NULL
 * @r:		Negative errno, such as a lib function without an error parameter returns
 * @fmt:	What failed; ": " and the text of @r are appended
 *
 * Return: @r
 */
int sk_err_code(struct sk_err *err, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * sk_err_wrap() - Put the larger task in front of a recorded failure
 * @err:	Extended, its hint kept; may be NULL
 * @r:		The negative errno to hand on
 * @fmt:	The larger task; ": " and the old text follow
 *
 * Return: @r
 */
int sk_err_wrap(struct sk_err *err, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * sk_err_hint() - Say what the user can do
 * @err:	Gets the hint unless it has one (the innermost knows best); may be NULL
 * @r:		The negative errno to hand on
 * @fmt:	What to do
 *
 * Return: @r
 */
int sk_err_hint(struct sk_err *err, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * sk_err_oom() - Record that memory ran out
 * @err:	Replaced; may be NULL
 *
 * Return: -ENOMEM
 */
int sk_err_oom(struct sk_err *err);

#endif
