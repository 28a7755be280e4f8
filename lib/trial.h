/* SPDX-License-Identifier: Apache-2.0 */
/* trial - try out in a child whether this machine can do something, and report it */
#ifndef SK_TRIAL_H
#define SK_TRIAL_H

#include "lib/err.h"
#include "lib/json.h"

/** sk_trial_fn - What is tried; may change its process as it likes, which ends with it */
typedef int sk_trial_fn(const void *ctx, struct sk_err *err);

/**
 * sk_trial_run() - Call a function in a child and bring back its error
 * @fn:		Its result 0 or -errno is the result here
 * @ctx:	Handed to it (borrowed)
 * @err:	What the function recorded
 *
 * For programs without threads.
 * Return: what @fn returned; -EIO when the child was killed
 */
int sk_trial_run(sk_trial_fn *fn, const void *ctx, struct sk_err *err);

/** sk_trial_enter_userns() - For a child: become root of a new user namespace that has one id, the own one */
int sk_trial_enter_userns(struct sk_err *err);

/**
 * sk_trial_report() - Append a {check, ok, detail, fix} object to an array
 * @check:	Name of the check
 * @detail:	What was found when it works
 * @why:	The failure, its hint is the fix; code 0 when it works
 * @fix:	Fix when there is no hint; may be NULL
 */
void sk_trial_report(struct sk_json *list, const char *check, const char *detail,
		     const struct sk_err *why, const char *fix);

#endif
