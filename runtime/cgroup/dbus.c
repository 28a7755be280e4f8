// SPDX-License-Identifier: Apache-2.0
/* dbus - a client of a D-Bus bus
 *
 * Theory of operation
 *
 * 1. Connect to the unix socket; it does not block, every wait is a poll(2) up to the
 *    deadline.
 * 2. Log in: a NUL byte, "AUTH EXTERNAL" with the user id in hexadecimal digits, which the
 *    bus compares with what the kernel tells of the socket's other end, and "BEGIN" with it:
 *    systemd's own socket forgets a message that arrives together with a later "BEGIN".
 * 3. On a bus: Hello, before anything else.
 * 4. Messages are collected until one is complete. What the other side sends is checked by
 *    sk_dbus_parse() and never longer than SK_DBUS_MAX_MESSAGE.
 */
#include "runtime/cgroup/dbus.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/clock.h"
#include "lib/str.h"

#define PRIVATE	      "private:"
#define MAX_AUTH_LINE 512

struct sk_dbus {
	int fd;
	uint64_t deadline;
	uint32_t serial;
	bool is_bus;
	struct sk_dbus_writer in; /* received */
	size_t used;		  /* of it, by the message returned last */
};

void sk_dbus_free(struct sk_dbus *bus)
{
	if (!bus)
		return;
	sk_close(&bus->fd);
	sk_dbus_writer_finish(&bus->in);
	free(bus);
}

bool sk_dbus_is_bus(const struct sk_dbus *bus)
{
	return bus->is_bus;
}

/* "%2e" is a dot. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '%' && isxdigit(from[1]) && isxdigit(from[2])) {
			char digits[3] = {from[1], from[2], '\0'};

			*to = (char)strtol(digits, NULL, 16);
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "path=/run/x,guid=…" to a socket address; false for what this client cannot reach. */
static bool parse_address(char *text, struct sockaddr_un *ret, socklen_t *ret_len)
{
	char *save = NULL;

	for (char *pair = strtok_r(text, ",", &save); pair;
	     pair = strtok_r(NULL, ",", &save)) {
		const char *path = sk_str_starts(pair, "path=");
		const char *abstract = sk_str_starts(pair, "abstract=");
		size_t at = abstract ? 1 : 0, len;
		char *value = strchr(pair, '=');

		if (!path && !abstract)
			continue;
		unescape(value + 1);
		len = strlen(value + 1);
		if (!len || len + at >= sizeof(ret->sun_path))
			return false;
		*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
		memcpy(ret->sun_path + at, value + 1, len);
		*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + at + len);
		return true;
	}
	return false;
}

static int connect_one(const struct sockaddr_un *address, socklen_t len)
{
	sk_autoclose int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, len) < 0)
		return -errno;
	return sk_steal_fd(&fd);
}

static int connect_any(const char *addresses)
{
	sk_auto(sk_strv_free) char **list = sk_strv_split(addresses, ';');
	int r = -ENOENT;

	if (!list)
		return -ENOMEM;
	for (char **one = list; *one; one++) {
		struct sockaddr_un address;
		socklen_t len = 0;

		if (strncmp(*one, "unix:", 5) != 0 ||
		    !parse_address(*one + 5, &address, &len))
			continue;
		r = connect_one(&address, len);
		if (r >= 0)
			return r;
	}
	return r;
}

