// SPDX-License-Identifier: Apache-2.0
/* test_cgroup - real groups with real processes: limits, OOM, freeze, kill, removal */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

struct fixture {
	char *path;
	struct sk_cgroup *cg;
	struct sk_err err;
};

static int open_group(const char *path, struct sk_cgroup **ret, struct sk_err *err)
{
	return sk_cgroup_open(&(struct sk_cgroup_opts){.path = path}, ret, err);
}

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	if (!fix)
		return -1;
	*state = fix;
	if (geteuid() != 0 || sk_cgroup_mode() == SK_CGROUP_NONE)
		return 0;
	fix->path = sk_strf("skiff-test-%d/a/b", getpid());
	return open_group(fix->path, &fix->cg, &fix->err) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;
	int left = 0;

	if (fix->cg) {
		(void)sk_cgroup_kill(fix->cg, 5000, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		left = sk_cgroup_remove(fix->cg, &fix->err);
		if (left < 0)
			print_error("%s\n", fix->err.msg);
		sk_cgroup_remove_empty_parents(fix->cg);
		for (unsigned int i = 0; i < fix->cg->nr; i++) {
			sk_autofree char *top = sk_strf("%s/skiff-test-%d",
							fix->cg->hiers[i].base, getpid());

			if (sk_fs_exists(AT_FDCWD, top)) {
				print_error("left behind: %s\n", top);
				left = -1;
			}
		}
	}
	sk_cgroup_free(fix->cg);
	free(fix->path);
	free(fix);
	return left < 0 ? -1 : 0;
}

static struct fixture *need_root(void **state)
{
	struct fixture *fix = *state;

	if (fix->cg)
		return fix;
	print_message("reason: needs root and a cgroup mount\n");
	skip();
	return NULL;
}

static struct fixture *need(void **state, const char *controller)
{
	struct fixture *fix = need_root(state);

	if (!sk_cgroup_can_limit(fix->cg, controller)) {
		print_message("reason: no usable cgroup controller '%s'\n", controller);
		skip();
	}
	return fix;
}

static void assert_ok(int r, const struct sk_err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* A child that enters the group, says so, and runs @body. */
static pid_t start(struct fixture *fix, void (*body)(void))
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct sk_err err = SK_ERR_INIT;

		if (sk_cgroup_enter(fix->cg, true, &err) < 0)
			_exit(99);
		(void)!write(ready[1], "r", 1);
		(void)close(ready[1]);
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void wait_forever(void)
{
	for (;;)
		(void)pause();
}

static void eat_memory(void)
{
	size_t len = 256u << 20;
	char *block = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	for (size_t i = 0; block != MAP_FAILED && i < len; i += 4096)
		block[i] = 1;
}

static void fork_bomb(void)
{
	for (;;)
		(void)!fork();
}

static void count_forks(void)
{
	int made = 0;

	while (made < 100) {
		pid_t pid = fork();

		if (pid == 0)
			wait_forever();
		if (pid < 0)
			break;
		made++;
	}
	_exit(made);
}

static int wait_status(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_bad_paths_are_refused(void **state)
{
	static const char *const bad[] = {"",	  "/",	    "//a", "/a/",  "a//b", "a/",
					  "../a", "a/../b", "/..", "/a/.", "."};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_cgroup *cg = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(open_group(bad[i], &cg, &err), -EINVAL);
		assert_null(cg);
		assert_non_null(strstr(err.msg, "is no path of a cgroup"));
	}
}

static void test_open_makes_nothing(void **state)
{
	struct fixture *fix = need_root(state);

	for (unsigned int i = 0; i < fix->cg->nr; i++)
		assert_false(sk_fs_exists(AT_FDCWD, fix->cg->hiers[i].dir));
}

static void test_child_enters_every_group_that_was_written_down(void **state)
{
	struct fixture *fix = need_root(state);
	sk_auto(sk_json_free) struct sk_json *paths = sk_cgroup_paths(fix->cg);
	sk_autofree char *file = NULL;
	sk_autofree char *text = NULL;
	pid_t pid;
	size_t found = 0;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	file = sk_strf("/proc/%d/cgroup", pid);
	assert_int_equal(sk_fs_read(AT_FDCWD, file, 65536, &text, NULL), 0);
	for (const char *at = text; (at = strstr(at, fix->path)); at++)
		found++;
	assert_int_equal(found, sk_json_len(paths) - 1);
	assert_true(sk_cgroup_is_populated(fix->cg));
}

static void test_reopened_group_lists_and_kills_its_processes(void **state)
{
	struct fixture *fix = need_root(state);
	sk_auto(sk_json_free) struct sk_json *paths = sk_cgroup_paths(fix->cg);
	sk_auto(sk_cgroup_free) struct sk_cgroup *again = NULL;
	sk_autofree int *pids = NULL;
	unsigned int len = 0;
	pid_t pid;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	pid = start(fix, wait_forever);
	assert_ok(sk_cgroup_reopen(paths, &again, &fix->err), &fix->err);
	assert_ok(sk_cgroup_pids(again, &pids, &len, &fix->err), &fix->err);
	assert_int_equal(len, 1);
	assert_int_equal(pids[0], pid);
	assert_ok(sk_cgroup_kill(again, 5000, &fix->err), &fix->err);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_false(sk_cgroup_is_populated(again));
}

static void test_reopen_refuses_folders_of_others(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"path\":\"../x\"}",
		"{\"path\":\"skiff/a\",\"memory\":\"/sys/fs/cgroup/memory/skiff/b\"}",
		"{\"path\":\"skiff/a\",\"memory\":\"skiff/a\"}",
		"{\"path\":\"skiff/a\",\"memory\":\"/x/../skiff/a\"}",
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		sk_auto(sk_json_free) struct sk_json *paths = NULL;
		struct sk_cgroup *cg = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_json_parse(bad[i], strlen(bad[i]), "test", &paths,
					       &err),
				 0);
		assert_int_equal(sk_cgroup_reopen(paths, &cg, &err), -EINVAL);
		assert_null(cg);
	}
}

