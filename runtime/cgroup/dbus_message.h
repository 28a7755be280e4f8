/* SPDX-License-Identifier: Apache-2.0 */
/* dbus_message - the bytes of D-Bus messages: write calls, read answers; pure
 *
 * Only what talking to systemd needs: this machine's byte order, no descriptors, no maps or
 * doubles. Source: D-Bus Specification, "Message Protocol" and "Marshaling".
 */
#ifndef SK_DBUS_MESSAGE_H
#define SK_DBUS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"

/** Longest message that is read; systemd's answers are a few hundred bytes */
#define SK_DBUS_MAX_MESSAGE (1u << 20)

/** struct sk_dbus_writer - Bytes that grow; zero-initialise, sk_dbus_writer_finish() */
struct sk_dbus_writer {
	unsigned char *bytes;
	size_t len, size;
	bool failed; /* no memory, or a text of 4 GiB: what was put since is not in it */
};

/** sk_dbus_writer_finish() - Free the bytes */
void sk_dbus_writer_finish(struct sk_dbus_writer *w);
SK_DEFINE_AUTO_FINISH(struct sk_dbus_writer, sk_dbus_writer_finish)

/** sk_dbus_append() - Put bytes as they are */
void sk_dbus_append(struct sk_dbus_writer *w, const void *bytes, size_t len);
/* Each puts one value, aligned as its type demands. */
void sk_dbus_put_align(struct sk_dbus_writer *w,
		       size_t alignment);			  /* 8: a struct begins */
void sk_dbus_put_u32(struct sk_dbus_writer *w, uint32_t value);	  /* u, b */
void sk_dbus_put_u64(struct sk_dbus_writer *w, uint64_t value);	  /* t */
void sk_dbus_put_str(struct sk_dbus_writer *w, const char *text); /* s, o */
void sk_dbus_put_sig(struct sk_dbus_writer *w,
		     const char *text); /* g; a variant's begin */
void sk_dbus_put_bytes(struct sk_dbus_writer *w, const void *bytes, size_t len); /* ay */
/** sk_dbus_open_array() - Begin an array; returns what sk_dbus_close_array() needs */
size_t sk_dbus_open_array(struct sk_dbus_writer *w, size_t alignment);
/** sk_dbus_close_array() - End it: its length is put where it belongs */
void sk_dbus_close_array(struct sk_dbus_writer *w, size_t mark, size_t alignment);

/** enum sk_dbus_type - Kinds of messages */
enum sk_dbus_type {
	SK_DBUS_CALL = 1,
	SK_DBUS_RETURN = 2,
	SK_DBUS_ERROR = 3,
	SK_DBUS_SIGNAL = 4,
};

/** struct sk_dbus_message - Head and body of a message; texts NULL where absent (all borrowed) */
struct sk_dbus_message {
	enum sk_dbus_type type;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error, *destination, *sender;
	const char *signature; /* "" without a body */
	const unsigned char *body;
	size_t body_len;
};

/** sk_dbus_write() - Append a whole message to @w; body_len bytes at body (may be NULL with 0) */
void sk_dbus_write(struct sk_dbus_writer *w, const struct sk_dbus_message *message);

/**
 * sk_dbus_parse() - Read the message that @bytes begin with
 * @ret:	Points into @bytes
 *
 * Every length is checked against @len, every text for its NUL.
 * Return: bytes of the message; 0 when more are needed; -EPROTO; -EMSGSIZE
 */
long sk_dbus_parse(const unsigned char *bytes, size_t len, struct sk_dbus_message *ret);

/** struct sk_dbus_reader - Values of a body, one after the other */
struct sk_dbus_reader {
	const unsigned char *bytes;
	size_t len, at;
	bool failed; /* something did not fit: all values since are 0 or NULL */
};

/** sk_dbus_get_align() - Skip padding up to a multiple of @alignment, counted from the body */
void sk_dbus_get_align(struct sk_dbus_reader *r, size_t alignment);
/** sk_dbus_get_u32() - A value of type "u"; 0 when it does not fit, as all that follow */
uint32_t sk_dbus_get_u32(struct sk_dbus_reader *r);
/** sk_dbus_get_u64() - A value of type "t" */
uint64_t sk_dbus_get_u64(struct sk_dbus_reader *r);
/** sk_dbus_get_str() - A text ("s" or "o"), in the message itself; NULL when it does not fit */
const char *sk_dbus_get_str(struct sk_dbus_reader *r);
/** sk_dbus_get_sig() - A signature ("g"), likewise */
const char *sk_dbus_get_sig(struct sk_dbus_reader *r);

#endif
