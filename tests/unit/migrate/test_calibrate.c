// SPDX-License-Identifier: Apache-2.0
/* test_calibrate - what is learnt of a pair of hosts, kept, and given to the model */
#include "migrate/strategy/calibrate.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"

static char folder[] = "/tmp/skiff-calibrate-XXXXXX";
static int root = -1;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	root = open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return root < 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(root);
	return sk_fs_remove_tree(AT_FDCWD, folder, NULL);
}

static struct sk_calibration_run run_of(enum sk_mode mode, bool is_capped, double floor_s)
{
	struct sk_calibration_run run = {.mode = mode,
					 .cap_bps = is_capped ? 32e6 : 0,
					 .guest = "g1",
					 .link_bps = is_capped ? NAN : 250e6,
					 .floor_s = floor_s,
					 .extra_s = -0.01,
					 .network_s = 0.02,
					 .wait = NAN,
					 .nonzero = 150e6,
					 .tail = 7e6,
					 .resident = 220e6};

	return run;
}

static struct sk_model_input apply_over(const struct sk_calibration *c, const char *link,
					double cap_bps)
{
	struct sk_model_input in = {.memory_bytes = 256e6,
				    .nonzero = sk_range_of(150e6),
				    .cap_bps = cap_bps};

	sk_calibration_apply(c, "g1", link, &in);
	return in;
}

static struct sk_model_input apply(const struct sk_calibration *c, double cap_bps)
{
	return apply_over(c, "", cap_bps);
}

static void add_runs(struct sk_calibration *c, struct sk_calibration_run run,
		     const char *link, size_t n)
{
	(void)snprintf(run.link, sizeof(run.link), "%s", link);
	for (size_t i = 0; i < n; i++)
		sk_calibration_add(c, &run);
}

static void test_without_runs_everything_is_a_wide_guess(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_model_input in = apply(&c, 0);

	(void)state;
	for (int mode = 0; mode < SK_MODEL_MODES; mode++) {
		const struct sk_range *r = &in.mode[mode].floor_s;

		assert_true(r->low > 0 && r->low * 3 < r->mid && r->mid * 3 < r->high);
	}
	assert_true(in.link_bps.low * 3 <= in.link_bps.mid);
	/* A post-copy that a cap or a link holds back waits for pages. */
	assert_true(in.mode[SK_MODE_POST_COPY].floor_s.mid < 0.05);
	assert_true(apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s.mid > 0.05);
	assert_true(
		apply_over(&c, "200000000 bit/s", 0).mode[SK_MODE_HYBRID].floor_s.mid >
		0.05);
	assert_true(apply(&c, 32e6).mode[SK_MODE_PRE_COPY].floor_s.mid < 0.05);
	assert_int_equal(sk_calibration_nr(&c, SK_MODE_PRE_COPY, ""), 0);
}

static void test_runs_of_the_same_kind_count_before_others(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run run;

	(void)state;
	for (int i = 0; i < 5; i++) {
		run = run_of(SK_MODE_PRE_COPY, true, 0.020 + 0.001 * i);
		sk_calibration_add(&c, &run);
		run = run_of(SK_MODE_PRE_COPY, false, 0.060);
		sk_calibration_add(&c, &run);
	}
	assert_true(fabs(apply(&c, 32e6).mode[SK_MODE_PRE_COPY].floor_s.mid - 0.022) <
		    1e-9);
	assert_true(fabs(apply(&c, 0).mode[SK_MODE_PRE_COPY].floor_s.mid - 0.060) < 1e-9);
	assert_true(apply(&c, 0).link_bps.mid == 250e6);
	/* Of post-copy nothing is known, and a pre-copy is nothing like it. */
	assert_true(apply(&c, 0).mode[SK_MODE_POST_COPY].floor_s.high > 0.1);
	run = run_of(SK_MODE_HYBRID, true, 0.013);
	sk_calibration_add(&c, &run);
	assert_true(fabs(apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s.mid - 0.013) <
		    1e-9);
}

static bool is_about(double value, double wanted)
{
	return fabs(value - wanted) < wanted * 1e-6;
}

