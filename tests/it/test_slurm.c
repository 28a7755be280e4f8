// SPDX-License-Identifier: Apache-2.0
/* Slurm's srun --container on bundles that skiff-oci runs. */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/oci.h"

#define BUNDLE	CALLER_DIR "/bundle"
#define LIMITED CALLER_DIR "/limited"
#define STEP	"srun", "--nodes", "1", "--container", BUNDLE
#define AS_USER "setpriv", "--reuid", CALLER_USER, "--regid", CALLER_USER, "--init-groups"

/* It catches TERM, so that `run` leaves it alone, and goes on. */
#define STUBBORN "trap 'echo no' TERM; echo up; while :; do sleep 0.05; done"

static void test_a_step_has_output_input_and_status(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	caller_expect(it, 3, STEP, "sh", "-c",
		      "echo out; echo err >&2; cat /proc/1/comm; exit 3");
	assert_string_equal(it->out, "out\nsh\n");
	it_assert_has(it->err, "err\n");
	caller_feed(it, 0, "in\n", STEP, "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 1, STEP, "nope");
	it_assert_has(it->err, "executable file not found");
}

static void test_a_job_on_two_nodes_at_once(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	caller_expect(it, 0, "srun", "--nodes", "2", "--label", "--container", BUNDLE,
		      "sh", "-c", "echo node; sleep 0.2");
	it_assert_has(it->out, "0: node\n");
	it_assert_has(it->out, "1: node\n");
	caller_expect(it, 5, "srun", "--nodes", "2", "--container", BUNDLE, "sh", "-c",
		      "exit 5");
}

static void test_a_step_that_is_created_and_then_started(void **state)
{
	struct it *it = *state;
	sk_autofree char *text = NULL;

	caller_slurm_mode(true);
	caller_expect(it, 0, STEP, "sh", "-c",
		      "cat /proc/1/comm; echo err >&2; echo out");
	assert_int_equal(sk_fs_read(AT_FDCWD, CALLER_DIR "/step.out", 4096, &text, NULL),
			 0);
	assert_string_equal(text, "sh\nerr\nout\n");
	/* it is never created */
	caller_expect(it, 1, STEP, "nope");
}

/* Slurm mounts the script and the files of its output below /tmp/slurm. */
static void test_a_batch_job_runs_its_script_in_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *text = NULL;

	caller_slurm_mode(false);
	caller_write_file("batch", "#!/bin/sh\necho out; cat /proc/1/comm; exit 6\n");
	caller_expect(it, 6, "sbatch", "--wait", "--container", BUNDLE, "--output",
		      CALLER_DIR "/batch.out", CALLER_DIR "/batch");
	assert_int_equal(sk_fs_read(AT_FDCWD, CALLER_DIR "/batch.out", 4096, &text, NULL),
			 0);
	it_assert_has(text, "out\nstartup\n");
}

static void test_an_ordinary_users_step_is_in_a_user_namespace(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	caller_expect(it, 3, AS_USER, STEP, "sh", "-c",
		      "id -u; tr -s ' ' < /proc/self/uid_map; exit 3");
	assert_string_equal(it->out, "0\n 0 " CALLER_USER_ID " 1\n 1 700000 65536\n");
	caller_expect(it, 0, AS_USER, "srun", "--nodes", "2", "--container", BUNDLE,
		      "echo", "node");
	assert_string_equal(it->out, "node\nnode\n");
}

static void test_a_users_bundle_may_map_her_id_alone(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	(void)it_command(it, IT_ARGS("sh", "-c",
				     "mkdir -p \"$1\"; cd \"$1\"; rm -f config.json\n"
				     "ln -sfn ../bundle/rootfs rootfs\n"
				     "chown " CALLER_USER_ID " .; shift; exec \"$@\"",
				     "sh", CALLER_DIR "/single", AS_USER,
				     caller_runtime(), "spec", "--rootless"));
	assert_int_equal(it->status, 0);
	caller_expect(it, 4, AS_USER, "srun", "--nodes", "1", "--container",
		      CALLER_DIR "/single", "sh", "-c",
		      "id -u; tr -s ' ' < /proc/self/uid_map; exit 4");
	assert_string_equal(it->out, "0\n 0 " CALLER_USER_ID " 1\n");
}

static void limit(const char *resources)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(LIMITED);
	struct sk_json *object = NULL;

	assert_int_equal(sk_json_parse(resources, strlen(resources), "limits", &object,
				       NULL),
			 0);
	sk_json_set(sk_json_get(config, "linux"), "resources", object);
	oci_save(LIMITED, config);
}

static void test_limits_of_a_bundle_are_in_force_or_the_error_names_them(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	limit("{\"pids\":{\"limit\":7}}");
	caller_expect(it, 2, "srun", "--nodes", "1", "--container", LIMITED, "sh", "-c",
		      "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done");
	it_assert_has(it->err, "can't fork: Resource temporarily unavailable");
	limit("{\"memory\":{\"limit\":20971520}}");
	caller_expect(it, 137, "srun", "--nodes", "1", "--container", LIMITED, "tail",
		      "/dev/zero");
	if (!caller_is_stand_in())
		it_assert_has(it->err, "out of memory (limit 20 MiB");
	/* she has no group of her own to be limited in */
	caller_expect(it, 1, AS_USER, "srun", "--nodes", "1", "--container", LIMITED,
		      "true");
	if (!caller_is_stand_in())
		it_assert_has(it->err, "cannot limit memory");
}

