/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_filters - filters made at random, from what makes programs differ */
#ifndef SK_TEST_SECCOMP_FILTERS_H
#define SK_TEST_SECCOMP_FILTERS_H

#include <linux/audit.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/sandbox/seccomp_names.h"
#include "runtime/spec/spec.h"

#define X32_ARCH (EM_X86_64 | __AUDIT_ARCH_LE)

/* Calls of their own, through socketcall and ipc, of one architecture alone, unknown ones. */
static const char *const names[] = {
	"read",
	"write",
	"open",
	"openat",
	"close",
	"clone",
	"socket",
	"bind",
	"socketcall",
	"sendmsg",
	"recvmsg",
	"accept4",
	"semop",
	"semget",
	"shmat",
	"msgrcv",
	"ipc",
	"ioctl",
	"personality",
	"getpid",
	"exit_group",
	"mmap",
	"mmap2",
	"fstatat64",
	"clock_gettime64",
	"arch_prctl",
	"modify_ldt",
	"arm_fadvise64_64",
	"set_tls",
	"breakpoint",
	"pidfd_getfd",
	"futex_waitv",
	"no_such_call",
	"recv",
	"send",
	"accept",
	"getrandom",
	"statx",
	"process_mrelease",
};

static const uint32_t actions[] = {
	SECCOMP_RET_ALLOW,	  SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38,
	SECCOMP_RET_KILL_THREAD,  SECCOMP_RET_TRAP,	 SECCOMP_RET_LOG,
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRACE | 7, SECCOMP_RET_USER_NOTIF,
};

static const uint64_t values[] = {
	0,
	1,
	2,
	3,
	9,
	16,
	40,
	0x7e020000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffff00000000,
	0xffffffffffffffff,
	0x500000005,
};

static unsigned int seed;

static unsigned int pick(unsigned int n)
{
	return n ? (unsigned int)rand_r(&seed) % n : 0;
}

static void make_arg(struct sk_seccomp_arg *arg)
{
	arg->index = pick(3) ? pick(2) : pick(6);
	arg->op = (enum sk_seccomp_op)pick(SK_SECCOMP_MASKED_EQ + 1);
	arg->value = values[pick(SK_ARRAY_SIZE(values))];
	arg->value_two = values[pick(SK_ARRAY_SIZE(values))];
}

static void make_rule(struct sk_seccomp_rule *rule, uint32_t action)
{
	unsigned int n = 1 + pick(4), args = pick(2) ? pick(4) : 0;

	rule->action = action;
	rule->names = calloc(n + 1, sizeof(*rule->names));
	for (unsigned int i = 0; i < n; i++)
		rule->names[i] = strdup(names[pick(SK_ARRAY_SIZE(names))]);
	rule->args = calloc(args + 1, sizeof(*rule->args));
	rule->nr_args = args;
	for (unsigned int i = 0; i < args; i++)
		make_arg(&rule->args[i]);
}

static struct sk_spec_seccomp *make_filter(bool one_action)
{
	struct sk_spec_seccomp *s = calloc(1, sizeof(*s));
	uint32_t action = actions[pick(SK_ARRAY_SIZE(actions))];
	size_t nr_known = 0;

	while (sk_seccomp_archs[nr_known].name)
		nr_known++;
	s->default_action = actions[pick(2)];
	s->nr_archs = pick(4);
	s->archs = calloc(4, sizeof(*s->archs));
	for (size_t i = 0; i < s->nr_archs; i++) {
		uint32_t arch = sk_seccomp_archs[pick((unsigned int)nr_known)].value;
		const uint32_t usual[] = {AUDIT_ARCH_I386, X32_ARCH, AUDIT_ARCH_AARCH64};

		/* libseccomp refuses architectures of the other byte order */
		s->archs[i] = pick(2) && (arch & __AUDIT_ARCH_LE) ? arch : usual[pick(3)];
	}
	s->nr_rules = 1 + pick(12);
	s->rules = calloc(s->nr_rules, sizeof(*s->rules));
	for (size_t i = 0; i < s->nr_rules; i++)
		make_rule(&s->rules[i],
			  one_action ? action : actions[pick(SK_ARRAY_SIZE(actions))]);
	return s;
}

#endif
