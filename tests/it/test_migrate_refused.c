// SPDX-License-Identifier: Apache-2.0
/* test_migrate_refused - what is in the way of a migration, and what was left behind by its leader */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/faults.h"

#define OTHER_G1                                                                         \
	"<domain type=\"qemu\"><name>g1</name><memory unit=\"MiB\">16</memory>"          \
	"<os><type arch=\"x86_64\" machine=\"pc\">hvm</type></os></domain>"
/* The guest's own link to the network of its host. */
#define UNPLUG                                                                           \
	"for i in /sys/class/net/br0/brif/*; do\n"                                       \
	"	[ ${i##*/} = eth0 ] || ip link set ${i##*/} down\n"                            \
	"done"

/* What it published; the folder of results is removed. */
static struct sk_json *take(struct it_faults *f)
{
	struct sk_json *run = it_json(f->it);

	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, f->dir, NULL), 0);
	return run;
}

static void take_the_name(struct it_faults *f)
{
	it_lab_sh(f->it, "b",
		  "echo '" OTHER_G1 "' > /tmp/g1.xml\n"
		  "virsh -q create --paused /tmp/g1.xml");
	it_expect(f->it, 1, "migrate", "g1", "--from", f->a.uri, "--to", f->b.uri,
		  "--insecure-plaintext", "--dir", f->dir);
	it_assert_has(f->it->err, "the destination has a guest 'g1' already");
	assert_false(sk_fs_exists(AT_FDCWD, f->dir));
	it_lab_sh(f->it, "b", "virsh -q destroy g1");
	it_faults_await_on(f, "a");
}

static size_t count_files(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n - 2; /* . and .. */
}

/* There is room for the numbers, not for the samples: they are whole, and name no report. */
static void fill_the_disk(struct it_faults *f)
{
	sk_autofree char *path = sk_strf("%s/run.json", f->dir);
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	assert_int_equal(mkdir(f->dir, 0755), 0);
	assert_int_equal(mount("skiff-full", f->dir, "tmpfs", 0, "size=200k"), 0);
	(void)it_skiff(f->it, "migrate", "g1", "--to", "b", "--dir", f->dir);
	print_message("disk full: status %d: %s\n", f->it->status, f->it->err);
	assert_int_equal(sk_json_load(AT_FDCWD, path, &run, NULL), 0);
	assert_null(sk_json_get(run, "report"));
	it_assert_text(run, "mode.proven", "pre-copy");
	assert_int_equal(count_files(f->dir), 1);
	assert_int_equal(umount(f->dir), 0);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, f->dir, NULL), 0);
	assert_int_equal(f->it->status, 1);
	it_assert_has(f->it->err,
		      "guest 'g1' has moved, but the results cannot be written to");
	it_assert_has(f->it->err, "No space left on device");
	it_faults_await_on(f, "b");
}

/* A machine that has no time for the probe: in its tail, as requests may be lost behind each stop. */
static void hold_up_the_probe(struct it_faults *f)
{
	it_await_err(&f->job, "probe, after the move\n");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(kill(f->job.proc.pid, SIGSTOP), 0);
		sk_clock_sleep_until(sk_clock_mono() + 100 * SK_NS_PER_MS);
		assert_int_equal(kill(f->job.proc.pid, SIGCONT), 0);
		sk_clock_sleep_until(sk_clock_mono() + 150 * SK_NS_PER_MS);
	}
}

static void unplug_the_service(struct it_faults *f)
{
	sk_auto(sk_json_free) struct sk_json *run = NULL;

	it_start(f->it, &f->job, -1, "migrate", "g1", "--to", "a", "--bandwidth",
		 "128mbit", "--dir", f->dir, "--format", "json");
	it_await_err(&f->job, "migrate\n");
	it_faults_hurt(f, "b", UNPLUG);
	hold_up_the_probe(f);
	it_faults_finish(f, "service unplugged", 0, 40, NULL);
	run = take(f);
	print_message("%.0f of %.0f requests lost, client's downtime %.0f ms\n",
		      it_number(run, "probe.lost"), it_number(run, "probe.sent"),
		      it_number(run, "downtime_ms.client"));
	it_assert_text(run, "mode.proven", "pre-copy");
	assert_true(it_number(run, "downtime_ms.client") > 2000);
	assert_true(it_number(run, "downtime_ms.client") >
		    2 * it_number(run, "downtime_ms.vcpu"));
	assert_true(it_number(run, "probe.during.lost") > 1000);
	assert_true(it_number(run, "probe.before.lost") == 0);
	it_assert_has(f->it->err, "warning: the probe itself was late (p99 ");
	it_assert_has(f->it->err, "discard this run's numbers");
	assert_true(sk_json_bool(sk_json_path(run, "probe.discard"), false));
	it_faults_await_on(f, "a");
}

