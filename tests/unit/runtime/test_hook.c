// SPDX-License-Identifier: Apache-2.0
/* test_hook - what a hook gets, how it may end, what is told of it */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "runtime/sandbox/hook.h"
#include "tests/unit/tempdir.h"

#define STATE "{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"created\"}"

/* A shell as a hook: "$1" is the test's folder. */
struct shell {
	struct sk_hook hook;
	char *args[6];
};

static void shell_init(struct shell *s, const char *script)
{
	*s = (struct shell){
		.hook = {.path = (char *)"/bin/sh", .args = s->args},
		.args = {(char *)"sh", (char *)"-c", (char *)script, (char *)"hook",
			 tempdir.path},
	};
}

static int run(struct sk_hook *hooks, size_t nr, const char *cwd, struct sk_err *err)
{
	const struct sk_hook_list list = {.hooks = hooks, .nr = nr};

	return sk_hooks_run(&list, SK_HOOK_CREATE_RUNTIME, STATE, cwd, err);
}

static int run_shell(const char *script, struct sk_err *err)
{
	struct shell s;

	shell_init(&s, script);
	return run(&s.hook, 1, NULL, err);
}

static void assert_runs(const char *script)
{
	struct sk_err err = SK_ERR_INIT;

	if (run_shell(script, &err) != 0)
		fail_msg("%s", err.msg);
}

/* What a hook has left in a file of the folder. */
static void assert_file(const char *name, const char *text)
{
	sk_autofree char *found = NULL;

	assert_int_equal(sk_fs_read(tempdir.fd, name, 65536, &found, NULL), 0);
	assert_string_equal(found, text);
}

static pid_t left_behind(void)
{
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(tempdir.fd, "pid", 64, &text, NULL), 0);
	return (pid_t)strtol(text, NULL, 10);
}

static void test_each_hook_reads_the_whole_state(void **state)
{
	struct shell s[2];
	struct sk_hook hooks[2];
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	shell_init(&s[0], "cat > \"$1/first\"");
	shell_init(&s[1], "cat > \"$1/second\"");
	hooks[0] = s[0].hook;
	hooks[1] = s[1].hook;
	assert_int_equal(run(hooks, 2, NULL, &err), 0);
	assert_file("first", STATE);
	assert_file("second", STATE);
}

/* Else one hook could tell the next another state. */
static void test_state_cannot_be_written(void **state)
{
	(void)state;
	assert_runs(
		"if echo no > /proc/self/fd/0; then exit 1; fi 2>/dev/null; cat > \"$1/state\"");
	assert_file("state", STATE);
}

static void test_hook_gets_its_arguments_and_its_environment_or_else_ours(void **state)
{
	static char *env[] = {(char *)"A=1", (char *)"B=two words", NULL};
	static char *none[] = {NULL};
	struct sk_err err = SK_ERR_INIT;
	struct shell s;

	(void)state;
	assert_int_equal(setenv("SK_TEST_OURS", "x", 1), 0);
	assert_runs("echo $SK_TEST_OURS > \"$1/ours\"; echo \"$0 $#\" > \"$1/args\"");
	assert_file("ours", "x\n");
	assert_file("args", "hook 1\n");
	shell_init(&s, "cat /proc/$$/environ > \"$1/none\"");
	s.hook.env = none;
	assert_int_equal(run(&s.hook, 1, NULL, &err), 0);
	assert_file("none", "");
	shell_init(&s, "tr '\\0' '\\n' < /proc/$$/environ > \"$1/given\"");
	s.hook.env = env;
	assert_int_equal(run(&s.hook, 1, NULL, &err), 0);
	assert_file("given", "A=1\nB=two words\n");
	assert_int_equal(unsetenv("SK_TEST_OURS"), 0);
}

/* Its name is the only argument; what it prints can be seen only when it fails. */
static void test_hook_without_arguments_gets_its_path(void **state)
{
	sk_autofree char *path = sk_strf("%s/hook", tempdir.path);
	sk_autofree char *script =
		sk_strf("#!/bin/sh\necho \"$0 $#\" > %s/args\nrm \"$0\"\n", tempdir.path);
	sk_autofree char *want = sk_strf("%s 0\n", path);
	struct sk_hook hook = {.path = path};
	struct sk_err err = SK_ERR_INIT;
	int fd = openat(tempdir.fd, "hook", O_CREAT | O_WRONLY | O_CLOEXEC, 0700);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, script, strlen(script)), 0);
	(void)close(fd);
	assert_int_equal(run(&hook, 1, NULL, &err), 0);
	assert_file("args", want);
}

static void test_hook_starts_in_the_given_folder(void **state)
{
	sk_autofree char *want = sk_strf("%s\n", tempdir.path);
	struct sk_err err = SK_ERR_INIT;
	struct shell s;

	(void)state;
	shell_init(&s, "pwd -P > \"$1/cwd\"");
	assert_int_equal(run(&s.hook, 1, tempdir.path, &err), 0);
	assert_file("cwd", want);
	assert_int_equal(run(&s.hook, 1, "/no/such/folder", &err), -EIO);
	assert_string_equal(
		err.msg,
		"createRuntime hook '/bin/sh' failed with status 127: No such file or directory");
}

