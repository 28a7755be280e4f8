// SPDX-License-Identifier: Apache-2.0
/* probe_stream - what comes from a probe on another machine, taken apart; pure */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/probe_remote.h"

void sk_remote_pack(const struct sk_sample *samples, size_t n, unsigned char *ret)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t words[] = {htole64(samples[i].intended_ns),
					  htole64(samples[i].sent_ns),
					  htole64(samples[i].received_ns),
					  htole64(samples[i].tick)};

		_Static_assert(sizeof(words) == SK_REMOTE_SAMPLE, "as on the wire");
		memcpy(ret + i * sizeof(words), words, sizeof(words));
	}
}

/* Times that cannot be are refused: all arithmetic behind this relies on their order. */
static bool unpack(const unsigned char *bytes, struct sk_sample *ret)
{
	uint64_t words[4];

	memcpy(words, bytes, sizeof(words));
	*ret = (struct sk_sample){le64toh(words[0]), le64toh(words[1]), le64toh(words[2]),
				  le64toh(words[3])};
	return ret->intended_ns <= ret->sent_ns && ret->sent_ns < INT64_MAX &&
	       (!ret->received_ns ||
		(ret->received_ns >= ret->sent_ns && ret->received_ns < INT64_MAX));
}

static bool take_sample(struct sk_remote_stream *s)
{
	struct sk_sample sample;

	s->part_len = 0;
	if (!unpack(s->part, &sample))
		return false;
	s->samples[s->at++] = sample;
	if (s->at > s->nr)
		s->nr = s->at;
	s->left--;
	return true;
}

/* "FIRST NUMBER" of a frame. */
static bool begin_frame(struct sk_remote_stream *s, char *text)
{
	char *space = strchr(text, ' ');
	uint64_t first = 0, number = 0;

	if (!space)
		return false;
	*space = '\0';
	if (sk_parse_u64(text, 0, s->nr, &first, NULL) < 0 ||
	    sk_parse_u64(space + 1, 0, s->max - first, &number, NULL) < 0)
		return false;
	s->at = first;
	s->left = number;
	return true;
}

ssize_t sk_remote_read(struct sk_remote_stream *s, const void *bytes, size_t len,
		       bool *ret_line)
{
	const char *from = bytes;
	size_t i = 0;

	*ret_line = false;
	while (i < len) {
		const char *frame;

		if (s->left) {
			size_t n = sizeof(s->part) - s->part_len;

			n = n < len - i ? n : len - i;
			memcpy(s->part + s->part_len, from + i, n);
			s->part_len += n;
			i += n;
			if (s->part_len == sizeof(s->part) && !take_sample(s))
				return -EPROTO;
			continue;
		}
		if (from[i] != '\n') {
			if (s->line_len + 1 >= sizeof(s->line) || !from[i])
				return -EPROTO;
			s->line[s->line_len++] = from[i++];
			continue;
		}
		i++;
		s->line[s->line_len] = '\0';
		s->line_len = 0;
		frame = sk_str_starts(s->line, "samples ");
		if (!frame) {
			*ret_line = true;
			break;
		}
		if (!begin_frame(s, s->line + (frame - s->line)))
			return -EPROTO;
	}
	return (ssize_t)i;
}
