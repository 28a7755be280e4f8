// SPDX-License-Identifier: Apache-2.0
/* test_cgroup_stats - the figures of a real group, and being woken when it runs out of memory */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

#define LIMIT (16ull << 20)

struct fixture {
	struct sk_cgroup *cg;
	struct sk_err err;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));
	sk_autofree char *path = sk_strf("skiff-test-%d/s", getpid());
	const struct sk_cgroup_opts opts = {.path = path, .is_oci = true};
	const struct sk_cgroup_limits limits = {.memory_bytes = LIMIT, .pids_max = 20};

	if (!fix)
		return -1;
	*state = fix;
	if (geteuid() != 0 || sk_cgroup_open(&opts, &fix->cg, &fix->err) < 0)
		return 0;
	if (sk_cgroup_create(fix->cg, &limits, &fix->err) < 0) {
		print_error("%s\n", fix->err.msg);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;
	int r = 0;

	if (fix->cg) {
		(void)sk_cgroup_kill(fix->cg, 5000, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		r = sk_cgroup_remove(fix->cg, &fix->err);
		sk_cgroup_remove_empty_parents(fix->cg);
	}
	sk_cgroup_free(fix->cg);
	free(fix);
	return r;
}

static struct fixture *need(void **state)
{
	struct fixture *fix = *state;

	if (!fix->cg) {
		print_message("reason: needs root and cgroups\n");
		skip();
	}
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
	struct fixture *fix = need(state);
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
	struct fixture *fix = need(state);
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
	struct fixture *fix = need(state);
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

#define ON_GROUP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_GROUP(test_figures_are_those_of_the_group),
		ON_GROUP(test_want_of_memory_wakes_once_and_not_before),
		ON_GROUP(test_the_end_of_a_group_is_no_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
