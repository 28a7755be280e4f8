/* SPDX-License-Identifier: Apache-2.0 */
/* test_seccomp_verdicts - our programs decide as those that libseccomp writes
 *
 * Rule sets are made at random from a fixed seed. Both programs are run by a small
 * interpreter over all numbers of interest, the filter's architectures and foreign ones, and
 * arguments at the borders of the conditions.
 *
 * libseccomp 2.5 is wrong at times: it forgets calls that x86 makes only through socketcall
 * and ipc, and some unions of order comparisons of 64 bits. There, and only there, the
 * programs may differ: ours must say what the rules say, and libseccomp's must not.
 *
 * Calls above the highest one that a filter names are not libseccomp's to judge: ours makes
 * them fail with ENOSYS where the default is no.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bpf_run.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "runtime/sandbox/seccomp_compile.h"
#include "runtime/sandbox/seccomp_names.h"
#include "runtime/sandbox/seccomp_table.h"
#include "seccomp_filters.h"

#define ROUNDS 1500

/* libseccomp loses memory where it refuses a rule. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:zmalloc\n";
}

static size_t compared, differing;
static const struct sk_spec_seccomp *current;

static bool holds(const struct sk_seccomp_arg *arg, uint64_t v, uint64_t mask)
{
	uint64_t value = arg->value & mask;

	switch (arg->op) {
	case SK_SECCOMP_NE:
		return v != value;
	case SK_SECCOMP_LT:
		return v < value;
	case SK_SECCOMP_LE:
		return v <= value;
	case SK_SECCOMP_EQ:
		return v == value;
	case SK_SECCOMP_GE:
		return v >= value;
	case SK_SECCOMP_GT:
		return v > value;
	default:
		return (v & value) == (arg->value_two & value);
	}
}

/* Conditions on different arguments must all hold, on one argument twice any. */
static bool rule_holds(const struct sk_seccomp_rule *rule, uint32_t sub,
		       const uint64_t args[6], uint64_t mask)
{
	unsigned int seen = 0, good = 0, skipped = 0;
	bool is_split = false;

	for (size_t i = 0; i < rule->nr_args; i++) {
		const struct sk_seccomp_arg *arg = &rule->args[i];

		is_split = is_split || (seen & (1u << arg->index));
		seen |= 1u << arg->index;
		if (arg->index == 0 && sub != SK_SECCOMP_DIRECT)
			skipped++;
		else if (holds(arg, args[arg->index] & mask, mask))
			good++;
	}
	if (sub != SK_SECCOMP_DIRECT && (args[0] & mask) != sub)
		return false;
	return is_split ? good + skipped > 0 : good + skipped == rule->nr_args;
}

static bool is_unconditional(const struct sk_seccomp_rule *rule, uint64_t mask)
{
	for (size_t i = 0; i < rule->nr_args; i++)
		if (rule->args[i].op != SK_SECCOMP_MASKED_EQ ||
		    (rule->args[i].value & mask))
			return false;
	return true;
}

/* The plain meaning: the first unconditional rule, else one that holds, else the default. */
static bool is_plain(const struct sk_spec_seccomp *s, uint32_t arch, uint32_t nr,
		     const uint64_t args[6], uint32_t verdict)
{
	uint64_t mask = arch & __AUDIT_ARCH_64BIT ? UINT64_MAX : UINT32_MAX;
	bool one_holds = false, is_one = false;

	for (size_t i = 0; i < s->nr_rules; i++) {
		const struct sk_seccomp_rule *rule = &s->rules[i];

		if (rule->action == s->default_action)
			continue;
		for (char **name = rule->names; *name; name++) {
			struct sk_seccomp_number numbers[2];
			int n = sk_seccomp_resolve(arch, *name, numbers);

			for (int k = 0; k < n; k++) {
				if (numbers[k].nr != nr ||
				    !rule_holds(rule, numbers[k].sub, args, mask))
					continue;
				if (is_unconditional(rule, mask) &&
				    numbers[k].sub == SK_SECCOMP_DIRECT)
					return verdict == rule->action;
				one_holds = true;
				is_one = is_one || verdict == rule->action;
			}
		}
	}
	return one_holds ? is_one : verdict == s->default_action;
}