/* Memory is written faster than it is sent, so only the time-out ends it. */
static struct sk_json *be_late(struct it_faults *f, const char *to, const char *action)
{
	it_start(f->it, &f->job, -1, "migrate", "g1", "--to", to, "--bandwidth",
		 "256mbit", "--timeout", "6s", "--timeout-action", action, "--dir",
		 f->dir, "--format", "json");
	it_await_err(&f->job, "migrate\n");
	it_faults_hurt(f, to, NULL);
	it_faults_finish(f, action, 0, 40, NULL);
	return take(f);
}

static void never_converge(struct it_faults *f)
{
	sk_auto(sk_json_free) struct sk_json *still = NULL, *over = NULL;
	const char *chosen;

	it_expect(f->it, 0, "lab", "load", "--working-set", "64m", "--pages-per-s",
		  "15000");
	still = be_late(f, "b", "suspend");
	it_assert_has(f->it->err, "the guest stands still until all is copied");
	it_assert_text(still, "mode.proven", "pre-copy");
	assert_true(it_number(still, "time_ms.api") > 6000);
	assert_true(it_number(still, "downtime_ms.vcpu") > 500);
	it_faults_await_on(f, "b");

	over = be_late(f, "a", "post-copy");
	it_assert_has(f->it->err, "post-copy: from now on it cannot be given up");
	it_assert_text(over, "mode.asked", "pre-copy");
	chosen = sk_json_str(sk_json_path(over, "mode.chosen"), "none");
	it_assert_text(over, "mode.proven", chosen);
	assert_true(strcmp(chosen, "hybrid") == 0 || strcmp(chosen, "post-copy") == 0);
	assert_true(it_number(over, "downtime_ms.vcpu") <
		    it_number(still, "downtime_ms.vcpu"));
	it_faults_await_on(f, "a");
	it_expect(f->it, 0, "lab", "load", "--working-set", "64m", "--pages-per-s", "0");
}

static void leave(struct it_faults *f, const char *to)
{
	it_start(f->it, &f->job, -1, "migrate", "g1", "--to", to, "--p2p", "--bandwidth",
		 "64mbit", "--dir", f->dir);
	it_await_err(&f->job, "migrate\n");
	it_faults_await_copy(f, *to == 'a' ? &f->a : &f->b);
	assert_int_equal(kill(f->job.proc.pid, SIGKILL), 0);
	(void)it_finish(f->it, &f->job);
	it_expect(f->it, 0, "migrate", "status", "--format", "{{.guest}} {{.led_by}}");
	it_assert_has(f->it->out, "g1 hosts");
}

static void kill_the_client(struct it_faults *f)
{
	leave(f, "b");
	it_expect(f->it, 1, "migrate", "g1", "--to", "b", "--dir", f->dir);
	it_assert_has(f->it->err, "is being migrated already, led by the hosts");
	it_faults_hurt(f, "b", NULL);
	it_expect(f->it, 0, "migrate", "abort", "g1");
	it_faults_await_on(f, "a");
	leave(f, "b");
	it_expect(f->it, 0, "migrate", "attach", "g1");
	it_faults_await_on(f, "b");
	it_expect(f->it, 0, "migrate", "status", "--format", "json");
	assert_string_equal(f->it->out, "[]\n");
}

/* In one lab: each leaves the guest where the next one starts. */
static void test_what_is_in_the_way_is_told_and_p2p_needs_no_client(void **state)
{
	static struct it_faults f; /* of a case that failed the thread still uses it */

	it_faults_begin(*state, &f);
	take_the_name(&f);
	fill_the_disk(&f);
	unplug_the_service(&f);
	never_converge(&f);
	kill_the_client(&f);
	it_faults_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_what_is_in_the_way_is_told_and_p2p_needs_no_client),
	};

	return it_run_group(tests);
}
