/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp - which system calls a container may make
 *
 * libseccomp knows the numbers of each architecture; the table says what happens to each
 * call; the program is written by seccomp_bpf, as libseccomp's own generator is slow.
 */
#include "runtime/sandbox/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "lib/sys.h"
#include "runtime/sandbox/seccomp_bpf.h"
#include "runtime/sandbox/seccomp_table.h"

#define MAX_CALLS 640

struct sk_seccomp {
	struct sk_bpf bpf;
};

/* The native architecture and the 32-bit one that its kernels run too. */
static const struct {
	uint32_t native, companion;
} families[] = {
	{SCMP_ARCH_X86_64, SCMP_ARCH_X86},
	{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
	{SCMP_ARCH_RISCV64, 0},
	{SCMP_ARCH_PPC64LE, 0},
};

static bool find_number(const struct sk_seccomp_number *numbers, const char *name,
			uint32_t *ret)
{
	for (; numbers->name; numbers++) {
		if (strcmp(numbers->name, name) != 0)
			continue;
		*ret = numbers->nr;
		return true;
	}
	return false;
}

static bool resolve(uint32_t arch, const char *name, uint32_t *ret)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	if (nr >= 0) {
		*ret = (uint32_t)nr;
		return true;
	}
	if (arch == SCMP_ARCH_X86 && find_number(sk_seccomp_x86_direct, name, ret))
		return true;
	return nr == __NR_SCMP_ERROR && find_number(sk_seccomp_newer, name, ret);
}

static size_t collect(uint32_t arch, struct sk_bpf_call *calls)
{
	char name[64];
	size_t n = 0, len;

	for (const struct sk_seccomp_group *g = sk_seccomp_groups; g->names; g++) {
		for (const char *p = g->names; *p; p += len + (p[len] == ' ')) {
			len = strcspn(p, " ");
			(void)snprintf(name, sizeof(name), "%.*s", (int)len, p);
			if (n < MAX_CALLS && resolve(arch, name, &calls[n].nr))
				calls[n++].verdict = g->verdict;
		}
	}
	return n;
}

static int add_arch(struct sk_bpf *bpf, uint32_t arch, struct sk_err *err)
{
	sk_autofree struct sk_bpf_call *calls = calloc(MAX_CALLS, sizeof(*calls));
	int r;

	if (!calls)
		return sk_err_oom(err);
	/* SCMP_ARCH_* of these architectures are AUDIT_ARCH_* values. */
	r = sk_bpf_arch(bpf, arch, calls, collect(arch, calls));
	return r < 0 ? sk_err_code(err, r, "write the seccomp filter") : 0;
}

int sk_seccomp_new_default(struct sk_seccomp **ret, struct sk_err *err)
{
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = malloc(sizeof(*filter));
	uint32_t native = seccomp_arch_native();
	size_t i = 0;
	int r;

	if (!filter)
		return sk_err_oom(err);
	while (i < SK_ARRAY_SIZE(families) && families[i].native != native)
		i++;
	if (i == SK_ARRAY_SIZE(families))
		return sk_err_set(
			err, ENOTSUP,
			"no default seccomp filter for this architecture (0x%x)", native);
	sk_bpf_start(&filter->bpf);
	r = add_arch(&filter->bpf, native, err);
	if (r == 0 && families[i].companion)
		r = add_arch(&filter->bpf, families[i].companion, err);
	if (r < 0)
		return r;
	r = sk_bpf_end(&filter->bpf);
	if (r < 0)
		return sk_err_code(err, r, "write the seccomp filter");
	*ret = sk_steal(&filter);
	return 0;
}

int sk_seccomp_install(const struct sk_seccomp *filter, struct sk_err *err)
{
	struct sock_fprog program = {
		.len = (unsigned short)filter->bpf.len,
		.filter = (struct sock_filter *)filter->bpf.insns,
	};
	int r;

	if (sk_sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		r = sk_err_errno(err, "install the seccomp filter");
		if (r == -EACCES)
			return sk_err_hint(err, r, "set no-new-privileges first");
		return r;
	}
	return 0;
}

void sk_seccomp_free(struct sk_seccomp *filter)
{
	free(filter);
}
