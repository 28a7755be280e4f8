/* SPDX-License-Identifier: Apache-2.0 */
/* clock - time in nanoseconds, deadlines, absolute sleeps */
#ifndef SK_CLOCK_H
#define SK_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_NS_PER_US 1000ull
#define SK_NS_PER_MS 1000000ull
#define SK_NS_PER_S  1000000000ull

/** sk_clock_mono() - CLOCK_MONOTONIC in ns: for durations */
uint64_t sk_clock_mono(void);
/** sk_clock_real() - CLOCK_REALTIME in ns since 1970: for stamps; QEMU's events use it too */
uint64_t sk_clock_real(void);
/** sk_clock_boot() - CLOCK_BOOTTIME in ns: for lifetimes that go on while the machine sleeps */
uint64_t sk_clock_boot(void);
/** sk_clock_sleep_until() - Sleep to an absolute CLOCK_MONOTONIC time; goes on after signals */
void sk_clock_sleep_until(uint64_t mono_ns);
/** sk_clock_remaining_ms() - Milliseconds, rounded up, until @deadline_mono_ns, for poll(2); 0 when past */
int sk_clock_remaining_ms(uint64_t deadline_mono_ns);
#define SK_CLOCK_TEXT_SIZE 40
/** sk_clock_format() - RFC 3339 text in UTC with ms of a sk_clock_real() stamp; returns @buf */
const char *sk_clock_format(uint64_t real_ns, char buf[SK_CLOCK_TEXT_SIZE]);
/** sk_clock_parse() - The way back, with or without a fraction, offsets Z or +HH:MM; 0 or -EINVAL */
int sk_clock_parse(const char *text, uint64_t *ret_real_ns);

#endif