static void test_a_cancelled_step_has_time_to_tidy_up(void **state)
{
	struct it *it = *state;
	struct it_job job;

	caller_slurm_mode(false);
	caller_start(it, &job, -1, STEP, "--job-name", "tidy", "sh", "-c",
		     "trap 'sleep 0.3; echo bye; exit 4' TERM; echo up\n"
		     "while :; do sleep 0.05; done");
	it_await_out(&job, "up\n");
	caller_expect(it, 0, "scancel", "--name", "tidy");
	assert_int_equal(it_finish(it, &job), 4);
	it_assert_has(it->out, "bye\n");
}

/* No job, process, record; mounts, groups and files are asserted after the case too. */
static void await_nothing(struct it *it, uint64_t limit_ns)
{
	static const char script[] =
		"test -z \"$(squeue --noheader)\" && ! ls -d " CALLER_DIR
		"/oci/*/containers/* 2> /dev/null && echo none";
	uint64_t deadline = sk_clock_mono() + limit_ns;

	caller_await(it, "none\n", "sh", "-c", script);
	/* the step's processes are this one's children when their parents have ended */
	while (it_has_children())
		assert_true(sk_clock_mono() < deadline);
	assert_true(sk_clock_mono() < deadline);
	assert_false(it_find_leftover(it));
}

static void cancel_stubborn(struct it *it, bool has_steps, uint64_t limit_s,
			    const char *const *words)
{
	struct it_job job;

	caller_slurm_mode(has_steps);
	caller_start_argv(it, &job, -1, words);
	if (has_steps)
		caller_await(it, "up\n", "cat", CALLER_DIR "/step.out");
	else
		it_await_out(&job, "up\n");
	caller_expect(it, 0, "scancel", "--name", "stubborn");
	await_nothing(it, limit_s * SK_NS_PER_S);
	(void)it_finish(it, &job);
}

#define STUBBORN_STEP STEP, "--job-name", "stubborn", "sh", "-c"

static void test_a_cancelled_step_leaves_nothing_though_it_ignores_term(void **state)
{
	static const char ignoring[] = "trap '' TERM; echo up; while :; do sleep 9; done";
	struct it *it = *state;

	for (int has_steps = 0; has_steps < 2; has_steps++) {
		cancel_stubborn(it, has_steps, 5, IT_ARGS(STUBBORN_STEP, ignoring));
		cancel_stubborn(it, has_steps, 5,
				IT_ARGS(AS_USER, STUBBORN_STEP, ignoring));
	}
}

/* Slurm gives it 5 s at least; then it kills `run` itself, and the container with it. */
static void test_a_cancelled_step_leaves_nothing_though_it_catches_term(void **state)
{
	struct it *it = *state;

	cancel_stubborn(it, false, 10, IT_ARGS(AS_USER, STUBBORN_STEP, STUBBORN));
	cancel_stubborn(it, true, 10, IT_ARGS(STUBBORN_STEP, STUBBORN));
}

/* Slurm looks for such jobs every half a minute. */
static void test_a_job_ends_with_its_time(void **state)
{
	struct it *it = *state;
	struct it_job job;

	caller_slurm_mode(false);
	caller_start(it, &job, -1, STUBBORN_STEP, STUBBORN);
	it_await_out(&job, "up\n");
	caller_expect(
		it, 0, "sh", "-c",
		"scontrol update JobId=$(squeue --noheader --format %i) EndTime=now+1");
	assert_int_not_equal(it_finish(it, &job), 0);
	it_assert_has(it->err, "DUE TO TIME LIMIT");
	await_nothing(it, 5 * SK_NS_PER_S);
}

static void test_an_unknown_container_has_no_state_that_slurm_could_read(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	caller_expect(it, 1, caller_runtime(), "--root", CALLER_DIR "/oci/root", "state",
		      "unknown");
	assert_string_equal(it->out, "");
	assert_null(strpbrk(it->err, "{}[]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_a_step_has_output_input_and_status),
		CALLER_TEST(test_a_job_on_two_nodes_at_once),
		CALLER_TEST(test_a_step_that_is_created_and_then_started),
		CALLER_TEST(test_a_batch_job_runs_its_script_in_the_container),
		CALLER_TEST(test_an_ordinary_users_step_is_in_a_user_namespace),
		CALLER_TEST(test_a_users_bundle_may_map_her_id_alone),
		CALLER_TEST(test_limits_of_a_bundle_are_in_force_or_the_error_names_them),
		CALLER_TEST(test_a_cancelled_step_has_time_to_tidy_up),
		CALLER_TEST(test_a_cancelled_step_leaves_nothing_though_it_ignores_term),
		CALLER_TEST(test_a_cancelled_step_leaves_nothing_though_it_catches_term),
		CALLER_TEST(test_a_job_ends_with_its_time),
		CALLER_TEST(test_an_unknown_container_has_no_state_that_slurm_could_read),
	};

	return caller_run_group(tests, caller_slurm_setup);
}