static void test_memory_limit_kills_and_the_kill_is_told(void **state)
{
	struct fixture *fix = need(state, "memory");
	const struct sk_cgroup_limits limits = {.memory_bytes = 16 << 20};
	struct sk_cgroup_oom oom = {0};

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	assert_ok(sk_cgroup_read_oom(fix->cg, &oom, &fix->err), &fix->err);
	assert_int_equal(oom.kills, 0);
	assert_int_equal(wait_status(start(fix, eat_memory)), 128 + SIGKILL);
	assert_ok(sk_cgroup_read_oom(fix->cg, &oom, &fix->err), &fix->err);
	assert_int_equal(oom.kills, 1);
	assert_int_equal(oom.limit_bytes, limits.memory_bytes);
	assert_in_range(oom.peak_bytes, 8 << 20, limits.memory_bytes);
}

static void test_memory_limit_can_rise_fall_and_be_lifted(void **state)
{
	struct fixture *fix = need(state, "memory");
	struct sk_cgroup_limits limits = {.memory_bytes = 32 << 20};
	struct sk_cgroup_oom oom = {0};

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	for (unsigned int i = 0; i < 2; i++) {
		limits.memory_bytes = i == 0 ? 64 << 20 : 16 << 20;
		assert_ok(sk_cgroup_update(fix->cg, &limits, &fix->err), &fix->err);
		assert_ok(sk_cgroup_read_oom(fix->cg, &oom, &fix->err), &fix->err);
		assert_int_equal(oom.limit_bytes, limits.memory_bytes);
	}
	limits.memory_bytes = 0;
	assert_ok(sk_cgroup_update(fix->cg, &limits, &fix->err), &fix->err);
	assert_ok(sk_cgroup_read_oom(fix->cg, &oom, &fix->err), &fix->err);
	assert_int_equal(oom.limit_bytes, 0);
}

