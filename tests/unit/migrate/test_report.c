// SPDX-License-Identifier: Apache-2.0
/* test_report - a page for each kind of run: says what was measured, is whole, escaped, small */
#include "migrate/report/report.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/measure/decompose.h"
#include "tests/unit/tempdir.h"

#define MS   SK_NS_PER_MS
#define BASE (1763800000ull * SK_NS_PER_S)
#define MIB  (1ull << 20)

/** struct run - All that a report is made of */
struct run {
	struct sk_timeline *timeline;
	struct sk_sample *samples;
	size_t n;
	struct sk_verdict verdict;
	struct sk_json *json;
};

static uint64_t random_state = 88172645463325252ull;

static double random_part(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state % 1000000) / 1e6;
}

static void add(struct run *run, enum sk_side side, enum sk_event_kind kind,
		const char *name, const char *detail, double at_ms)
{
	struct sk_event event = {.kind = kind,
				 .side = side,
				 .real_ns = BASE + (uint64_t)(at_ms * 1e6),
				 .value = kind == SK_EVENT_JOB_COMPLETED ? 9 : 0};

	(void)snprintf(event.name, sizeof(event.name), "%s", name);
	(void)snprintf(event.detail, sizeof(event.detail), "%s", detail);
	assert_int_equal(sk_timeline_add(run->timeline, &event), 0);
}

#define STATUS(s) "MIGRATION", "{\"status\":\"" s "\"}"

static void add_post_copy_events(struct run *run)
{
	const enum sk_side s = SK_SIDE_SOURCE, d = SK_SIDE_DESTINATION;

	add(run, s, SK_EVENT_API_CALL, "virDomainMigrate3", "", 3000);
	add(run, s, SK_EVENT_QMP, STATUS("setup"), 3380);
	add(run, s, SK_EVENT_QMP, STATUS("active"), 3401);
	add(run, s, SK_EVENT_QMP, "MIGRATION_PASS", "{\"pass\":1}", 3402);
	add(run, s, SK_EVENT_QMP, "MIGRATION_PASS", "{\"pass\":2}", 5420);
	add(run, s, SK_EVENT_POSTCOPY_CALL, "virDomainMigrateStartPostCopy", "", 5425);
	add(run, s, SK_EVENT_QMP, "STOP", "", 5431);
	add(run, s, SK_EVENT_QMP, STATUS("postcopy-active"), 5433);
	add(run, s, SK_EVENT_LIFECYCLE, "suspended/postcopy", "", 5440);
	add(run, d, SK_EVENT_QMP, "RESUME", "", 5492);
	add(run, d, SK_EVENT_LIFECYCLE, "resumed/postcopy", "", 5501);
	add(run, s, SK_EVENT_QMP, STATUS("completed"), 7320);
	add(run, d, SK_EVENT_QMP, STATUS("completed"), 7324);
	add(run, s, SK_EVENT_JOB_COMPLETED, "migration", "", 7361);
	add(run, s, SK_EVENT_API_RETURN, "", "", 8700);
}

static void add_jobs(struct run *run)
{
	for (unsigned int at = 3500; at <= 7400; at += 100) {
		double sent = (at - 3401) * 0.064 * (0.997 + random_part() * 0.003);
		struct sk_job_sample job = {
			.real_ns = BASE + at * MS,
			.memory_total = 272 * MIB,
			.memory_processed = (uint64_t)(sent * (double)MIB),
			.memory_remaining = (uint64_t)(fmax(252 - sent, 0) * (double)MIB),
			.dirty_rate = at > 5420 && at < 5500 ? 5000 : 0,
			.postcopy_requests = at > 5500 ? (at - 5500) / 4 : 0,
			.page_size = 4096,
		};

		if (at > 5420)
			job.dirty_rate = 4800;
		assert_int_equal(sk_timeline_add_job(run->timeline, &job), 0);
	}
}

static void add_samples(struct run *run, size_t n)
{
	run->samples = calloc(n, sizeof(*run->samples));
	run->n = n;
	assert_non_null(run->samples);
	for (size_t i = 0; i < n; i++) {
		struct sk_sample *s = &run->samples[i];
		double us = 180 * exp(0.35 * (random_part() + random_part() - 1) * 3);

		if (i > 3400 && i < 7320)
			us *= 1 + random_part() * 6;
		if (i > 5492 && i < 7320 && random_part() < 0.3)
			us += 30000 * random_part();
		*s = (struct sk_sample){.intended_ns = i * MS, .tick = i + 1};
		s->sent_ns = s->intended_ns + (uint64_t)(random_part() * 120000);
		if (i >= 5431 && i < 6830 && i > 5500)
			us = i > 6574 ? (6830 - (double)i) * 1000 : 0;
		if (us > 0)
			s->received_ns = s->sent_ns + (uint64_t)(us * 1e3);
	}
	for (size_t i = 5431; i < 5501 && i < n; i++)
		run->samples[i].received_ns = 6830 * MS + i;
}

