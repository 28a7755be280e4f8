// SPDX-License-Identifier: Apache-2.0
/* pattern - bytes that do not compress and can be made again from a seed; their 64-bit sum */
#include "migrate/guest/pattern.h"

#define PRIME_1 0x9e3779b185ebca87ull
#define PRIME_2 0xc2b2ae3d27d4eb4full

static uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

/* One step per word: cheap, as the lab guest may run in an emulator. */
static uint64_t next_word(uint64_t *state)
{
	uint64_t z = *state += PRIME_1;

	z = (z ^ z >> 30) * PRIME_2;
	return z ^ z >> 27;
}

uint64_t sk_pattern_mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

void sk_pattern_fill(uint64_t *words, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		words[i] = next_word(&seed);
}

bool sk_pattern_matches(const uint64_t *words, size_t n, uint64_t seed)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong |= words[i] ^ next_word(&seed);
	return wrong == 0;
}

uint64_t sk_pattern_sum(uint64_t sum, const uint64_t *words, size_t n)
{
	uint64_t lanes[4] = {sum + PRIME_1, sum ^ PRIME_2, sum, sum - PRIME_1};

	for (size_t i = 0; i < n; i++)
		lanes[i % 4] = rotate(lanes[i % 4] + words[i] * PRIME_2, 31) * PRIME_1;
	sum = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
	      rotate(lanes[3], 18);
	return sk_pattern_mix(sum + n);
}