static void test_process_limit_stops_forks(void **state)
{
	struct fixture *fix = need(state, "pids");
	const struct sk_cgroup_limits limits = {.pids_max = 8};

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	assert_int_equal(wait_status(start(fix, count_forks)), 7);
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

static void test_limit_without_controller_leaves_nothing(void **state)
{
	struct fixture *fix = need(state, "pids");
	const struct sk_cgroup_limits limits = {.memory_bytes = 16 << 20};

	for (unsigned int i = 0; i < fix->cg->nr; i++)
		fix->cg->hiers[i].controllers &= ~(unsigned int)SK_CGROUP_MEMORY;
	assert_int_equal(sk_cgroup_create(fix->cg, &limits, &fix->err), -ENOTSUP);
	assert_non_null(strstr(fix->err.msg, "cannot limit memory"));
	assert_non_null(strstr(fix->err.msg, "'memory'"));
	for (unsigned int i = 0; i < fix->cg->nr; i++)
		assert_false(sk_fs_exists(AT_FDCWD, fix->cg->hiers[i].dir));
}

static void test_limit_that_the_kernel_refuses_is_undone(void **state)
{
	struct fixture *fix = need(state, "cpu");
	const struct sk_cgroup_limits limits = {.cpu_milli = 1, .pids_max = 5};

	assert_int_equal(sk_cgroup_create(fix->cg, &limits, &fix->err), -EINVAL);
	assert_non_null(strstr(fix->err.msg, "cannot limit CPU: write '100"));
	for (unsigned int i = 0; i < fix->cg->nr; i++)
		assert_false(sk_fs_exists(AT_FDCWD, fix->cg->hiers[i].dir));
}

static void test_removal_takes_inner_groups_and_is_idempotent(void **state)
{
	struct fixture *fix = need_root(state);
	sk_autofree char *inner = sk_strf("%s/x/y", fix->path);
	sk_auto(sk_cgroup_free) struct sk_cgroup *child = NULL;

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	assert_ok(open_group(inner, &child, &fix->err), &fix->err);
	assert_ok(sk_cgroup_create(child, NULL, &fix->err), &fix->err);
	assert_ok(sk_cgroup_remove(fix->cg, &fix->err), &fix->err);
	assert_ok(sk_cgroup_remove(fix->cg, &fix->err), &fix->err);
}

static void test_group_with_a_process_is_not_removed(void **state)
{
	struct fixture *fix = need_root(state);

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	(void)start(fix, wait_forever);
	assert_int_equal(sk_cgroup_remove(fix->cg, &fix->err), -EBUSY);
	assert_non_null(strstr(fix->err.msg, "remove cgroup '"));
	sk_cgroup_free(fix->cg);
	assert_ok(open_group(fix->path, &fix->cg, &fix->err), &fix->err);
	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
}

/* Two sets of creators and removers fight over the same parents. */
static void churn(const char *path)
{
	for (unsigned int i = 0; i < 300; i++) {
		sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (open_group(path, &cg, &err) < 0 ||
		    sk_cgroup_create(cg, NULL, &err) < 0 ||
		    sk_cgroup_remove(cg, &err) < 0) {
			print_error("round %u: %s\n", i, err.msg);
			_exit(1);
		}
		sk_cgroup_remove_empty_parents(cg);
	}
	_exit(0);
}

static void test_removers_of_shared_parents_do_not_break_creators(void **state)
{
	struct fixture *fix = need_root(state);
	pid_t pids[3];

	for (unsigned int i = 0; i < SK_ARRAY_SIZE(pids); i++) {
		sk_autofree char *path = sk_strf("%s%u", fix->path, i);

		pids[i] = fork();
		if (pids[i] == 0)
			churn(path);
	}
	for (unsigned int i = 0; i < SK_ARRAY_SIZE(pids); i++)
		assert_int_equal(wait_status(pids[i]), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_bad_paths_are_refused),
		T(test_open_makes_nothing),
		T(test_child_enters_every_group_that_was_written_down),
		T(test_reopened_group_lists_and_kills_its_processes),
		T(test_reopen_refuses_folders_of_others),
		T(test_memory_limit_kills_and_the_kill_is_told),
		T(test_memory_limit_can_rise_fall_and_be_lifted),
		T(test_process_limit_stops_forks),
		T(test_fork_bomb_is_killed),
		T(test_frozen_group_uses_no_cpu_and_goes_on_after_thawing),
		T(test_frozen_group_can_be_killed),
		T(test_group_that_another_froze_by_v1_can_be_thawed_and_killed),
		T(test_stopped_traced_and_orphaned_processes_are_killed),
		T(test_signal_reaches_each_process_and_wakes_nobody_frozen),
		T(test_stragglers_outside_v2_are_killed_one_by_one),
		T(test_limit_without_controller_leaves_nothing),
		T(test_limit_that_the_kernel_refuses_is_undone),
		T(test_removal_takes_inner_groups_and_is_idempotent),
		T(test_group_with_a_process_is_not_removed),
		T(test_removers_of_shared_parents_do_not_break_creators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
