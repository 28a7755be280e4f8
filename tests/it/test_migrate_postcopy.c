// SPDX-License-Identifier: Apache-2.0
/* test_migrate_postcopy - a post-copy that is hurt: mended, left to the hosts, or lost, never doubled */
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/faults.h"

static void start(struct it_faults *f, const char *to, const char *bandwidth)
{
	it_start(f->it, &f->job, -1, "--debug", "migrate", "g1", "--to", to, "--mode",
		 "post-copy", "--bandwidth", bandwidth, "--dir", f->dir, "--format",
		 "json");
	it_await_err(&f->job, "when the destination fails the guest is lost");
	it_faults_await_running(f, *to == 'a' ? &f->a : &f->b);
}

static void assert_led_by(struct it_faults *f, const char *who)
{
	it_expect(f->it, 0, "migrate", "status", "--format", "{{.guest}} {{.led_by}}");
	it_assert_has(f->it->out, who);
}

static void cut(struct it_faults *f)
{
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	uint64_t mended;

	start(f, "b", "96mbit");
	it_faults_hurt(f, "b", CUT);
	it_await_err(&f->job, "is the network between the hosts cut?");
	print_message("network cut in post-copy: noticed after %.1f s\n",
		      (double)(sk_clock_mono() - f->hurt_ns) / 1e9);
	assert_true(it_faults_copies(f) <= 1);
	it_lab_sh(f->it, "b", MEND);
	mended = sk_clock_mono();
	print_message("it answers %llu ms after the link is back\n",
		      (unsigned long long)it_ticker_await(&f->ticker,
							  (unsigned int)(15 *
									 it_slowness())));
	it_faults_finish(f, "network cut in post-copy", 0, 55, NULL);
	print_message("all is moved %.1f s after the link is back\n",
		      (double)(sk_clock_mono() - mended) / 1e9);
	run = it_json(f->it);
	it_assert_text(run, "mode.proven", "post-copy");
	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	it_faults_await_on(f, "b");
}

/* The source's end of the connection is gone, and what would tell the destination so is lost. */
#define BREAK CUT "\nss -K -tn state established dst 10.77.0.0/24\n" MEND

static void break_for_good(struct it_faults *f)
{
	sk_auto(sk_json_free) struct sk_json *run = NULL;

	start(f, "a", "128mbit");
	it_faults_hurt(f, "b", BREAK);
	it_assert_has(f->it->out, ":49152"); /* ss tells what it ended */
	it_faults_finish(f, "connection broken for good in post-copy", 0, 45, NULL);
	it_assert_has(f->it->err, "the connection between the hosts broke");
	it_assert_has(f->it->err, "connect both hosts anew");
	run = it_json(f->it);
	it_assert_text(run, "mode.proven", "post-copy");
	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	it_faults_await_on(f, "a");
}

static void detach(struct it_faults *f)
{
	start(f, "a", "64mbit");
	it_faults_hurt(f, "b", NULL);
	assert_int_equal(kill(f->job.proc.pid, SIGINT), 0);
	it_await_err(&f->job, "post-copy cannot be stopped");
	assert_int_equal(kill(f->job.proc.pid, SIGINT), 0);
	it_faults_finish(f, "Ctrl-C twice in post-copy", 130, 4,
			 "hint: see it to its end: skiff migrate attach g1");
	assert_led_by(f, "g1 hosts");
	it_expect(f->it, 1, "migrate", "abort", "g1", "--lab", "other");
	it_assert_has(f->it->err, "is under way in lab other");
	it_expect(f->it, 1, "migrate", "abort", "g1", "--lab", "default", "--from", "b");
	it_assert_has(f->it->err, "in post-copy, which cannot be given up");
	it_faults_hurt(f, "b", NULL);
	it_expect(f->it, 0, "migrate", "attach", "g1");
	print_message("attached: all moved after %.1f s\n",
		      (double)(sk_clock_mono() - f->hurt_ns) / 1e9);
	it_faults_await_on(f, "a");
}

static void kill_client(struct it_faults *f)
{
	start(f, "b", "64mbit");
	assert_int_equal(kill(f->job.proc.pid, SIGKILL), 0);
	(void)it_finish(f->it, &f->job);
	assert_led_by(f, "g1 hosts");
	it_faults_await_on(f, "b");
	it_expect(f->it, 0, "migrate", "status");
	it_assert_has(f->it->err, "guest 'g1' has arrived at 'b'");
	it_expect(f->it, 0, "migrate", "status", "--format", "json");
	assert_string_equal(f->it->out, "[]\n");
}

static void kill_there(struct it_faults *f)
{
	start(f, "b", "32mbit");
	it_faults_hurt(f, "b", KILL_QEMU);
	it_faults_finish(f, "QEMU of the destination killed in post-copy", 1, 5,
			 "guest 'g1' is lost");
	it_assert_has(f->it->err, "the copy at the source is not started again");
	assert_int_equal(it_faults_copies(f), 0);
}

/* In one lab: each leaves the guest where the next one starts, and the last one loses it. */
static void test_a_post_copy_is_mended_left_to_the_hosts_or_lost_never_doubled(
	void **state)
{
	static struct it_faults f; /* of a case that failed the thread still uses it */

	it_faults_begin(*state, &f);
	cut(&f);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, f.dir, NULL), 0);
	break_for_good(&f);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, f.dir, NULL), 0);
	kill_client(&f);
	detach(&f);
	kill_there(&f);
	it_faults_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_a_post_copy_is_mended_left_to_the_hosts_or_lost_never_doubled),
	};

	return it_run_group(tests);
}
