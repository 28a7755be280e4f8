// SPDX-License-Identifier: Apache-2.0
/* criu_wire - write and read protocol buffers */
#include "runtime/container/criu_wire.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void add_varint(struct sk_str *message, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		sk_str_add_char(message, (char)(value | 0x80));
	sk_str_add_char(message, (char)value);
}

static void add_bytes(struct sk_str *message, unsigned int number, const void *bytes,
		      size_t len)
{
	add_varint(message, (uint64_t)number << 3 | WIRE_BYTES);
	add_varint(message, len);
	sk_str_add_bytes(message, bytes, len);
}

void sk_wire_uint(struct sk_str *message, unsigned int number, uint64_t value)
{
	add_varint(message, (uint64_t)number << 3 | WIRE_VARINT);
	add_varint(message, value);
}

void sk_wire_text(struct sk_str *message, unsigned int number, const char *text)
{
	if (text)
		add_bytes(message, number, text, strlen(text));
}

void sk_wire_message(struct sk_str *message, unsigned int number,
		     const struct sk_str *inner)
{
	message->failed |= inner->failed;
	add_bytes(message, number, inner->ptr ? inner->ptr : "", inner->len);
}

static bool malformed(struct sk_wire_reader *reader)
{
	reader->is_malformed = true;
	return false;
}

static bool read_varint(struct sk_wire_reader *reader, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; shift < 64 && reader->left > 0; shift += 7) {
		uint8_t byte = *reader->at++;

		reader->left--;
		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return malformed(reader);
}

static bool skip(struct sk_wire_reader *reader, size_t len)
{
	if (len > reader->left)
		return malformed(reader);
	reader->at += len;
	reader->left -= len;
	return true;
}

bool sk_wire_next(struct sk_wire_reader *reader, struct sk_wire_field *ret)
{
	uint64_t tag, len;

	*ret = (struct sk_wire_field){0};
	if (reader->left == 0 || reader->is_malformed || !read_varint(reader, &tag))
		return false;
	ret->number = (unsigned int)(tag >> 3);
	switch (tag & 7) {
	case WIRE_VARINT:
		return read_varint(reader, &ret->value);
	case WIRE_FIXED64:
		return skip(reader, 8);
	case WIRE_FIXED32:
		return skip(reader, 4);
	case WIRE_BYTES:
		if (!read_varint(reader, &len))
			return false;
		ret->bytes = reader->at;
		ret->len = (size_t)len;
		return skip(reader, ret->len);
	default:
		return malformed(reader);
	}
}

void sk_wire_copy_text(const struct sk_wire_field *field, char *ret, size_t size)
{
	size_t len = field->len < size - 1 ? field->len : size - 1;

	if (field->bytes)
		memcpy(ret, field->bytes, len);
	ret[field->bytes ? len : 0] = '\0';
}
