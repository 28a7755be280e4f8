// SPDX-License-Identifier: Apache-2.0
/* Slurm's srun --container on bundles that skiff-oci runs. */
#include "tests/it/callers.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define SRUN "srun", "--container", CALLER_DIR "/bundle"

static void test_a_step_has_output_input_and_status(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(false);
	caller_expect(it, 3, SRUN, "--nodes", "1", "sh", "-c",
		      "echo out; cat /proc/1/comm; exit 3");
	assert_string_equal(it->out, "out\nsh\n");
	caller_feed(it, 0, "in\n", SRUN, "--nodes", "1", "cat");
	assert_string_equal(it->out, "in\n");
	caller_expect(it, 0, SRUN, "--nodes", "2", "echo", "node");
	assert_string_equal(it->out, "node\nnode\n");
}

static void test_a_step_that_is_created_and_then_started(void **state)
{
	struct it *it = *state;

	caller_slurm_mode(true);
	caller_expect(it, 0, SRUN, "--nodes", "1", "sh", "-c", "echo out");
	(void)it_command(it, IT_ARGS("cat", CALLER_DIR "/step.out"));
	assert_string_equal(it->out, "out\n");
}

static void test_a_cancelled_step_that_ignores_term_leaves_nothing_in_five_seconds(
	void **state)
{
	struct it *it = *state;
	struct it_job job;
	uint64_t start;

	caller_slurm_mode(false);
	caller_start(it, &job, -1, SRUN, "--nodes", "1", "--job-name", "stubborn", "sh",
		     "-c", "trap '' TERM; echo up; while :; do sleep 1000; done");
	it_await_out(&job, "up\n");
	start = sk_clock_mono();
	caller_expect(it, 0, "scancel", "--name", "stubborn");
	(void)it_finish(it, &job);
	assert_int_not_equal(it->status, 0);
	caller_await(it, "none\n", "sh", "-c", "test -z \"$(squeue -h)\" && echo none");
	/* the step's processes are this one's children when their parents have ended */
	while (it_has_children())
		assert_true(sk_clock_mono() - start < 5 * SK_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_a_step_has_output_input_and_status),
		CALLER_TEST(test_a_step_that_is_created_and_then_started),
		CALLER_TEST(
			test_a_cancelled_step_that_ignores_term_leaves_nothing_in_five_seconds),
	};

	return caller_run_group(tests, caller_slurm_setup);
}
