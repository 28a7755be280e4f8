// SPDX-License-Identifier: Apache-2.0
/* client - asks a guest over its control port, again and again until it answers */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/guest/control.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/udp.h"

#define RETRY_MS	100
#define LOAD_TIMEOUT_MS 10000

/* "HOST" or "HOST:PORT"; IPv6 with a port as "[HOST]:PORT". */
static int split_host(const char *text, char *host, size_t size, uint16_t *port,
		      struct sk_err *err)
{
	const char *colon = strrchr(text, ':');
	uint64_t number = SK_GUEST_CONTROL_PORT;
	bool bracket = text[0] == '[';
	size_t len = strlen(text);
	int r;

	if (colon &&
	    (bracket ? colon > text && colon[-1] == ']' : strchr(text, ':') == colon)) {
		r = sk_parse_u64(colon + 1, 1, 65535, &number, err);
		if (r < 0)
			return sk_err_wrap(err, r, "guest '%s'", text);
		len = (size_t)(colon - text);
	}
	if (bracket) {
		text++;
		len = strcspn(text, "]");
	}
	if (len == 0 || len >= size)
		return sk_err_set(err, EINVAL, "'%s' is not a guest's address", text);
	memcpy(host, text, len);
	host[len] = '\0';
	*port = (uint16_t)number;
	return 0;
}

/** struct field - One "KEY=NUMBER" of an answer */
struct field {
	const char *key; /* NULL ends a table */
	uint64_t *value;
};

static int parse_fields(char *text, const struct field *fields, struct sk_err *err)
{
	size_t seen = 0, nr = 0;
	char *rest = NULL;

	while (fields[nr].key)
		nr++;
	for (char *word = strtok_r(text, " \n", &rest); word;
	     word = strtok_r(NULL, " \n", &rest))
		for (size_t i = 0; i < nr; i++) {
			const char *number = sk_str_starts(word, fields[i].key);

			if (number && sk_parse_u64(number, 0, UINT64_MAX, fields[i].value,
						   NULL) == 0)
				seen++;
		}
	if (seen != nr)
		return sk_err_set(err, EPROTO, "the guest's answer is malformed");
	return 0;
}

/* Whether @reply answers the request @prefix ("skiff-control ID "); 1 when it is another's. */
static int parse_reply(char *reply, const char *prefix, const struct field *fields,
		       struct sk_err *err)
{
	const char *rest = sk_str_starts(reply, prefix);
	const char *text;

	if (!rest)
		return 1;
	text = sk_str_starts(rest, "error ");
	if (text)
		return sk_err_set(err, EINVAL, "the guest refuses: %s", text);
	text = sk_str_starts(rest, "ok ");
	if (!text)
		return sk_err_set(err, EPROTO, "the guest's answer is malformed");
	return parse_fields(reply + (text - reply), fields, err);
}

/* Wait for the answer until it is time to repeat; 1 when none came. */
static int receive(int sock, uint64_t until_ns, const char *prefix,
		   const struct field *fields, struct sk_err *err)
{
	char reply[SK_CONTROL_SIZE];

	for (;;) {
		struct pollfd ready = {.fd = sock, .events = POLLIN};
		int left = sk_clock_remaining_ms(until_ns);
		ssize_t n;
		int r;

		if (left == 0)
			return 1;
		if (poll(&ready, 1, left) <= 0)
			continue;
		n = recv(sock, reply, sizeof(reply) - 1, MSG_DONTWAIT);
		if (n <= 0) /* an ICMP error: not there yet */
			continue;
		reply[n] = '\0';
		r = parse_reply(reply, prefix, fields, err);
		if (r <= 0)
			return r;
	}
}

