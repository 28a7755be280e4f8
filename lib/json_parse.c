// SPDX-License-Identifier: Apache-2.0
/* json_parse - a strict reader of JSON text that builds json-c values */

/*
 * Theory of operation
 *
 * json-c's own tokener takes comments, single quotes, NaN and duplicate keys, and reports
 * neither lines nor columns. A reader that refuses them would have to scan the text
 * first by the same grammar, so this one builds the values while it scans:
 *
 * 1. The text is checked as a whole: size, NUL, UTF-8. Later steps rely on it.
 * 2. One function per rule of RFC 8259 consumes text at p->pos; it leaves p->pos behind the
 *    value, or records the error at the offending byte. Depth is bounded, so recursion is.
 * 3. Duplicate keys are found in json-c's hash of the object being built (its hash is
 *    seeded, so an attacker cannot make it slow).
 * 4. Strings and the keys of the objects that are open are kept on one stack of bytes, so
 *    that a string costs no allocation but json-c's own.
 *
 * \u0000 is refused too: a C string would silently end there, in a path or a key.
 */

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>

#include "lib/fs.h"
#include "lib/json_value.h"
#include "lib/str.h"

#define MAX_NUMBER_LENGTH 330 /* what json_build prints is read: 1.7e308 has 318 */

SK_DEFINE_AUTO(struct json_object, json_object_put)

struct parser {
	const char *text;
	size_t len;
	size_t pos;
	unsigned int depth;
	const char *where;
	struct sk_err *err;
	struct sk_str stack;
};

static int parse_value(struct parser *p, struct json_object **ret);

