/* SPDX-License-Identifier: Apache-2.0 */
/* analyzer - what clang's analyzer cannot see over file borders: that recording an error returns one,
 * and that a test ends where it fails
 *
 * Included by tests/lint before each file that it analyses, never by a build.
 */
#ifndef SK_ANALYZER_H
#define SK_ANALYZER_H

#include <errno.h>

#include "lib/err.h"

/* clang-format off */
#define sk_err_set(err, code, ...)  ((void)sk_err_set(err, code, __VA_ARGS__), -(code))
#define sk_err_errno(err, ...)      ((void)sk_err_errno(err, __VA_ARGS__), -EIO)
#define sk_err_code(err, r, ...)    ((void)sk_err_code(err, r, __VA_ARGS__), (r))
#define sk_err_wrap(err, r, ...)    ((void)sk_err_wrap(err, r, __VA_ARGS__), (r))
#define sk_err_hint(err, r, ...)    ((void)sk_err_hint(err, r, __VA_ARGS__), (r))
#define sk_err_oom(err)             ((void)sk_err_oom(err), -ENOMEM)
/* clang-format on */

/* fail_msg() of cmocka */
void _fail(const char *file, int line) __attribute__((analyzer_noreturn));

#endif