static void make_json(struct run *run, const char *guest)
{
	struct sk_json *json = run->json = sk_verdict_json(&run->verdict);
	struct sk_json *from = sk_json_set(json, "from", sk_json_new_object());
	struct sk_json *to = sk_json_set(json, "to", sk_json_new_object());

	sk_json_set_str(json, "guest", guest);
	sk_json_set_str(from, "name", "a");
	sk_json_set_str(from, "uri", "qemu+tcp://a/system");
	sk_json_set_str(from, "libvirt", "9.0.0");
	sk_json_set_str(from, "qemu", "7.2.0");
	sk_json_set_str(to, "name", "b");
	sk_json_set_bool(json, "memory_verified", true);
	sk_json_set_str(json, "accelerator", "tcg");
	sk_json_set_str(json, "started", "2026-11-21T15:30:00.000Z");
	sk_json_set_str(json, "probe_target", "udp://10.77.0.10:7007?hz=1000");
	sk_json_set_uint(json, "bandwidth_bits", 64 * MIB * 8);
	sk_json_set_str(json, "command", "skiff migrate g1 --to b --mode post-copy");
	sk_json_set_str(json, "skiff", SK_VERSION);
	sk_json_set_str(json, "kernel", "6.1.0");
}

static struct sk_json *object_in(struct sk_json *parent, const char *key)
{
	return sk_json_set(parent, key, sk_json_new_object());
}

static void set_range(struct sk_json *prediction, const char *key, double mid)
{
	struct sk_json *range = object_in(prediction, key);

	sk_json_set_double(range, "low", mid / 2);
	sk_json_set_double(range, "mid", mid);
	sk_json_set_double(range, "high", mid * 2);
}

/* All that a run can have beside its verdict. */
static void add_insight(struct run *run)
{
	const struct sk_blocktime blocktime = {.is_known = true, .total_ns = 1100 * MS};
	const struct sk_announcements announcements = {.is_known = true};
	const struct sk_decompose_input input = {.verdict = &run->verdict,
						 .timeline = run->timeline,
						 .blocktime = &blocktime,
						 .announcements = &announcements,
						 .bandwidth_bits = 64 * MIB * 8};
	struct sk_json *json = run->json, *object, *from;
	struct sk_decomposition parts;

	add(run, SK_SIDE_CLIENT, SK_EVENT_NOTE, SK_ANNOUNCE_EVENT, "", 5494);
	sk_decompose(&input, &parts);
	(void)sk_json_set(json, "decomposition", sk_decomposition_json(&parts));
	object = object_in(json, "blocktime");
	sk_json_set_double(object, "ms", 1100);
	object = object_in(json, "service");
	sk_json_set_str(object, "model", "worker-pool");
	sk_json_set_uint(object, "served", 11000);
	sk_json_set_uint(object, "refused", 3);
	sk_json_set_double(object, "tlp", 1.82);
	sk_json_set_uint(object, "peak_threads", 4);
	object = object_in(json, "clocks");
	from = object_in(object, "from");
	sk_json_set_double(from, "offset_us", -446.6);
	sk_json_set_double(from, "error_us", 120.2);
	sk_json_set_double(from, "rtt_us", 241);
	sk_json_set_bool(from, "corrected", true);
	object = sk_json_get(json, "probe");
	sk_json_set_str(object, "kind", "tcp");
	sk_json_set_str(object, "stamps", "kernel");
	sk_json_set_uint(object, "refused", 17);
	sk_json_set_uint(object, "reconnects", 2);
	object = object_in(json, "prediction");
	sk_json_set_bool(object, "converges", true);
	set_range(object, "total_ms", 4000);
	set_range(object, "outage_ms", 100);
}

static void run_init(struct run *run, enum sk_mode asked, size_t samples,
		     const char *guest)
{
	*run = (struct run){.timeline = sk_timeline_new()};
	assert_non_null(run->timeline);
	add_post_copy_events(run);
	add_jobs(run);
	if (samples)
		add_samples(run, samples);
	assert_int_equal(sk_verdict_make(asked, run->timeline, run->samples, run->n, BASE,
					 &run->verdict),
			 0);
	make_json(run, guest);
}

