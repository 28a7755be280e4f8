// SPDX-License-Identifier: Apache-2.0
/*
 * skiff-oci kill, pause, resume, delete, list, ps; and many of them at once.
 *
 * The races run 20 to 200 times; with SKIFF_POINTS=all as often as a release is judged by:
 * 1,000 times start, kill and delete at once, 10,000 containers by 16 workers.
 */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define FOREVER "[\"sleep\",\"1000\"]"
#define WORKERS 16
#define WAIT_NS (20 * SK_NS_PER_S)

static unsigned int times(unsigned int usual, unsigned int full)
{
	const char *text = getenv("SKIFF_POINTS");

	return text && strcmp(text, "all") == 0 ? full : usual;
}

static void test_signals_go_by_name_and_number(void **state)
{
	static const char *const names[] = {"TERM", "SIGTERM", "15", "term"};
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(
		it,
		"[\"sh\",\"-c\",\"trap 'exit 0' TERM; echo > /dev/shm/up; while :; do sleep 0.01; done\"]");

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *up = NULL;

		oci_run_detached(it, bundle, "s1");
		up = sk_strf("/proc/%d/root/dev/shm/up", oci_pid(it, "s1"));
		while (!sk_fs_exists(AT_FDCWD, up))
			sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
		/* 0 is none: it asks whether there is somebody */
		oci_expect(it, 0, "kill", "s1", "0");
		oci_expect(it, 0, "kill", "--all", "s1", "0");
		oci_assert_status(it, "s1", "running");
		oci_expect(it, 0, "kill", "s1", names[i]);
		oci_await_status(it, "s1", "stopped");
		oci_expect(it, 1, "kill", "s1", "0");
		oci_expect(it, 0, "delete", "s1");
	}
	oci_expect(it, 2, "kill", "s1", "BOGUS");
	it_assert_has(it->err, "'BOGUS' is no signal");
}

static void test_kill_of_a_stopped_container_says_so_in_the_words_shims_know(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"true\"]");

	it_need_root(it);
	oci_expect(it, 0, "run", "--keep", "-b", bundle, "s1");
	oci_expect(it, 1, "kill", "s1", "9");
	it_assert_has(it->err, "container not running");
	oci_expect(it, 0, "kill", "--all", "s1", "9");
	oci_expect(it, 0, "delete", "s1");
	oci_expect(it, 1, "kill", "s1", "9");
	it_assert_has(it->err, "does not exist");
}

static void test_kill_all_reaches_those_that_have_left_their_parent(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"(sleep 1000 &); exec sleep 1000\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *list = sk_json_new_array();

	it_need_root(it);
	/* without a pid namespace of its own nothing dies with the first process */
	for (size_t i = 0; i < 2; i++) {
		struct sk_json *ns = sk_json_add(list, sk_json_new_object());

		sk_json_set_str(ns, "type", i ? "mount" : "cgroup");
	}
	sk_json_set(sk_json_get(config, "linux"), "namespaces", list);
	sk_json_set(config, "hostname", NULL);
	sk_json_set(sk_json_get(config, "linux"), "maskedPaths", NULL);
	sk_json_set(sk_json_get(config, "linux"), "readonlyPaths", NULL);
	oci_save(bundle, config);
	oci_run_detached(it, bundle, "a1");
	do {
		oci_expect(it, 0, "ps", "--format", "json", "a1");
	} while (!strchr(it->out, ','));
	oci_expect(it, 0, "kill", "--all", "a1", "KILL");
	oci_expect(it, 0, "ps", "--format", "json", "a1");
	assert_string_equal(it->out, "[]\n");
	oci_expect(it, 0, "delete", "a1");
}

static void test_a_paused_container_stands_still_and_goes_on(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	oci_create(it, bundle, "p1");
	oci_expect(it, 0, "start", "p1");
	oci_expect(it, 1, "resume", "p1");
	it_assert_has(it->err, "is running, not paused");
	oci_expect(it, 0, "pause", "p1");
	oci_assert_status(it, "p1", "paused");
	oci_expect(it, 1, "pause", "p1");
	oci_expect(it, 1, "delete", "p1");
	it_assert_has(it->err, "cannot delete container 'p1' that is not stopped");
	oci_expect(it, 0, "resume", "p1");
	oci_assert_status(it, "p1", "running");
	oci_expect(it, 0, "pause", "p1");
	oci_expect(it, 0, "delete", "--force", "p1");
	oci_assert_nothing(it);
}

