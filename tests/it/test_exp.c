// SPDX-License-Identifier: Apache-2.0
/* test_exp - an experiment in a lab: killed, resumed, compared, reported */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/it/browser.h"
#include "tests/it/it.h"

#define DEADLINE_NS (90 * SK_NS_PER_S)
#define PATIENCE_NS (20 * SK_NS_PER_MS)
#define RESUMES	    8

static const char yaml[] =
	"name: tiny\n"
	"factors: {mode: [stop-and-copy, post-copy]}\n"
	"constants: {memory: 128m, working-set: 8m, pages-per-s: 200,\n"
	"            bandwidth: 800mbit, probe-hz: 100}\n"
	"repetitions: 1\n"
	"warmup: false\n"
	"baseline: 500ms\n"
	"tail: 500ms\n"
	"seed: 3\n";

static char *write_file(const struct it *it, const char *name, const char *text)
{
	char *path = sk_strf("%s/%s", it->dir, name);

	assert_non_null(path);
	(void)unlink(path);
	{
		sk_autoclose int fd =
			open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
	}
	return path;
}

/* Lines that are complete. */
static size_t count_lines(const char *dir)
{
	sk_autofree char *path = sk_strf("%s/runs.jsonl", dir), *text = NULL;
	size_t n = 0;

	if (sk_fs_read(AT_FDCWD, path, 1 << 24, &text, NULL) < 0)
		return 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

static void await_lines(const char *dir, size_t wanted)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while (count_lines(dir) < wanted) {
		if (sk_clock_mono() > deadline)
			fail_msg("no %zu runs in %s", wanted, dir);
		sk_clock_sleep_until(sk_clock_mono() + PATIENCE_NS);
	}
}

static struct sk_json *parse(const struct it *it)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *json = NULL;

	if (sk_json_parse(it->out, strlen(it->out), "stdout", &json, &err) < 0)
		fail_msg("%s in: %s", err.msg, it->out);
	return json;
}

/* The world has no way out, and the guest's kernel may have to be fetched: see test_lab.c. */
static const char *const *outside(void)
{
	static char net[64];
	static const char *const prefix[] = {"nsenter", net, "--", NULL};

	(void)snprintf(net, sizeof(net), "--net=/proc/%d/ns/net", (int)getppid());
	return prefix;
}

static void assert_all_is_kept(struct it *it, const char *dir)
{
	static const char *const files[] = {"experiment.yaml", "host.json", "runs.jsonl",
					    "report.html", "samples"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		sk_autofree char *path = sk_strf("%s/%s", dir, files[i]);

		assert_true(sk_fs_exists(AT_FDCWD, path));
	}
	it_expect(it, 0, "exp", "export", "--csv", dir);
	it_assert_has(it->out, "run,block,kind,status,label,mode,load,memory");
	it_expect(it, 0, "exp", "export", "--csv", "--samples", dir);
	it_assert_has(it->out, "run,intended_ns,sent_ns,received_ns\r\n");
}

/* On a busy machine a probe is late and its run discarded: another --resume does it again. */
static void resume_until_all_count(struct it *it, const char *file, const char *dir)
{
	for (int i = 0; i < RESUMES; i++) {
		sk_auto(sk_json_free) struct sk_json *summary = NULL;
		struct it_job job;

		it->prefix = outside();
		it_start(it, &job, -1, "exp", "run", file, "--dir", dir, "--resume",
			 "--format", "json");
		it->prefix = NULL;
		(void)it_finish(it, &job);
		summary = it->out[0] ? parse(it) : NULL;
		if (sk_json_int(sk_json_get(summary, "ok"), 0) == 3)
			return;
	}
	fail_msg("not all runs count after %d times: %s", RESUMES, it->err);
}

static void test_experiment_that_is_killed_goes_on_where_it_was(void **state)
{
	struct it *it = *state;
	sk_autofree char *file = NULL, *dir = NULL, *page = NULL;
	sk_auto(sk_json_free) struct sk_json *summary = NULL;
	struct it_job job;
	size_t done;

	it_need_root(it);
	file = write_file(it, "tiny.yaml", yaml);
	dir = sk_strf("%s/killed", it->dir);
	it->prefix = outside();
	it_start(it, &job, -1, "exp", "run", file, "--dir", dir);
	it->prefix = NULL;
	await_lines(dir, 1);
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	(void)it_finish(it, &job);
	done = count_lines(dir);
	assert_in_range(done, 1, 2);

	it_expect(it, 1, "exp", "run", file, "--dir", dir);
	it_assert_has(it->err, "has results already");
	it_assert_has(it->err, "hint: --resume");
	it->prefix = outside();
	it_start(it, &job, -1, "exp", "run", file, "--dir", dir, "--resume", "--fail-if",
		 "failed+1>0");
	assert_int_equal(it_finish(it, &job), 1);
	it_assert_has(it->err, "column 7");
	it->prefix = NULL;
	resume_until_all_count(it, file, dir);
	it_start(it, &job, -1, "exp", "run", file, "--dir", dir, "--resume", "--fail-if",
		 "failed>=0", "--format", "json");
	if (it_finish(it, &job) != 3)
		fail_msg("status %d: %s", it->status, it->err);
	it_assert_has(it->err, "'failed>=0' holds for stop-and-copy");
	summary = parse(it);
	assert_int_equal(sk_json_int(sk_json_get(summary, "planned"), 0), 3);
	assert_int_equal(sk_json_int(sk_json_get(summary, "done"), 0), 3);
	/* What was there is still there, as it was. */
	assert_true(count_lines(dir) >= 3);

	it_expect(it, 0, "exp", "compare", "--format", "json", dir);
	it_assert_has(it->out, "\"against\": \"stop-and-copy\"");
	it_expect(it, 0, "exp", "report", dir);
	assert_all_is_kept(it, dir);
	page = sk_strf("%s/report.html", dir);
	browser_look(it, page,
		     IT_ARGS("Downtime, client", "control (no migration)",
			     "A typical run of stop-and-copy", "Not shown"));
	it_expect(it, 0, "exp", "ls", it->dir, "--format", "{{.name}} {{.planned}}");
	assert_string_equal(it->out, "tiny 3\n");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	assert_int_equal(unlink(file), 0);
}

