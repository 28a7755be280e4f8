// SPDX-License-Identifier: Apache-2.0
/* test_parse - exact values, friendly refusals, results untouched on failure */
#include "lib/parse.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

#define UNTOUCHED 4711u

typedef int parse_fn(const char *text, uint64_t *ret, struct sk_err *err);

struct parse_case {
	const char *text;
	uint64_t want;
};

static void expect_values(parse_fn *parse, const struct parse_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sk_err err = SK_ERR_INIT;
		uint64_t got = UNTOUCHED;

		if (parse(cases[i].text, &got, &err) != 0 || got != cases[i].want)
			fail_msg("'%s' gave %llu, wanted %llu (%s)", cases[i].text,
				 (unsigned long long)got,
				 (unsigned long long)cases[i].want, err.msg);
	}
}

static void expect_refusals(parse_fn *parse, int code, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sk_err err = SK_ERR_INIT;
		uint64_t got = UNTOUCHED;
		int r = parse(texts[i], &got, &err);

		if (r != -code || err.code != code || got != UNTOUCHED)
			fail_msg("'%s' gave %d", texts[i], r);
		if (!strstr(err.msg, texts[i]))
			fail_msg("'%s' does not name '%s'", err.msg, texts[i]);
	}
}

static void test_sizes_are_exact(void **state)
{
	static const struct parse_case cases[] = {
		{"0", 0},
		{"4096", 4096},
		{"10k", 10240},
		{"64m", 64ull << 20},
		{"64M", 64ull << 20},
		{"64mb", 64ull << 20},
		{"64MiB", 64ull << 20},
		{"1.5g", 3ull << 29},
		{"1t", 1ull << 40},
		{"0.1k", 102},
		{"7b", 7},
		{"1.1g", 1181116006},
		{"18446744073709551615", UINT64_MAX},
		{"16777215.99999999999t", UINT64_MAX - 10},
	};

	(void)state;
	expect_values(sk_parse_size, cases, SK_ARRAY_SIZE(cases));
}

static void test_malformed_sizes_are_refused(void **state)
{
	static const char *const texts[] = {
		"",    "m",	"12q", "-1",   "+1",  " 1",   "1 ",   "1 m", "1.m", ".5m",
		"1.5", "1..5m", "1e3", "0x10", "1mm", "1,5g", "1.5b", "nan", "inf",
	};
	static const char *const large[] = {"18446744073709551616", "16777216t",
					    "99999999999999999999999g"};

	(void)state;
	expect_refusals(sk_parse_size, EINVAL, texts, SK_ARRAY_SIZE(texts));
	expect_refusals(sk_parse_size, ERANGE, large, SK_ARRAY_SIZE(large));
}

