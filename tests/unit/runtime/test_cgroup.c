// SPDX-License-Identifier: Apache-2.0
/* test_cgroup - real groups with real processes: limits, running out of memory, removal */
#include <sys/mman.h>

#include "tests/unit/runtime/cgroup_fixture.h"

static void eat_memory(void)
{
	size_t len = 256u << 20;
	char *block = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	for (size_t i = 0; block != MAP_FAILED && i < len; i += 4096)
		block[i] = 1;
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

/* Without a limit the largest number. */
static uint64_t memory_limit(const struct sk_cgroup *cg)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_MEMORY);
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(hier->dirfd,
				    hier->is_v2 ? "memory.max" : "memory.limit_in_bytes",
				    64, &text, NULL),
			 0);
	return strcmp(text, "max\n") == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

static void test_memory_limit_can_rise_fall_and_be_lifted(void **state)
{
	struct fixture *fix = need(state, "memory");
	struct sk_cgroup_limits limits = {.memory_bytes = 32 << 20};

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	for (unsigned int i = 0; i < 2; i++) {
		limits.memory_bytes = i == 0 ? 64 << 20 : 16 << 20;
		assert_ok(sk_cgroup_update(fix->cg, &limits, &fix->err), &fix->err);
		assert_int_equal(memory_limit(fix->cg), limits.memory_bytes);
	}
	limits.memory_bytes = 0;
	assert_ok(sk_cgroup_update(fix->cg, &limits, &fix->err), &fix->err);
	assert_true(memory_limit(fix->cg) > 1ull << 62);
}

static void test_process_limit_stops_forks(void **state)
{
	struct fixture *fix = need(state, "pids");
	const struct sk_cgroup_limits limits = {.pids_max = 8};

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	assert_int_equal(wait_status(start(fix, count_forks)), 7);
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
		T(test_limit_without_controller_leaves_nothing),
		T(test_limit_that_the_kernel_refuses_is_undone),
		T(test_removal_takes_inner_groups_and_is_idempotent),
		T(test_group_with_a_process_is_not_removed),
		T(test_removers_of_shared_parents_do_not_break_creators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
