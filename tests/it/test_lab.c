// SPDX-License-Identifier: Apache-2.0
/* test_lab - labs, and migrations in them: proven, measured, refused, interrupted, killed */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/it/browser.h"
#include "tests/it/lab.h"

#define DEADLINE_NS (30 * SK_NS_PER_S)
#define BANDWIDTH   "--bandwidth", "256mbit"
#define SLOW	    "--bandwidth", "8mbit"

static struct sk_json *migrate(struct it *it, const char *mode, const char *to)
{
	sk_autofree char *dir = sk_strf("%s/results-%s", it->dir, mode);
	sk_autofree char *report = sk_strf("%s/report.html", dir);
	sk_auto(sk_json_free) struct sk_json *run = NULL;

	it_expect(it, 0, "migrate", "g1", "--to", to, "--mode", mode, BANDWIDTH, "--dir",
		  dir, "--format", "json");
	run = it_json(it);
	it_assert_text(run, "mode.asked", mode);
	it_assert_text(run, "mode.proven", mode);
	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	assert_true(it_number(run, "time_ms.prep") > 0);
	assert_true(it_number(run, "time_ms.total") > 0);
	assert_true(it_number(run, "time_ms.api") > it_number(run, "time_ms.prep"));
	assert_true(it_number(run, "probe.sent") > 6000);
	assert_true(it_number(run, "probe.before.p50_ms") > 0);
	assert_true(it_number(run, "probe.after.p50_ms") > 0);
	assert_true(sk_json_len(sk_json_get(run, "passes")) > 0);
	it_assert_text(run, "report", report);
	assert_true(sk_fs_exists(AT_FDCWD, report));
	if (strcmp(mode, "post-copy") == 0)
		browser_look(it, report,
			     IT_ARGS("What clients felt, and when",
				     "post-copy, proven by events", "memory verified"));
	print_message("%s: reported %.0f vcpu %.0f client %.0f ms, lost %.0f\n", mode,
		      it_number(run, "downtime_ms.reported"),
		      it_number(run, "downtime_ms.vcpu"),
		      it_number(run, "downtime_ms.client"), it_number(run, "probe.lost"));
	/* Removed here, as the world looks for leftovers. */
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	it_lab_guest_on(it, to);
	return sk_steal(&run);
}

static void test_three_modes_are_proven_and_the_client_tells_them_apart(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *pre = NULL, *stop = NULL, *post = NULL;

	it_need_root(it);
	it_lab_up(it);
	it_lab_guest_on(it, "a");
	pre = migrate(it, "pre-copy", "b");
	stop = migrate(it, "stop-and-copy", "a");
	post = migrate(it, "post-copy", "b");

	/* All memory at 31 MiB/s against the last dirty pages. */
	assert_true(it_number(stop, "downtime_ms.client") > 1000);
	assert_true(it_number(stop, "downtime_ms.client") >
		    3 * it_number(pre, "downtime_ms.client"));
	assert_true(it_number(stop, "downtime_ms.vcpu") <=
		    it_number(stop, "downtime_ms.client") + 1);
	assert_true(it_number(stop, "probe.lost") > it_number(pre, "probe.lost"));
	/* The point of the whole tool: the reported downtime is not what clients see. */
	assert_true(it_number(post, "downtime_ms.client") >
		    3 * it_number(post, "downtime_ms.reported"));
	it_expect(it, 0, "lab", "down");
	assert_string_equal(it->err, "");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
}

