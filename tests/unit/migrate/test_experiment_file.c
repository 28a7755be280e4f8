// SPDX-License-Identifier: Apache-2.0
/* test_experiment_file - experiment files: what is read, what is refused and where */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/metric.h"
#include "migrate/measure/verdict.h"

static int load(const char *text, struct sk_experiment **ret, struct sk_err *err)
{
	sk_autoclose int fd = memfd_create("experiment", MFD_CLOEXEC);
	char path[40];

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sk_experiment_load(path, ret, err);
}

static void test_file_is_read(void **state)
{
	static const char text[] = "name: web\n"
				   "factors:\n"
				   "  mode: [post-copy, pre-copy]\n"
				   "  pages-per-s: [0, 500, 2000]\n"
				   "constants: {memory: 512m, bandwidth: 256mbit}\n"
				   "repetitions: 7\n"
				   "baseline: 500ms\n"
				   "control: false\n"
				   "objective: p99\n"
				   "seed: 42\n";
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_autofree char *label = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_cell cell;

	(void)state;
	assert_int_equal(load(text, &e, &err), 0);
	assert_string_equal(e->name, "web");
	assert_string_equal(e->text, text);
	assert_int_equal(sk_experiment_cells(e), 6);
	cell = sk_experiment_cell(e, 4);
	assert_int_equal(cell.set[SK_FACTOR_MODE], SK_MODE_PRE_COPY);
	assert_int_equal(cell.set[SK_FACTOR_PAGES], 500);
	assert_int_equal(cell.set[SK_FACTOR_MEMORY], 512u << 20);
	assert_int_equal(cell.set[SK_FACTOR_BANDWIDTH], 256000000);
	assert_int_equal(cell.set[SK_FACTOR_PROBE_HZ], 1000);
	label = sk_experiment_label(e, 4);
	assert_string_equal(label, "pre-copy, 500 pages/s");
	assert_int_equal(e->repetitions, 7);
	assert_true(e->baseline_ns == 500 * SK_NS_PER_MS);
	assert_true(e->tail_ns == 3 * SK_NS_PER_S);
	assert_true(e->has_warmup && !e->has_control);
	assert_ptr_equal(e->objective, sk_metric_find("p99"));
	assert_true(e->has_seed && e->seed == 42);
}

