// SPDX-License-Identifier: Apache-2.0
/* resources_plan - from resources to the files of cgroup v1 and v2, purely
 *
 * Each table lists limits in the order in which they are written. Where two files depend on
 * each other (memory below memory and swap; quota and burst; quota over period below the
 * group above's), the order that works depends on the old values: one of them is tried
 * before the other and set after it, and then one of both times works.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/cgroup/settings.h"

#define BLOCK_IO   (SK_CGROUP_BLKIO | SK_CGROUP_IO)
#define AT(member) offsetof(struct sk_cgroup_resources, member)

/* What a row adds to the flags of struct sk_cgroup_set. */
#define ROW_IF_ZERO	(1u << 16) /* only when the value is 0 */
#define ROW_IF_NOT_ZERO (1u << 17)
#define ROW_FLAGS	(ROW_IF_ZERO | ROW_IF_NOT_ZERO)

struct row {
	unsigned int controller;
	const char *what, *file;
	unsigned int flags;
	size_t offset;
	const char *unlimited; /* text of -1; NULL: the number */
};

static const struct row v1_rows[] = {
	{SK_CGROUP_MEMORY, "memory and swap", "memory.memsw.limit_in_bytes",
	 SK_CGROUP_TRIAL, AT(memory.swap), NULL},
	{SK_CGROUP_MEMORY, "memory", "memory.limit_in_bytes", 0, AT(memory.limit), NULL},
	{SK_CGROUP_MEMORY, "memory and swap", "memory.memsw.limit_in_bytes", 0,
	 AT(memory.swap), NULL},
	{SK_CGROUP_MEMORY, "memory reservation", "memory.soft_limit_in_bytes", 0,
	 AT(memory.reservation), NULL},
	{SK_CGROUP_MEMORY, "kernel memory", "memory.kmem.limit_in_bytes", 0,
	 AT(memory.kernel), NULL},
	{SK_CGROUP_MEMORY, "kernel TCP memory", "memory.kmem.tcp.limit_in_bytes", 0,
	 AT(memory.kernel_tcp), NULL},
	{SK_CGROUP_MEMORY, "swappiness", "memory.swappiness", 0, AT(memory.swappiness),
	 NULL},
	{SK_CGROUP_MEMORY, "the out-of-memory killer", "memory.oom_control", 0,
	 AT(memory.disable_oom_killer), NULL},
	{SK_CGROUP_MEMORY, "memory of subgroups", "memory.use_hierarchy",
	 SK_CGROUP_MAY_LACK | ROW_IF_NOT_ZERO, AT(memory.use_hierarchy), NULL},
	/* an idle group has no shares: they are set while it is not idle */
	{SK_CGROUP_CPU, "CPU idle class", "cpu.idle", SK_CGROUP_LIFTS | ROW_IF_ZERO,
	 AT(cpu.idle), NULL},
	{SK_CGROUP_CPU, "CPU shares", "cpu.shares", 0, AT(cpu.shares), NULL},
	{SK_CGROUP_CPU, "CPU period", "cpu.cfs_period_us", SK_CGROUP_TRIAL,
	 AT(cpu.period), NULL},
	{SK_CGROUP_CPU, "CPU burst", "cpu.cfs_burst_us", SK_CGROUP_TRIAL, AT(cpu.burst),
	 NULL},
	{SK_CGROUP_CPU, "CPU", "cpu.cfs_quota_us", 0, AT(cpu.quota), NULL},
	{SK_CGROUP_CPU, "CPU period", "cpu.cfs_period_us", 0, AT(cpu.period), NULL},
	{SK_CGROUP_CPU, "CPU burst", "cpu.cfs_burst_us", 0, AT(cpu.burst), NULL},
	{SK_CGROUP_CPU, "realtime period", "cpu.rt_period_us", SK_CGROUP_TRIAL,
	 AT(cpu.rt_period), NULL},
	{SK_CGROUP_CPU, "realtime runtime", "cpu.rt_runtime_us", 0, AT(cpu.rt_runtime),
	 NULL},
	{SK_CGROUP_CPU, "realtime period", "cpu.rt_period_us", 0, AT(cpu.rt_period),
	 NULL},
	{SK_CGROUP_CPU, "CPU idle class", "cpu.idle", ROW_IF_NOT_ZERO, AT(cpu.idle),
	 NULL},
	{SK_CGROUP_PIDS, "number of processes", "pids.max", 0, AT(pids_limit), "max"},
	{SK_CGROUP_NET_CLS, "network class", "net_cls.classid", 0, AT(network.class_id),
	 NULL},
};