static void run_finish(struct run *run)
{
	sk_timeline_free(run->timeline);
	sk_json_free(run->json);
	free(run->samples);
}

/* The page as text; the caller frees it. */
static char *write_page(const struct run *run)
{
	const struct sk_report_input input = {.run = run->json,
					      .verdict = &run->verdict,
					      .timeline = run->timeline,
					      .samples = run->samples,
					      .nr_samples = run->n,
					      .probe_start_real_ns = run->n ? BASE : 0};
	struct tempdir dir;
	struct sk_err err = SK_ERR_INIT;
	char *page = NULL;

	assert_return_code(tempdir_make(&dir), errno);
	if (sk_report_write(dir.fd, "report.html", &input, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_fs_read(dir.fd, "report.html", 16 << 20, &page, NULL), 0);
	assert_int_equal(tempdir_remove(&dir), 0);
	return page;
}

static void expect(const char *page, const char *part)
{
	if (!strstr(page, part))
		fail_msg("the page lacks '%s'", part);
}

static void test_page_says_what_was_measured(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	page = write_page(&run);
	expect(page, "<h1>g1: a to b, post-copy</h1>");
	expect(page, "Clients heard nothing for <strong>1.4 s</strong>; the hypervisor "
		     "reported <strong>9 ms</strong>: clients waited <em>155 times</em>");
	expect(page, "post-copy, proven by events");
	expect(page, "memory verified");
	expect(page, ">pass 1<");
	expect(page, ">post-copy</text>");
	expect(page, "<title>stopped: ");
	expect(page, "limit 64 MiB/s");
	expect(page, "<dd>skiff migrate g1 --to b --mode post-copy</dd>");
	expect(page, "qemu+tcp://a/system, libvirt 9.0.0, qemu 7.2.0");
	expect(page, "compare only with runs of the same lab");
	expect(page, "virDomainMigrateStartPostCopy");
	run_finish(&run);
}

static void test_page_shows_what_the_outage_consists_of(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	add_insight(&run);
	page = write_page(&run);
	expect(page, "<h2>Three downtimes, and what the client&#39;s consists of</h2>");
	expect(page, "class=\"part-stop\"><title>virtual CPU stopped: ");
	expect(page, "class=\"part-queue\"><title>queue behind the stream: ");
	expect(page, "<i class=\"part-announce\"></i>announcement <b>2 ms</b>");
	expect(page, "<td>page faults</td>");
	expect(page, " of 1100 ms of QEMU&#39;s postcopy-blocktime fall into the outage");
	expect(page, "clients waited while pages that the guest needed");
	run_finish(&run);
}

static void test_page_shows_how_it_was_measured(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	add_insight(&run);
	page = write_page(&run);
	expect(page,
	       "<dd>tcp, open loop, 1 client; the kernel told when answers came</dd>");
	expect(page, " 17 refused by the service, 2 connections made anew</dd>");
	expect(page, "<dd>worker-pool; 11000 requests served, 3 refused; busy for ");
	expect(page, "<dd>1.82 threads on average while any ran, 4 at most at once</dd>");
	expect(page, "<dt>waits for pages</dt>\n<dd>1.1 s</dd>");
	expect(page, "<td>a (source)</td><td class=\"number\">-447 us</td>"
		     "<td class=\"number\">120 us</td><td class=\"number\">241 us</td>"
		     "<td>stamps corrected by it</td>");
	assert_null(strstr(page, "b (destination)"));
	run_finish(&run);
}

static void test_page_shows_prediction_against_measurement(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	add_insight(&run);
	page = write_page(&run);
	expect(page, "<h2>Predicted and measured</h2>");
	expect(page, "<td>total time</td><td class=\"number\">2 s</td>"
		     "<td class=\"number\">4 s</td><td class=\"number\">8 s</td>"
		     "<td class=\"number\">3.92 s</td><td class=\"number\">0.98</td>");
	expect(page, "<td>client&#39;s outage</td>");
	assert_null(strstr(page, "<td>virtual CPU stopped</td><td class=\"number\">n"));
	run_finish(&run);
	free(sk_steal(&page));
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	page = write_page(&run);
	assert_null(strstr(page, "Predicted and measured"));
	run_finish(&run);
}

static void test_page_shows_the_objective_and_what_auto_did(void **state)
{
	sk_autofree char *page = NULL;
	struct sk_json *object, *one;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 100, "g1");
	object = object_in(run.json, "slo");
	sk_json_set_bool(object, "met", false);
	one = object_in(object, "outage");
	sk_json_set_double(one, "limit", 100);
	sk_json_set_double(one, "measured", 1400);
	sk_json_set_bool(one, "met", false);
	object = object_in(run.json, "auto");
	sk_json_set_uint(object, "chosen", 0);
	sk_json_set_str(object, "why", "<b>nearest");
	one = sk_json_add(sk_json_set(object, "candidates", sk_json_new_array()),
			  sk_json_new_object());
	sk_json_set_str(one, "text", "hybrid <2 s");
	sk_json_set_str(one, "fits", "likely");
	one = sk_json_add(sk_json_set(object, "changes", sk_json_new_array()),
			  sk_json_new_object());
	sk_json_set_double(one, "at_ms", 2500);
	sk_json_set_str(one, "text", "throttled");
	page = write_page(&run);
	expect(page, "<h2>Objective</h2>");
	expect(page, "<td>client&#39;s outage</td><td class=\"number\">100 ms</td>"
		     "<td class=\"number\">1.4 s</td><td>missed</td>");
	expect(page, "<p>Chosen: &lt;b&gt;nearest.</p>");
	expect(page, "<td>hybrid &lt;2 s</td><td>likely: chosen</td>");
	expect(page, "<td class=\"number\">2.5 s</td><td>throttled</td>");
	run_finish(&run);
}

