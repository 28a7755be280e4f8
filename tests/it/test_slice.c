// SPDX-License-Identifier: Apache-2.0
/* test_slice - slices made, reached, changed, killed and removed */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "tests/it/slice.h"

#define EXAMPLE "runtime/slice/examples/ten.yaml"
#define SERVER	"mkdir /www && hostname > /www/index.html && exec httpd -f -h /www"

#define TWO                                                                              \
	"name: it-two\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"                \
	"nodes: {n1: , n2: {memory: 64m}}\n"

static void remove_slice(struct it *it, const char *name)
{
	it_expect(it, 0, "slice", "rm", name);
	assert_false(slice_has_state(it, name));
}

static void test_ten_nodes_are_up_within_a_second_and_reach_each_other(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *slice = NULL;
	double ready_ms;

	it_need_root(it);
	/* The image is built by the first use; that is not what is measured. */
	it_expect(it, 0, "run", "--rm", "@busybox", "true");
	it_expect(it, 0, "slice", "apply", EXAMPLE);
	it_assert_has(it->out, " + n1\n");
	it_assert_has(it->out, " + n10\n");
	it_assert_has(it->out, "slice 'ten' ready in ");
	slice = slice_show(it, "ten");
	ready_ms = sk_json_double(sk_json_get(slice, "ready_ms"), 0);
	print_message("ready_ms %.1f\n", ready_ms);
	assert_true(ready_ms > 0 && ready_ms < 1000 * it_slowness());
	assert_int_equal(sk_json_int(sk_json_get(slice, "running"), 0), 10);

	it_await_text(it, "n10\n",
		      IT_ARGS("slice", "exec", "ten", "n1", "--", "wget", "-qO-",
			      "http://n10/"));
	it_await_text(it, "n1\n",
		      IT_ARGS("slice", "exec", "ten", "n7", "--", "wget", "-qO-",
			      "http://10.0.0.1/"));
	remove_slice(it, "ten");
}

static void test_slices_do_not_reach_each_other_or_the_host(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	slice_apply(it, "name: it-a\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"
			"nodes:\n  n1: {command: " SERVER "}\n  n2:\n");
	slice_apply(it, "name: it-b\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"
			"nodes: {m: {address: 10.0.0.9}}\n");
	it_await_text(it, "n1\n",
		      IT_ARGS("slice", "exec", "it-a", "n2", "--", "wget", "-qO-",
			      "http://10.0.0.1/"));
	it_expect(it, 1, "slice", "exec", "it-b", "m", "--", "wget", "-qO-",
		  "http://10.0.0.1/");
	/* No way out at all: neither a route nor a link but their own. */
	it_expect(it, 0, "slice", "exec", "it-b", "m", "--", "ip", "route");
	assert_null(strstr(it->out, "default"));
	it_expect(it, 0, "slice", "rm", "it-a", "it-b");
	assert_string_equal(it->out, "it-a\nit-b\n");
}

static void test_exec_marks_lines_and_returns_the_worst_status(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	slice_apply(it, TWO);
	it_expect(it, 0, "slice", "exec", "it-two", "--", "hostname");
	it_assert_has(it->out, "n1 | n1\n");
	it_assert_has(it->out, "n2 | n2\n");
	it_expect(it, 0, "slice", "exec", "it-two", "n2", "--", "hostname");
	assert_string_equal(it->out, "n2\n");
	it_expect(it, 7, "slice", "exec", "it-two", "--", "sh", "-c",
		  "test $(hostname) = n1 && exit 7; exit 3");
	it_expect(it, 127, "slice", "exec", "it-two", "n1", "--", "no-such-command");
	it_expect(it, 125, "slice", "exec", "it-two", "n3", "--", "true");
	it_assert_has(it->err, "skiff: slice 'it-two' has no node 'n3'");
	it_assert_has(it->err, "hint: 'skiff slice show it-two' lists its nodes");
	it_expect(it, 125, "slice", "exec", "it-two", "n1", "true");
	it_assert_has(it->err, "put it behind '--'");
	remove_slice(it, "it-two");
}

