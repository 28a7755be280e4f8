// SPDX-License-Identifier: Apache-2.0
/* Options of a mount, one a line; the first line is its type, "bind" for none */
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
		size_t before = sk_strv_len(m->data);
		int r = sk_spec_mount_option(m, *option, &err);

		fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
		/* a bind mount has no file system that could take data */
		fuzz_must(m->fstype || sk_strv_len(m->data) == before);
		fuzz_must(!(m->attr_set & m->attr_clear));
	}
	return 0;
}
