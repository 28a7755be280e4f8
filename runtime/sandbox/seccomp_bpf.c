/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_bpf - turn lists of system calls into a BPF search tree
 *
 * Theory of operation
 *
 * libseccomp needs over ten milliseconds to build a filter of the usual size, and a container
 * starts in less. So the tree is written here:
 *
 * 1. Calls are sorted by number and merged into segments that are treated alike; the gaps
 *    between them are segments of the default action. A segment reaches up to the start of
 *    the next.
 * 2. A segment list becomes code by halving: one "is nr >= the middle's start" jump, the
 *    code of the lower half, the code of the upper half. Each leaf returns, so nothing jumps
 *    out of a half, and a half can be moved.
 * 3. Conditional jumps reach 255 instructions; where the lower half is longer the condition
 *    steps over an unconditional jump, which reaches any distance.
 * 4. A leaf with rules tries them in their order. A rule is at most six conditions of four
 *    instructions, each of which jumps behind the rule when it does not hold.
 */
#include "runtime/sandbox/seccomp_bpf.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0u
#else
#define LOW_HALF 4u
#endif
#define HIGH_HALF (4u - LOW_HALF)

/* Longest rule: six conditions of six instructions and the return */
#define RULE_MAX 40
/* Jump targets inside a condition, before they are known */
#define NEXT_COND 254
#define NEXT_RULE 255

/* From here up to first of the next segment. */
struct segment {
	uint32_t first;
	struct sk_bpf_call call;
};

