// SPDX-License-Identifier: Apache-2.0
/* test_migrate_auto - hybrid; auto keeps to objectives, refuses what none keeps to, ends at its deadline */
#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/it/lab.h"

#define BANDWIDTH "--bandwidth", "256mbit"
/* More than 31 MiB/s, over more than fits any last pass. */
#define FASTER "--working-set", "96m", "--pages-per-s", "15000"

static void load(struct it *it, const char *ws, const char *rate)
{
	it_expect(it, 0, "lab", "load", "--working-set", ws, "--pages-per-s", rate);
}

static struct sk_json *take(struct it *it, const char *dir)
{
	struct sk_json *run = it_json(it);

	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	assert_true(it_number(run, "prediction.ratio.total") > 0);
	assert_true(it_number(run, "prediction.inputs.nonzero_bytes.mid") > 16e6);
	print_message("%s: total %.0f ms, %.2f of the prediction; vCPU downtime %.0f ms, "
		      "%.2f of it; outage %.0f ms\n",
		      sk_json_str(sk_json_path(run, "mode.proven"), "?"),
		      it_number(run, "time_ms.total"),
		      it_number(run, "prediction.ratio.total"),
		      it_number(run, "downtime_ms.vcpu"),
		      it_number(run, "prediction.ratio.downtime"),
		      it_number(run, "downtime_ms.client"));
	/* Removed here, as the world looks for leftovers. */
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	return run;
}

static struct sk_json *automatic(struct it *it, const char *to, const char *slo)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);
	struct sk_json *run;

	it_expect(it, 0, "migrate", "g1", "--to", to, "--mode", "auto", "--slo", slo,
		  BANDWIDTH, "--dir", dir, "--format", "json");
	it_assert_has(it->err, "auto takes ");
	run = take(it, dir);
	it_assert_text(run, "mode.asked", "auto");
	it_assert_text(run, "mode.proven",
		       sk_json_str(sk_json_path(run, "mode.chosen"), "none"));
	assert_true(sk_json_len(sk_json_path(run, "auto.candidates")) >= 6);
	assert_true(sk_json_bool(sk_json_path(run, "slo.met"), false));
	it_lab_guest_on(it, to);
	return run;
}

static void test_hybrid_is_proven_and_predicted(struct it *it)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);
	sk_auto(sk_json_free) struct sk_json *run = NULL;

	load(it, "64m", "4000");
	it_expect(it, 0, "migrate", "g1", "--to", "b", "--mode", "hybrid", BANDWIDTH,
		  "--dir", dir, "--format", "json");
	run = take(it, dir);
	it_assert_text(run, "mode.proven", "hybrid");
	it_assert_text(run, "prediction.mode", "hybrid");
	assert_true(it_number(run, "prediction.calibrated") == 0);
	/* A pass over all of it, then what was written in it. */
	assert_true(it_number(run, "memory.wire_bytes") >
		    it_number(run, "memory.bytes") - it_number(run, "memory.zero_bytes"));
	it_lab_guest_on(it, "b");
}

static void test_auto_keeps_to_what_it_can_and_refuses_the_rest(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *idle = NULL, *busy = NULL;

	it_need_root(it);
	it_lab_up(it);
	test_hybrid_is_proven_and_predicted(it);

	load(it, "64m", "0");
	idle = automatic(it, "a", "outage=3s,total=60s,bytes=2x");
	it_assert_text(idle, "mode.chosen", "pre-copy");

	/* Here a pre-copy with the hypervisor's downtime would not end. */
	load(it, "96m", "15000");
	busy = automatic(it, "b", "outage=5s,total=60s,bytes=4x");
	assert_false(
		sk_json_bool(sk_json_get(sk_json_at(sk_json_path(busy, "auto.candidates"),
						    0),
					 "converges"),
			     true));

	it_expect(it, 1, "migrate", "g1", "--to", "a", "--mode", "auto", "--slo",
		  "outage=1ms", BANDWIDTH);
	it_assert_has(it->err, "no way to migrate is predicted to keep to the objective");
	it_assert_has(it->err, "--best-effort");
	it_lab_guest_on(it, "b");
	it_expect(it, 2, "migrate", "g1", "--to", "a", "--risk", "no-post-copy");
	it_assert_has(it->err, "--risk is for --mode auto");
	it_expect(it, 1, "migrate", "g1", "--to", "a", "--mode", "auto", "--slo", "fast");
	it_assert_has(it->err, "'fast' is no objective");
	it_expect(it, 0, "lab", "down");
}

static void test_the_deadline_leaves_the_guest_at_the_source(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_lab_up(it);
	load(it, "96m", "0");
	it_start(it, &job, -1, "migrate", "g1", "--to", "b", "--mode", "auto", "--slo",
		 "outage=150ms,total=10s", "--risk", "no-post-copy", BANDWIDTH);
	/* Idle when it was measured; faster than the link from now on. */
	it_await_err(&job, "probe, baseline");
	it_expect(it, 0, "lab", "load", FASTER);
	assert_int_equal(it_finish(it, &job), 1);
	it_assert_has(it->err, "guest 'g1' still runs at the source: the deadline of "
			       "10 s has passed");
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_auto_keeps_to_what_it_can_and_refuses_the_rest),
		IT_TEST(test_the_deadline_leaves_the_guest_at_the_source),
	};

	return it_run_group(tests);
}