static void test_refused_size_says_what_was_expected(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	uint64_t got;

	(void)state;
	assert_int_equal(sk_parse_size("12q", &got, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "'12q' is not a size: use a number with k, m, g or t");
	assert_int_equal(sk_parse_size("16777216t", &got, &err), -ERANGE);
	assert_string_equal(err.msg, "'16777216t' is too large for a size");
	assert_int_equal(sk_parse_size("12q", &got, NULL), -EINVAL);
}

static void test_rates_are_in_bits(void **state)
{
	static const struct parse_case cases[] = {
		{"100mbit", 100000000}, {"1gbit", 1000000000},
		{"500kbit", 500000},	{"1.5Gbit", 1500000000},
		{"9600bit", 9600},	{"64MiB/s", 64ull * 8 << 20},
		{"1kib/s", 8192},	{"100Mbit/s", 100000000},
	};
	static const char *const texts[] = {"",	       "100",  "100m",	 "100Mb/s",
					    "100mbps", "mbit", "1.5bit", "-1mbit",
					    "1 mbit",  "64MiB"};
	static const char *const large[] = {"18446745tbit"};

	(void)state;
	expect_values(sk_parse_rate, cases, SK_ARRAY_SIZE(cases));
	expect_refusals(sk_parse_rate, EINVAL, texts, SK_ARRAY_SIZE(texts));
	expect_refusals(sk_parse_rate, ERANGE, large, SK_ARRAY_SIZE(large));
}

static void test_durations_are_in_nanoseconds(void **state)
{
	static const struct parse_case cases[] = {
		{"10s", 10000000000},	 {"10", 10000000000},
		{"1.5h", 5400000000000}, {"200ms", 200000000},
		{"50us", 50000},	 {"2d", 172800000000000},
		{"3m", 180000000000},	 {"0", 0},
		{"0.25", 250000000},	 {"7ns", 7},
		{"0.0000000001s", 0},
	};
	static const char *const texts[] = {"",	   "s",	    "10x", "1h30m",
					    "-1s", "1.5ns", "1 s", "1e3"};
	static const char *const large[] = {"213504d", "18446744074s"};

	(void)state;
	expect_values(sk_parse_duration, cases, SK_ARRAY_SIZE(cases));
	expect_refusals(sk_parse_duration, EINVAL, texts, SK_ARRAY_SIZE(texts));
	expect_refusals(sk_parse_duration, ERANGE, large, SK_ARRAY_SIZE(large));
}

static void test_cpus_are_in_thousandths(void **state)
{
	static const struct parse_case cases[] = {{"0.5", 500},
						  {"2", 2000},
						  {"0.01", 10},
						  {"1000", 1000000},
						  {"1.2345", 1234}};
	static const char *const texts[] = {"", "two", "-1", "0.5c", ".5"};
	static const char *const range[] = {"0", "0.009", "1000.001",
					    "99999999999999999999"};

	(void)state;
	expect_values(sk_parse_cpus, cases, SK_ARRAY_SIZE(cases));
	expect_refusals(sk_parse_cpus, EINVAL, texts, SK_ARRAY_SIZE(texts));
	expect_refusals(sk_parse_cpus, ERANGE, range, SK_ARRAY_SIZE(range));
}

static int parse_port(const char *text, uint64_t *ret, struct sk_err *err)
{
	return sk_parse_u64(text, 1, 65535, ret, err);
}

static int parse_any(const char *text, uint64_t *ret, struct sk_err *err)
{
	return sk_parse_u64(text, 0, UINT64_MAX, ret, err);
}

static void test_unsigned_numbers_are_strict(void **state)
{
	static const struct parse_case cases[] = {{"0", 0},
						  {"18446744073709551615", UINT64_MAX},
						  {"007", 7}};
	static const char *const texts[] = {"",	  "-1", "+1",  " 1",
					    "1 ", "1a", "0x1", "1.0"};
	static const char *const range[] = {"0", "65536", "18446744073709551616"};
	struct sk_err err = SK_ERR_INIT;
	uint64_t got;

	(void)state;
	expect_values(parse_any, cases, SK_ARRAY_SIZE(cases));
	expect_refusals(parse_any, EINVAL, texts, SK_ARRAY_SIZE(texts));
	expect_refusals(parse_port, ERANGE, range, SK_ARRAY_SIZE(range));
	assert_int_equal(parse_port("65536", &got, &err), -ERANGE);
	assert_string_equal(err.msg, "'65536' is out of range: use 1 to 65535");
}

static void test_doubles_are_plain_decimals(void **state)
{
	static const char *const texts[] = {"",	   "-",	    ".5", "5.",	 "1e3", "inf",
					    "nan", "0x1p3", "1 ", "1,5", "+1"};
	struct sk_err err = SK_ERR_INIT;
	double got = 7;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		if (sk_parse_double(texts[i], -10, 10, &got, NULL) != -EINVAL || got != 7)
			fail_msg("'%s' was accepted", texts[i]);
	assert_int_equal(sk_parse_double("10.5", -10, 10, &got, &err), -ERANGE);
	assert_string_equal(err.msg, "'10.5' is out of range: use -10 to 10");
	assert_int_equal(sk_parse_double("-2.5", -10, 10, &got, NULL), 0);
	assert_true(fabs(got + 2.5) < 1e-15);
	assert_int_equal(sk_parse_double("0.125", 0, 1, &got, NULL), 0);
	assert_true(fabs(got - 0.125) < 1e-15);
}

static void test_truth_has_eight_words(void **state)
{
	static const char *const words[] = {"false", "true", "no", "yes",
					    "off",   "on",   "0",  "1"};
	struct sk_err err = SK_ERR_INIT;
	bool got;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		got = i % 2 == 0;
		assert_int_equal(sk_parse_bool(words[i], &got, NULL), 0);
		assert_int_equal(got, i % 2);
	}
	assert_int_equal(sk_parse_bool("TRUE", &got, &err), -EINVAL);
	assert_string_equal(err.msg, "'TRUE' is not a truth value: use true or false");
}

