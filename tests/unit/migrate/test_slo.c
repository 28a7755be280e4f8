// SPDX-License-Identifier: Apache-2.0
/* test_slo - objectives as users write them, and whether a run kept to them */
#include "migrate/strategy/slo.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

static void test_all_limits_are_read(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_slo slo = {.bytes = 1};

	(void)state;
	assert_int_equal(sk_slo_parse("outage=100ms,total=30s,bytes=2x", &slo, &err), 0);
	assert_int_equal(slo.outage_ns, 100 * SK_NS_PER_MS);
	assert_int_equal(slo.total_ns, 30 * SK_NS_PER_S);
	assert_int_equal(slo.bytes, 0);
	assert_true(slo.bytes_factor == 2);
	assert_true(sk_slo_bytes(&slo, 100) == 200);
	assert_int_equal(sk_slo_parse("bytes=1g", &slo, &err), 0);
	assert_int_equal(slo.outage_ns, 0);
	assert_int_equal(slo.bytes, 1ull << 30);
	assert_true(sk_slo_bytes(&slo, 100) == (double)(1ull << 30));
	assert_true(sk_slo_is_set(&slo));
}

static void test_what_is_no_objective_is_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *msg;
	} cases[] = {
		{"", -EINVAL,
		 "'' is no objective: write outage=100ms, total=30s or bytes=2x"},
		{"outage", -EINVAL,
		 "'outage' is no objective: write outage=100ms, total=30s or bytes=2x"},
		{"speed=3", -EINVAL, "'speed' is no limit: use outage, total or bytes"},
		{"total=1s,total=2s", -EINVAL, "'total' is given twice"},
		{"bytes=0x", -ERANGE, "no migration keeps to bytes=0x"},
		{"outage=0s", -ERANGE, "no migration keeps to outage=0s"},
		{"bytes=x", -EINVAL, NULL},
		{"total=fast", -EINVAL, NULL},
		{"total=1s,", -EINVAL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_slo slo = {.total_ns = 77};
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_slo_parse(cases[i].text, &slo, &err), cases[i].code);
		if (cases[i].msg)
			assert_string_equal(err.msg, cases[i].msg);
		assert_true(err.msg[0] != '\0');
		assert_int_equal(slo.total_ns, 77);
	}
}

static void test_risks_are_read(void **state)
{
	struct sk_risk risk = {false};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_risk_parse("no-post-copy", &risk, &err), 0);
	assert_true(risk.no_post_copy);
	assert_int_equal(sk_risk_parse("all", &risk, &err), -EINVAL);
	assert_string_equal(err.msg, "'all' is no risk: use no-post-copy or any");
	assert_true(risk.no_post_copy);
	assert_int_equal(sk_risk_parse("any", &risk, &err), 0);
	assert_false(risk.no_post_copy);
}

static struct sk_json *judge(const char *text, const struct sk_verdict *v)
{
	struct sk_slo slo;

	assert_int_equal(sk_slo_parse(text, &slo, NULL), 0);
	return sk_slo_json(&slo, v);
}

static bool met(const struct sk_json *json, const char *path)
{
	return sk_json_bool(sk_json_path(json, path), false);
}

static void test_a_run_is_judged_limit_by_limit(void **state)
{
	const struct sk_verdict v = {.has_client = true,
				     .downtime_client_ns = 90 * SK_NS_PER_MS,
				     .active_ns = 1,
				     .completed_ns = 2,
				     .total_ns = 31 * SK_NS_PER_S,
				     .memory_bytes = 300,
				     .zero_bytes = 200,
				     .wire_bytes = 150};
	const struct sk_verdict blind = {.active_ns = 1, .completed_ns = 2};
	sk_auto(sk_json_free) struct sk_json *json =
		judge("outage=100ms,total=30s,bytes=2x", &v);
	sk_auto(sk_json_free) struct sk_json *some = judge("outage=100ms,bytes=2x", &v);
	sk_auto(sk_json_free) struct sk_json *none = judge("outage=100ms", &blind);

	(void)state;
	assert_true(met(json, "outage.met"));
	assert_false(met(json, "total.met"));
	assert_true(met(json, "bytes.met"));
	assert_false(met(json, "met"));
	assert_true(sk_json_double(sk_json_path(json, "bytes.limit"), 0) == 200);
	assert_true(sk_json_double(sk_json_path(json, "outage.measured"), 0) == 90);
	assert_true(met(some, "met"));
	assert_null(sk_json_get(some, "total"));
	/* Nobody measured what the client saw: that it was met cannot be said. */
	assert_false(met(none, "met"));
	assert_null(sk_json_path(none, "outage.measured"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_limits_are_read),
		cmocka_unit_test(test_what_is_no_objective_is_refused),
		cmocka_unit_test(test_risks_are_read),
		cmocka_unit_test(test_a_run_is_judged_limit_by_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