static int ask(const char *guest, int netns_fd, unsigned int timeout_ms,
	       const char *command, const struct field *fields, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS, id = 0;
	char host[64], prefix[64], request[128];
	sk_autoclose int sock = -1;
	uint16_t port = 0;
	int r;

	r = split_host(guest, host, sizeof(host), &port, err);
	if (r == 0)
		r = sk_udp_connect(netns_fd, host, port, &sock, err);
	if (r < 0)
		return r;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return sk_err_errno(err, "get random bytes");
	(void)snprintf(prefix, sizeof(prefix), SK_CONTROL_PREFIX "%" PRIx64 " ", id);
	(void)snprintf(request, sizeof(request), "%s%s", prefix, command);
	do {
		uint64_t until = sk_clock_mono() + RETRY_MS * SK_NS_PER_MS;

		(void)send(sock, request, strlen(request), 0);
		r = receive(sock, until < deadline ? until : deadline, prefix, fields,
			    err);
	} while (r > 0 && sk_clock_mono() < deadline);
	if (r > 0)
		return sk_err_set(err, ETIMEDOUT,
				  "guest '%s' port %u: no answer within %u ms", host,
				  port, timeout_ms);
	return r;
}

static int ask_status(const char *host, int netns_fd, unsigned int timeout_ms,
		      const char *command, struct sk_guest_status *ret,
		      struct sk_err *err)
{
	struct sk_guest_status s = {0};
	const struct field fields[] = {
		{"tick=", &s.tick},
		{"ws=", &s.working_set_bytes},
		{"rate=", &s.pages_per_s},
		{"static=", &s.static_bytes},
		{"written=", &s.pages_written},
		{"sum=", &s.static_sum},
		{"corrupt=", &s.corrupt_pages},
		{NULL, NULL},
	};
	int r = ask(host, netns_fd, timeout_ms, command, fields, err);

	if (r == 0)
		*ret = s;
	return r;
}

int sk_guest_status(const char *host, int netns_fd, unsigned int timeout_ms,
		    struct sk_guest_status *ret, struct sk_err *err)
{
	return ask_status(host, netns_fd, timeout_ms, "status", ret, err);
}

int sk_guest_checksum(const char *host, int netns_fd, unsigned int timeout_ms,
		      struct sk_guest_status *ret, struct sk_err *err)
{
	return ask_status(host, netns_fd, timeout_ms, "checksum", ret, err);
}

int sk_guest_service(const char *host, int netns_fd, unsigned int timeout_ms, bool reset,
		     struct sk_guest_service *ret, struct sk_err *err)
{
	struct sk_guest_service s = {.stats = {0}};
	uint64_t model = 0;
	const struct field fields[] = {
		{"model=", &model},
		{"served=", &s.stats.served},
		{"refused=", &s.stats.refused},
		{"active=", &s.stats.active_ns},
		{"cpu=", &s.stats.cpu_ns},
		{"tlp=", &s.stats.tlp_milli},
		{"peak=", &s.stats.peak_threads},
		{NULL, NULL},
	};
	int r = ask(host, netns_fd, timeout_ms, reset ? "service reset" : "service",
		    fields, err);

	if (r < 0)
		return r;
	s.model = (enum sk_server_model)(model & 0xff);
	*ret = s;
	return 0;
}

int sk_guest_clock(const char *host, int netns_fd, unsigned int timeout_ms,
		   struct sk_guest_clock *ret, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	struct sk_guest_clock c = {0};
	const struct field fields[] = {
		{"received=", &c.received_ns},
		{"sent=", &c.sent_ns},
		{NULL, NULL},
	};
	int r;

	/* A repeated request would be answered with the times of the first: a new one each time. */
	do {
		c.asked_ns = sk_clock_real();
		r = ask(host, netns_fd, RETRY_MS - 1, "clock", fields, err);
		c.answered_ns = sk_clock_real();
	} while (r == -ETIMEDOUT && sk_clock_mono() < deadline);
	if (r == 0)
		*ret = c;
	return r;
}

int sk_guest_load(const char *host, int netns_fd, uint64_t working_set_bytes,
		  uint64_t pages_per_s, struct sk_err *err)
{
	struct sk_guest_status status;
	char command[64];

	(void)snprintf(command, sizeof(command), "load %" PRIu64 " %" PRIu64,
		       working_set_bytes, pages_per_s);
	return ask_status(host, netns_fd, LOAD_TIMEOUT_MS, command, &status, err);
}
