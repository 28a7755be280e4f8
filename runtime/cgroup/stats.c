// SPDX-License-Identifier: Apache-2.0
/* stats - all figures of a group, by tables of where v1 and v2 keep them */
#include "runtime/cgroup/stats.h"

#include <fcntl.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

#define MAX_TEXT (1u << 20)
#define TICK	 10000000u /* ns; USER_HZ of cpuacct.stat is 100 on each architecture */
#define US	 1000u	   /* ns */

/* Where a number is: "FILE", or "FILE:KEY" for its line "KEY NUMBER"; what to multiply it with. */
struct figure {
	unsigned int controller;
	const char *path; /* of the result */
	const char *v1;
	unsigned int v1_scale;
	const char *v2;
	unsigned int v2_scale;
};

#define CPUACCT SK_CGROUP_CPUACCT
#define CPU	SK_CGROUP_CPU
#define MEMORY	SK_CGROUP_MEMORY
#define PIDS	SK_CGROUP_PIDS
#define CPUSET	SK_CGROUP_CPUSET

static const struct figure figures[] = {
	{CPUACCT, "cpu.usage.total", "cpuacct.usage", 1, "cpu.stat:usage_usec", US},
	{CPUACCT, "cpu.usage.kernel", "cpuacct.stat:system", TICK, "cpu.stat:system_usec",
	 US},
	{CPUACCT, "cpu.usage.user", "cpuacct.stat:user", TICK, "cpu.stat:user_usec", US},
	{CPU, "cpu.throttling.periods", "cpu.stat:nr_periods", 1, "cpu.stat:nr_periods",
	 1},
	{CPU, "cpu.throttling.throttledPeriods", "cpu.stat:nr_throttled", 1,
	 "cpu.stat:nr_throttled", 1},
	{CPU, "cpu.throttling.throttledTime", "cpu.stat:throttled_time", 1,
	 "cpu.stat:throttled_usec", US},
	{MEMORY, "memory.cache", "memory.stat:cache", 1, "memory.stat:file", 1},
	{MEMORY, "memory.usage.limit", "memory.limit_in_bytes", 1, "memory.max", 1},
	{MEMORY, "memory.usage.usage", "memory.usage_in_bytes", 1, "memory.current", 1},
	{MEMORY, "memory.usage.max", "memory.max_usage_in_bytes", 1, "memory.peak", 1},
	{MEMORY, "memory.usage.failcnt", "memory.failcnt", 1, "memory.events:max", 1},
	{MEMORY, "memory.swap.limit", "memory.memsw.limit_in_bytes", 1, "memory.swap.max",
	 1},
	{MEMORY, "memory.swap.usage", "memory.memsw.usage_in_bytes", 1,
	 "memory.swap.current", 1},
	{MEMORY, "memory.swap.max", "memory.memsw.max_usage_in_bytes", 1, NULL, 1},
	{MEMORY, "memory.swap.failcnt", "memory.memsw.failcnt", 1,
	 "memory.swap.events:fail", 1},
	{MEMORY, "memory.kernel.limit", "memory.kmem.limit_in_bytes", 1, NULL, 1},
	{MEMORY, "memory.kernel.usage", "memory.kmem.usage_in_bytes", 1,
	 "memory.stat:kernel", 1},
	{MEMORY, "memory.kernel.max", "memory.kmem.max_usage_in_bytes", 1, NULL, 1},
	{MEMORY, "memory.kernel.failcnt", "memory.kmem.failcnt", 1, NULL, 1},
	{MEMORY, "memory.kernelTCP.limit", "memory.kmem.tcp.limit_in_bytes", 1, NULL, 1},
	{MEMORY, "memory.kernelTCP.usage", "memory.kmem.tcp.usage_in_bytes", 1,
	 "memory.stat:sock", 1},
	{MEMORY, "memory.kernelTCP.max", "memory.kmem.tcp.max_usage_in_bytes", 1, NULL,
	 1},
	{MEMORY, "memory.kernelTCP.failcnt", "memory.kmem.tcp.failcnt", 1, NULL, 1},
	{MEMORY, "memory.event_count.low", NULL, 1, "memory.events:low", 1},
	{MEMORY, "memory.event_count.high", NULL, 1, "memory.events:high", 1},
	{MEMORY, "memory.event_count.max", NULL, 1, "memory.events:max", 1},
	{MEMORY, "memory.event_count.oom", NULL, 1, "memory.events:oom", 1},
	{MEMORY, "memory.event_count.oom_kill", "memory.oom_control:oom_kill", 1,
	 "memory.events:oom_kill", 1},
	{PIDS, "pids.current", "pids.current", 1, "pids.current", 1},
	{PIDS, "pids.limit", "pids.max", 1, "pids.max", 1},
	{CPUSET, "cpuset.cpu_exclusive", "cpuset.cpu_exclusive", 1, NULL, 1},
	{CPUSET, "cpuset.mem_exclusive", "cpuset.mem_exclusive", 1, NULL, 1},
	{CPUSET, "cpuset.mem_hardwall", "cpuset.mem_hardwall", 1, NULL, 1},
	{CPUSET, "cpuset.memory_migrate", "cpuset.memory_migrate", 1, NULL, 1},
	{CPUSET, "cpuset.memory_pressure", "cpuset.memory_pressure", 1, NULL, 1},
	{CPUSET, "cpuset.memory_spread_page", "cpuset.memory_spread_page", 1, NULL, 1},
	{CPUSET, "cpuset.memory_spread_slab", "cpuset.memory_spread_slab", 1, NULL, 1},
	{CPUSET, "cpuset.sched_load_balance", "cpuset.sched_load_balance", 1, NULL, 1},
};