static void test_second_apply_changes_only_the_difference(void **state)
{
	struct it *it = *state;
	int n1, n2;

	it_need_root(it);
	slice_apply(it, TWO);
	n1 = slice_pid(it, "it-two", "n1");
	n2 = slice_pid(it, "it-two", "n2");
	slice_apply(it, TWO);
	it_assert_has(it->out, "nothing to change");
	/* n1 restarts, n2 gets another limit and runs on, n3 is new and takes the next address. */
	slice_apply(it, "name: it-two\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"
			"nodes: {n3: , n1: {env: [A=1]}, n2: {memory: 32m}}\n");
	it_assert_has(it->out, " + n3\n ~ n1\n ~ n2 limits\n");
	assert_int_not_equal(slice_pid(it, "it-two", "n1"), n1);
	assert_int_equal(slice_pid(it, "it-two", "n2"), n2);
	it_expect(it, 0, "slice", "exec", "it-two", "n2", "--", "cat", "/etc/hosts");
	it_assert_has(it->out, "10.0.0.1\tn1\n");
	it_assert_has(it->out, "10.0.0.3\tn3\n");
	slice_apply(it, "name: it-two\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"
			"nodes: {n2: {memory: 32m}}\n");
	it_assert_has(it->out, " - n3\n - n1\n");
	assert_int_equal(slice_pid(it, "it-two", "n2"), n2);
	remove_slice(it, "it-two");
}

static void test_a_node_that_ended_is_told_and_restarted_with_its_link(void **state)
{
	static const char text[] =
		"name: it-end\nimage: \"@busybox\"\nlan: {subnet: 10.0.0.0/24}\n"
		"nodes: {n1: {command: \"cat /sys/class/net/eth0/address; exit 3\"}, n2: }\n";
	struct it *it = *state;
	sk_autofree char *log = NULL;
	sk_autofree char *path = sk_strf("%s/slices/it-end/logs/n1", it->root);

	it_need_root(it);
	slice_apply(it, text);
	assert_int_equal(slice_await_exit(it, "it-end", "n1"), 3);
	it_expect(it, 125, "slice", "exec", "it-end", "n1", "--", "true");
	it_assert_has(it->err,
		      "node 'n1' of slice 'it-end' does not run: it exited with 3");
	slice_apply(it, text);
	it_assert_has(it->out, " ~ n1\n");
	assert_int_equal(slice_await_exit(it, "it-end", "n1"), 3);
	assert_int_equal(sk_fs_read(AT_FDCWD, path, 4096, &log, NULL), 0);
	assert_int_equal(strlen(log), 2 * strlen("86:a2:1d:fa:bd:19\n"));
	assert_memory_equal(log, log + strlen(log) / 2, strlen(log) / 2);
	remove_slice(it, "it-end");
}

static void test_dry_run_and_a_failing_start_leave_nothing(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = NULL;

	it_need_root(it);
	path = slice_write(it, TWO);
	it_expect(it, 0, "slice", "apply", "--dry-run", path);
	assert_string_equal(it->out, " + n1\n + n2\n");
	assert_false(slice_has_state(it, "it-two"));
	free(slice_write(it, "name: it-two\nnodes: {n1: {image: \"@busybox\"}, "
			     "n2: {image: no-such}}\n"));
	it_expect(it, 1, "slice", "apply", path);
	it_assert_has(it->err, "skiff: start node 'n2': ");
	it_assert_has(it->err, "no-such");
	slice_await_gone(it, "it-two");
	it_expect(it, 0, "slice", "ls", "--format", "json");
	it_assert_has(it->out, "[]");
	it_expect(it, 1, "slice", "rm", "it-two");
	it_assert_has(it->err, "skiff: there is no slice 'it-two'");
}

static void test_killed_supervisor_leaves_nothing_after_rm(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	slice_apply(it, TWO);
	slice_kill_supervisor(it, "it-two");
	remove_slice(it, "it-two");
}

