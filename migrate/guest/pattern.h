/* SPDX-License-Identifier: Apache-2.0 */
/* pattern - bytes that do not compress and can be made again from a seed; their 64-bit sum */
#ifndef SK_PATTERN_H
#define SK_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** sk_pattern_mix() - Spread the bits of a number (the finaliser of splitmix64) */
uint64_t sk_pattern_mix(uint64_t value);
/** sk_pattern_fill() - Write the sequence of @seed into @n words */
void sk_pattern_fill(uint64_t *words, size_t n, uint64_t seed);
/** sk_pattern_matches() - Tell whether @n words hold the sequence of @seed */
bool sk_pattern_matches(const uint64_t *words, size_t n, uint64_t seed);
/**
 * sk_pattern_sum() - 64-bit checksum that depends on the value and the place of each word
 * @sum:	0, or the result for the words before these
 *
 * Four lanes of multiply and rotate, as in xxHash64; not its output. Detects corruption, not malice.
 */
uint64_t sk_pattern_sum(uint64_t sum, const uint64_t *words, size_t n);

#endif
