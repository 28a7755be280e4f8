// SPDX-License-Identifier: Apache-2.0
/* random - numbers that a stored seed brings back; not for secrets */
#include "lib/random.h"

#include <sys/random.h>

#include "lib/clock.h"

uint64_t sk_random_next(struct sk_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* The upper word of a product is even over [0, n) but for a few values of the lower word. */
size_t sk_random_below(struct sk_random *random, size_t n)
{
	uint64_t uneven = -(uint64_t)n % n;

	for (;;) {
		unsigned __int128 product = (unsigned __int128)sk_random_next(random) * n;

		if ((uint64_t)product >= uneven)
			return (size_t)(product >> 64);
	}
}

uint64_t sk_random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = sk_clock_real();
	return seed >> 11;
}
