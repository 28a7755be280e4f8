// SPDX-License-Identifier: Apache-2.0
/* podman's networks around containers that skiff-oci runs, and pods. */
#include "tests/it/callers.h"

#include <string.h>

#include "lib/str.h"

static void test_none_has_the_loopback_alone(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", "--network", "none", "box", "sh", "-c",
		      "ls /sys/class/net; ip link show lo | grep -c LOOPBACK,UP");
	assert_string_equal(it->out, "lo\n1\n");
}

static void test_containers_of_a_bridge_reach_each_other_and_the_host(void **state)
{
	struct it *it = *state;
	sk_autofree char *address = NULL;

	caller_expect(it, 0, "run", "--detach", "--network", "bridge", "--name", "server",
		      "box", "nc", "-ll", "-p", "80", "-e", "echo", "hello");
	caller_expect(it, 0, "inspect", "--format", "{{.NetworkSettings.IPAddress}}",
		      "server");
	address = sk_steal(&it->out);
	address[strcspn(address, "\n")] = '\0';
	caller_await(it, "hello\n", "run", "--rm", "--network", "bridge", "box", "nc",
		     address, "80");
	(void)it_command(it, IT_ARGS("busybox", "nc", address, "80"));
	assert_string_equal(it->out, "hello\n");
	caller_expect(it, 0, "run", "--rm", "--network", "container:server", "box", "nc",
		      "127.0.0.1", "80");
	assert_string_equal(it->out, "hello\n");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "server");
}

static void test_a_pod_pauses_and_kills_its_containers(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "pod", "create", "--infra=false", "--name", "pod");
	caller_expect(it, 0, "run", "--detach", "--pod", "pod", "--name", "first", "box",
		      "sleep", "1000");
	caller_expect(it, 0, "pod", "ps", "--format", "{{.Name}} {{.Status}}");
	assert_string_equal(it->out, "pod Running\n");
	caller_expect(it, 0, "pod", "pause", "pod");
	caller_expect(it, 0, "inspect", "--format", "{{.State.Status}}", "first");
	assert_string_equal(it->out, "paused\n");
	caller_expect(it, 0, "pod", "unpause", "pod");
	caller_expect(it, 0, "pod", "kill", "pod");
	caller_expect(it, 0, "wait", "first");
	assert_string_equal(it->out, "137\n");
	caller_expect(it, 0, "pod", "rm", "--force", "--time", "0", "pod");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_none_has_the_loopback_alone),
		CALLER_TEST(test_containers_of_a_bridge_reach_each_other_and_the_host),
		CALLER_TEST(test_a_pod_pauses_and_kills_its_containers),
	};

	return caller_run_group(tests, caller_podman_setup);
}