/* One rule while it is written. */
struct block {
	size_t len;
	struct sock_filter insns[RULE_MAX];
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

static void put(struct block *b, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	b->insns[b->len++] = (struct sock_filter){code, jt, jf, k};
}

static void put_load(struct block *b, unsigned int index, uint32_t half, uint32_t mask)
{
	put(b, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	    (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index + half));
	if (mask != UINT32_MAX)
		put(b, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
}

/* The high half decides, or is equal and leaves it to the low one. */
static void put_high(struct block *b, const struct sk_bpf_cond *c, uint32_t value)
{
	switch (c->op) {
	case SK_SECCOMP_NE:
		put(b, BPF_JMP | BPF_JEQ | BPF_K, 0, NEXT_COND, value);
		break;
	case SK_SECCOMP_GT:
	case SK_SECCOMP_GE:
		put(b, BPF_JMP | BPF_JGT | BPF_K, NEXT_COND, 0, value);
		put(b, BPF_JMP | BPF_JEQ | BPF_K, 0, NEXT_RULE, value);
		break;
	case SK_SECCOMP_LT:
	case SK_SECCOMP_LE:
		put(b, BPF_JMP | BPF_JGT | BPF_K, NEXT_RULE, 0, value);
		put(b, BPF_JMP | BPF_JEQ | BPF_K, 0, NEXT_COND, value);
		break;
	default:
		put(b, BPF_JMP | BPF_JEQ | BPF_K, 0, NEXT_RULE, value);
		break;
	}
}

static void put_low(struct block *b, const struct sk_bpf_cond *c, uint32_t value)
{
	switch (c->op) {
	case SK_SECCOMP_NE:
		put(b, BPF_JMP | BPF_JEQ | BPF_K, NEXT_RULE, 0, value);
		break;
	case SK_SECCOMP_GT:
		put(b, BPF_JMP | BPF_JGT | BPF_K, 0, NEXT_RULE, value);
		break;
	case SK_SECCOMP_GE:
		put(b, BPF_JMP | BPF_JGE | BPF_K, 0, NEXT_RULE, value);
		break;
	case SK_SECCOMP_LT:
		put(b, BPF_JMP | BPF_JGE | BPF_K, NEXT_RULE, 0, value);
		break;
	case SK_SECCOMP_LE:
		put(b, BPF_JMP | BPF_JGT | BPF_K, NEXT_RULE, 0, value);
		break;
	default:
		put(b, BPF_JMP | BPF_JEQ | BPF_K, 0, NEXT_RULE, value);
		break;
	}
}

static void resolve_jumps(struct block *b, size_t from, uint8_t target, size_t to)
{
	for (size_t i = from; i < b->len; i++) {
		struct sock_filter *insn = &b->insns[i];

		if (BPF_CLASS(insn->code) != BPF_JMP)
			continue;
		if (insn->jt == target)
			insn->jt = (uint8_t)(to - i - 1);
		if (insn->jf == target)
			insn->jf = (uint8_t)(to - i - 1);
	}
}

static void emit_rule(struct sk_bpf *bpf, const struct sk_bpf_rule *rule)
{
	struct block b = {0};

	for (size_t i = 0; i < rule->nr_conds; i++) {
		const struct sk_bpf_cond *c = &rule->conds[i];
		uint32_t high = (uint32_t)(c->mask >> 32), low = (uint32_t)c->mask;
		size_t start = b.len;

		if (high) {
			put_load(&b, c->index, HIGH_HALF, high);
			put_high(&b, c, (uint32_t)(c->value >> 32));
		}
		if (low) {
			put_load(&b, c->index, LOW_HALF, low);
			put_low(&b, c, (uint32_t)c->value);
		}
		resolve_jumps(&b, start, NEXT_COND, b.len);
	}
	put(&b, BPF_RET | BPF_K, 0, 0, rule->action);
	resolve_jumps(&b, 0, NEXT_RULE, b.len);
	for (size_t i = 0; i < b.len; i++)
		emit(bpf, b.insns[i]);
}

static void emit_leaf(struct sk_bpf *bpf, const struct sk_bpf_call *call)
{
	for (size_t i = 0; i < call->nr_rules; i++)
		emit_rule(bpf, &call->rules[i]);
	emit_return(bpf, call->action);
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
		emit_leaf(bpf, &segments[0].call);
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

	return (x->first > y->first) - (x->first < y->first);
}

static bool is_alike(const struct sk_bpf_call *a, const struct sk_bpf_call *b)
{
	return a->action == b->action && a->nr_rules == b->nr_rules &&
	       (a->rules == b->rules || a->nr_rules == 0);
}

static size_t add_segment(struct segment *segments, size_t n, uint32_t first,
			  const struct sk_bpf_call *call)
{
	if (n > 0 && is_alike(&segments[n - 1].call, call))
		return n;
	segments[n] = (struct segment){first, *call};
	return n + 1;
}

/* Number of segments, or -EINVAL */
static int make_segments(const struct sk_bpf_arch *arch, struct segment *segments)
{
	const struct sk_bpf_call gap = {.action = arch->action};
	const struct sk_bpf_call *calls = arch->calls;
	size_t n = 0;
	uint64_t next = 0;

	for (size_t i = 0; i < arch->nr_calls; i++) {
		if (i > 0 && calls[i].first < next) {
			if (calls[i].last >= next || !is_alike(&calls[i], &calls[i - 1]))
				return -EINVAL;
			continue; /* one call under two names, as on arm */
		}
		if (calls[i].first > next)
			n = add_segment(segments, n, (uint32_t)next, &gap);
		n = add_segment(segments, n, calls[i].first, &calls[i]);
		next = (uint64_t)calls[i].last + 1;
	}
	if (next <= UINT32_MAX)
		n = add_segment(segments, n, (uint32_t)next, &gap);
	return (int)n;
}

void sk_bpf_return(struct sk_bpf *bpf, uint32_t audit_arch,
		   const struct sk_bpf_call *call)
{
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit_arch, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, call->first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, call->last, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, call->action),
	};

	for (size_t i = 0; i < sizeof(insns) / sizeof(insns[0]); i++)
		emit(bpf, insns[i]);
}

void sk_bpf_start(struct sk_bpf *bpf)
{
	bpf->len = 0;
	emit(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, arch)));
}

int sk_bpf_arch(struct sk_bpf *bpf, const struct sk_bpf_arch *arch)
{
	sk_autofree struct segment *segments =
		calloc(2 * arch->nr_calls + 1, sizeof(*segments));
	size_t jump;
	int n;

	if (!segments)
		return -ENOMEM;
	if (arch->nr_calls)
		qsort(arch->calls, arch->nr_calls, sizeof(*arch->calls), by_number);
	n = make_segments(arch, segments);
	if (n < 0)
		return n;
	emit(bpf, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					       arch->audit_arch, 1, 0));
	jump = bpf->len;
	emit(bpf, (struct sock_filter){0});
	emit(bpf, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr)));
	emit_tree(bpf, segments, (size_t)n);
	if (jump < SK_BPF_MAX_INSNS)
		bpf->insns[jump] =
			(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
						     (uint32_t)(bpf->len - jump - 1));
	return 0;
}

int sk_bpf_end(struct sk_bpf *bpf, uint32_t action)
{
	emit_return(bpf, action);
	return bpf->len <= SK_BPF_MAX_INSNS ? 0 : -E2BIG;
}
