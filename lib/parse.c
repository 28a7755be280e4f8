// SPDX-License-Identifier: Apache-2.0
/* parse - strict numbers, sizes, rates, durations and names as users type them
 *
 * Quantities with a unit share one reader: the number is kept as an integer and a decimal
 * fraction, so that "1.1g" is exact to the byte, and the unit comes from a table.
 */
#include "lib/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

#define MAX_FRACTION_DIGITS 18
#define MAX_NUMBER_TEXT	    64

#define KI		    1024ull
#define MI		    (KI * KI)
#define GI		    (MI * KI)
#define TI		    (GI * KI)

/* struct unit - A unit by its name, or what a bare number means when that is "" */
struct unit {
	const char *name;
	uint64_t factor;
};

/* struct quantity - A kind of value: its units and how errors call it */
struct quantity {
	const char *what;
	const char *expected;
	const struct unit *units; /* ends with a NULL name */
};

/* struct decimal - whole + fraction / scale */
struct decimal {
	uint64_t whole, fraction, scale;
};

static const struct quantity size_quantity = {
	.what = "size",
	.expected = "use a number with k, m, g or t",
	.units =
		(const struct unit[]){
			{"", 1},
			{"b", 1},
			{"k", KI},
			{"kb", KI},
			{"kib", KI},
			{"m", MI},
			{"mb", MI},
			{"mib", MI},
			{"g", GI},
			{"gb", GI},
			{"gib", GI},
			{"t", TI},
			{"tb", TI},
			{"tib", TI},
			{0},
		},
};

static const struct quantity rate_quantity = {
	.what = "rate",
	.expected = "use a number with kbit, mbit or gbit, or with KiB/s, MiB/s or GiB/s",
	.units =
		(const struct unit[]){
			{"bit", 1},
			{"kbit", 1000},
			{"mbit", 1000000},
			{"gbit", 1000000000},
			{"tbit", 1000000000000},
			{"bit/s", 1},
			{"kbit/s", 1000},
			{"mbit/s", 1000000},
			{"gbit/s", 1000000000},
			{"tbit/s", 1000000000000},
			{"kib/s", 8 * KI},
			{"mib/s", 8 * MI},
			{"gib/s", 8 * GI},
			{"tib/s", 8 * TI},
			{0},
		},
};

static const struct quantity duration_quantity = {
	.what = "duration",
	.expected = "use a number with us, ms, s, m, h or d",
	.units =
		(const struct unit[]){
			{"", SK_NS_PER_S},
			{"ns", 1},
			{"us", SK_NS_PER_US},
			{"ms", SK_NS_PER_MS},
			{"s", SK_NS_PER_S},
			{"m", 60 * SK_NS_PER_S},
			{"h", 3600 * SK_NS_PER_S},
			{"d", 86400 * SK_NS_PER_S},
			{0},
		},
};

static const struct quantity cpus_quantity = {
	.what = "number of CPUs",
	.expected = "use a number such as 0.5 or 2",
	.units = (const struct unit[]){{"", 1000}, {0}},
};

static int malformed(struct sk_err *err, const char *text,
		     const struct quantity *quantity)
{
	return sk_err_set(err, EINVAL, "'%s' is not a %s: %s", text, quantity->what,
			  quantity->expected);
}

static int too_large(struct sk_err *err, const char *text,
		     const struct quantity *quantity)
{
	return sk_err_set(err, ERANGE, "'%s' is too large for a %s", text,
			  quantity->what);
}

/* Digits into *@ret. Returns the number of digits, or -ERANGE. */
static int take_digits(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	int n = 0;

	for (; isdigit((unsigned char)**text); (*text)++, n++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**text - '0'), &value))
			return -ERANGE;
	*ret = value;
	return n;
}

/* "12" or "12.5", not ".5", not "5.". Returns 0, -EINVAL or -ERANGE. */
static int take_decimal(const char **text, struct decimal *ret)
{
	int n = take_digits(text, &ret->whole);

	ret->fraction = 0;
	ret->scale = 1;
	if (n <= 0)
		return n < 0 ? n : -EINVAL;
	if (**text != '.')
		return 0;
	(*text)++;
	for (n = 0; isdigit((unsigned char)**text); (*text)++, n++) {
		if (n >= MAX_FRACTION_DIGITS)
			continue;
		ret->fraction = ret->fraction * 10 + (uint64_t)(**text - '0');
		ret->scale *= 10;
	}
	return n > 0 ? 0 : -EINVAL;
}

