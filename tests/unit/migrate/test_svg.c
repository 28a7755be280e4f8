// SPDX-License-Identifier: Apache-2.0
/* test_svg - scales, ticks, clouds of points that stay small and keep their extremes; escaping */
#include "migrate/report/svg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/report/html.h"

static void test_scales_place_values_and_clamp(void **state)
{
	const struct sk_svg_scale linear = {.min = 0,
					    .max = 10,
					    .from_px = 100,
					    .to_px = 200};
	const struct sk_svg_scale power = {.min = 1,
					   .max = 1000,
					   .from_px = 300,
					   .to_px = 0,
					   .is_log = true};

	(void)state;
	assert_true(fabs(sk_svg_place(&linear, 5) - 150) < 1e-9);
	assert_true(fabs(sk_svg_place(&linear, -5) - 100) < 1e-9);
	assert_true(fabs(sk_svg_place(&linear, 50) - 200) < 1e-9);
	assert_true(fabs(sk_svg_place(&power, 10) - 200) < 1e-9);
	assert_true(fabs(sk_svg_place(&power, 0) - 300) < 1e-9);
}

static void test_ticks_are_round_numbers(void **state)
{
	static const struct {
		struct sk_svg_scale scale;
		size_t wanted;
		double first, last;
	} cases[] = {
		{{.min = 0, .max = 10}, 5, 0, 10},
		{{.min = -3.1, .max = 9.7}, 10, -2, 8},
		{{.min = 0, .max = 0.013}, 4, 0, 0.01},
		{{.min = 50, .max = 2e6, .is_log = true}, 0, 100, 1e6},
		{{.min = 50, .max = 600, .is_log = true}, 0, 50, 500},
		{{.min = 20, .max = 6100, .is_log = true}, 5, 20, 5000},
		{{.min = 2.9, .max = 7.4, .is_log = true}, 5, 3, 7},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		double ticks[24];
		size_t n = sk_svg_ticks(&cases[i].scale, cases[i].wanted, ticks, 24);

		if (n < 2 || n > 12 || fabs(ticks[0] - cases[i].first) > 1e-9 ||
		    fabs(ticks[n - 1] - cases[i].last) > 1e-6)
			fail_msg("case %zu: %zu ticks, %g to %g", i, n, ticks[0],
				 ticks[n - 1]);
	}
}

static const char *format_ms(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g ms", value);
	return buf;
}

static void test_labels_of_an_axis_do_not_touch(void **state)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	const struct sk_svg_scale x = {.min = 30,
				       .max = 4000,
				       .from_px = 0,
				       .to_px = 240,
				       .is_log = true};
	double free_px = -100;
	size_t lines = 0, labels = 0;

	(void)state;
	sk_svg_grid_x(&out, &x, 0, 100, format_ms);
	for (const char *at = out.ptr; (at = strstr(at, "<path ")); at++)
		lines++;
	for (const char *at = out.ptr; (at = strstr(at, "<text x=\"")); labels++) {
		double middle = strtod(at += strlen("<text x=\""), NULL);
		const char *text = strchr(at, '>') + 1;
		double half = (double)(strchr(text, '<') - text) * 6.6 / 2;

		assert_true(middle - half > free_px);
		free_px = middle + half;
	}
	assert_int_equal(lines, 6); /* 50 to 2,000 */
	assert_in_range(labels, 3, 5);
}

static void test_an_empty_scale_is_one_pixel_without_ticks(void **state)
{
	const struct sk_svg_scale empty = {.min = 3, .max = 3, .from_px = 7, .to_px = 9};
	double tick;

	(void)state;
	assert_int_equal(sk_svg_ticks(&empty, 4, &tick, 1), 0);
	assert_true(fabs(sk_svg_place(&empty, 3) - 7) < 1e-9);
}

static void test_cloud_keeps_the_extremes_of_each_column(void **state)
{
	const struct sk_svg_scale x = {.max = 1, .from_px = 0, .to_px = 10};
	const struct sk_svg_scale y = {.max = 1000, .from_px = 1000, .to_px = 0};
	double xs[2001], ys[2001];
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	(void)state;
	/* One column full of scattered pixels, and one far above. */
	for (size_t i = 0; i < 2000; i++) {
		xs[i] = 0.5;
		ys[i] = (double)(i % 200) * 3;
	}
	xs[2000] = 0.5;
	ys[2000] = 990;
	sk_svg_points(&out, &(struct sk_svg_series){&x, &y, xs, ys, 2001, "p"});
	assert_non_null(strstr(out.ptr, "M5 10v0"));   /* the highest */
	assert_non_null(strstr(out.ptr, "M5 1000v0")); /* the lowest */
	assert_true(out.len < 600);
}

