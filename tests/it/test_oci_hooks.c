// SPDX-License-Identifier: Apache-2.0
/* Hooks of config.json: when each is run, what it gets, and what its failure does. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/oci.h"

/* Hooks of one kind that run a shell command. */
static void add_hook(const char *bundle, const char *kind, const char *command,
		     unsigned int timeout)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *hooks = sk_json_get(config, "hooks"), *list, *hook, *args;

	if (!hooks)
		hooks = sk_json_set(config, "hooks", sk_json_new_object());
	list = sk_json_set(hooks, kind, sk_json_new_array());
	hook = sk_json_add(list, sk_json_new_object());
	sk_json_set_str(hook, "path", "/bin/sh");
	args = sk_json_set(hook, "args", sk_json_new_array());
	(void)sk_json_add(args, sk_json_new_str("sh"));
	(void)sk_json_add(args, sk_json_new_str("-c"));
	(void)sk_json_add(args, sk_json_new_str(command));
	sk_json_set_strv(hook, "env", (char *[]){(char *)"PATH=/bin:/usr/bin", NULL});
	if (timeout)
		sk_json_set_uint(hook, "timeout", timeout);
	oci_save(bundle, config);
}

static void test_hooks_run_in_their_order_with_the_state(void **state)
{
	static const char *const kinds[] = {"prestart", "createRuntime",
					    "createContainer", "poststart", "poststop"};
	static const char *const words[] = {"prestart creating", "createRuntime creating",
					    "createContainer creating",
					    "poststart running", "poststop stopped"};
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *log = sk_strf("%s/hooks.log", it->dir);
	sk_autofree char *text = NULL;
	const char *at;

	it_need_root(it);
	bundle = oci_bundle(it, "[\"sh\",\"-c\",\"cat /dev/shm/state\"]");
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		sk_autofree char *command = sk_strf(
			"echo %s $(sed 's/.*\"status\":\"\\([a-z]*\\)\".*/\\1/') $(ls /proc/self/fd | wc -l) >> %s",
			kinds[i], log);

		add_hook(bundle, kinds[i], command, 0);
	}
	add_hook(bundle, "startContainer", "cat > /dev/shm/state", 0);
	oci_expect(it, 0, "run", "-b", bundle, "h1");
	it_assert_has(it->out, "\"status\":\"created\"");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 10000, &text, NULL), 0);
	at = text;
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		/* 0, 1, 2 and the folder that ls reads */
		sk_autofree char *line = sk_strf("%s 4\n", words[i]);

		it_assert_has(at, line);
		at = strstr(at, line) + strlen(line);
	}
	assert_string_equal(at, "");
	assert_int_equal(unlink(log), 0);
}

static void test_a_failing_hook_ends_create_and_leaves_nothing(void **state)
{
	static const char *const kinds[] = {"prestart", "createRuntime",
					    "createContainer"};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		sk_autofree char *bundle = oci_bundle(it, "[\"sh\"]");
		sk_autofree char *want =
			sk_strf("%s hook '/bin/sh' failed with status 3: no luck",
				kinds[i]);

		add_hook(bundle, kinds[i], "echo no luck >&2; exit 3", 0);
		oci_expect(it, 1, "create", "-b", bundle, "h1");
		it_assert_has(it->err, want);
		oci_assert_nothing(it);
	}
}

static void test_a_hook_that_takes_too_long_is_killed_with_its_children(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	uint64_t start;

	it_need_root(it);
	bundle = oci_bundle(it, "[\"sh\"]");
	add_hook(bundle, "createRuntime", "sleep 1000 & sleep 1000", 1);
	start = sk_clock_mono();
	oci_expect(it, 1, "create", "-b", bundle, "h1");
	assert_in_range(sk_clock_mono() - start, SK_NS_PER_S, 30 * SK_NS_PER_S);
	it_assert_has(it->err, "createRuntime hook '/bin/sh' did not end within 1 s");
}

static void test_a_failing_startContainer_hook_ends_start(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, "[\"sh\",\"-c\",\"echo ran\"]");
	add_hook(bundle, "startContainer", "exit 9", 0);
	oci_expect(it, 1, "run", "-b", bundle, "h1");
	it_assert_has(it->err, "startContainer hook '/bin/sh' failed with status 9");
	assert_string_equal(it->out, "");
}

static void test_a_failing_poststop_hook_is_a_warning(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, "[\"true\"]");
	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/true\"", bundle));
	add_hook(bundle, "poststop", "exit 2", 0);
	oci_expect(it, 0, "run", "-b", bundle, "h1");
	it_assert_has(it->err, "poststop hook '/bin/sh' failed with status 2");
}

static void take_env(const char *bundle, const char *kind, bool is_empty)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *hook =
		sk_json_at(sk_json_get(sk_json_get(config, "hooks"), kind), 0);

	sk_json_set(hook, "env", is_empty ? sk_json_new_array() : NULL);
	oci_save(bundle, config);
}