static const char *op_name(enum sk_seccomp_op op)
{
	const struct sk_seccomp_name *o = sk_seccomp_operators;

	while (o->name && o->value != op)
		o++;
	return o->name;
}

static void print_filter(const struct sk_spec_seccomp *s)
{
	print_message("default 0x%x\n", s->default_action);
	for (size_t i = 0; i < s->nr_rules; i++) {
		const struct sk_seccomp_rule *rule = &s->rules[i];

		print_message("0x%x:", rule->action);
		for (char **name = rule->names; *name; name++)
			print_message(" %s", *name);
		for (size_t k = 0; k < rule->nr_args; k++)
			print_message(" [%u %s 0x%llx 0x%llx]", rule->args[k].index,
				      op_name(rule->args[k].op),
				      (unsigned long long)rule->args[k].value,
				      (unsigned long long)rule->args[k].value_two);
		print_message("\n");
	}
}

struct pair {
	struct sk_bpf ours, theirs;
};

/* Of one architecture: from the first number above all that are named, below @end. */
static struct {
	uint32_t first, end;
} newer[2]; /* [1]: of x32, where @arch is x86_64 or x32 */

static void find_newer(const struct sk_spec_seccomp *s, uint32_t arch, int slot)
{
	uint32_t action = s->default_action & SECCOMP_RET_ACTION_FULL, next = 0;

	for (size_t i = 0; i < s->nr_rules; i++)
		for (char **name = s->rules[i].names; *name; name++) {
			struct sk_seccomp_number numbers[2];
			int n = sk_seccomp_resolve(arch, *name, numbers);

			while (n-- > 0)
				if (numbers[n].nr >= next &&
				    (arch != AUDIT_ARCH_ARM || numbers[n].nr < 0xf0000))
					next = numbers[n].nr + 1;
		}
	newer[slot].first = next;
	newer[slot].end = arch == AUDIT_ARCH_X86_64 ? SK_SECCOMP_X32_BIT
			  : arch == AUDIT_ARCH_ARM  ? 0xf0000
						    : UINT32_MAX;
	if (next == 0 || action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
	    action == SECCOMP_RET_TRACE)
		newer[slot].end = 0;
}

static bool is_listed(const struct sk_spec_seccomp *s, uint32_t arch)
{
	for (size_t i = 0; i < s->nr_archs; i++)
		if (s->archs[i] == arch)
			return true;
	return arch == AUDIT_ARCH_X86_64;
}

static void find_all_newer(const struct sk_spec_seccomp *s, uint32_t arch)
{
	bool is_x86_64 = arch == AUDIT_ARCH_X86_64 || arch == X32_ARCH;

	newer[0].end = newer[1].end = 0;
	if (is_x86_64)
		arch = AUDIT_ARCH_X86_64;
	if (is_listed(s, arch))
		find_newer(s, arch, 0);
	if (is_x86_64 && is_listed(s, X32_ARCH))
		find_newer(s, X32_ARCH, 1);
}

static bool is_newer(uint32_t nr)
{
	return (nr >= newer[0].first && nr < newer[0].end) ||
	       (nr >= newer[1].first && nr < newer[1].end);
}

/* @arch is x32 for its numbers, although x86_64 stands in the data. */
static void compare(const struct pair *p, uint32_t arch, uint32_t nr,
		    const uint64_t args[6], int round)
{
	struct seccomp_data data = {.nr = (int)nr,
				    .arch = arch == X32_ARCH ? AUDIT_ARCH_X86_64 : arch};
	uint32_t a, b;

	memcpy(data.args, args, sizeof(data.args));
	a = bpf_run(&p->ours, &data);
	b = bpf_run(&p->theirs, &data);
	compared++;
	if (is_newer(nr)) {
		assert_int_equal(a, SECCOMP_RET_ERRNO | 38);
		return;
	}
	if (a == b)
		return;
	differing++;
	if (arch == AUDIT_ARCH_X86_64 || arch == X32_ARCH)
		arch = nr & SK_SECCOMP_X32_BIT ? X32_ARCH : AUDIT_ARCH_X86_64;
	if (is_plain(current, arch, nr, args, a) && !is_plain(current, arch, nr, args, b))
		return;
	print_filter(current);
	fail_msg(
		"round %d: arch 0x%x call 0x%x (0x%llx, 0x%llx, 0x%llx): ours 0x%x, libseccomp's 0x%x",
		round, arch, nr, (unsigned long long)args[0], (unsigned long long)args[1],
		(unsigned long long)args[2], a, b);
}

