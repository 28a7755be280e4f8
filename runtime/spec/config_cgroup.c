// SPDX-License-Identifier: Apache-2.0
/* config_cgroup - "linux.cgroupsPath" of an OCI config.json */
#include <string.h>

#include "runtime/spec/config_internal.h"

/* Its meaning depends on who makes groups: sk_cgroup_open() checks it. */
int sk_config_cgroup(const struct sk_json *linux_object, struct sk_spec *spec,
		     struct sk_err *err)
{
	const char *path = NULL;
	int r = sk_json_read_str(linux_object, "linux", "cgroupsPath", &path, err);

	if (r < 0 || !path || !path[0])
		return r;
	spec->cgroup_path = strdup(path);
	return spec->cgroup_path ? 0 : sk_err_oom(err);
}