/* Without a file: v2 has no such limit. cpu.weight, cpu.max and swap are converted below. */
static const struct row v2_rows[] = {
	{SK_CGROUP_MEMORY, "memory", "memory.max", 0, AT(memory.limit), "max"},
	{SK_CGROUP_MEMORY, "memory reservation", "memory.low", 0, AT(memory.reservation),
	 "max"},
	{SK_CGROUP_MEMORY, "kernel memory", NULL, 0, AT(memory.kernel), NULL},
	{SK_CGROUP_MEMORY, "kernel TCP memory", NULL, 0, AT(memory.kernel_tcp), NULL},
	{SK_CGROUP_MEMORY, "swappiness", NULL, 0, AT(memory.swappiness), NULL},
	{SK_CGROUP_MEMORY, "the out-of-memory killer", NULL, ROW_IF_NOT_ZERO,
	 AT(memory.disable_oom_killer), NULL},
	{SK_CGROUP_CPU, "realtime period", NULL, 0, AT(cpu.rt_period), NULL},
	{SK_CGROUP_CPU, "realtime runtime", NULL, 0, AT(cpu.rt_runtime), NULL},
	{SK_CGROUP_PIDS, "number of processes", "pids.max", 0, AT(pids_limit), "max"},
	{SK_CGROUP_NET_CLS, "network class", NULL, ROW_IF_NOT_ZERO, AT(network.class_id),
	 NULL},
};

void sk_cgroup_plan_finish(struct sk_cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->nr; i++) {
		free(plan->items[i].file);
		free(plan->items[i].value);
	}
	free(plan->items);
	*plan = (struct sk_cgroup_plan){0};
}

/* @file and @value are taken; the row's own file, offset and text are not looked at. */
static void take(struct sk_cgroup_plan *plan, const struct row *row, char *file,
		 char *value)
{
	struct sk_cgroup_set *items =
		realloc(plan->items, (plan->nr + 1) * sizeof(*items));

	if (!items || !value || (row->file && !file)) {
		plan->failed = true;
		plan->items = items ? items : plan->items;
		free(file);
		free(value);
		return;
	}
	plan->items = items;
	items[plan->nr++] = (struct sk_cgroup_set){
		.controller = row->controller,
		.what = row->what,
		.file = file,
		.value = value,
		.flags = row->flags & ~ROW_FLAGS,
	};
}

static void put(struct sk_cgroup_plan *plan, const struct row *row, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct sk_cgroup_plan *plan, const struct row *row, const char *fmt, ...)
{
	char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		value = NULL;
	va_end(ap);
	take(plan, row, row->file ? strdup(row->file) : NULL, value);
}

static void put_number(struct sk_cgroup_plan *plan, const struct row *row, int64_t value)
{
	struct row lifting = *row;

	if (value < 0)
		lifting.flags |= SK_CGROUP_LIFTS;
	if (value < 0 && row->unlimited)
		put(plan, &lifting, "%s", row->unlimited);
	else
		put(plan, &lifting, "%" PRId64, value);
}

/* None but the first: 0 would keep even that one out of a v2 group. */
static int64_t value_of(const struct row *row, const struct sk_cgroup_number *number)
{
	return row->offset == AT(pids_limit) && number->value == 0 ? 1 : number->value;
}

