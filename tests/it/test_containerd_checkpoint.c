// SPDX-License-Identifier: Apache-2.0
/* containerd's checkpoint and restore of containers that skiff-oci runs. */
#include "tests/it/callers.h"

#include <string.h>

#include "lib/str.h"

#define BOX   "docker.io/library/box:latest"
#define SAVED "example.com/saved:1"
#define COUNTER                                                                          \
	"i=0; while :; do i=$((i+1)); echo $i > /n.new; mv /n.new /n; sleep 0.1; done"

static long read_number(struct it *it, const char *name, const char *exec_id)
{
	caller_expect(it, 0, "tasks", "exec", "--exec-id", exec_id, name, "cat", "/n");
	return strtol(it->out, NULL, 10);
}

static void end(struct it *it, const char *name)
{
	caller_expect(it, 0, "tasks", "kill", "--signal", "KILL", name);
	caller_await(it, "STOPPED", "tasks", "list");
	(void)caller_argv(it, -1, IT_ARGS("tasks", "rm", name)); /* 1 by the signal */
	caller_expect(it, 0, "containers", "rm", name);
}

static void test_saved_task_goes_on_in_another_container(void **state)
{
	struct it *it = *state;
	long number;

	it_need_criu(it);
	caller_expect(it, 0, "run", "--detach", BOX, "c1", "sh", "-c", COUNTER);
	caller_expect(it, 0, "tasks", "exec", "--exec-id", "e1", "c1", "sh", "-c",
		      "until test \"$(cat /n)\" -ge 40; do sleep 0.1; done");
	caller_expect(it, 0, "containers", "checkpoint", "--rw", "--image", "--task",
		      "c1", SAVED);
	number = read_number(it, "c1", "e2"); /* it was left running */
	assert_true(number >= 40);
	end(it, "c1");
	caller_expect(it, 0, "containers", "restore", "--rw", "--live", "c2", SAVED);
	/* a container that began anew would count from 1 */
	assert_true(read_number(it, "c2", "e3") >= 40);
	end(it, "c2");
}

static void test_saved_task_may_end(void **state)
{
	struct it *it = *state;

	it_need_criu(it);
	caller_expect(it, 0, "run", "--detach", BOX, "c1", "sleep", "1000");
	caller_expect(it, 0, "tasks", "checkpoint", "--exit", "--image-path",
		      CALLER_DIR "/images", "c1");
	caller_await(it, "STOPPED", "tasks", "list");
	(void)caller_argv(it, -1, IT_ARGS("tasks", "rm", "c1")); /* 137, as killed */
	caller_expect(it, 0, "containers", "rm", "c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_saved_task_goes_on_in_another_container),
		CALLER_TEST(test_saved_task_may_end),
	};

	return caller_run_group(tests, caller_containerd_setup);
}