/* A value at the border of some condition, as a register of the architecture may hold it. */
static uint64_t border(const struct sk_spec_seccomp *s, bool is_32)
{
	const struct sk_seccomp_rule *rule = &s->rules[pick((unsigned int)s->nr_rules)];
	uint64_t v = values[pick(SK_ARRAY_SIZE(values))];

	if (rule->nr_args && pick(4)) {
		const struct sk_seccomp_arg *arg =
			&rule->args[pick((unsigned int)rule->nr_args)];

		v = arg->op == SK_SECCOMP_MASKED_EQ ? arg->value_two : arg->value;
		v += pick(3) - 1u;
	}
	return is_32 ? (uint32_t)v : v;
}

static void compare_call(const struct sk_spec_seccomp *s, const struct pair *p,
			 uint32_t arch, uint32_t nr, int round)
{
	bool is_32 = !(arch & __AUDIT_ARCH_64BIT);
	uint64_t args[6];

	for (int i = 0; i < 12; i++) {
		for (int k = 0; k < 6; k++)
			args[k] = border(s, is_32);
		if (pick(3) == 0)
			args[0] = pick(25); /* sub-calls of socketcall and ipc */
		compare(p, arch, nr, args, round);
	}
}

static void compare_arch(const struct sk_spec_seccomp *s, const struct pair *p,
			 uint32_t arch, int round)
{
	static const uint64_t none[6];
	static const uint32_t odd[] = {0x3fffffff, 0x40000000, 0x40000200, 0x7fffffff,
				       0x80000000, 0xfffffffe, 0xffffffff};

	find_all_newer(s, arch);
	for (uint32_t nr = 0; nr < 600; nr++) {
		compare(p, arch, nr, none, round);
		compare(p, arch, nr | SK_SECCOMP_X32_BIT, none, round);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(odd); i++)
		compare(p, arch, odd[i], none, round);
	for (int i = 0; i < 20; i++)
		compare(p, arch, (uint32_t)rand_r(&seed) * 3, none, round);
	for (size_t i = 0; i < s->nr_rules; i++) {
		for (char **name = s->rules[i].names; *name; name++) {
			struct sk_seccomp_number numbers[2];
			int n = sk_seccomp_resolve(arch, *name, numbers);

			for (int k = 0; k < n; k++)
				compare_call(s, p, arch, numbers[k].nr, round);
		}
	}
}

/* Number of rounds that libseccomp could build */
static int run_rounds(bool one_action, int rounds)
{
	sk_autofree struct pair *p = malloc(sizeof(*p));
	int built = 0;

	for (int round = 0; round < rounds; round++) {
		sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *s =
			make_filter(one_action);

		if (sk_seccomp_reference(s, &p->theirs, NULL) < 0)
			continue;
		built++;
		current = s;
		assert_int_equal(sk_seccomp_compile(s, &p->ours, NULL), 0);
		compare_arch(s, p, AUDIT_ARCH_X86_64, round);
		for (size_t i = 0; i < s->nr_archs; i++)
			compare_arch(s, p, s->archs[i], round);
		compare_arch(s, p, AUDIT_ARCH_S390X, round);
		compare_arch(s, p, 0x12345678, round);
	}
	return built;
}

static void test_rules_with_one_action_are_alternatives(void **state)
{
	(void)state;
	seed = 1;
	compared = differing = 0;
	assert_in_range(run_rounds(true, ROUNDS), ROUNDS * 9 / 10, ROUNDS);
	print_message("%zu verdicts compared, %zu differ\n", compared, differing);
	assert_in_range(differing, 0, compared / 2000);
}

