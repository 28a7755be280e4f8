// SPDX-License-Identifier: Apache-2.0
/* test_expr - conditions on results: what holds, what is refused and where */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/experiment/expr.h"

/* Values that conditions are tried on. */
static double value(void *ctx, enum sk_expr_statistic statistic,
		    const struct sk_metric *metric)
{
	(void)ctx;
	if (statistic == SK_EXPR_FAILED)
		return 1;
	if (statistic == SK_EXPR_DISCARDED)
		return 0;
	if (statistic == SK_EXPR_MISSED)
		return 2;
	if (strcmp(metric->name, "requests") == 0)
		return NAN;
	return statistic == SK_EXPR_MAX ? 90 : statistic == SK_EXPR_MIN ? 10 : 20;
}

static void test_conditions_hold_or_do_not(void **state)
{
	static const struct {
		const char *text;
		int holds;
	} cases[] = {
		{"p99>20ms", 0},
		{"p99 >= 20ms", 1},
		{"p99>19999us", 1},
		{"max(p99)>0.05s", 1},
		{"max>0.05s", 0},
		{"min(downtime)<11ms && mean(total)==20ms", 1},
		{"!(p99<1s)", 0},
		{"failed>0", 1},
		{"discarded != 0 || bytes <= 20b", 1},
		{"p99>1s || p99<1s && failed==2", 0},
		{"(p99>1s || p99<1s) && failed==1", 1},
		{"p99>0", 1},
		{"missed==2", 1},
		{"ratio_total>1.4 && queue>5ms && tlp>=1", 1},
		{"requests>3", -ENODATA},
		{"requests>3 || failed>0", 1},
		{"requests>3 && failed>1", 0},
		{"!(requests>3)", -ENODATA},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_expr_free) struct sk_expr *expr = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (sk_expr_parse(cases[i].text, &expr, &err) < 0)
			fail_msg("%s", err.msg);
		if (sk_expr_eval(expr, value, NULL) != cases[i].holds)
			fail_msg("'%s' is not %d", cases[i].text, cases[i].holds);
	}
}

static void test_conditions_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{"", "column 1: a metric or a number is expected"},
		{"p99", "column 4: <, <=, >, >=, == or != is expected"},
		{"p99>", "column 5: a metric or a number is expected"},
		{"p99>20", "column 5: both sides must be times"},
		{"lost>20ms", "column 6: both sides must be times"},
		{"p99>20kg", "column 7: not a unit"},
		{"p99>1.2.3", "column 5: both sides must be times"},
		{"p97>20ms", "column 1: no metric has this name"},
		{"max(p99>2ms", "column 8: ')' is expected"},
		{"(p99>2ms", "column 9: ')' is expected"},
		{"p99>2ms p99", "column 9: &&, || or the end"},
		{"p99>1234567890123456ms", "at most 15 digits"},
		{"p99>-1ms", "column 5: a metric or a number is expected"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_expr *expr = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_true(sk_expr_parse(cases[i].text, &expr, &err) < 0);
		assert_null(expr);
		if (!strstr(err.msg, cases[i].wrong))
			fail_msg("no '%s' in: %s", cases[i].wrong, err.msg);
	}
}

static void test_deep_conditions_are_refused(void **state)
{
	struct sk_expr *expr = NULL;
	struct sk_err err = SK_ERR_INIT;
	char text[200] = "";

	(void)state;
	memset(text, '(', 100);
	assert_int_equal(sk_expr_parse(text, &expr, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "nested too deeply"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions_hold_or_do_not),
		cmocka_unit_test(test_conditions_that_make_no_sense_are_refused),
		cmocka_unit_test(test_deep_conditions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
