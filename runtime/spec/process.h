/* SPDX-License-Identifier: Apache-2.0 */
/* process - what a config.json may ask for a process beyond ids, capabilities and limits; a
 * part of struct sk_spec, as plain memory
 */
#ifndef SK_SPEC_PROCESS_H
#define SK_SPEC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** enum sk_hook_kind - When a hook is run, in the order of a container's life */
enum sk_hook_kind {
	SK_HOOK_PRESTART,
	SK_HOOK_CREATE_RUNTIME,
	SK_HOOK_CREATE_CONTAINER,
	SK_HOOK_START_CONTAINER,
	SK_HOOK_POSTSTART,
	SK_HOOK_POSTSTOP,
	SK_HOOK_KINDS
};

/** sk_hook_name() - Its name in config.json: "prestart", "createRuntime", ... */
const char *sk_hook_name(enum sk_hook_kind kind);

/** struct sk_hook - One program to run at a point of the container's life */
struct sk_hook {
	char *path;		/* absolute */
	char **args;		/* with its own name first; NULL: the path alone */
	char **env;		/* all of its environment; NULL: none */
	unsigned int timeout_s; /* 0: none */
};

/** struct sk_hook_list - Hooks of one kind, in their order */
struct sk_hook_list {
	struct sk_hook *hooks;
	size_t nr;
};

/** struct sk_spec_scheduler - Arguments of sched_setattr(2) */
struct sk_spec_scheduler {
	bool is_set;
	uint32_t policy;
	int32_t nice;
	uint32_t priority;
	uint64_t flags;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* CPUs and memory nodes that a mask can name */
#define SK_SPEC_MAX_CPUS  8192
#define SK_SPEC_MAX_NODES 1024

/** struct sk_spec_memory_policy - Arguments of set_mempolicy(2) */
struct sk_spec_memory_policy {
	bool is_set;
	int mode; /* with its flags */
	uint64_t nodes[SK_SPEC_MAX_NODES / 64];
};

/** struct sk_spec_rdt - Control group of Intel RDT (resctrl) */
struct sk_spec_rdt {
	bool is_set;
	char *clos_id; /* NULL: that of the container's id */
	char *l3_cache, *mem_bandwidth;
	char **schemata;
	bool monitoring;
};

/** struct sk_spec_net_device - A network device that moves into the container */
struct sk_spec_net_device {
	char *name, *new_name; /* NULL new_name keeps it */
};

/** struct sk_spec_time_offset - What a new time namespace adds to a clock */
struct sk_spec_time_offset {
	clockid_t clock; /* CLOCK_MONOTONIC or CLOCK_BOOTTIME */
	int64_t seconds;
	uint32_t nanoseconds;
};

/** struct sk_spec_process - All of it; heap memory */
struct sk_spec_process {
	unsigned short rows, columns; /* of the terminal; 0: the kernel's */
	bool make_cwd;		      /* make the working folder when it is missing */
	char *apparmor, *selinux_label;
	struct sk_spec_scheduler scheduler;
	bool has_io_priority;
	int io_priority;		 /* as ioprio_set(2) wants it */
	char *cpus_initial, *cpus_final; /* "0-3,7", checked; NULL: as they are */
	bool has_personality;
	unsigned long personality;
	struct sk_spec_memory_policy memory_policy;
	struct sk_spec_rdt rdt;
	struct sk_spec_net_device *net_devices;
	size_t nr_net_devices;
	struct sk_spec_time_offset time_offsets[2];
	size_t nr_time_offsets;
	struct sk_hook_list hooks[SK_HOOK_KINDS];
};

/** sk_spec_memory_mode_name() - Name of the @index-th memory policy that is known, for `features`; NULL behind the last */
const char *sk_spec_memory_mode_name(size_t index);
/** sk_spec_memory_flag_name() - The same for flags of memory policies */
const char *sk_spec_memory_flag_name(size_t index);

/** sk_spec_process_finish() - Release what it holds */
void sk_spec_process_finish(struct sk_spec_process *process);

/** sk_spec_process_has_hooks() - Whether there are hooks of a kind that is run before the command is executed */
bool sk_spec_process_has_hooks(const struct sk_spec_process *process);

/**
 * sk_spec_parse_cpus() - Read a list of CPUs or nodes such as "0-3,7"
 * @text:	White space is allowed around numbers
 * @mask:	Gets the bits (64 to a word); cleared first; may be NULL to check only
 * @bits:	Of the mask
 *
 * Return: 0; -EINVAL; -ERANGE for a number beyond @bits
 */
int sk_spec_parse_cpus(const char *text, uint64_t *mask, unsigned int bits);

#endif
