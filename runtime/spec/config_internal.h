/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal - what the readers of config.json share; for runtime/spec/config*.c only */
#ifndef SK_CONFIG_INTERNAL_H
#define SK_CONFIG_INTERNAL_H

#include "runtime/spec/spec.h"

/** sk_config_process() - "process" (config_process.c) */
int sk_config_process(const struct sk_json *config, struct sk_spec *spec,
		      struct sk_err *err);
/** sk_config_process_kernel() - Scheduler, priorities, CPUs and labels of "process" (config_kernel.c) */
int sk_config_process_kernel(const struct sk_json *process, struct sk_spec *spec,
			     struct sk_err *err);
/** sk_config_hooks() - "hooks" (config_hooks.c) */
int sk_config_hooks(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err);
/** sk_config_annotations() - "annotations", and what of them changes the spec (config_annotations.c) */
int sk_config_annotations(const struct sk_json *config, struct sk_spec *spec,
			  struct sk_err *err);
/** sk_config_namespaces() - Namespaces, id maps, clocks and sysctls of "linux" (config_namespaces.c) */
int sk_config_namespaces(const struct sk_json *linux_object, struct sk_spec *spec,
			 struct sk_err *err);
/** sk_config_idmap() - A line of an id map, of linux or of a mount; @key names it in errors */
int sk_config_idmap(const struct sk_json *line, const char *key,
		    struct sk_spec_idmap *ret, struct sk_err *err);
/** sk_config_linux_kernel() - Personality, memory policy, RDT and network devices of "linux" (config_kernel.c) */
int sk_config_linux_kernel(const struct sk_json *linux_object, struct sk_spec *spec,
			   struct sk_err *err);
/** sk_config_linux() - "linux" (config_linux.c) */
int sk_config_linux(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err);
/** sk_config_mounts() - "mounts", after "linux" with its id maps; sources count from @bundle (config_mounts.c) */
int sk_config_mounts(const struct sk_json *config, const char *bundle,
		     struct sk_spec *spec, struct sk_err *err);
/** sk_config_linux_files() - Devices, masked and read-only paths, propagation, label of "linux" (config_mounts.c) */
int sk_config_linux_files(const struct sk_json *linux_object, struct sk_spec *spec,
			  struct sk_err *err);
/** sk_config_cgroup() - "linux.cgroupsPath" (config_cgroup.c) */
int sk_config_cgroup(const struct sk_json *linux_object, struct sk_spec *spec,
		     struct sk_err *err);
/** sk_config_resources() - "linux.resources" (config_resources.c) */
int sk_config_resources(const struct sk_json *config, const struct sk_json *linux_object,
			struct sk_spec *spec, struct sk_err *err);

/** sk_config_seccomp() - linux.seccomp of the object "linux" (config_linux.c) */
int sk_config_seccomp(const struct sk_json *object_linux, struct sk_spec *spec,
		      struct sk_err *err);

#endif
