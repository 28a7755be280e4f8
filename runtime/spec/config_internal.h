/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal - what the readers of config.json share; for runtime/spec/config*.c only */
#ifndef SK_CONFIG_INTERNAL_H
#define SK_CONFIG_INTERNAL_H

#include "runtime/spec/spec.h"

/**
 * sk_config_known() - Refuse members that the specification defines and nobody executes
 * @where:	"linux.", "" and so on: put before the member's name in the error
 * @known:	NULL-terminated names of what the caller reads
 *
 * Source: config.md, "Extensibility": members that it does not define are ignored. A member
 * that is null, false, "" or empty asks for nothing and is fine.
 * Return: 0; -EOPNOTSUPP naming the member
 */
int sk_config_known(const struct sk_json *object, const char *where,
		    const char *const *known, struct sk_err *err);

/** sk_config_process() - "process" (config_process.c) */
int sk_config_process(const struct sk_json *config, struct sk_spec *spec,
		      struct sk_err *err);
/** sk_config_linux() - "linux" (config_linux.c) */
int sk_config_linux(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err);
/** sk_config_cgroup() - "linux.cgroupsPath" (config_cgroup.c) */
int sk_config_cgroup(const struct sk_json *linux_object, struct sk_spec *spec,
		     struct sk_err *err);
/** sk_config_resources() - "linux.resources" (config_resources.c) */
int sk_config_resources(const struct sk_json *config, const struct sk_json *linux_object,
			struct sk_spec *spec, struct sk_err *err);

#endif
