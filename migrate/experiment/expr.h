/* SPDX-License-Identifier: Apache-2.0 */
/* expr - conditions on results, such as "p99>20ms || max(downtime)>=1.5s || failed>0"; pure
 *
 *	or:      and { "||" and }
 *	and:     not { "&&" not }
 *	not:     "!" not | "(" or ")" | operand ("<" | "<=" | ">" | ">=" | "==" | "!=") operand
 *	operand: NUMBER[us|ms|s|min|h|b|k|m|g] | METRIC | STATISTIC "(" METRIC ")"
 *
 * METRIC is one of migrate/experiment/metric.h; STATISTIC is median (which a bare METRIC means), min, max
 * or mean over the runs of a cell; "failed", "discarded" and "missed" (the objective) count runs.
 */
#ifndef SK_EXPR_H
#define SK_EXPR_H

#include "lib/cleanup.h"
#include "lib/err.h"
#include "migrate/experiment/metric.h"

#define SK_EXPR_MAX_NODES 128
#define SK_EXPR_MAX_DEPTH 32
#define SK_EXPR_MAX_BYTES 1024

/** enum sk_expr_statistic - How the runs of a cell become one number */
enum sk_expr_statistic {
	SK_EXPR_MEDIAN,
	SK_EXPR_MIN,
	SK_EXPR_MAX,
	SK_EXPR_MEAN,
	SK_EXPR_FAILED,	   /* number of runs; no metric */
	SK_EXPR_DISCARDED, /* likewise */
	SK_EXPR_MISSED,	   /* likewise; NaN without an objective */
};

/** struct sk_expr - A parsed condition */
struct sk_expr;
/**
 * sk_expr_parse() - Read a condition
 * @ret:	Free with sk_expr_free()
 *
 * Both sides of a comparison have the same unit: a metric in ms wants a number with a time.
 * Return: 0; -EINVAL with the column; -E2BIG; -ENOMEM
 */
int sk_expr_parse(const char *text, struct sk_expr **ret, struct sk_err *err);
/** sk_expr_free() - Release it; NULL is fine */
void sk_expr_free(struct sk_expr *expr);
SK_DEFINE_AUTO(struct sk_expr, sk_expr_free)

/** sk_expr_value_fn - The number of a cell; NaN when no run has one. @metric NULL for counts of runs */
typedef double (*sk_expr_value_fn)(void *ctx, enum sk_expr_statistic statistic,
				   const struct sk_metric *metric);
/**
 * sk_expr_eval() - Whether it holds
 * Return: 1 or 0; -ENODATA when that depends on a number that is not there
 */
int sk_expr_eval(const struct sk_expr *expr, sk_expr_value_fn value, void *ctx);

#endif
