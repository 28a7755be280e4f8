// SPDX-License-Identifier: Apache-2.0
/* test_experiment - order of runs, the folder of results, what is computed from it */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/design.h"
#include "migrate/experiment/summary.h"
#include "migrate/experiment/trial.h"
#include "migrate/measure/verdict.h"
#include "tests/unit/tempdir.h"

static struct sk_experiment experiment(void)
{
	struct sk_experiment e = {.nr_axes = 1,
				  .has_control = true,
				  .has_warmup = true,
				  .baseline_ns = SK_NS_PER_S,
				  .tail_ns = SK_NS_PER_S,
				  .objective = sk_metrics};

	e.axes[0] = (struct sk_axis){SK_FACTOR_MODE, 3, {0, 1, 2}};
	e.constants.set[SK_FACTOR_MEMORY] = 256u << 20;
	return e;
}

static void test_every_block_has_every_cell_once_and_a_control(void **state)
{
	struct sk_experiment e = experiment();
	sk_auto(sk_design_finish) struct sk_design d = {NULL, 0};
	size_t loads[3] = {0}, at = 1, moved = 0;

	(void)state;
	assert_int_equal(sk_design_make(&e, 6, 5, &d, NULL), 0);
	assert_int_equal(d.nr, 1 + 6 * 4);
	assert_int_equal(d.trials[0].kind, SK_TRIAL_WARMUP);
	for (size_t block = 1; block <= 6; block++) {
		unsigned int seen = 0;

		for (size_t i = 0; i < 4; i++, at++) {
			assert_int_equal(d.trials[at].block, block);
			if (d.trials[at].kind == SK_TRIAL_CONTROL) {
				seen |= 8;
				loads[d.trials[at].cell]++;
			} else {
				seen |= 1u << d.trials[at].cell;
				moved += d.trials[at].cell != i;
			}
		}
		assert_int_equal(seen, 15);
	}
	assert_true(moved > 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(loads[i], 2);
}

static void test_order_comes_from_the_seed_and_more_blocks_change_none(void **state)
{
	struct sk_experiment e = experiment();
	sk_auto(sk_design_finish) struct sk_design a = {NULL, 0}, b = {NULL, 0},
						   c = {NULL, 0};

	(void)state;
	assert_int_equal(sk_design_make(&e, 5, 99, &a, NULL), 0);
	assert_int_equal(sk_design_make(&e, 8, 99, &b, NULL), 0);
	assert_int_equal(sk_design_make(&e, 5, 100, &c, NULL), 0);
	assert_memory_equal(a.trials, b.trials, a.nr * sizeof(*a.trials));
	assert_memory_not_equal(a.trials, c.trials, a.nr * sizeof(*a.trials));
}

static void test_too_many_runs_are_refused(void **state)
{
	struct sk_experiment e = experiment();
	struct sk_design d = {NULL, 0};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_design_make(&e, 2501, 1, &d, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "3 cells, repeated 2501 times"));
	assert_int_equal(sk_design_make(&e, 0, 1, &d, &err), -E2BIG);
	assert_null(d.trials);
}

static void test_remaining_time_follows_what_was_measured(void **state)
{
	struct sk_experiment e = experiment();
	sk_auto(sk_design_finish) struct sk_design d = {NULL, 0};
	uint64_t took[3] = {0}, guess, all;
	bool done[6] = {false};

	(void)state;
	e.has_control = e.has_warmup = false;
	assert_int_equal(sk_design_make(&e, 2, 1, &d, NULL), 0);
	guess = sk_design_guess(&e, &d.trials[0]);
	all = sk_design_remaining(&e, &d, done, took);
	assert_true(all == 6 * guess);
	/* A lab is made first. */
	assert_true(sk_design_remaining(&e, &d, NULL, took) > all);
	took[d.trials[0].cell] = 2 * guess;
	/* Twice the guess was measured: so much is expected of the others, too. */
	done[0] = done[4] = true;
	assert_true(sk_design_remaining(&e, &d, done, took) / guess == 8);
	memset(done, true, sizeof(done));
	assert_true(sk_design_remaining(&e, &d, done, took) == 0);
}

