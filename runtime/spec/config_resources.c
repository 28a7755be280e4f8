// SPDX-License-Identifier: Apache-2.0
/* config_resources - "linux.resources" of an OCI config.json */
#include "runtime/spec/config_internal.h"

int sk_config_resources(const struct sk_json *config, const struct sk_json *linux_object,
			struct sk_spec *spec, struct sk_err *err)
{
	const char *version = sk_json_str(sk_json_get(config, "ociVersion"), "");
	struct sk_json *resources = NULL;
	int r = sk_json_read_object(linux_object, "linux", "resources", &resources, err);

	if (r < 0 || !resources)
		return r;
	r = sk_cgroup_resources_from_json(resources, "linux.resources", &spec->resources,
					  err);
	if (r == 0)
		sk_cgroup_resources_adapt(spec->resources, version);
	return r;
}
