// SPDX-License-Identifier: Apache-2.0
/* clock - time in nanoseconds, deadlines, RFC 3339 stamps */
#include "lib/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The last second whose every nanosecond fits into 64 bits: in the year 2554. */
#define LAST_SECOND (UINT64_MAX / SK_NS_PER_S - 1)

static uint64_t now(clockid_t id)
{
	struct timespec ts = {0};

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t sk_clock_mono(void)
{
	return now(CLOCK_MONOTONIC);
}

uint64_t sk_clock_real(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t sk_clock_boot(void)
{
	return now(CLOCK_BOOTTIME);
}

void sk_clock_sleep_until(uint64_t mono_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(mono_ns / SK_NS_PER_S),
		.tv_nsec = (long)(mono_ns % SK_NS_PER_S),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int sk_clock_remaining_ms(uint64_t deadline_mono_ns)
{
	uint64_t at = sk_clock_mono();
	uint64_t ms;

	if (at >= deadline_mono_ns)
		return 0;
	ms = (deadline_mono_ns - at - 1) / SK_NS_PER_MS + 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static bool is_leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Not gmtime_r(): it reads the machine's time zone, also for a time that has none. */
static void split_days(unsigned int days, unsigned int *year, unsigned int *month,
		       unsigned int *day)
{
	static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30,
						31, 31, 30, 31, 30, 31};
	unsigned int length;

	for (*year = 1970; days >= 365u + is_leap(*year); (*year)++)
		days -= 365u + is_leap(*year);
	for (*month = 1;; (*month)++) {
		length = lengths[*month - 1] + (*month == 2 && is_leap(*year));
		if (days < length)
			break;
		days -= length;
	}
	*day = days + 1;
}

const char *sk_clock_format(uint64_t real_ns, char buf[SK_CLOCK_TEXT_SIZE])
{
	uint64_t seconds = real_ns / SK_NS_PER_S;
	unsigned int ms = (unsigned int)(real_ns % SK_NS_PER_S / SK_NS_PER_MS);
	unsigned int of_day = (unsigned int)(seconds % 86400);
	unsigned int year, month, day;

	split_days((unsigned int)(seconds / 86400), &year, &month, &day);
	(void)snprintf(buf, SK_CLOCK_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60,
		       ms);
	return buf;
}

/* Exactly @digits decimal digits between @min and @max, then skipped. */
static bool take_number(const char **text, int digits, int min, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if ((*text)[i] < '0' || (*text)[i] > '9')
			return false;
		value = value * 10 + ((*text)[i] - '0');
	}
	*text += digits;
	*ret = value;
	return value >= min && value <= max;
}

static bool take_char(const char **text, const char *allowed)
{
	if (**text == '\0' || !strchr(allowed, **text))
		return false;
	(*text)++;
	return true;
}

static bool take_date_time(const char **text, struct tm *tm)
{
	return take_number(text, 4, 1970, 9999, &tm->tm_year) && take_char(text, "-") &&
	       take_number(text, 2, 1, 12, &tm->tm_mon) && take_char(text, "-") &&
	       take_number(text, 2, 1, 31, &tm->tm_mday) && take_char(text, "Tt") &&
	       take_number(text, 2, 0, 23, &tm->tm_hour) && take_char(text, ":") &&
	       take_number(text, 2, 0, 59, &tm->tm_min) && take_char(text, ":") &&
	       take_number(text, 2, 0, 60, &tm->tm_sec);
}

/* Digits after the ninth are dropped. */
static bool take_fraction(const char **text, uint64_t *ret_ns)
{
	uint64_t weight = SK_NS_PER_S / 10;

	*ret_ns = 0;
	if (!take_char(text, "."))
		return true;
	if (**text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; (*text)++, weight /= 10)
		*ret_ns += weight * (uint64_t)(**text - '0');
	return true;
}

static bool take_offset(const char **text, int64_t *ret_seconds)
{
	int hours, minutes, sign;

	*ret_seconds = 0;
	if (take_char(text, "Zz"))
		return true;
	sign = **text == '-' ? -1 : 1;
	if (!take_char(text, "+-") || !take_number(text, 2, 0, 23, &hours) ||
	    !take_char(text, ":") || !take_number(text, 2, 0, 59, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600ll + minutes * 60ll);
	return true;
}

static bool day_exists(const struct tm *tm)
{
	struct tm day = {.tm_year = tm->tm_year,
			 .tm_mon = tm->tm_mon,
			 .tm_mday = tm->tm_mday};

	(void)timegm(&day);
	return day.tm_mon == tm->tm_mon;
}

int sk_clock_parse(const char *text, uint64_t *ret_real_ns)
{
	struct tm tm = {0};
	uint64_t fraction;
	int64_t offset, seconds;

	if (!take_date_time(&text, &tm) || !take_fraction(&text, &fraction) ||
	    !take_offset(&text, &offset) || *text != '\0')
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!day_exists(&tm))
		return -EINVAL;
	seconds = (int64_t)timegm(&tm) - offset;
	if (seconds < 0 || (uint64_t)seconds > LAST_SECOND)
		return -EINVAL;
	*ret_real_ns = (uint64_t)seconds * SK_NS_PER_S + fraction;
	return 0;
}
