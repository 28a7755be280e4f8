// SPDX-License-Identifier: Apache-2.0
/* http - as much of HTTP/1.1 as a probe and a service under test need, read strictly; pure */
#include "migrate/guest/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"

#define MAX_BODY     (1ull << 40)
#define TOKEN_OTHERS "!#$%&'*+-.^_`|~"
#define NO_LENGTH    UINT64_MAX

/** struct slice - Some bytes of a head */
struct slice {
	const char *at;
	size_t len;
};

/** struct fields - What the fields of a head say */
struct fields {
	uint64_t length; /* NO_LENGTH without one */
	bool is_chunked, has_close, has_keep_alive;
	uint64_t tick, object;
	unsigned int urgency;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_token_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr(TOKEN_OTHERS, c));
}

static bool slice_is(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

static bool parse_number(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (s.len == 0 || s.len > 19)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.at[i]))
			return false;
		number = number * 10 + (uint64_t)(s.at[i] - '0');
	}
	if (number > max)
		return false;
	*ret = number;
	return true;
}

/* "close", "keep-alive" or a list of such words. */
static void take_connection(struct slice value, struct fields *fields)
{
	while (value.len) {
		const char *comma = memchr(value.at, ',', value.len);
		size_t part = comma ? (size_t)(comma - value.at) : value.len;
		struct slice word = {value.at, part};

		while (word.len && strchr(" \t", word.at[0]))
			word = (struct slice){word.at + 1, word.len - 1};
		while (word.len && strchr(" \t", word.at[word.len - 1]))
			word.len--;
		fields->has_close |= slice_is(word, "close");
		fields->has_keep_alive |= slice_is(word, "keep-alive");
		part += comma != NULL;
		value = (struct slice){value.at + part, value.len - part};
	}
}

/* "u=N", alone or the first of several. */
static void take_priority(struct slice value, struct fields *fields)
{
	if (value.len >= 3 && memcmp(value.at, "u=", 2) == 0 && value.at[2] >= '0' &&
	    value.at[2] <= '7' && (value.len == 3 || !is_digit(value.at[3])))
		fields->urgency = (unsigned int)(value.at[2] - '0');
}

static bool take_field(struct slice name, struct slice value, struct fields *fields)
{
	uint64_t length = 0;

	if (slice_is(name, "content-length")) {
		if (!parse_number(value, MAX_BODY, &length) ||
		    (fields->length != NO_LENGTH && fields->length != length))
			return false;
		fields->length = length;
	} else if (slice_is(name, "transfer-encoding")) {
		if (fields->is_chunked || !slice_is(value, "chunked"))
			return false;
		fields->is_chunked = true;
	} else if (slice_is(name, "connection")) {
		take_connection(value, fields);
	} else if (slice_is(name, "priority")) {
		take_priority(value, fields);
	} else if (slice_is(name, "skiff-tick")) {
		return parse_number(value, INT64_MAX, &fields->tick);
	} else if (slice_is(name, "skiff-object")) {
		return parse_number(value, INT64_MAX, &fields->object);
	}
	return true;
}

static bool parse_field(struct slice line, struct fields *fields)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct slice name = {line.at, colon ? (size_t)(colon - line.at) : 0};
	struct slice value;

	if (name.len == 0)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_token_char(name.at[i]))
			return false;
	value = (struct slice){colon + 1, line.len - name.len - 1};
	while (value.len && (value.at[0] == ' ' || value.at[0] == '\t'))
		value = (struct slice){value.at + 1, value.len - 1};
	while (value.len &&
	       (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < 0x20 && value.at[i] != '\t')
			return false;
	return take_field(name, value, fields);
}

/* The next line without its CR LF; false at a bare CR or LF. */
static bool next_line(struct slice *head, struct slice *ret)
{
	const char *end = memmem(head->at, head->len, "\r\n", 2);

	if (!end)
		return false;
	*ret = (struct slice){head->at, (size_t)(end - head->at)};
	if (memchr(ret->at, '\r', ret->len) || memchr(ret->at, '\n', ret->len) ||
	    memchr(ret->at, '\0', ret->len))
		return false;
	*head = (struct slice){end + 2, head->len - ret->len - 2};
	return true;
}