static int wait_for(struct sk_dbus *bus, short events)
{
	struct pollfd poller = {.fd = bus->fd, .events = events};
	int timeout = sk_clock_remaining_ms(bus->deadline), r;

	do {
		r = poll(&poller, 1, timeout);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int send_bytes(struct sk_dbus *bus, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(bus->fd, at, len, MSG_NOSIGNAL);
		int r = 0;

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for(bus, POLLOUT);
		} else if (errno != EINTR) {
			r = -errno;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* At least one byte more; -EPIPE at the end. */
static int receive(struct sk_dbus *bus, void *bytes, size_t size)
{
	for (;;) {
		ssize_t n = recv(bus->fd, bytes, size, 0);
		int r = 0;

		if (n > 0)
			return (int)n;
		if (n == 0)
			return -EPIPE;
		if (errno == EAGAIN)
			r = wait_for(bus, POLLIN);
		else if (errno != EINTR)
			r = -errno;
		if (r < 0)
			return r;
	}
}

/* One byte at a time: nothing of what follows the line is taken. */
static int receive_line(struct sk_dbus *bus, char line[MAX_AUTH_LINE])
{
	for (size_t len = 0; len < MAX_AUTH_LINE; len++) {
		int r = receive(bus, line + len, 1);

		if (r < 0)
			return r;
		if (line[len] == '\n') {
			line[len] = '\0';
			return 0;
		}
	}
	return -EPROTO;
}

static int log_in(struct sk_dbus *bus, uid_t uid, struct sk_err *err)
{
	char id[16], text[64], line[MAX_AUTH_LINE];
	size_t len;
	int r;

	(void)snprintf(id, sizeof(id), "%u", (unsigned int)uid);
	len = (size_t)snprintf(text, sizeof(text), "%cAUTH EXTERNAL ", 0);
	for (const char *digit = id; *digit; digit++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x", *digit);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\nBEGIN\r\n");
	r = send_bytes(bus, text, len);
	if (r == 0)
		r = receive_line(bus, line);
	if (r == 0 && !sk_str_starts(line, "OK "))
		return sk_err_set(err, EACCES, "log in to D-Bus: the bus refuses user %s",
				  id);
	return r < 0 ? sk_err_code(err, r, "log in to D-Bus") : 0;
}

static int say_hello(struct sk_dbus *bus, struct sk_err *err)
{
	const struct sk_dbus_message hello = {
		.destination = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "Hello",
	};

	return sk_dbus_call(bus, &hello, NULL, err);
}

int sk_dbus_open(const char *address, uid_t uid, uint64_t deadline, struct sk_dbus **ret,
		 struct sk_err *err)
{
	sk_auto(sk_dbus_free) struct sk_dbus *bus = calloc(1, sizeof(*bus));
	const char *peer = sk_str_starts(address, PRIVATE);
	int r;

	if (!bus)
		return sk_err_oom(err);
	bus->deadline = deadline;
	bus->is_bus = !peer;
	bus->fd = connect_any(peer ? peer : address);
	if (bus->fd < 0)
		return sk_err_code(err, bus->fd, "connect to D-Bus at '%s'", address);
	r = log_in(bus, uid, err);
	if (r == 0 && !peer)
		r = say_hello(bus, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&bus);
	return 0;
}

/* The next whole message; it is valid until the next call. */
static int next_message(struct sk_dbus *bus, struct sk_dbus_message *ret)
{
	if (bus->used)
		memmove(bus->in.bytes, bus->in.bytes + bus->used,
			bus->in.len - bus->used);
	bus->in.len -= bus->used;
	bus->used = 0;
	for (;;) {
		unsigned char bytes[4096];
		long n = sk_dbus_parse(bus->in.bytes, bus->in.len, ret);
		int r;

		if (n > 0)
			bus->used = (size_t)n;
		if (n != 0)
			return n < 0 ? (int)n : 0;
		r = receive(bus, bytes, sizeof(bytes));
		if (r < 0)
			return r;
		sk_dbus_append(&bus->in, bytes, (size_t)r);
		if (bus->in.failed)
			return -ENOMEM;
	}
}

/* Names are a part of systemd's and the bus's interface; the words are for people. */
static int explain_error(const struct sk_dbus_message *answer, const char *member,
			 struct sk_err *err)
{
	static const struct {
		const char *end;
		int code;
	} known[] = {
		{".NoSuchUnit", ENOENT},
		{".UnitExists", EEXIST},
		{".AccessDenied", EACCES},
		{".InteractiveAuthorizationRequired", EACCES},
		{".AuthFailed", EACCES},
		{".UnknownMethod", ENOTSUP},
		{".ServiceUnknown", ENOENT},
		{".NameHasNoOwner", ENOENT},
		{".PropertyReadOnly", ENOTSUP},
	};
	struct sk_dbus_reader reader = {.bytes = answer->body, .len = answer->body_len};
	const char *name = answer->error ? answer->error : "?", *words = NULL;
	int code = EREMOTEIO;

	for (size_t i = 0; i < SK_ARRAY_SIZE(known); i++)
		if (sk_str_ends(name, known[i].end))
			code = known[i].code;
	if (answer->signature[0] == 's')
		words = sk_dbus_get_str(&reader);
	return sk_err_set(err, code, "D-Bus: %s: %s (%s)", member,
			  words ? words : "refused", name);
}

int sk_dbus_call(struct sk_dbus *bus, const struct sk_dbus_message *call,
		 struct sk_dbus_message *ret, struct sk_err *err)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer out = {0};
	struct sk_dbus_message sent = *call, answer;
	int r;

	sent.type = SK_DBUS_CALL;
	sent.serial = ++bus->serial;
	sk_dbus_write(&out, &sent);
	if (out.failed)
		return sk_err_oom(err);
	r = send_bytes(bus, out.bytes, out.len);
	while (r == 0) {
		r = next_message(bus, &answer);
		if (r < 0 || answer.reply_serial != sent.serial)
			continue;
		if (answer.type == SK_DBUS_ERROR)
			return explain_error(&answer, call->member, err);
		if (answer.type != SK_DBUS_RETURN)
			continue;
		if (ret)
			*ret = answer;
		return 0;
	}
	return sk_err_code(err, r, "D-Bus: %s", call->member);
}

int sk_dbus_await_signal(struct sk_dbus *bus, const char *member,
			 struct sk_dbus_message *ret, struct sk_err *err)
{
	int r;

	do {
		r = next_message(bus, ret);
		if (r < 0)
			return sk_err_code(err, r, "D-Bus: wait for %s", member);
	} while (ret->type != SK_DBUS_SIGNAL || !sk_str_equal(ret->member, member));
	return 0;
}