static void test_rules_with_different_actions_decide_as_in_libseccomp(void **state)
{
	int built;

	(void)state;
	seed = 2;
	compared = differing = 0;
	built = run_rounds(false, ROUNDS);
	print_message("%d filters, %zu verdicts compared, %zu differ\n", built, compared,
		      differing);
	assert_in_range(built, ROUNDS / 2, ROUNDS);
	assert_in_range(differing, 0, compared / 2000);
}

static void add_call_rule(struct sk_spec_seccomp *s, const char *call, uint32_t action,
			  const struct sk_seccomp_arg *args, size_t nr_args)
{
	struct sk_seccomp_rule *rule = &s->rules[s->nr_rules++];

	rule->action = action;
	rule->names = calloc(2, sizeof(*rule->names));
	rule->names[0] = strdup(call);
	rule->args = calloc(nr_args + 1, sizeof(*rule->args));
	rule->nr_args = nr_args;
	if (nr_args)
		memcpy(rule->args, args, nr_args * sizeof(*args));
}

/* Calls whose arguments engines look at, in their way */
static void add_engine_conditions(struct sk_spec_seccomp *s)
{
	static const uint64_t personas[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	const struct sk_seccomp_arg clone_arg = {0, SK_SECCOMP_MASKED_EQ, 0x7e020000, 0};
	const struct sk_seccomp_arg audit[] = {{0, SK_SECCOMP_EQ, 16, 0},
					       {2, SK_SECCOMP_EQ, 9, 0}};
	const struct sk_seccomp_arg no_audit = {2, SK_SECCOMP_NE, 9, 0};
	const struct sk_seccomp_arg no_netlink = {0, SK_SECCOMP_NE, 16, 0};

	add_call_rule(s, "clone", SECCOMP_RET_ALLOW, &clone_arg, 1);
	add_call_rule(s, "clone3", SECCOMP_RET_ERRNO | 38, NULL, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(personas); i++) {
		const struct sk_seccomp_arg arg = {0, SK_SECCOMP_EQ, personas[i], 0};

		add_call_rule(s, "personality", SECCOMP_RET_ALLOW, &arg, 1);
	}
	add_call_rule(s, "socket", SECCOMP_RET_ERRNO | 22, audit, 2);
	add_call_rule(s, "socket", SECCOMP_RET_ALLOW, &no_audit, 1);
	add_call_rule(s, "socket", SECCOMP_RET_ALLOW, &no_netlink, 1);
}

/* In form and size what engines write into config.json. */
static struct sk_spec_seccomp *make_usual(const uint32_t *archs, size_t nr_archs)
{
	struct sk_spec_seccomp *s = calloc(1, sizeof(*s));
	char name[64];
	size_t len;

	s->default_action = SECCOMP_RET_ERRNO | 1;
	s->archs = calloc(nr_archs, sizeof(*archs));
	memcpy(s->archs, archs, nr_archs * sizeof(*archs));
	s->nr_archs = nr_archs;
	s->rules = calloc(640, sizeof(*s->rules));
	for (const struct sk_seccomp_group *g = sk_seccomp_groups; g->names; g++) {
		for (const char *p = g->names; *p; p += len + (p[len] == ' ')) {
			len = strcspn(p, " ");
			(void)snprintf(name, sizeof(name), "%.*s", (int)len, p);
			/* the rest is newer than libseccomp 2.5 or has conditions */
			if ((g->verdict == SK_SECCOMP_ALLOW ||
			     g->verdict == SK_SECCOMP_IOCTL) &&
			    seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
				add_call_rule(s, name, SECCOMP_RET_ALLOW, NULL, 0);
		}
	}
	add_engine_conditions(s);
	return s;
}

static uint64_t time_compile(const struct sk_spec_seccomp *s, struct sk_bpf *bpf,
			     int (*compile)(const struct sk_spec_seccomp *,
					    struct sk_bpf *, struct sk_err *))
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t start = sk_clock_mono();

		assert_int_equal(compile(s, bpf, NULL), 0);
		start = sk_clock_mono() - start;
		best = start < best ? start : best;
	}
	return best / SK_NS_PER_US;
}

