// SPDX-License-Identifier: Apache-2.0
/* linux.cgroupsPath: nothing that is accepted leads out of the hierarchies */
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/cgroup/cgroup.h"
#include "tests/fuzz/fuzz.h"

/* Each folder is below a mount point and has no ".." */
static void check_folders(const struct sk_json *paths)
{
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	while ((value = sk_json_each(paths, &cursor, &key))) {
		sk_auto(sk_strv_free) char **parts = NULL;
		const char *path = sk_json_str(value, NULL);

		/* "kept" names the hierarchies whose folder was there before: of podman, say. */
		if (strcmp(key, "path") == 0 || strcmp(key, "kept") == 0 || !path)
			continue;
		fuzz_must(path[0] == '/');
		parts = sk_strv_split(path, '/');
		for (size_t i = 1; parts && parts[i]; i++)
			fuzz_must(strcmp(parts[i], "..") != 0 &&
				  strcmp(parts[i], ".") != 0 && parts[i][0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum sk_cgroup_manager managers[] = {SK_CGROUP_MANAGER_FS,
							  SK_CGROUP_MANAGER_DISABLED};
	sk_autofree char *path = fuzz_text(data, size);

	for (size_t i = 0; i < SK_ARRAY_SIZE(managers); i++) {
		struct sk_cgroup_opts opts = {.path = path,
					      .id = "c1",
					      .manager = managers[i],
					      .is_oci = true};
		sk_auto(sk_json_free) struct sk_json *paths = NULL;
		struct sk_err err = SK_ERR_INIT;
		struct sk_cgroup *cg = NULL;
		int r = sk_cgroup_open(&opts, &cg, &err);

		fuzz_must(r <= 0 && (r == 0) == (cg != NULL));
		if (r < 0)
			continue;
		paths = sk_cgroup_paths(cg);
		check_folders(paths);
		sk_cgroup_free(cg);
	}
	return 0;
}