static void test_runs_over_another_link_do_not_vote(void **state)
{
	static const enum sk_mode modes[] = {SK_MODE_PRE_COPY, SK_MODE_STOP_AND_COPY,
					     SK_MODE_POST_COPY};
	struct sk_calibration c = {.nr = 0};
	struct sk_model_input in;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(modes); i++) {
		struct sk_calibration_run run = run_of(modes[i], false, 0.012);

		add_runs(&c, run, "", 1);
		run.floor_s = 0.120;
		run.extra_s = 0.9;
		run.link_bps = 23e6;
		add_runs(&c, run, "200000000 bit/s", 10);
	}
	in = apply(&c, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(modes); i++) {
		assert_true(is_about(in.mode[modes[i]].floor_s.mid, 0.012));
		assert_true(in.mode[modes[i]].floor_s.high < 0.1);
		assert_true(in.mode[modes[i]].extra_s.high < 0.1);
	}
	assert_true(in.link_bps.mid == 250e6 && in.link_bps.low > 23e6);
	assert_true(in.postcopy_link_bps.mid == 250e6);
	in = apply_over(&c, "200000000 bit/s", 0);
	assert_true(is_about(in.mode[SK_MODE_PRE_COPY].floor_s.mid, 0.120));
	assert_true(in.mode[SK_MODE_PRE_COPY].floor_s.low > 0.1);
	assert_true(in.link_bps.mid == 23e6 && in.link_bps.high < 30e6);
	assert_int_equal(sk_calibration_nr(&c, SK_MODE_PRE_COPY, ""), 1);
	assert_int_equal(sk_calibration_nr(&c, SK_MODE_PRE_COPY, "200000000 bit/s"), 10);
}

static void test_the_first_run_over_a_link_has_a_wide_interval(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run run = run_of(SK_MODE_PRE_COPY, false, 0.120);
	const struct sk_range *r;
	struct sk_model_input in;

	(void)state;
	run.link_bps = 23e6;
	add_runs(&c, run, "200000000 bit/s", 10);
	in = apply(&c, 0);
	r = &in.mode[SK_MODE_PRE_COPY].floor_s;
	assert_true(r->low <= 0.005 && r->high >= 0.15);
	r = &in.mode[SK_MODE_PRE_COPY].extra_s;
	assert_true(r->high >= 0.5);
	/* How fast a shaped link is tells nothing of another. */
	assert_true(in.link_bps.mid > 100e6 && in.link_bps.high >= 1e9);
	in = apply_over(&c, "400000000 bit/s", 0);
	assert_true(in.link_bps.mid > 100e6);
	/* One that nobody shaped tells how fast both hosts are. */
	run.link_bps = 80e6;
	add_runs(&c, run, "", 2);
	in = apply_over(&c, "400000000 bit/s", 0);
	assert_true(in.link_bps.mid == 80e6 && in.link_bps.high >= 1e9);
}

static void test_of_one_link_the_cap_most_like_it_counts(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run run = run_of(SK_MODE_POST_COPY, true, 0.012);

	(void)state;
	add_runs(&c, run, "", 2); /* 32 MB/s */
	run.cap_bps = 16e6;
	run.floor_s = 0.105;
	add_runs(&c, run, "", 5);
	run.cap_bps = 0;
	run.floor_s = 0.05;
	add_runs(&c, run, "", 5);
	run.cap_bps = 32e6;
	run.floor_s = 0.2;
	add_runs(&c, run, "100000000 bit/s", 5);
	assert_true(is_about(apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s.mid, 0.012));
	assert_true(is_about(apply(&c, 40e6).mode[SK_MODE_POST_COPY].floor_s.mid, 0.012));
	assert_true(is_about(apply(&c, 16e6).mode[SK_MODE_POST_COPY].floor_s.mid, 0.105));
	assert_true(is_about(apply(&c, 12e6).mode[SK_MODE_POST_COPY].floor_s.mid, 0.105));
	assert_true(is_about(apply(&c, 0).mode[SK_MODE_POST_COPY].floor_s.mid, 0.05));
	/* A cap unlike all: of capped ones the newest, and not of the other link. */
	assert_true(is_about(apply(&c, 90e6).mode[SK_MODE_POST_COPY].floor_s.mid, 0.105));
}

static void test_what_a_pass_leaves_is_of_the_guest_and_its_link(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run run = run_of(SK_MODE_PRE_COPY, false, 0.01);

	(void)state;
	add_runs(&c, run, "", 5); /* 7 MB */
	run.tail = 3e6;
	add_runs(&c, run, "100000000 bit/s", 1);
	run.tail = 1e6;
	run.nonzero = 300e6;
	add_runs(&c, run, "100000000 bit/s", 3);
	assert_true(apply(&c, 0).tail.mid == 7e6);
	assert_true(apply_over(&c, "100000000 bit/s", 0).tail.mid == 3e6);
	assert_true(apply_over(&c, "200000000 bit/s", 0).tail.mid == 7e6);
	(void)snprintf(run.guest, sizeof(run.guest), "g2");
	c.nr = 0;
	add_runs(&c, run, "", 5);
	assert_true(apply(&c, 0).tail.mid > 7e6); /* a guess */
}

