/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_bpf - turn a sorted list of system calls into a BPF search tree
 *
 * Theory of operation
 *
 * libseccomp needs over ten milliseconds to build a filter of this size, and a container
 * starts in less. So the tree is written here:
 *
 * 1. Calls are sorted by number and merged into segments of equal verdict; the gaps between
 *    them are segments of ENOSYS. A segment reaches up to the start of the next.
 * 2. A segment list becomes code by halving: one "is nr >= the middle's start" jump, the
 *    code of the lower half, the code of the upper half. Each leaf returns, so nothing jumps
 *    out of a half, and a half can be moved.
 * 3. Conditional jumps reach 255 instructions; where the lower half is longer the condition
 *    steps over an unconditional jump, which reaches any distance.
 *
 * Arguments that the kernel takes as 32-bit values are compared by their low half only: the
 * kernel ignores the high half, so a filter that looked at it could be evaded with it.
 */
#include "runtime/sandbox/seccomp_bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define NAMESPACE_FLAGS                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
	 CLONE_NEWPID | CLONE_NEWNET)
/* In clone() this bit is part of the exit signal. */
#define NAMESPACE_FLAGS_UNSHARE (NAMESPACE_FLAGS | 0x80u /* CLONE_NEWTIME */)

#define RET_ALLOW		SECCOMP_RET_ALLOW
#define RET_EPERM		(SECCOMP_RET_ERRNO | EPERM)
#define RET_ENOSYS		(SECCOMP_RET_ERRNO | ENOSYS)

/* From here up to first of the next segment. */
struct segment {
	uint32_t first;
	enum sk_bpf_verdict verdict;
};

static void emit(struct sk_bpf *bpf, struct sock_filter insn)
{
	if (bpf->len < SK_BPF_MAX_INSNS)
		bpf->insns[bpf->len] = insn;
	bpf->len++;
}

static void emit_return(struct sk_bpf *bpf, uint32_t value)
{
	emit(bpf, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

static void emit_load_arg(struct sk_bpf *bpf, unsigned int index)
{
	uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index);

	emit(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

/* Refused when any of the bits is set. */
static void emit_refuse_bits(struct sk_bpf *bpf, uint32_t bits)
{
	emit_load_arg(bpf, 0);
	emit(bpf, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	emit_return(bpf, RET_EPERM);
	emit_return(bpf, RET_ALLOW);
}

/* Returns @match when the argument is one of the values, else @other. */
static void emit_compare(struct sk_bpf *bpf, unsigned int index, const uint32_t *values,
			 size_t n, uint32_t match, uint32_t other)
{
	emit_load_arg(bpf, index);
	for (size_t i = 0; i < n; i++)
		emit(bpf, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						       values[i], (uint8_t)(n - i), 0));
	emit_return(bpf, other);
	emit_return(bpf, match);
}

static void emit_verdict(struct sk_bpf *bpf, enum sk_bpf_verdict verdict)
{
	static const uint32_t terminal[] = {TIOCSTI, TIOCLINUX};
	static const uint32_t persona[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	static const uint32_t family[] = {AF_VSOCK};

	switch (verdict) {
	case SK_BPF_ENOSYS:
		emit_return(bpf, RET_ENOSYS);
		break;
	case SK_BPF_EPERM:
		emit_return(bpf, RET_EPERM);
		break;
	case SK_BPF_ALLOW:
		emit_return(bpf, RET_ALLOW);
		break;
	case SK_BPF_CLONE:
		emit_refuse_bits(bpf, NAMESPACE_FLAGS);
		break;
	case SK_BPF_UNSHARE:
		emit_refuse_bits(bpf, NAMESPACE_FLAGS_UNSHARE);
		break;
	case SK_BPF_IOCTL:
		emit_compare(bpf, 1, terminal, SK_ARRAY_SIZE(terminal), RET_EPERM,
			     RET_ALLOW);
		break;
	case SK_BPF_PERSONALITY:
		emit_compare(bpf, 0, persona, SK_ARRAY_SIZE(persona), RET_ALLOW,
			     RET_EPERM);
		break;
	case SK_BPF_SOCKET:
		emit_compare(bpf, 0, family, SK_ARRAY_SIZE(family), RET_EPERM, RET_ALLOW);
		break;
	}
}

/* Opens a gap of one instruction at @at. */
static void insert_jump(struct sk_bpf *bpf, size_t at, uint32_t distance)
{
	if (bpf->len < SK_BPF_MAX_INSNS)
		memmove(&bpf->insns[at + 1], &bpf->insns[at],
			(bpf->len - at) * sizeof(bpf->insns[0]));
	bpf->len++;
	if (at < SK_BPF_MAX_INSNS)
		bpf->insns[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance);
}

static void emit_tree(struct sk_bpf *bpf, const struct segment *segments, size_t n)
{
	size_t middle = n / 2, slot = bpf->len, lower;
	uint32_t first = segments[middle].first;

	if (n == 1) {
		emit_verdict(bpf, segments[0].verdict);
		return;
	}
	emit(bpf, (struct sock_filter){0});
	emit_tree(bpf, segments, middle);
	lower = bpf->len - slot - 1;
	if (slot < SK_BPF_MAX_INSNS)
		bpf->insns[slot] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first,
						     (uint8_t)(lower <= 255 ? lower : 0),
						     (uint8_t)(lower <= 255 ? 0 : 1));
	if (lower > 255)
		insert_jump(bpf, slot + 1, (uint32_t)lower);
	emit_tree(bpf, segments + middle, n - middle);
}

static int by_number(const void *a, const void *b)
{
	const struct sk_bpf_call *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

static size_t add_segment(struct segment *segments, size_t n, uint32_t first,
			  enum sk_bpf_verdict verdict)
{
	if (n > 0 && segments[n - 1].verdict == verdict)
		return n;
	segments[n] = (struct segment){first, verdict};
	return n + 1;
}

void sk_bpf_start(struct sk_bpf *bpf)
{
	bpf->len = 0;
	emit(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, arch)));
}

int sk_bpf_arch(struct sk_bpf *bpf, uint32_t audit_arch, struct sk_bpf_call *calls,
		size_t n)
{
	sk_autofree struct segment *segments = calloc(2 * n + 1, sizeof(*segments));
	size_t used = 0, jump;
	uint32_t next = 0;

	if (!segments)
		return -ENOMEM;
	qsort(calls, n, sizeof(*calls), by_number);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && calls[i].nr == calls[i - 1].nr) {
			if (calls[i].verdict != calls[i - 1].verdict)
				return -EINVAL;
			continue; /* one call under two names, as on arm */
		}
		if (calls[i].nr > next)
			used = add_segment(segments, used, next, SK_BPF_ENOSYS);
		used = add_segment(segments, used, calls[i].nr, calls[i].verdict);
		next = calls[i].nr + 1;
	}
	used = add_segment(segments, used, next, SK_BPF_ENOSYS);

	emit(bpf,
	     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit_arch, 1, 0));
	jump = bpf->len;
	emit(bpf, (struct sock_filter){0});
	emit(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr)));
	emit_tree(bpf, segments, used);
	if (jump < SK_BPF_MAX_INSNS)
		bpf->insns[jump] =
			(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
						     (uint32_t)(bpf->len - jump - 1));
	return 0;
}

int sk_bpf_end(struct sk_bpf *bpf)
{
	emit_return(bpf, SECCOMP_RET_KILL_PROCESS);
	return bpf->len <= SK_BPF_MAX_INSNS ? 0 : -E2BIG;
}
