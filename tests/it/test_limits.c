// SPDX-License-Identifier: Apache-2.0
/* test_limits - memory, CPU and process limits hold, and are told when they cannot */
#include "tests/it/it.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

/* Fills memory in busybox: a shell variable that doubles. */
#define EATER "x=0123456789abcdef; while :; do x=$x$x; done"
/* Ticks of ended children of the shell: fields 16 and 17. */
#define SPIN "timeout 2 sh -c 'while :; do :; done'; cut -d' ' -f16,17 /proc/$$/stat"

static void test_out_of_memory_is_told_with_limit_and_hint(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 137, "run", "--rm", "--name", "it-hungry", "-m", "32m", "@busybox",
		  "sh", "-c", EATER);
	it_assert_has(it->err, "skiff: container 'it-hungry' was killed: out of memory");
	it_assert_has(it->err, "limit 32 MiB");
	it_assert_has(it->err, "peak ");
	it_assert_has(it->err, "hint: ");
	it_assert_has(it->err, "-m ");
}

static void test_killed_without_want_of_memory_says_nothing_of_it(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 137, "run", "--rm", "--init", "-m", "64m", "@busybox", "sh", "-c",
		  "kill -KILL $$");
	assert_null(strstr(it->err, "memory"));
}

static void test_out_of_memory_of_a_detached_container_is_kept(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-hungry", "-m", "32m", "@busybox",
		  "sh", "-c", EATER);
	it_await_status(it, "it-hungry", "exited");
	it_expect(it, 0, "inspect", "--format", "{{.exit_code}} {{.oom}}", "it-hungry");
	assert_string_equal(it->out, "137 true\n");
	it_expect(it, 0, "rm", "it-hungry");
}

static void test_process_limit_holds(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	(void)it_skiff(it, "run", "--rm", "--pids-limit", "6", "@busybox", "sh", "-c",
		       "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo all");
	it_assert_has(it->err, "fork");
}

static void test_fork_bomb_in_default_limits_is_stopped(void **state)
{
	struct it *it = *state;
	uint64_t begin;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-bomb", "@busybox", "sh", "-c",
		  "exec 2>&1; b() { b | b & b; }; b");
	it_await_text(it, "fork", IT_ARGS("logs", "it-bomb"));
	begin = sk_clock_mono();
	it_expect(it, 0, "rm", "-f", "it-bomb");
	assert_true(sk_clock_mono() - begin < 20 * SK_NS_PER_S);
}

static void test_cpu_cap_holds(void **state)
{
	struct it *it = *state;
	unsigned long long user = 0, kernel = 0;

	it_need_root(it);
	it_expect(it, 0, "run", "--rm", "--cpus", "0.2", "@busybox", "sh", "-c", SPIN);
	assert_int_equal(sscanf(it->out, "%llu %llu", &user, &kernel), 2);
	/* 2 s at a fifth of a CPU are 40 ticks of 10 ms; without a cap they are 200. */
	assert_in_range(user + kernel, 10, 80);
}

static void test_limits_hold_for_exec_too(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "-d", "--name", "it-exec", "-m", "32m", "--init",
		  "@busybox", "sleep", "1000");
	it_expect(it, 137, "exec", "it-exec", "sh", "-c", EATER);
	it_expect(it, 0, "rm", "-f", "it-exec");
}

/* skiff runs in a mount namespace without the hierarchy. */
static void test_limit_without_its_controller_is_an_error(void **state)
{
	static const char *const without_memory[] =
		{"unshare",
		 "--mount",
		 "sh",
		 "-c",
		 "umount -l /sys/fs/cgroup/memory && exec \"$@\"",
		 "sh",
		 NULL};
	struct it *it = *state;

	it_need_root(it);
	if (!sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/memory/tasks")) {
		print_message("reason: the memory controller is not on cgroup v1 here\n");
		skip();
	}
	it->prefix = without_memory;
	it_expect(it, 125, "run", "--rm", "-m", "64m", "@busybox", "true");
	it_assert_has(it->err, "cannot limit memory");
	it_assert_has(it->err, "'memory'");
	it_assert_has(it->err, "hint: ");
	it_expect(it, 0, "run", "--rm", "@busybox", "true");
	it->prefix = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_out_of_memory_is_told_with_limit_and_hint),
		IT_TEST(test_killed_without_want_of_memory_says_nothing_of_it),
		IT_TEST(test_out_of_memory_of_a_detached_container_is_kept),
		IT_TEST(test_process_limit_holds),
		IT_TEST(test_fork_bomb_in_default_limits_is_stopped),
		IT_TEST(test_cpu_cap_holds),
		IT_TEST(test_limits_hold_for_exec_too),
		IT_TEST(test_limit_without_its_controller_is_an_error),
	};

	return it_run_group(tests);
}