/* Its process cannot answer: neither start nor delete may wait for it. */
static void test_a_container_may_be_paused_before_it_is_started(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	oci_create(it, bundle, "p1");
	oci_expect(it, 0, "pause", "p1");
	oci_assert_status(it, "p1", "paused");
	oci_expect(it, 1, "start", "p1");
	it_assert_has(it->err, "container 'p1' is paused, not created");
	oci_expect(it, 1, "delete", "p1");
	it_assert_has(it->err, "it is paused");
	oci_expect(it, 0, "resume", "p1");
	oci_assert_status(it, "p1", "created");
	oci_expect(it, 0, "start", "p1");
	oci_assert_status(it, "p1", "running");
	oci_expect(it, 0, "delete", "--force", "p1");
	oci_create(it, bundle, "p1");
	oci_expect(it, 0, "pause", "p1");
	oci_expect(it, 0, "delete", "--force", "p1");
	oci_assert_nothing(it);
}

static void test_ps_and_list_show_what_is_there(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER), *pid = NULL, *array = NULL;

	it_need_root(it);
	oci_run_detached(it, bundle, "l1");
	pid = sk_strf("%d", oci_pid(it, "l1"));
	array = sk_strf("[\n  %s\n]\n", pid);
	oci_expect(it, 0, "ps", "-f", "json", "l1");
	assert_string_equal(it->out, array);
	oci_expect(it, 0, "ps", "l1");
	it_assert_has(it->out, "PID");
	it_assert_has(it->out, pid);
	it_assert_has(it->out, "sleep 1000");
	oci_expect(it, 0, "ps", "l1", "-o", "pid,comm");
	it_assert_has(it->out, pid);
	assert_null(strstr(it->out, "UID"));
	oci_expect(it, 1, "ps", "l1", "-o", "comm");
	it_assert_has(it->err, "no column PID");
	oci_expect(it, 0, "list", "-q");
	assert_string_equal(it->out, "l1\n");
	oci_expect(it, 0, "list", "-f", "json");
	it_assert_has(it->out, "\"status\": \"running\"");
	it_assert_has(it->out, "\"owner\": \"root\"");
	it_assert_has(it->out, bundle);
	oci_expect(it, 0, "delete", "-f", "l1");
}

static void test_delete_takes_what_was_never_started_and_several(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	oci_create(it, bundle, "web-1");
	oci_expect(it, 0, "delete", "web-1");
	oci_create(it, bundle, "web-1");
	oci_create(it, bundle, "web-2");
	oci_run_detached(it, bundle, "db-1");
	oci_expect(it, 1, "delete", "web-1", "db-1", "never");
	it_assert_has(it->err, "cannot delete container 'db-1' that is not stopped");
	it_assert_has(it->err, "container 'never' does not exist");
	oci_expect(it, 0, "list", "-q");
	assert_string_equal(it->out, "db-1\nweb-2\n");
	oci_expect(it, 0, "delete", "--regex", "^web-[0-9]$");
	oci_expect(it, 1, "delete", "--regex", "(");
	oci_expect(it, 0, "delete", "--force", "--regex", ".*");
	oci_assert_nothing(it);
}

static void add_hook(struct sk_json *hooks, const char *kind, const char *script)
{
	struct sk_json *list = sk_json_set(hooks, kind, sk_json_new_array());
	struct sk_json *hook = sk_json_add(list, sk_json_new_object());
	struct sk_json *args;

	sk_json_set_str(hook, "path", "/bin/sh");
	args = sk_json_set(hook, "args", sk_json_new_array());
	(void)sk_json_add(args, sk_json_new_str("sh"));
	(void)sk_json_add(args, sk_json_new_str("-c"));
	(void)sk_json_add(args, sk_json_new_str(script));
}

static char *bundle_with_hooks(struct it *it, const char *poststart)
{
	char *bundle = oci_bundle(it, FOREVER);
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *hooks = sk_json_set(config, "hooks", sk_json_new_object());
	sk_autofree char *poststop = sk_strf("/bin/cat >> %s/hooks; exit 1", it->dir);

	add_hook(hooks, "poststart", poststart);
	add_hook(hooks, "poststop", poststop);
	oci_save(bundle, config);
	return bundle;
}

