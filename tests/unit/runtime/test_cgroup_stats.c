// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_stats - the figures of a real group, and being woken when it runs out of memory */
#include <poll.h>
#include <sys/mman.h>

#include "runtime/cgroup/stats.h"
#include "tests/unit/runtime/cgroup_fixture.h"

#define LIMIT (16ull << 20)

static struct fixture *limited(void **state)
{
	const struct sk_cgroup_limits limits = {.memory_bytes = LIMIT, .pids_max = 20};
	struct fixture *fix = need(state, "memory");

	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
	return fix;
}

/* A child in the group that writes to @len bytes, says so and waits. */
static void eat(struct fixture *fix, size_t len)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char *block;

		(void)close(ready[0]);
		if (sk_cgroup_enter(fix->cg, true, NULL) < 0)
			_exit(1);
		block = mmap(NULL, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; block != MAP_FAILED && i < len; i += 4096)
			block[i] = 1;
		(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	(void)close(ready[0]);
}

static uint64_t number(const struct sk_json *stats, const char *path)
{
	const struct sk_json *value = sk_json_path(stats, path);

	if (!value)
		fail_msg("there is no '%s'", path);
	return (uint64_t)sk_json_int(value, 0);
}

static void test_figures_are_those_of_the_group(void **state)
{
	struct fixture *fix = limited(state);
	sk_auto(sk_json_free) struct sk_json *stats = NULL;
	sk_autofree char *text = NULL;

	eat(fix, 8 << 20);
	stats = sk_cgroup_stats_to_json(fix->cg);
	text = sk_json_print(stats, true);
	assert_non_null(text);
	assert_int_equal(number(stats, "memory.usage.limit"), LIMIT);
	assert_in_range(number(stats, "memory.usage.usage"), 8 << 20, LIMIT);
	assert_in_range(number(stats, "memory.usage.max"), 8 << 20, LIMIT);
	assert_int_equal(number(stats, "memory.event_count.oom_kill"), 0);
	assert_int_equal(number(stats, "pids.current"), 1);
	assert_int_equal(number(stats, "pids.limit"), 20);
	assert_true(number(stats, "cpu.usage.total") > 0);
	assert_true(sk_json_len(sk_json_path(stats, "memory.raw")) > 5);
	assert_true(sk_json_len(sk_json_path(stats, "cpuset.cpus")) > 0);
	assert_non_null(sk_json_get(stats, "hugetlb"));
	if (sk_cgroup_v2(fix->cg) &&
	    faccessat(sk_cgroup_v2_fd(fix->cg), "cpu.pressure", F_OK, 0) == 0)
		assert_non_null(sk_json_path(stats, "cpu.psi.some.avg10"));
}

static void test_want_of_memory_wakes_once_and_not_before(void **state)
{
	struct fixture *fix = limited(state);
	struct sk_cgroup_oom_watch watch;
	struct pollfd poller;

	assert_int_equal(sk_cgroup_oom_watch_init(fix->cg, &watch, &fix->err), 0);
	assert_true(watch.fd >= 0);
	eat(fix, 1 << 20);
	assert_false(sk_cgroup_oom_watch_check(&watch));
	eat(fix, 64 << 20); /* killed */
	poller = (struct pollfd){.fd = watch.fd, .events = watch.events};
	assert_int_equal(poll(&poller, 1, 10000), 1);
	assert_true(sk_cgroup_oom_watch_check(&watch));
	assert_false(sk_cgroup_oom_watch_check(&watch));
	sk_cgroup_oom_watch_finish(&watch);
}

static void test_the_end_of_a_group_is_no_want_of_memory(void **state)
{
	struct fixture *fix = limited(state);
	struct sk_cgroup_oom_watch watch;
	int dirfd;

	assert_int_equal(sk_cgroup_oom_watch_init(fix->cg, &watch, &fix->err), 0);
	dirfd = dup(watch.dirfd); /* the watch's is closed with the group */
	watch.dirfd = dirfd;
	assert_int_equal(sk_cgroup_remove(fix->cg, &fix->err), 0);
	assert_false(sk_cgroup_oom_watch_check(&watch));
	sk_cgroup_oom_watch_finish(&watch);
	(void)close(dirfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_OCI(test_figures_are_those_of_the_group),
		T_OCI(test_want_of_memory_wakes_once_and_not_before),
		T_OCI(test_the_end_of_a_group_is_no_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
