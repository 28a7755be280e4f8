// SPDX-License-Identifier: Apache-2.0
/* What a probe on another machine sends: the same whatever pieces it comes in, and times in order */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "migrate/measure/probe_remote.h"
#include "tests/fuzz/fuzz.h"

#define MAX_SAMPLES 64

/** struct result - What one way of reading gave */
struct result {
	struct sk_sample samples[MAX_SAMPLES];
	size_t nr, lines;
	bool is_refused;
};

static void read_all(const uint8_t *data, size_t size, size_t step, struct result *ret)
{
	struct sk_remote_stream stream = {.samples = ret->samples, .max = MAX_SAMPLES};
	size_t at = 0;

	*ret = (struct result){.nr = 0};
	while (at < size) {
		size_t part = size - at < step ? size - at : step;
		bool has_line = false;
		ssize_t n = sk_remote_read(&stream, data + at, part, &has_line);

		fuzz_must(n == -EPROTO || (n > 0 && (size_t)n <= part));
		ret->is_refused = n < 0;
		if (n < 0)
			break;
		fuzz_must(has_line || (size_t)n == part);
		fuzz_must(!has_line || strlen(stream.line) < SK_REMOTE_LINE);
		ret->lines += has_line;
		at += (size_t)n;
	}
	ret->nr = stream.nr;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, pieces;

	read_all(data, size, size ? size : 1, &whole);
	read_all(data, size, 7, &pieces);
	fuzz_must(whole.nr <= MAX_SAMPLES && whole.nr == pieces.nr &&
		  whole.lines == pieces.lines && whole.is_refused == pieces.is_refused);
	for (size_t i = 0; i < whole.nr; i++) {
		const struct sk_sample *s = &whole.samples[i];

		fuzz_must(s->intended_ns <= s->sent_ns);
		fuzz_must(!s->received_ns || s->received_ns >= s->sent_ns);
		fuzz_must(s->received_ns == pieces.samples[i].received_ns);
	}
	return 0;
}
