// SPDX-License-Identifier: Apache-2.0
/* What comes to a probe and to a service from the network: HTTP both ways, ICMP, and targets */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/guest/http.h"
#include "migrate/guest/server.h"
#include "migrate/measure/probe.h"
#include "tests/fuzz/fuzz.h"

static void read_request(const char *text, size_t size)
{
	struct sk_http_request request = {.urgency = 9};
	ssize_t n = sk_http_parse_request(text, size, &request);

	fuzz_must(n == -EPROTO || (n >= 0 && (size_t)n <= size));
	fuzz_must(n > 0 ? request.urgency <= 7 : request.urgency == 9);
	/* What was whole stays what it was with more behind it. */
	if (n > 0)
		fuzz_must(sk_http_parse_request(text, (size_t)n, &request) == n);
}

/* The same bytes in pieces of this size: where the first @max responses end; -1 ends them. */
static void read_responses(const char *text, size_t size, size_t step, ssize_t ends[8])
{
	static struct sk_http_reader reader;
	size_t at = 0, nr = 0;

	memset(&reader, 0, sizeof(reader));
	for (size_t i = 0; i < 8; i++)
		ends[i] = 0;
	while (at < size && nr < 8) {
		size_t part = size - at < step ? size - at : step;
		bool done = false;
		ssize_t n = sk_http_read(&reader, text + at, part, &done);

		if (n < 0) {
			fuzz_must(n == -EPROTO && !done);
			ends[nr] = -1;
			return;
		}
		fuzz_must((size_t)n <= part && (done || (size_t)n == part));
		fuzz_must(!done || (reader.status >= 200 && reader.status <= 599));
		at += (size_t)n;
		if (done)
			ends[nr++] = (ssize_t)at;
	}
}

static void read_icmp(const uint8_t *data, size_t size)
{
	for (int kind = 0; kind < 4; kind++) {
		size_t at = sk_probe_icmp_payload(data, size, kind & 1, kind & 2);

		fuzz_must(at == 0 || at + 32 <= size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;
	sk_autofree char *text = fuzz_text(data, size);
	struct sk_probe_target target = {.port = 7};
	struct sk_err err = SK_ERR_INIT;
	ssize_t whole[8], bytes[8];
	int r;

	read_request(text, size);
	read_responses(text, size, SIZE_MAX, whole);
	read_responses(text, size, 1, bytes);
	fuzz_must(memcmp(whole, bytes, sizeof(whole)) == 0);
	read_icmp(data, size);
	r = sk_probe_target_parse(text, &target, &err);
	fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
	if (r == 0)
		fuzz_must(target.host[0] && target.hz >= 1 && target.hz <= 20000 &&
			  target.clients <= SK_PROBE_MAX_CLIENTS &&
			  memchr(target.path, '\0', sizeof(target.path)));
	if (sk_server_parse(text, &opts, NULL) == 0)
		fuzz_must(opts.workers > 0 && opts.threads > 0 && opts.queue > 0 &&
			  opts.objects > 0 && opts.touch_bytes <= opts.data_bytes);
	return 0;
}
