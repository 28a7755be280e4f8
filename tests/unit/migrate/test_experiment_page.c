// SPDX-License-Identifier: Apache-2.0
/* test_experiment_page - figures of an experiment's page: what they say, and why one is left out */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/summary.h"
#include "migrate/measure/verdict.h"
#include "tests/unit/tempdir.h"

#define MIB (1u << 20)

/* 5,000 pages/s are 164 Mbit/s: faster than the first link, slower than the second. */
static const char yaml[] = "name: map\n"
			   "factors: {bandwidth: [100mbit, 400mbit],\n"
			   "          pages-per-s: [100, 5000]}\n"
			   "slo: outage=200ms\n"
			   "repetitions: 2\nwarmup: false\nseed: 4\n";

static char *results_dir(void)
{
	return sk_strf("%s/out", tempdir.path);
}

static void make_results(const char *text, struct sk_store *ret)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_autofree char *path = sk_strf("%s/e.yaml", tempdir.path);
	sk_autofree char *dir = results_dir();
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_fs_replace(tempdir.fd, "e.yaml", text, strlen(text), 0600,
				       NULL),
			 0);
	if (sk_experiment_load(path, &e, &err) < 0 ||
	    sk_store_create(dir, e, (size_t)e->repetitions, e->seed, &err) < 0 ||
	    sk_store_open(dir, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

static void set_number(struct sk_json *root, const char *group, const char *key,
		       double value)
{
	struct sk_json *object = sk_json_get(root, group);

	if (!object)
		object = sk_json_set(root, group, sk_json_new_object());
	sk_json_set_double(object, key, value);
}

static void add_passes(struct sk_json *result)
{
	struct sk_json *list = sk_json_set(result, "passes", sk_json_new_array());

	for (unsigned int i = 0; i < 3; i++) {
		struct sk_json *pass = sk_json_add(list, sk_json_new_object());

		sk_json_set_uint(pass, "pass", i + 1);
		sk_json_set_double(pass, "ms", 4000 >> (2 * i));
		sk_json_set_uint(pass, "bytes", (160 * MIB) >> (2 * i));
		sk_json_set_uint(pass, "remaining_bytes", (40 * MIB) >> (2 * i));
	}
}

static void add_parts(struct sk_json *result)
{
	static const struct {
		const char *part;
		double ms;
	} parts[] = {{"stop", 40}, {"queue", 120}, {"rest", 0}};
	struct sk_json *list = sk_json_set(result, "decomposition", sk_json_new_array());

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		struct sk_json *one = sk_json_add(list, sk_json_new_object());

		sk_json_set_str(one, "part", parts[i].part);
		sk_json_set_double(one, "ms", parts[i].ms);
	}
}

static void add_prediction(struct sk_json *result, double ratio)
{
	struct sk_json *object = sk_json_set(result, "prediction", sk_json_new_object());

	set_number(object, "total_ms", "mid", 5000);
	set_number(object, "downtime_ms", "mid", 40);
	set_number(object, "ratio", "total", 1);
	set_number(object, "ratio", "downtime", ratio);
}

/* The cell of the slow link and the fast writer fails; the ratio of the last is out of the band. */
static struct sk_json *line(size_t index, const struct sk_trial *trial)
{
	struct sk_json *run = sk_json_new_object(), *result, *mode;
	bool fails = trial->kind == SK_TRIAL_RUN && trial->cell == 1;

	sk_json_set_uint(run, "run", index);
	sk_json_set_uint(run, "block", trial->block);
	sk_json_set_str(run, "kind", sk_trial_kind_name(trial->kind));
	sk_json_set_uint(run, "cell", trial->cell);
	sk_json_set_str(run, "label", "<cell>");
	sk_json_set_str(run, "status", fails ? "failed" : "ok");
	if (fails) {
		sk_json_set_str(run, "why", "it took too long");
		return run;
	}
	result = sk_json_set(run, "result", sk_json_new_object());
	set_number(result, "downtime_ms", "client", 160);
	if (trial->kind == SK_TRIAL_CONTROL)
		return run;
	set_number(result, "downtime_ms", "vcpu", 40);
	set_number(result, "time_ms", "total", 5000);
	set_number(result, "service", "tlp", 1.5);
	mode = sk_json_set(result, "mode", sk_json_new_object());
	sk_json_set_str(mode, "proven", "pre-copy");
	sk_json_set_bool(sk_json_set(result, "slo", sk_json_new_object()), "met",
			 trial->block == 1);
	add_passes(result);
	add_parts(result);
	add_prediction(result, trial->cell == 3 ? 2 : 1.2);
	return run;
}

static void fill(struct sk_store *store)
{
	for (size_t i = 0; i < store->design.nr; i++)
		assert_int_equal(sk_store_append(store, line(i, &store->design.trials[i]),
						 NULL),
				 0);
}

static char *make_page(const struct sk_store *store)
{
	sk_autofree char *dir = results_dir();
	struct sk_err err = SK_ERR_INIT;
	char *page = NULL;

	if (sk_experiment_report(dir, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_fs_read(store->dirfd, "report.html", 1 << 22, &page, NULL),
			 0);
	return page;
}

static void expect(const char *page, const char *part)
{
	if (!strstr(page, part))
		fail_msg("the page lacks '%s'", part);
}

static void test_figures_say_what_was_measured(void **state)
{
	static const char *const parts[] = {
		"<p class=\"result\">Downtime, client, median of the runs: 160 ms with ",
		"<h2>The objective: outage=200ms</h2>",
		">1 of 2<",
		">0 of 2<",
		"<h2>Where pre-copy converges</h2>",
		">does not<",
		"<td>writes as fast as the link</td>",
		"class=\"outage\"",
		">3 passes<",
		"<h2>Passes over memory</h2>",
		"<td class=\"number\">160 MiB</td>",
		/* 160 MiB in 4 s, so 12 MiB in 300 ms. */
		"<td class=\"number\">12 MiB</td>",
		"<h2>What the downtime consists of</h2>",
		"class=\"part-queue\"><title>queue behind the stream: 120 ms",
		"<i class=\"part-stop\"></i>virtual CPU stopped</span>",
		"<h2>Measured against predicted</h2>",
		"<td class=\"number\">1.20 (2 of 2)</td>",
		"<td class=\"number\">2.00 (0 of 2)</td>",
		"<td class=\"number\">4 of 6</td>",
		"control (no migration)",
		"it took too long",
	};
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *page = NULL;

	(void)state;
	make_results(yaml, &store);
	fill(&store);
	page = make_page(&store);
	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++)
		expect(page, parts[i]);
	assert_null(strstr(page, "<cell>"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "nan"));
}

/* Before the next figure or the end of the page. */
static void test_conditions_know_the_objective(void **state)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *dir = results_dir(), *why = NULL, *none = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	make_results(yaml, &store);
	fill(&store);
	/* Of the second cell both runs failed, of the others one missed it. */
	assert_int_equal(sk_experiment_judge(dir, "missed>1", &why, &err), 0);
	assert_string_equal(why, "'missed>1' holds for 100 Mbit/s cap, 5000 pages/s");
	assert_int_equal(sk_experiment_judge(dir, "missed>2", &none, &err), 0);
	assert_null(none);
}

