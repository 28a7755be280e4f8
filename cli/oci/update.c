// SPDX-License-Identifier: Apache-2.0
/* update - skiff-oci update: change the resources of a container */
#include <fcntl.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/runtime.h"

struct update_opts {
	const char *resources;
	const char *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share;
	const char *cpu_rt_period, *cpu_rt_runtime, *cpu_idle, *cpus, *mems;
	const char *kernel_memory, *kernel_memory_tcp;
	const char *memory, *reservation, *swap, *pids_limit;
	const char *l3_cache, *mem_bw;
};

#define KNOB(name, metavar, help, member)                                                \
	{                                                                                \
		0, name, metavar, help, SK_OPT_STR, offsetof(struct update_opts, member) \
	}

static const struct sk_opt update_table[] = {
	{'r', "resources", "FILE", "JSON of the form of linux.resources; - is stdin",
	 SK_OPT_STR, offsetof(struct update_opts, resources)},
	KNOB("memory", "SIZE", "limit of memory; -1 for none", memory),
	KNOB("memory-reservation", "SIZE", "memory that is left when it runs short",
	     reservation),
	KNOB("memory-swap", "SIZE", "limit of memory and swap together; -1 for none",
	     swap),
	KNOB("kernel-memory", "SIZE", "limit of the kernel's memory (v1, old kernels)",
	     kernel_memory),
	KNOB("kernel-memory-tcp", "SIZE", "limit of the kernel's TCP memory (v1)",
	     kernel_memory_tcp),
	KNOB("cpu-share", "N", "weight against other containers; 1024 is usual",
	     cpu_share),
	KNOB("cpu-shares", "N", "the same", cpu_share),
	KNOB("cpu-quota", "US", "CPU time in each period; -1 for no limit", cpu_quota),
	KNOB("cpu-period", "US", "length of the period", cpu_period),
	KNOB("cpu-burst", "US", "unused CPU time that may be saved up", cpu_burst),
	KNOB("cpu-rt-period", "US", "the same for realtime processes (v1)",
	     cpu_rt_period),
	KNOB("cpu-rt-runtime", "US", "CPU time of realtime processes in each (v1)",
	     cpu_rt_runtime),
	KNOB("cpu-idle", "0|1", "run only when nobody else wants the CPU", cpu_idle),
	KNOB("cpuset-cpus", "LIST", "CPUs to use, as 0-2,7", cpus),
	KNOB("cpuset-mems", "LIST", "memory nodes to use", mems),
	KNOB("pids-limit", "N", "limit of processes; -1 for none", pids_limit),
	KNOB("blkio-weight", "N", "weight of block IO, 10 to 1000", blkio_weight),
	KNOB("l3-cache-schema", "TEXT", "Intel RDT: parts of the L3 cache", l3_cache),
	KNOB("mem-bw-schema", "TEXT", "Intel RDT: memory bandwidth", mem_bw),
	SK_OPT_END,
};

enum kind { NUMBER, SIZE, TEXT };

/* Where a knob is in linux.resources. */
static const struct knob {
	size_t offset;
	const char *option, *section, *key;
	enum kind kind;
} knobs[] = {
#define AT(member) offsetof(struct update_opts, member)
	{AT(memory), "memory", "memory", "limit", SIZE},
	{AT(reservation), "memory-reservation", "memory", "reservation", SIZE},
	{AT(swap), "memory-swap", "memory", "swap", SIZE},
	{AT(kernel_memory), "kernel-memory", "memory", "kernel", SIZE},
	{AT(kernel_memory_tcp), "kernel-memory-tcp", "memory", "kernelTCP", SIZE},
	{AT(cpu_share), "cpu-share", "cpu", "shares", NUMBER},
	{AT(cpu_quota), "cpu-quota", "cpu", "quota", NUMBER},
	{AT(cpu_period), "cpu-period", "cpu", "period", NUMBER},
	{AT(cpu_burst), "cpu-burst", "cpu", "burst", NUMBER},
	{AT(cpu_rt_period), "cpu-rt-period", "cpu", "realtimePeriod", NUMBER},
	{AT(cpu_rt_runtime), "cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER},
	{AT(cpu_idle), "cpu-idle", "cpu", "idle", NUMBER},
	{AT(cpus), "cpuset-cpus", "cpu", "cpus", TEXT},
	{AT(mems), "cpuset-mems", "cpu", "mems", TEXT},
	{AT(pids_limit), "pids-limit", "pids", "limit", NUMBER},
	{AT(blkio_weight), "blkio-weight", "blockIO", "weight", NUMBER},
};

static int parse_knob(const struct knob *knob, const char *text, struct sk_json **ret,
		      struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	uint64_t number = 0;
	int r;

	if (knob->kind == TEXT) {
		*ret = sk_json_new_str(text);
		return 0;
	}
	if (strcmp(text, "-1") == 0) {
		*ret = sk_json_new_int(-1);
		return 0;
	}
	r = knob->kind == SIZE ? sk_parse_size(text, &number, &why)
			       : sk_parse_u64(text, 0, INT64_MAX, &number, &why);
	if (r < 0)
		return sk_cmd_usage(err, "--%s: %s", knob->option, why.msg);
	*ret = sk_json_new_uint(number);
	return 0;
}

static int from_knobs(const struct update_opts *opts, struct sk_json **ret,
		      struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *object = sk_json_new_object();

	for (size_t i = 0; i < SK_ARRAY_SIZE(knobs); i++) {
		const struct knob *knob = &knobs[i];
		const char *text =
			*(const char *const *)((const char *)opts + knob->offset);
		struct sk_json *section = sk_json_get(object, knob->section);
		struct sk_json *value = NULL;
		int r;

		if (!text || !*text)
			continue;
		r = parse_knob(knob, text, &value, err);
		if (r < 0)
			return r;
		if (!section)
			section =
				sk_json_set(object, knob->section, sk_json_new_object());
		sk_json_set(section, knob->key, value);
	}
	*ret = sk_steal(&object);
	return 0;
}

static int from_file(const char *path, struct sk_json **ret, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	size_t len = 0;
	int r;

	if (strcmp(path, "-") != 0)
		return sk_json_load(AT_FDCWD, path, ret, err);
	r = sk_fs_read_fd(STDIN_FILENO, SK_JSON_MAX_BYTES, &text, &len);
	if (r < 0)
		return sk_err_code(err, r, "read the resources from stdin");
	return sk_json_parse(text, len, "stdin", ret, err);
}

static int update_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct update_opts *opts = options;
	sk_auto(sk_json_free) struct sk_json *resources = NULL;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	const struct sk_oci_rdt rdt = {opts->l3_cache, opts->mem_bw};
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = opts->resources ? from_file(opts->resources, &resources, err)
				    : from_knobs(opts, &resources, err);
	return r < 0 ? r : sk_oci_update(home, args[0], resources, &rdt, err);
}

const struct sk_cmd sk_oci_cmd_update = {
	.name = "update",
	.summary = "change the resources of a container",
	.usage = "[OPTIONS] ID",
	.details =
		"With --resources the other limits on the command line do not count.\n",
	.opts = update_table,
	.opts_size = sizeof(struct update_opts),
	.min_args = 1,
	.max_args = 1,
	.run = update_run,
};
