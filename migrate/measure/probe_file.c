// SPDX-License-Identifier: Apache-2.0
/* probe_file - samples on disk
 *
 * Little endian. Header of 16 bytes: "SKSMPL1", a NUL, number of samples (u64). Each sample
 * is four u64: intended, sent, received (0: no reply), tick; times in ns since the start.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/fs.h"
#include "migrate/measure/probe.h"

#define MAGIC	     "SKSMPL1"
#define HEADER_WORDS 2
#define SAMPLE_WORDS 4
#define MAX_BYTES    (1ull << 32)

int sk_probe_save(int dirfd, const char *name, const struct sk_sample *samples, size_t n,
		  struct sk_err *err)
{
	size_t words = HEADER_WORDS + n * SAMPLE_WORDS;
	sk_autofree uint64_t *file = malloc(words * sizeof(*file));

	if (!file)
		return sk_err_oom(err);
	memcpy(file, MAGIC, sizeof(MAGIC));
	file[1] = htole64(n);
	for (size_t i = 0; i < n; i++) {
		uint64_t *at = file + HEADER_WORDS + i * SAMPLE_WORDS;

		at[0] = htole64(samples[i].intended_ns);
		at[1] = htole64(samples[i].sent_ns);
		at[2] = htole64(samples[i].received_ns);
		at[3] = htole64(samples[i].tick);
	}
	return sk_fs_replace(dirfd, name, file, words * sizeof(*file), 0644, err);
}

int sk_probe_load(int dirfd, const char *name, struct sk_sample **ret, size_t *ret_n,
		  struct sk_err *err)
{
	sk_autofree struct sk_sample *samples = NULL;
	sk_autofree char *file = NULL;
	uint64_t header[HEADER_WORDS];
	size_t len = 0, n;
	int r;

	r = sk_fs_read(dirfd, name, MAX_BYTES, &file, &len);
	if (r < 0)
		return sk_err_code(err, r, "read '%s'", name);
	if (len < sizeof(header) || memcmp(file, MAGIC, sizeof(MAGIC)) != 0)
		return sk_err_set(err, EINVAL, "'%s' is not a file of samples", name);
	memcpy(header, file, sizeof(header));
	n = (len - sizeof(header)) / (SAMPLE_WORDS * sizeof(uint64_t));
	if (le64toh(header[1]) != n || (len - sizeof(header)) % sizeof(*samples) != 0)
		return sk_err_set(err, EINVAL, "'%s' is cut short", name);
	samples = calloc(n ? n : 1, sizeof(*samples));
	if (!samples)
		return sk_err_oom(err);
	for (size_t i = 0; i < n; i++) {
		uint64_t at[SAMPLE_WORDS];

		memcpy(at, file + sizeof(header) + i * sizeof(at), sizeof(at));
		samples[i] = (struct sk_sample){le64toh(at[0]), le64toh(at[1]),
						le64toh(at[2]), le64toh(at[3])};
	}
	*ret = sk_steal(&samples);
	*ret_n = n;
	return 0;
}