static const struct unit *find_unit(const struct quantity *quantity, const char *name)
{
	for (const struct unit *unit = quantity->units; unit->name; unit++)
		if (strcasecmp(unit->name, name) == 0)
			return unit;
	return NULL;
}

static int parse_quantity(const char *text, const struct quantity *quantity,
			  uint64_t *ret, struct sk_err *err)
{
	const char *rest = text;
	const struct unit *unit;
	struct decimal number;
	unsigned __int128 value;
	int r;

	r = take_decimal(&rest, &number);
	if (r == -ERANGE)
		return too_large(err, text, quantity);
	unit = find_unit(quantity, rest);
	if (r < 0 || !unit)
		return malformed(err, text, quantity);
	if (unit->factor == 1 && number.fraction > 0)
		return malformed(err, text, quantity);
	value = (unsigned __int128)number.whole * unit->factor +
		(unsigned __int128)number.fraction * unit->factor / number.scale;
	if (value > UINT64_MAX)
		return too_large(err, text, quantity);
	*ret = (uint64_t)value;
	return 0;
}

int sk_parse_size(const char *text, uint64_t *ret_bytes, struct sk_err *err)
{
	return parse_quantity(text, &size_quantity, ret_bytes, err);
}

int sk_parse_rate(const char *text, uint64_t *ret_bits_per_s, struct sk_err *err)
{
	return parse_quantity(text, &rate_quantity, ret_bits_per_s, err);
}

int sk_parse_duration(const char *text, uint64_t *ret_ns, struct sk_err *err)
{
	return parse_quantity(text, &duration_quantity, ret_ns, err);
}

int sk_parse_cpus(const char *text, uint64_t *ret_milli, struct sk_err *err)
{
	uint64_t milli = 0;
	int r = parse_quantity(text, &cpus_quantity, &milli, err);

	if (r < 0)
		return r;
	if (milli < 10 || milli > 1000000)
		return sk_err_set(err, ERANGE,
				  "'%s' CPUs are out of range: use 0.01 to 1000", text);
	*ret_milli = milli;
	return 0;
}

int sk_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
		 struct sk_err *err)
{
	const char *rest = text;
	uint64_t value = 0;
	int n = take_digits(&rest, &value);

	if (n == 0 || (n > 0 && *rest != '\0'))
		return sk_err_set(err, EINVAL, "'%s' is not a number: use digits only",
				  text);
	if (n < 0 || value < min || value > max)
		return sk_err_set(err, ERANGE,
				  "'%s' is out of range: use %" PRIu64 " to %" PRIu64,
				  text, min, max);
	*ret = value;
	return 0;
}

int sk_parse_double(const char *text, double min, double max, double *ret,
		    struct sk_err *err)
{
	const char *rest = text + (*text == '-');
	struct decimal parts;
	double value;
	int r = take_decimal(&rest, &parts);

	if (r == -EINVAL || *rest != '\0' || strlen(text) >= MAX_NUMBER_TEXT)
		return sk_err_set(err, EINVAL,
				  "'%s' is not a number: use digits such as 2 or 0.5",
				  text);
	value = strtod(text, NULL);
	if (!(value >= min && value <= max))
		return sk_err_set(err, ERANGE, "'%s' is out of range: use %g to %g", text,
				  min, max);
	*ret = value;
	return 0;
}

int sk_parse_bool(const char *text, bool *ret, struct sk_err *err)
{
	static const char *const words[][2] = {{"false", "true"},
					       {"no", "yes"},
					       {"off", "on"},
					       {"0", "1"}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		for (int truth = 0; truth < 2; truth++) {
			if (strcmp(text, words[i][truth]) == 0) {
				*ret = truth;
				return 0;
			}
		}
	}
	return sk_err_set(err, EINVAL, "'%s' is not a truth value: use true or false",
			  text);
}

