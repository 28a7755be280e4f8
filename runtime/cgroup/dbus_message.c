// SPDX-License-Identifier: Apache-2.0
/* dbus_message - the bytes of D-Bus messages */
#include "runtime/cgroup/dbus_message.h"

#include <errno.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_MARK 'l'
#else
#define BYTE_ORDER_MARK 'B'
#endif
#define VERSION	   1
#define HEAD_SIZE  16 /* with the length of the header fields */
#define MAX_FIELDS (64u << 10)

enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
};

void sk_dbus_writer_finish(struct sk_dbus_writer *w)
{
	free(w->bytes);
	*w = (struct sk_dbus_writer){0};
}

void sk_dbus_append(struct sk_dbus_writer *w, const void *bytes, size_t len)
{
	if (w->failed)
		return;
	if (len > w->size - w->len) {
		size_t size = (w->size + len) * 2 + 256;
		unsigned char *grown = realloc(w->bytes, size);

		if (!grown) {
			w->failed = true;
			return;
		}
		w->bytes = grown;
		w->size = size;
	}
	if (len)
		memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

void sk_dbus_put_align(struct sk_dbus_writer *w, size_t alignment)
{
	static const unsigned char zeros[8];
	size_t over = w->len % alignment;

	if (over)
		sk_dbus_append(w, zeros, alignment - over);
}

static void put_byte(struct sk_dbus_writer *w, unsigned int value)
{
	unsigned char byte = (unsigned char)value;

	sk_dbus_append(w, &byte, 1);
}

void sk_dbus_put_u32(struct sk_dbus_writer *w, uint32_t value)
{
	sk_dbus_put_align(w, 4);
	sk_dbus_append(w, &value, sizeof(value));
}

void sk_dbus_put_u64(struct sk_dbus_writer *w, uint64_t value)
{
	sk_dbus_put_align(w, 8);
	sk_dbus_append(w, &value, sizeof(value));
}

void sk_dbus_put_str(struct sk_dbus_writer *w, const char *text)
{
	size_t len = strlen(text);

	if (len >= SK_DBUS_MAX_MESSAGE) {
		w->failed = true;
		return;
	}
	sk_dbus_put_u32(w, (uint32_t)len);
	sk_dbus_append(w, text, len + 1);
}

void sk_dbus_put_sig(struct sk_dbus_writer *w, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT8_MAX) {
		w->failed = true;
		return;
	}
	put_byte(w, (unsigned int)len);
	sk_dbus_append(w, text, len + 1);
}

void sk_dbus_put_bytes(struct sk_dbus_writer *w, const void *bytes, size_t len)
{
	if (len >= SK_DBUS_MAX_MESSAGE) {
		w->failed = true;
		return;
	}
	sk_dbus_put_u32(w, (uint32_t)len);
	sk_dbus_append(w, bytes, len);
}

size_t sk_dbus_open_array(struct sk_dbus_writer *w, size_t alignment)
{
	size_t mark;

	sk_dbus_put_u32(w, 0);
	mark = w->len - sizeof(uint32_t);
	sk_dbus_put_align(w, alignment);
	return mark;
}

/* The padding before the first element does not count. */
void sk_dbus_close_array(struct sk_dbus_writer *w, size_t mark, size_t alignment)
{
	size_t first = (mark + sizeof(uint32_t) + alignment - 1) / alignment * alignment;
	uint32_t len = (uint32_t)(w->len - first);

	if (!w->failed)
		memcpy(w->bytes + mark, &len, sizeof(len));
}

static void put_field(struct sk_dbus_writer *w, unsigned int field, const char *type,
		      const char *text)
{
	if (!text)
		return;
	sk_dbus_put_align(w, 8);
	put_byte(w, field);
	sk_dbus_put_sig(w, type);
	if (type[0] == 'g')
		sk_dbus_put_sig(w, text);
	else
		sk_dbus_put_str(w, text);
}

void sk_dbus_write(struct sk_dbus_writer *w, const struct sk_dbus_message *message)
{
	struct sk_dbus_writer one = {0};
	size_t mark;

	put_byte(&one, BYTE_ORDER_MARK);
	put_byte(&one, message->type);
	put_byte(&one, 0);
	put_byte(&one, VERSION);
	sk_dbus_put_u32(&one, (uint32_t)message->body_len);
	sk_dbus_put_u32(&one, message->serial);
	mark = sk_dbus_open_array(&one, 8);
	put_field(&one, FIELD_PATH, "o", message->path);
	put_field(&one, FIELD_INTERFACE, "s", message->interface);
	put_field(&one, FIELD_MEMBER, "s", message->member);
	put_field(&one, FIELD_ERROR, "s", message->error);
	put_field(&one, FIELD_DESTINATION, "s", message->destination);
	put_field(&one, FIELD_SENDER, "s", message->sender);
	if (message->body_len)
		put_field(&one, FIELD_SIGNATURE, "g", message->signature);
	if (message->reply_serial) {
		sk_dbus_put_align(&one, 8);
		put_byte(&one, FIELD_REPLY_SERIAL);
		sk_dbus_put_sig(&one, "u");
		sk_dbus_put_u32(&one, message->reply_serial);
	}
	sk_dbus_close_array(&one, mark, 8);
	sk_dbus_put_align(&one, 8);
	sk_dbus_append(&one, message->body, message->body_len);
	if (one.failed)
		w->failed = true;
	else
		sk_dbus_append(w, one.bytes, one.len);
	sk_dbus_writer_finish(&one);
}

