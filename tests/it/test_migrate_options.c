// SPDX-License-Identifier: Apache-2.0
/* test_migrate_options - options of `migrate` reach QEMU, or are refused before anything starts */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/lab.h"

#define SLOW "--bandwidth", "8mbit"
#define QUERY(command)                                                                   \
	"virsh qemu-monitor-command --pretty g1 '{\"execute\":\"" command "\"}'"

/* A migration whose results are looked at and removed; returns the published object. */
static struct sk_json *migrate(struct it *it, const char *to, const char *const *options)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);
	sk_auto(sk_strv_free) char **args = NULL;
	const char *const fixed[] = {"migrate", "g1", "--to",	  to,
				     "--dir",	dir,  "--format", "json"};
	struct sk_json *run;

	for (size_t i = 0; i < SK_ARRAY_SIZE(fixed); i++)
		assert_int_equal(sk_strv_add(&args, fixed[i]), 0);
	for (; *options; options++)
		assert_int_equal(sk_strv_add(&args, *options), 0);
	it_expect_argv(it, 0, (const char *const *)args, __FILE__, __LINE__);
	run = it_json(it);
	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	return run;
}

/* What QEMU at the source was told and has counted, while the job runs; then it is given up. */
static void look_at_running_job(struct it *it)
{
	struct it_job job;

	it_start(it, &job, -1, "migrate", "g1", "--to", "b", SLOW, "--compression",
		 "xbzrle", "--xbzrle-cache", "32m", "--auto-converge",
		 "--auto-converge-initial", "30", "--auto-converge-increment", "15",
		 "--max-downtime", "77ms", "--no-cpu-check");
	it_await_err(&job, "migrate\n");
	it_await_text(it, "\"status\": \"active\"",
		      IT_ARGS("slice", "exec", "lab-default", "a", "--", "sh", "-c",
			      QUERY("query-migrate")));
	it_await_text(it, "\"downtime-limit\": 77,",
		      IT_ARGS("slice", "exec", "lab-default", "a", "--", "sh", "-c",
			      QUERY("query-migrate-parameters")));
	it_assert_has(it->out, "\"xbzrle-cache-size\": 33554432");
	it_assert_has(it->out, "\"cpu-throttle-initial\": 30");
	it_assert_has(it->out, "\"cpu-throttle-increment\": 15");
	it_assert_has(it->out, "\"max-bandwidth\": 1048576");
	it_lab_sh(it, "a", QUERY("query-migrate"));
	it_assert_has(it->out, "\"xbzrle-cache\"");
	it_lab_sh(
		it, "a",
		QUERY("query-migrate-capabilities") " | grep -A1 true | grep capability");
	it_assert_has(it->out, "\"xbzrle\"");
	it_assert_has(it->out, "\"auto-converge\"");
	assert_null(strstr(it->out, "multifd"));
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
	/* libvirt takes it all back with the job. */
	it_lab_sh(it, "a", QUERY("query-migrate-parameters"));
	it_assert_has(it->out, "\"downtime-limit\": 300,");
	it_lab_guest_on(it, "a");
}

static void look_at_records(struct it *it)
{
	sk_auto(sk_json_free) struct sk_json *parallel = NULL, *p2p = NULL;

	parallel = migrate(it, "b",
			   IT_ARGS("--parallel", "2", "--bandwidth", "400mbit",
				   "--max-downtime", "200ms"));
	it_assert_text(parallel, "transfer.encryption", "none: a lab's own network");
	assert_int_equal(it_number(parallel, "transfer.parallel"), 2);
	assert_int_equal(it_number(parallel, "transfer.bandwidth_bits"), 400000000);
	assert_null(sk_json_path(parallel, "transfer.p2p"));
	it_assert_text(parallel, "cpu_check", "compatible");
	assert_true(sk_json_len(sk_json_get(parallel, "preflight")) > 8);

	p2p = migrate(it, "a", IT_ARGS("--p2p", "--mode", "post-copy"));
	it_assert_text(p2p, "mode.proven", "post-copy");
	assert_true(sk_json_bool(sk_json_path(p2p, "transfer.p2p"), false));
}

