// SPDX-License-Identifier: Apache-2.0
/* Ids of containers become names of folders and groups: none may lead elsewhere */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/parse.h"
#include "runtime/container/names.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_autofree char *id = fuzz_text(data, size);
	struct sk_err err = SK_ERR_INIT;
	int r = sk_names_check_id(id, &err);

	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	if (r == 0) {
		fuzz_must(id[0] && id[0] != '.' && strlen(id) <= NAME_MAX);
		for (const char *c = id; *c; c++)
			fuzz_must(*c > ' ' && *c < 0x7f && !strchr("/\\:%\"'", *c));
	}
	/* what skiff takes as a name is an id too */
	fuzz_must(sk_parse_name("container", id, NULL) < 0 || r == 0);
	return 0;
}
