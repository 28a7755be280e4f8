/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp - which system calls a container may make
 *
 * The default filter is a table of names, that of a config.json goes through seccomp_compile;
 * the program is written by seccomp_bpf, as libseccomp's own generator is slow.
 */
#include "runtime/sandbox/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/sys.h"
#include "runtime/sandbox/seccomp_bpf.h"
#include "runtime/sandbox/seccomp_compile.h"
#include "runtime/sandbox/seccomp_names.h"
#include "runtime/sandbox/seccomp_table.h"

#define MAX_CALLS  640

#define RET_EPERM  (SECCOMP_RET_ERRNO | EPERM)
#define RET_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

#define NAMESPACE_FLAGS                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
	 CLONE_NEWPID | CLONE_NEWNET)
/* In clone() this bit is part of the exit signal. */
#define NAMESPACE_FLAGS_UNSHARE (NAMESPACE_FLAGS | 0x80u /* CLONE_NEWTIME */)

struct sk_seccomp {
	unsigned int flags;
	struct sk_bpf bpf;
};

/* The native architecture and the 32-bit one that its kernels run too. */
static const struct {
	uint32_t native, companion;
} families[] = {
	{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386},
	{AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM},
	{AUDIT_ARCH_RISCV64, 0},
	{AUDIT_ARCH_PPC64LE, 0},
};

/*
 * Arguments that the kernel takes as 32-bit values are compared by their low half only: it
 * ignores the high half, so a filter that looked at it could be evaded with it.
 */
#define LOW(index, number)                                                               \
	{                                                                                \
		index, SK_SECCOMP_EQ, number, UINT32_MAX                                 \
	}
#define NO_BITS(bits)                                                                    \
	{                                                                                \
		0, SK_SECCOMP_EQ, 0, bits                                                \
	}
#define RULE(action, ...)                                                                \
	{                                                                                \
		(const struct sk_bpf_cond[]){__VA_ARGS__}, 1, action                     \
	}

static const struct sk_bpf_rule clone_rules[] = {
	RULE(SECCOMP_RET_ALLOW, NO_BITS(NAMESPACE_FLAGS)),
};
static const struct sk_bpf_rule unshare_rules[] = {
	RULE(SECCOMP_RET_ALLOW, NO_BITS(NAMESPACE_FLAGS_UNSHARE)),
};
static const struct sk_bpf_rule ioctl_rules[] = {
	RULE(RET_EPERM, LOW(1, TIOCSTI)),
	RULE(RET_EPERM, LOW(1, TIOCLINUX)),
};
static const struct sk_bpf_rule personality_rules[] = {
	RULE(SECCOMP_RET_ALLOW, LOW(0, 0)),
	RULE(SECCOMP_RET_ALLOW, LOW(0, 8)),
	RULE(SECCOMP_RET_ALLOW, LOW(0, 0x20000)),
	RULE(SECCOMP_RET_ALLOW, LOW(0, 0x20008)),
	RULE(SECCOMP_RET_ALLOW, LOW(0, 0xffffffff)),
};
static const struct sk_bpf_rule socket_rules[] = {
	RULE(RET_EPERM, LOW(0, AF_VSOCK)),
};

static const struct {
	const struct sk_bpf_rule *rules;
	size_t nr_rules;
	uint32_t action;
} verdicts[] = {
	[SK_SECCOMP_NONE] = {NULL, 0, RET_ENOSYS},
	[SK_SECCOMP_EPERM] = {NULL, 0, RET_EPERM},
	[SK_SECCOMP_ALLOW] = {NULL, 0, SECCOMP_RET_ALLOW},
	[SK_SECCOMP_CLONE] = {clone_rules, SK_ARRAY_SIZE(clone_rules), RET_EPERM},
	[SK_SECCOMP_UNSHARE] = {unshare_rules, SK_ARRAY_SIZE(unshare_rules), RET_EPERM},
	[SK_SECCOMP_IOCTL] = {ioctl_rules, SK_ARRAY_SIZE(ioctl_rules), SECCOMP_RET_ALLOW},
	[SK_SECCOMP_PERSONALITY] = {personality_rules, SK_ARRAY_SIZE(personality_rules),
				    RET_EPERM},
	[SK_SECCOMP_SOCKET] = {socket_rules, SK_ARRAY_SIZE(socket_rules),
			       SECCOMP_RET_ALLOW},
};

