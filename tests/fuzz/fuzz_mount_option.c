// SPDX-License-Identifier: Apache-2.0
/* Options of a mount, one a line; the first line is its type, "bind" for none */
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	sk_autofree char *text = fuzz_text(data, size);
	sk_auto(sk_strv_free) char **lines = sk_strv_split(text, '\n');
	struct sk_spec_mount *m;

	fuzz_must(spec && lines);
	if (!lines[0])
		return 0;
	m = sk_spec_add_mount(spec, "/source", "/target",
			      strcmp(lines[0], "bind") == 0 ? NULL : lines[0], 0);
	fuzz_must(m != NULL);
	for (char **option = lines + 1; *option; option++) {
		struct sk_err err = SK_ERR_INIT;
		int r = sk_spec_mount_option(m, *option, &err);

		fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
		/* one of the ways to keep access times is set by clearing all of them */
		fuzz_must(!(m->attr_set & m->attr_clear & ~(uint64_t)MOUNT_ATTR__ATIME));
		fuzz_must(!(m->rec_set & m->rec_clear & ~(uint64_t)MOUNT_ATTR__ATIME));
		if (r < 0)
			return 0;
	}
	if (sk_spec_mounts_finish(spec, NULL) < 0 || sk_spec_mounts_check(spec, NULL) < 0)
		return 0;
	/* a bind mount has no file system that could take data; that below a remount has */
	fuzz_must(m->fstype || m->is_remount || !m->data);
	return 0;
}