/* Lists of v1 with lines "8:0 Read 123"; the first file that is there counts. */
static const struct {
	const char *name, *files[2];
} io_lists[] = {
	{"ioServiceBytesRecursive",
	 {"blkio.throttle.io_service_bytes_recursive",
	  "blkio.bfq.io_service_bytes_recursive"}},
	{"ioServicedRecursive",
	 {"blkio.throttle.io_serviced_recursive", "blkio.bfq.io_serviced_recursive"}},
	{"ioQueueRecursive",
	 {"blkio.io_queued_recursive", "blkio.bfq.io_queued_recursive"}},
	{"ioServiceTimeRecursive",
	 {"blkio.io_service_time_recursive", "blkio.bfq.io_service_time_recursive"}},
	{"ioWaitTimeRecursive",
	 {"blkio.io_wait_time_recursive", "blkio.bfq.io_wait_time_recursive"}},
	{"ioMergedRecursive",
	 {"blkio.io_merged_recursive", "blkio.bfq.io_merged_recursive"}},
};

/* Of io.stat of v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4". */
static const struct {
	const char *list, *op, *key;
} io_keys[] = {
	{"ioServiceBytesRecursive", "Read", "rbytes"},
	{"ioServiceBytesRecursive", "Write", "wbytes"},
	{"ioServicedRecursive", "Read", "rios"},
	{"ioServicedRecursive", "Write", "wios"},
};

/* The object at "a.b" of @root, made where it is missing. */
static struct sk_json *object_at(struct sk_json *root, const char *path, size_t len)
{
	sk_autofree char *copy = strndup(path, len);
	struct sk_json *at = root;
	char *save = NULL;

	for (char *part = copy ? strtok_r(copy, ".", &save) : NULL; part;
	     part = strtok_r(NULL, ".", &save)) {
		struct sk_json *next = sk_json_get(at, part);

		at = next ? next : sk_json_set(at, part, sk_json_new_object());
	}
	return at;
}

static void set_at(struct sk_json *root, const char *path, uint64_t number)
{
	const char *name = strrchr(path, '.');

	sk_json_set_uint(object_at(root, path, (size_t)(name - path)), name + 1, number);
}

static char *read_file(const struct sk_cgroup_hier *hier, const char *file)
{
	char *text = NULL;

	return hier && hier->dirfd >= 0 &&
			       sk_fs_read(hier->dirfd, file, MAX_TEXT, &text, NULL) == 0
		       ? text
		       : NULL;
}

/* "max" is UINT64_MAX, as v1's largest numbers are for callers of runc. */
static bool read_place(const struct sk_cgroup_hier *hier, const char *place,
		       uint64_t *ret)
{
	const char *colon = strchr(place, ':');
	sk_autofree char *file =
		strndup(place, colon ? (size_t)(colon - place) : strlen(place));
	sk_autofree char *text = file ? read_file(hier, file) : NULL;
	const char *at = text;
	char *end;

	if (colon && text) {
		size_t len = strlen(colon + 1);

		while (at && (strncmp(at, colon + 1, len) != 0 || at[len] != ' ')) {
			at = strchr(at, '\n');
			at = at ? at + 1 : NULL;
		}
		at = at ? at + len + 1 : NULL;
	}
	if (!at)
		return false;
	*ret = strtoull(at, &end, 10);
	if (end == at)
		*ret = UINT64_MAX;
	return true;
}