static void test_what_cannot_work_is_refused_and_changes_nothing(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 1, "lab", "down");
	it_assert_has(it->err, "there is no lab 'default'");
	it_expect(it, 1, "migrate", "g1", "--to", "b");
	it_assert_has(it->err, "there is no lab 'default'");
	it_expect(it, 1, "lab", "up", "--hosts", "1");
	it_assert_has(it->err, "a lab has 2 to 8 hosts, not 1");
	it_expect(it, 2, "lab", "up", "--hosts", "0");
	it_assert_has(it->err, "a lab without hosts is none");
	it_expect(it, 1, "lab", "up", "--working-set", "250m");
	it_assert_has(it->err, "does not fit the guest's memory");
	it_expect(it, 1, "lab", "up", "--working-set", "18446744073709551615");
	it_assert_has(it->err, "does not fit the guest's memory");
	it_expect(it, 1, "lab", "up",
		  "a-name-that-a-slice-may-have-but-to-which-nothing-can-be-added");
	it_assert_has(it->err, "is too long: use up to 60 characters");
	it_expect(it, 2, "lab", "up", "--name", "x", "y");
	it_assert_has(it->err, "two names for a lab: 'x' and 'y'");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
	it_lab_up(it);
	it_expect(it, 1, "lab", "up");
	it_assert_has(it->err, "lab 'default' is up already");
	it_expect(it, 0, "lab", "load", "--pages-per-s", "3000");
	it_expect(it, 0, "lab", "status", "--format", "json");
	it_assert_has(it->out, "\"pages_per_s\": 3000");
	it_assert_has(it->out, "\"working_set_bytes\": 33554432");
	it_expect(it, 1, "lab", "load", "--working-set", "900m");
	it_assert_has(it->err, "a working set of 943718400 bytes does not fit");
	it_expect(it, 1, "lab", "link", "--rate", "7bit");
	it_assert_has(it->err, "the rate of a link is 64 kbit/s to 1 Tbit/s");
	it_expect(it, 0, "lab", "link", "--rate", "100mbit");
	it_expect(it, 0, "lab", "status");
	it_assert_has(it->out, "links: rate 100 Mbit/s\n");
	it_expect(it, 0, "lab", "link");
	it_expect(it, 0, "lab", "status");
	assert_null(strstr(it->out, "links:"));
	it_expect(it, 2, "lab", "load");
	it_assert_has(it->err, "nothing to set");
	it_expect(it, 1, "migrate", "g1", "--to", "z");
	it_assert_has(it->err, "there is no host 'z' in lab 'default'");
	it_assert_has(it->err, "hint: its hosts are a, b");
	it_expect(it, 1, "migrate", "g1", "--to", "a");
	it_assert_has(it->err, "guest 'g1' runs on host 'a' already");
	it_expect(it, 1, "migrate", "g7", "--to", "b");
	it_assert_has(it->err, "there is no guest 'g7' in lab 'default'");
	it_expect(it, 1, "migrate", "g1", "--to", "b", "--probe",
		  "udp://10.77.0.99:7007");
	it_assert_has(it->err, "probe 'udp://10.77.0.99:7007'");
	it_expect(it, 1, "migrate", "g1", "--to", "b", "--probe", "udp://10.77.0.10");
	it_assert_has(it->err, "the port is missing");
	assert_null(strstr(it->err, "check both hosts"));
	it_expect(it, 2, "migrate", "g1");
	it_assert_has(it->err, "--to is missing");
	it_expect(it, 2, "migrate", "g1", "--to", "b", "--max-downtime", "0");
	it_assert_has(it->err, "--max-downtime must be more than 0");
	it_expect(it, 2, "migrate", "g1", "--to", "b", "--from", "a", "--lab", "default");
	it_assert_has(it->err, "--from and --lab are two sources");
	it_expect(it, 2, "probe", "--hz", "0", "udp://10.77.0.10:7007");
	it_assert_has(it->err, "--hz and --clients are at least 1");
	it_expect(it, 2, "serve", "--pages-per-s", "5");
	it_assert_has(it->err, "--pages-per-s needs --working-set");
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

/* libvirt takes a moment to notice that who led the migration is gone. */
static void await_single_guest(struct it *it)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;
	size_t nr;

	do {
		sk_auto(sk_json_free) struct sk_json *status = NULL;

		it_expect(it, 0, "lab", "status", "--format", "json");
		status = it_json(it);
		nr = sk_json_len(sk_json_get(status, "guests"));
	} while (nr != 1 && sk_clock_mono() < deadline);
}

