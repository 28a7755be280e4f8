// SPDX-License-Identifier: Apache-2.0
/* test_model - predictions against values computed by hand, and what must hold for any input */
#include "migrate/strategy/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static void near_(double value, double wanted, int line)
{
	if (fabs(value - wanted) > 1e-6 * fabs(wanted) + 1e-9)
		fail_msg("line %d: %.9g is not %.9g", line, value, wanted);
}

#define NEAR(value, wanted) near_((value), (wanted), __LINE__)

/* 100 MB that are not zero, a link of 50 MB/s, a guest that writes nothing. */
static struct sk_model_input idle(void)
{
	struct sk_model_input in = {
		.memory_bytes = 100e6,
		.nonzero = sk_range_of(100e6),
		.tail = sk_range_of(0),
		.link_bps = sk_range_of(50e6),
		.postcopy_link_bps = sk_range_of(100e6),
		.downtime_s = 0.3,
		.warm = 2.5,
	};

	for (int mode = 0; mode < SK_MODEL_MODES; mode++)
		in.mode[mode] = (struct sk_model_mode){.floor_s = sk_range_of(0.02),
						       .extra_s = sk_range_of(0.1),
						       .network_s = sk_range_of(0.01),
						       .wait = sk_range_of(0)};
	in.mode[SK_MODE_POST_COPY].wait = sk_range_of(0.5);
	in.mode[SK_MODE_HYBRID].wait = sk_range_of(0.25);
	return in;
}

static struct sk_model_output predict(const struct sk_model_input *in, enum sk_mode mode)
{
	struct sk_model_output out;

	sk_model_predict(in, mode, 0, &out);
	return out;
}

static void test_an_idle_guest_needs_one_pass(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out = predict(&in, SK_MODE_PRE_COPY);

	(void)state;
	assert_true(out.converges);
	assert_int_equal(out.passes, 1);
	NEAR(out.total_s.mid, 2.1); /* 100 MB at 50 MB/s, and 0.1 s */
	NEAR(out.downtime_s.mid, 0.02);
	NEAR(out.outage_s.mid, 0.03);
	NEAR(out.bytes.mid, 100e6);
}

static void test_the_tail_of_the_first_pass_is_sent_with_the_guest_stopped(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;

	(void)state;
	in.cap_bps = 10e6; /* 3 MB fit 300 ms */
	in.tail = sk_range_of(5e6);
	out = predict(&in, SK_MODE_PRE_COPY);
	/* 97 MB at 10 MB/s, then 3 MB without the cap at 50 MB/s */
	NEAR(out.total_s.mid, 9.7 + 0.06 + 0.1);
	NEAR(out.downtime_s.mid, 0.06 + 0.02);
	NEAR(out.bytes.mid, 100e6);
}

static void test_stop_and_copy_stands_still_for_all_of_it(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;

	(void)state;
	in.write_bps = sk_range_of(40e6); /* which it does not do while it stands still */
	in.working_set = sk_range_of(80e6);
	out = predict(&in, SK_MODE_STOP_AND_COPY);
	NEAR(out.total_s.mid, 2.1);
	NEAR(out.downtime_s.mid, 2.02);
}

static void test_post_copy_waits_for_a_share_of_its_phase(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out = predict(&in, SK_MODE_POST_COPY);

	(void)state;
	NEAR(out.postcopy_s, 1); /* its own link has 100 MB/s */
	NEAR(out.total_s.mid, 1.1);
	NEAR(out.downtime_s.mid, 0.02);
	NEAR(out.outage_s.mid, 0.02 + 0.01 + 0.5);
	in.cap_bps = 10e6;
	in.postcopy_cap_bps = 20e6;
	out = predict(&in, SK_MODE_POST_COPY);
	NEAR(out.postcopy_s, 5);
}

static void test_passes_shrink_until_the_rest_fits(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;

	(void)state;
	in.cap_bps = 10e6;
	in.write_bps = sk_range_of(5e6);
	in.working_set = sk_range_of(20e6);
	out = predict(&in, SK_MODE_PRE_COPY);
	/* 10 s leave 20 MB; each pass hands 2.5 MB on: 1.75 s, 0.875 s, 0.4375 s, 0.21875 s,
	 * 0.109375 s, then steps of 0.1 s of which every second fits: 0.2 s; 2.75 MB are left */
	NEAR(out.copy_s, 13.590625 + 0.022);
	NEAR(out.flush_s, 0.022);
	NEAR(out.bytes.mid, 138.65625e6);
	assert_int_equal(out.passes, 7);
}

