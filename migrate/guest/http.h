/* SPDX-License-Identifier: Apache-2.0 */
/* http - as much of HTTP/1.1 as a probe and a service under test need, read strictly; pure */
#ifndef SK_HTTP_H
#define SK_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SK_HTTP_MAX_HEAD 8192

/** struct sk_http_request - The head of a request, as far as a service looks at it */
struct sk_http_request {
	bool has_known_method; /* GET or HEAD: there is no body to wait for */
	bool is_head;
	bool keep_alive;
	unsigned int urgency; /* of the field Priority: 0 first, 7 last; 3 without one */
	uint64_t object;      /* of the field Skiff-Object; 0 without one */
};

/**
 * sk_http_parse_request() - Read the head of a request
 * @text:	What has come so far, not NUL-terminated
 *
 * Only requests without a body are taken: one with Content-Length other than 0, or with
 * Transfer-Encoding, is refused.
 * Source: RFC 9112, sections 2 to 6; RFC 9218, section 4.1 (urgency).
 * Return: bytes of the head; 0 when it is not whole yet; -EPROTO
 */
ssize_t sk_http_parse_request(const char *text, size_t len, struct sk_http_request *ret);

/** enum sk_http_state - Where in a response a reader is */
enum sk_http_state {
	SK_HTTP_HEAD,
	SK_HTTP_BODY, /* of a known length */
	SK_HTTP_CHUNK_SIZE,
	SK_HTTP_CHUNK,
	SK_HTTP_CHUNK_END,
	SK_HTTP_TRAILER,
};

/** struct sk_http_reader - Reads one response after the other; zero-initialised at the start of a connection */
struct sk_http_reader {
	enum sk_http_state state;
	uint64_t left; /* bytes of the body or chunk still to come */
	size_t len;    /* bytes in @line */
	char line[SK_HTTP_MAX_HEAD];
	unsigned int status; /* of the response being read, or read last */
	uint64_t tick;	     /* of its field Skiff-Tick; 0 without one */
	bool keep_alive;     /* whether another may follow on this connection */
};

/**
 * sk_http_read() - Take bytes until a response is whole
 * @bytes:	What came on the connection (borrowed); never a NUL-terminated text
 * @ret_done:	Whether a response ended at the last byte taken; its status is in the reader
 *
 * Bodies are passed over. A response needs Content-Length or chunks, unless its status says
 * that it has no body: one that ends with the connection is refused. Answers of class 1xx are
 * passed over. Lines end with CR LF; folded lines, blanks before a colon, two lengths, and a
 * length beside chunks are refused.
 * Source: RFC 9112, sections 4 to 7.
 * Return: bytes taken, all unless a response ended; -EPROTO: the connection is of no more use
 */
ssize_t sk_http_read(struct sk_http_reader *reader, const char *bytes, size_t len,
		     bool *ret_done);

#endif