static const unsigned char *get(struct sk_dbus_reader *r, size_t len)
{
	const unsigned char *bytes = r->bytes + r->at;

	if (r->failed || len > r->len - r->at) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return bytes;
}

void sk_dbus_get_align(struct sk_dbus_reader *r, size_t alignment)
{
	size_t over = r->at % alignment;

	if (over)
		(void)get(r, alignment - over);
}

static unsigned int get_byte(struct sk_dbus_reader *r)
{
	const unsigned char *byte = get(r, 1);

	return byte ? *byte : 0;
}

uint32_t sk_dbus_get_u32(struct sk_dbus_reader *r)
{
	const unsigned char *bytes;
	uint32_t value = 0;

	sk_dbus_get_align(r, 4);
	bytes = get(r, sizeof(value));
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

uint64_t sk_dbus_get_u64(struct sk_dbus_reader *r)
{
	const unsigned char *bytes;
	uint64_t value = 0;

	sk_dbus_get_align(r, 8);
	bytes = get(r, sizeof(value));
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* @len bytes without a NUL, and one after them. */
static const char *get_text(struct sk_dbus_reader *r, size_t len)
{
	const char *text = (const char *)get(r, len);
	const unsigned char *end = get(r, 1);

	if (!text || !end || *end || memchr(text, '\0', len)) {
		r->failed = true;
		return NULL;
	}
	return text;
}

const char *sk_dbus_get_str(struct sk_dbus_reader *r)
{
	uint32_t len = sk_dbus_get_u32(r);

	return r->failed ? NULL : get_text(r, len);
}

const char *sk_dbus_get_sig(struct sk_dbus_reader *r)
{
	unsigned int len = get_byte(r);

	return r->failed ? NULL : get_text(r, len);
}

static void take_text(struct sk_dbus_message *message, unsigned int field,
		      const char *text)
{
	switch (field) {
	case FIELD_PATH:
		message->path = text;
		break;
	case FIELD_INTERFACE:
		message->interface = text;
		break;
	case FIELD_MEMBER:
		message->member = text;
		break;
	case FIELD_ERROR:
		message->error = text;
		break;
	case FIELD_DESTINATION:
		message->destination = text;
		break;
	case FIELD_SENDER:
		message->sender = text;
		break;
	case FIELD_SIGNATURE:
		message->signature = text;
		break;
	default:
		break;
	}
}

/* A variant of a type that no field of the specification has cannot be skipped. */
static void parse_field(struct sk_dbus_reader *r, struct sk_dbus_message *message)
{
	unsigned int field;
	const char *type;

	sk_dbus_get_align(r, 8);
	field = get_byte(r);
	type = sk_dbus_get_sig(r);
	if (!type)
		return;
	if (strcmp(type, "u") == 0) {
		uint32_t value = sk_dbus_get_u32(r);

		if (field == FIELD_REPLY_SERIAL)
			message->reply_serial = value;
	} else if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0) {
		take_text(message, field, sk_dbus_get_str(r));
	} else if (strcmp(type, "g") == 0) {
		take_text(message, field, sk_dbus_get_sig(r));
	} else {
		r->failed = true;
	}
}

long sk_dbus_parse(const unsigned char *bytes, size_t len, struct sk_dbus_message *ret)
{
	struct sk_dbus_reader r = {.bytes = bytes, .len = len, .at = 4};
	struct sk_dbus_message message = {.signature = ""};
	size_t body_len, fields_end, body_at;

	if (len < HEAD_SIZE)
		return 0;
	if (bytes[0] != BYTE_ORDER_MARK || bytes[3] != VERSION)
		return -EPROTO;
	body_len = sk_dbus_get_u32(&r);
	message.type = (enum sk_dbus_type)bytes[1];
	message.serial = sk_dbus_get_u32(&r);
	fields_end = HEAD_SIZE + (size_t)sk_dbus_get_u32(&r);
	if (body_len > SK_DBUS_MAX_MESSAGE || fields_end > MAX_FIELDS)
		return -EMSGSIZE;
	body_at = (fields_end + 7) / 8 * 8;
	if (len < body_at + body_len)
		return 0;
	r.len = fields_end;
	while (!r.failed && r.at < fields_end)
		parse_field(&r, &message);
	if (r.failed)
		return -EPROTO;
	message.body = bytes + body_at;
	message.body_len = body_len;
	*ret = message;
	return (long)(body_at + body_len);
}