static void test_hooks_after_start_and_stop_are_told_the_state(void **state)
{
	struct it *it = *state;
	sk_autofree char *log = sk_strf("%s/hooks", it->dir), *text = NULL;
	sk_autofree char *script = sk_strf("/bin/cat > %s", log);
	sk_autofree char *bundle = bundle_with_hooks(it, script);

	it_need_root(it);
	oci_create(it, bundle, "h1");
	assert_false(sk_fs_exists(AT_FDCWD, log));
	oci_expect(it, 0, "start", "h1");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 4096, &text, NULL), 0);
	it_assert_has(text, "\"status\":\"running\"");
	it_assert_has(text, "\"id\":\"h1\"");
	free(sk_steal(&text));
	/* the failure of a poststop hook is a warning */
	oci_expect(it, 0, "delete", "--force", "h1");
	it_assert_has(it->err, "poststop");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 4096, &text, NULL), 0);
	it_assert_has(text, "\"status\":\"stopped\"");
	assert_int_equal(unlink(log), 0);
}

static void test_a_failing_poststart_hook_stops_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *log = sk_strf("%s/hooks", it->dir);
	sk_autofree char *bundle = bundle_with_hooks(it, "exit 3");

	it_need_root(it);
	oci_create(it, bundle, "h1");
	oci_expect(it, 1, "start", "h1");
	it_assert_has(it->err, "poststart");
	oci_await_status(it, "h1", "stopped");
	oci_expect(it, 0, "delete", "h1");
	assert_int_equal(unlink(log), 0);
	/* of a run nobody else would run the poststop hooks */
	oci_expect(it, 1, "run", "-b", bundle, "h1");
	oci_assert_nothing(it);
	assert_int_equal(unlink(log), 0);
}

/* The console's socket is missing: all is made by then. */
static void test_poststop_hooks_of_a_create_that_fails_find_nothing_left(void **state)
{
	struct it *it = *state;
	sk_autofree char *log = sk_strf("%s/hooks", it->dir), *text = NULL;
	sk_autofree char *pid_file = sk_strf("%s/pid", it->dir);
	sk_autofree char *note =
		sk_strf("/bin/sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/' > %s", pid_file);
	sk_autofree char *look = sk_strf(
		"p=$(/bin/cat %s/pid); /bin/kill -0 $p 2>/dev/null && echo alive > %s || echo gone > %s",
		it->dir, log, log);
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *hooks = sk_json_set(config, "hooks", sk_json_new_object());

	it_need_root(it);
	add_hook(hooks, "createRuntime", note);
	add_hook(hooks, "poststop", look);
	sk_json_set_bool(sk_json_get(config, "process"), "terminal", true);
	oci_save(bundle, config);
	oci_expect(it, 1, "create", "-b", bundle, "--console-socket", "/no/such/socket",
		   "h1");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 4096, &text, NULL), 0);
	assert_string_equal(text, "gone\n");
	oci_assert_nothing(it);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(unlink(pid_file), 0);
}

/* ---- Several at once ---- */

static pid_t start_quietly(struct it *it, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args);
	pid_t pid = fork();

	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		(void)dup2(null_fd, 0);
		(void)dup2(null_fd, 1);
		(void)dup2(null_fd, 2);
		(void)execv(words[0], words);
		_exit(126);
	}
	assert_true(pid > 0);
	return pid;
}

/* Exit status, or -1 when it still runs at the deadline (it is killed then). */
static int await(pid_t pid, uint64_t deadline)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (sk_clock_mono() >= deadline) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return -1;
		}
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS / 4);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void reap(void)
{
	uint64_t deadline = sk_clock_mono() + WAIT_NS;

	while (it_has_children() && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
}

static void test_two_deletes_at_once_are_both_fine(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);

	it_need_root(it);
	for (unsigned int i = 0; i < times(20, 1000); i++) {
		pid_t first, second;
		uint64_t deadline;

		oci_run_detached(it, bundle, "two");
		deadline = sk_clock_mono() + WAIT_NS;
		first = start_quietly(it, IT_ARGS("delete", "--force", "two"));
		second = start_quietly(it, IT_ARGS("delete", "--force", "two"));
		assert_int_equal(await(first, deadline), 0);
		assert_int_equal(await(second, deadline), 0);
		oci_assert_nothing(it);
		reap();
	}
}

