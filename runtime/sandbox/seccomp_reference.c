// SPDX-License-Identifier: Apache-2.0
/* seccomp_reference - a filter written by libseccomp: for what seccomp_compile cannot decide,
 * and for the test that compares the two
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sys.h"
#include "runtime/sandbox/seccomp_compile.h"
#include "runtime/sandbox/seccomp_names.h"

#define MAX_ARGS 6

static void release_auto(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static struct scmp_arg_cmp make_cmp(const struct sk_seccomp_arg *arg)
{
	static const enum scmp_compare ops[] = {
		[SK_SECCOMP_NE] = SCMP_CMP_NE,
		[SK_SECCOMP_LT] = SCMP_CMP_LT,
		[SK_SECCOMP_LE] = SCMP_CMP_LE,
		[SK_SECCOMP_EQ] = SCMP_CMP_EQ,
		[SK_SECCOMP_GE] = SCMP_CMP_GE,
		[SK_SECCOMP_GT] = SCMP_CMP_GT,
		[SK_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	return (struct scmp_arg_cmp){arg->index, ops[arg->op], arg->value,
				     arg->value_two};
}

static bool has_twice(const struct sk_seccomp_rule *rule)
{
	unsigned int seen = 0, count = 0;

	for (size_t i = 0; i < rule->nr_args; i++) {
		count += (seen >> rule->args[i].index) & 1;
		seen |= 1u << rule->args[i].index;
	}
	return count > 0;
}

static int add_number(scmp_filter_ctx ctx, const struct sk_seccomp_rule *rule, int nr)
{
	struct scmp_arg_cmp cmps[MAX_ARGS];
	int r = 0;

	if (!has_twice(rule)) {
		for (size_t i = 0; i < rule->nr_args; i++)
			cmps[i] = make_cmp(&rule->args[i]);
		return seccomp_rule_add_array(ctx, rule->action, nr,
					      (unsigned int)rule->nr_args, cmps);
	}
	for (size_t i = 0; r == 0 && i < rule->nr_args; i++) {
		cmps[0] = make_cmp(&rule->args[i]);
		r = seccomp_rule_add_array(ctx, rule->action, nr, 1, cmps);
	}
	return r;
}

static int add_rule(scmp_filter_ctx ctx, const struct sk_seccomp_rule *rule,
		    struct sk_err *err)
{
	for (char **name = rule->names; *name; name++) {
		int nr = seccomp_syscall_resolve_name(*name), r;

		if (nr == __NR_SCMP_ERROR)
			continue;
		r = add_number(ctx, rule, nr);
		if (r == -EEXIST)
			return sk_err_set(
				err, EINVAL,
				"seccomp: '%s' has two actions for the same arguments",
				*name);
		if (r < 0)
			return sk_err_code(err, r, "add a seccomp rule for '%s'", *name);
	}
	return 0;
}

static int export(scmp_filter_ctx ctx, struct sk_bpf *bpf, struct sk_err *err)
{
	sk_autoclose int fd = sk_sys_memfd_create("seccomp", MFD_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		return sk_err_errno(err, "make room for the seccomp filter");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return sk_err_code(err, r, "write the seccomp filter");
	n = pread(fd, bpf->insns, sizeof(bpf->insns), 0);
	if (n < 0)
		return sk_err_errno(err, "read the seccomp filter");
	bpf->len = (size_t)n / sizeof(bpf->insns[0]);
	if (lseek(fd, 0, SEEK_END) > (off_t)sizeof(bpf->insns))
		return sk_err_set(
			err, E2BIG,
			"the seccomp filter needs more than the %d instructions that the kernel takes",
			SK_BPF_MAX_INSNS);
	return 0;
}

int sk_seccomp_reference(const struct sk_spec_seccomp *seccomp, struct sk_bpf *bpf,
			 struct sk_err *err)
{
	__attribute__((cleanup(release_auto))) scmp_filter_ctx ctx =
		seccomp_init(seccomp->default_action);
	int r = 0;

	if (!ctx)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < seccomp->nr_archs; i++) {
		r = seccomp_arch_add(ctx, seccomp->archs[i]);
		if (r == -EEXIST)
			r = 0;
		if (r < 0)
			r = sk_err_code(err, r, "add architecture 0x%x to seccomp",
					seccomp->archs[i]);
	}
	for (size_t i = 0; r == 0 && i < seccomp->nr_rules; i++)
		if (seccomp->rules[i].action != seccomp->default_action)
			r = add_rule(ctx, &seccomp->rules[i], err);
	return r < 0 ? r : export(ctx, bpf, err);
}