static void test_options_reach_the_job_and_the_record(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_lab_up(it);
	look_at_running_job(it);
	look_at_records(it);
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

/** struct listener - A port that somebody else has on a host */
struct listener {
	int netns, fd;
	uint16_t port;
};

static void *take_port(void *arg)
{
	struct listener *listener = arg;
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = htons(listener->port)};

	if (setns(listener->netns, CLONE_NEWNET) < 0)
		return NULL;
	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener->fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener->fd, 1) < 0)
		sk_close(&listener->fd);
	return NULL;
}

/* In a thread, which alone changes its namespace. */
static int listen_on(pid_t pid, uint16_t port)
{
	struct listener listener = {.fd = -1, .port = port};
	char path[64];
	pthread_t thread;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	listener.netns = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(listener.netns >= 0);
	assert_int_equal(pthread_create(&thread, NULL, take_port, &listener), 0);
	(void)pthread_join(thread, NULL);
	sk_close(&listener.netns);
	assert_true(listener.fd >= 0);
	return listener.fd;
}

/* Two URIs and no probe: refusals take a second each. */
static void expect_refusal(struct it *it, const struct it_lab_host *from,
			   const struct it_lab_host *to, const char *const *options,
			   const char *why, const char *hint)
{
	sk_auto(sk_strv_free) char **args = NULL;
	const char *const fixed[] = {"migrate", "g1",	"--from",
				     from->uri, "--to", to->uri};

	for (size_t i = 0; i < SK_ARRAY_SIZE(fixed); i++)
		assert_int_equal(sk_strv_add(&args, fixed[i]), 0);
	for (; *options; options++)
		assert_int_equal(sk_strv_add(&args, *options), 0);
	it_expect_argv(it, 1, (const char *const *)args, __FILE__, __LINE__);
	it_assert_has(it->err, why);
	it_assert_has(it->err, hint);
}

