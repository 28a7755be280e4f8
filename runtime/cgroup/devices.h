/* SPDX-License-Identifier: Apache-2.0 */
/* devices - which devices the processes of a group may open and make; for runtime/cgroup/ and its tests only
 *
 * Theory of operation
 *
 * 1. The rules of a config are followed by the devices that each container has by the
 *    runtime-spec (null, zero, full, random, urandom, tty, console, ptmx, pts) and by the
 *    right to make (not to open) any node, as in all runtimes.
 * 2. v1: the rules are written to devices.allow and devices.deny in their order. A rule
 *    for all devices resets the list.
 * 3. v2: one program answers each attempt. For each part of the wanted access (read, write,
 *    make) the last rule that speaks of it decides; where none does, the last rule for all
 *    devices ("allow" when there is none, as in a new group of v1). It is attached to the
 *    group beside those of others (BPF_F_ALLOW_MULTI): all of them must agree. On update it
 *    takes the place of ours in one step, so no moment is without a rule.
 * 4. A caller who is not root of the machine can do neither. Its container cannot make
 *    nodes that work, and reaches no device that the caller does not reach: the rules are
 *    left out. So are they without any group (--cgroup-manager disabled).
 */
#ifndef SK_CGROUP_DEVICES_H
#define SK_CGROUP_DEVICES_H

#include <linux/bpf.h>

#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/resources.h"

/** sk_cgroup_devices_check() - Refuse device rules where neither v1's controller nor v2 is there; -ENOTSUP */
int sk_cgroup_devices_check(const struct sk_cgroup *cg,
			    const struct sk_cgroup_resources *res, struct sk_err *err);

/** sk_cgroup_set_devices() - Put the rules into force; none in @res: leave it as it is */
int sk_cgroup_set_devices(const struct sk_cgroup *cg,
			  const struct sk_cgroup_resources *res, enum sk_cgroup_when when,
			  struct sk_err *err);

/** sk_cgroup_device_line() - A rule as devices.allow wants it: "c 1:3 rwm" */
void sk_cgroup_device_line(const struct sk_cgroup_device_rule *rule, char ret[64]);

/**
 * sk_cgroup_device_rules() - The rules of a config with those that each container has
 * @ret:	Heap array of *@ret_nr rules, in the order in which they hold
 *
 * Rules before the last one for all devices have no effect and are left out.
 * Return: 0 or -ENOMEM
 */
int sk_cgroup_device_rules(const struct sk_cgroup_resources *res,
			   struct sk_cgroup_device_rule **ret, size_t *ret_nr);

/**
 * sk_cgroup_device_program() - The program of v2 for rules as above; pure
 * @ret:	Heap array of instructions
 *
 * Return: how many, or -ENOMEM
 */
int sk_cgroup_device_program(const struct sk_cgroup_device_rule *rules, size_t nr,
			     struct bpf_insn **ret);
/**
 * sk_cgroup_device_attach() - Load a program and attach it to a v2 group
 * @dirfd:	The group's folder
 * @replace:	Take the place of the programs of this kind that are attached to the group
 *
 * Return: 0; -EPERM without CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, over the machine;
 * -EACCES when the kernel rejects the program; other -errno
 */
int sk_cgroup_device_attach(int dirfd, const struct bpf_insn *program, int nr,
			    bool replace);

#endif
