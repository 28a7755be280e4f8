// SPDX-License-Identifier: Apache-2.0
/*
 * podman's checkpoint and restore of containers that skiff-oci runs.
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
	caller_expect(it, 0, "run", "--detach", "--name", "c1", "box", "sh", "-c",
		      COUNTER);
	caller_await(it, "at 3.", "logs", "c1");
}

/* The last number in its log. */
static long last_number(struct it *it, const char *name)
{
	const char *last = NULL;

	caller_expect(it, 0, "logs", name);
	for (const char *at = it->out; (at = strstr(at, "at ")); at++)
		last = at;
	if (!last)
		fail_msg("nothing is counted in: %s", it->out);
	return strtol(last + strlen("at "), NULL, 10);
}

static void await_number(struct it *it, const char *name, long number)
{
	sk_autofree char *part = sk_strf("at %ld.", number);

	caller_await(it, part, "logs", name);
}

/* An archive has the log too. */
static void assert_began_once(const struct it *it)
{
	const char *first = strstr(it->out, "at 1.");

	assert_true(!first || !strstr(first + 1, "at 1."));
}

static void test_container_goes_on_with_its_next_number(void **state)
{
	struct it *it = *state;
	long number;

	start_counter(it);
	caller_expect(it, 0, "container", "checkpoint", "c1");
	caller_expect(it, 0, "inspect", "--format", "{{.State.Status}}", "c1");
	assert_string_equal(it->out, "exited\n");
	number = last_number(it, "c1");
	caller_expect(it, 0, "container", "restore", "c1");
	await_number(it, "c1", number + 2);
	assert_began_once(it);
	caller_expect(it, 3, "exec", "c1", "sh", "-c", "exit 3");
	/* and again: what was restored can be saved */
	caller_expect(it, 0, "container", "checkpoint", "--leave-running", "c1");
	number = last_number(it, "c1");
	await_number(it, "c1", number + 1);
	caller_expect(it, 0, "rm", "--force", "--time", "0", "c1");
}

static void test_archive_on_top_of_a_first_one_becomes_another_container(void **state)
{
	struct it *it = *state;
	long number;

	start_counter(it);
	caller_expect(it, 0, "container", "checkpoint", "--pre-checkpoint", "--export",
		      CALLER_DIR "/first.tar.gz", "c1");
	number = last_number(it, "c1");
	await_number(it, "c1", number + 1);
	caller_expect(it, 0, "container", "checkpoint", "--with-previous", "--export",
		      CALLER_DIR "/last.tar.gz", "c1");
	number = last_number(it, "c1");
	caller_expect(it, 0, "rm", "c1");
	caller_expect(it, 0, "container", "restore", "--import-previous",
		      CALLER_DIR "/first.tar.gz", "--import", CALLER_DIR "/last.tar.gz",
		      "--name", "c2");
	await_number(it, "c2", number + 2);
	assert_began_once(it);
	caller_expect(it, 0, "rm", "--force", "--time", "0", "c2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_container_goes_on_with_its_next_number),
		CALLER_TEST(test_archive_on_top_of_a_first_one_becomes_another_container),
	};

	return caller_run_group(tests, caller_podman_setup);
}
