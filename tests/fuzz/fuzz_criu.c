// SPDX-License-Identifier: Apache-2.0
/* Answers of criu: fields of protocol buffers, and those of the messages inside */
#include <stdlib.h>
#include <string.h>

#include "runtime/container/criu_wire.h"
#include "tests/fuzz/fuzz.h"

#define MAX_DEPTH 4

static void read_fields(const uint8_t *bytes, size_t len, int depth)
{
	struct sk_wire_reader reader = {.at = bytes, .left = len};
	struct sk_wire_field field;
	size_t left = len;
	char text[32];

	while (sk_wire_next(&reader, &field)) {
		fuzz_must(reader.left < left);
		left = reader.left;
		fuzz_must(!field.bytes || (field.bytes >= bytes &&
					   field.bytes + field.len <= bytes + len));
		sk_wire_copy_text(&field, text, sizeof(text));
		fuzz_must(memchr(text, '\0', sizeof(text)) != NULL);
		if (field.bytes && depth < MAX_DEPTH)
			read_fields(field.bytes, field.len, depth + 1);
	}
	fuzz_must(reader.is_malformed || reader.left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_fields(data, size, 0);
	return 0;
}