static void test_samples_come_back_as_they_were(void **state)
{
	const struct sk_sample samples[] = {
		{0, 100, 250000, 5},
		{1000000, 1000000, 0, 0},
		{2000000, 2500000, 2500001, UINT64_MAX},
		{UINT64_MAX / 2, UINT64_MAX / 2 + 7, UINT64_MAX / 2 + 8, 6},
	};
	sk_autofree struct sk_sample *got = NULL;
	sk_autofree char *file = NULL;
	struct sk_err err = SK_ERR_INIT;
	int dir = tempdir.fd;
	size_t n = 0, len = 0;

	(void)state;
	assert_int_equal(sk_samples_save(dir, "s", samples, 4, NULL), 0);
	assert_int_equal(sk_samples_load(dir, "s", &got, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(got, samples, sizeof(samples));
	/* However short it is cut, it is noticed. */
	assert_int_equal(sk_fs_read(dir, "s", 4096, &file, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		struct sk_sample *none = NULL;

		assert_int_equal(sk_fs_replace(dir, "s", file, cut, 0600, NULL), 0);
		assert_int_equal(sk_samples_load(dir, "s", &none, &n, &err), -EINVAL);
		assert_null(none);
	}
}

/* A folder of results of two cells with a control, in three blocks. */
static const char yaml[] = "name: w\nfactors: {mode: [pre-copy, post-copy]}\n"
			   "repetitions: 3\nwarmup: false\nseed: 11\n";

static void make_blocks(size_t blocks, struct sk_experiment **ret)
{
	assert_int_equal(sk_fs_replace(tempdir.fd, "w.yaml", yaml, strlen(yaml), 0600,
				       NULL),
			 0);
	{
		sk_autofree char *path = sk_strf("%s/w.yaml", tempdir.path);
		sk_autofree char *dir = sk_strf("%s/out", tempdir.path);
		sk_autoclose int lock = sk_store_lock(dir, NULL);

		assert_int_equal(sk_experiment_load(path, ret, NULL), 0);
		assert_true(lock >= 0);
		assert_int_equal(sk_store_create(dir, *ret, blocks, 11, NULL), 0);
	}
}

static void make_results(struct sk_experiment **ret)
{
	make_blocks(3, ret);
}

static struct sk_json *line(size_t index, const struct sk_trial *trial,
			    const char *status, double downtime_ms)
{
	struct sk_json *run = sk_json_new_object(), *part;

	sk_json_set_uint(run, "run", index);
	sk_json_set_uint(run, "block", trial->block);
	sk_json_set_str(run, "kind", sk_trial_kind_name(trial->kind));
	sk_json_set_uint(run, "cell", trial->cell);
	sk_json_set_str(run, "status", status);
	if (strcmp(status, "ok") != 0)
		sk_json_set_str(run, "why", "because");
	part = sk_json_set(run, "result", sk_json_new_object());
	part = sk_json_set(part, "downtime_ms", sk_json_new_object());
	sk_json_set_double(part, "client", downtime_ms);
	return run;
}

/* Cell 0: 100, 200, 300 ms; cell 1: one failed, then 1100, 1200; controls: 1, 2, 3 ms. */
static void fill_results(struct sk_store *store)
{
	double step[3] = {0};

	for (size_t i = 0; i < store->design.nr; i++) {
		const struct sk_trial *trial = &store->design.trials[i];
		size_t place = trial->kind == SK_TRIAL_CONTROL ? 2 : trial->cell;
		double value_ms = ++step[place];

		if (place == 0)
			value_ms *= 100;
		if (place == 1)
			value_ms = 900 + 100 * value_ms;
		assert_int_equal(sk_store_append(store,
						 line(i, trial,
						      place == 1 && step[1] == 1
							      ? "failed"
							      : "ok",
						      value_ms),
						 NULL),
				 0);
	}
}

static void test_results_are_summarised(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_auto(sk_json_free) struct sk_json *summary = NULL, *differences = NULL;
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path), *why = NULL;
	char *dirs[] = {dir, NULL};
	const struct sk_json *one;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	fill_results(&store);
	assert_int_equal(sk_experiment_summary(dir, &summary, NULL), 0);
	assert_int_equal(sk_json_int(sk_json_get(summary, "planned"), 0), 9);
	assert_int_equal(sk_json_int(sk_json_get(summary, "ok"), 0), 8);
	assert_int_equal(sk_json_int(sk_json_get(summary, "failed"), 0), 1);
	assert_string_equal(sk_json_str(sk_json_get(summary, "why"), ""), "because");
	one = sk_json_at(sk_json_get(summary, "cells"), 0);
	assert_string_equal(sk_json_str(sk_json_get(one, "label"), ""), "pre-copy");
	one = sk_json_at(sk_json_get(one, "metrics"), 0);
	assert_true(sk_json_double(sk_json_get(one, "median"), 0) == 200);
	assert_true(sk_json_double(sk_json_get(one, "low"), 0) == 100);
	assert_true(sk_json_double(sk_json_get(one, "coverage"), 0) == 0.75);
	one = sk_json_at(sk_json_path(summary, "control.metrics"), 0);
	assert_true(sk_json_double(sk_json_get(one, "max"), 0) == 3);

	assert_int_equal(sk_experiment_compare(dirs, &differences, NULL), 0);
	one = sk_json_at(differences, 0);
	assert_string_equal(sk_json_str(sk_json_get(one, "label"), ""), "post-copy");
	assert_true(sk_json_double(sk_json_get(one, "estimate"), 0) == 950);
	/* Two runs against three: the widest interval covers 80 %. */
	assert_false(sk_json_bool(sk_json_get(one, "differs"), true));
	assert_string_equal(sk_json_str(sk_json_get(one, "verdict"), ""), "too few runs");

	assert_int_equal(sk_experiment_judge(dir, "downtime>1s", &why, NULL), 0);
	assert_string_equal(why, "'downtime>1s' holds for post-copy");
	free(sk_steal(&why));
	assert_int_equal(sk_experiment_judge(dir, "downtime>2s", &why, NULL), 0);
	assert_null(why);
	assert_int_equal(sk_experiment_judge(dir, "p99>1s", &why, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "cannot be judged: pre-copy has no run"));
}

static void test_difference_is_told_with_runs_enough(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_auto(sk_json_free) struct sk_json *differences = NULL;
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path);
	char *dirs[] = {dir, NULL};
	const struct sk_json *one;

	(void)state;
	make_blocks(5, &e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	fill_results(&store);
	assert_int_equal(sk_experiment_compare(dirs, &differences, NULL), 0);
	one = sk_json_at(differences, 0);
	assert_true(sk_json_double(sk_json_get(one, "coverage"), 0) >= 0.95);
	assert_true(sk_json_bool(sk_json_get(one, "differs"), false));
	assert_string_equal(sk_json_str(sk_json_get(one, "verdict"), ""), "more");
}

/* Appends to runs.jsonl of the folder "out". */
static void append_text(const char *text)
{
	sk_autoclose int fd = openat(tempdir.fd, "out/" SK_STORE_RUNS,
				     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static void test_damaged_results_are_told(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path);
	sk_autofree char *none = sk_strf("%s/none", tempdir.path);
	const struct sk_experiment_opts opts = {.dir = dir, .resume = true};
	const struct sk_home home = {.is_rootless = false};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_results(&e);
	append_text("{\"run\":0,\n");
	/* Not: that there are results, which --resume goes on with. */
	assert_int_equal(sk_experiment_run(&home, e, &opts, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "runs.jsonl, run 1"));
	assert_int_equal(sk_experiment_list(tempdir.path, &list, NULL), 0);
	assert_int_equal(sk_json_len(list), 1);
	assert_string_equal(sk_json_str(sk_json_get(sk_json_at(list, 0), "dir"), ""),
			    dir);
	assert_non_null(
		strstr(sk_json_str(sk_json_get(sk_json_at(list, 0), "damage"), ""),
		       "run 1"));
	sk_json_free(sk_steal(&list));
	assert_int_equal(sk_experiment_list(none, &list, &err), -ENOENT);
	assert_null(list);
}

static void test_who_may_not_make_a_lab_is_told_before_anything_is_made(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_autofree char *dir = sk_strf("%s/other", tempdir.path);
	const struct sk_experiment_opts opts = {.dir = dir};
	const struct sk_home home = {.is_rootless = true};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_experiment_run(&home, e, &opts, &err), -EPERM);
	assert_string_equal(err.msg, "a lab needs root");
	assert_false(sk_fs_exists(tempdir.fd, "other"));
}

static void test_file_of_the_user_is_not_replaced(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_autofree char *text = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_fs_replace(tempdir.fd, SK_STORE_FILE, "mine", 4, 0600, NULL),
			 0);
	assert_int_equal(sk_store_create(tempdir.path, e, 3, 11, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "experiment.yaml' is another experiment's"));
	assert_int_equal(sk_fs_read(tempdir.fd, SK_STORE_FILE, 64, &text, NULL), 0);
	assert_string_equal(text, "mine");
	/* Its own is where a run was killed before host.json was there. */
	assert_int_equal(sk_fs_replace(tempdir.fd, SK_STORE_FILE, e->text,
				       strlen(e->text), 0600, NULL),
			 0);
	assert_int_equal(sk_store_create(tempdir.path, e, 3, 11, NULL), 0);
}

static void test_runs_of_another_design_are_not_gone_on_with(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path);
	const struct sk_experiment_opts opts = {.dir = dir, .resume = true};
	const struct sk_home home = {.is_rootless = false};
	struct sk_err err = SK_ERR_INIT;
	struct sk_trial other;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	other = store.design.trials[0];
	other.cell++;
	assert_int_equal(sk_store_append(&store, line(0, &other, "ok", 5), NULL), 0);
	sk_store_finish(&store);
	assert_int_equal(sk_experiment_run(&home, e, &opts, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "is another than its file and seed make of it"));
}

