// SPDX-License-Identifier: Apache-2.0
/* test_migrate_faults - a pre-copy that is hurt leaves the guest at the source, soon, and says so */
#include <fcntl.h>
#include <signal.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/faults.h"

#define SLOW "--bandwidth", "8mbit"

static void start_slowly(struct it_faults *f)
{
	it_faults_start(f, false, IT_ARGS(SLOW));
	it_faults_await_copy(f, &f->b);
}

static void interrupt(struct it_faults *f)
{
	start_slowly(f);
	it_faults_hurt(f, "b", NULL);
	assert_int_equal(kill(f->job.proc.pid, SIGINT), 0);
	it_faults_finish(f, "Ctrl-C", 130, 2, "guest 'g1' still runs at the source");
	it_faults_await_on(f, "a");
}

static void kill_there(struct it_faults *f)
{
	start_slowly(f);
	it_faults_hurt(f, "b", KILL_QEMU);
	it_faults_finish(f, "QEMU of the destination killed", 1, 2,
			 "guest 'g1' still runs at the source");
	it_faults_await_on(f, "a");
}

static void cut(struct it_faults *f)
{
	start_slowly(f);
	it_faults_hurt(f, "b", CUT);
	it_faults_finish(f, "network cut", 1, 10, "still runs at the source");
	it_lab_sh(f->it, "b", MEND);
	it_faults_await_on(f, "a");
}

static void take_too_long(struct it_faults *f)
{
	it_faults_start(f, false, IT_ARGS(SLOW, "--timeout", "2s"));
	it_faults_hurt(f, "b", NULL);
	it_faults_finish(f, "time-out of 2 s", 1, 5, "not done after 2 s");
	it_faults_await_on(f, "a");
}

/* A skiff that has no record of it sees what the source tells, and can give it up. */
static void abort_from_elsewhere(struct it_faults *f)
{
	sk_autofree char *elsewhere = sk_strf("%s/elsewhere", f->it->dir);
	char *root = f->it->root;

	f->it->root = elsewhere;
	it_expect(f->it, 0, "migrate", "status", "--format", "json");
	assert_string_equal(f->it->out, "[]\n");
	it_expect(f->it, 0, "migrate", "status", "--from", f->a.uri, "--format",
		  "{{.guest}} {{.led_by}} {{.phase}}");
	assert_string_equal(f->it->out, "g1 others running\n");
	it_expect(f->it, 0, "migrate", "status", "--from", f->b.uri, "--format", "json");
	assert_string_equal(f->it->out, "[]\n");
	it_expect(f->it, 1, "migrate", "attach", "g1", "--from", f->a.uri);
	it_assert_has(f->it->err, "no migration of guest 'g1' is under way from");
	it_expect(f->it, 0, "migrate", "abort", "g1", "--from", f->a.uri);
	f->it->root = root;
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, elsewhere, NULL), 0);
}

static void migrate_twice(struct it_faults *f)
{
	start_slowly(f);
	it_expect(f->it, 1, "migrate", "g1", "--from", f->a.uri, "--to", f->b.uri,
		  "--insecure-plaintext", "--dir", f->dir);
	it_assert_has(f->it->err, "guest 'g1' is being migrated to");
	it_assert_has(f->it->err, "already, by process");
	it_expect(f->it, 0, "migrate", "status", "--format", "{{.guest}} {{.led_by}}");
	it_assert_has(f->it->out, "g1 skiff");
	it_expect(f->it, 1, "migrate", "attach", "g1");
	it_assert_has(f->it->err, "leads it already");
	it_faults_hurt(f, "b", NULL);
	abort_from_elsewhere(f);
	it_faults_finish(f, "migrate abort", 130, 5, "still runs at the source");
	it_faults_await_on(f, "a");
}

static void test_a_pre_copy_that_is_hurt_leaves_the_guest_at_the_source(void **state)
{
	static struct it_faults f; /* of a case that failed the thread still uses it */

	it_faults_begin(*state, &f);
	interrupt(&f);
	kill_there(&f);
	cut(&f);
	take_too_long(&f);
	migrate_twice(&f);
	it_faults_end(&f);
}

static void test_a_daemon_that_dies_is_started_anew_and_asked(void **state)
{
	static struct it_faults f; /* of a case that failed the thread still uses it */

	it_faults_begin(*state, &f);
	start_slowly(&f);
	it_faults_hurt(&f, "b", KILL_DAEMON);
	it_faults_finish(&f, "libvirtd of the destination killed", 1, 3,
			 "guest 'g1' still runs at the source");
	it_faults_await_daemon(&f, &f.b);
	it_faults_await_on(&f, "a");
	start_slowly(&f);
	it_faults_hurt(&f, "a", KILL_DAEMON);
	it_faults_finish(&f, "libvirtd of the source killed", 1, 8, "at the source");
	it_faults_await_daemon(&f, &f.a);
	it_faults_await_on(&f, "a");
	(void)it_ticker_await(&f.ticker, 5);
	it_faults_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_a_pre_copy_that_is_hurt_leaves_the_guest_at_the_source),
		IT_TEST(test_a_daemon_that_dies_is_started_anew_and_asked),
	};

	return it_run_group(tests);
}
