// SPDX-License-Identifier: Apache-2.0
/* Conditions of `exp run --fail-if` */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "migrate/experiment/expr.h"
#include "tests/fuzz/fuzz.h"

/* Some numbers are there, others not. */
static double value(void *ctx, enum sk_expr_statistic statistic,
		    const struct sk_metric *metric)
{
	size_t *asked = ctx;

	fuzz_must(metric != NULL || statistic >= SK_EXPR_FAILED);
	fuzz_must(++*asked <= 2 * SK_EXPR_MAX_NODES);
	return metric && strcmp(metric->name, "requests") == 0 ? NAN : (double)statistic;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_expr_free) struct sk_expr *expr = NULL;
	sk_autofree char *text = fuzz_text(data, size);
	struct sk_err err = SK_ERR_INIT;
	size_t asked = 0;
	int r = sk_expr_parse(text, &expr, &err);

	fuzz_must((r == 0) == (expr != NULL));
	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	if (expr) {
		int holds = sk_expr_eval(expr, value, &asked);

		fuzz_must(holds == 0 || holds == 1 || holds == -ENODATA);
	}
	return 0;
}