static void test_every_figure_has_its_table(void **state)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *page = NULL;
	size_t figures = 0;

	(void)state;
	make_results(yaml, &store);
	fill(&store);
	page = make_page(&store);
	for (char *at = page; (at = strstr(at, "<svg"));) {
		char *table = strstr(at, "<table"), *next = strstr(++at, "<svg");

		if (!table || (next && next < table))
			fail_msg("a figure without a table: %.80s", at);
		figures++;
	}
	assert_true(figures >= 8);
}

static void test_figure_without_data_is_left_out_with_the_reason(void **state)
{
	static const char text[] = "name: bare\nfactors: {mode: [post-copy]}\n"
				   "repetitions: 1\nwarmup: false\ncontrol: false\n";
	static const char *const parts[] = {
		"<h2>Not shown</h2>",
		"<dt>runs that met an objective</dt>\n<dd>the file names none</dd>",
		("<dt>where pre-copy converges</dt>\n"
		 "<dd>it takes two factors that are numbers</dd>"),
		"<dt>measured against predicted</dt>\n<dd>no run has a prediction</dd>",
		"<dt>passes over memory</dt>\n<dd>no run went over memory in passes</dd>",
		"<dt>typical runs</dt>\n<dd>no run was ok</dd>",
	};
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *page = NULL;

	(void)state;
	make_results(text, &store);
	page = make_page(&store);
	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++)
		expect(page, parts[i]);
	assert_null(strstr(page, "<h2>Measured against predicted</h2>"));
}

static void test_map_is_of_what_the_model_knows(void **state)
{
	static const char three[] =
		"name: three\nfactors: {memory: [128m, 256m], max-downtime: [50ms, 90ms],\n"
		"          bandwidth: [100mbit, 400mbit], pages-per-s: [100, 5000]}\n"
		"constants: {working-set: 8m}\nrepetitions: 1\nwarmup: false\n";
	static const char behind[] =
		"name: behind\nfactors: {memory: [128m, 256m], max-downtime: [50ms, 90ms],\n"
		"          bandwidth: [100mbit, 400mbit]}\n"
		"constants: {working-set: 8m}\nrepetitions: 1\nwarmup: false\n";

	(void)state;
	{
		sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
		sk_autofree char *page = NULL;

		make_results(three, &store);
		fill(&store);
		page = make_page(&store);
		expect(page, ">cap / pages/s</text>");
		expect(page, "<td>writes as fast as the link</td>");
		assert_null(strstr(page, "several rates"));
	}
	assert_int_equal(sk_fs_remove_tree(tempdir.fd, "out", NULL), 0);
	{
		sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
		sk_autofree char *page = NULL;

		make_results(behind, &store);
		fill(&store);
		page = make_page(&store);
		expect(page, "<td>several rates</td>");
	}
}

static void test_page_says_what_loads_are(void **state)
{
	static const char text[] =
		"name: loads\nloads: {idle: {pages-per-s: 0}, busy: {pages-per-s: 5000}}\n"
		"factors: {load: [idle, busy]}\nconstants: {working-set: 8m}\n"
		"repetitions: 1\nwarmup: false\n";
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *page = NULL;

	(void)state;
	make_results(text, &store);
	page = make_page(&store);
	expect(page, "<dt>load busy</dt>\n<dd>pages-per-s 5000</dd>");
	expect(page, "<dt>working-set</dt>\n<dd>8 MiB</dd>");
	/* The default of what loads set is nobody's. */
	assert_null(strstr(page, "<dt>pages-per-s</dt>"));
}

#define IN_FOLDER(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_figures_say_what_was_measured),
		IN_FOLDER(test_conditions_know_the_objective),
		IN_FOLDER(test_every_figure_has_its_table),
		IN_FOLDER(test_figure_without_data_is_left_out_with_the_reason),
		IN_FOLDER(test_map_is_of_what_the_model_knows),
		IN_FOLDER(test_page_says_what_loads_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
