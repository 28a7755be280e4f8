/* SPDX-License-Identifier: Apache-2.0 */
/* random - numbers that a stored seed brings back; not for secrets */
#ifndef SK_RANDOM_H
#define SK_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** struct sk_random - A sequence; begin with {.state = seed} */
struct sk_random {
	uint64_t state;
};
/**
 * sk_random_next() - The next 64 bits
 *
 * SplitMix64: each seed gives another sequence, the same on every machine.
 * Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
 */
uint64_t sk_random_next(struct sk_random *random);
/** sk_random_below() - A number below @n (at least 1), each as likely */
size_t sk_random_below(struct sk_random *random, size_t n);
/** sk_random_seed() - A seed from the kernel; of 53 bits, so that every JSON reader keeps it */
uint64_t sk_random_seed(void);

#endif
