// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_kill - freezing, signals and killing reach every process of a real group */
#include <poll.h>
#include <sys/ptrace.h>

#include "lib/clock.h"
#include "tests/unit/runtime/cgroup_fixture.h"

static void fork_bomb(void)
{
	for (;;)
		(void)!fork();
}

static void test_fork_bomb_is_killed(void **state)
{
	struct fixture *fix = need(state, "pids");
	const struct sk_cgroup_limits limits = {.pids_max = 100};
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;
	struct sk_cgroup_usage usage = {0};
	sk_auto(sk_json_free) struct sk_json *shown = NULL;
	pid_t pid;

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	pid = start(fix, fork_bomb);
	while (usage.pids < limits.pids_max && sk_clock_mono() < deadline)
		assert_ok(sk_cgroup_read_usage(fix->cg, &usage, &fix->err), &fix->err);
	assert_int_equal(usage.pids, limits.pids_max);
	shown = sk_cgroup_usage_to_json(fix->cg);
	assert_int_equal(sk_json_int(sk_json_get(shown, "pids"), -1), limits.pids_max);
	assert_ok(sk_cgroup_kill(fix->cg, 5000, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_false(sk_cgroup_is_populated(fix->cg));
}

/* CPU time of a spinning process stands still while its group is frozen. */
static void spin(void)
{
	for (;;)
		;
}

static uint64_t cpu_ns(struct fixture *fix)
{
	struct sk_cgroup_usage usage = {0};

	assert_ok(sk_cgroup_read_usage(fix->cg, &usage, &fix->err), &fix->err);
	assert_true(usage.cpu_valid);
	return usage.cpu_ns;
}

static void await_cpu_above(struct fixture *fix, uint64_t ns)
{
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;

	while (cpu_ns(fix) <= ns)
		assert_true(sk_clock_mono() < deadline);
}

static void test_frozen_group_uses_no_cpu_and_goes_on_after_thawing(void **state)
{
	struct fixture *fix = need_root(state);
	uint64_t before;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	(void)start(fix, spin);
	await_cpu_above(fix, 0);
	assert_ok(sk_cgroup_freeze(fix->cg, true, &fix->err), &fix->err);
	before = cpu_ns(fix);
	sk_clock_sleep_until(sk_clock_mono() + 50 * SK_NS_PER_MS);
	assert_true(cpu_ns(fix) - before < 5 * SK_NS_PER_MS);
	assert_ok(sk_cgroup_freeze(fix->cg, false, &fix->err), &fix->err);
	await_cpu_above(fix, before + 10 * SK_NS_PER_MS);
}

static void test_frozen_group_can_be_killed(void **state)
{
	struct fixture *fix = need_root(state);
	pid_t pid;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	assert_ok(sk_cgroup_freeze(fix->cg, true, &fix->err), &fix->err);
	assert_ok(sk_cgroup_kill(fix->cg, 5000, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
}

static bool freeze_by_v1(const struct fixture *fix, const char *state)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(fix->cg, SK_CGROUP_FREEZER);
	sk_autofree char *text = NULL;

	if (!hier)
		return false;
	do {
		assert_int_equal(sk_fs_write(hier->dirfd, "freezer.state", state), 0);
		free(sk_steal(&text));
		assert_int_equal(sk_fs_read(hier->dirfd, "freezer.state", 64, &text,
					    NULL),
				 0);
	} while (!sk_str_starts(text, state));
	return true;
}

static void reopen_everywhere(struct fixture *fix)
{
	const struct sk_cgroup_opts opts = {.path = fix->path, .is_oci = true};

	sk_cgroup_free(sk_steal(&fix->cg));
	assert_ok(sk_cgroup_open(&opts, &fix->cg, &fix->err), &fix->err);
}

static void test_group_that_another_froze_by_v1_can_be_thawed_and_killed(void **state)
{
	struct fixture *fix = need_root(state);
	pid_t pid;

	reopen_everywhere(fix);
	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	if (!freeze_by_v1(fix, "FROZEN")) {
		print_message("reason: no v1 freezer here\n");
		skip();
	}
	assert_true(sk_cgroup_is_frozen(fix->cg));
	assert_ok(sk_cgroup_freeze(fix->cg, false, &fix->err), &fix->err);
	assert_false(sk_cgroup_is_frozen(fix->cg));
	(void)freeze_by_v1(fix, "FROZEN");
	assert_ok(sk_cgroup_kill(fix->cg, 5000, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
}

static void stop_itself(void)
{
	(void)raise(SIGSTOP);
}

/* Its child is traced by it and stopped; it has lost its parent, too. */
static void trace_a_child(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
			(void)raise(SIGTRAP);
			wait_forever();
		}
		wait_forever();
	}
	wait_forever();
}

static void await_pids(struct fixture *fix, unsigned int wanted)
{
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;

	for (;;) {
		sk_autofree int *pids = NULL;
		unsigned int len = 0;

		assert_ok(sk_cgroup_pids(fix->cg, &pids, &len, &fix->err), &fix->err);
		if (len == wanted)
			return;
		assert_true(sk_clock_mono() < deadline);
	}
}

static void test_stopped_traced_and_orphaned_processes_are_killed(void **state)
{
	static void (*const bodies[])(void) = {stop_itself, trace_a_child};
	static const unsigned int wanted[] = {1, 3};
	struct fixture *fix = need_root(state);

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bodies); i++) {
		pid_t pid = start(fix, bodies[i]);

		await_pids(fix, wanted[i]);
		assert_ok(sk_cgroup_freeze(fix->cg, true, &fix->err), &fix->err);
		assert_ok(sk_cgroup_freeze(fix->cg, false, &fix->err), &fix->err);
		assert_ok(sk_cgroup_kill(fix->cg, 5000, &fix->err), &fix->err);
		assert_int_equal(wait_status(pid), 128 + SIGKILL);
	}
}

static void test_signal_reaches_each_process_and_wakes_nobody_frozen(void **state)
{
	struct fixture *fix = need_root(state);
	pid_t pid;
	int status;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	assert_ok(sk_cgroup_freeze(fix->cg, true, &fix->err), &fix->err);
	assert_ok(sk_cgroup_signal(fix->cg, 0, &fix->err), &fix->err);
	assert_true(sk_cgroup_is_frozen(fix->cg));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_ok(sk_cgroup_signal(fix->cg, SIGKILL, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_ok(sk_cgroup_freeze(fix->cg, false, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	assert_ok(sk_cgroup_signal(fix->cg, SIGTERM, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGTERM);
}

/* Without the v2 group, as on a machine that has v1 alone: killed one by one. */
static void test_stragglers_outside_v2_are_killed_one_by_one(void **state)
{
	struct fixture *fix = need(state, "pids");
	int v2 = -1;
	pid_t pids[5];

	for (unsigned int i = 0; i < fix->cg->nr; i++)
		if (fix->cg->hiers[i].is_v2)
			v2 = (int)i;
	if (v2 >= 0 && fix->cg->nr == 1) {
		print_message("reason: no v1 hierarchy here\n");
		skip();
	}
	if (v2 >= 0)
		fix->cg->hiers[v2].refused = -EACCES;
	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(pids); i++)
		pids[i] = start(fix, wait_forever);
	assert_ok(sk_cgroup_kill(fix->cg, 5000, &fix->err), &fix->err);
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(pids); i++)
		assert_int_equal(wait_status(pids[i]), 128 + SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fork_bomb_is_killed),
		T(test_frozen_group_uses_no_cpu_and_goes_on_after_thawing),
		T(test_frozen_group_can_be_killed),
		T(test_group_that_another_froze_by_v1_can_be_thawed_and_killed),
		T(test_stopped_traced_and_orphaned_processes_are_killed),
		T(test_signal_reaches_each_process_and_wakes_nobody_frozen),
		T(test_stragglers_outside_v2_are_killed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