/* The text behind the file's name. */
static const struct {
	const char *text, *place;
	int code;
} wrong[] = {
	{"name: w\n", ":1:1: key 'factors' is missing", -EINVAL},
	{"name: w\nfactors: [mode]\n", ":2:10: 'factors' must be a map", -EINVAL},
	{"name: w\nfactors:\n  mdoe: [pre-copy]\n", ":3:9: there is no factor 'mdoe'",
	 -EINVAL},
	{"name: w\nfactors:\n  loss: [0.5]\n", ":3:10: '0.5' is no share", -EINVAL},
	{"name: w\nfactors:\n  server-model: [pool]\n",
	 ":3:18: server 'pool': 'pool' is not a server model", -EINVAL},
	{"name: w\nfactors:\n  compression: [gzip]\n", ":3:17: ", -EINVAL},
	{"name: w\nfactors: {parallel: [none, 4]}\n"
	 "constants: {compression: xbzrle}\n",
	 ":2:10: 4 parallel connections: ", -EINVAL},
	{"name: w\nfactors: {mode: [pre-copy, stop-and-copy]}\n"
	 "constants: {timeout: 9s, timeout-action: post-copy}\n",
	 ":2:10: stop-and-copy: stop-and-copy cannot end its time-out", -EINVAL},
	{"name: w\nfactors: {memory: [128m, 256m]}\n"
	 "constants: {working-set: 100m}\n",
	 ":2:10: 128 MiB memory: the working set does not fit", -ERANGE},
	{"name: w\nfactors: {max-downtime: [0s, 1s]}\n",
	 ":2:26: max-downtime '0s' is not within 1 ms to 16 min", -ERANGE},
	{"name: w\nfactors: {bandwidth: [none, 1mbit, 8mbit]}\n",
	 ":2:36: '8mbit' is what '1mbit' is: bandwidth is rounded up to whole MiB",
	 -EINVAL},
	{"name: w\nfactors: {latency: [0s, 20s]}\n",
	 ":2:25: latency '20s' is more than 10 s", -ERANGE},
	{"name: w\nfactors: {mode: [auto]}\n",
	 ":2:10: mode auto needs 'slo', the objective to keep to", -EINVAL},
	{"name: w\nslo: outage=fast\nfactors: {mode: [auto]}\n", ":2:6: ", -EINVAL},
	{"name: w\nslo: total=1s\nrisk: all\nfactors: {mode: [auto]}\n",
	 ":3:7: ", -EINVAL},
	{"name: w\nfactors: {tls: [no, yes]}\n",
	 ":2:10: with TLS: the hosts of a lab have no certificates", -ENOTSUP},
	{"name: w\nfactors:\n  load: [busy]\n", ":3:10: there is no load 'busy'",
	 -EINVAL},
	{"name: w\nloads: {busy: {mode: pre-copy}}\nfactors: {load: [busy]}\n",
	 ":2:22: 'mode' is nothing that a guest or its clients do", -EINVAL},
	{"name: w\nloads: {busy: {memory: 128m}}\n"
	 "factors: {memory: [128m, 256m], load: [busy]}\n",
	 ":3:19: 'memory' varies, and load 'busy' sets it", -EINVAL},
	{"name: w\nhosts: {from: a, to: b, guest: g, probe: 'udp://h:7'}\n"
	 "factors: {link-rate: [100mbit]}\n",
	 ":3:22: 'link-rate' can be set in a lab only", -ENOTSUP},
	{"name: w\nfactors:\n  mode: pre-copy\n", ":3:9: 'mode' must be a list of levels",
	 -EINVAL},
	{"name: w\nfactors:\n  mode: [pre-copy, warp]\n", ":3:20: 'warp' is not a mode",
	 -EINVAL},
	{"name: w\nfactors:\n  mode: [pre-copy, pre-copy]\n",
	 ":3:20: 'pre-copy' stands twice", -EINVAL},
	{"name: w\nfactors: {mode: [pre-copy]}\nconstants: {mode: post-copy}\n",
	 ":3:19: 'mode' varies already", -EINVAL},
	{"name: w\nfactors: {memory: [1m]}\n",
	 ":2:20: memory '1m' is not within 64 MiB to 1 TiB", -ERANGE},
	{"name: w\nfactors: {mode: [pre-copy]}\nobjective: speed\n",
	 ":3:12: no metric is called 'speed'", -EINVAL},
	{"name: w\nfactors: {mode: [pre-copy]}\nbaseline: 1h\n",
	 ":3:11: 'baseline' is at most 2 minutes", -ERANGE},
	{"name: a/b\nfactors: {mode: [pre-copy]}\n",
	 ":1:7: 'a/b' is no name for an experiment", -EINVAL},
	{"name: w\nhosts: {from: a, to: b, guest: g, probe: 'udp://h:7'}\n"
	 "factors: {memory: [128m]}\n",
	 ":3:19: 'memory' can be set in a lab only", -ENOTSUP},
	{"name: w\nhosts: {from: a, to: b, guest: g, probe: 'udp://h:7'}\n"
	 "factors: {pages-per-s: [1]}\n",
	 ":3:24: 'pages-per-s' is set by asking a skiff-guest", -ENOTSUP},
	{"name: w\nhosts: {from: a, to: b, guest: g, probe: 'nowhere'}\n"
	 "factors: {mode: [pre-copy]}\n",
	 ":2:42: 'nowhere' is no probe", -EINVAL},
	{"name: w\nhosts: {from: a, to: a, guest: g, probe: 'udp://h:7'}\n"
	 "factors: {mode: [pre-copy]}\n",
	 ":2:22: 'from' and 'to' are one host", -EINVAL},
	{"name: w\nhosts: {from: a, to: b, guest: g, probe: 'udp://h:7',\n"
	 "        probe-from: client7}\nfactors: {mode: [pre-copy]}\n",
	 ":3:21: 'client7' does not begin with ssh://", -EINVAL},
	{"name: w\nrepetition: 2\nfactors: {mode: [pre-copy]}\n",
	 ":2:1: unknown key 'repetition'", -EINVAL},
};

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(wrong); i++) {
		struct sk_experiment *e = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(load(wrong[i].text, &e, &err), wrong[i].code);
		assert_null(e);
		if (!strstr(err.msg, wrong[i].place))
			fail_msg("no '%s' in: %s", wrong[i].place, err.msg);
	}
}