static void add_figures(const struct sk_cgroup *cg, struct sk_json *root)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(figures); i++) {
		const struct figure *figure = &figures[i];
		const struct sk_cgroup_hier *hier =
			sk_cgroup_find(cg, figure->controller);
		const char *place;
		uint64_t number;

		/* every v2 group counts CPU time */
		if (!hier && figure->controller == CPUACCT)
			hier = sk_cgroup_v2(cg);
		place = !hier ? NULL : hier->is_v2 ? figure->v2 : figure->v1;
		if (!place || !read_place(hier, place, &number))
			continue;
		if (number == UINT64_MAX && figure->controller == PIDS)
			continue;
		if (number != UINT64_MAX)
			number *= hier->is_v2 ? figure->v2_scale : figure->v1_scale;
		set_at(root, figure->path, number);
	}
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* v1 counts memory and swap together, and callers expect that. */
static void combine_swap(const struct sk_cgroup *cg, struct sk_json *root)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, MEMORY);
	uint64_t swap, memory;

	if (!hier || !hier->is_v2)
		return;
	if (read_place(hier, "memory.swap.current", &swap) &&
	    read_place(hier, "memory.current", &memory))
		set_at(root, "memory.swap.usage", add_up(swap, memory));
	if (read_place(hier, "memory.swap.max", &swap) &&
	    read_place(hier, "memory.max", &memory))
		set_at(root, "memory.swap.limit", add_up(swap, memory));
}

static void add_raw(const struct sk_cgroup *cg, struct sk_json *root)
{
	sk_autofree char *text = read_file(sk_cgroup_find(cg, MEMORY), "memory.stat");
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *blank = strchr(line, ' ');

		if (!blank)
			continue;
		*blank = '\0';
		sk_json_set_uint(object_at(root, "memory.raw", 10), line,
				 strtoull(blank + 1, NULL, 10));
	}
}

/* v1 alone counts by CPU. */
static void add_per_cpu(const struct sk_cgroup *cg, struct sk_json *root)
{
	sk_autofree char *text =
		read_file(sk_cgroup_find(cg, CPUACCT), "cpuacct.usage_all");
	struct sk_json *usage, *both, *user, *kernel;
	unsigned long long u, k;
	const char *line;

	if (!text)
		return;
	usage = object_at(root, "cpu.usage", 9);
	both = sk_json_set(usage, "percpu", sk_json_new_array());
	kernel = sk_json_set(usage, "percpu_kernel", sk_json_new_array());
	user = sk_json_set(usage, "percpu_user", sk_json_new_array());
	for (line = strchr(text, '\n'); line; line = strchr(line + 1, '\n')) {
		if (sscanf(line, "\n%*u %llu %llu", &u, &k) != 2)
			continue;
		(void)sk_json_add(both, sk_json_new_uint(u + k));
		(void)sk_json_add(user, sk_json_new_uint(u));
		(void)sk_json_add(kernel, sk_json_new_uint(k));
	}
}

/* "0-2,7" as an array of numbers. */
static struct sk_json *expand_list(const char *text)
{
	struct sk_json *list = sk_json_new_array();
	unsigned int first, last;
	int len;

	while (sscanf(text, "%u%n", &first, &len) == 1) {
		text += len;
		last = first;
		if (sscanf(text, "-%u%n", &last, &len) == 1)
			text += len;
		for (; first <= last && last < 65536; first++)
			(void)sk_json_add(list, sk_json_new_uint(first));
		text += *text == ',';
	}
	return list;
}

static void add_cpuset(const struct sk_cgroup *cg, struct sk_json *root)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, CPUSET);
	bool is_v2 = hier && hier->is_v2;
	sk_autofree char *cpus =
		read_file(hier, is_v2 ? "cpuset.cpus.effective" : "cpuset.cpus");
	sk_autofree char *mems =
		read_file(hier, is_v2 ? "cpuset.mems.effective" : "cpuset.mems");

	if (cpus)
		sk_json_set(object_at(root, "cpuset", 6), "cpus", expand_list(cpus));
	if (mems)
		sk_json_set(object_at(root, "cpuset", 6), "mems", expand_list(mems));
}

static void add_pressure(const struct sk_cgroup *cg, struct sk_json *root,
			 const char *file, const char *path)
{
	sk_autofree char *text = read_file(sk_cgroup_v2(cg), file);
	unsigned long long total;
	double avg[3];
	char kind[8];

	for (const char *line = text; line && *line; line += *line == '\n') {
		struct sk_json *object;

		if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", kind,
			   &avg[0], &avg[1], &avg[2], &total) == 5) {
			object = object_at(root, path, strlen(path));
			object = sk_json_set(object, kind, sk_json_new_object());
			sk_json_set_double(object, "avg10", avg[0]);
			sk_json_set_double(object, "avg60", avg[1]);
			sk_json_set_double(object, "avg300", avg[2]);
			sk_json_set_uint(object, "total", total);
		}
		line += strcspn(line, "\n");
	}
}

