# SPDX-License-Identifier: Apache-2.0
# The intervals that tests/unit/lib/test_stats_compare.c expects of sk_stats_bootstrap().
import statistics

M = (1 << 64) - 1


def random(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & M
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M
        yield z ^ (z >> 31)


def below(numbers, n):
    while True:
        product = next(numbers) * n
        if product & M >= (1 << 64) % n:
            return product >> 64


def quantile(values, q):
    h = (len(values) - 1) * q
    i = int(h)
    return values[i] + (h - i) * (values[min(i + 1, len(values) - 1)] - values[i])


def interval(values, figure, rounds, seed, level):
    numbers = random(seed)
    found = sorted(figure([values[below(numbers, len(values))] for _ in values])
                   for _ in range(rounds))
    return quantile(found, (1 - level) / 2), quantile(found, (1 + level) / 2)


a = [212.4, 198.1, 231.7, 205.2, 220.9, 199.8, 240.3, 210.0]
print("median", interval(a, statistics.median, 1000, 20261122, 0.95))
print("max", interval(a, max, 1000, 20261122, 0.95))
