// SPDX-License-Identifier: Apache-2.0
/* expr - conditions on results, read by descent into an array of nodes */
#include "migrate/experiment/expr.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "lib/str.h"

#define WORD_SIZE 24

enum kind { KIND_OR, KIND_AND, KIND_NOT, KIND_COMPARE };
enum compare { LESS, LESS_EQUAL, MORE, MORE_EQUAL, EQUAL, NOT_EQUAL };

/** struct operand - A number, or what one is computed from */
struct operand {
	bool is_number, has_unit;
	double number;
	enum sk_unit unit;
	enum sk_expr_statistic statistic;
	const struct sk_metric *metric;
};

/** struct node - One operation; children by index, so that nothing is to be released */
struct node {
	enum kind kind;
	enum compare compare;
	size_t left, right;
	struct operand operand[2];
};

struct sk_expr {
	struct node nodes[SK_EXPR_MAX_NODES];
	size_t nr, root;
};

/** struct reader - Where the parser is */
struct reader {
	const char *text, *at;
	struct sk_expr *expr;
	unsigned int depth;
	struct sk_err *err;
};

static int fail(const struct reader *r, const char *at, const char *what)
{
	return sk_err_set(r->err, EINVAL, "'%s': column %zu: %s", r->text,
			  (size_t)(at - r->text) + 1, what);
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t')
		r->at++;
}

static bool take(struct reader *r, const char *token)
{
	const char *rest;

	skip_blanks(r);
	rest = sk_str_starts(r->at, token);
	if (rest)
		r->at = rest;
	return rest != NULL;
}

static int new_node(struct reader *r, struct node node, size_t *ret)
{
	if (r->expr->nr == SK_EXPR_MAX_NODES)
		return sk_err_set(r->err, E2BIG, "'%.40s...' is too long", r->text);
	r->expr->nodes[r->expr->nr] = node;
	*ret = r->expr->nr++;
	return 0;
}

/* Letters at the reader, as a word. */
static bool read_word(struct reader *r, char word[WORD_SIZE])
{
	size_t n = 0;

	while (n < WORD_SIZE - 1 && (isalnum((unsigned char)r->at[n]) || r->at[n] == '_'))
		n++;
	memcpy(word, r->at, n);
	word[n] = '\0';
	r->at += n;
	return n > 0;
}

static int read_unit(struct reader *r, struct operand *operand)
{
	static const struct {
		const char *name;
		enum sk_unit unit;
		double factor;
	} units[] = {
		{"us", SK_UNIT_MS, 1e-3},	  {"ms", SK_UNIT_MS, 1},
		{"s", SK_UNIT_MS, 1e3},		  {"min", SK_UNIT_MS, 6e4},
		{"h", SK_UNIT_MS, 3.6e6},	  {"b", SK_UNIT_BYTES, 1},
		{"k", SK_UNIT_BYTES, 1024},	  {"m", SK_UNIT_BYTES, 1048576},
		{"g", SK_UNIT_BYTES, 1073741824},
	};
	const char *start = r->at;
	char word[WORD_SIZE];

	operand->unit = SK_UNIT_COUNT;
	if (!read_word(r, word))
		return 0;
	operand->has_unit = true;
	for (size_t i = 0; i < SK_ARRAY_SIZE(units); i++)
		if (strcmp(word, units[i].name) == 0) {
			operand->unit = units[i].unit;
			operand->number *= units[i].factor;
			return 0;
		}
	return fail(r, start,
		    "not a unit: use us, ms, s, min, h for times, b, k, m, g for sizes");
}

/* Digits with at most one point: no sign, no exponent, no hexadecimal. */
static int read_number(struct reader *r, struct operand *operand)
{
	const char *start = r->at;
	double place = 1;
	bool has_point = false;
	size_t digits = 0;

	for (; isdigit((unsigned char)*r->at) || (*r->at == '.' && !has_point); r->at++) {
		if (*r->at == '.') {
			has_point = true;
			continue;
		}
		if (++digits > 15)
			return fail(r, start,
				    "a number of at most 15 digits is expected");
		operand->number = operand->number * 10 + (*r->at - '0');
		place *= has_point ? 10 : 1;
	}
	if (digits == 0)
		return fail(r, start, "a number is expected");
	operand->number /= place;
	operand->is_number = true;
	return read_unit(r, operand);
}

static int read_metric(struct reader *r, const char *word, const char *at,
		       struct operand *operand)
{
	sk_auto(sk_strv_free) char **known = NULL;
	sk_autofree char *all = NULL;
	int failed;

	operand->metric = sk_metric_find(word);
	if (operand->metric) {
		operand->unit = operand->metric->unit;
		return 0;
	}
	failed = fail(r, at, "no metric has this name");
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		if (sk_strv_add(&known, metric->name) < 0)
			return sk_err_oom(r->err);
	all = sk_strv_join(known, ", ");
	return sk_err_hint(r->err, failed, "metrics: %s; failed, discarded, missed",
			   all ? all : "");
}

static int read_operand(struct reader *r, struct operand *operand)
{
	static const char *const statistics[] = {"median", "min",	"max",	 "mean",
						 "failed", "discarded", "missed"};
	const char *start;
	char word[WORD_SIZE];

	*operand = (struct operand){.unit = SK_UNIT_COUNT};
	skip_blanks(r);
	start = r->at;
	if (isdigit((unsigned char)*start) || *start == '.')
		return read_number(r, operand);
	if (!read_word(r, word))
		return fail(r, start, "a metric or a number is expected");
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(statistics); i++) {
		if (strcmp(word, statistics[i]) != 0)
			continue;
		operand->statistic = (enum sk_expr_statistic)i;
		if (i >= SK_EXPR_FAILED)
			return 0;
		/* "max" is a metric too: max(downtime), but max>2s. */
		if (!take(r, "("))
			break;
		skip_blanks(r);
		start = r->at;
		if (!read_word(r, word))
			return fail(r, start, "a metric is expected");
		if (read_metric(r, word, start, operand) < 0)
			return -EINVAL;
		return take(r, ")") ? 0 : fail(r, r->at, "')' is expected");
	}
	operand->statistic = SK_EXPR_MEDIAN;
	return read_metric(r, word, start, operand);
}

