// SPDX-License-Identifier: Apache-2.0
/* seccomp_compile - from the filter of a config.json to a program
 *
 * Theory of operation, for each architecture:
 *
 * 1. Every name of every rule becomes one or two entries (number, rule); they are sorted by
 *    number, rules in their order.
 * 2. The entries of a number become one call. A rule whose conditions are the first ones
 *    of another's makes that other pointless, of equal ones the first stays: so an
 *    unconditional rule outweighs all others. A rule with the default action says nothing.
 * 3. What is left is tried in any order if rules with different actions exclude each other.
 *    If not, the whole filter is left to libseccomp.
 * 4. Numbers above the highest that any rule names are calls that the filter's author has not
 *    heard of. Where the filter refuses what it does not name they fail with ENOSYS, as in
 *    runc: then a C library that is newer than the filter falls back to older calls.
 *
 * Details that are libseccomp's: arguments of 32-bit architectures are compared by their low
 * half; a condition on a call that goes through socketcall() or ipc() holds for the arguments
 * of that, but for the first, which tells the sub-call; x32 shares its AUDIT_ARCH value with
 * x86_64 and is told by a bit of the number.
 */
#include "runtime/sandbox/seccomp_compile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "runtime/sandbox/seccomp_names.h"

#define MAX_ARGS 6
#define X32_ARCH (EM_X86_64 | __AUDIT_ARCH_LE)
#define BAD_ARCH SECCOMP_RET_KILL_THREAD
#define N32_ABI	 0x20000000u
#define ARM_OWN	 0x000f0000u /* calls of arm alone begin here, far above all others */

/* Rules of one call exclude each other not: libseccomp shall decide. Never leaves this file. */
#define UNDECIDED (-EDOM)

struct entry {
	uint32_t nr, sub;
	size_t rule;
};

/* One AUDIT_ARCH value while it is compiled; x86_64 and x32 share one. */
struct arch_build {
	const struct sk_spec_seccomp *seccomp;
	struct entry *entries;
	size_t nr_entries;
	struct sk_bpf_call *calls;
	size_t nr_calls;
	struct sk_bpf_rule *rules;
	size_t nr_rules;
	struct sk_bpf_cond *conds;
	size_t nr_conds;
	uint64_t mask; /* of whole arguments */
	uint32_t next; /* the number after the highest that is named; 0: none is */
};

static void arch_build_finish(struct arch_build *b)
{
	free(b->entries);
	free(b->calls);
	free(b->rules);
	free(b->conds);
}
SK_DEFINE_AUTO_FINISH(struct arch_build, arch_build_finish)

static bool is_64bit(uint32_t arch)
{
	return (arch & __AUDIT_ARCH_64BIT) && !(arch & N32_ABI);
}

/* Room for the worst case: each name twice, each condition a rule of its own. */
static int arch_build_init(struct arch_build *b, const struct sk_spec_seccomp *seccomp)
{
	size_t names = 0, conds = 0;

	for (size_t i = 0; i < seccomp->nr_rules; i++) {
		const struct sk_seccomp_rule *rule = &seccomp->rules[i];
		size_t n = 0;

		while (rule->names[n])
			n++;
		names += n;
		conds += n * (rule->nr_args + 1);
	}
	b->seccomp = seccomp;
	b->entries = calloc(4 * names + 1, sizeof(*b->entries));
	b->calls = calloc(4 * names + 3, sizeof(*b->calls));
	b->rules = calloc(4 * conds + 1, sizeof(*b->rules));
	b->conds = calloc(4 * conds + 1, sizeof(*b->conds));
	return b->entries && b->calls && b->rules && b->conds ? 0 : -ENOMEM;
}

static void note_number(struct arch_build *b, uint32_t arch, uint32_t nr)
{
	if (arch == AUDIT_ARCH_ARM && nr >= ARM_OWN)
		return;
	if (nr >= b->next)
		b->next = nr + 1;
}

static void collect(struct arch_build *b, uint32_t arch)
{
	const struct sk_spec_seccomp *seccomp = b->seccomp;

	b->nr_entries = b->next = 0;
	for (size_t i = 0; i < seccomp->nr_rules; i++) {
		bool is_default = seccomp->rules[i].action == seccomp->default_action;

		for (char **name = seccomp->rules[i].names; *name; name++) {
			struct sk_seccomp_number numbers[2];
			int n = sk_seccomp_resolve(arch, *name, numbers);

			for (int k = 0; k < n; k++) {
				note_number(b, arch, numbers[k].nr);
				if (is_default)
					continue;
				b->entries[b->nr_entries++] =
					(struct entry){numbers[k].nr, numbers[k].sub, i};
			}
		}
	}
}