static void test_hybrid_sends_what_was_written_in_its_pass(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;

	(void)state;
	in.cap_bps = 10e6;
	in.write_bps = sk_range_of(5e6);
	in.working_set = sk_range_of(20e6);
	out = predict(&in, SK_MODE_HYBRID);
	NEAR(out.total_s.mid, 10 + 2 + 0.1);
	NEAR(out.bytes.mid, 120e6);
	NEAR(out.outage_s.mid, 0.02 + 0.01 + 0.25 * 2);
	sk_model_predict(&in, SK_MODE_HYBRID, 2, &out);
	NEAR(out.copy_s,
	     10 + 2 + 1); /* 20 MB in the second pass, in which 10 are written */
}

static void test_what_does_not_converge_says_why(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;

	(void)state;
	in.cap_bps = 10e6;
	in.write_bps = sk_range_of(20e6);
	in.working_set = sk_range_of(50e6);
	out = predict(&in, SK_MODE_PRE_COPY);
	assert_false(out.converges);
	assert_string_equal(out.why,
			    "20 MB/s dirtied against 10 MB/s sent, and a working set of "
			    "47.7 MiB does not fit 300 ms");
	in.downtime_s = 6; /* 60 MB fit */
	assert_true(predict(&in, SK_MODE_PRE_COPY).converges);
	in.downtime_s = 0.3;
	in.throttle_initial = 0.2;
	in.throttle_increment = 0.1;
	out = predict(&in, SK_MODE_PRE_COPY);
	assert_true(out.converges);
	assert_true(out.total_s.mid > 10);
}

static void test_what_may_not_converge_has_no_upper_end(void **state)
{
	struct sk_model_input in = idle();
	struct sk_model_output out;
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	(void)state;
	in.cap_bps = 10e6;
	in.write_bps = (struct sk_range){2e6, 5e6, 20e6};
	in.working_set = sk_range_of(50e6);
	out = predict(&in, SK_MODE_PRE_COPY);
	assert_true(out.converges);
	assert_true(isinf(out.total_s.high));
	assert_non_null(strstr(out.why, "it may not: up to 20 MB/s"));
	json = sk_range_json(&out.total_s, 1e3);
	assert_null(sk_json_get(json, "high"));
	assert_true(sk_json_double(sk_json_get(json, "low"), 0) > 1e4);
}

/* A generator of our own, so that a failure can be repeated. */
static double draw(uint64_t *state, double low, double high)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return low + (high - low) * (double)(*state >> 11) / (double)(1ull << 53);
}

static struct sk_range draw_range(uint64_t *state, double low, double high)
{
	double mid = draw(state, low, high);

	return (struct sk_range){mid * draw(state, 0.5, 1), mid, mid * draw(state, 1, 2)};
}

static struct sk_model_input any_input(uint64_t *seed)
{
	struct sk_model_input in = {
		.memory_bytes = 512e6,
		.nonzero = draw_range(seed, 1e6, 256e6),
		.tail = draw_range(seed, 0, 20e6),
		.write_bps = draw_range(seed, 0, 60e6),
		.working_set = draw_range(seed, 0, 128e6),
		.link_bps = draw_range(seed, 20e6, 500e6),
		.postcopy_link_bps = draw_range(seed, 20e6, 500e6),
		.cap_bps = draw(seed, 0, 1) < 0.5 ? 0 : draw(seed, 10e6, 100e6),
		.downtime_s = draw(seed, 0.01, 1),
	};

	for (int mode = 0; mode < SK_MODEL_MODES; mode++)
		in.mode[mode] =
			(struct sk_model_mode){.floor_s = draw_range(seed, -0.01, 0.1),
					       .extra_s = draw_range(seed, 0, 0.3),
					       .network_s = draw_range(seed, 0, 0.1),
					       .wait = draw_range(seed, 0, 0.5)};
	return in;
}

static void assert_ordered(const struct sk_range *r)
{
	assert_true(r->low >= 0);
	assert_true(r->low <= r->mid);
	assert_true(r->mid <= r->high);
}