static void test_of_two_clusters_the_denser_counts(void **state)
{
	static const double floors[] = {0.105, 0.012, 0.104, 0.011, 0.013, 0.012, 0.103};
	/* Of one window, and of two. */
	static const double windows[] = {0.202, 0.103, 0.207, 0.104, 0.105};
	struct sk_calibration c = {.nr = 0};
	struct sk_range floor_s;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(floors); i++) {
		struct sk_calibration_run run =
			run_of(SK_MODE_POST_COPY, true, floors[i]);

		sk_calibration_add(&c, &run);
	}
	floor_s = apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s;
	assert_true(fabs(floor_s.mid - 0.012) < 1e-9);
	assert_true(floor_s.low <= 0.012 && floor_s.high >= 0.1);
	c.nr = 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(windows); i++) {
		struct sk_calibration_run run =
			run_of(SK_MODE_POST_COPY, true, windows[i]);

		sk_calibration_add(&c, &run);
	}
	floor_s = apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s;
	assert_true(is_about(floor_s.mid, 0.104));
	/* As many without a wait as with one, which is expected. */
	c.nr = 0;
	for (size_t i = 0; i < 2; i++) {
		struct sk_calibration_run run =
			run_of(SK_MODE_POST_COPY, true, floors[i]);

		sk_calibration_add(&c, &run);
	}
	floor_s = apply(&c, 32e6).mode[SK_MODE_POST_COPY].floor_s;
	assert_true(is_about(floor_s.mid, 0.105));
}

static void test_the_oldest_runs_give_way(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run run;

	(void)state;
	for (int i = 0; i < SK_CALIBRATION_RUNS + 10; i++) {
		run = run_of(SK_MODE_PRE_COPY, true, i);
		sk_calibration_add(&c, &run);
	}
	assert_int_equal(c.nr, SK_CALIBRATION_RUNS);
	assert_true(c.runs[0].floor_s == 10);
	assert_true(c.runs[c.nr - 1].floor_s == SK_CALIBRATION_RUNS + 9);
}

static void test_it_is_kept_for_both_directions(void **state)
{
	struct sk_calibration c, again;
	struct sk_calibration_run run = run_of(SK_MODE_STOP_AND_COPY, false, 0.05);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_calibration_load(root, "a", "b/..\n", &c, &err), 0);
	assert_int_equal(c.nr, 0);
	assert_string_equal(c.key, "a--b_.._.json");
	sk_calibration_add(&c, &run);
	assert_int_equal(sk_calibration_save(root, &c, &err), 0);
	assert_int_equal(sk_calibration_load(root, "b/..\n", "a", &again, &err), 0);
	assert_int_equal(again.nr, 1);
	assert_string_equal(again.runs[0].guest, "g1");
	assert_int_equal(again.runs[0].mode, SK_MODE_STOP_AND_COPY);
	assert_true(again.runs[0].link_bps == 250e6);
	assert_true(isnan(again.runs[0].wait));
	assert_int_equal(sk_calibration_nr(&again, SK_MODE_STOP_AND_COPY, ""), 1);
	assert_int_equal(sk_calibration_load(root, "a", "c", &again, &err), 0);
	assert_int_equal(again.nr, 0);
}

static void test_a_damaged_file_is_told_and_replaced(void **state)
{
	struct sk_calibration c;
	struct sk_calibration_run run = run_of(SK_MODE_PRE_COPY, true, 0.05);
	struct sk_err err = SK_ERR_INIT;
	int dir = sk_fs_open_dir(root, "calibration", 0755, NULL);

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(sk_fs_replace(dir, "x--y.json", "{\"runs\":", 8, 0644, NULL), 0);
	assert_true(sk_calibration_load(root, "x", "y", &c, &err) < 0);
	assert_true(err.msg[0] != '\0');
	assert_int_equal(c.nr, 0);
	sk_calibration_add(&c, &run);
	assert_int_equal(sk_calibration_save(root, &c, NULL), 0);
	assert_int_equal(sk_calibration_load(root, "x", "y", &c, NULL), 0);
	assert_int_equal(c.nr, 1);
	(void)close(dir);
}

