// SPDX-License-Identifier: Apache-2.0
/*
 * skiff-oci checkpoint and restore, with criu.
 *
 * A container counts in a volume, and waits between two numbers until the last one was read:
 * so the number tells whether the process that goes on is the one that was saved.
 */
#include "tests/it/checkpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/str.h"

static bool succeeds(const char *const *argv)
{
	int status = 1;

	return sk_proc_capture(argv, 60000, NULL, &status, NULL) == 0 && status == 0;
}

static void test_container_goes_on_where_it_was_saved(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	assert_int_equal(saved_next(&w), 2);
	saved_checkpoint(it, &w, "c1", NULL);
	oci_await_status(it, "c1", "stopped");
	oci_expect(it, 0, "delete", "c1");
	saved_restore(it, &w, "c2", NULL);
	oci_assert_status(it, "c2", "running");
	assert_int_equal(saved_next(&w), 3);
	assert_int_equal(saved_next(&w), 4);
	oci_expect(it, 0, "exec", "c2", "ls", "/data");
	oci_expect(it, 0, "delete", "--force", "c2");
	oci_assert_nothing(it);
}

static void test_container_may_run_on_and_still_be_restored_later(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	saved_checkpoint(it, &w, "c1", "--leave-running");
	oci_assert_status(it, "c1", "running");
	assert_int_equal(saved_next(&w), 2);
	assert_int_equal(saved_next(&w), 3);
	assert_int_equal(saved_next(&w), 4);
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_drop(&w);
	saved_restore(it, &w, "c1", NULL);
	/* it had written 2 at most when it was saved */
	assert_true(saved_next(&w) <= 3);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_paused_container_is_saved_and_stays_paused(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	oci_expect(it, 0, "pause", "c1");
	saved_checkpoint(it, &w, "c1", "--leave-running");
	oci_assert_status(it, "c1", "paused");
	oci_expect(it, 0, "resume", "c1");
	assert_int_equal(saved_next(&w), 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_limits_hold_after_a_restore(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *pid = NULL;
	struct it *it = *state;
	struct sk_json *pids;

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	saved_checkpoint(it, &w, "c1", NULL);
	oci_expect(it, 0, "delete", "--force", "c1");
	config = oci_config(w.bundle);
	pids = sk_json_set(sk_json_get(sk_json_get(config, "linux"), "resources"), "pids",
			   sk_json_new_object());
	sk_json_set_int(pids, "limit", 16); /* criu's helpers count too */
	oci_save(w.bundle, config);
	saved_restore(it, &w, "c1", NULL);
	pid = sk_strf(" %d", oci_pid(it, "c1"));
	oci_expect(it, 0, "ps", "--format", "json", "c1");
	it_assert_has(it->out, pid);
	assert_int_equal(oci(it, "exec", "c1", "sh", "-c",
			     "i=0; while [ $((i=i+1)) -le 16 ]; do sleep 2 & done; wait"),
			 2);
	it_assert_has(it->err, "can't fork");
	oci_expect(it, 0, "delete", "--force", "c1");
}

/* Of the bundle that it is restored from; and the poststop hooks of one that fails are run. */
static void test_restore_needs_resctrl_where_the_bundle_does(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *hook = NULL, *log = NULL;
	struct it *it = *state;

	saved_init(it, &w, SAVED_COUNTER);
	if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
		skip();
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	saved_checkpoint(it, &w, "c1", NULL);
	oci_expect(it, 0, "delete", "--force", "c1");
	log = sk_strf("%s/poststop", it->dir);
	hook = sk_strf(
		"{\"poststop\":[{\"path\":\"/bin/touch\",\"args\":[\"touch\",\"%s\"]}]}",
		log);
	config = oci_config(w.bundle);
	sk_json_set(sk_json_get(config, "linux"), "intelRdt",
		    oci_json("{\"l3CacheSchema\":\"L3:0=1\"}"));
	sk_json_set(config, "hooks", oci_json(hook));
	oci_save(w.bundle, config);
	assert_int_equal(oci(it, "restore", "--detach", "--bundle", w.bundle,
			     "--image-path", w.images, "--work-path", w.work, "c1"),
			 1);
	it_assert_has(it->err, "Intel RDT: resctrl is not mounted");
	assert_int_equal(unlink(log), 0);
	oci_assert_nothing(it);
}

static void test_restored_container_can_be_saved_again(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	for (long number = 2; number < 4; number++) {
		saved_checkpoint(it, &w, "c1", NULL);
		oci_expect(it, 0, "delete", "--force", "c1");
		saved_restore(it, &w, "c1", NULL);
		assert_int_equal(saved_next(&w), number);
	}
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_pre_dump_saves_memory_and_the_dump_builds_on_it(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;
	sk_autofree char *before = NULL;
	int status;

	saved_init(it, &w, SAVED_COUNTER);
	before = sk_strf("%s/before", it->dir);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	status = oci(it, "checkpoint", "--pre-dump", "--image-path", before, "c1");
	if (!succeeds((const char *[]){"criu", "check", "--feature", "mem_dirty_track",
				       NULL})) {
		assert_int_equal(status, 1);
		it_assert_has(it->err, "CONFIG_MEM_SOFT_DIRTY");
		oci_expect(it, 0, "delete", "--force", "c1");
		return;
	}
	assert_int_equal(status, 0);
	oci_assert_status(it, "c1", "running");
	oci_expect(it, 0, "checkpoint", "--parent-path", "../before", "--image-path",
		   w.images, "--work-path", w.work, "c1");
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, &w, "c1", NULL);
	assert_true(saved_next(&w) >= 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_restore_in_the_foreground_ends_with_the_command(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;
	struct it_job job = {0};

	saved_init(it, &w, SAVED_COUNTER);
	saved_run(it, &w, "c1");
	assert_int_equal(saved_next(&w), 1);
	saved_checkpoint(it, &w, "c1", NULL);
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_drop(&w);
	oci_spawn(it, &job, "restore", "--bundle", w.bundle, "--image-path", w.images,
		  "--work-path", w.work, "c1");
	assert_true(saved_next(&w) >= 2);
	oci_expect(it, 0, "kill", "c1", "KILL");
	assert_int_equal(it_finish(it, &job), 137);
	oci_assert_nothing(it);
}

static void test_failures_leave_nothing_and_name_the_cause(void **state)
{
	sk_auto(saved_finish) struct saved w = {0};
	struct it *it = *state;

	it_need_root(it);
	saved_init_bundle(it, &w, SAVED_COUNTER);
	oci_expect(it, 1, "checkpoint", "--image-path", w.images, "nobody");
	it_assert_has(it->err, "does not exist");
	oci_expect(it, 1, "restore", "--bundle", w.bundle, "--image-path", w.images,
		   "c1");
	it_assert_has(it->err, "images': No such file or directory");
	assert_int_equal(mkdir(w.images, 0700), 0);
	oci_expect(it, 1, "restore", "--bundle", w.bundle, "--image-path", w.images,
		   "c1");
	it_assert_has(it->err, "skiff.json");
	saved_run(it, &w, "c1");
	oci_expect(it, 0, "kill", "c1", "KILL");
	oci_await_status(it, "c1", "stopped");
	oci_expect(it, 1, "checkpoint", "--image-path", w.images, "c1");
	it_assert_has(it->err, "container 'c1' does not run");
	oci_expect(it, 0, "delete", "c1");
	oci_assert_nothing(it);
}

static void test_help_of_both_is_what_engines_probe_for(void **state)
{
	struct it *it = *state;

	oci_expect(it, 0, "checkpoint", "--help");
	it_assert_has(it->out, "--leave-running");
	oci_expect(it, 0, "restore", "--help");
	it_assert_has(it->out, "--lsm-profile");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAVED_CASE(test_container_goes_on_where_it_was_saved),
		SAVED_CASE(test_container_may_run_on_and_still_be_restored_later),
		SAVED_CASE(test_paused_container_is_saved_and_stays_paused),
		SAVED_CASE(test_limits_hold_after_a_restore),
		SAVED_CASE(test_restore_needs_resctrl_where_the_bundle_does),
		SAVED_CASE(test_restored_container_can_be_saved_again),
		SAVED_CASE(test_pre_dump_saves_memory_and_the_dump_builds_on_it),
		SAVED_CASE(test_restore_in_the_foreground_ends_with_the_command),
		SAVED_CASE(test_failures_leave_nothing_and_name_the_cause),
		SAVED_CASE(test_help_of_both_is_what_engines_probe_for),
	};

	return it_run_group(tests);
}
