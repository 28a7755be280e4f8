/* SPDX-License-Identifier: Apache-2.0 */
/* callers - podman, containerd and docker with skiff-oci as their runtime
 *
 *	static void test_exit_status_is_the_commands(void **state)
 *	{
 *		struct it *it = *state;
 *
 *		caller_expect(it, 7, "run", "--rm", "box", "sh", "-c", "exit 7");
 *		assert_string_equal(it->out, "");
 *	}
 *	...	CALLER_TEST(test_exit_status_is_the_commands)
 *	...	caller_run_group(tests, caller_podman_setup)
 *
 * A test program has one caller, all of whose files are on a tmpfs over the /run of the
 * program's mount namespace, whose networks are in its network namespace, and whose groups
 * are below one name. A daemon is started before the first case and stopped after the last.
 * After each case the fixture fails it when the caller still knows a container, the runtime
 * has a record, or a group, network namespace or anything that it.h looks for is left.
 *
 * SKIFF_CALLER_RUNTIME names another runtime (/usr/sbin/runc), to see whether a case holds
 * for that one too. Without the caller's package a case is skipped with the package's name.
 */
#ifndef SK_IT_CALLERS_H
#define SK_IT_CALLERS_H

#include "tests/it/it.h"

/** Folder for all files of a caller, on the tmpfs */
#define CALLER_DIR "/run/caller"
/** A root file system of busybox, with users root and user (1000), and the same as a tarball */
#define CALLER_ROOTFS CALLER_DIR "/rootfs"
#define CALLER_TAR    CALLER_DIR "/rootfs.tar"

/**
 * struct caller - What is known of the program's caller
 * @runtime:	Absolute path of the runtime under test
 * @group:	Name below which all groups of its containers are, without a slash
 * @command:	Words before each command: the client and its options
 * @run_words:	Words after "run" and "create"
 * @list:	Command that prints the names of all containers
 * @stop, @remove:	Words before the name of a container to stop (or NULL) and to remove
 * @records:	glob(7) pattern of what the runtime leaves while a container is known
 * @settle:	Command that ends what the client left running for its next call, or NULL
 * @mount:	Mount that the caller makes and takes away as it likes, or NULL
 * @own_groups:	glob(7) pattern of groups that the caller makes and leaves, parents first, or
 *		NULL: removed at the end when there were none at the beginning
 */
struct caller {
	char *runtime, *group;
	char **command, **run_words;
	const char *const *list, *const *stop, *const *remove, *const *settle;
	const char *records, *mount, *own_groups;
};

/** Name and id of the ordinary user; her files are in CALLER_DIR too */
#define CALLER_USER    "skiffcaller"
#define CALLER_USER_ID "52000"

/** caller_podman_setup(), caller_containerd_setup(), caller_docker_setup() - Start the caller
 *  with the image "box" (containerd: docker.io/library/box:latest) of CALLER_ROOTFS; group setups */
int caller_podman_setup(void **state);
int caller_podman_user_setup(
	void **state); /* podman of an ordinary user with ranges of ids */
int caller_containerd_setup(void **state);
int caller_docker_setup(void **state);
/** caller_slurm_setup() - Slurm on two nodes, with CALLER_DIR/bundle; commands name their program */
int caller_slurm_setup(void **state);
int caller_slurm_groups_setup(
	void **state); /* with groups of Slurm's own where cgroup v1 is */
/** caller_slurm_mode() - Whether steps run by create and start, with output in CALLER_DIR/step.out, or by run */
void caller_slurm_mode(bool has_steps);
/** caller_finish() - Stop it; group teardown */
int caller_finish(void **state);
/** caller_setup(), caller_teardown() - As it_setup() and it_teardown() */
int caller_setup(void **state);
int caller_teardown(void **state);

/** Shell words that end when a terminal of caller_terminal() has its size: callers set it late */
#define CALLER_AWAIT_SIZE                                                                \
	"until test \"$(stty size 2>&1)\" = '40 100'; do sleep 0.02; done"

#define CALLER_TEST(name)                                                                \
	cmocka_unit_test_setup_teardown(name, caller_setup, caller_teardown)
#define caller_run_group(tests, setup) cmocka_run_group_tests(tests, setup, caller_finish)

/** caller_argv() - Run a command of the caller; returns the status. Skips the case without the package */
int caller_argv(struct it *it, int stdin_fd, const char *const *args);
/** caller_expect() - The same, and fail with all output when the status is another */
void caller_expect_argv(struct it *it, int status, const char *input,
			const char *const *args, int line);
#define caller_expect(it, status, ...)                                                   \
	caller_expect_argv(it, status, NULL, IT_ARGS(__VA_ARGS__), __LINE__)
/** caller_feed() - The same with @input (under 64 KiB) as stdin */
#define caller_feed(it, status, input, ...)                                              \
	caller_expect_argv(it, status, input, IT_ARGS(__VA_ARGS__), __LINE__)
/** caller_start() - Start a command of the caller in the background */
void caller_start_argv(struct it *it, struct it_job *job, int stdin_fd,
		       const char *const *args);
#define caller_start(it, job, stdin_fd, ...)                                             \
	caller_start_argv(it, job, stdin_fd, IT_ARGS(__VA_ARGS__))
/** caller_await() - Repeat a command of the caller until its stdout has @part (30 s) */
void caller_await_argv(struct it *it, const char *part, const char *const *args);
#define caller_await(it, part, ...) caller_await_argv(it, part, IT_ARGS(__VA_ARGS__))

/** caller_pid() - First process of a running container, as podman and docker tell */
pid_t caller_pid(struct it *it, const char *name);

/**
 * struct caller_limit - What a file of a container's group shall hold
 * @v1:		File, which begins with its controller: "memory.limit_in_bytes"
 * @v1_value:	Its text
 * @v2, @v2_value:	The same on a machine with pure cgroup v2
 */
struct caller_limit {
	const char *v1, *v1_value, *v2, *v2_value;
};
/** caller_expect_limits() - Compare the @nr limits of the group that process @pid is in */
void caller_expect_limits(pid_t pid, const struct caller_limit *limits, size_t nr);

/** caller_terminal() - A new terminal of 40 rows and 100 columns; the master, and the other end in @ret */
int caller_terminal(int *ret);
/** caller_type() - Write to a terminal as a user does */
void caller_type(int master, const char *text);
/** caller_write_file() - Write an executable file of CALLER_DIR */
void caller_write_file(const char *name, const char *text);
/** caller_runtime() - Absolute path of the runtime under test */
const char *caller_runtime(void);
/** caller_group_name() - Name below which all groups of its containers are, without a slash */
const char *caller_group_name(void);
/** caller_is_stand_in() - Whether another runtime than skiff-oci is tried */
bool caller_is_stand_in(void);

/* For the setups of the callers. */

/** caller_begin() - Make the world, the tmpfs and the root file system.
 *  Returns the caller to fill, or NULL when @program of @package is missing or not run as root */
struct caller *caller_begin(void **state, const char *program, const char *package);
/** caller_make_user() - Make the ordinary user, and copy the runtime to where she may execute it */
void caller_make_user(struct it *it);
/** caller_own_groups() - Set @own_groups, unless some are there: those are somebody else's */
void caller_own_groups(const char *pattern);
/** caller_serve() - Start the daemon and wait until the command @probe succeeds */
void caller_serve(struct it *it, const char *const *daemon, const char *const *probe);
/** caller_prepare() - Run a command of the caller in its setup; it ends the program when it fails */
void caller_prepare(struct it *it, const char *const *args);

#endif