static void test_intervals_are_in_order_and_never_negative(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct sk_model_input in = any_input(&seed);

		for (int mode = 0; mode < SK_MODEL_MODES; mode++) {
			struct sk_model_output out = predict(&in, (enum sk_mode)mode);

			if (!out.converges) {
				assert_int_equal(mode, SK_MODE_PRE_COPY);
				assert_true(out.why[0] != '\0');
				continue;
			}
			assert_ordered(&out.total_s);
			assert_ordered(&out.downtime_s);
			assert_ordered(&out.outage_s);
			assert_ordered(&out.bytes);
			assert_true(out.bytes.mid >= in.nonzero.mid * 0.999);
		}
	}
}

/* Total time and bytes at the mid; INFINITY when it does not end. */
static double total_of(struct sk_model_input in, enum sk_mode mode)
{
	struct sk_model_output out = predict(&in, mode);

	return out.converges ? out.copy_s : INFINITY;
}

static void test_more_writes_never_take_less_time_nor_more_link_more(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 150; i++) {
		struct sk_model_input in = any_input(&seed), more, faster;
		/* How often the rest fits by chance counts in whole steps. */
		double step = 0.11;

		in.cap_bps = 0;
		more = faster = in;
		more.write_bps.mid *= 1.3;
		more.write_bps.high *= 1.3;
		faster.link_bps.mid *= 1.5;
		faster.link_bps.high *= 1.5;
		for (int mode = 0; mode < SK_MODEL_MODES; mode++) {
			double base = total_of(in, (enum sk_mode)mode);

			assert_true(total_of(more, (enum sk_mode)mode) >= base - step);
			assert_true(isinf(base) ||
				    total_of(faster, (enum sk_mode)mode) <= base + step);
		}
	}
}

static void test_write_rate_and_working_set_are_told_apart(void **state)
{
	/* 20 MB in 1 s, 60 MB in 4 s: the working set is 60 MB */
	const struct sk_dirty_period bounded[] = {{1, 20e6, 0.5e6}, {4, 60e6, 1e6}};
	/* 20 MB in 1 s, 79 MB in 4 s: it is larger than that */
	const struct sk_dirty_period open[] = {{1, 20e6, 0.5e6}, {4, 79e6, 1e6}};
	struct sk_range write, ws;

	(void)state;
	sk_model_dirty(bounded, 2, 256e6, &write, &ws);
	assert_true(write.mid >= 19e6 && write.mid <= 21e6);
	NEAR(ws.mid, 60e6);
	assert_true(ws.high <= 62e6);
	sk_model_dirty(open, 2, 256e6, &write, &ws);
	NEAR(write.mid, 79e6 / 4);
	NEAR(ws.high, 256e6);
	assert_true(ws.low >= 77e6 - 1);
	sk_model_dirty(bounded, 1, 256e6, &write, &ws);
	NEAR(write.mid, 20e6);
	NEAR(ws.high, 256e6);
	NEAR(sk_model_unique(20e6, 60e6, 2), 40e6);
	NEAR(sk_model_unique(20e6, 60e6, 5), 60e6);
}

static void test_a_small_working_set_hides_the_write_rate(void **state)
{
	/* The same 10 MB in both periods: written once a second, or a thousand times. */
	const struct sk_dirty_period periods[] = {{1, 10e6, 0.2e6}, {4, 10e6, 0.2e6}};
	struct sk_range write, ws;

	(void)state;
	sk_model_dirty(periods, 2, 256e6, &write, &ws);
	NEAR(ws.mid, 10e6);
	assert_true(write.low <= 10e6 && write.high >= 256e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_guest_needs_one_pass),
		cmocka_unit_test(
			test_the_tail_of_the_first_pass_is_sent_with_the_guest_stopped),
		cmocka_unit_test(test_stop_and_copy_stands_still_for_all_of_it),
		cmocka_unit_test(test_post_copy_waits_for_a_share_of_its_phase),
		cmocka_unit_test(test_passes_shrink_until_the_rest_fits),
		cmocka_unit_test(test_hybrid_sends_what_was_written_in_its_pass),
		cmocka_unit_test(test_what_does_not_converge_says_why),
		cmocka_unit_test(test_what_may_not_converge_has_no_upper_end),
		cmocka_unit_test(test_intervals_are_in_order_and_never_negative),
		cmocka_unit_test(
			test_more_writes_never_take_less_time_nor_more_link_more),
		cmocka_unit_test(test_write_rate_and_working_set_are_told_apart),
		cmocka_unit_test(test_a_small_working_set_hides_the_write_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
