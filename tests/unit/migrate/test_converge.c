// SPDX-License-Identifier: Apache-2.0
/* test_converge - what is said of a running job, with curves that QEMU 7.2 showed */
#include "migrate/strategy/converge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

/** struct entry - Statistics at a moment: ms, pass, bytes sent and left, pages a second */
struct entry {
	unsigned int ms;
	uint64_t pass, sent, left, dirty;
};

#define TOTAL 268976128u

/* 64 MiB written at 5,000 pages/s against 31 MiB/s: each pass is shorter. */
static const struct entry shrinking[] = {
	{0, 1, 1311354, 266682368, 0},	     {1000, 1, 33847000, 232000000, 0},
	{2000, 1, 66380000, 187580416, 0},   {4399, 1, 146433916, 7860224, 0},
	{4500, 2, 146433871, 76296192, 0},   {5498, 2, 177680328, 43954176, 3683},
	{6598, 2, 214768264, 6942720, 3683}, {6697, 3, 218022744, 40980480, 4349},
	{7697, 3, 250564259, 8130560, 4349}, {7797, 4, 253818739, 28663808, 5282},
	{8397, 4, 273342433, 8761344, 5282}, {8498, 5, 276596913, 20819968, 5282},
	{8897, 5, 289614833, 7827456, 5282}, {8997, 6, 292869313, 15024128, 5243},
	{9197, 6, 299378273, 8527872, 5243}, {9297, 7, 302632753, 11362304, 5243},
};

static void feed(struct sk_converge *c, const struct entry *e)
{
	sk_converge_feed(c, &(const struct sk_job_sample){.real_ns = 1000000000ull +
								     e->ms * 1000000ull,
							  .memory_total = TOTAL,
							  .memory_processed = e->sent,
							  .memory_remaining = e->left,
							  .iteration = e->pass,
							  .dirty_rate = e->dirty,
							  .page_size = 4096});
}

static void test_shrinking_passes_converge(void **state)
{
	struct sk_converge c = {.is_postcopy = false};
	char text[160];

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(shrinking); i++) {
		feed(&c, &shrinking[i]);
		assert_int_equal(sk_converge_outlook(&c), shrinking[i].pass < 2
								  ? SK_OUTLOOK_UNKNOWN
								  : SK_OUTLOOK_CONVERGES);
	}
	assert_string_equal(sk_converge_text(&c, text, sizeof(text)),
			    "pass 7, 97 %, 21 MB/s dirtied against 33 MB/s sent, about "
			    "1.4 s left: converging");
}

static void test_progress_never_runs_backwards(void **state)
{
	struct sk_converge c = {.is_postcopy = false};
	double last = 0;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(shrinking); i++) {
		feed(&c, &shrinking[i]);
		assert_true(c.progress >= last);
		assert_true(c.progress <= 1);
		last = c.progress;
	}
	assert_true(last > 0.9);
	/* 301 MB in 9.3 s, whatever the last tenth of a second was like. */
	assert_true(fabs(c.average_bps - 32.4e6) < 0.1e6);
}

static void test_passes_that_do_not_shrink_are_told(void **state)
{
	/* 128 MB written over and over, faster than they are sent. */
	static const struct entry stuck[] = {
		{0, 1, 0, 260000000, 0},
		{4000, 1, 128000000, 20000000, 0},
		{4100, 2, 131000000, 134000000, 0},
		{8000, 2, 255000000, 10000000, 11000},
		{8100, 3, 258000000, 135000000, 11000},
		{12000, 3, 382000000, 9000000, 11000},
		{12100, 4, 385000000, 134500000, 11000},
	};
	struct sk_converge c = {.is_postcopy = false};
	char text[160];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		feed(&c, &stuck[i]);
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_CONVERGES);
	assert_true(isfinite(sk_converge_left_s(&c)));
	feed(&c, &stuck[4]);
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_STUCK);
	assert_true(isinf(sk_converge_left_s(&c)));
	feed(&c, &stuck[5]);
	feed(&c, &stuck[6]);
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_STUCK);
	assert_string_equal(
		sk_converge_text(&c, text, sizeof(text)),
		"pass 4, 96 %, will not converge: 45 MB/s dirtied against 31 MB/s sent");
}

static void test_a_low_dirty_rate_does_not_hide_passes_that_do_not_shrink(void **state)
{
	/* QEMU counts each page once a pass: 30 MB of it, however often they are written. */
	struct sk_converge c = {.is_postcopy = false};
	struct entry e = {0, 1, 0, 260000000, 0};

	(void)state;
	feed(&c, &e);
	for (uint64_t pass = 2; pass <= 5; pass++) {
		e = (struct entry){(unsigned int)pass * 1000, pass, pass * 32000000,
				   30000000, 2000};
		feed(&c, &e);
	}
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_STUCK);
}

static void test_post_copy_ends_by_construction(void **state)
{
	struct sk_converge c = {.is_postcopy = true};
	char text[160];

	(void)state;
	feed(&c, &(struct entry){0, 2, 0, 200000000, 0});
	feed(&c, &(struct entry){1000, 2, 50000000, 150000000, 0});
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_POST_COPY);
	assert_true(fabs(sk_converge_left_s(&c) - 3) < 0.01);
	assert_string_equal(sk_converge_text(&c, text, sizeof(text)),
			    "post-copy, 44 %, 50 MB/s, about 3 s left");
}

static void test_nothing_is_said_without_statistics(void **state)
{
	struct sk_converge c = {.is_postcopy = false};

	(void)state;
	sk_converge_feed(&c, &(const struct sk_job_sample){.real_ns = 5});
	assert_int_equal(sk_converge_outlook(&c), SK_OUTLOOK_UNKNOWN);
	assert_true(isnan(sk_converge_left_s(&c)));
	assert_true(c.progress == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shrinking_passes_converge),
		cmocka_unit_test(test_progress_never_runs_backwards),
		cmocka_unit_test(test_passes_that_do_not_shrink_are_told),
		cmocka_unit_test(
			test_a_low_dirty_rate_does_not_hide_passes_that_do_not_shrink),
		cmocka_unit_test(test_post_copy_ends_by_construction),
		cmocka_unit_test(test_nothing_is_said_without_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