static void test_reason_of_a_failure_is_none_of_the_warm_up(void **state)
{
	static const struct sk_trial warm_up = {.kind = SK_TRIAL_WARMUP};
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_auto(sk_json_free) struct sk_json *summary = NULL;
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path);

	(void)state;
	make_results(&e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	assert_int_equal(sk_store_append(&store, line(9, &warm_up, "failed", 5), NULL),
			 0);
	assert_int_equal(sk_experiment_summary(dir, &summary, NULL), 0);
	assert_int_equal(sk_json_int(sk_json_get(summary, "failed"), -1), 0);
	assert_null(sk_json_get(summary, "why"));
}

/* libvirt's test driver has a guest called "test", in a file of its own it has none. */
static void test_guest_is_found_at_either_host(void **state)
{
	static const char empty[] = "<node/>";
	sk_autofree char *without = sk_strf("test://%s/node.xml", tempdir.path);
	static char with[] = "test:///default", name[] = "test";
	struct sk_experiment e = {.from = without, .to = with, .guest = name};
	struct sk_site site = {.experiment = &e};

	(void)state;
	assert_int_equal(sk_fs_replace(tempdir.fd, "node.xml", empty, strlen(empty), 0600,
				       NULL),
			 0);
	sk_site_find_guest(&site);
	assert_true(site.is_found && site.is_swapped);
	e.from = with;
	e.to = without;
	sk_site_find_guest(&site);
	assert_true(site.is_found && !site.is_swapped);
	site.is_found = false;
	e.from = without;
	sk_site_find_guest(&site);
	assert_false(site.is_found);
}