static void test_interrupt_removes_the_lab(void **state)
{
	struct it *it = *state;
	sk_autofree char *file = NULL, *dir = NULL;
	struct it_job job;

	it_need_root(it);
	file = write_file(it, "tiny.yaml", yaml);
	dir = sk_strf("%s/interrupted", it->dir);
	it->prefix = outside();
	it_start(it, &job, -1, "exp", "run", file, "--dir", dir);
	it->prefix = NULL;
	await_lines(dir, 1);
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
	it_assert_has(it->err, "interrupted");
	it_assert_has(it->err, "--resume");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	assert_int_equal(unlink(file), 0);
}

/* A link of 100 Mbit/s, and another server than the lab has by itself. */
static const char shaped[] =
	"name: shaped\n"
	"loads: {asked: {probe: tcp, clients: 2, probe-hz: 100, pages-per-s: 0,\n"
	"                server-model: worker-pool, service: 'workers=2,time=1ms'}}\n"
	"factors: {load: [asked]}\n"
	"constants: {memory: 128m, working-set: 8m, link-rate: 100mbit}\n"
	"slo: total=1h\n"
	"repetitions: 1\n"
	"warmup: false\n"
	"control: false\n"
	"baseline: 500ms\n"
	"tail: 500ms\n";

static void test_levels_are_what_runs_have(void **state)
{
	struct it *it = *state;
	sk_autofree char *file = NULL, *dir = NULL;
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	const struct sk_json *result;
	struct it_job job;
	double bits;

	it_need_root(it);
	file = write_file(it, "shaped.yaml", shaped);
	dir = sk_strf("%s/levels", it->dir);
	it->prefix = outside();
	it_start(it, &job, -1, "exp", "run", file, "--dir", dir);
	it->prefix = NULL;
	(void)it_finish(it, &job);
	it_expect(it, 0, "exp", "export", dir);
	run = parse(it);
	result = sk_json_get(run, "result");
	if (!result)
		fail_msg("%s", it->out);
	bits = sk_json_double(sk_json_path(result, "memory.wire_bytes"), 0) * 8e3 /
	       sk_json_double(sk_json_path(result, "time_ms.total"), 1);
	if (bits > 105e6 || bits < 50e6)
		fail_msg("%.0f bits/s over a link of 100 Mbit/s", bits);
	/* Other runs between hosts a and b were over a link that was not shaped. */
	assert_true(sk_json_double(sk_json_path(result, "prediction.calibrated"), 9) ==
		    0);
	assert_string_equal(
		sk_json_str(sk_json_path(result,
					 "prediction.inputs.link_bytes_per_s.source"),
			    ""),
		"the rate of the link");
	assert_string_equal(sk_json_str(sk_json_path(result, "service.model"), ""),
			    "worker-pool");
	assert_true(sk_json_int(sk_json_path(result, "service.served"), 0) > 50);
	assert_true(sk_json_double(sk_json_path(result, "service.active_ms"), 0) > 50);
	assert_string_equal(sk_json_str(sk_json_path(result, "probe_target"), ""),
			    "tcp://10.77.0.10:7007?hz=100&clients=2");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	assert_int_equal(unlink(file), 0);
}

static void test_what_cannot_be_run_is_told_before_anything_starts(void **state)
{
	struct it *it = *state;
	sk_autofree char *bad =
		write_file(it, "bad.yaml", "name: x\nfactors:\n  latancy: [1ms]\n");
	sk_autofree char *good = write_file(it, "tiny.yaml", yaml);

	it_expect(it, 1, "exp", "run", bad);
	it_assert_has(it->err, "bad.yaml:3:12: there is no factor 'latancy'");
	it_assert_has(it->err, "hint: did you mean 'latency'?");
	it_expect(it, 1, "exp", "run", good, "--fail-if", "p99>20");
	it_assert_has(it->err, "column 5: both sides must be times");
	it_expect(it, 0, "exp", "run", "--dry-run", good);
	it_assert_has(it->out, "tiny: 2 cells, 3 runs, about");
	it_assert_has(it->out, "control");
	it_expect(it, 1, "exp", "report", it->dir);
	it_assert_has(it->err, "has no results of an experiment");
	it_expect(it, 0, "schema", "experiment");
	it_assert_has(it->out, "\"title\": \"skiff experiment\"");
	assert_int_equal(unlink(bad), 0);
	assert_int_equal(unlink(good), 0);
}

static void test_browser_is_there_to_look_at_pages(void **state)
{
	(void)state;
	if (browser_is_there())
		return;
	(void)fprintf(stderr, "pages were not looked at: chromium is not installed\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_what_cannot_be_run_is_told_before_anything_starts),
		IT_TEST(test_experiment_that_is_killed_goes_on_where_it_was),
		IT_TEST(test_interrupt_removes_the_lab),
		IT_TEST(test_levels_are_what_runs_have),
		IT_TEST(test_browser_is_there_to_look_at_pages),
	};

	return it_run_group(tests);
}