__attribute__((format(printf, 4, 5))) static int fail(struct parser *p, size_t pos,
						      int code, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	va_list ap;
	int r;

	for (size_t i = 0; i < pos && i < p->len; i++) {
		if (p->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	va_start(ap, fmt);
	r = sk_err_setv(p->err, code, fmt, ap);
	va_end(ap);
	return sk_err_wrap(p->err, r, "%s:%zu:%zu", p->where ? p->where : "JSON", line,
			   column);
}

static int check_text(struct parser *p)
{
	size_t n;

	if (p->len > SK_JSON_MAX_BYTES)
		return sk_err_set(p->err, EFBIG, "%s: more than %u bytes of JSON",
				  p->where ? p->where : "JSON", SK_JSON_MAX_BYTES);
	for (size_t i = 0; i < p->len; i += n) {
		n = 1;
		if ((signed char)p->text[i] > 0)
			continue;
		if (p->text[i] == '\0')
			return fail(p, i, EINVAL, "a NUL byte in the text");
		n = sk_str_utf8_length(p->text + i, p->len - i);
		if (n == 0)
			return fail(p, i, EINVAL, "not UTF-8");
	}
	return 0;
}

/* The byte at the position, or '\0' at the end (the text has no NUL). */
static char peek(const struct parser *p)
{
	return p->pos < p->len ? p->text[p->pos] : '\0';
}

static void skip_blanks(struct parser *p)
{
	char c;

	while (c = peek(p), c == ' ' || c == '\n' || c == '\t' || c == '\r')
		p->pos++;
}

static int unexpected(struct parser *p, const char *expected)
{
	char c = peek(p);

	if (c == '\0')
		return fail(p, p->pos, EINVAL, "the text ends where %s should follow",
			    expected);
	if (isprint((unsigned char)c))
		return fail(p, p->pos, EINVAL, "expected %s, got '%c'", expected, c);
	return fail(p, p->pos, EINVAL, "expected %s, got byte 0x%02x", expected,
		    (unsigned char)c);
}

static int parse_hex4(struct parser *p, unsigned int *ret)
{
	unsigned int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = peek(p);

		if (!isxdigit((unsigned char)c))
			return unexpected(p, "four hexadecimal digits behind '\\u'");
		value = value * 16 + (unsigned int)(isdigit((unsigned char)c)
							    ? c - '0'
							    : (c | 32) - 'a' + 10);
		p->pos++;
	}
	*ret = value;
	return 0;
}

static void add_utf8(struct parser *p, unsigned int c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	sk_str_add_bytes(&p->stack, bytes, n);
}

/* Behind "\u": four digits, and the second half of a surrogate pair. */
static int parse_unicode_escape(struct parser *p)
{
	size_t start = p->pos - 2;
	unsigned int c = 0, low = 0;
	int r;

	r = parse_hex4(p, &c);
	if (r < 0)
		return r;
	if (c == 0)
		return fail(p, start, EINVAL, "'\\u0000' in a string");
	if (c >= 0xd800 && c < 0xdc00 && p->len - p->pos >= 6 &&
	    memcmp(p->text + p->pos, "\\u", 2) == 0) {
		p->pos += 2;
		r = parse_hex4(p, &low);
		if (r < 0)
			return r;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(p, start, EINVAL, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c >= 0xd800 && c <= 0xdfff)
		return fail(p, start, EINVAL, "half of a surrogate pair");
	add_utf8(p, c);
	return 0;
}

static int parse_escape(struct parser *p)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c;
	const char *at;

	p->pos++;
	c = peek(p);
	if (c == 'u') {
		p->pos++;
		return parse_unicode_escape(p);
	}
	at = c ? strchr(letters, c) : NULL;
	if (!at)
		return unexpected(p, "an escape such as \\n or \\u00e9");
	sk_str_add_char(&p->stack, values[at - letters]);
	p->pos++;
	return 0;
}

/* Push the text of a string. */
static int parse_string(struct parser *p)
{
	size_t start = p->pos++;

	for (;;) {
		size_t from = p->pos;
		int r;

		while (p->pos < p->len && (unsigned char)p->text[p->pos] >= 0x20 &&
		       p->text[p->pos] != '"' && p->text[p->pos] != '\\')
			p->pos++;
		sk_str_add_bytes(&p->stack, p->text + from, p->pos - from);
		switch (peek(p)) {
		case '"':
			p->pos++;
			return p->stack.failed ? sk_err_oom(p->err) : 0;
		case '\\':
			r = parse_escape(p);
			if (r < 0)
				return r;
			break;
		case '\0':
			return fail(p, start, EINVAL, "this string has no end");
		default:
			return fail(
				p, p->pos, EINVAL,
				"control character 0x%02x in a string: write it as \\u%04x",
				p->text[p->pos], p->text[p->pos]);
		}
	}
}

static int parse_string_value(struct parser *p, struct json_object **ret)
{
	size_t base = p->stack.len;
	int r = parse_string(p);

	if (r < 0)
		return r;
	*ret = json_object_new_string_len(p->stack.len > base ? p->stack.ptr + base : "",
					  (int)(p->stack.len - base));
	p->stack.len = base;
	return *ret ? 0 : sk_err_oom(p->err);
}

static int skip_digits(struct parser *p)
{
	if (!isdigit((unsigned char)peek(p)))
		return unexpected(p, "a digit");
	while (isdigit((unsigned char)peek(p)))
		p->pos++;
	return 0;
}

/* Walk over a number by the grammar; tells whether it is an integer. */
static int scan_number(struct parser *p, bool *ret_is_integer)
{
	int r;

	*ret_is_integer = true;
	if (peek(p) == '-')
		p->pos++;
	if (peek(p) == '0') {
		p->pos++;
		if (isdigit((unsigned char)peek(p)))
			return fail(p, p->pos, EINVAL, "a number with a leading zero");
	} else {
		r = skip_digits(p);
		if (r < 0)
			return r;
	}
	if (peek(p) == '.') {
		*ret_is_integer = false;
		p->pos++;
		r = skip_digits(p);
		if (r < 0)
			return r;
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		*ret_is_integer = false;
		p->pos++;
		if (peek(p) == '-' || peek(p) == '+')
			p->pos++;
		return skip_digits(p);
	}
	return 0;
}

static int parse_double(struct parser *p, size_t start, const char *digits,
			struct json_object **ret)
{
	double number = strtod(digits, NULL);

	if (isinf(number))
		return fail(p, start, EINVAL, "a number beyond 1.7e308");
	*ret = json_object_new_double(number);
	return *ret ? 0 : sk_err_oom(p->err);
}

/* Integers of 64 bits keep every digit, signed or not; all others become doubles. */
static int parse_number(struct parser *p, struct json_object **ret)
{
	char digits[MAX_NUMBER_LENGTH + 1];
	size_t start = p->pos, len;
	bool is_integer;
	long long number;
	int r;

	r = scan_number(p, &is_integer);
	if (r < 0)
		return r;
	len = p->pos - start;
	if (len > MAX_NUMBER_LENGTH)
		return fail(p, start, EINVAL, "a number of %zu characters", len);
	memcpy(digits, p->text + start, len);
	digits[len] = '\0';
	if (!is_integer)
		return parse_double(p, start, digits, ret);
	errno = 0;
	number = strtoll(digits, NULL, 10);
	if (errno == 0) {
		*ret = json_object_new_int64(number);
	} else {
		unsigned long long natural;

		errno = 0;
		natural = strtoull(digits, NULL, 10);
		if (errno != 0 || digits[0] == '-')
			return parse_double(p, start, digits, ret);
		*ret = json_object_new_uint64(natural);
	}
	return *ret ? 0 : sk_err_oom(p->err);
}

static int parse_word(struct parser *p, struct json_object **ret)
{
	static const char *const words[] = {"null", "true", "false"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i]);

		if (p->len - p->pos < len || memcmp(p->text + p->pos, words[i], len) != 0)
			continue;
		if (i > 0 && !(*ret = json_object_new_boolean(i == 1)))
			return sk_err_oom(p->err);
		p->pos += len;
		return 0;
	}
	return unexpected(p, "a value");
}