static void test_runs_of_version_1_are_of_no_known_link(void **state)
{
	static const char text[] =
		"{\"version\": 1, \"runs\": [{\"mode\": \"pre-copy\", \"capped\": true, "
		"\"guest\": \"g1\", \"floor_s\": 0.12, \"nonzero\": 150e6, "
		"\"resident\": 220e6}]}";
	struct sk_calibration c;
	struct sk_err err = SK_ERR_INIT;
	struct sk_range v0;
	int dir = sk_fs_open_dir(root, "calibration", 0755, NULL);

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(sk_fs_replace(dir, "m--n.json", text, sizeof(text) - 1, 0644,
				       NULL),
			 0);
	assert_int_equal(sk_calibration_load(root, "m", "n", &c, &err), 0);
	assert_int_equal(c.nr, 1);
	assert_int_equal(sk_calibration_nr(&c, SK_MODE_PRE_COPY, ""), 0);
	assert_true(apply(&c, 32e6).mode[SK_MODE_PRE_COPY].floor_s.low <= 0.005);
	/* What they tell of the guest holds. */
	(void)sk_calibration_nonzero(&c, "g1", 220e6, 256e6, &v0);
	assert_true(fabs(v0.mid - 150e6) < 1);
	add_runs(&c, run_of(SK_MODE_PRE_COPY, true, 0.02), "", 1);
	assert_true(is_about(apply(&c, 32e6).mode[SK_MODE_PRE_COPY].floor_s.mid, 0.02));
	assert_int_equal(sk_calibration_save(root, &c, NULL), 0);
	assert_int_equal(sk_calibration_load(root, "m", "n", &c, NULL), 0);
	assert_int_equal(c.nr, 2);
	assert_int_equal(sk_calibration_nr(&c, SK_MODE_PRE_COPY, ""), 1);
	assert_true(c.runs[1].cap_bps == 32e6);
	(void)close(dir);
}

static void test_memory_is_that_of_the_run_most_like_now(void **state)
{
	struct sk_calibration c = {.nr = 0};
	struct sk_calibration_run fresh = run_of(SK_MODE_PRE_COPY, true, 0.02);
	struct sk_calibration_run moved = fresh;
	struct sk_range v0;
	const char *how;

	(void)state;
	how = sk_calibration_nonzero(&c, "g1", 220e6, 256e6, &v0);
	assert_non_null(strstr(how, "less a guess"));
	assert_true(v0.low < 100e6 && v0.high >= 200e6);
	how = sk_calibration_nonzero(&c, "g1", 0, 256e6, &v0);
	assert_non_null(strstr(how, "nothing is known"));
	/* Before its first move QEMU holds pages of zeros that do not come along. */
	fresh.resident = 285e6;
	moved.resident = 230e6;
	sk_calibration_add(&c, &fresh);
	sk_calibration_add(&c, &moved);
	(void)sk_calibration_nonzero(&c, "g1", 285e6, 256e6, &v0);
	assert_true(fabs(v0.mid - 150e6) < 1);
	(void)sk_calibration_nonzero(&c, "g1", 235e6, 256e6, &v0);
	assert_true(fabs(v0.mid - 155e6) < 1);
	assert_true(v0.low <= 150e6 && v0.high >= 160e6);
	(void)sk_calibration_nonzero(&c, "g1", 200e6, 256e6, &v0);
	assert_true(fabs(v0.mid - 150e6) < 1);
	/* No more than there is. */
	(void)sk_calibration_nonzero(&c, "g1", 100e6, 256e6, &v0);
	assert_true(v0.mid < 100e6);
	how = sk_calibration_nonzero(&c, "g2", 220e6, 256e6, &v0);
	assert_non_null(strstr(how, "less a guess"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_runs_everything_is_a_wide_guess),
		cmocka_unit_test(test_runs_of_the_same_kind_count_before_others),
		cmocka_unit_test(test_runs_over_another_link_do_not_vote),
		cmocka_unit_test(test_the_first_run_over_a_link_has_a_wide_interval),
		cmocka_unit_test(test_of_one_link_the_cap_most_like_it_counts),
		cmocka_unit_test(test_what_a_pass_leaves_is_of_the_guest_and_its_link),
		cmocka_unit_test(test_of_two_clusters_the_denser_counts),
		cmocka_unit_test(test_the_oldest_runs_give_way),
		cmocka_unit_test(test_it_is_kept_for_both_directions),
		cmocka_unit_test(test_a_damaged_file_is_told_and_replaced),
		cmocka_unit_test(test_runs_of_version_1_are_of_no_known_link),
		cmocka_unit_test(test_memory_is_that_of_the_run_most_like_now),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
