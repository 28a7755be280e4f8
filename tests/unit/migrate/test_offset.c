// SPDX-License-Identifier: Apache-2.0
/* test_offset - estimates of known clocks, and of this machine's own by service and shell */
#include "migrate/measure/offset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/service.h"

#define AT 1000000000ull

/* A clock that is @ahead of ours, asked over ways of these delays, and @busy in between. */
static struct sk_exchange make(int64_t ahead, uint64_t there, uint64_t busy,
			       uint64_t back)
{
	struct sk_exchange x = {.asked_ns = AT};

	x.received_ns = AT + there + (uint64_t)ahead;
	x.replied_ns = x.received_ns + busy;
	x.answered_ns = AT + there + busy + back;
	return x;
}

static void test_even_ways_give_the_offset_itself(void **state)
{
	static const int64_t aheads[] = {0, 1, 5000000, -5000000, -999999};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(aheads); i++) {
		struct sk_exchange x = make(aheads[i], 200, 1000, 200);
		struct sk_clock_offset o;

		assert_int_equal(sk_offset_estimate(&x, 1, &o), 0);
		assert_int_equal(o.offset_ns, aheads[i]);
		assert_int_equal(o.error_ns, 200);
		assert_int_equal(o.rtt_ns, 400);
		assert_int_equal(o.nr, 1);
	}
}

static void test_uneven_ways_stay_within_the_error_bar(void **state)
{
	(void)state;
	for (uint64_t there = 0; there <= 1000; there += 50) {
		struct sk_exchange x = make(7000, there, 10, 1000 - there);
		struct sk_clock_offset o;

		assert_int_equal(sk_offset_estimate(&x, 1, &o), 0);
		assert_int_equal(o.error_ns, 500);
		assert_true(llabs(o.offset_ns - 7000) <= (int64_t)o.error_ns);
	}
}

static void test_several_exchanges_narrow_it(void **state)
{
	const struct sk_exchange x[] = {make(-300, 900, 0, 100), make(-300, 50, 0, 800),
					make(-300, 400, 0, 400)};
	struct sk_clock_offset o;

	(void)state;
	assert_int_equal(sk_offset_estimate(x, 3, &o), 0);
	/* At least -300 - 100, at most -300 + 50. */
	assert_int_equal(o.offset_ns, -325);
	assert_int_equal(o.error_ns, 75);
	assert_int_equal(o.rtt_ns, 800);
}

static void test_two_measurements_hold_all_between(void **state)
{
	const struct sk_clock_offset a = {.offset_ns = 100,
					  .error_ns = 50,
					  .rtt_ns = 90,
					  .nr = 12};
	const struct sk_clock_offset b = {.offset_ns = -400,
					  .error_ns = 20,
					  .rtt_ns = 40,
					  .nr = 11};
	struct sk_clock_offset o;

	(void)state;
	sk_offset_join(&a, &b, &o); /* from -420 to 150 */
	assert_int_equal(o.offset_ns, -135);
	assert_int_equal(o.error_ns, 285);
	assert_int_equal(o.rtt_ns, 40);
	assert_int_equal(o.nr, 23);
	assert_false(sk_offset_is_significant(&o));
	assert_true(sk_offset_is_significant(&a));
}

static void test_clock_that_was_set_leaves_the_best_exchange(void **state)
{
	const struct sk_exchange x[] = {make(0, 100, 0, 100), make(5000, 10, 0, 10)};
	struct sk_clock_offset o;

	(void)state;
	assert_int_equal(sk_offset_estimate(x, 2, &o), 0);
	assert_int_equal(o.offset_ns, 5000);
	assert_int_equal(o.error_ns, 10);
}

static void test_times_that_run_backwards_are_passed_over(void **state)
{
	struct sk_exchange x[2] = {make(0, 100, 50, 100), make(0, 100, 50, 100)};
	struct sk_clock_offset o = {.offset_ns = 77};

	(void)state;
	x[0].answered_ns = x[0].asked_ns - 1;
	x[1].replied_ns = x[1].received_ns - 1;
	assert_int_equal(sk_offset_estimate(x, 2, &o), -ENODATA);
	assert_int_equal(sk_offset_estimate(x, 0, &o), -ENODATA);
	assert_int_equal(o.offset_ns, 77);
	x[1] = make(3, 1, 1, 1);
	assert_int_equal(sk_offset_estimate(x, 2, &o), 0);
	assert_int_equal(o.nr, 1);
}

static void assert_own_clock(const struct sk_clock_offset *o, unsigned int n)
{
	print_message("offset %lld ns, error %llu ns, rtt %llu ns\n",
		      (long long)o->offset_ns, (unsigned long long)o->error_ns,
		      (unsigned long long)o->rtt_ns);
	assert_int_equal(o->nr, n);
	assert_true(llabs(o->offset_ns) <= (int64_t)o->error_ns);
	assert_true(o->error_ns <= 50 * SK_NS_PER_MS);
}

static void test_own_clock_by_the_service_is_zero_within_the_bound(void **state)
{
	struct sk_service_opts opts = {.server = SK_SERVER_OPTS_INIT};
	sk_auto(sk_service_free) struct sk_service *service = NULL;
	struct sk_clock_offset o;
	struct sk_err err = SK_ERR_INIT;
	char host[32];

	(void)state;
	opts.server.address = "127.0.0.1";
	assert_int_equal(sk_service_start(&opts, &service, &err), 0);
	(void)snprintf(host, sizeof(host), "127.0.0.1:%u",
		       sk_service_control_port(service));
	if (sk_offset_ask_service(host, -1, 16, &o, &err) < 0)
		fail_msg("%s", err.msg);
	assert_own_clock(&o, 16);
}

static void test_own_clock_by_a_shell_is_zero_within_the_bound(void **state)
{
	static const char *const shell[] = {"sh", "-c", NULL};
	struct sk_clock_offset o;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (sk_offset_ask_shell(shell, 8, &o, &err) < 0)
		fail_msg("%s", err.msg);
	assert_own_clock(&o, 8);
}

static void test_what_is_no_clock_is_said(void **state)
{
	static const char *const ends[] = {"true", NULL}, *const talks[] = {"echo", NULL};
	static const char *const missing[] = {"/nonexistent/ssh", NULL};
	struct sk_clock_offset o = {.nr = 5};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_true(sk_offset_ask_shell(ends, 1, &o, &err) < 0);
	assert_non_null(strstr(err.msg, "clock by 'true': "));
	assert_int_equal(sk_offset_ask_shell(talks, 1, &o, &err), -EPROTO);
	assert_int_equal(sk_offset_ask_shell(missing, 1, &o, &err), -ENOENT);
	assert_int_equal(o.nr, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even_ways_give_the_offset_itself),
		cmocka_unit_test(test_uneven_ways_stay_within_the_error_bar),
		cmocka_unit_test(test_several_exchanges_narrow_it),
		cmocka_unit_test(test_two_measurements_hold_all_between),
		cmocka_unit_test(test_clock_that_was_set_leaves_the_best_exchange),
		cmocka_unit_test(test_times_that_run_backwards_are_passed_over),
		cmocka_unit_test(test_own_clock_by_the_service_is_zero_within_the_bound),
		cmocka_unit_test(test_own_clock_by_a_shell_is_zero_within_the_bound),
		cmocka_unit_test(test_what_is_no_clock_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
