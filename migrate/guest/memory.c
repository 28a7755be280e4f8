// SPDX-License-Identifier: Apache-2.0
/* memory - the guest's memory under test: a region written at a set rate, and one that never changes
 *
 * Theory of operation
 *
 * 1. Each page of the written region holds its number, a generation, a check of both, and a
 *    pattern made from them. The generation is kept a second time in a table outside: a page
 *    that a migration brought over in an older state is whole in itself but does not match
 *    the table.
 * 2. The writer goes through the region in a circle, so that the pages it dirties in a time T
 *    are min(W, D * T) different ones, as the models of pre-copy assume.
 * 3. It works in batches, one each PERIOD_NS of absolute time. What it could not write because
 *    the machine stood still for longer than MAX_DEBT_NS is dropped, not written in one burst:
 *    a burst after a migration would look like an effect of the migration.
 * 4. Writing, resizing and checking exclude each other by one lock, held for a batch or a chunk.
 */
#include "migrate/guest/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "migrate/guest/pattern.h"

#define PAGE_WORDS	   (SK_MEMORY_PAGE / sizeof(uint64_t))
#define HEAD_WORDS	   3
#define PERIOD_NS	   (4 * SK_NS_PER_MS)
#define MAX_DEBT_NS	   (40 * SK_NS_PER_MS)
#define CHUNK_PAGES	   128
#define RESERVE_BYTES	   (16ull << 20)
#define STATIC_SEED	   0x7374617469630000ull
#define MAX_GUEST_REGION_B (1ull << 40)

struct sk_memory {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on CLOCK_MONOTONIC */
	pthread_t writer;
	bool is_stopping;
	uint64_t *fixed, *region;
	uint32_t *generations;
	uint64_t nr_fixed, nr_pages, next;
	uint64_t epoch_ns, epoch_pages; /* written in this epoch of constant rate */
	struct sk_memory_state state;
};

static uint64_t page_seed(uint64_t page, uint32_t generation)
{
	return sk_pattern_mix(page << 32 | generation);
}

static void write_page(struct sk_memory *memory, uint64_t page)
{
	uint64_t *words = memory->region + page * PAGE_WORDS;
	uint32_t generation = ++memory->generations[page];
	uint64_t seed = page_seed(page, generation);

	words[0] = page;
	words[1] = generation;
	words[2] = ~seed;
	sk_pattern_fill(words + HEAD_WORDS, PAGE_WORDS - HEAD_WORDS, seed);
}

static bool page_is_good(const struct sk_memory *memory, uint64_t page)
{
	const uint64_t *words = memory->region + page * PAGE_WORDS;
	uint32_t generation = memory->generations[page];
	uint64_t seed = page_seed(page, generation);

	return words[0] == page && words[1] == generation && words[2] == ~seed &&
	       sk_pattern_matches(words + HEAD_WORDS, PAGE_WORDS - HEAD_WORDS, seed);
}

/* Pages that are due now; forgets a debt that grew while the machine stood still. */
static uint64_t pages_due(struct sk_memory *memory, uint64_t now)
{
	uint64_t rate = memory->state.pages_per_s;
	uint64_t due = (uint64_t)((double)(now - memory->epoch_ns) * (double)rate / 1e9);

	if (due <= memory->epoch_pages)
		return 0;
	due -= memory->epoch_pages;
	if ((double)due > (double)MAX_DEBT_NS * (double)rate / 1e9 + 1) {
		memory->epoch_ns = now;
		memory->epoch_pages = 0;
		return 0;
	}
	return due;
}

static void write_batch(struct sk_memory *memory)
{
	uint64_t due = pages_due(memory, sk_clock_mono());

	for (uint64_t i = 0; i < due; i++) {
		write_page(memory, memory->next);
		if (++memory->next == memory->nr_pages)
			memory->next = 0;
	}
	memory->epoch_pages += due;
	memory->state.pages_written += due;
}

static void wait_until(struct sk_memory *memory, uint64_t mono_ns)
{
	struct timespec at = {.tv_sec = (time_t)(mono_ns / SK_NS_PER_S),
			      .tv_nsec = (long)(mono_ns % SK_NS_PER_S)};

	(void)pthread_cond_timedwait(&memory->changed, &memory->lock, &at);
}

static void *writer_main(void *arg)
{
	struct sk_memory *memory = arg;
	uint64_t next = sk_clock_mono();

	(void)pthread_mutex_lock(&memory->lock);
	while (!memory->is_stopping) {
		if (memory->state.pages_per_s == 0 || memory->nr_pages == 0) {
			(void)pthread_cond_wait(&memory->changed, &memory->lock);
			next = sk_clock_mono();
			continue;
		}
		write_batch(memory);
		next += PERIOD_NS;
		if (next < sk_clock_mono())
			next = sk_clock_mono() + PERIOD_NS;
		wait_until(memory, next);
	}
	(void)pthread_mutex_unlock(&memory->lock);
	return NULL;
}

