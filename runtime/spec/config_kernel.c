// SPDX-License-Identifier: Apache-2.0
/* config_kernel - what an OCI config.json asks of the kernel for a process: scheduler, I/O
 * priority, CPUs, personality, memory policy, Intel RDT, network devices
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif

/* struct word - A name of config.json and what the kernel calls it */
struct word {
	const char *name;
	uint64_t value;
};

static const struct word policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_ISO", 4},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
	{NULL, 0},
};

static const struct word scheduler_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
	{NULL, 0},
};

static const struct word io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
	{NULL, 0},
};

static const struct word memory_modes[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
	{NULL, 0},
};

static const struct word memory_flags[] = {
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{NULL, 0},
};

const char *sk_spec_memory_mode_name(size_t index)
{
	return index < SK_ARRAY_SIZE(memory_modes) ? memory_modes[index].name : NULL;
}

const char *sk_spec_memory_flag_name(size_t index)
{
	return index < SK_ARRAY_SIZE(memory_flags) ? memory_flags[index].name : NULL;
}

static int find_word(const struct word *words, const char *where, const char *name,
		     uint64_t *ret, struct sk_err *err)
{
	for (; words->name; words++) {
		if (!sk_str_equal(name, words->name))
			continue;
		*ret = words->value;
		return 0;
	}
	return sk_err_set(err, EINVAL, "config.json: %s: '%s' is unknown", where,
			  name ? name : "");
}

/* All flags of a list, or-ed. */
static int read_flags(const struct sk_json *object, const char *where,
		      const struct word *words, uint64_t *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **flags = NULL;
	int r = sk_json_read_strv(object, where, "flags", &flags, err);

	for (char **flag = flags; r == 0 && flag && *flag; flag++) {
		uint64_t value = 0;

		r = find_word(words, where, *flag, &value, err);
		*ret |= value;
	}
	return r;
}

static int copy_str(const struct sk_json *object, const char *where, const char *key,
		    char **ret, struct sk_err *err)
{
	const char *text = NULL;
	int r = sk_json_read_str(object, where, key, &text, err);

	if (r < 0 || !text || !text[0])
		return r;
	*ret = strdup(text);
	return *ret ? 0 : sk_err_oom(err);
}

static int read_scheduler(const struct sk_json *process, struct sk_spec_scheduler *ret,
			  struct sk_err *err)
{
	static const char where[] = "process.scheduler";
	struct sk_json *object = NULL;
	const char *policy = NULL;
	uint64_t number = 0;
	int64_t nice = 0, priority = 0;
	int r = sk_json_read_object(process, "process", "scheduler", &object, err);

	if (r < 0 || !object)
		return r;
	r = sk_json_read_str(object, where, "policy", &policy, err);
	if (r == 0)
		r = find_word(policies, where, policy, &number, err);
	if (r == 0)
		r = read_flags(object, where, scheduler_flags, &ret->flags, err);
	if (r == 0)
		r = sk_json_read_i64(object, where, "nice", -20, 19, &nice, err);
	if (r == 0)
		r = sk_json_read_i64(object, where, "priority", 0, 99, &priority, err);
	if (r == 0)
		r = sk_json_read_u64(object, where, "runtime", UINT64_MAX,
				     &ret->runtime_ns, err);
	if (r == 0)
		r = sk_json_read_u64(object, where, "deadline", UINT64_MAX,
				     &ret->deadline_ns, err);
	if (r == 0)
		r = sk_json_read_u64(object, where, "period", UINT64_MAX, &ret->period_ns,
				     err);
	if (r < 0)
		return r;
	if (priority && number != SCHED_FIFO && number != SCHED_RR)
		return sk_err_set(
			err, EINVAL,
			"config.json: %s.priority is for SCHED_FIFO and SCHED_RR only",
			where);
	if ((ret->runtime_ns || ret->deadline_ns || ret->period_ns) &&
	    number != SCHED_DEADLINE)
		return sk_err_set(
			err, EINVAL,
			"config.json: %s: runtime, deadline and period are for SCHED_DEADLINE only",
			where);
	ret->policy = (uint32_t)number;
	ret->nice = (int32_t)nice;
	ret->priority = (uint32_t)priority;
	ret->is_set = true;
	return 0;
}