static void test_levels_have_many_forms(void **state)
{
	static const char text[] =
		"name: web\n"
		"loads:\n"
		"  idle: {pages-per-s: 0}\n"
		"  large: {memory: 1g, pages-per-s: 0, clients: 4, probe: http}\n"
		"factors:\n"
		"  load: [idle, large]\n"
		"  link-rate: [none, 100mbit]\n"
		"  server-model: [iterative, 'worker-pool,workers=8,time=1ms']\n"
		"  auto-converge: [no, yes]\n"
		"  compression: [none, xbzrle]\n"
		"constants: {latency: 2ms, loss: 0.5%, max-downtime: 100ms,\n"
		"            postcopy-bandwidth: 1gbit, parallel: none, memory: 128m,\n"
		"            working-set: 8m}\n";
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	sk_autofree char *first = NULL, *last = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_cell cell;

	(void)state;
	if (load(text, &e, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_experiment_cells(e), 32);
	first = sk_experiment_label(e, 0);
	assert_string_equal(first, "idle, no link limit, iterative, without "
				   "auto-converge, no compression");
	last = sk_experiment_label(e, 31);
	assert_string_equal(last, "large, 100 Mbit/s link limit, "
				  "worker-pool,workers=8,time=1ms, with auto-converge, "
				  "xbzrle compression");
	cell = sk_experiment_cell(e, 0);
	assert_int_equal(cell.set[SK_FACTOR_MEMORY], 128u << 20);
	assert_int_equal(cell.set[SK_FACTOR_LATENCY], 2 * SK_NS_PER_MS);
	assert_int_equal(cell.set[SK_FACTOR_LOSS], 5000);
	assert_int_equal(cell.set[SK_FACTOR_PARALLEL], 0);
	json = sk_cell_json(e, &cell);
	assert_string_equal(sk_json_str(sk_json_get(json, "server-model"), ""),
			    "iterative");
	cell = sk_experiment_cell(e, 31);
	assert_int_equal(cell.set[SK_FACTOR_MEMORY], 1u << 30);
	assert_int_equal(cell.set[SK_FACTOR_PAGES], 0);
	assert_int_equal(cell.set[SK_FACTOR_CLIENTS], 4);
	assert_true(sk_cell_equal(e, &cell, e, &cell));
}

static void test_cell_says_what_its_migration_is(void **state)
{
	static const char text[] =
		"name: w\n"
		"factors:\n"
		"  mode: [pre-copy, post-copy]\n"
		"  timeout: [none, 30s]\n"
		"constants: {timeout-action: post-copy, postcopy-bandwidth: 8mbit,\n"
		"            max-downtime: 1500us}\n";
	static const uint64_t caps[] = {0, 8000000, 8000000, 8000000};
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (load(text, &e, &err) < 0)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < SK_ARRAY_SIZE(caps); i++) {
		struct sk_cell cell = sk_experiment_cell(e, i);
		struct sk_migrate_opts opts = sk_cell_migration(e, &cell);

		/* The time-out of a pre-copy has such a phase, too. */
		assert_int_equal(opts.transfer.postcopy_bandwidth_bits, caps[i]);
		/* As on a command line: not less than was asked for. */
		assert_int_equal(opts.transfer.max_downtime_ms, 2);
		assert_true(opts.best_effort && opts.netns_fd == -1);
	}
}

