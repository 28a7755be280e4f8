// SPDX-License-Identifier: Apache-2.0
/* config.json as a bundle brings it: text to JSON to spec to check */
#include <stdlib.h>
#include <string.h>

#include "runtime/spec/spec.h"
#include "tests/fuzz/fuzz.h"

static void check_spec(const struct sk_spec *spec)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_spec_check(spec, &err);

	fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
	if (r < 0)
		return;
	/* what the sandbox relies on */
	fuzz_must(spec->cwd[0] == '/' && spec->rootfs[0] == '/');
	fuzz_must(spec->cgroup_path && spec->args && spec->env);
	fuzz_must(spec->no_process || spec->args[0]);
	for (size_t i = 0; i < spec->nr_mounts; i++)
		fuzz_must(spec->mounts[i].target[0] == '/');
	for (int i = 0; i < SK_NS_COUNT; i++)
		fuzz_must(!spec->ns[i].path || spec->ns[i].path[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;
	int r = sk_json_parse((const char *)data, size, "config.json", &config, &err);

	if (r == 0)
		r = sk_spec_from_config(config, "/bundle", "skiff/c1", &spec, &err);
	fuzz_must(r <= 0 && (r == 0) == (spec != NULL));
	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	if (r == 0)
		check_spec(spec);
	return 0;
}