static void test_neighbours_become_one_stroke(void **state)
{
	const struct sk_svg_scale x = {.max = 1, .from_px = 0, .to_px = 10};
	const struct sk_svg_scale y = {.max = 100, .from_px = 100, .to_px = 0};
	const double xs[] = {0.5, 0.5, 0.5, 0.5, NAN, 0.2};
	const double ys[] = {10, 11, 12, 50, 1, NAN};
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_svg_points(&out, &(struct sk_svg_series){&x, &y, xs, ys, 6, "p"});
	assert_string_equal(out.ptr, "<path class=\"p\" d=\"M5 50v0M5 88v2\"/>\n");
}

static void test_sixty_thousand_points_stay_below_300_kb(void **state)
{
	enum { N = 60000 };
	static double xs[N], ys[N];
	const struct sk_svg_scale x = {.max = N, .from_px = 60, .to_px = 990};
	const struct sk_svg_scale y = {.min = 0.1,
				       .max = 1e6,
				       .from_px = 320,
				       .to_px = 50,
				       .is_log = true};
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	uint64_t random = 88172645463325252ull;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		xs[i] = (double)i;
		ys[i] = pow(10, (double)(random % 7000) / 1000 - 1);
	}
	sk_svg_points(&out, &(struct sk_svg_series){&x, &y, xs, ys, N, "p"});
	assert_false(out.failed);
	assert_in_range(out.len, 10000, 300000);
}

static void test_steps_hold_their_value_and_break_at_nan(void **state)
{
	const struct sk_svg_scale x = {.max = 4, .from_px = 0, .to_px = 4};
	const struct sk_svg_scale y = {.max = 10, .from_px = 10, .to_px = 0};
	const double xs[] = {0, 1, 2, 3, 4}, ys[] = {1, 2, NAN, 4, 4};
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_svg_steps(&out, &(struct sk_svg_series){&x, &y, xs, ys, 5, "s"});
	assert_string_equal(out.ptr,
			    "<path class=\"s\" d=\"M0.0 9.0H1.0V8.0H2.0M3.0 6.0H4.0V6.0"
			    "\"/>\n");
}

static void test_curve_ends_where_the_data_ends(void **state)
{
	const struct sk_svg_scale x = {.max = 100, .from_px = 0, .to_px = 100};
	double xs[1001], ys[1001];
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	(void)state;
	for (size_t i = 0; i < 1001; i++)
		xs[i] = ys[i] = (double)i / 10;
	sk_svg_curve(&out, &(struct sk_svg_series){&x, &x, xs, ys, 1001, "c"});
	assert_non_null(strstr(out.ptr, "d=\"M0.0 0.0L"));
	assert_non_null(strstr(out.ptr, "L100.0 100.0\"/>"));
	assert_true(out.len < 4000);
}

static void test_long_texts_are_shown_whole(void **state)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	char command[3000];

	(void)state;
	memset(command, 'x', sizeof(command));
	memcpy(command + sizeof(command) - 5, "last", 5);
	sk_html_fact(&out, "command", command);
	assert_non_null(strstr(out.ptr, "xlast</dd>"));
}

static void test_all_text_is_escaped(void **state)
{
	static const char *const headings[] = {"<h>", ">n&", NULL};
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_svg_open(&out, 10, 10, "a\"b");
	sk_svg_text(&out, 1, 2, "end", "t", "%s", "<script>alert('1')</script>");
	sk_svg_rect(&out, &(struct sk_svg_box){0, 0, 1, 1}, "r", "</title>&");
	sk_html_element(&out, "p", NULL, "%s", "x < y\x01");
	sk_html_table(&out, headings);
	sk_html_row(&out, headings, (const char *[]){"<td>", NULL});
	assert_null(strstr(out.ptr, "<script"));
	assert_null(strstr(out.ptr, "</title>&<"));
	assert_null(strstr(out.ptr, "<h>"));
	assert_null(strstr(out.ptr, "<td><td>"));
	assert_non_null(strstr(out.ptr, "aria-label=\"a&quot;b\""));
	assert_non_null(strstr(out.ptr, "&lt;script&gt;alert(&#39;1&#39;)"));
	assert_non_null(strstr(out.ptr, "<title>&lt;/title&gt;&amp;</title>"));
	assert_non_null(strstr(out.ptr, "<p>x &lt; y\xef\xbf\xbd</p>"));
	assert_non_null(strstr(out.ptr, "<th class=\"number\">n&amp;</th>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scales_place_values_and_clamp),
		cmocka_unit_test(test_ticks_are_round_numbers),
		cmocka_unit_test(test_labels_of_an_axis_do_not_touch),
		cmocka_unit_test(test_an_empty_scale_is_one_pixel_without_ticks),
		cmocka_unit_test(test_cloud_keeps_the_extremes_of_each_column),
		cmocka_unit_test(test_neighbours_become_one_stroke),
		cmocka_unit_test(test_sixty_thousand_points_stay_below_300_kb),
		cmocka_unit_test(test_steps_hold_their_value_and_break_at_nan),
		cmocka_unit_test(test_curve_ends_where_the_data_ends),
		cmocka_unit_test(test_long_texts_are_shown_whole),
		cmocka_unit_test(test_all_text_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