static void test_half_written_line_is_dropped_and_cut(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path), *text = NULL;
	sk_autoclose int fd = -1, lock = -1;
	struct sk_err err = SK_ERR_INIT;
	size_t len = 0;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	assert_int_equal(sk_store_append(&store,
					 line(0, store.design.trials, "failed", 5), NULL),
			 0);
	fd = openat(store.dirfd, SK_STORE_RUNS, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(sk_fs_write_all(fd, "{\"run\":1,\"st", 12), 0);
	sk_store_finish(&store);

	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	assert_true(store.was_cut);
	assert_int_equal(sk_json_len(store.runs), 1);
	lock = sk_store_lock(dir, NULL);
	assert_true(lock >= 0);
	assert_int_equal(sk_store_begin(&store, NULL), 0);
	assert_int_equal(sk_fs_read(store.dirfd, SK_STORE_RUNS, 4096, &text, &len), 0);
	assert_int_equal(text[len - 1], '\n');
	assert_null(strstr(text, "\"run\":1"));
	/* The later line of a run counts. */
	assert_int_equal(sk_store_append(&store, line(0, store.design.trials, "ok", 6),
					 NULL),
			 0);
	assert_int_equal(sk_json_len(store.runs), 1);
	assert_true(sk_run_is(sk_store_run(&store, 0), "ok"));
	{
		sk_auto(sk_store_finish) struct sk_store other = {.dirfd = -1};

		assert_int_equal(sk_store_open(dir, &other, NULL), 0);
		assert_true(sk_run_is(sk_store_run(&other, 0), "ok"));
		assert_true(sk_store_lock(dir, &err) < 0);
		assert_non_null(strstr(err.msg, "is being written"));
	}
	assert_int_equal(sk_store_create(dir, e, 3, 11, &err), -EEXIST);
}