/* Fields up to and with the empty line that ends @head. */
static bool parse_fields(struct slice head, struct fields *ret)
{
	struct slice line;

	*ret = (struct fields){.length = NO_LENGTH, .urgency = 3};
	for (;;) {
		if (!next_line(&head, &line))
			return false;
		if (line.len == 0)
			break;
		if (!parse_field(line, ret))
			return false;
	}
	return head.len == 0 && !(ret->is_chunked && ret->length != NO_LENGTH);
}

/* "METHOD SP TARGET SP HTTP/1.x" */
static bool parse_request_line(struct slice line, struct sk_http_request *ret,
			       bool *ret_is_10)
{
	const char *first = memchr(line.at, ' ', line.len);
	const char *last = memrchr(line.at, ' ', line.len);
	struct slice method, target, version;

	if (!first || first == last)
		return false;
	method = (struct slice){line.at, (size_t)(first - line.at)};
	target = (struct slice){first + 1, (size_t)(last - first - 1)};
	version = (struct slice){last + 1, line.len - (size_t)(last + 1 - line.at)};
	if (method.len == 0 || target.len == 0)
		return false;
	for (size_t i = 0; i < method.len; i++)
		if (!is_token_char(method.at[i]))
			return false;
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.at[i] <= 0x20 || target.at[i] == 0x7f)
			return false;
	*ret_is_10 = version.len == 8 && memcmp(version.at, "HTTP/1.0", 8) == 0;
	ret->is_head = method.len == 4 && memcmp(method.at, "HEAD", 4) == 0;
	ret->has_known_method =
		ret->is_head || (method.len == 3 && memcmp(method.at, "GET", 3) == 0);
	return *ret_is_10 || (version.len == 8 && memcmp(version.at, "HTTP/1.1", 8) == 0);
}

ssize_t sk_http_parse_request(const char *text, size_t len, struct sk_http_request *ret)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4);
	struct sk_http_request request = {.has_known_method = false};
	struct fields fields;
	struct slice head, line;
	bool is_10 = false;

	if (!end)
		return len >= SK_HTTP_MAX_HEAD ? -EPROTO : 0;
	head = (struct slice){text, (size_t)(end - text) + 4};
	if (head.len > SK_HTTP_MAX_HEAD || !next_line(&head, &line) ||
	    !parse_request_line(line, &request, &is_10) || !parse_fields(head, &fields))
		return -EPROTO;
	if (fields.is_chunked || (fields.length != NO_LENGTH && fields.length != 0))
		return -EPROTO;
	request.keep_alive = !fields.has_close && (!is_10 || fields.has_keep_alive);
	request.urgency = fields.urgency;
	request.object = fields.object;
	*ret = request;
	return end + 4 - text;
}

/* "HTTP/1.x SP 200 SP reason"; the blank behind the number may be missing with the reason. */
static bool parse_status_line(struct slice line, struct sk_http_reader *reader,
			      bool *ret_is_10)
{
	uint64_t status = 0;

	if (line.len < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 ||
	    (line.at[7] != '0' && line.at[7] != '1') || line.at[8] != ' ' ||
	    (line.len > 12 && line.at[12] != ' '))
		return false;
	if (!parse_number((struct slice){line.at + 9, 3}, 599, &status) || status < 100)
		return false;
	reader->status = (unsigned int)status;
	*ret_is_10 = line.at[7] == '0';
	return true;
}

