/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_compile - from the filter of a config.json to a program; for runtime/sandbox/seccomp*.c */
#ifndef SK_SECCOMP_COMPILE_H
#define SK_SECCOMP_COMPILE_H

#include "lib/err.h"
#include "runtime/sandbox/seccomp_bpf.h"
#include "runtime/spec/seccomp.h"

/**
 * sk_seccomp_compile() - Write the program of a filter
 * @bpf:	Overwritten, from sk_bpf_start() to sk_bpf_end()
 *
 * The verdicts are libseccomp's, but where version 2.5 is wrong: sub-calls of socketcall() and
 * ipc() that are no call of their own, and some unions of order comparisons. Where rules of one call with different actions can hold at
 * once libseccomp decides by an order of its own, and so writes such filters itself: slowly.
 *
 * In one thing this goes beyond libseccomp: calls above the highest number that the filter names
 * for an architecture fail with ENOSYS, unless it allows, logs or traces what it does not name.
 * Return: 0; -E2BIG when the kernel would not take it; -ENOMEM
 */
int sk_seccomp_compile(const struct sk_spec_seccomp *seccomp, struct sk_bpf *bpf,
		       struct sk_err *err);

/** sk_seccomp_reference() - Nothing but libseccomp's own generator (seccomp_reference.c) */
int sk_seccomp_reference(const struct sk_spec_seccomp *seccomp, struct sk_bpf *bpf,
			 struct sk_err *err);

#endif