/* Push the key of a member, refuse one that is there, and walk to its value. */
static int parse_key(struct parser *p, struct json_object *object)
{
	size_t start = p->pos, base = p->stack.len;
	int r;

	if (peek(p) != '"')
		return unexpected(p, "a key in double quotes");
	r = parse_string(p);
	if (r < 0)
		return r;
	sk_str_add_char(&p->stack, '\0');
	if (p->stack.failed)
		return sk_err_oom(p->err);
	if (json_object_object_get_ex(object, p->stack.ptr + base, NULL))
		return fail(p, start, EINVAL, "key '%s' is there twice",
			    p->stack.ptr + base);
	skip_blanks(p);
	if (peek(p) != ':')
		return unexpected(p, "':'");
	p->pos++;
	return 0;
}

static int parse_member(struct parser *p, struct json_object *object)
{
	sk_auto(json_object_put) struct json_object *value = NULL;
	size_t base = p->stack.len;
	int r = parse_key(p, object);

	if (r == 0)
		r = parse_value(p, &value);
	if (r < 0)
		return r;
	/* only now is the key's place settled: the stack may have moved */
	if (json_object_object_add_ex(object, p->stack.ptr + base, value,
				      JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
		return sk_err_oom(p->err);
	value = NULL;
	p->stack.len = base;
	return 0;
}

static int parse_element(struct parser *p, struct json_object *array)
{
	sk_auto(json_object_put) struct json_object *value = NULL;
	int r;

	r = parse_value(p, &value);
	if (r < 0)
		return r;
	if (json_object_array_add(array, value) < 0)
		return sk_err_oom(p->err);
	value = NULL;
	return 0;
}

static int parse_container(struct parser *p, bool is_object, struct json_object **ret)
{
	sk_auto(json_object_put) struct json_object *c =
		is_object ? json_object_new_object() : json_object_new_array();
	char end = is_object ? '}' : ']';
	int r;

	if (!c)
		return sk_err_oom(p->err);
	if (p->depth++ >= SK_JSON_MAX_DEPTH)
		return fail(p, p->pos, EINVAL, "nested deeper than %d levels",
			    SK_JSON_MAX_DEPTH);
	p->pos++;
	skip_blanks(p);
	for (bool first = true; peek(p) != end; first = false) {
		if (!first && peek(p) != ',')
			return unexpected(p, is_object ? "',' or '}'" : "',' or ']'");
		if (!first)
			p->pos++;
		skip_blanks(p);
		r = is_object ? parse_member(p, c) : parse_element(p, c);
		if (r < 0)
			return r;
		skip_blanks(p);
	}
	p->pos++;
	p->depth--;
	*ret = sk_steal(&c);
	return 0;
}

/* Consume blanks and a value; *ret stays NULL for null. */
static int parse_value(struct parser *p, struct json_object **ret)
{
	char c;

	skip_blanks(p);
	c = peek(p);
	if (c == '{' || c == '[')
		return parse_container(p, c == '{', ret);
	if (c == '"')
		return parse_string_value(p, ret);
	if (c == '-' || isdigit((unsigned char)c))
		return parse_number(p, ret);
	return parse_word(p, ret);
}

int sk_json_parse(const char *text, size_t len, const char *where, struct sk_json **ret,
		  struct sk_err *err)
{
	struct parser p = {.text = text, .len = len, .where = where, .err = err};
	sk_auto(json_object_put) struct json_object *root = NULL;
	int r = check_text(&p);

	if (r == 0)
		r = parse_value(&p, &root);
	sk_str_finish(&p.stack);
	if (r < 0)
		return r;
	skip_blanks(&p);
	if (p.pos < p.len)
		return fail(&p, p.pos, EINVAL, "more text behind the value");
	*ret = (struct sk_json *)sk_steal(&root);
	return 0;
}

int sk_json_load(int dirfd, const char *path, struct sk_json **ret, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	size_t len;
	int r;

	r = sk_fs_read(dirfd, path, SK_JSON_MAX_BYTES, &text, &len);
	if (r < 0)
		return sk_err_code(err, r, "read '%s'", path);
	return sk_json_parse(text, len, path, ret, err);
}
