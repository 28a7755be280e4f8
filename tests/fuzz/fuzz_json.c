// SPDX-License-Identifier: Apache-2.0
/* JSON: what is read and printed reads back the same */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_json_free) struct sk_json *first = NULL, *second = NULL;
	sk_autofree char *line = NULL, *again = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (sk_json_parse((const char *)data, size, "input", &first, &err) < 0) {
		fuzz_must(!first && err.msg[0]);
		return 0;
	}
	line = sk_json_print(first, false);
	fuzz_must(line != NULL);
	/* escapes make it longer, perhaps longer than what is read */
	if (strlen(line) > SK_JSON_MAX_BYTES)
		return 0;
	fuzz_must(sk_json_parse(line, strlen(line), "printed", &second, &err) == 0);
	again = sk_json_print(second, false);
	fuzz_must(again && strcmp(line, again) == 0);
	return 0;
}
