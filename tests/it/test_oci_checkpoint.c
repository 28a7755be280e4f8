// SPDX-License-Identifier: Apache-2.0
/*
 * skiff-oci checkpoint and restore, with criu.
 *
 * A container counts in a volume, and waits between two numbers until the last one was read:
 * so the number tells whether the process that goes on is the one that was saved.
 */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"

#define COUNTER                                                                          \
	"[\"sh\",\"-c\",\"i=0; while :; do i=$((i+1)); echo $i > /data/n.new; "          \
	"mv /data/n.new /data/n; while [ -e /data/n ]; do sleep 0.02; done; done\"]"
#define WAIT_NS (60 * SK_NS_PER_S)

/* struct world - A bundle that counts, with its volume and a folder for images */
struct world {
	char *bundle, *data, *images, *work;
};

static void world_finish(struct world *w)
{
	free(w->bundle);
	free(w->data);
	free(w->images);
	free(w->work);
}
SK_DEFINE_AUTO_FINISH(struct world, world_finish)

static bool succeeds(const char *const *argv)
{
	int status = 1;

	return sk_proc_capture(argv, 60000, NULL, &status, NULL) == 0 && status == 0;
}

static void add_volume(const struct world *w)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(w->bundle);
	struct sk_json *mounts = NULL, *mount;

	assert_int_equal(sk_json_read_array(config, "config.json", "mounts", &mounts,
					    NULL),
			 0);
	mount = sk_json_add(mounts, sk_json_new_object());
	sk_json_set_str(mount, "destination", "/data");
	sk_json_set_str(mount, "source", w->data);
	sk_json_set_str(mount, "type", "bind");
	sk_json_set_strv(mount, "options", (char *[]){(char *)"rbind", NULL});
	oci_save(w->bundle, config);
}

static void world_init(struct it *it, struct world *w)
{
	w->bundle = oci_bundle(it, COUNTER);
	w->data = sk_strf("%s/data", it->dir);
	w->images = sk_strf("%s/images", it->dir);
	w->work = sk_strf("%s/work", it->dir);
	(void)sk_fs_remove_tree(AT_FDCWD, w->data, NULL);
	(void)sk_fs_remove_tree(AT_FDCWD, w->images, NULL);
	assert_int_equal(mkdir(w->data, 0755), 0);
	add_volume(w);
}

/* The next number; the container then goes on to the one after it. */
static long next_number(const struct world *w)
{
	sk_autofree char *path = sk_strf("%s/n", w->data), *text = NULL;
	uint64_t end = sk_clock_mono() + WAIT_NS;
	long number;

	while (sk_fs_read(AT_FDCWD, path, 64, &text, NULL) < 0) {
		if (sk_clock_mono() > end)
			fail_msg("the container does not count");
		sk_clock_sleep_until(sk_clock_mono() + 5 * SK_NS_PER_MS);
	}
	number = strtol(text, NULL, 10);
	assert_int_equal(unlink(path), 0);
	return number;
}

static void drop_number(const struct world *w)
{
	sk_autofree char *path = sk_strf("%s/n", w->data);

	(void)unlink(path);
}

static void expect_checkpoint(struct it *it, const struct world *w, const char *option)
{
	if (option)
		oci_expect(it, 0, "checkpoint", "--image-path", w->images, "--work-path",
			   w->work, option, "c1");
	else
		oci_expect(it, 0, "checkpoint", "--image-path", w->images, "--work-path",
			   w->work, "c1");
}

/* With /dev/null as 0, 1 and 2: a file of the harness would have to be the same at a restore. */
static void start_quietly(struct it *it, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args), **line = NULL;
	int r = sk_strv_add(&line, "sh") | sk_strv_add(&line, "-c") |
		sk_strv_add(&line, "exec \"$@\" </dev/null >/dev/null 2>/dev/null") |
		sk_strv_add(&line, "sh");

	for (char **word = words; *word; word++)
		r |= sk_strv_add(&line, *word);
	assert_int_equal(r, 0);
	if (it_command(it, (const char *const *)line) != 0)
		fail_msg("%s failed; its log is in %s", args[0], it->dir);
}

static void run_quietly(struct it *it, const struct world *w, const char *id)
{
	start_quietly(it, IT_ARGS("run", "--detach", "--bundle", w->bundle, id));
}

static void restore_quietly(struct it *it, const struct world *w, const char *id)
{
	start_quietly(it, IT_ARGS("restore", "--detach", "--bundle", w->bundle,
				  "--image-path", w->images, "--work-path", w->work, id));
}

static void test_container_goes_on_where_it_was_saved(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	assert_int_equal(next_number(&w), 2);
	expect_checkpoint(it, &w, NULL);
	oci_await_status(it, "c1", "stopped");
	oci_expect(it, 0, "delete", "c1");
	restore_quietly(it, &w, "c2");
	oci_assert_status(it, "c2", "running");
	assert_int_equal(next_number(&w), 3);
	assert_int_equal(next_number(&w), 4);
	oci_expect(it, 0, "exec", "c2", "ls", "/data");
	oci_expect(it, 0, "delete", "--force", "c2");
	oci_assert_nothing(it);
}