static bool is_word(const char *text, const char *punctuation)
{
	for (; *text; text++)
		if (!isascii((unsigned char)*text) ||
		    (!isalnum((unsigned char)*text) && !strchr(punctuation, *text)))
			return false;
	return true;
}

int sk_parse_name(const char *what, const char *name, struct sk_err *err)
{
	if (*name == '\0')
		return sk_err_set(err, EINVAL, "the name of a %s must not be empty",
				  what);
	if (strlen(name) > 64)
		return sk_err_set(err, ERANGE,
				  "the %s name '%s' is too long: use up to 64 characters",
				  what, name);
	if (!is_word(name, "_.-"))
		return sk_err_set(
			err, EINVAL,
			"'%s' is not a name for a %s: use letters, digits, '_', '.' and '-'",
			name, what);
	if (!isalnum((unsigned char)*name))
		return sk_err_set(
			err, EINVAL,
			"'%s' is not a name for a %s: begin with a letter or a digit",
			name, what);
	return 0;
}

/* Three significant digits without zeros at the end of the fraction; whole numbers keep
 * all their digits.
 */
static size_t format_number(double value, char buf[SK_FORMAT_SIZE])
{
	int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	size_t n = (size_t)snprintf(buf, SK_FORMAT_SIZE, "%.*f", decimals, value);

	while (decimals > 0 && buf[n - 1] == '0')
		n--;
	if (buf[n - 1] == '.')
		n--;
	return n;
}

/* @units from small to large; the next one is taken when this would show @base. */
static const char *format_quantity(uint64_t value, const struct unit *units, double base,
				   char buf[SK_FORMAT_SIZE])
{
	double number = (double)value;
	size_t n;

	while (number / (double)units->factor >= base - 0.5 && units[1].name)
		units++;
	n = format_number(number / (double)units->factor, buf);
	(void)snprintf(buf + n, SK_FORMAT_SIZE - n, " %s", units->name);
	return buf;
}

const char *sk_format_size(uint64_t bytes, char buf[SK_FORMAT_SIZE])
{
	static const struct unit units[] = {{"B", 1},	 {"KiB", KI}, {"MiB", MI},
					    {"GiB", GI}, {"TiB", TI}, {0}};

	return format_quantity(bytes, units, 1024, buf);
}

const char *sk_format_rate(uint64_t bits_per_s, char buf[SK_FORMAT_SIZE])
{
	static const struct unit units[] = {{"bit/s", 1},
					    {"kbit/s", 1000},
					    {"Mbit/s", 1000000},
					    {"Gbit/s", 1000000000},
					    {"Tbit/s", 1000000000000},
					    {0}};

	return format_quantity(bits_per_s, units, 1000, buf);
}

const char *sk_format_duration(uint64_t ns, char buf[SK_FORMAT_SIZE])
{
	static const struct unit small[] = {{"ns", 1},
					    {"us", SK_NS_PER_US},
					    {"ms", SK_NS_PER_MS},
					    {"s", SK_NS_PER_S},
					    {0}};
	static const struct unit large[] = {{"d", 86400},
					    {"h", 3600},
					    {"min", 60},
					    {"s", 1}};
	uint64_t seconds = (ns + SK_NS_PER_S / 2) / SK_NS_PER_S;
	size_t i = 0;
	int n;

	if (ns > UINT64_MAX - SK_NS_PER_S)
		seconds = ns / SK_NS_PER_S;
	if (ns < 60 * SK_NS_PER_S - SK_NS_PER_MS * 50)
		return format_quantity(ns, small, 1000, buf);
	while (seconds < large[i].factor)
		i++;
	n = snprintf(buf, SK_FORMAT_SIZE, "%" PRIu64 " %s", seconds / large[i].factor,
		     large[i].name);
	seconds = seconds % large[i].factor / large[i + 1].factor;
	if (seconds > 0)
		(void)snprintf(buf + n, SK_FORMAT_SIZE - (size_t)n, " %" PRIu64 " %s",
			       seconds, large[i + 1].name);
	return buf;
}
