// SPDX-License-Identifier: Apache-2.0
/* config_linux - "linux" of an OCI config.json */
#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

int sk_config_seccomp(const struct sk_json *object, struct sk_spec *spec,
		      struct sk_err *err)
{
	struct sk_json *seccomp = NULL;
	int r = sk_json_read_object(object, "linux", "seccomp", &seccomp, err);

	if (r < 0 || !seccomp)
		return r;
	return sk_spec_seccomp_from_json(seccomp, &spec->seccomp_config, err);
}

int sk_config_linux(const struct sk_json *config, struct sk_spec *spec,
		    struct sk_err *err)
{
	struct sk_json *object = NULL;
	int r = sk_json_read_object(config, "config.json", "linux", &object, err);

	if (r == 0)
		r = sk_config_namespaces(object, spec, err);
	if (r == 0)
		r = sk_config_linux_kernel(object, spec, err);
	if (r == 0)
		r = sk_config_cgroup(object, spec, err);
	if (r == 0)
		r = sk_config_linux_files(object, spec, err);
	if (r == 0)
		r = sk_config_seccomp(object, spec, err);
	return r < 0 ? r : sk_config_resources(config, object, spec, err);
}