/* As of runc and crun: hooks find their programs by a PATH that nobody set for them. In the
 * container it is the container's. */
static void test_a_hook_without_environment_has_the_callers(void **state)
{
	struct it *it = *state;
	sk_autofree char *log = sk_strf("%s/hooks.log", it->dir), *text = NULL;
	sk_autofree char *command = sk_strf("echo \"<$OF_THE_CALLER>\" >> %s", log);
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, "[\"cat\",\"/dev/shm/env\"]");
	add_hook(bundle, "createRuntime", command, 0);
	take_env(bundle, "createRuntime", false);
	add_hook(bundle, "poststop", command, 0);
	take_env(bundle, "poststop", true);
	add_hook(bundle, "startContainer",
		 "echo \"<$OF_THE_CALLER> $TERM\" > /dev/shm/env", 0);
	take_env(bundle, "startContainer", false);
	assert_int_equal(setenv("OF_THE_CALLER", "yes", 1), 0);
	oci_argv(it, IT_ARGS("run", "-b", bundle, "h1"));
	(void)unsetenv("OF_THE_CALLER");
	oci_assert_exit(it, 0, __LINE__);
	assert_string_equal(it->out, "<> xterm\n");
	assert_int_equal(sk_fs_read(AT_FDCWD, log, 10000, &text, NULL), 0);
	assert_string_equal(text, "<yes>\n<>\n");
	assert_int_equal(unlink(log), 0);
}

static void test_a_path_that_is_not_absolute_is_refused(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"sh\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *hooks = sk_json_set(config, "hooks", sk_json_new_object());
	struct sk_json *list = sk_json_set(hooks, "prestart", sk_json_new_array());

	sk_json_set_str(sk_json_add(list, sk_json_new_object()), "path", "bin/sh");
	oci_save(bundle, config);
	oci_expect(it, 1, "create", "-b", bundle, "h1");
	it_assert_has(it->err,
		      "hooks.prestart[0].path 'bin/sh' must be an absolute path");
}

#define READ_PID "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); "

/* The end of its pipes is not taken for an exec. */
static void test_a_first_process_that_is_killed_is_a_failure(void **state)
{
	static const char *const kinds[] = {"prestart", "createRuntime"};
	static const char *const commands[] = {"create", "run"};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		sk_autofree char *bundle = oci_bundle(it, "[\"sh\"]");

		add_hook(bundle, kinds[i], READ_PID "kill -9 $pid", 0);
		oci_expect(it, 1, commands[i], "-b", bundle, "h1");
		it_assert_has(
			it->err,
			"was killed before it could execute the command (signal 9)");
		oci_assert_nothing(it);
	}
}

static void test_a_limit_that_is_too_low_to_start_is_told(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	struct sk_json *limits = NULL, *mount = NULL;
	static const char limit[] = "{\"memory\":{\"limit\":2000000}}";
	static const char copy[] = "{\"destination\":\"/x\",\"type\":\"tmpfs\","
				   "\"source\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}";

	it_need_root(it);
	bundle = oci_bundle(it, "[\"sh\"]");
	it_command(it, IT_ARGS("sh", "-c",
			       "mkdir \"$0/rootfs/x\" && "
			       "head -c 6000000 /dev/zero >\"$0/rootfs/x/big\"",
			       bundle));
	config = oci_config(bundle);
	assert_int_equal(sk_json_parse(limit, strlen(limit), "limit", &limits, NULL), 0);
	assert_int_equal(sk_json_parse(copy, strlen(copy), "mount", &mount, NULL), 0);
	sk_json_set(sk_json_get(config, "linux"), "resources", limits);
	(void)sk_json_add(sk_json_get(config, "mounts"), mount);
	oci_save(bundle, config);
	oci_expect(it, 1, "create", "-b", bundle, "h1");
	it_assert_has(it->err, "was killed before it could execute the command");
	it_assert_has(it->err,
		      "out of memory: its limit of 1.91 MiB is too low to start");
	oci_assert_nothing(it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_hooks_run_in_their_order_with_the_state),
		IT_TEST(test_a_failing_hook_ends_create_and_leaves_nothing),
		IT_TEST(test_a_hook_that_takes_too_long_is_killed_with_its_children),
		IT_TEST(test_a_failing_startContainer_hook_ends_start),
		IT_TEST(test_a_failing_poststop_hook_is_a_warning),
		IT_TEST(test_a_hook_without_environment_has_the_callers),
		IT_TEST(test_a_first_process_that_is_killed_is_a_failure),
		IT_TEST(test_a_limit_that_is_too_low_to_start_is_told),
		IT_TEST(test_a_path_that_is_not_absolute_is_refused),
	};

	return it_run_group(tests);
}