static void test_interrupt_in_pre_copy_leaves_the_guest_at_the_source(void **state)
{
	struct it *it = *state;
	struct it_job job;
	uint64_t asked;

	it_need_root(it);
	it_lab_up(it);
	it_start(it, &job, -1, "migrate", "g1", "--to", "b", SLOW);
	it_await_err(&job, "migrate\n");
	asked = sk_clock_mono();
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
	assert_true(sk_clock_mono() - asked < 2 * SK_NS_PER_S);
	it_assert_has(it->err, "guest 'g1' still runs at the source");
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

static void test_kill_in_a_migration_leaves_the_guest_and_down_leaves_nothing(
	void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_lab_up(it);
	it_start(it, &job, -1, "migrate", "g1", "--to", "b", SLOW);
	it_await_err(&job, "migrate\n");
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 128 + SIGKILL);
	await_single_guest(it);
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

/* Its QEMU alone, as the kernel would when memory is short. */
static void kill_guest(struct it *it)
{
	sk_autofree char *pid_file = NULL;
	sk_autofree char *text = NULL;
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	const struct sk_json *host;

	it_expect(it, 0, "lab", "status", "--format", "json");
	status = it_json(it);
	host = sk_json_at(sk_json_get(status, "hosts"), 0);
	pid_file = sk_strf("/proc/%d/root/run/libvirt/qemu/g1.pid",
			   (int)sk_json_int(sk_json_get(host, "pid"), 0));
	assert_int_equal(sk_fs_read(AT_FDCWD, pid_file, 64, &text, NULL), 0);
	it_expect(it, 0, "slice", "exec", "lab-default", "a", "--", "kill", "-9", text);
}

static void test_lab_whose_guest_was_killed_is_told_and_comes_up_anew(void **state)
{
	struct it *it = *state;
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	it_need_root(it);
	it_lab_up(it);
	kill_guest(it);
	do
		it_expect(it, 0, "lab", "ls", "--format", "{{.status}}");
	while (strcmp(it->out, "broken\n") != 0 && sk_clock_mono() < deadline);
	assert_string_equal(it->out, "broken\n");
	it_expect(it, 1, "migrate", "g1", "--to", "b");
	it_assert_has(it->err, "hint: it has ended: skiff lab up starts all anew");
	it_lab_up(it);
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
}

static void test_kill_while_coming_up_is_mended_by_down(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_start(it, &job, -1, "lab", "up");
	it_await_err(&job, "libvirtd on each host");
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 128 + SIGKILL);
	it_expect(it, 0, "lab", "down");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
}

static void test_interrupt_while_coming_up_leaves_nothing(void **state)
{
	struct it *it = *state;
	struct it_job job;

	it_need_root(it);
	it_start(it, &job, -1, "lab", "up");
	it_await_err(&job, "guest g1 on host a");
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
	it_assert_has(it->err, "interrupted: what was made is removed");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
	it_expect(it, 0, "slice", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
}

/* A file in a folder, which is made. */
static void write_in(const char *dir, const char *name, const char *text)
{
	sk_autoclose int fd = -1;

	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, dir, 0700, NULL), 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sk_fs_replace(fd, name, text, strlen(text), 0600, NULL), 0);
}

static void test_damaged_record_hides_nothing_and_can_be_removed(void **state)
{
	struct it *it = *state;
	sk_autofree char *labs = sk_strf("%s/labs", it->root);

	it_need_root(it);
	write_in(labs, "damaged.json", "{\"name\": \"dam");
	it_expect(it, 0, "lab", "ls", "--format", "{{.name}} {{.status}}");
	assert_string_equal(it->out, "damaged broken\n");
	it_expect(it, 1, "lab", "status", "damaged");
	it_assert_has(it->err, "read the record of lab 'damaged'");
	it_expect(it, 0, "lab", "down", "damaged");
	it_expect(it, 0, "lab", "ls", "--format", "json");
	assert_string_equal(it->out, "[]\n");
}

static void test_slice_of_another_is_no_lab(void **state)
{
	static const char text[] = "name: lab-default\nimage: '@busybox'\nnodes: [n]\n";
	struct it *it = *state;
	sk_autofree char *file = sk_strf("%s/slice.yaml", it->dir);

	it_need_root(it);
	write_in(it->dir, "slice.yaml", text);
	it_expect(it, 0, "slice", "apply", file);
	it_expect(it, 1, "lab", "up");
	it_assert_has(it->err, "there is a slice 'lab-default', which is no lab's");
	it_expect(it, 1, "lab", "down");
	it_expect(it, 0, "slice", "ls", "--format", "{{.name}} {{.running}}");
	assert_string_equal(it->out, "lab-default 1\n");
	it_expect(it, 0, "slice", "rm", "lab-default");
	assert_int_equal(unlink(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_three_modes_are_proven_and_the_client_tells_them_apart),
		IT_TEST(test_what_cannot_work_is_refused_and_changes_nothing),
		IT_TEST(test_interrupt_in_pre_copy_leaves_the_guest_at_the_source),
		IT_TEST(test_kill_in_a_migration_leaves_the_guest_and_down_leaves_nothing),
		IT_TEST(test_lab_whose_guest_was_killed_is_told_and_comes_up_anew),
		IT_TEST(test_kill_while_coming_up_is_mended_by_down),
		IT_TEST(test_interrupt_while_coming_up_leaves_nothing),
		IT_TEST(test_damaged_record_hides_nothing_and_can_be_removed),
		IT_TEST(test_slice_of_another_is_no_lab),
	};

	return it_run_group(tests);
}
