// SPDX-License-Identifier: Apache-2.0
/* skiff-oci as an engine drives it: create, start, state, kill, delete, run, on a real bundle. */
#include "tests/it/it.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"

#define WAIT_NS (10 * SK_NS_PER_S)

/* skiff-oci --root ROOT ARG... */
static int oci_argv(struct it *it, const char *const *args)
{
	sk_auto(sk_strv_free) char **argv = NULL;

	assert_int_equal(sk_strv_addf(&argv, "%s/bin/skiff-oci", it->build), 0);
	assert_int_equal(sk_strv_add(&argv, "--root"), 0);
	assert_int_equal(sk_strv_addf(&argv, "%s/oci", it->dir), 0);
	for (; *args; args++)
		assert_int_equal(sk_strv_add(&argv, *args), 0);
	return it_command(it, (const char *const *)argv);
}
#define oci(it, ...) oci_argv(it, IT_ARGS(__VA_ARGS__))

static void expect(struct it *it, int status, int line)
{
	if (it->status != status)
		fail_msg("line %d: status %d, not %d; stderr: %s", line, it->status,
			 status, it->err);
}
#define oci_expect(it, code, ...) (oci(it, __VA_ARGS__), expect(it, code, __LINE__))

/* A bundle with a busybox root; @args is the JSON list of process.args. */
static char *make_bundle(struct it *it, const char *args)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *path = sk_strf("%s/bundle", it->dir), *text = NULL;
	struct sk_json *list = NULL;
	int fd;

	it_command(it, IT_ARGS("rm", "-rf", path));
	it_command(
		it,
		IT_ARGS("sh", "-c",
			"mkdir -p \"$0/rootfs/bin\" && cp /bin/busybox \"$0/rootfs/bin/\" && "
			"for a in sh id sleep hostname kill cat; do ln -s busybox \"$0/rootfs/bin/$a\"; done",
			path));
	expect(it, 0, __LINE__);
	oci_expect(it, 0, "spec", "-b", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sk_json_load(fd, "config.json", &config, NULL), 0);
	assert_int_equal(sk_json_parse(args, strlen(args), "args", &list, NULL), 0);
	sk_json_set(sk_json_get(config, "process"), "args", list);
	sk_json_set_bool(sk_json_get(config, "process"), "terminal", false);
	text = sk_json_print(config, true);
	assert_int_equal(sk_fs_replace(fd, "config.json", text, strlen(text), 0644, NULL),
			 0);
	(void)close(fd);
	return sk_steal(&path);
}

static void assert_status(struct it *it, const char *id, const char *wanted)
{
	sk_auto(sk_json_free) struct sk_json *state = NULL;

	oci_expect(it, 0, "state", id);
	assert_int_equal(sk_json_parse(it->out, strlen(it->out), "state", &state, NULL),
			 0);
	assert_string_equal(sk_json_str(sk_json_get(state, "status"), ""), wanted);
	assert_string_equal(sk_json_str(sk_json_get(state, "id"), ""), id);
}

static void await_stopped(struct it *it, const char *id)
{
	uint64_t deadline = sk_clock_mono() + WAIT_NS;

	do {
		oci_expect(it, 0, "state", id);
		if (strstr(it->out, "\"stopped\""))
			return;
	} while (sk_clock_mono() < deadline);
	fail_msg("'%s' did not stop: %s", id, it->out);
}

static void test_run_hands_on_output_and_status_and_leaves_nothing(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		make_bundle(it, "[\"sh\",\"-c\",\"id -u; hostname; exit 4\"]");

	it_need_root(it);
	oci_expect(it, 4, "run", "-b", bundle, "r1");
	assert_string_equal(it->out, "0\nskiff\n");
	oci_expect(it, 0, "list", "--format", "json");
	it_assert_has(it->out, "[]");
}

static void test_a_created_container_waits_until_it_is_started(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "[\"sleep\",\"1000\"]");
	sk_autofree char *pid_file = sk_strf("%s/pid", it->dir), *pid = NULL;
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);

	it_need_root(it);
	/* it keeps what create inherited as stdio, so not the test's pipes */
	it_command(it,
		   IT_ARGS("sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null",
			   program, "--root", root, "create", "--bundle", bundle,
			   "--pid-file", pid_file, "c1"));
	expect(it, 0, __LINE__);
	assert_status(it, "c1", "created");
	assert_int_equal(sk_fs_read(AT_FDCWD, pid_file, 100, &pid, NULL), 0);
	it_assert_has(it->out, pid);
	oci_expect(it, 1, "delete", "c1");
	it_assert_has(it->err, "container 'c1' is created, not stopped");
	oci_expect(it, 0, "start", "c1");
	assert_status(it, "c1", "running");
	oci_expect(it, 1, "start", "c1");
	it_assert_has(it->err, "container 'c1' is running, not created");
	oci_expect(it, 0, "kill", "c1", "9");
	await_stopped(it, "c1");
	oci_expect(it, 0, "delete", "c1");
	oci_expect(it, 1, "state", "c1");
	it_assert_has(it->err, "there is no container 'c1'");
	assert_int_equal(unlink(pid_file), 0);
}

static void test_a_missing_command_fails_at_create_with_the_words_engines_look_for(
	void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "[\"nope\"]");
	sk_autofree char *log = sk_strf("%s/log", it->dir);

	it_need_root(it);
	oci_expect(it, 1, "--log", log, "--log-format", "json", "create", "-b", bundle,
		   "m1");
	it_assert_has(it->err, "executable file not found");
	it_command(it, IT_ARGS("cat", log));
	it_assert_has(it->out, "executable file not found");
	oci_expect(it, 0, "list", "-q");
	assert_string_equal(it->out, "");
	assert_int_equal(unlink(log), 0);
}

static void test_forced_delete_of_an_unknown_container_is_fine(void **state)
{
	struct it *it = *state;

	oci_expect(it, 0, "delete", "--force", "never");
	oci_expect(it, 1, "delete", "never");
	it_assert_has(it->err, "there is no container 'never'");
}

static void test_what_is_not_executed_is_named(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(it, "[\"sh\"]");

	it_command(
		it,
		IT_ARGS("sh", "-c",
			"sed -i 's/\"hostname\"/\"hooks\": {\"poststop\": [{}]}, \"hostname\"/' \"$0/config.json\"",
			bundle));
	expect(it, 0, __LINE__);
	oci_expect(it, 1, "create", "-b", bundle, "h1");
	it_assert_has(it->err, "config.json: 'hooks' is not supported yet");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_run_hands_on_output_and_status_and_leaves_nothing),
		IT_TEST(test_a_created_container_waits_until_it_is_started),
		IT_TEST(test_a_missing_command_fails_at_create_with_the_words_engines_look_for),
		IT_TEST(test_forced_delete_of_an_unknown_container_is_fine),
		IT_TEST(test_what_is_not_executed_is_named),
	};

	return it_run_group(tests);
}