static void look_at_refusals(struct it *it, const struct it_lab_host *a,
			     const struct it_lab_host *b)
{
	static const struct {
		const char *options[7], *why, *hint;
	} cases[] = {
		{{"--tunnelled"},
		 "tunnelled needs p2p",
		 "add p2p, or leave tunnelled out"},
		{{"--p2p", "--tunnelled", "--parallel", "2"},
		 "tunnelled and parallel do not go together",
		 "leave one of them out"},
		{{"--mode", "stop-and-copy", "--auto-converge"},
		 "auto-converge and stop-and-copy do not go together",
		 "leave one of them out"},
		{{"--zero-copy"}, "zero-copy needs parallel", "add parallel"},
		{{"--tls", "--insecure-plaintext"},
		 "tls and insecure-plaintext do not go together",
		 "leave one of them out"},
		{{"--mode", "stop-and-copy", "--timeout", "9s", "--timeout-action",
		  "suspend"},
		 "stop-and-copy cannot end its time-out with suspend",
		 "say abort"},
		{{"--undefine-source"}, "undefine-source needs persist", "add persist"},
		/* Versions, which both ends are asked for. */
		{{"--insecure-plaintext", "--mode", "post-copy", "--parallel", "2"},
		 "post-copy and parallel do not go together: QEMU before 10.1",
		 "leave one of them out"},
		/* And what is told only when the job starts. */
		{{"--insecure-plaintext", "--migrate-uri", "tcp://10.77.0.2:49500"},
		 "guest 'g1' still runs at the source: migrate guest 'g1': the port for the memory is in use at the destination",
		 "leave the port out of migrate-uri"},
		{{"--insecure-plaintext", "--listen-address", "10.77.0.77"},
		 "the destination has no such address to listen on",
		 "an address of the destination itself"},
		{{"--insecure-plaintext", "--migrate-uri", "tcp://nowhere.invalid"},
		 "the source does not know the destination's name",
		 "migrate-uri tcp://ADDRESS"},
	};
	sk_autoclose int fd = listen_on(b->pid, 49500);

	assert_true(fd >= 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		expect_refusal(it, a, b, cases[i].options, cases[i].why, cases[i].hint);
	it_expect(it, 2, "migrate", "g1", "--to", "b", "--timeout-action", "abort");
	it_assert_has(it->err, "--timeout-action needs --timeout");
	it_expect(it, 2, "migrate", "g1", "--to", "b", "--compression", "mt");
	it_assert_has(it->err, "'mt' is not one of none|xbzrle|zlib|zstd");
	it_lab_guest_on(it, "a");
}

static bool has_check(const struct sk_json *plan, const char *name, bool ok,
		      const char *part)
{
	const struct sk_json *checks = sk_json_get(plan, "checks");

	for (size_t i = 0; i < sk_json_len(checks); i++) {
		const struct sk_json *check = sk_json_at(checks, i);

		if (strcmp(sk_json_str(sk_json_get(check, "name"), ""), name) == 0)
			return sk_json_bool(sk_json_get(check, "ok"), !ok) == ok &&
			       strstr(sk_json_str(sk_json_get(check, "result"), ""),
				      part);
	}
	return false;
}

static void look_at_dry_runs(struct it *it)
{
	sk_auto(sk_json_free) struct sk_json *plan = NULL, *call = NULL;
	sk_autofree char *results = sk_strf("%s/results", it->dir);

	it_expect(it, 0, "migrate", "g1", "--to", "b", "--dry-run", "--mode", "hybrid",
		  "--postcopy-after", "2", "--bandwidth", "80mbit", "--max-downtime",
		  "50ms", "--dir", results, "--format", "json");
	plan = it_json(it);
	assert_true(sk_json_bool(sk_json_get(plan, "possible"), false));
	assert_true(has_check(plan, "guest", true, "256 MiB of memory"));
	assert_true(has_check(plan, "cpu", true, "compatible"));
	assert_true(has_check(plan, "name", true, "free at the destination"));
	assert_true(has_check(plan, "disks", true, "none"));
	call = sk_json_ref(sk_json_at(sk_json_get(plan, "steps"), 2));
	it_assert_text(call, "call", "virDomainMigrate3");
	assert_int_equal(it_number(call, "parameters.bandwidth"), 10);
	it_assert_text(sk_json_at(sk_json_get(plan, "steps"), 3), "call",
		       "virDomainMigrateSetMaxDowntime");
	it_assert_text(sk_json_at(sk_json_get(plan, "steps"), 4), "when", "pass 2 ends");
	it_assert_text(plan, "prediction.mode", "hybrid");
	assert_true(it_number(plan, "prediction.total_ms.mid") > 0);
	assert_int_equal(sk_json_len(sk_json_get(plan, "other_predictions")), 3);

	it_expect(it, 1, "migrate", "g1", "--to", "b", "--dry-run", "--parallel", "2",
		  "--compression", "zstd");
	it_assert_has(it->out,
		      "  NO   options      compression zlib or zstd needs libvirt");
	it_assert_has(it->out, "  ok   disks        none");
	it_assert_has(it->err, "needs libvirt 9.4.0");
	assert_false(sk_fs_exists(AT_FDCWD, results));
	it_lab_guest_on(it, "a");
}

/* The tunnel needs no probe to be proven: it runs from the source's libvirtd alone. */
static void look_at_tunnel(struct it *it, const struct it_lab_host *a,
			   const struct it_lab_host *b)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);

	it_expect(it, 0, "migrate", "g1", "--from", a->uri, "--to", b->uri, "--p2p",
		  "--tunnelled", "--no-cpu-check", "--p2p-uri",
		  "qemu+unix:///system?socket=/srv/skiff-lab/b/libvirt-sock", "--dir",
		  dir, "--format", "{{.transfer.encryption}}, {{.cpu_check}}");
	assert_string_equal(it->out, "tunnel, not done, as asked\n");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	it_lab_guest_on(it, "b");
}

static void test_what_cannot_work_is_told_before_it_starts(void **state)
{
	struct it *it = *state;
	struct it_lab_host a, b;

	it_need_root(it);
	it_lab_up(it);
	it_lab_host(it, "a", &a);
	it_lab_host(it, "b", &b);
	look_at_refusals(it, &a, &b);
	look_at_dry_runs(it);
	look_at_tunnel(it, &a, &b);
	it_expect(it, 0, "lab", "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_options_reach_the_job_and_the_record),
		IT_TEST(test_what_cannot_work_is_told_before_it_starts),
	};

	return it_run_group(tests);
}
