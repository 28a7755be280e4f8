// SPDX-License-Identifier: Apache-2.0
/* linux.resources, as config.json and the callers of `update` bring it */
#include <stdlib.h>

#include "runtime/cgroup/resources.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res = NULL;
	sk_auto(sk_json_free) struct sk_json *object = NULL;
	struct sk_err err = SK_ERR_INIT;
	int r = sk_json_parse((const char *)data, size, "resources", &object, &err);

	if (r < 0)
		return 0;
	r = sk_cgroup_resources_from_json(object, "linux.resources", &res, &err);
	fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
	fuzz_must((r == 0) == (res != NULL));
	return 0;
}