static struct sk_json *result(const char *asked, const char *proven, bool late_ok)
{
	struct sk_json *json = sk_json_new_object(), *part;

	part = sk_json_set(json, "mode", sk_json_new_object());
	sk_json_set_str(part, "asked", asked);
	sk_json_set_str(part, "proven", proven);
	sk_json_set_str(part, "why", "evidence");
	part = sk_json_set(json, "probe", sk_json_new_object());
	sk_json_set_bool(part, "late_ok", late_ok);
	sk_json_set_double(part, "late_p99_us", 1700);
	sk_json_set_uint(part, "sent", 100);
	sk_json_set_uint(part, "lost", 3);
	sk_json_set_bool(json, "memory_verified", true);
	return json;
}

static void test_runs_are_judged_by_what_was_proven(void **state)
{
	sk_auto(sk_json_free) struct sk_json *good =
		result("post-copy", "post-copy", true);
	sk_auto(sk_json_free) struct sk_json *other =
		result("post-copy", "degenerate", true);
	sk_auto(sk_json_free) struct sk_json *late =
		result("post-copy", "post-copy", false);
	char why[200];

	(void)state;
	assert_string_equal(sk_trial_judge(good, why, sizeof(why)), "ok");
	assert_string_equal(why, "");
	assert_string_equal(sk_trial_judge(other, why, sizeof(why)), "discarded");
	assert_string_equal(why, "not post-copy as asked: evidence");
	assert_string_equal(sk_trial_judge(late, why, sizeof(why)), "discarded");
	assert_non_null(strstr(why, "the probe itself was late (p99 1700 us)"));
	sk_json_set_uint(sk_json_get(good, "probe"), "lost", 100);
	assert_string_equal(sk_trial_judge(good, why, sizeof(why)), "discarded");
	sk_json_set_bool(good, "memory_verified", false);
	assert_string_equal(sk_trial_judge(good, why, sizeof(why)), "failed");
}

static void test_report_shows_every_run_without_scripts(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *dir = sk_strf("%s/out", tempdir.path), *page = NULL;
	size_t dots = 0;

	(void)state;
	make_results(&e);
	assert_int_equal(sk_store_open(dir, &store, NULL), 0);
	fill_results(&store);
	assert_int_equal(sk_experiment_report(dir, NULL), 0);
	assert_int_equal(sk_fs_read(store.dirfd, "report.html", 1 << 22, &page, NULL), 0);
	for (const char *at = page; (at = strstr(at, "<circle ")); at++)
		dots++;
	assert_int_equal(dots, 8);
	assert_non_null(strstr(page, "8 of 9 runs ok"));
	assert_non_null(strstr(page, "control (no migration)"));
	assert_non_null(strstr(page, "class=\"noise\""));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "nan"));
}

#define IN_FOLDER(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_block_has_every_cell_once_and_a_control),
		cmocka_unit_test(
			test_order_comes_from_the_seed_and_more_blocks_change_none),
		cmocka_unit_test(test_too_many_runs_are_refused),
		cmocka_unit_test(test_remaining_time_follows_what_was_measured),
		IN_FOLDER(test_samples_come_back_as_they_were),
		IN_FOLDER(test_results_are_summarised),
		IN_FOLDER(test_difference_is_told_with_runs_enough),
		IN_FOLDER(test_damaged_results_are_told),
		IN_FOLDER(test_who_may_not_make_a_lab_is_told_before_anything_is_made),
		IN_FOLDER(test_file_of_the_user_is_not_replaced),
		IN_FOLDER(test_runs_of_another_design_are_not_gone_on_with),
		IN_FOLDER(test_reason_of_a_failure_is_none_of_the_warm_up),
		IN_FOLDER(test_guest_is_found_at_either_host),
		IN_FOLDER(test_half_written_line_is_dropped_and_cut),
		cmocka_unit_test(test_runs_are_judged_by_what_was_proven),
		IN_FOLDER(test_report_shows_every_run_without_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
