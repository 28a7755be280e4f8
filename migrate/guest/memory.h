/* SPDX-License-Identifier: Apache-2.0 */
/* memory - the guest's memory under test: a region written at a set rate, and one that never changes */
#ifndef SK_MEMORY_H
#define SK_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

#define SK_MEMORY_PAGE 4096u

/** struct sk_memory - Both regions and the thread that writes; opaque */
struct sk_memory;

/** struct sk_memory_state - A copy of the counters */
struct sk_memory_state {
	uint64_t working_set_bytes, pages_per_s, static_bytes, pages_written;
	uint64_t static_sum;	/* as of the last sk_memory_check() */
	uint64_t corrupt_pages; /* the same */
};

/**
 * sk_memory_new() - Make the static region and start the writer, idle
 * @static_bytes:	Rounded up to whole pages; may be 0
 * @ret:		Free with sk_memory_free()
 */
int sk_memory_new(uint64_t static_bytes, struct sk_memory **ret, struct sk_err *err);
/** sk_memory_free() - Stop the writer and release the regions; NULL is fine */
void sk_memory_free(struct sk_memory *memory);
SK_DEFINE_AUTO(struct sk_memory, sk_memory_free)

/**
 * sk_memory_load() - Set working set and rate; both hold when it returns
 * @working_set_bytes:	Rounded up to whole pages; what stays of the old set keeps its content
 * @pages_per_s:	0 stops writing
 *
 * Return: 0; -ENOMEM with what is available (nothing changed)
 */
int sk_memory_load(struct sk_memory *memory, uint64_t working_set_bytes,
		   uint64_t pages_per_s, struct sk_err *err);
/** sk_memory_check() - Read all of both regions: sum the static one, count wrong pages of the other */
void sk_memory_check(struct sk_memory *memory);
/** sk_memory_get() - Copy the counters */
void sk_memory_get(struct sk_memory *memory, struct sk_memory_state *ret);
/** sk_memory_page() - Address of a page of the written region, for tests that damage it; NULL when outside */
void *sk_memory_page(struct sk_memory *memory, uint64_t page);

#endif
