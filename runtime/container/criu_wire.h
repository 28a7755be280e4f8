/* SPDX-License-Identifier: Apache-2.0 */
/* criu_wire - messages of CRIU's RPC: protocol buffers, as much of them as it takes
 *
 *	struct sk_str opts = SK_STR_INIT;
 *	sk_wire_uint(&opts, 2, pid);
 *	sk_wire_text(&opts, 10, "dump.log");
 *	sk_wire_message(&request, 2, &opts);
 *
 *	struct sk_wire_reader reader = {bytes, len};
 *	struct sk_wire_field field;
 *	while (sk_wire_next(&reader, &field)) ...
 *	if (reader.is_malformed) ...
 *
 * Source: Protocol Buffers, "Encoding"; the numbers are those of criu's rpc.proto.
 */
#ifndef SK_CRIU_WIRE_H
#define SK_CRIU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

/** sk_wire_uint() - Append a number, a bool or an enum; a negative int32 is cast to uint64_t by the caller */
void sk_wire_uint(struct sk_str *message, unsigned int number, uint64_t value);
/** sk_wire_text() - Append a string; NULL appends nothing */
void sk_wire_text(struct sk_str *message, unsigned int number, const char *text);
/** sk_wire_message() - Append a message as a field of another */
void sk_wire_message(struct sk_str *message, unsigned int number,
		     const struct sk_str *inner);

/**
 * struct sk_wire_field - One field that was read
 * @number:	Its number
 * @value:	Of a number
 * @bytes:	Of a string or message: @len bytes of the reader's buffer (borrowed); else NULL
 */
struct sk_wire_field {
	unsigned int number;
	uint64_t value;
	const uint8_t *bytes;
	size_t len;
};

/** struct sk_wire_reader - What is left to read */
struct sk_wire_reader {
	const uint8_t *at;
	size_t left;
	bool is_malformed;
};

/** sk_wire_next() - Read a field; false at the end, or with is_malformed set */
bool sk_wire_next(struct sk_wire_reader *reader, struct sk_wire_field *ret);
/** sk_wire_copy_text() - A field's string, cut to @size with its NUL; a number gives "" */
void sk_wire_copy_text(const struct sk_wire_field *field, char *ret, size_t size);

#endif