/* 0 needs no unit. */
static bool fits(const struct operand *a, const struct operand *b)
{
	if (a->unit == b->unit)
		return true;
	return (a->is_number && !a->has_unit && a->number == 0) ||
	       (b->is_number && !b->has_unit && b->number == 0);
}

static int read_comparison(struct reader *r, size_t *ret)
{
	static const struct {
		const char *token;
		enum compare compare;
	} signs[] = {{"<=", LESS_EQUAL}, {">=", MORE_EQUAL}, {"==", EQUAL},
		     {"!=", NOT_EQUAL},	 {"<", LESS},	     {">", MORE}};
	struct node node = {.kind = KIND_COMPARE};
	const char *start;
	size_t i = 0;
	int failed;

	failed = read_operand(r, &node.operand[0]);
	if (failed < 0)
		return failed;
	while (i < SK_ARRAY_SIZE(signs) && !take(r, signs[i].token))
		i++;
	if (i == SK_ARRAY_SIZE(signs))
		return fail(r, r->at, "<, <=, >, >=, == or != is expected");
	node.compare = signs[i].compare;
	skip_blanks(r);
	start = r->at;
	failed = read_operand(r, &node.operand[1]);
	if (failed < 0)
		return failed;
	if (!fits(&node.operand[0], &node.operand[1]))
		return fail(r, start,
			    "both sides must be times, sizes or counts: 20ms, 64m, 3");
	return new_node(r, node, ret);
}

static int read_or(struct reader *r, size_t *ret);

static int read_not(struct reader *r, size_t *ret)
{
	struct node node = {.kind = KIND_NOT};
	int failed;

	if (++r->depth > SK_EXPR_MAX_DEPTH)
		return sk_err_set(r->err, E2BIG, "'%.40s...' is nested too deeply",
				  r->text);
	if (take(r, "!")) {
		failed = read_not(r, &node.left);
		if (failed == 0)
			failed = new_node(r, node, ret);
	} else if (take(r, "(")) {
		failed = read_or(r, ret);
		if (failed == 0 && !take(r, ")"))
			failed = fail(r, r->at, "')' is expected");
	} else {
		failed = read_comparison(r, ret);
	}
	r->depth--;
	return failed;
}

static int read_and(struct reader *r, size_t *ret)
{
	int failed = read_not(r, ret);

	while (failed == 0 && take(r, "&&")) {
		struct node node = {.kind = KIND_AND, .left = *ret};

		failed = read_not(r, &node.right);
		if (failed == 0)
			failed = new_node(r, node, ret);
	}
	return failed;
}

static int read_or(struct reader *r, size_t *ret)
{
	int failed = read_and(r, ret);

	while (failed == 0 && take(r, "||")) {
		struct node node = {.kind = KIND_OR, .left = *ret};

		failed = read_and(r, &node.right);
		if (failed == 0)
			failed = new_node(r, node, ret);
	}
	return failed;
}

int sk_expr_parse(const char *text, struct sk_expr **ret, struct sk_err *err)
{
	sk_auto(sk_expr_free) struct sk_expr *expr = NULL;
	struct reader r = {.text = text, .at = text, .err = err};
	int failed;

	if (strlen(text) > SK_EXPR_MAX_BYTES)
		return sk_err_set(err, E2BIG, "'%.40s...' is too long", text);
	expr = r.expr = calloc(1, sizeof(*expr));
	if (!expr)
		return sk_err_oom(err);
	failed = read_or(&r, &expr->root);
	if (failed < 0)
		return failed;
	skip_blanks(&r);
	if (*r.at)
		return fail(&r, r.at, "&&, || or the end is expected");
	*ret = sk_steal(&expr);
	return 0;
}

void sk_expr_free(struct sk_expr *expr)
{
	free(expr);
}

static bool holds(enum compare compare, double a, double b)
{
	switch (compare) {
	case LESS:
		return a < b;
	case LESS_EQUAL:
		return a <= b;
	case MORE:
		return a > b;
	case MORE_EQUAL:
		return a >= b;
	case EQUAL:
		return a == b;
	case NOT_EQUAL:
		return a != b;
	}
	return false;
}

static int eval_node(const struct sk_expr *expr, size_t index, sk_expr_value_fn value,
		     void *ctx)
{
	const struct node *node = &expr->nodes[index];
	double sides[2];
	int left, right;

	if (node->kind == KIND_COMPARE) {
		for (size_t i = 0; i < 2; i++) {
			const struct operand *o = &node->operand[i];

			sides[i] = o->is_number ? o->number
						: value(ctx, o->statistic, o->metric);
			if (isnan(sides[i]))
				return -ENODATA;
		}
		return holds(node->compare, sides[0], sides[1]);
	}
	left = eval_node(expr, node->left, value, ctx);
	if (node->kind == KIND_NOT)
		return left < 0 ? left : !left;
	right = eval_node(expr, node->right, value, ctx);
	/* One side may decide although the other is not known. */
	if (left == (node->kind == KIND_OR) || right == (node->kind == KIND_OR))
		return node->kind == KIND_OR;
	return left < 0 ? left : right;
}

int sk_expr_eval(const struct sk_expr *expr, sk_expr_value_fn value, void *ctx)
{
	return eval_node(expr, expr->root, value, ctx);
}