static void test_hook_gets_no_other_descriptors(void **state)
{
	int fd = fcntl(tempdir.fd, F_DUPFD, 100); /* without close-on-exec */

	(void)state;
	assert_true(fd >= 100);
	assert_runs("exec > \"$1/open\"; for i in $(seq 3 300); do "
		    "[ ! -e /proc/$$/fd/$i ] || echo $i; done");
	assert_file("open", "");
	(void)close(fd);
}

static void test_hook_has_its_own_group_and_plain_signals(void **state)
{
	sigset_t block, before;

	(void)state;
	assert_int_equal(sigemptyset(&block), 0);
	assert_int_equal(sigaddset(&block, SIGTERM), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &before), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_runs("exec < /proc/$$/stat; read -r pid name mode parent group rest; "
		    "[ $group = $$ ] || exit 1; exec < /proc/$$/status; "
		    "while read -r key value; do case $key in SigBlk:|SigIgn:) "
		    "echo $key $value; esac; done > \"$1/signals\"");
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_file("signals", "SigBlk: 0000000000000000\nSigIgn: 0000000000000000\n");
}

static void test_failure_tells_status_and_last_words(void **state)
{
	static const struct {
		const char *script, *msg;
	} cases[] = {
		{"exit 3", "failed with status 3"},
		{"echo to stdout; echo no network >&2; exit 1",
		 "failed with status 1: to stdout\\nno network"},
		{"printf '\\033[2Jfake' >&2; exit 1",
		 "failed with status 1: \\x1b[2Jfake"},
		{"kill -TERM $$", "was killed by signal 15"},
		{"no-such-program 2>/dev/null", "failed with status 127"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *want =
			sk_strf("createRuntime hook '/bin/sh' %s", cases[i].msg);
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(run_shell(cases[i].script, &err), -EIO);
		assert_string_equal(err.msg, want);
	}
}

static void test_of_long_output_the_end_is_told(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(
		run_shell("echo the beginning; i=0; while [ $((i=i+1)) -le 20000 ]; do "
			  "echo line $i; done; echo the reason; exit 1",
			  &err),
		-EIO);
	assert_non_null(strstr(err.msg, "line 20000\\nthe reason"));
	assert_null(strstr(err.msg, "the beginning"));
	assert_null(strstr(err.msg, "line 19000\\n"));
}

static void test_missing_program_is_told_and_ends_the_list(void **state)
{
	struct shell s;
	struct sk_hook hooks[2] = {{.path = (char *)"/no/such/hook"}};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	shell_init(&s, ": > \"$1/second\"");
	hooks[1] = s.hook;
	assert_int_equal(run(hooks, 2, NULL, &err), -EIO);
	assert_string_equal(
		err.msg,
		"createRuntime hook '/no/such/hook' failed with status 127: No such file or directory");
	assert_false(sk_fs_exists(tempdir.fd, "second"));
}

/* The grandchild becomes this process's: its end shows that the whole group was killed. */
static void test_time_out_kills_the_hook_and_its_children(void **state)
{
	uint64_t begin = sk_clock_mono();
	struct sk_err err = SK_ERR_INIT;
	struct shell s;
	int status = 0;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	shell_init(&s, "sleep 30 & echo $! > \"$1/pid\"; wait");
	s.hook.timeout_s = 1;
	assert_int_equal(run(&s.hook, 1, NULL, &err), -ETIMEDOUT);
	assert_string_equal(err.msg,
			    "createRuntime hook '/bin/sh' did not end within 1 s");
	assert_true(sk_clock_mono() - begin >= SK_NS_PER_S);
	assert_int_equal(waitpid(left_behind(), &status, 0), left_behind());
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

/* Such a helper keeps the pipe of the output open: nobody waits for its end. */
static void test_what_a_hook_leaves_in_the_background_stays(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct shell s;
	int status = 0;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	shell_init(&s, "sleep 1000 & echo $! > \"$1/pid\"");
	s.hook.timeout_s = 100;
	assert_int_equal(run(&s.hook, 1, NULL, &err), 0);
	assert_int_equal(waitpid(left_behind(), &status, WNOHANG), 0);
	assert_int_equal(kill(left_behind(), SIGKILL), 0);
	assert_int_equal(waitpid(left_behind(), &status, 0), left_behind());
}

static void test_without_hooks_nothing_is_started(void **state)
{
	const struct sk_hook_list none = {0};

	(void)state;
	assert_int_equal(sk_hooks_run(&none, SK_HOOK_POSTSTOP, STATE, NULL, NULL), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_hook_reads_the_whole_state),
		TEST(test_state_cannot_be_written),
		TEST(test_hook_gets_its_arguments_and_its_environment_or_else_ours),
		TEST(test_hook_without_arguments_gets_its_path),
		TEST(test_hook_starts_in_the_given_folder),
		TEST(test_hook_gets_no_other_descriptors),
		TEST(test_hook_has_its_own_group_and_plain_signals),
		TEST(test_failure_tells_status_and_last_words),
		TEST(test_of_long_output_the_end_is_told),
		TEST(test_missing_program_is_told_and_ends_the_list),
		TEST(test_time_out_kills_the_hook_and_its_children),
		TEST(test_what_a_hook_leaves_in_the_background_stays),
		TEST(test_without_hooks_nothing_is_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