static void collect(uint32_t arch, struct sk_bpf_arch *ret)
{
	char name[64];
	size_t len;

	for (const struct sk_seccomp_group *g = sk_seccomp_groups; g->names; g++) {
		for (const char *p = g->names; *p; p += len + (p[len] == ' ')) {
			struct sk_seccomp_number numbers[2];
			int n;

			len = strcspn(p, " ");
			(void)snprintf(name, sizeof(name), "%.*s", (int)len, p);
			n = sk_seccomp_resolve(arch, name, numbers);
			/* socketcall and ipc stand in the table under their own names */
			if (n == 0 || numbers[n - 1].sub != SK_SECCOMP_DIRECT ||
			    ret->nr_calls == MAX_CALLS)
				continue;
			ret->calls[ret->nr_calls++] =
				(struct sk_bpf_call){numbers[n - 1].nr, numbers[n - 1].nr,
						     verdicts[g->verdict].rules,
						     verdicts[g->verdict].nr_rules,
						     verdicts[g->verdict].action};
		}
	}
}

static int add_arch(struct sk_bpf *bpf, uint32_t audit_arch, struct sk_err *err)
{
	sk_autofree struct sk_bpf_call *calls = calloc(MAX_CALLS, sizeof(*calls));
	struct sk_bpf_arch arch = {audit_arch, calls, 0, RET_ENOSYS};
	int r;

	if (!calls)
		return sk_err_oom(err);
	/* SCMP_ARCH_* of these architectures are AUDIT_ARCH_* values. */
	collect(audit_arch, &arch);
	r = sk_bpf_arch(bpf, &arch);
	return r < 0 ? sk_err_code(err, r, "write the seccomp filter") : 0;
}

int sk_seccomp_new_default(struct sk_seccomp **ret, struct sk_err *err)
{
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = malloc(sizeof(*filter));
	uint32_t native = sk_seccomp_native();
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
	filter->flags = 0;
	sk_bpf_start(&filter->bpf);
	r = add_arch(&filter->bpf, native, err);
	if (r == 0 && families[i].companion)
		r = add_arch(&filter->bpf, families[i].companion, err);
	if (r < 0)
		return r;
	r = sk_bpf_end(&filter->bpf, SECCOMP_RET_KILL_PROCESS);
	if (r < 0)
		return sk_err_code(err, r, "write the seccomp filter");
	*ret = sk_steal(&filter);
	return 0;
}

int sk_seccomp_new(const struct sk_spec_seccomp *seccomp, struct sk_seccomp **ret,
		   struct sk_err *err)
{
	sk_auto(sk_seccomp_free) struct sk_seccomp *filter = malloc(sizeof(*filter));
	int r;

	if (!filter)
		return sk_err_oom(err);
	filter->flags = seccomp->flags;
	r = sk_seccomp_compile(seccomp, &filter->bpf, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&filter);
	return 0;
}

bool sk_seccomp_has_flag(unsigned int flag)
{
	/* how a listener is told: refused where there is none */
	if (flag & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* a kernel that knows the flag looks for the program next, and finds none */
	return sk_sys_seccomp(SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

/* Flags that the kernel lacks change its speed or its logs, not what the filter lets through. */
static int explain(const struct sk_seccomp *filter, struct sk_err *err)
{
	int r = sk_err_errno(err, "install the seccomp filter");

	if (r == -EACCES)
		return sk_err_hint(err, r, "set no-new-privileges first");
	for (const struct sk_seccomp_name *flag = sk_seccomp_flags; flag->name; flag++)
		if (r == -EINVAL && (filter->flags & flag->value) &&
		    !sk_seccomp_has_flag(flag->value))
			return sk_err_set(err, EINVAL,
					  "this kernel has no seccomp flag %s",
					  flag->name);
	return r;
}

int sk_seccomp_install_with(const struct sk_seccomp *filter, unsigned int more_flags,
			    struct sk_err *err)
{
	struct sock_fprog program = {
		.len = (unsigned short)filter->bpf.len,
		.filter = (struct sock_filter *)filter->bpf.insns,
	};
	unsigned int flags = filter->flags | more_flags;
	int r;

	/* the kernel refuses both; the only other thread is the one that hands the listener on */
	if (more_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		flags &= ~(unsigned int)SECCOMP_FILTER_FLAG_TSYNC;
	r = sk_sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
	return r < 0 ? explain(filter, err) : r;
}

int sk_seccomp_install(const struct sk_seccomp *filter, struct sk_err *err)
{
	int r = sk_seccomp_install_with(filter, 0, err);

	return r < 0 ? r : 0;
}

void sk_seccomp_free(struct sk_seccomp *filter)
{
	free(filter);
}
