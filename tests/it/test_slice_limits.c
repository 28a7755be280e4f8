// SPDX-License-Identifier: Apache-2.0
/* test_slice_limits - shares, admission, lifetimes */
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "tests/it/slice.h"

#define SPIN "while :; do :; done"

static uint64_t cpu_ns(struct it *it, const char *name)
{
	sk_auto(sk_json_free) struct sk_json *slice = slice_show(it, name);

	return (uint64_t)sk_json_int(sk_json_path(slice, "usage.cpu_ns"), 0);
}

static void test_shares_divide_the_cpu_between_slices(void **state)
{
	struct it *it = *state;
	uint64_t deadline = sk_clock_mono() + 60 * SK_NS_PER_S;
	uint64_t one, many, first_one, first_many;
	double ratio = 0;

	it_need_root(it);
	/* As many spinners as it likes: the slice's share is what counts. */
	slice_apply(it, "name: it-three\ncpu: {share: 300}\nimage: \"@busybox\"\n"
			"nodes: {\"n[1-4]\": {command: \"" SPIN "\"}}\n");
	slice_apply(it, "name: it-one\ncpu: {share: 100}\nimage: \"@busybox\"\n"
			"nodes: {\"n[1-16]\": {command: \"" SPIN "\"}}\n");
	first_one = cpu_ns(it, "it-one");
	first_many = cpu_ns(it, "it-three");
	/* The two readings of a pair are apart by what a command takes on a busy machine: go on
	 * until that no longer matters.
	 */
	do {
		if (sk_clock_mono() > deadline)
			fail_msg("shares 300:100 gave %.2f:1 after a minute", ratio);
		sk_clock_sleep_until(sk_clock_mono() + 100 * SK_NS_PER_MS);
		one = cpu_ns(it, "it-one") - first_one;
		many = cpu_ns(it, "it-three") - first_many;
		ratio = one ? (double)many / (double)one : 0;
	} while (one + many < 8 * SK_NS_PER_S || ratio < 2 || ratio > 4.5);
	print_message("shares 300:100 gave %.2f:1\n", ratio);
	it_expect(it, 0, "slice", "rm", "it-one", "it-three");
}

static void test_admission_says_what_is_short_and_who_holds_it(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = NULL;

	it_need_root(it);
	slice_apply(it, "name: it-alice\nlifetime: 40m\ncpu: {guarantee: 0.1}\n"
			"memory: 64m\nimage: \"@busybox\"\nnodes: [n1]\n");
	path = slice_write(it, "name: it-bob\ncpu: {guarantee: 1000}\n"
			       "image: \"@busybox\"\nnodes: [n1]\n");
	it_expect(it, 1, "slice", "apply", path);
	it_assert_has(it->err, "skiff: slice 'it-bob' needs 1000 CPUs: ");
	it_assert_has(it->err, " are unreserved (it-alice 0.1, system ");
	it_assert_has(it->err, "hint: set cpu.guarantee to ");
	assert_false(slice_has_state(it, "it-bob"));
	free(slice_write(it, "name: it-bob\nmemory: 900t\nimage: \"@busybox\"\n"
			     "nodes: [n1]\n"));
	it_expect(it, 1, "slice", "apply", path);
	it_assert_has(it->err, "of memory: ");
	it_assert_has(it->err, "(it-alice 64 MiB, system ");
	it_expect(it, 0, "slice", "rm", "it-alice");
}

static void test_a_slice_ends_by_itself(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	slice_apply(it, "name: it-short\nlifetime: 1s\nimage: \"@busybox\"\n"
			"lan: {subnet: 10.0.0.0/24}\nnodes: [n1, n2]\n");
	slice_await_gone(it, "it-short");
	it_expect(it, 0, "slice", "ls", "--format", "json");
	it_assert_has(it->out, "[]");
}

static void test_a_renewed_slice_lives_on(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *slice = NULL;
	uint64_t old_end;

	it_need_root(it);
	slice_apply(it,
		    "name: it-short\nlifetime: 2s\nimage: \"@busybox\"\nnodes: [n1]\n");
	old_end = sk_clock_mono() + 2 * SK_NS_PER_S;
	it_expect(it, 0, "slice", "renew", "it-short", "1h");
	sk_clock_sleep_until(old_end + 200 * SK_NS_PER_MS);
	slice = slice_show(it, "it-short");
	assert_string_equal(sk_json_str(sk_json_get(slice, "status"), ""), "running");
	assert_true(sk_json_int(sk_json_get(slice, "remaining_s"), 0) > 3500);
	it_expect(it, 1, "slice", "renew", "it-short", "60d");
	it_assert_has(it->err, "at most 8 weeks");
	it_expect(it, 0, "slice", "renew", "it-short", "500ms");
	slice_await_gone(it, "it-short");
	it_expect(it, 1, "slice", "renew", "it-short", "1h");
	it_assert_has(it->err, "skiff: there is no slice 'it-short'");
}

static void test_a_lost_slice_is_removed_when_its_time_is_over(void **state)
{
	struct it *it = *state;
	uint64_t end;

	it_need_root(it);
	slice_apply(it,
		    "name: it-lost\nlifetime: 2s\nimage: \"@busybox\"\nnodes: [n1]\n");
	end = sk_clock_mono() + 2 * SK_NS_PER_S;
	slice_kill_supervisor(it, "it-lost");
	sk_clock_sleep_until(end);
	it_expect(it, 0, "slice", "ls", "--format", "json");
	it_assert_has(it->out, "[]");
	assert_false(slice_has_state(it, "it-lost"));
}

static void test_memory_limits_of_nodes_and_of_the_slice_hold(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *slice = NULL;

	it_need_root(it);
	slice_apply(it, "name: it-mem\nmemory: 48m\nimage: \"@busybox\"\n"
			"nodes:\n"
			"  n1: {memory: 24m, command: \"x=0123456789abcdef; while :; do "
			"x=$x$x; done\"}\n"
			"  n2:\n");
	assert_int_equal(slice_await_exit(it, "it-mem", "n1"), 137);
	slice = slice_show(it, "it-mem");
	it_assert_has(sk_json_str(sk_json_get(slice_sliver(slice, "n1"), "why"), ""),
		      "out of memory (limit 24 MiB");
	it_expect(it, 137, "slice", "exec", "it-mem", "n2", "--", "sh", "-c",
		  "x=0123456789abcdef; while :; do x=$x$x; done");
	it_expect(it, 0, "slice", "rm", "it-mem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_shares_divide_the_cpu_between_slices),
		IT_TEST(test_admission_says_what_is_short_and_who_holds_it),
		IT_TEST(test_a_slice_ends_by_itself),
		IT_TEST(test_a_renewed_slice_lives_on),
		IT_TEST(test_a_lost_slice_is_removed_when_its_time_is_over),
		IT_TEST(test_memory_limits_of_nodes_and_of_the_slice_hold),
	};

	return it_run_group(tests);
}