/* Three passes, the last below what 300 ms allow. */
static void test_page_shows_the_staircase_and_its_threshold(void **state)
{
	static const struct sk_pass passes[] = {
		{BASE + 3400 * MS, BASE + 7400 * MS, 256 * MIB, 40 * MIB, 5000, true},
		{BASE + 7400 * MS, BASE + 8000 * MS, 38 * MIB, 20 * MIB, 5000, true},
		{BASE + 8000 * MS, BASE + 8300 * MS, 19 * MIB, 9 * MIB, 0, false},
	};
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_PRE_COPY, 100, "g1");
	memcpy(run.verdict.passes, passes, sizeof(passes));
	run.verdict.nr_passes = 3;
	run.verdict.postcopy_ns = 0;
	page = write_page(&run);
	/* 313 MiB in 4.9 s, for 300 ms. */
	expect(page,
	       "63.9 MiB/s as measured times 300 ms (QEMU&#39;s default) are 19.2 MiB");
	expect(page, "class=\"threshold-label\">stop below 19.2 MiB</text>");
	expect(page, "<title>pass 2: 38 MiB sent, left: 20 MiB</title>");
	expect(page, "<title>pass 3: 19 MiB sent, left: not known</title>");
	expect(page, "class=\"left-over\"");
	free(sk_steal(&page));
	sk_json_set_uint(object_in(run.json, "transfer"), "max_downtime_ms", 100);
	page = write_page(&run);
	expect(page, "times 100 ms are 6.39 MiB");
	run_finish(&run);
}

static void test_page_is_self_contained_and_without_scripts(void **state)
{
	static const char *const banned[] = {"<script", "http://", "https://", "@import",
					     "url(",	"<img",	   "onload",   "nan",
					     "-nan",	"inf\""};
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	add_insight(&run);
	page = write_page(&run);
	for (size_t i = 0; i < SK_ARRAY_SIZE(banned); i++)
		if (strstr(page, banned[i]))
			fail_msg("the page has '%s'", banned[i]);
	assert_true(sk_str_ends(page, "</main></body></html>\n"));
	expect(page, "prefers-color-scheme:dark");
	run_finish(&run);
}

static void test_page_of_a_minute_at_1_khz_stays_small(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 60000, "g1");
	page = write_page(&run);
	assert_in_range(strlen(page), 20000, 300000);
	run_finish(&run);
}

static void test_page_of_a_degenerate_run_says_so(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_PRE_COPY, 12000, "g1");
	page = write_page(&run);
	expect(page, "degenerate: not pre-copy as asked");
	expect(page, "the events show post-copy");
	run_finish(&run);
}

static void test_page_without_a_probe_claims_nothing_of_clients(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 0, "g1");
	page = write_page(&run);
	expect(page, "What clients felt was not measured.");
	expect(page, "No probe ran");
	assert_null(strstr(page, "Clients heard nothing"));
	assert_null(strstr(page, "The slow tail"));
	assert_null(strstr(page, "nan"));
	run_finish(&run);
}