static int read_io_priority(const struct sk_json *process, struct sk_spec_process *ret,
			    struct sk_err *err)
{
	static const char where[] = "process.ioPriority";
	struct sk_json *object = NULL;
	const char *name = NULL;
	uint64_t class = 0;
	int64_t priority = 0;
	int r = sk_json_read_object(process, "process", "ioPriority", &object, err);

	if (r < 0 || !object)
		return r;
	r = sk_json_read_str(object, where, "class", &name, err);
	if (r == 0)
		r = find_word(io_classes, where, name, &class, err);
	if (r == 0)
		r = sk_json_read_i64(object, where, "priority", 0, 7, &priority, err);
	if (r < 0)
		return r;
	ret->has_io_priority = true;
	ret->io_priority = (int)(class << IOPRIO_CLASS_SHIFT) | (int)priority;
	return 0;
}

static int read_cpus(const struct sk_json *object, const char *key, char **ret,
		     struct sk_err *err)
{
	static const char where[] = "process.execCPUAffinity";
	int r = copy_str(object, where, key, ret, err);

	if (r < 0 || !*ret)
		return r;
	r = sk_spec_parse_cpus(*ret, NULL, SK_SPEC_MAX_CPUS);
	if (r < 0)
		return sk_err_set(err, -r,
				  "config.json: %s.%s: '%s' is not a list of CPUs", where,
				  key, *ret);
	return 0;
}

static int read_affinity(const struct sk_json *process, struct sk_spec_process *ret,
			 struct sk_err *err)
{
	struct sk_json *object = NULL;
	int r = sk_json_read_object(process, "process", "execCPUAffinity", &object, err);

	if (r == 0)
		r = read_cpus(object, "initial", &ret->cpus_initial, err);
	return r < 0 ? r : read_cpus(object, "final", &ret->cpus_final, err);
}

int sk_config_process_kernel(const struct sk_json *process, struct sk_spec *spec,
			     struct sk_err *err)
{
	int r = read_scheduler(process, &spec->process.scheduler, err);

	if (r == 0)
		r = read_io_priority(process, &spec->process, err);
	if (r == 0)
		r = read_affinity(process, &spec->process, err);
	if (r == 0)
		r = copy_str(process, "process", "apparmorProfile",
			     &spec->process.apparmor, err);
	if (r == 0)
		r = copy_str(process, "process", "selinuxLabel",
			     &spec->process.selinux_label, err);
	return r;
}

static int read_personality(const struct sk_json *object_linux,
			    struct sk_spec_process *ret, struct sk_err *err)
{
	struct sk_json *object = NULL;
	const char *domain = NULL;
	int r = sk_json_read_object(object_linux, "linux", "personality", &object, err);

	if (r < 0 || !object)
		return r;
	r = sk_json_read_str(object, "linux.personality", "domain", &domain, err);
	if (r < 0)
		return r;
	/* Source: config-linux.md: "currently no flag values are supported" */
	if (sk_json_len(sk_json_get(object, "flags")))
		return sk_err_set(
			err, EINVAL,
			"config.json: linux.personality.flags: the specification defines none");
	if (sk_str_equal(domain, "LINUX"))
		ret->personality = PER_LINUX;
	else if (sk_str_equal(domain, "LINUX32"))
		ret->personality = PER_LINUX32;
	else
		return sk_err_set(
			err, EINVAL,
			"config.json: linux.personality.domain '%s' is not LINUX or LINUX32",
			domain ? domain : "");
	ret->has_personality = true;
	return 0;
}

static int read_memory_policy(const struct sk_json *object_linux,
			      struct sk_spec_memory_policy *ret, struct sk_err *err)
{
	static const char where[] = "linux.memoryPolicy";
	struct sk_json *object = NULL;
	const char *mode = NULL, *nodes = NULL;
	uint64_t number = 0, flags = 0;
	int r = sk_json_read_object(object_linux, "linux", "memoryPolicy", &object, err);

