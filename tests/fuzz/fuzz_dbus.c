// SPDX-License-Identifier: Apache-2.0
/* Messages of a D-Bus bus, and the values in their bodies */
#include <stdlib.h>
#include <string.h>

#include "runtime/cgroup/dbus_message.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, const unsigned char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;

	if (!text || !text[0])
		return;
	fuzz_must(at >= bytes && at < bytes + len);
	fuzz_must(memchr(at, '\0', (size_t)(bytes + len - at)) != NULL);
}

static void read_values(const struct sk_dbus_message *message)
{
	struct sk_dbus_reader r = {.bytes = message->body, .len = message->body_len};

	for (const char *type = message->signature; *type && !r.failed; type++) {
		switch (*type) {
		case 's':
		case 'o':
			check_text(sk_dbus_get_str(&r), message->body, message->body_len);
			break;
		case 'g':
			check_text(sk_dbus_get_sig(&r), message->body, message->body_len);
			break;
		case 't':
			(void)sk_dbus_get_u64(&r);
			break;
		case '(':
			sk_dbus_get_align(&r, 8);
			break;
		default:
			(void)sk_dbus_get_u32(&r);
			break;
		}
		fuzz_must(r.at <= r.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_dbus_message message = {0};
	long used = sk_dbus_parse(data, size, &message);

	fuzz_must(used <= (long)size);
	if (used <= 0)
		return 0;
	check_text(message.path, data, size);
	check_text(message.interface, data, size);
	check_text(message.member, data, size);
	check_text(message.error, data, size);
	check_text(message.destination, data, size);
	check_text(message.sender, data, size);
	fuzz_must(message.signature != NULL);
	check_text(message.signature, data, size);
	fuzz_must(message.body_len <= size);
	read_values(&message);
	return 0;
}