/* 1: the response is whole with its head; 0: a body follows, or the answer was of class 1xx. */
static int end_head(struct sk_http_reader *reader)
{
	struct slice head = {reader->line, reader->len}, line;
	struct fields fields;
	bool is_10 = false;

	reader->len = 0;
	if (!next_line(&head, &line) || !parse_status_line(line, reader, &is_10) ||
	    !parse_fields(head, &fields))
		return -EPROTO;
	if (reader->status == 101)
		return -EPROTO; /* another protocol, which nobody asked for */
	if (reader->status < 200)
		return 0;
	reader->tick = fields.tick;
	reader->keep_alive = !fields.has_close && (!is_10 || fields.has_keep_alive);
	if (reader->status == 204 || reader->status == 304)
		return 1;
	if (fields.is_chunked) {
		reader->state = SK_HTTP_CHUNK_SIZE;
		return 0;
	}
	if (fields.length == NO_LENGTH)
		return -EPROTO;
	reader->left = fields.length;
	reader->state = fields.length ? SK_HTTP_BODY : SK_HTTP_HEAD;
	return fields.length == 0;
}

/* "1A2B" or "1A2B;extension": without its CR LF. */
static int end_chunk_size(struct sk_http_reader *reader)
{
	size_t len = reader->len - 2, digits = 0;
	uint64_t size = 0;

	for (; digits < len && digits < 12; digits++) {
		static const char hex[] = "0123456789abcdef";
		const char *at = strchr(hex, reader->line[digits] | 0x20);

		if (!at || !*at)
			break;
		if (reader->line[digits] < '0')
			break;
		size = size << 4 | (uint64_t)(at - hex);
	}
	if (digits == 0 || size > MAX_BODY ||
	    (digits < len && !strchr("; \t", reader->line[digits])) ||
	    memchr(reader->line, '\0', len))
		return -EPROTO;
	reader->len = 0;
	reader->left = size;
	reader->state = size ? SK_HTTP_CHUNK : SK_HTTP_TRAILER;
	return 0;
}

/* A line that ends with CR LF is in the buffer. */
static int end_line(struct sk_http_reader *reader)
{
	size_t len = reader->len;

	switch (reader->state) {
	case SK_HTTP_HEAD:
		/* The status line is never empty, so an empty line ends the head. */
		if (len == 2)
			return -EPROTO;
		return len >= 4 && memcmp(reader->line + len - 4, "\r\n\r\n", 4) == 0
			       ? end_head(reader)
			       : 0;
	case SK_HTTP_CHUNK_SIZE:
		return end_chunk_size(reader);
	case SK_HTTP_CHUNK_END:
		reader->len = 0;
		reader->state = SK_HTTP_CHUNK_SIZE;
		return len == 2 ? 0 : -EPROTO;
	case SK_HTTP_TRAILER:
		reader->len = 0;
		if (len > 2)
			return 0;
		reader->state = SK_HTTP_HEAD;
		return 1;
	default:
		return -EPROTO;
	}
}

/* One byte of a line; a bare LF or CR, or a line too long, is malformed. */
static int take_line_byte(struct sk_http_reader *reader, char c)
{
	bool after_cr = reader->len > 0 && reader->line[reader->len - 1] == '\r';

	if (reader->len == sizeof(reader->line) || after_cr != (c == '\n'))
		return -EPROTO;
	reader->line[reader->len++] = c;
	return c == '\n' ? end_line(reader) : 0;
}

static size_t take_body(struct sk_http_reader *reader, size_t len)
{
	size_t taken = reader->left < len ? (size_t)reader->left : len;

	reader->left -= taken;
	return taken;
}

ssize_t sk_http_read(struct sk_http_reader *reader, const char *bytes, size_t len,
		     bool *ret_done)
{
	size_t at = 0;
	int r = 0;

	*ret_done = false;
	while (at < len && r == 0) {
		if (reader->state == SK_HTTP_BODY || reader->state == SK_HTTP_CHUNK) {
			at += take_body(reader, len - at);
			if (reader->left)
				continue;
			r = reader->state == SK_HTTP_BODY;
			reader->state = r ? SK_HTTP_HEAD : SK_HTTP_CHUNK_END;
		} else {
			r = take_line_byte(reader, bytes[at++]);
		}
	}
	if (r < 0)
		return r;
	*ret_done = r > 0;
	return (ssize_t)at;
}