static void put_rows(struct sk_cgroup_plan *plan, const struct row *rows, size_t nr,
		     const struct sk_cgroup_resources *res)
{
	for (const struct row *row = rows; row < rows + nr; row++) {
		const struct sk_cgroup_number *number =
			(const struct sk_cgroup_number *)((const char *)res +
							  row->offset);

		if (!number->is_set || ((row->flags & ROW_IF_ZERO) && number->value) ||
		    ((row->flags & ROW_IF_NOT_ZERO) && !number->value))
			continue;
		put_number(plan, row, value_of(row, number));
	}
}

/* v2 limits swap alone. */
static void put_swap_v2(struct sk_cgroup_plan *plan,
			const struct sk_cgroup_resources *res)
{
	const struct sk_cgroup_number *limit = &res->memory.limit;
	const struct sk_cgroup_number *swap = &res->memory.swap;
	struct row row = {SK_CGROUP_MEMORY, "swap", "memory.swap.max", 0, 0, "max"};

	if (!swap->is_set)
		return;
	if (swap->value >= 0 && !limit->is_set)
		row.flags |= SK_CGROUP_MINUS_MEMORY;
	if (swap->value >= 0 && limit->is_set && limit->value > 0)
		put_number(plan, &row, swap->value - limit->value);
	else
		put_number(plan, &row, swap->value);
}

uint64_t sk_cgroup_weight_of_shares(uint64_t shares)
{
	double bits;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	bits = log2((double)shares);
	/* the parabola through (1, 0), (10, 2) and (18, 4) */
	return (uint64_t)ceil(pow(10, (bits * bits + 125 * bits - 126) / 612) - 1e-9);
}

static void put_cpu_v2(struct sk_cgroup_plan *plan, const struct sk_cgroup_resources *res)
{
	static const struct row idle = {SK_CGROUP_CPU, "CPU idle class", "cpu.idle", 0, 0,
					NULL};
	struct row burst = {SK_CGROUP_CPU,   "CPU burst", "cpu.max.burst",
			    SK_CGROUP_TRIAL, 0,		  NULL};
	struct row cap = {SK_CGROUP_CPU, "CPU", "cpu.max", 0, 0, NULL};
	const struct sk_cgroup_number *quota = &res->cpu.quota;
	const struct sk_cgroup_number *period = &res->cpu.period;

	if (res->cpu.idle.is_set && res->cpu.idle.value == 0) {
		struct row off = idle;

		off.flags = SK_CGROUP_LIFTS;
		put(plan, &off, "0");
	}
	if (res->cpu.shares.is_set)
		put(plan,
		    &(struct row){SK_CGROUP_CPU, "CPU shares", "cpu.weight", 0, 0, NULL},
		    "%" PRIu64,
		    sk_cgroup_weight_of_shares((uint64_t)res->cpu.shares.value));
	if (res->cpu.burst.is_set)
		put_number(plan, &burst, res->cpu.burst.value);
	if (quota->is_set && quota->value < 0)
		cap.flags |= SK_CGROUP_LIFTS;
	if (!quota->is_set)
		cap.flags |= SK_CGROUP_KEEP_FIRST;
	if (quota->is_set || period->is_set) {
		char number[24] = "", rest[24] = "";

		if (quota->is_set && quota->value >= 0)
			(void)snprintf(number, sizeof(number), "%" PRId64, quota->value);
		if (period->is_set)
			(void)snprintf(rest, sizeof(rest), " %" PRId64, period->value);
		put(plan, &cap, "%s%s",
		    quota->is_set && quota->value < 0 ? "max" : number, rest);
	}
	burst.flags = 0;
	if (res->cpu.burst.is_set)
		put_number(plan, &burst, res->cpu.burst.value);
	if (res->cpu.idle.is_set && res->cpu.idle.value != 0)
		put(plan, &idle, "%" PRId64, res->cpu.idle.value);
}