/* The calls that are newer than the filter; false where they get what others get. A tracer, as
 * one who is asked for all that is not named, knows new calls by itself. */
static bool find_newer(const struct arch_build *b, uint32_t arch, struct sk_bpf_call *ret)
{
	uint32_t action = b->seccomp->default_action & SECCOMP_RET_ACTION_FULL;

	*ret = (struct sk_bpf_call){.first = b->next,
				    .last = UINT32_MAX - 1, /* -1 is what a tracer sets */
				    .action = SECCOMP_RET_ERRNO | ENOSYS};
	if (arch == AUDIT_ARCH_X86_64)
		ret->last = SK_SECCOMP_X32_BIT - 1;
	if (arch == AUDIT_ARCH_ARM)
		ret->last = ARM_OWN - 1;
	return b->next && action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
	       action != SECCOMP_RET_TRACE;
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static struct sk_bpf_cond make_cond(const struct sk_seccomp_arg *arg, uint64_t mask)
{
	struct sk_bpf_cond cond = {arg->index, arg->op, arg->value, mask};

	if (arg->op == SK_SECCOMP_MASKED_EQ) {
		cond.op = SK_SECCOMP_EQ;
		cond.mask &= arg->value;
		cond.value = arg->value_two;
	}
	cond.value &= cond.mask;
	return cond;
}

static bool has_twice(const struct sk_seccomp_rule *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->nr_args; i++) {
		if (seen & (1u << rule->args[i].index))
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

static int by_index(const void *a, const void *b)
{
	const struct sk_bpf_cond *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static void add_rule(struct arch_build *b, const struct sk_bpf_cond *conds, size_t n,
		     uint32_t action)
{
	struct sk_bpf_cond *copy = &b->conds[b->nr_conds];

	memcpy(copy, conds, n * sizeof(*conds));
	qsort(copy, n, sizeof(*copy), by_index);
	b->nr_conds += n;
	b->rules[b->nr_rules++] = (struct sk_bpf_rule){copy, n, action};
}

/* Appends the condition unless it always holds. */
static size_t add_cond(struct sk_bpf_cond *conds, size_t n, struct sk_bpf_cond cond)
{
	if (cond.mask)
		conds[n++] = cond;
	return n;
}

/* Conditions on one argument twice in a rule are alternatives, as runc and crun have it. */
static void add_rules(struct arch_build *b, const struct entry *entry)
{
	const struct sk_seccomp_rule *rule = &b->seccomp->rules[entry->rule];
	bool is_split = has_twice(rule), is_sub = entry->sub != SK_SECCOMP_DIRECT;
	const struct sk_bpf_cond sub = {0, SK_SECCOMP_EQ, entry->sub, b->mask};
	struct sk_bpf_cond conds[MAX_ARGS + 1];
	size_t n = 0;

	for (size_t i = 0; i < rule->nr_args; i++) {
		if (!is_sub || rule->args[i].index != 0)
			n = add_cond(conds, n, make_cond(&rule->args[i], b->mask));
		if (!is_split)
			continue;
		add_rule(b, conds, is_sub ? add_cond(conds, n, sub) : n, rule->action);
		n = 0;
	}
	if (!is_split)
		add_rule(b, conds, is_sub ? add_cond(conds, n, sub) : n, rule->action);
}

static bool is_same_cond(const struct sk_bpf_cond *a, const struct sk_bpf_cond *b)
{
	return a->index == b->index && a->op == b->op && a->value == b->value &&
	       a->mask == b->mask;
}

/* Whether @b's conditions begin with @a's */
static bool is_prefix(const struct sk_bpf_rule *a, const struct sk_bpf_rule *b)
{
	if (a->nr_conds > b->nr_conds)
		return false;
	for (size_t i = 0; i < a->nr_conds; i++)
		if (!is_same_cond(&a->conds[i], &b->conds[i]))
			return false;
	return true;
}

/* Leaves out rules that another makes pointless; of two equal ones the first stays. */
static size_t drop_pointless(struct sk_bpf_rule *rules, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_pointless = false;

		for (size_t k = 0; k < n && !is_pointless; k++)
			is_pointless = k != i && is_prefix(&rules[k], &rules[i]) &&
				       (rules[k].nr_conds < rules[i].nr_conds || k < i);
		if (is_pointless)
			rules[i].nr_conds = SIZE_MAX;
	}
	for (size_t i = 0; i < n; i++)
		if (rules[i].nr_conds != SIZE_MAX)
			rules[kept++] = rules[i];
	return kept;
}

/* The values that a condition with a whole mask lets through, as a range; false for NE */
static bool range_of(const struct sk_bpf_cond *c, uint64_t *low, uint64_t *high)
{
	*low = 0;
	*high = c->mask;
	switch (c->op) {
	case SK_SECCOMP_EQ:
		*low = *high = c->value;
		return true;
	case SK_SECCOMP_GE:
		*low = c->value;
		return true;
	case SK_SECCOMP_LE:
		*high = c->value;
		return true;
	case SK_SECCOMP_GT:
		*low = c->value + (c->value < c->mask);
		return true;
	case SK_SECCOMP_LT:
		*high = c->value - (c->value > 0);
		return true;
	default:
		return false;
	}
}

/* Whether no value satisfies both; a false "no" is allowed. */
static bool exclude(const struct sk_bpf_cond *a, const struct sk_bpf_cond *b,
		    uint64_t whole)
{
	uint64_t a_low, a_high, b_low, b_high, both = a->mask & b->mask;

	if (a->index != b->index)
		return false;
	if (a->op == SK_SECCOMP_EQ && b->op == SK_SECCOMP_EQ)
		return (a->value & both) != (b->value & both);
	if (a->mask != whole || b->mask != whole)
		return false;
	if (a->op == SK_SECCOMP_NE || b->op == SK_SECCOMP_NE)
		return a->value == b->value &&
		       (a->op == SK_SECCOMP_EQ || b->op == SK_SECCOMP_EQ);
	(void)range_of(a, &a_low, &a_high);
	(void)range_of(b, &b_low, &b_high);
	return a_high < b_low || b_high < a_low;
}

static bool rules_exclude(const struct sk_bpf_rule *a, const struct sk_bpf_rule *b,
			  uint64_t whole)
{
	for (size_t i = 0; i < a->nr_conds; i++)
		for (size_t k = 0; k < b->nr_conds; k++)
			if (exclude(&a->conds[i], &b->conds[k], whole))
				return true;
	return false;
}

static bool is_decided(const struct sk_bpf_rule *rules, size_t n, uint64_t whole)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (rules[i].action != rules[k].action &&
			    !rules_exclude(&rules[i], &rules[k], whole))
				return false;
	return true;
}

/* The entries of one number */
static int add_call(struct arch_build *b, const struct entry *entries, size_t n)
{
	struct sk_bpf_call *call = &b->calls[b->nr_calls++];
	struct sk_bpf_rule *rules = &b->rules[b->nr_rules];
	size_t before = b->nr_rules;

	*call = (struct sk_bpf_call){.first = entries[0].nr,
				     .last = entries[0].nr,
				     .action = b->seccomp->default_action};
	for (size_t i = 0; i < n; i++)
		add_rules(b, &entries[i]);
	b->nr_rules = before + drop_pointless(rules, b->nr_rules - before);
	if (rules[0].nr_conds == 0) {
		call->action = rules[0].action;
		return 0;
	}
	call->rules = rules;
	call->nr_rules = b->nr_rules - before;
	return is_decided(rules, call->nr_rules, b->mask) ? 0 : UNDECIDED;
}

static int add_arch(struct arch_build *b, uint32_t arch)
{
	int r = 0;

	b->mask = is_64bit(arch) ? UINT64_MAX : UINT32_MAX;
	collect(b, arch);
	if (find_newer(b, arch, &b->calls[b->nr_calls]))
		b->nr_calls++;
	qsort(b->entries, b->nr_entries, sizeof(*b->entries), by_number);
	for (size_t i = 0, n; r == 0 && i < b->nr_entries; i += n) {
		n = 1;
		while (i + n < b->nr_entries && b->entries[i + n].nr == b->entries[i].nr)
			n++;
		r = add_call(b, &b->entries[i], n);
	}
	return r;
}

static bool has_arch(const struct sk_spec_seccomp *seccomp, uint32_t arch)
{
	if (arch == sk_seccomp_native())
		return true;
	for (size_t i = 0; i < seccomp->nr_archs; i++)
		if (seccomp->archs[i] == arch)
			return true;
	return false;
}

/* The half of x86_64's numbers that is not in the filter; -1 is what a tracer sets. */
static void fence_x32(struct arch_build *b)
{
	bool has_64 = has_arch(b->seccomp, AUDIT_ARCH_X86_64);
	bool has_x32 = has_arch(b->seccomp, X32_ARCH);

	if (has_64 && !has_x32)
		b->calls[b->nr_calls++] =
			(struct sk_bpf_call){SK_SECCOMP_X32_BIT, UINT32_MAX - 1, NULL, 0,
					     BAD_ARCH};
	if (has_x32 && !has_64)
		b->calls[b->nr_calls++] = (struct sk_bpf_call){0, SK_SECCOMP_X32_BIT - 1,
							       NULL, 0, BAD_ARCH};
}

static int compile_arch(struct sk_bpf *bpf, const struct sk_spec_seccomp *seccomp,
			uint32_t arch)
{
	sk_auto(arch_build_finish) struct arch_build b = {0};
	bool is_x86_64 = arch == AUDIT_ARCH_X86_64 || arch == X32_ARCH;
	int r = arch_build_init(&b, seccomp);

	if (r == 0)
		r = add_arch(&b, arch);
	if (r == 0 && arch == AUDIT_ARCH_X86_64 && has_arch(seccomp, X32_ARCH))
		r = add_arch(&b, X32_ARCH);
	if (r < 0)
		return r;
	if (is_x86_64)
		fence_x32(&b);
	return sk_bpf_arch(bpf,
			   &(struct sk_bpf_arch){is_x86_64 ? AUDIT_ARCH_X86_64 : arch,
						 b.calls, b.nr_calls,
						 seccomp->default_action});
}

static bool is_listed_before(const struct sk_spec_seccomp *seccomp, size_t index)
{
	uint32_t arch = seccomp->archs[index];

	if (arch == sk_seccomp_native() ||
	    (arch == X32_ARCH && has_arch(seccomp, AUDIT_ARCH_X86_64)))
		return true;
	for (size_t i = 0; i < index; i++)
		if (seccomp->archs[i] == arch)
			return true;
	return false;
}

static int too_long(const struct sk_bpf *bpf, struct sk_err *err)
{
	return sk_err_set(
		err, E2BIG,
		"the seccomp filter needs %zu instructions, and the kernel takes %d",
		bpf->len, SK_BPF_MAX_INSNS);
}

static int put_newer(struct sk_bpf *bpf, const struct sk_spec_seccomp *seccomp,
		     uint32_t arch)
{
	sk_auto(arch_build_finish) struct arch_build b = {0};
	struct sk_bpf_call newer;
	int r = arch_build_init(&b, seccomp);

	if (r < 0)
		return r;
	collect(&b, arch);
	if (find_newer(&b, arch, &newer))
		sk_bpf_return(bpf, arch == X32_ARCH ? AUDIT_ARCH_X86_64 : arch, &newer);
	return 0;
}

/* libseccomp's program, behind one for the newer calls. */
static int compile_by_reference(const struct sk_spec_seccomp *seccomp, struct sk_bpf *bpf,
				struct sk_err *err)
{
	sk_autofree struct sk_bpf *rest = malloc(sizeof(*rest));
	int r = rest ? sk_seccomp_reference(seccomp, rest, err) : sk_err_oom(err);

	if (r < 0)
		return r;
	bpf->len = 0;
	r = put_newer(bpf, seccomp, sk_seccomp_native());
	for (size_t i = 0; r == 0 && i < seccomp->nr_archs; i++)
		if (seccomp->archs[i] != sk_seccomp_native())
			r = put_newer(bpf, seccomp, seccomp->archs[i]);
	if (r < 0)
		return sk_err_oom(err);
	if (bpf->len + rest->len <= SK_BPF_MAX_INSNS)
		memcpy(bpf->insns + bpf->len, rest->insns,
		       rest->len * sizeof(rest->insns[0]));
	bpf->len += rest->len;
	return bpf->len <= SK_BPF_MAX_INSNS ? 0 : too_long(bpf, err);
}

int sk_seccomp_compile(const struct sk_spec_seccomp *seccomp, struct sk_bpf *bpf,
		       struct sk_err *err)
{
	int r;

	sk_bpf_start(bpf);
	r = compile_arch(bpf, seccomp, sk_seccomp_native());
	for (size_t i = 0; r == 0 && i < seccomp->nr_archs; i++)
		if (!is_listed_before(seccomp, i))
			r = compile_arch(bpf, seccomp, seccomp->archs[i]);
	if (r == 0)
		r = sk_bpf_end(bpf, BAD_ARCH);
	if (r == UNDECIDED)
		return compile_by_reference(seccomp, bpf, err);
	if (r == -E2BIG)
		return too_long(bpf, err);
	return r < 0 ? sk_err_code(err, r, "write the seccomp filter") : 0;
}