/* An older profile under a newer C library. The names are not the default's; what is refused by
 * name counts as known. */
static void test_calls_newer_than_the_profile_do_not_exist(void **state)
{
	static const struct {
		uint32_t action, older, newer;
	} cases[] = {
		{SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38},
		{SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS,
		 SECCOMP_RET_ERRNO | 38},
		{SECCOMP_RET_TRAP, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | 38},
		{SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
		{SECCOMP_RET_LOG, SECCOMP_RET_LOG, SECCOMP_RET_LOG},
		{SECCOMP_RET_TRACE, SECCOMP_RET_TRACE, SECCOMP_RET_TRACE},
	};
	/* ambiguous: libseccomp writes the program */
	const struct sk_seccomp_arg args[] = {{0, SK_SECCOMP_GE, 1, 0},
					      {1, SK_SECCOMP_GE, 1, 0}};
	sk_autofree struct sk_bpf *bpf = malloc(sizeof(*bpf));

	(void)state;
	for (size_t i = 0; i < 2 * SK_ARRAY_SIZE(cases); i++) {
		uint32_t action = cases[i / 2].action;
		sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *s =
			calloc(1, sizeof(*s));
		struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};

		s->default_action = action;
		s->rules = calloc(8, sizeof(*s->rules));
		add_call_rule(s, "read", SECCOMP_RET_ERRNO | 7, NULL, 0);
		add_call_rule(s, "openat2", action, NULL, 0); /* 437 */
		if (i % 2) {
			add_call_rule(s, "ioctl", SECCOMP_RET_ERRNO | 8, args, 1);
			add_call_rule(s, "ioctl", SECCOMP_RET_ERRNO | 9, args + 1, 1);
		}
		assert_int_equal(sk_seccomp_compile(s, bpf, NULL), 0);
		assert_int_equal(bpf_run(bpf, &data), SECCOMP_RET_ERRNO | 7);
		data.nr = 437;
		assert_int_equal(bpf_run(bpf, &data), cases[i / 2].older);
		data.nr = 438;
		assert_int_equal(bpf_run(bpf, &data), cases[i / 2].newer);
		data.nr = 0x3fffffff;
		assert_int_equal(bpf_run(bpf, &data), cases[i / 2].newer);
		data.nr = -1;
		assert_int_equal(bpf_run(bpf, &data), cases[i / 2].older);
	}
}

static void test_the_usual_profile_of_three_architectures_is_equal(void **state)
{
	static const uint32_t families[][3] = {
		{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, X32_ARCH},
		{AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64},
		{AUDIT_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64N32, AUDIT_ARCH_PPC64LE},
	};
	sk_autofree struct pair *p = malloc(sizeof(*p));

	(void)state;
	seed = 3;
	for (size_t i = 0; i < SK_ARRAY_SIZE(families); i++) {
		sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *s =
			make_usual(families[i], 3);
		uint64_t ours = time_compile(s, &p->ours, sk_seccomp_compile);
		uint64_t theirs = time_compile(s, &p->theirs, sk_seccomp_reference);

		print_message(
			"%zu rules: ours %zu instructions in %llu us, libseccomp's %zu in %llu us\n",
			s->nr_rules, p->ours.len, (unsigned long long)ours, p->theirs.len,
			(unsigned long long)theirs);
		assert_true(ours * 3 < theirs);
		current = s;
		compared = differing = 0;
		for (size_t k = 0; k < 3; k++)
			compare_arch(s, p, families[i][k], (int)i);
		compare_arch(s, p, AUDIT_ARCH_X86_64, (int)i);
		compare_arch(s, p, 0x12345678, (int)i);
		assert_in_range(compared, 10000, 1000000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_with_one_action_are_alternatives),
		cmocka_unit_test(
			test_rules_with_different_actions_decide_as_in_libseccomp),
		cmocka_unit_test(test_calls_newer_than_the_profile_do_not_exist),
		cmocka_unit_test(test_the_usual_profile_of_three_architectures_is_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