static void put_cpuset(struct sk_cgroup_plan *plan, const struct sk_cgroup_resources *res)
{
	if (res->cpu.cpus)
		put(plan,
		    &(struct row){SK_CGROUP_CPUSET, "CPUs", "cpuset.cpus", 0, 0, ""},
		    "%s", res->cpu.cpus);
	if (res->cpu.mems)
		put(plan,
		    &(struct row){SK_CGROUP_CPUSET, "memory nodes", "cpuset.mems", 0, 0,
				  ""},
		    "%s", res->cpu.mems);
}

/* From blkio's 10 to 1000 to io.weight's 1 to 10000, as runc and crun do. */
static int64_t io_weight(int64_t weight)
{
	return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

/* A weight has one of two files, by the scheduler of the kernel; @device is "" or "8:0 ". */
static void put_weight(struct sk_cgroup_plan *plan, bool is_v2, bool is_leaf,
		       const char *device, int64_t weight)
{
	static const char *const v1_files[2][2][2] = {
		{{"blkio.weight", "blkio.bfq.weight"},
		 {"blkio.weight_device", "blkio.bfq.weight_device"}},
		{{"blkio.leaf_weight", "blkio.bfq.leaf_weight"},
		 {"blkio.leaf_weight_device", "blkio.bfq.leaf_weight_device"}},
	};
	const char *const *files = v1_files[is_leaf][device[0] != '\0'];
	struct row row = {BLOCK_IO, is_leaf ? "block IO leaf weight" : "block IO weight",
			  NULL,	    0,
			  0,	    NULL};

	if (is_v2 && is_leaf) {
		put(plan, &row, "%s%" PRId64, device, weight);
		return;
	}
	row.file = is_v2 ? "io.bfq.weight" : files[0];
	row.flags = SK_CGROUP_OR_NEXT;
	put(plan, &row, "%s%" PRId64, device, weight);
	row.file = is_v2 ? "io.weight" : files[1];
	row.flags = 0;
	put(plan, &row, "%s%" PRId64, device, is_v2 ? io_weight(weight) : weight);
}

static void put_throttle(struct sk_cgroup_plan *plan, bool is_v2,
			 enum sk_cgroup_throttle kind,
			 const struct sk_cgroup_device_number *device)
{
	static const char *const v1_files[] = {
		[SK_CGROUP_READ_BPS] = "blkio.throttle.read_bps_device",
		[SK_CGROUP_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[SK_CGROUP_READ_IOPS] = "blkio.throttle.read_iops_device",
		[SK_CGROUP_WRITE_IOPS] = "blkio.throttle.write_iops_device",
	};
	static const char *const v2_keys[] = {
		[SK_CGROUP_READ_BPS] = "rbps",
		[SK_CGROUP_WRITE_BPS] = "wbps",
		[SK_CGROUP_READ_IOPS] = "riops",
		[SK_CGROUP_WRITE_IOPS] = "wiops",
	};
	const struct row row = {BLOCK_IO, "block IO", is_v2 ? "io.max" : v1_files[kind],
				0,	  0,	      NULL};

	if (!is_v2)
		put(plan, &row, "%u:%u %" PRId64, device->major, device->minor,
		    device->value.value);
	else if (device->value.value)
		put(plan, &row, "%u:%u %s=%" PRId64, device->major, device->minor,
		    v2_keys[kind], device->value.value);
	else /* 0 is v1's "no limit" */
		put(plan, &row, "%u:%u %s=max", device->major, device->minor,
		    v2_keys[kind]);
}

static void put_block_io(struct sk_cgroup_plan *plan, bool is_v2,
			 const struct sk_cgroup_resources *res)
{
	if (res->block_io.weight.is_set)
		put_weight(plan, is_v2, false, "", res->block_io.weight.value);
	if (res->block_io.leaf_weight.is_set)
		put_weight(plan, is_v2, true, "", res->block_io.leaf_weight.value);
	for (size_t i = 0; i < res->block_io.weights.nr; i++) {
		const struct sk_cgroup_device_number *item =
			&res->block_io.weights.items[i];
		char device[32];

		(void)snprintf(device, sizeof(device), "%u:%u ", item->major,
			       item->minor);
		if (item->value.is_set)
			put_weight(plan, is_v2, false, device, item->value.value);
		if (item->leaf.is_set)
			put_weight(plan, is_v2, true, device, item->leaf.value);
	}
	for (int kind = 0; kind < SK_CGROUP_THROTTLES; kind++)
		for (size_t i = 0; i < res->block_io.throttle[kind].nr; i++)
			put_throttle(plan, is_v2, (enum sk_cgroup_throttle)kind,
				     &res->block_io.throttle[kind].items[i]);
}

static void put_huge_pages(struct sk_cgroup_plan *plan, bool is_v2,
			   const struct sk_cgroup_resources *res)
{
	struct row row = {SK_CGROUP_HUGETLB, "huge pages", "", 0, 0, NULL};

	for (size_t i = 0; i < res->huge_pages.nr; i++) {
		const struct sk_cgroup_named *item = &res->huge_pages.items[i];
		const char *end = is_v2 ? "max" : "limit_in_bytes";

		row.flags = SK_CGROUP_MAY_LACK;
		take(plan, &row, sk_strf("hugetlb.%s.rsvd.%s", item->name, end),
		     sk_strf("%" PRId64, item->a.value));
		row.flags = 0;
		take(plan, &row, sk_strf("hugetlb.%s.%s", item->name, end),
		     sk_strf("%" PRId64, item->a.value));
	}
}

static void put_lists(struct sk_cgroup_plan *plan, bool is_v2,
		      const struct sk_cgroup_resources *res)
{
	const struct row priority = {SK_CGROUP_NET_PRIO,
				     "network priority",
				     is_v2 ? NULL : "net_prio.ifpriomap",
				     0,
				     0,
				     NULL};
	const struct row rdma = {SK_CGROUP_RDMA, "RDMA", "rdma.max", 0, 0, NULL};

	for (size_t i = 0; i < res->network.priorities.nr; i++)
		put(plan, &priority, "%s %" PRId64, res->network.priorities.items[i].name,
		    res->network.priorities.items[i].a.value);
	for (size_t i = 0; i < res->rdma.nr; i++) {
		const struct sk_cgroup_named *item = &res->rdma.items[i];
		char handles[48] = "", objects[48] = "";

		if (item->a.is_set)
			(void)snprintf(handles, sizeof(handles), " hca_handle=%" PRId64,
				       item->a.value);
		if (item->b.is_set)
			(void)snprintf(objects, sizeof(objects), " hca_object=%" PRId64,
				       item->b.value);
		put(plan, &rdma, "%s%s%s", item->name, handles, objects);
	}
}

static void put_unified(struct sk_cgroup_plan *plan, bool is_v2,
			const struct sk_cgroup_resources *res)
{
	for (size_t i = 0; i < res->unified.nr; i++) {
		const struct sk_cgroup_named *item = &res->unified.items[i];
		char controller[32];
		struct row row = {.what = "resources of 'unified'",
				  .file = is_v2 ? item->name : NULL,
				  .flags = SK_CGROUP_BY_LINE};

		(void)snprintf(controller, sizeof(controller), "%.*s",
			       (int)strcspn(item->name, "."), item->name);
		row.controller = sk_cgroup_controller_bits(controller);
		put(plan, &row, "%s", item->text);
	}
}

int sk_cgroup_plan_resources(const struct sk_cgroup_resources *res, bool is_v2,
			     struct sk_cgroup_plan *plan)
{
	if (is_v2) {
		put_rows(plan, v2_rows, SK_ARRAY_SIZE(v2_rows), res);
		put_swap_v2(plan, res);
		put_cpu_v2(plan, res);
	} else {
		put_rows(plan, v1_rows, SK_ARRAY_SIZE(v1_rows), res);
	}
	put_cpuset(plan, res);
	put_block_io(plan, is_v2, res);
	put_huge_pages(plan, is_v2, res);
	put_lists(plan, is_v2, res);
	put_unified(plan, is_v2, res);
	return plan->failed ? -ENOMEM : 0;
}