static void add_io(struct sk_json *root, const char *list, const char *device,
		   const char *op, uint64_t value)
{
	struct sk_json *blkio = object_at(root, "blkio", 5);
	struct sk_json *array = sk_json_get(blkio, list);
	struct sk_json *entry = sk_json_new_object();
	unsigned int major = 0, minor = 0;

	if (sscanf(device, "%u:%u", &major, &minor) == 2) {
		sk_json_set_uint(entry, "major", major);
		sk_json_set_uint(entry, "minor", minor);
	}
	sk_json_set_str(entry, "op", op);
	sk_json_set_uint(entry, "value", value);
	(void)sk_json_add(array ? array : sk_json_set(blkio, list, sk_json_new_array()),
			  entry);
}

static void add_block_io_v1(const struct sk_cgroup_hier *hier, struct sk_json *root)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(io_lists); i++) {
		sk_autofree char *text = read_file(hier, io_lists[i].files[0]);
		char device[32], op[16], *save = NULL;
		unsigned long long value;

		if (!text)
			text = read_file(hier, io_lists[i].files[1]);
		for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		     line = strtok_r(NULL, "\n", &save))
			if (sscanf(line, "%31s %15s %llu", device, op, &value) == 3)
				add_io(root, io_lists[i].name, device, op, value);
	}
}

static void add_block_io_v2(const struct sk_cgroup_hier *hier, struct sk_json *root)
{
	sk_autofree char *text = read_file(hier, "io.stat");
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		for (size_t i = 0; i < SK_ARRAY_SIZE(io_keys); i++) {
			sk_autofree char *key = sk_strf(" %s=", io_keys[i].key);
			const char *at = key ? strstr(line, key) : NULL;

			if (at)
				add_io(root, io_keys[i].list, line, io_keys[i].op,
				       strtoull(at + strlen(key), NULL, 10));
		}
	}
}

/* hugetlb.SIZE.usage_in_bytes or .current, for each size that the kernel has. */
static void add_huge_pages(const struct sk_cgroup *cg, struct sk_json *root)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_HUGETLB);
	const char *end = hier && hier->is_v2 ? ".current" : ".usage_in_bytes";
	sk_auto(sk_strv_free) char **names = NULL;

	if (!hier || hier->dirfd < 0 || sk_fs_list(hier->dirfd, ".", &names) < 0)
		return;
	for (char **name = names; name && *name; name++) {
		const char *size = sk_str_starts(*name, "hugetlb.");
		sk_autofree char *stem = size ? strndup(size, strcspn(size, ".")) : NULL;
		static const char *const parts[][3] = {
			{"usage", "usage_in_bytes", "current"},
			{"max", "max_usage_in_bytes", NULL},
			{"failcnt", "failcnt", "events:max"},
		};

		if (!stem || !sk_str_equal(size + strlen(stem), end))
			continue;
		for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
			const char *part = parts[i][hier->is_v2 ? 2 : 1];
			sk_autofree char *place =
				part ? sk_strf("hugetlb.%s.%s", stem, part) : NULL;
			sk_autofree char *path =
				sk_strf("hugetlb.%s.%s", stem, parts[i][0]);
			uint64_t number;

			if (place && path && read_place(hier, place, &number))
				set_at(root, path, number);
		}
	}
}

struct sk_json *sk_cgroup_stats_to_json(const struct sk_cgroup *cg)
{
	static const char *const parts[] = {"cpu",  "cpuset", "memory",
					    "pids", "blkio",  "hugetlb"};
	const struct sk_cgroup_hier *io =
		sk_cgroup_find(cg, SK_CGROUP_BLKIO | SK_CGROUP_IO);
	struct sk_json *root = sk_json_new_object();

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++)
		sk_json_set(root, parts[i], sk_json_new_object());
	add_figures(cg, root);
	combine_swap(cg, root);
	add_raw(cg, root);
	add_per_cpu(cg, root);
	add_cpuset(cg, root);
	if (io)
		(io->is_v2 ? add_block_io_v2 : add_block_io_v1)(io, root);
	add_huge_pages(cg, root);
	add_pressure(cg, root, "cpu.pressure", "cpu.psi");
	add_pressure(cg, root, "memory.pressure", "memory.psi");
	add_pressure(cg, root, "io.pressure", "blkio.psi");
	return root;
}
