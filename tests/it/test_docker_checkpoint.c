// SPDX-License-Identifier: Apache-2.0
/*
 * docker's checkpoint and restore of containers that skiff-oci runs.
 *
 * A container counts in its log: what it was saved with is seen by the next number.
 */
#include "tests/it/callers.h"

#include <string.h>

#include "lib/str.h"

#define COUNTER "i=0; while :; do echo \"at $((i=i+1)).\"; sleep 0.2; done"

static void start_counter(struct it *it)
{
	it_need_criu(it);
	caller_expect(it, 0, "run", "--detach", "--network", "none", "--name", "c1",
		      "box", "sh", "-c", COUNTER);
	caller_await(it, "at 3.", "logs", "c1");
}

/* The last number in its log. */
static long last_number(struct it *it)
{
	const char *last = NULL;

	caller_expect(it, 0, "logs", "c1");
	for (const char *at = it->out; (at = strstr(at, "at ")); at++)
		last = at;
	if (!last)
		fail_msg("nothing is counted in: %s", it->out);
	return strtol(last + strlen("at "), NULL, 10);
}

static void await_number(struct it *it, long number)
{
	sk_autofree char *part = sk_strf("at %ld.", number);

	caller_await(it, part, "logs", "c1");
}

/* One that began anew would count from 1 again. */
static void assert_began_once(struct it *it)
{
	const char *first;

	caller_expect(it, 0, "logs", "c1");
	first = strstr(it->out, "at 1.\n");
	assert_non_null(first);
	assert_null(strstr(first + 1, "at 1.\n"));
}

static void test_container_goes_on_from_its_checkpoint(void **state)
{
	struct it *it = *state;
	long number;

	start_counter(it);
	caller_expect(it, 0, "checkpoint", "create", "c1", "one");
	caller_await(it, "exited", "inspect", "--format", "{{.State.Status}}", "c1");
	number = last_number(it);
	caller_expect(it, 0, "checkpoint", "ls", "c1");
	it_assert_has(it->out, "one");
	caller_expect(it, 0, "start", "--checkpoint", "one", "c1");
	await_number(it, number + 2);
	assert_began_once(it);
	caller_expect(it, 0, "rm", "--force", "c1");
}

static void test_container_runs_on_after_its_checkpoint(void **state)
{
	struct it *it = *state;

	start_counter(it);
	caller_expect(it, 0, "checkpoint", "create", "--leave-running", "c1", "one");
	caller_expect(it, 0, "inspect", "--format", "{{.State.Status}}", "c1");
	assert_string_equal(it->out, "running\n");
	await_number(it, last_number(it) + 2);
	assert_began_once(it);
	caller_expect(it, 0, "rm", "--force", "c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_container_goes_on_from_its_checkpoint),
		CALLER_TEST(test_container_runs_on_after_its_checkpoint),
	};

	return caller_run_group(tests, caller_docker_setup);
}
