// SPDX-License-Identifier: Apache-2.0
/* Slurm that keeps its jobs in control groups: containers stay in those of their step. */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define STEP "srun", "--nodes", "1", "--container", CALLER_DIR "/bundle"
#define STUBBORN_STEP                                                                    \
	STEP, "--job-name", "stubborn", "sh", "-c",                                      \
		"trap '' TERM; echo up; while :; do sleep 9; done"

static void need_v1(struct it *it)
{
	it_need_root(it);
	if (sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/freezer"))
		return;
	print_message("reason: no cgroup v1, and Slurm's plugin for v2 needs systemd\n");
	skip();
}

static void start_stubborn(struct it *it, bool has_steps, struct it_job *job)
{
	caller_slurm_mode(has_steps);
	caller_start(it, job, -1, STUBBORN_STEP);
	if (has_steps)
		caller_await(it, "up\n", "cat", CALLER_DIR "/step.out");
	else
		it_await_out(job, "up\n");
}

static void cancel_stubborn(struct it *it, struct it_job *job, uint64_t limit_s)
{
	sk_autofree char *script = sk_strf(
		"test -z \"$(squeue --noheader)\" && test -z \"$(find /sys/fs/cgroup "
		"-path '*/skiff-it-%d/main/*' -name 'skiff-*')\" && echo none",
		(int)getpid());
	uint64_t deadline = sk_clock_mono() + limit_s * SK_NS_PER_S;

	caller_expect(it, 0, "scancel", "--name", "stubborn");
	caller_await(it, "none\n", "sh", "-c", script);
	while (it_has_children())
		assert_true(sk_clock_mono() < deadline);
	assert_true(sk_clock_mono() < deadline);
	(void)it_finish(it, job);
}

/* By steps it takes some 3 s; what Slurm waits for then it asks after 1, 2, 4 s and so on. */
static void test_a_cancelled_step_leaves_nothing_though_it_ignores_term(void **state)
{
	struct it *it = *state;
	struct it_job job;

	need_v1(it);
	for (int has_steps = 0; has_steps < 2; has_steps++) {
		start_stubborn(it, has_steps, &job);
		cancel_stubborn(it, &job, has_steps ? 20 : 5);
	}
}

static void test_groups_of_a_container_are_below_those_of_its_step(void **state)
{
	static const char *const names[] = {"freezer", "memory", "cpuset"};
	static const char script[] =
		"id=n1.$(squeue --noheader --format %i).0.0\n"
		"pid=$(\"$0\" --root " CALLER_DIR "/oci/root state $id |\n"
		"	sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p')\n"
		"cat /proc/$pid/cgroup";
	struct it *it = *state;
	struct it_job job;

	need_v1(it);
	start_stubborn(it, false, &job);
	caller_expect(it, 0, "sh", "-c", script, caller_runtime());
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		const char *line = strstr(it->out, names[i]);
		sk_autofree char *copy = line ? strdup(line) : strdup("");

		copy[strcspn(copy, "\n")] = '\0';
		it_assert_has(copy, "/step_0");
		it_assert_has(copy, "/skiff-");
	}
	cancel_stubborn(it, &job, 5);
}

static void test_a_container_is_held_to_the_memory_of_its_job(void **state)
{
	struct it *it = *state;

	need_v1(it);
	caller_slurm_mode(false);
	caller_expect(it, 0, "srun", "--nodes", "1", "--mem", "40M", "--container",
		      CALLER_DIR "/bundle", "grep", "hierarchical_memory_limit",
		      "/sys/fs/cgroup/memory/memory.stat");
	assert_string_equal(it->out, "hierarchical_memory_limit 41943040\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_a_cancelled_step_leaves_nothing_though_it_ignores_term),
		CALLER_TEST(test_groups_of_a_container_are_below_those_of_its_step),
		CALLER_TEST(test_a_container_is_held_to_the_memory_of_its_job),
	};

	return caller_run_group(tests, caller_slurm_groups_setup);
}
