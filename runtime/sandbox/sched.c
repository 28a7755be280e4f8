// SPDX-License-Identifier: Apache-2.0
/* sched - scheduler, I/O priority, CPUs, personality and memory policy of the command */
#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/sys.h"
#include "runtime/sandbox/child.h"

/* struct attributes - The kernel's struct sched_attr, of its first version */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_scheduler(const struct sk_spec_scheduler *s, struct sk_err *err)
{
	struct attributes attributes = {
		.size = sizeof(attributes),
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = s->priority,
		.runtime = s->runtime_ns,
		.deadline = s->deadline_ns,
		.period = s->period_ns,
	};
	int r;

	if (!s->is_set || syscall(SYS_sched_setattr, 0, &attributes, 0) == 0)
		return 0;
	r = sk_err_errno(err, "set scheduling policy %u (nice %d, priority %u)",
			 s->policy, s->nice, s->priority);
	if (r == -EPERM)
		return sk_err_hint(
			err, r,
			"it needs CAP_SYS_NICE, and with CONFIG_RT_GROUP_SCHED a share of real time in the group");
	return r;
}

static int set_io_priority(const struct sk_spec_process *p, struct sk_err *err)
{
	if (p->has_io_priority &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, p->io_priority) < 0)
		return sk_err_errno(err, "set I/O priority 0x%x",
				    (unsigned int)p->io_priority);
	return 0;
}

static int set_memory_policy(const struct sk_spec_memory_policy *m, struct sk_err *err)
{
	unsigned long nr = 0;

	if (!m->is_set)
		return 0;
	for (size_t i = 0; i < SK_SPEC_MAX_NODES / 64; i++)
		if (m->nodes[i])
			nr = SK_SPEC_MAX_NODES;
	/* the kernel takes one less than the number of bits */
	if (syscall(SYS_set_mempolicy, m->mode, nr ? m->nodes : NULL, nr ? nr + 1 : 0) <
	    0)
		return sk_err_errno(err, "set memory policy 0x%x", (unsigned int)m->mode);
	return 0;
}

int sk_sched_set_cpus(const char *cpus, struct sk_err *err)
{
	uint64_t mask[SK_SPEC_MAX_CPUS / 64];
	int r;

	if (!cpus)
		return 0;
	r = sk_spec_parse_cpus(cpus, mask, SK_SPEC_MAX_CPUS);
	if (r < 0)
		return sk_err_set(err, -r, "'%s' is not a list of CPUs", cpus);
	if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) < 0)
		return sk_err_errno(err, "run on the CPUs %s", cpus);
	return 0;
}

/* What was inherited, of a service manager say, is not what the group of an OCI container
 * allows: newer kernels remember it over the change of groups. All are asked for; the
 * kernel gives those of the group. */
static int set_cpus(const struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec_process *p = &c->spec->process;
	uint64_t all[SK_SPEC_MAX_CPUS / 64];

	if (c->is_further && p->cpus_final)
		return sk_sched_set_cpus(p->cpus_final, err);
	if (!c->spec->is_oci || (c->is_further && p->cpus_initial))
		return 0;
	memset(all, 0xff, sizeof(all));
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
	return 0;
}

int sk_child_sched(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec_process *p = &c->spec->process;
	int r = set_cpus(c, err);

	if (r == 0)
		r = set_scheduler(&p->scheduler, err);
	if (r == 0)
		r = set_io_priority(p, err);
	if (r == 0)
		r = set_memory_policy(&p->memory_policy, err);
	if (r == 0 && p->has_personality && personality(p->personality) < 0)
		return sk_err_errno(err, "set personality 0x%lx", p->personality);
	return r;
}