/* Between the end of its container and its clean-up, run is held up. */
static void test_run_leaves_another_container_of_its_id_alone(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		oci_bundle(it, "[\"sh\",\"-c\",\"echo up; sleep 1000\"]");
	sk_autofree char *record = sk_strf("%s/oci/containers/r1", it->dir);
	uint64_t deadline = sk_clock_mono() + 10 * SK_NS_PER_S;
	struct it_job job;

	it_need_root(it);
	oci_spawn(it, &job, "run", "-b", bundle, "r1");
	it_await_out(&job, "up");
	while (sk_fs_is_locked(AT_FDCWD, record) && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	assert_int_equal(kill(job.proc.pid, SIGSTOP), 0);
	oci_expect(it, 0, "delete", "--force", "r1");
	oci_create(it, bundle, "r1");
	assert_int_equal(kill(job.proc.pid, SIGCONT), 0);
	assert_int_equal(it_finish(it, &job), 128 + SIGKILL);
	oci_assert_status(it, "r1", "created");
	oci_expect(it, 0, "delete", "r1");
}

static void test_start_kill_and_delete_at_once_never_hang(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	unsigned int nr = times(30, 1000);

	it_need_root(it);
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t deadline;
		pid_t pids[3];

		oci_create(it, bundle, "race");
		deadline = sk_clock_mono() + WAIT_NS;
		pids[i % 3] = start_quietly(it, IT_ARGS("start", "race"));
		pids[(i + 1) % 3] = start_quietly(it, IT_ARGS("kill", "race", "KILL"));
		pids[(i + 2) % 3] =
			start_quietly(it, IT_ARGS("delete", "--force", "race"));
		for (size_t j = 0; j < SK_ARRAY_SIZE(pids); j++)
			if (await(pids[j], deadline) < 0)
				fail_msg("round %u: one of them hangs", i);
		oci_expect(it, 0, "delete", "--force", "race");
		oci_assert_nothing(it);
		reap();
	}
	print_message("start, kill, delete at once: %u times, hung 0\n", nr);
}

static int live_one_life(struct it *it, const char *bundle, const char *id)
{
	uint64_t deadline = sk_clock_mono() + 3 * WAIT_NS;
	int r = await(start_quietly(it, IT_ARGS("create", "-b", bundle, id)), deadline);

	if (r == 0)
		r = await(start_quietly(it, IT_ARGS("start", id)), deadline);
	if (r == 0)
		r = await(start_quietly(it, IT_ARGS("delete", "--force", id)), deadline);
	return r;
}

static void test_sixteen_workers_make_and_delete_containers(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"true\"]");
	unsigned int each = times(12, 10000 / WORKERS);
	pid_t workers[WORKERS];

	it_need_root(it);
	for (unsigned int w = 0; w < WORKERS; w++) {
		workers[w] = fork();
		if (workers[w] != 0)
			continue;
		for (unsigned int i = 0; i < each; i++) {
			sk_autofree char *id = sk_strf("w%u-%u", w, i);

			if (live_one_life(it, bundle, id) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned int w = 0; w < WORKERS; w++)
		assert_int_equal(await(workers[w],
				       sk_clock_mono() + each * WORKERS * SK_NS_PER_S),
				 0);
	oci_assert_nothing(it);
	reap();
	print_message("containers made and deleted by %d workers: %u\n", WORKERS,
		      each * WORKERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_signals_go_by_name_and_number),
		IT_TEST(test_kill_of_a_stopped_container_says_so_in_the_words_shims_know),
		IT_TEST(test_kill_all_reaches_those_that_have_left_their_parent),
		IT_TEST(test_a_paused_container_stands_still_and_goes_on),
		IT_TEST(test_a_container_may_be_paused_before_it_is_started),
		IT_TEST(test_ps_and_list_show_what_is_there),
		IT_TEST(test_delete_takes_what_was_never_started_and_several),
		IT_TEST(test_hooks_after_start_and_stop_are_told_the_state),
		IT_TEST(test_a_failing_poststart_hook_stops_the_container),
		IT_TEST(test_poststop_hooks_of_a_create_that_fails_find_nothing_left),
		IT_TEST(test_two_deletes_at_once_are_both_fine),
		IT_TEST(test_run_leaves_another_container_of_its_id_alone),
		IT_TEST(test_start_kill_and_delete_at_once_never_hang),
		IT_TEST(test_sixteen_workers_make_and_delete_containers),
	};

	return it_run_group(tests);
}