static void test_template_can_be_run(void **state)
{
	sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
	sk_autofree char *text = sk_experiment_template("mine");
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (load(text, &e, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(e->name, "mine");
	assert_int_equal(sk_experiment_cells(e), 3);
}

static void test_examples_can_be_run(void **state)
{
	static const struct {
		const char *path;
		size_t cells;
	} examples[] = {
		{"migrate/experiment/examples/strategies.yaml", 3},
		{"migrate/experiment/examples/dirty-rate.yaml", 6},
		{"migrate/experiment/examples/auto.yaml", 12},
		{"migrate/experiment/examples/postcopy-cap.yaml", 3},
		{"migrate/experiment/examples/server-models.yaml", 6},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(examples); i++) {
		sk_auto(sk_experiment_free) struct sk_experiment *e = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (sk_experiment_load(examples[i].path, &e, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(sk_experiment_cells(e), examples[i].cells);
	}
}

static void test_schema_names_all_factors_and_metrics(void **state)
{
	sk_auto(sk_json_free) struct sk_json *schema = sk_experiment_schema();
	const struct sk_json *factors =
		sk_json_path(schema, "properties.factors.properties");

	(void)state;
	assert_int_equal(sk_json_len(factors), SK_FACTOR_NR);
	for (size_t i = 0; i < SK_FACTOR_NR; i++)
		assert_string_equal(
			sk_json_str(sk_json_get(sk_json_get(factors, sk_factors[i].key),
						"type"),
				    ""),
			"array");
	assert_int_equal(sk_json_len(sk_json_path(schema, "required")), 2);
	assert_true(sk_json_len(sk_json_path(schema, "properties.objective.enum")) > 10);
}

/* Whether the pattern of a level, as the schema shows it, takes a text. */
static bool schema_takes(enum sk_factor factor, const char *text)
{
	sk_auto(sk_json_free) struct sk_json *schema = sk_factor_schema(factor);
	regex_t pattern;
	bool takes;

	assert_int_equal(regcomp(&pattern,
				 sk_json_str(sk_json_get(schema, "pattern"), ""),
				 REG_EXTENDED | REG_NOSUB),
			 0);
	takes = regexec(&pattern, text, 0, NULL, 0) == 0;
	regfree(&pattern);
	return takes;
}

static void test_schema_takes_what_the_reader_takes(void **state)
{
	static const struct {
		enum sk_factor factor;
		const char *text;
	} cases[] = {
		{SK_FACTOR_MEMORY, "128m"},
		{SK_FACTOR_MEMORY, "134217728"},
		{SK_FACTOR_MEMORY, "134217728b"},
		{SK_FACTOR_MEMORY, "1.5G"},
		{SK_FACTOR_MEMORY, "256MiB"},
		{SK_FACTOR_MEMORY, "256 m"},
		{SK_FACTOR_MEMORY, "1..5g"},
		{SK_FACTOR_MEMORY, ".5g"},
		{SK_FACTOR_MEMORY, "134217728.5"},
		{SK_FACTOR_MEMORY, "none"},
		{SK_FACTOR_LINK_RATE, "none"},
		{SK_FACTOR_LINK_RATE, "100mbit"},
		{SK_FACTOR_LINK_RATE, "100Mbit/s"},
		{SK_FACTOR_LINK_RATE, "100 mbit"},
		{SK_FACTOR_LINK_RATE, "0.5gbit"},
		{SK_FACTOR_LINK_RATE, "12MiB/s"},
		{SK_FACTOR_LINK_RATE, "12MB/s"},
		{SK_FACTOR_LINK_RATE, "2000000bit"},
		{SK_FACTOR_LINK_RATE, "2000000"},
		{SK_FACTOR_LATENCY, "none"},
		{SK_FACTOR_LATENCY, "2ms"},
		{SK_FACTOR_LATENCY, "2MS"},
		{SK_FACTOR_LATENCY, "1"},
		{SK_FACTOR_LATENCY, "0.5"},
		{SK_FACTOR_LATENCY, "2 ms"},
		{SK_FACTOR_LATENCY, "2min"},
		{SK_FACTOR_LOSS, "0.5%"},
		{SK_FACTOR_LOSS, "0.5"},
		{SK_FACTOR_LOSS, "5.%"},
	};
	sk_auto(sk_json_free) struct sk_json *schema = sk_experiment_schema();

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint64_t level = 0;
		bool reads = sk_factor_read(NULL, cases[i].factor, cases[i].text, &level,
					    NULL) == 0;

		if (schema_takes(cases[i].factor, cases[i].text) != reads)
			fail_msg("the reader %s '%s', the schema does not think so",
				 reads ? "takes" : "refuses", cases[i].text);
	}
	/* A flag as man 5 writes it, and a duration without a unit. */
	assert_int_equal(sk_json_len(sk_json_path(schema, "properties.warmup.enum")), 6);
	assert_string_equal(sk_json_str(sk_json_at(sk_json_path(schema,
								"properties.tail.type"),
						   1),
					""),
			    "number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_is_read),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(test_levels_have_many_forms),
		cmocka_unit_test(test_cell_says_what_its_migration_is),
		cmocka_unit_test(test_template_can_be_run),
		cmocka_unit_test(test_examples_can_be_run),
		cmocka_unit_test(test_schema_names_all_factors_and_metrics),
		cmocka_unit_test(test_schema_takes_what_the_reader_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