static void test_container_may_run_on_and_still_be_restored_later(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	expect_checkpoint(it, &w, "--leave-running");
	oci_assert_status(it, "c1", "running");
	assert_int_equal(next_number(&w), 2);
	assert_int_equal(next_number(&w), 3);
	assert_int_equal(next_number(&w), 4);
	oci_expect(it, 0, "delete", "--force", "c1");
	drop_number(&w);
	restore_quietly(it, &w, "c1");
	/* it had written 2 at most when it was saved */
	assert_true(next_number(&w) <= 3);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_paused_container_is_saved_and_stays_paused(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	oci_expect(it, 0, "pause", "c1");
	expect_checkpoint(it, &w, "--leave-running");
	oci_assert_status(it, "c1", "paused");
	oci_expect(it, 0, "resume", "c1");
	assert_int_equal(next_number(&w), 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_limits_hold_after_a_restore(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *pid = NULL;
	struct it *it = *state;
	struct sk_json *pids;

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	expect_checkpoint(it, &w, NULL);
	oci_expect(it, 0, "delete", "--force", "c1");
	config = oci_config(w.bundle);
	pids = sk_json_set(sk_json_get(sk_json_get(config, "linux"), "resources"), "pids",
			   sk_json_new_object());
	sk_json_set_int(pids, "limit", 16); /* criu's helpers count too */
	oci_save(w.bundle, config);
	restore_quietly(it, &w, "c1");
	pid = sk_strf(" %d", oci_pid(it, "c1"));
	oci_expect(it, 0, "ps", "--format", "json", "c1");
	it_assert_has(it->out, pid);
	assert_int_equal(oci(it, "exec", "c1", "sh", "-c",
			     "i=0; while [ $((i=i+1)) -le 16 ]; do sleep 2 & done; wait"),
			 2);
	it_assert_has(it->err, "can't fork");
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_restored_container_can_be_saved_again(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	for (long number = 2; number < 4; number++) {
		expect_checkpoint(it, &w, NULL);
		oci_expect(it, 0, "delete", "--force", "c1");
		restore_quietly(it, &w, "c1");
		assert_int_equal(next_number(&w), number);
	}
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_pre_dump_saves_memory_and_the_dump_builds_on_it(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;
	sk_autofree char *before = NULL;
	int status;

	it_need_criu(it);
	world_init(it, &w);
	before = sk_strf("%s/before", it->dir);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
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
	restore_quietly(it, &w, "c1");
	assert_true(next_number(&w) >= 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_restore_in_the_foreground_ends_with_the_command(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;
	struct it_job job = {0};

	it_need_criu(it);
	world_init(it, &w);
	run_quietly(it, &w, "c1");
	assert_int_equal(next_number(&w), 1);
	expect_checkpoint(it, &w, NULL);
	oci_expect(it, 0, "delete", "--force", "c1");
	drop_number(&w);
	oci_spawn(it, &job, "restore", "--bundle", w.bundle, "--image-path", w.images,
		  "--work-path", w.work, "c1");
	assert_true(next_number(&w) >= 2);
	oci_expect(it, 0, "kill", "c1", "KILL");
	assert_int_equal(it_finish(it, &job), 137);
	oci_assert_nothing(it);
}

static void test_failures_leave_nothing_and_name_the_cause(void **state)
{
	sk_auto(world_finish) struct world w = {0};
	struct it *it = *state;

	it_need_root(it);
	world_init(it, &w);
	oci_expect(it, 1, "checkpoint", "--image-path", w.images, "nobody");
	it_assert_has(it->err, "does not exist");
	oci_expect(it, 1, "restore", "--bundle", w.bundle, "--image-path", w.images,
		   "c1");
	it_assert_has(it->err, "images': No such file or directory");
	assert_int_equal(mkdir(w.images, 0700), 0);
	oci_expect(it, 1, "restore", "--bundle", w.bundle, "--image-path", w.images,
		   "c1");
	it_assert_has(it->err, "skiff.json");
	run_quietly(it, &w, "c1");
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

static int teardown(void **state)
{
	(void)oci(*state, "delete", "--force", "--regex", ".");
	return it_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, it_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_container_goes_on_where_it_was_saved),
		CASE(test_container_may_run_on_and_still_be_restored_later),
		CASE(test_paused_container_is_saved_and_stays_paused),
		CASE(test_limits_hold_after_a_restore),
		CASE(test_restored_container_can_be_saved_again),
		CASE(test_pre_dump_saves_memory_and_the_dump_builds_on_it),
		CASE(test_restore_in_the_foreground_ends_with_the_command),
		CASE(test_failures_leave_nothing_and_name_the_cause),
		CASE(test_help_of_both_is_what_engines_probe_for),
	};

	return it_run_group(tests);
}