static void test_names_are_checked(void **state)
{
	static const char *const good[] = {"a", "web1", "9lives", "a_b.c-d"};
	static const char *const bad[] = {"",	 ".",	"..",	    "-a",  "_a", "a/b",
					  "a b", "a\n", "\xc3\xbc", "a:b", ".a"};
	struct sk_err err = SK_ERR_INIT;
	char text[66];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++)
		assert_int_equal(sk_parse_name("container", good[i], NULL), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		assert_int_equal(sk_parse_name("container", bad[i], NULL), -EINVAL);
	memset(text, 'a', 65);
	text[65] = '\0';
	assert_int_equal(sk_parse_name("slice", text, NULL), -ERANGE);
	assert_int_equal(sk_parse_name("slice", text + 1, NULL), 0);
	assert_int_equal(sk_parse_name("slice", "a/b", &err), -EINVAL);
	assert_string_equal(err.msg, "'a/b' is not a name for a slice: "
				     "use letters, digits, '_', '.' and '-'");
}

static void test_values_are_formatted_for_people(void **state)
{
	static const struct {
		const char *(*format)(uint64_t, char[SK_FORMAT_SIZE]);
		uint64_t value;
		const char *want;
	} cases[] = {
		{sk_format_size, 0, "0 B"},
		{sk_format_size, 1023, "1023 B"},
		{sk_format_size, 1024, "1 KiB"},
		{sk_format_size, 64ull << 20, "64 MiB"},
		{sk_format_size, 3ull << 29, "1.5 GiB"},
		{sk_format_size, (1ull << 20) - 1, "1 MiB"},
		{sk_format_size, 1000ull << 10, "1000 KiB"},
		{sk_format_size, UINT64_MAX, "16777216 TiB"},
		{sk_format_rate, 100000000, "100 Mbit/s"},
		{sk_format_rate, 9600, "9.6 kbit/s"},
		{sk_format_rate, 999999, "1 Mbit/s"},
		{sk_format_duration, 0, "0 ns"},
		{sk_format_duration, 1402000000, "1.4 s"},
		{sk_format_duration, 1456000000, "1.46 s"},
		{sk_format_duration, 23000000, "23 ms"},
		{sk_format_duration, 23440000, "23.4 ms"},
		{sk_format_duration, 234400, "234 us"},
		{sk_format_duration, 999700000, "1 s"},
		{sk_format_duration, 59940000000, "59.9 s"},
		{sk_format_duration, 59950000000, "1 min"},
		{sk_format_duration, 125000000000, "2 min 5 s"},
		{sk_format_duration, 7380000000000, "2 h 3 min"},
		{sk_format_duration, 86400000000000, "1 d"},
		{sk_format_duration, UINT64_MAX, "213503 d 23 h"},
	};
	char buf[SK_FORMAT_SIZE];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		assert_string_equal(cases[i].format(cases[i].value, buf), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_exact),
		cmocka_unit_test(test_malformed_sizes_are_refused),
		cmocka_unit_test(test_refused_size_says_what_was_expected),
		cmocka_unit_test(test_rates_are_in_bits),
		cmocka_unit_test(test_durations_are_in_nanoseconds),
		cmocka_unit_test(test_cpus_are_in_thousandths),
		cmocka_unit_test(test_unsigned_numbers_are_strict),
		cmocka_unit_test(test_doubles_are_plain_decimals),
		cmocka_unit_test(test_truth_has_eight_words),
		cmocka_unit_test(test_names_are_checked),
		cmocka_unit_test(test_values_are_formatted_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
