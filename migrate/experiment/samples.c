// SPDX-License-Identifier: Apache-2.0
/* samples - a run's requests, a few bytes each
 *
 * "SKSMPL2" and a NUL, the number of samples, then of each sample: intended time since that of
 * the sample before, sent since intended, received since intended plus one (0: no reply), tick
 * since the last tick, in zigzag form. All numbers are varints: seven bits a byte, the lowest
 * first, the highest bit set but in the last byte. Times in ns.
 */
#include <errno.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/store.h"

#define MAGIC	  "SKSMPL2"
#define MAX_BYTES (1u << 30)
#define MIN_BYTES 4 /* of a sample */

static void put(struct sk_str *out, uint64_t number)
{
	while (number >= 0x80) {
		sk_str_add_char(out, (char)(number | 0x80));
		number >>= 7;
	}
	sk_str_add_char(out, (char)number);
}

/** struct reader - What is left of a file */
struct reader {
	const unsigned char *at, *end;
	bool is_bad;
};

static uint64_t get(struct reader *r)
{
	uint64_t number = 0;

	for (unsigned int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		number |= (uint64_t)(*r->at & 0x7f) << shift;
		if (!(*r->at++ & 0x80))
			return number;
	}
	r->is_bad = true;
	return 0;
}

int sk_samples_save(int dirfd, const char *name, const struct sk_sample *samples,
		    size_t n, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	uint64_t intended = 0, tick = 0;

	sk_str_add_bytes(&out, MAGIC, sizeof(MAGIC));
	put(&out, n);
	for (size_t i = 0; i < n; i++) {
		const struct sk_sample *s = &samples[i];
		int64_t step = (int64_t)(s->tick - tick);

		put(&out, s->intended_ns - intended);
		put(&out, s->sent_ns - s->intended_ns);
		put(&out, s->received_ns ? s->received_ns - s->intended_ns + 1 : 0);
		put(&out, ((uint64_t)step << 1) ^ (step < 0 ? UINT64_MAX : 0));
		intended = s->intended_ns;
		tick = s->tick;
	}
	if (out.failed)
		return sk_err_oom(err);
	return sk_fs_replace(dirfd, name, out.ptr, out.len, 0644, err);
}

int sk_samples_load(int dirfd, const char *name, struct sk_sample **ret, size_t *ret_n,
		    struct sk_err *err)
{
	sk_autofree struct sk_sample *samples = NULL;
	sk_autofree char *file = NULL;
	uint64_t intended = 0, tick = 0;
	struct reader r = {0};
	size_t len = 0, n;
	int failed;

	failed = sk_fs_read(dirfd, name, MAX_BYTES, &file, &len);
	if (failed < 0)
		return sk_err_code(err, failed, "read '%s'", name);
	if (len < sizeof(MAGIC) || memcmp(file, MAGIC, sizeof(MAGIC)) != 0)
		return sk_err_set(err, EINVAL, "'%s' is not a file of samples", name);
	r.at = (const unsigned char *)file + sizeof(MAGIC);
	r.end = (const unsigned char *)file + len;
	n = (size_t)get(&r);
	if (n > len / MIN_BYTES)
		return sk_err_set(err, EINVAL, "'%s' is cut short", name);
	samples = calloc(n ? n : 1, sizeof(*samples));
	if (!samples)
		return sk_err_oom(err);
	for (size_t i = 0; i < n && !r.is_bad; i++) {
		struct sk_sample *s = &samples[i];
		uint64_t received, step;

		s->intended_ns = intended += get(&r);
		s->sent_ns = intended + get(&r);
		received = get(&r);
		s->received_ns = received ? intended + received - 1 : 0;
		step = get(&r);
		s->tick = tick += (step >> 1) ^ -(step & 1);
	}
	if (r.is_bad || r.at != r.end)
		return sk_err_set(err, EINVAL, "'%s' is cut short", name);
	*ret = sk_steal(&samples);
	*ret_n = n;
	return 0;
}