static uint64_t *map_pages(uint64_t pages)
{
	void *at = mmap(NULL, pages * SK_MEMORY_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void unmap_pages(uint64_t *at, uint64_t pages)
{
	if (at)
		(void)munmap(at, pages * SK_MEMORY_PAGE);
}

static int start_writer(struct sk_memory *memory, struct sk_err *err)
{
	pthread_condattr_t attr;
	int r;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&memory->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&memory->lock, NULL);
	r = pthread_create(&memory->writer, NULL, writer_main, memory);
	return r ? sk_err_code(err, -r, "start the memory writer") : 0;
}

int sk_memory_new(uint64_t static_bytes, struct sk_memory **ret, struct sk_err *err)
{
	struct sk_memory *memory = calloc(1, sizeof(*memory));
	int r;

	if (!memory)
		return sk_err_oom(err);
	memory->nr_fixed = (static_bytes + SK_MEMORY_PAGE - 1) / SK_MEMORY_PAGE;
	if (static_bytes > MAX_GUEST_REGION_B ||
	    (memory->nr_fixed && !(memory->fixed = map_pages(memory->nr_fixed)))) {
		free(memory);
		return sk_err_oom(err);
	}
	sk_pattern_fill(memory->fixed, memory->nr_fixed * PAGE_WORDS, STATIC_SEED);
	memory->state.static_bytes = memory->nr_fixed * SK_MEMORY_PAGE;
	r = start_writer(memory, err);
	if (r < 0) {
		unmap_pages(memory->fixed, memory->nr_fixed);
		free(memory);
		return r;
	}
	*ret = memory;
	return 0;
}

void sk_memory_free(struct sk_memory *memory)
{
	if (!memory)
		return;
	(void)pthread_mutex_lock(&memory->lock);
	memory->is_stopping = true;
	(void)pthread_cond_signal(&memory->changed);
	(void)pthread_mutex_unlock(&memory->lock);
	(void)pthread_join(memory->writer, NULL);
	(void)pthread_mutex_destroy(&memory->lock);
	(void)pthread_cond_destroy(&memory->changed);
	unmap_pages(memory->fixed, memory->nr_fixed);
	unmap_pages(memory->region, memory->nr_pages);
	free(memory->generations);
	free(memory);
}

/* Without overcommit checks of our own, a guest asked for too much would lose its init. */
static uint64_t available_bytes(void)
{
	sk_autofree char *text = NULL;
	const char *line;

	if (sk_fs_read(AT_FDCWD, "/proc/meminfo", 1 << 16, &text, NULL) < 0)
		return UINT64_MAX;
	line = strstr(text, "MemAvailable:");
	return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024
		    : UINT64_MAX;
}

static int resize(struct sk_memory *memory, uint64_t pages, struct sk_err *err)
{
	uint32_t *generations = memory->generations;
	void *region;

	if (pages > memory->nr_pages)
		generations = realloc(generations, pages * sizeof(*generations));
	if (!generations)
		return sk_err_oom(err);
	memory->generations = generations;
	region = memory->region
			 ? mremap(memory->region, memory->nr_pages * SK_MEMORY_PAGE,
				  pages * SK_MEMORY_PAGE, MREMAP_MAYMOVE)
			 : map_pages(pages);
	if (!region || region == MAP_FAILED)
		return sk_err_oom(err);
	memory->region = region;
	for (uint64_t page = memory->nr_pages; page < pages; page++) {
		generations[page] = 0;
		write_page(memory, page);
	}
	memory->nr_pages = pages;
	memory->next %= pages;
	return 0;
}

static int check_fits(const struct sk_memory *memory, uint64_t bytes, struct sk_err *err)
{
	uint64_t have = memory->nr_pages * SK_MEMORY_PAGE;
	uint64_t available = available_bytes();

	if (bytes <= have)
		return 0;
	if (bytes > MAX_GUEST_REGION_B || available < RESERVE_BYTES ||
	    bytes - have > available - RESERVE_BYTES)
		return sk_err_set(
			err, ENOMEM,
			"a working set of %llu bytes does not fit: %llu are free",
			(unsigned long long)bytes, (unsigned long long)available);
	return 0;
}

int sk_memory_load(struct sk_memory *memory, uint64_t working_set_bytes,
		   uint64_t pages_per_s, struct sk_err *err)
{
	uint64_t pages = working_set_bytes / SK_MEMORY_PAGE +
			 (working_set_bytes % SK_MEMORY_PAGE ? 1 : 0);
	int r;

	(void)pthread_mutex_lock(&memory->lock);
	r = check_fits(memory, working_set_bytes, err);
	if (r == 0 && pages == 0) {
		unmap_pages(memory->region, memory->nr_pages);
		memory->region = NULL;
		memory->nr_pages = 0;
	} else if (r == 0 && pages != memory->nr_pages) {
		r = resize(memory, pages, err);
	}
	if (r == 0) {
		memory->state.working_set_bytes = pages * SK_MEMORY_PAGE;
		memory->state.pages_per_s = pages_per_s;
		memory->epoch_ns = sk_clock_mono();
		memory->epoch_pages = 0;
	}
	(void)pthread_cond_signal(&memory->changed);
	(void)pthread_mutex_unlock(&memory->lock);
	return r;
}

static uint64_t count_corrupt(struct sk_memory *memory)
{
	uint64_t corrupt = 0, page = 0;
	bool more = true;

	while (more) {
		(void)pthread_mutex_lock(&memory->lock);
		for (int i = 0; i < CHUNK_PAGES && page < memory->nr_pages; i++, page++)
			corrupt += !page_is_good(memory, page);
		more = page < memory->nr_pages;
		(void)pthread_mutex_unlock(&memory->lock);
	}
	return corrupt;
}

void sk_memory_check(struct sk_memory *memory)
{
	uint64_t sum = sk_pattern_sum(0, memory->fixed, memory->nr_fixed * PAGE_WORDS);
	uint64_t corrupt = count_corrupt(memory);

	(void)pthread_mutex_lock(&memory->lock);
	memory->state.static_sum = sum;
	memory->state.corrupt_pages = corrupt;
	(void)pthread_mutex_unlock(&memory->lock);
}

void sk_memory_get(struct sk_memory *memory, struct sk_memory_state *ret)
{
	(void)pthread_mutex_lock(&memory->lock);
	*ret = memory->state;
	(void)pthread_mutex_unlock(&memory->lock);
}

void *sk_memory_page(struct sk_memory *memory, uint64_t page)
{
	return page < memory->nr_pages ? memory->region + page * PAGE_WORDS : NULL;
}