	if (r < 0 || !object)
		return r;
	r = sk_json_read_str(object, where, "mode", &mode, err);
	if (r == 0)
		r = find_word(memory_modes, where, mode, &number, err);
	if (r == 0)
		r = read_flags(object, where, memory_flags, &flags, err);
	if (r == 0)
		r = sk_json_read_str(object, where, "nodes", &nodes, err);
	if (r < 0)
		return r;
	if (nodes && nodes[0]) {
		r = sk_spec_parse_cpus(nodes, ret->nodes, SK_SPEC_MAX_NODES);
		if (r < 0)
			return sk_err_set(
				err, -r,
				"config.json: %s.nodes: '%s' is not a list of nodes",
				where, nodes);
	}
	ret->mode = (int)(number | flags);
	ret->is_set = true;
	return 0;
}

static int check_clos_id(const char *id, struct sk_err *err)
{
	if (!id || (strcmp(id, ".") != 0 && strcmp(id, "..") != 0 && !strchr(id, '/')) ||
	    strcmp(id, "/") == 0)
		return 0;
	return sk_err_set(err, EINVAL,
			  "config.json: linux.intelRdt.closID '%s' is not a file name",
			  id);
}

static int read_rdt(const struct sk_json *object_linux, struct sk_spec_rdt *ret,
		    struct sk_err *err)
{
	static const char where[] = "linux.intelRdt";
	struct sk_json *object = NULL;
	bool cmt = false, mbm = false;
	int r = sk_json_read_object(object_linux, "linux", "intelRdt", &object, err);

	if (r < 0 || !object)
		return r;
	ret->is_set = true;
	r = copy_str(object, where, "closID", &ret->clos_id, err);
	if (r == 0)
		r = check_clos_id(ret->clos_id, err);
	if (r == 0)
		r = copy_str(object, where, "l3CacheSchema", &ret->l3_cache, err);
	if (r == 0)
		r = copy_str(object, where, "memBwSchema", &ret->mem_bandwidth, err);
	if (r == 0)
		r = sk_json_read_strv(object, where, "schemata", &ret->schemata, err);
	if (r == 0)
		r = sk_json_read_bool(object, where, "enableMonitoring", &ret->monitoring,
				      err);
	if (r == 0)
		r = sk_json_read_bool(object, where, "enableCMT", &cmt, err);
	if (r == 0)
		r = sk_json_read_bool(object, where, "enableMBM", &mbm, err);
	ret->monitoring |= cmt || mbm;
	return r;
}

static bool is_device_name(const char *name)
{
	return name[0] && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !name[strcspn(name, "/: \t\n\v\f\r")];
}

static int read_net_devices(const struct sk_json *object_linux,
			    struct sk_spec_process *ret, struct sk_err *err)
{
	struct sk_json *map = NULL;
	const struct sk_json *value;
	void *cursor = NULL;
	const char *name;
	int r = sk_json_read_object(object_linux, "linux", "netDevices", &map, err);

	if (r < 0 || sk_json_len(map) == 0)
		return r;
	ret->net_devices = calloc(sk_json_len(map), sizeof(*ret->net_devices));
	if (!ret->net_devices)
		return sk_err_oom(err);
	while ((value = sk_json_each(map, &cursor, &name))) {
		struct sk_spec_net_device *device =
			&ret->net_devices[ret->nr_net_devices++];

		r = copy_str(value, "linux.netDevices{}", "name", &device->new_name, err);
		if (r < 0)
			return r;
		if (!is_device_name(name) ||
		    (device->new_name && !is_device_name(device->new_name)))
			return sk_err_set(
				err, EINVAL,
				"config.json: linux.netDevices: '%s' is not a name of a network device",
				is_device_name(name) ? device->new_name : name);
		device->name = strdup(name);
		if (!device->name)
			return sk_err_oom(err);
	}
	return 0;
}

int sk_config_linux_kernel(const struct sk_json *object_linux, struct sk_spec *spec,
			   struct sk_err *err)
{
	int r = read_personality(object_linux, &spec->process, err);

	if (r == 0)
		r = read_memory_policy(object_linux, &spec->process.memory_policy, err);
	if (r == 0)
		r = read_rdt(object_linux, &spec->process.rdt, err);
	if (r == 0)
		r = read_net_devices(object_linux, &spec->process, err);
	if (r == 0 && spec->process.nr_net_devices && !spec->ns[SK_NS_NET].is_new &&
	    !spec->ns[SK_NS_NET].path)
		return sk_err_set(
			err, EINVAL,
			"config.json: linux.netDevices needs a network namespace of the container's own");
	return r;
}
