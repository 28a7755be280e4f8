/* SPDX-License-Identifier: Apache-2.0 */
/* it - drive the built programs as a user would, and see that nothing is left behind
 *
 *	static void test_exit_status_is_the_commands(void **state)
 *	{
 *		struct it *it = *state;
 *
 *		it_expect(it, 7, "run", "--rm", "@busybox", "sh", "-c", "exit 7");
 *		assert_string_equal(it->out, "");
 *	}
 *	...	IT_TEST(test_exit_status_is_the_commands) ... it_run_group(tests)
 *
 * SKIFF_BUILD is the build folder, SKIFF_IT_DIR where temporary folders are made (/tmp): a
 * file system that can be idmapped. Each program works in its own world: mount and network namespace, cgroups (below the
 * caller's), state folders. After each case the fixture fails it when there is more in that
 * world than before: a process, mount, cgroup, network link, file in /tmp, or container.
 * The test process is a subreaper, so a process that lost its parent comes back to it.
 */
#ifndef SK_IT_H
#define SK_IT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "lib/proc.h"

/**
 * struct it - One test program's world
 * @build:	Build folder, from SKIFF_BUILD (default "build")
 * @dir:	Temporary folder of the program
 * @root:	--root, in @dir
 * @runroot:	--runroot, in @dir
 * @prefix:	Words before each command, such as setpriv's; NULL none (borrowed)
 * @status:	Exit status of the last command, 128 + signal
 * @out:	What it wrote to stdout
 * @err:	What it wrote to stderr
 */
struct it {
	char *build, *dir, *root, *runroot;
	const char *const *prefix;
	int status;
	char *out, *err;
	struct it_world *world;
};

/** struct it_job - A command in the background */
struct it_job {
	struct sk_proc proc;
	int out_fd, err_fd; /* all that it wrote so far, readable at any offset */
};

/** it_group_setup() - Make the world; for cmocka_run_group_tests() */
int it_group_setup(void **state);
/** it_group_teardown() - Take it down */
int it_group_teardown(void **state);
/** it_setup() - Remember what is there before a case */
int it_setup(void **state);
/** it_teardown() - Fail the case when more is there than before */
int it_teardown(void **state);

#define IT_TEST(name) cmocka_unit_test_setup_teardown(name, it_setup, it_teardown)
#define it_run_group(tests)                                                              \
	cmocka_run_group_tests(tests, it_group_setup, it_group_teardown)

/** it_need_root() - Skip the case, with the reason, when not run as root */
void it_need_root(const struct it *it);

/** it_need_criu() - Skip the case where criu is missing or does not work, and when not run as root */
void it_need_criu(const struct it *it);

/** it_slowness() - How much slower than a real machine this one is: SKIFF_SLOWNESS, else 1 */
double it_slowness(void);

#define IT_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/** it_spawn() - Start any program in the background; @stdin_fd -1 is /dev/null */
void it_spawn(struct it_job *job, int stdin_fd, const char *const *argv);
/** it_keep() - Let a job outlive its case: it is no leftover, and ends with it_finish() */
void it_keep(const struct it_job *job);
/** it_is_kept() - Whether this child is such a job */
bool it_is_kept(pid_t pid);
/** it_forget_jobs() - Take jobs that a case did not finish, but the kept one, for orphans */
void it_forget_jobs(void);

/** it_command() - Run any program to its end (60 s); sets status, out, err */
int it_command(struct it *it, const char *const *argv);
/** it_skiff_argv() - Run skiff with the world's --root and --runroot; returns the status */
int it_skiff_argv(struct it *it, const char *const *args);
#define it_skiff(it, ...) it_skiff_argv(it, IT_ARGS(__VA_ARGS__))

/** it_expect_argv() - it_skiff_argv(), and fail with all output when the status is another */
void it_expect_argv(struct it *it, int status, const char *const *args, const char *file,
		    int line);
#define it_expect(it, status, ...)                                                       \
	it_expect_argv(it, status, IT_ARGS(__VA_ARGS__), __FILE__, __LINE__)

/** it_assert_has() - Fail, showing @text, when it lacks @part */
void it_assert_has_at(const char *text, const char *part, const char *file, int line);
#define it_assert_has(text, part) it_assert_has_at(text, part, __FILE__, __LINE__)

/** it_start_argv() - Start skiff in the background; @stdin_fd -1 is /dev/null */
void it_start_argv(struct it *it, struct it_job *job, int stdin_fd,
		   const char *const *args);
#define it_start(it, job, stdin_fd, ...)                                                 \
	it_start_argv(it, job, stdin_fd, IT_ARGS(__VA_ARGS__))
/** it_await_out() - Wait until the job's stdout has @part (30 s) */
void it_await_out(struct it_job *job, const char *part);
/** it_finish() - Wait for its end (60 s); sets status, out, err */
int it_finish(struct it *it, struct it_job *job);

/** it_has_children() - Whether processes of ended commands are left (monitors, for example) */
bool it_has_children(void);
/** it_skiff_words() - The command line of it_skiff_argv(), for sk_strv_free() */
char **it_skiff_words(const struct it *it, const char *const *args);
/** it_find_leftover() - What the end of a case looks for but for processes, now; prints it */
bool it_find_leftover(const struct it *it);
/** it_await_status() - Wait until `inspect` tells that container @name is in @status (30 s) */
void it_await_status(struct it *it, const char *name, const char *status);
/** it_await_text() - Wait until stdout of a skiff command has @part (30 s) */
void it_await_text(struct it *it, const char *part, const char *const *args);

#endif