static void test_page_of_a_dead_service_says_so(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	for (size_t i = 5431; i < run.n; i++)
		run.samples[i].received_ns = 0;
	assert_int_equal(sk_verdict_make(SK_MODE_POST_COPY, run.timeline, run.samples,
					 run.n, BASE, &run.verdict),
			 0);
	page = write_page(&run);
	expect(page, "The service did not answer any more after the migration.");
	expect(page, "silent for at least ");
	expect(page, ">at least ");
	run_finish(&run);
}

/* As of a container beside the probe: faster than the axis of a guest would show. */
static void test_fast_replies_are_where_they_belong(void **state)
{
	sk_autofree char *page = NULL;
	char *path, *end;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	for (size_t i = 0; i < run.n; i++)
		run.samples[i].received_ns = run.samples[i].intended_ns + 20000 + i % 2;
	page = write_page(&run);
	path = strstr(page, "<path class=\"reply\"");
	assert_non_null(path);
	end = strchr(path, '>');
	assert_non_null(end);
	*end = '\0';
	assert_non_null(strstr(path, "v0"));
	assert_null(strstr(path, " 330v")); /* the lower end of the axis */
	run_finish(&run);
}

static void test_page_of_a_cut_probe_does_not_count_losses(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 6000, "g1");
	sk_verdict_cut(&run.verdict, BASE + 6000 * MS);
	sk_json_free(run.json);
	make_json(&run, "g1");
	sk_json_set_str(sk_json_get(run.json, "probe"), "kind", "udp");
	sk_json_set_str(sk_json_get(run.json, "probe"), "cut", "the connection ended");
	page = write_page(&run);
	expect(page, "What clients felt was not measured.");
	expect(page, "<span class=\"badge bad\">probe cut off</span>");
	expect(page, "6000 sent; then the probe was cut off: the connection ended");
	expect(page, "<td class=\"number\">unknown</td>");
	assert_null(strstr(page, " lost, "));
	run_finish(&run);
}

static void test_most_is_said_of_more_than_half(void **state)
{
	static const double ms[SK_NR_PARTS] =
		{[SK_PART_STOP] = 300, [SK_PART_FAULTS] = 450, [SK_PART_QUEUE] = 500};
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 12000, "g1");
	add_insight(&run);
	for (unsigned int i = 0; i < SK_NR_PARTS; i++)
		sk_json_set_double(sk_json_at(sk_json_get(run.json, "decomposition"), i),
				   "ms", ms[i]);
	page = write_page(&run);
	expect(page, "The largest part of it, 500 ms (36 %), clients waited");
	run_finish(&run);
}

static void test_names_cannot_break_out(void **state)
{
	sk_autofree char *page = NULL;
	struct run run;

	(void)state;
	run_init(&run, SK_MODE_POST_COPY, 100, "</title><script>\"'&");
	add_insight(&run);
	sk_json_set_str(sk_json_path(run.json, "service"), "model", "<script>");
	sk_json_set_str(sk_json_path(run.json, "probe"), "kind", "<script>");
	sk_json_set_str(sk_json_path(run.json, "from"), "name", "<script>");
	for (unsigned int i = 0; i < SK_NR_PARTS; i++)
		sk_json_set_str(sk_json_at(sk_json_get(run.json, "decomposition"), i),
				"how", "<script>");
	page = write_page(&run);
	assert_null(strstr(page, "<script"));
	expect(page,
	       "<h1>&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;: &lt;script&gt; to b");
	run_finish(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_says_what_was_measured),
		cmocka_unit_test(test_page_shows_what_the_outage_consists_of),
		cmocka_unit_test(test_page_shows_how_it_was_measured),
		cmocka_unit_test(test_page_shows_prediction_against_measurement),
		cmocka_unit_test(test_page_shows_the_objective_and_what_auto_did),
		cmocka_unit_test(test_page_shows_the_staircase_and_its_threshold),
		cmocka_unit_test(test_page_is_self_contained_and_without_scripts),
		cmocka_unit_test(test_page_of_a_minute_at_1_khz_stays_small),
		cmocka_unit_test(test_page_of_a_degenerate_run_says_so),
		cmocka_unit_test(test_page_without_a_probe_claims_nothing_of_clients),
		cmocka_unit_test(test_page_of_a_dead_service_says_so),
		cmocka_unit_test(test_fast_replies_are_where_they_belong),
		cmocka_unit_test(test_page_of_a_cut_probe_does_not_count_losses),
		cmocka_unit_test(test_most_is_said_of_more_than_half),
		cmocka_unit_test(test_names_cannot_break_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
