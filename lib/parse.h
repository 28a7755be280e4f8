/* SPDX-License-Identifier: Apache-2.0 */
/* parse - strict numbers, sizes, rates, durations and names as users type them */
#ifndef SK_PARSE_H
#define SK_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * Each function reads the whole text, refuses white space, signs where none make sense,
 * empty text and overflow, and leaves *ret untouched on failure. Errors name the text and
 * what was expected: "'12q' is not a size: use a number with k, m, g or t".
 * Return: 0; -EINVAL when it is malformed; -ERANGE when it is out of range
 */

/** sk_parse_u64() - Decimal number between @min and @max, both included */
int sk_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
		 struct sk_err *err);
/** sk_parse_double() - Finite decimal number between @min and @max, no exponent */
int sk_parse_double(const char *text, double min, double max, double *ret,
		    struct sk_err *err);
/** sk_parse_bool() - true|false|yes|no|on|off|1|0 */
int sk_parse_bool(const char *text, bool *ret, struct sk_err *err);
/** sk_parse_size() - Bytes: "64m", "1.5g", "4096", "10k", "1t"; units of 1024;
 *  "64MiB", "64mb" too; rounded down */
int sk_parse_size(const char *text, uint64_t *ret_bytes, struct sk_err *err);
/** sk_parse_rate() - Bits per second: "100mbit", "1gbit", "500kbit" (units of 1000), or
 *  bytes "64MiB/s"; a unit is needed */
int sk_parse_rate(const char *text, uint64_t *ret_bits_per_s, struct sk_err *err);
/** sk_parse_duration() - Nanoseconds: "10s", "1.5h", "200ms", "50us", "2d"; a bare number is seconds */
int sk_parse_duration(const char *text, uint64_t *ret_ns, struct sk_err *err);
/** sk_parse_cpus() - Thousandths of a CPU: "0.5" is 500; at least 10, at most 1,000,000 */
int sk_parse_cpus(const char *text, uint64_t *ret_milli, struct sk_err *err);

/**
 * sk_parse_name() - Check a name of an object: 1 to 64 of [A-Za-z0-9_.-], first alphanumeric
 * @what:	For the error text: "container", "slice", ...
 */
int sk_parse_name(const char *what, const char *name, struct sk_err *err);

/* The ways back, for people: "64 MiB", "1.5 GiB", "100 Mbit/s", "1.4 s", "23 ms"; @buf holds the text. */
#define SK_FORMAT_SIZE 32
/** sk_format_size() - Bytes for people, in units of 1024; returns @buf */
const char *sk_format_size(uint64_t bytes, char buf[SK_FORMAT_SIZE]);
/** sk_format_rate() - Bits per second for people; returns @buf */
const char *sk_format_rate(uint64_t bits_per_s, char buf[SK_FORMAT_SIZE]);
/** sk_format_duration() - A duration for people, at most three digits, from a minute on
 *  "2 min 5 s"; returns @buf */
const char *sk_format_duration(uint64_t ns, char buf[SK_FORMAT_SIZE]);

#endif