static void test_killed_supervisor_is_found_by_ls_and_replaced_by_apply(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	slice_apply(it, TWO);
	slice_kill_supervisor(it, "it-two");
	it_expect(it, 0, "slice", "ls", "--format", "{{.name}} {{.status}} {{.running}}");
	assert_string_equal(it->out, "it-two lost 0\n");
	it_expect(it, 0, "ps", "-a", "--format", "json");
	it_assert_has(it->out, "[]");
	slice_apply(it, TWO);
	it_assert_has(it->out, " + n1\n + n2\n");
	it_expect(it, 0, "slice", "exec", "it-two", "--", "true");
	slice_kill_supervisor(it, "it-two");
	slice_apply(it, TWO);
	it_expect(it, 0, "slice", "ls", "--format", "{{.name}} {{.status}} {{.running}}");
	assert_string_equal(it->out, "it-two running 2\n");
	remove_slice(it, "it-two");
}

static void test_slices_of_one_name_in_two_homes_do_not_meet(void **state)
{
	struct it *it = *state;
	sk_autofree char *other = sk_strf("%s2", it->runroot);
	sk_autofree char *other_root = sk_strf("%s2", it->root);
	sk_autofree char *path = NULL;

	it_need_root(it);
	path = slice_write(it, TWO);
	it_expect(it, 0, "slice", "apply", path);
	it_expect(it, 0, "--root", other_root, "--runroot", other, "slice", "apply",
		  path);
	it_expect(it, 0, "--root", other_root, "--runroot", other, "slice", "rm",
		  "it-two");
	it_expect(it, 0, "slice", "ls", "--format", "{{.name}} {{.running}}");
	assert_string_equal(it->out, "it-two 2\n");
	remove_slice(it, "it-two");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, other, NULL), 0);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, other_root, NULL), 0);
}

static bool has_status(struct it *it, const char *name, const char *status)
{
	sk_auto(sk_json_free) struct sk_json *slice = slice_show(it, name);

	return strcmp(sk_json_str(sk_json_get(slice, "status"), ""), status) == 0;
}

static void test_apply_killed_while_it_waits_takes_nothing_with_it(void **state)
{
	struct it *it = *state;
	uint64_t deadline = sk_clock_mono() + 30 * SK_NS_PER_S;
	sk_autofree char *state_path = sk_strf("%s/slices/it-cut/state.json", it->root);
	sk_autofree char *path = NULL;
	struct it_job job;

	it_need_root(it);
	path = slice_write(it, "name: it-cut\nimage: \"@busybox\"\n"
			       "nodes: {\"n[1-20]\": }\n");
	it_start(it, &job, -1, "slice", "apply", path);
	while (!sk_fs_exists(AT_FDCWD, state_path))
		assert_true(sk_clock_mono() < deadline);
	assert_int_equal(sk_sys_pidfd_send_signal(job.proc.pidfd, SIGKILL), 0);
	(void)it_finish(it, &job);
	while (!has_status(it, "it-cut", "running"))
		assert_true(sk_clock_mono() < deadline);
	it_expect(it, 0, "slice", "exec", "it-cut", "n20", "--", "true");
	remove_slice(it, "it-cut");
}

static void test_supervisor_that_nobody_asks_ends_by_itself(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = NULL;

	it_need_root(it);
	path = sk_strf("%s/slices/it-idle", it->root);
	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, path, 0700, NULL), 0);
	it_expect(it, 0, "slice", "supervise", "it-idle");
	it_assert_has(it->err, "nobody says what to do");
	it_expect(it, 0, "slice", "ls", "--format", "json");
	it_assert_has(it->out, "[]");
	assert_false(slice_has_state(it, "it-idle"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_ten_nodes_are_up_within_a_second_and_reach_each_other),
		IT_TEST(test_slices_do_not_reach_each_other_or_the_host),
		IT_TEST(test_exec_marks_lines_and_returns_the_worst_status),
		IT_TEST(test_second_apply_changes_only_the_difference),
		IT_TEST(test_a_node_that_ended_is_told_and_restarted_with_its_link),
		IT_TEST(test_dry_run_and_a_failing_start_leave_nothing),
		IT_TEST(test_killed_supervisor_leaves_nothing_after_rm),
		IT_TEST(test_killed_supervisor_is_found_by_ls_and_replaced_by_apply),
		IT_TEST(test_slices_of_one_name_in_two_homes_do_not_meet),
		IT_TEST(test_apply_killed_while_it_waits_takes_nothing_with_it),
		IT_TEST(test_supervisor_that_nobody_asks_ends_by_itself),
	};

	return it_run_group(tests);
}
