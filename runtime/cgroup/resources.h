/* SPDX-License-Identifier: Apache-2.0 */
/* resources - "linux.resources" of the OCI runtime-spec, and how a group gets them
 *
 *	sk_cgroup_resources_from_json(json, "linux.resources", &res, err);
 *	sk_cgroup_resources_check(cg, res, err);	// before anything is made
 *	sk_cgroup_set_resources(cg, res, SK_CGROUP_ON_CREATE, err);
 *
 * The struct is plain memory. What is not set leaves the kernel's default, or on update what
 * was set before. Names of members are the spec's.
 */
#ifndef SK_CGROUP_RESOURCES_H
#define SK_CGROUP_RESOURCES_H

#include "runtime/cgroup/cgroup.h"

/** struct sk_cgroup_number - An optional number; -1 is "no limit" where there can be one */
struct sk_cgroup_number {
	bool is_set;
	int64_t value;
};

/** struct sk_cgroup_device_number - A value for one block device */
struct sk_cgroup_device_number {
	uint32_t major, minor;
	struct sk_cgroup_number value, leaf; /* leaf: weights only */
};

/** struct sk_cgroup_device_list - Values for block devices */
struct sk_cgroup_device_list {
	struct sk_cgroup_device_number *items;
	size_t nr;
};

/** enum sk_cgroup_throttle - Lists of limits for block devices */
enum sk_cgroup_throttle {
	SK_CGROUP_READ_BPS,
	SK_CGROUP_WRITE_BPS,
	SK_CGROUP_READ_IOPS,
	SK_CGROUP_WRITE_IOPS,
	SK_CGROUP_THROTTLES
};

/** struct sk_cgroup_named - A name with up to two numbers, or with a text */
struct sk_cgroup_named {
	char *name, *text;
	struct sk_cgroup_number a, b;
};

/** struct sk_cgroup_named_list - Huge page limits, interface priorities, RDMA devices, files */
struct sk_cgroup_named_list {
	struct sk_cgroup_named *items;
	size_t nr;
};

/** Access to a device, as bits; the values are those of the kernel's BPF_DEVCG_ACC_* */
enum {
	SK_CGROUP_DEVICE_MKNOD = 1 << 0,
	SK_CGROUP_DEVICE_READ = 1 << 1,
	SK_CGROUP_DEVICE_WRITE = 1 << 2,
	SK_CGROUP_DEVICE_ALL = 7,
};
#define SK_CGROUP_DEVICE_ANY (-1)

/**
 * struct sk_cgroup_device_rule - Allow or deny devices; a later rule beats an earlier one
 * @type:	'c', 'b', or 'a' for both, with any number
 * @major:	Or SK_CGROUP_DEVICE_ANY; the same for @minor
 * @access:	SK_CGROUP_DEVICE_* bits
 */
struct sk_cgroup_device_rule {
	bool allow;
	char type;
	int64_t major, minor;
	unsigned int access;
};

/** struct sk_cgroup_resources - All of linux.resources; release with sk_cgroup_resources_free() */
struct sk_cgroup_resources {
	struct {
		/* swap is memory and swap together, as on v1 */
		struct sk_cgroup_number limit, reservation, swap, kernel, kernel_tcp,
			swappiness;
		struct sk_cgroup_number disable_oom_killer, use_hierarchy,
			check_before_update;
	} memory;
	struct {
		struct sk_cgroup_number shares, quota, burst, period, rt_runtime,
			rt_period, idle;
		char *cpus, *mems;
	} cpu;
	struct sk_cgroup_number pids_limit;
	struct {
		struct sk_cgroup_number weight, leaf_weight;
		struct sk_cgroup_device_list weights;
		struct sk_cgroup_device_list throttle[SK_CGROUP_THROTTLES];
	} block_io;
	struct sk_cgroup_named_list huge_pages; /* "2MB": a bytes */
	struct {
		struct sk_cgroup_number class_id;
		struct sk_cgroup_named_list priorities; /* "eth0": a */
	} network;
	struct sk_cgroup_named_list rdma;    /* "mlx5_1": a handles, b objects */
	struct sk_cgroup_named_list unified; /* "memory.high": text */
	struct sk_cgroup_device_rule *devices;
	size_t nr_devices;
};

/** enum sk_cgroup_when - What a group held before */
enum sk_cgroup_when {
	SK_CGROUP_ON_CREATE, /* the kernel's defaults, no process */
	SK_CGROUP_ON_UPDATE,
};

/**
 * sk_cgroup_resources_from_json() - Read an object of the form of linux.resources
 * @object:	May be NULL: nothing is set
 * @where:	Its name for errors: "linux.resources"
 * @ret:	Free with sk_cgroup_resources_free()
 *
 * A zero is "not set" where it can be no limit (memory, shares, quota, period, weights), as
 * callers written in Go mean it. Members that the spec does not know are ignored, as it demands.
 * Pure. Source: OCI runtime-spec 1.3, config-linux.md, "Control groups".
 * Return: 0; -EINVAL or -ERANGE naming the member; -ENOMEM
 */
int sk_cgroup_resources_from_json(const struct sk_json *object, const char *where,
				  struct sk_cgroup_resources **ret, struct sk_err *err);
/**
 * sk_cgroup_resources_adapt() - Give numbers the meaning that they have in a version of the spec
 * @version:	"1.2.0"; "" for an old one
 *
 * From 1.3 on a limit of 0 processes is one; before, callers mean "no limit" by it.
 */
void sk_cgroup_resources_adapt(struct sk_cgroup_resources *res, const char *version);
/** sk_cgroup_resources_free() - Release it; NULL is fine */
void sk_cgroup_resources_free(struct sk_cgroup_resources *res);
SK_DEFINE_AUTO(struct sk_cgroup_resources, sk_cgroup_resources_free)

/** sk_cgroup_resources_controllers() - Bits of the controllers that its limits need, on v1 and v2; 0 for NULL */
unsigned int sk_cgroup_resources_controllers(const struct sk_cgroup_resources *res);

/**
 * sk_cgroup_resources_check() - Refuse what no hierarchy can do, before anything is made
 *
 * What only takes a limit away needs no controller.
 * Return: 0; -ENOTSUP, -EACCES, -EBUSY naming limit and controller
 */
int sk_cgroup_resources_check(const struct sk_cgroup *cg,
			      const struct sk_cgroup_resources *res, struct sk_err *err);

/**
 * sk_cgroup_set_resources() - Set all that is set in @res
 * @cg:		After sk_cgroup_create() or sk_cgroup_reopen()
 * @res:	NULL: nothing
 *
 * On v2 v1's units are converted: shares to cpu.weight (1024 to 100), blkio weights to
 * io.weight, memory and swap together to swap alone. Device rules are files on v1 and a
 * program on v2; an update replaces them at once. Without privileges over devices (a caller
 * who is not root of the machine) rules that the kernel refuses are left out: such a caller
 * cannot make device nodes, and its container reaches no device that it does not reach.
 * Return: 0; -errno naming limit, file and reason: earlier ones may have been set
 */
int sk_cgroup_set_resources(const struct sk_cgroup *cg,
			    const struct sk_cgroup_resources *res,
			    enum sk_cgroup_when when, struct sk_err *err);

#endif
