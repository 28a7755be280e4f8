// SPDX-License-Identifier: Apache-2.0
/* test_enter - namespaces of a child are joined, clocks are set
 *
 * Each case joins in a child of its own, which then looks at its /proc/self/ns. The namespaces
 * are those of a second child, the owner, which waits until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/trial.h"
#include "runtime/sandbox/enter.h"

#define NOBODY 65534

static void __attribute__((noreturn)) owner_main(int flags, int ready)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(flags) < 0)
		_exit(1);
	/* a pid namespace is there when it has its first process */
	if ((flags & CLONE_NEWPID) && fork() == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	else if (write(ready, "", 1) != 1)
		_exit(1);
	(void)close(ready);
	for (;;)
		(void)pause();
}

/* A child with new namespaces; 0 when they are refused. */
static pid_t owner_start(int flags)
{
	int pair[2];
	char byte;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		owner_main(flags, pair[1]);
	(void)close(pair[1]);
	if (read(pair[0], &byte, 1) != 1) {
		(void)waitpid(pid, NULL, 0);
		pid = 0;
	}
	(void)close(pair[0]);
	return pid;
}

static void owner_end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0) /* what it had started has become ours */
		;
}

/* File of a namespace in /proc/PID/ns: that of processes to come is the one that is joined. */
static const char *file_name(enum sk_spec_ns ns)
{
	return ns == SK_NS_PID ? "pid_for_children" : sk_spec_ns_name(ns);
}

static ino_t inode(const char *process, const char *file)
{
	sk_autofree char *path = sk_strf("/proc/%s/ns/%s", process, file);
	struct stat st = {0};

	return path && stat(path, &st) == 0 ? st.st_ino : 0;
}

static int check_joined(pid_t owner, enum sk_spec_ns ns, struct sk_err *err)
{
	sk_autofree char *number = sk_strf("%d", (int)owner);
	ino_t own = inode("self", file_name(ns));

	if (own == 0 || own != inode(number, file_name(ns)))
		return sk_err_set(err, EPROTO, "the %s namespace was not joined",
				  sk_spec_ns_name(ns));
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("namespaces without a user namespace need root\n");
		skip();
	}
}

/* struct joining - The namespaces of @flags are made by an owner and joined, as nobody or as root */
struct joining {
	int flags;
	bool as_nobody, without_user;
};

static bool is_among(const struct joining *j, enum sk_spec_ns ns)
{
	return ((uint64_t)j->flags & sk_spec_ns_flag(ns)) &&
	       !(ns == SK_NS_USER && j->without_user);
}

static int join_paths(const struct joining *j, struct sk_spec *spec, pid_t owner,
		      struct sk_err *err)
{
	sk_auto(sk_enter_finish) struct sk_enter enter = {.spec = spec};
	int r = sk_enter_open(spec, &enter, err);

	if (r == 0 && !sk_enter_is_needed(&enter))
		r = sk_err_set(err, EPROTO, "nothing is to be joined");
	if (r == 0)
		r = sk_enter_namespaces(&enter, err);
	for (int i = 0; r == 0 && i < SK_NS_COUNT; i++)
		if (is_among(j, (enum sk_spec_ns)i) && i != SK_NS_MNT)
			r = check_joined(owner, (enum sk_spec_ns)i, err);
	return r;
}

static int join(const void *ctx, struct sk_err *err)
{
	const struct joining *j = ctx;
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	pid_t owner;
	int r;

	if (j->as_nobody && geteuid() == 0 &&
	    (setgid(NOBODY) < 0 || setuid(NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
		return sk_err_errno(err, "become nobody");
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	owner = owner_start(j->flags);
	if (!spec || owner == 0)
		return sk_err_set(err, ENOTSUP, "no such namespaces here");
	for (int i = 0; i < SK_NS_COUNT; i++)
		if (is_among(j, (enum sk_spec_ns)i))
			spec->ns[i].path = sk_strf("/proc/%d/ns/%s", (int)owner,
						   file_name((enum sk_spec_ns)i));
	r = join_paths(j, spec, owner, err);
	owner_end(owner);
	return r;
}

static void assert_joins(const struct joining *j)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_trial_run(join, j, &err);

	if (r == -ENOTSUP) {
		print_message("%s\n", err.msg);
		skip();
	}
	if (r != 0)
		fail_msg("%s", err.msg);
}

static void test_root_joins_each_kind(void **state)
{
	static const int flags[] = {CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWIPC,
				    CLONE_NEWCGROUP, CLONE_NEWPID};

	(void)state;
	need_root();
	for (size_t i = 0; i < SK_ARRAY_SIZE(flags); i++)
		assert_joins(&(struct joining){.flags = flags[i]});
	assert_joins(&(struct joining){.flags = CLONE_NEWNET | CLONE_NEWUTS |
						CLONE_NEWIPC | CLONE_NEWCGROUP});
}

static void test_root_joins_what_a_user_namespace_owns(void **state)
{
	(void)state;
	assert_joins(&(struct joining){.flags = CLONE_NEWUSER | CLONE_NEWNET |
						CLONE_NEWUTS | CLONE_NEWNS});
}

/* It may join none of them before it has joined the user namespace. */
static void test_user_joins_as_root_of_the_user_namespace(void **state)
{
	(void)state;
	assert_joins(&(struct joining){.flags = CLONE_NEWUSER | CLONE_NEWNET |
						CLONE_NEWUTS | CLONE_NEWIPC,
				       .as_nobody = true});
}

static void test_user_is_told_that_the_user_namespace_is_missing(void **state)
{
	const struct joining j = {.flags = CLONE_NEWUSER | CLONE_NEWNET,
				  .as_nobody = true,
				  .without_user = true};
	struct sk_err err = SK_ERR_INIT;
	int r = sk_trial_run(join, &j, &err);

	(void)state;
	if (r == -ENOTSUP)
		skip();
	assert_int_equal(r, -EPERM);
	assert_non_null(strstr(err.msg, "join the net namespace '/proc/"));
	assert_non_null(strstr(err.msg, "Operation not permitted"));
	assert_non_null(strstr(err.hint, "give that one by path too"));
}

/* What came of opening one path: its error, or whether a stage is needed. */
static int try_open(enum sk_spec_ns ns, const char *path, const char *sysctl,
		    bool *ret_needed, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	sk_auto(sk_enter_finish) struct sk_enter enter = {.spec = spec};
	int r;

	assert_non_null(spec);
	memset(enter.fds, 0xff, sizeof(enter.fds));
	spec->ns[ns].path = sk_strf("%s", path);
	if (sysctl) {
		spec->sysctls = calloc(1, sizeof(*spec->sysctls));
		assert_non_null(spec->sysctls);
		spec->nr_sysctls = 1;
		spec->sysctls[0].name = sk_strf("%s", sysctl);
		spec->sysctls[0].value = sk_strf("1");
	}
	r = sk_enter_open(spec, &enter, err);
	if (ret_needed)
		*ret_needed = sk_enter_is_needed(&enter);
	return r;
}

static void test_path_of_something_else_is_refused(void **state)
{
	static const struct {
		const char *path, *msg;
		int code;
	} cases[] = {
		{"/proc/self/ns/uts",
		 "'/proc/self/ns/uts' is a uts namespace, not a net one", -EINVAL},
		{"/proc/self/status",
		 "'/proc/self/status' is not a namespace, but shall be a net one",
		 -EINVAL},
		{"/proc", "'/proc' is not a namespace, but shall be a net one", -EINVAL},
		{"/no/such/ns",
		 "open the net namespace '/no/such/ns': No such file or directory",
		 -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(try_open(SK_NS_NET, cases[i].path, NULL, NULL, &err),
				 cases[i].code);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

/* A writer opens a pipe only when there is a reader: a path must not stop the runtime. */
static void test_path_of_a_pipe_does_not_block(void **state)
{
	sk_autofree char *path = sk_strf("/tmp/skiff-test-enter-%d", (int)getpid());
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(30);
	assert_int_equal(try_open(SK_NS_IPC, path, NULL, NULL, &err), -EINVAL);
	(void)alarm(0);
	assert_int_equal(unlink(path), 0);
	assert_non_null(strstr(err.msg, "is not a namespace, but shall be a ipc one"));
}

static void test_sysctl_of_the_callers_own_namespace_is_refused(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(try_open(SK_NS_NET, "/proc/self/ns/net", "net/ipv4/ip_forward",
				  NULL, &err),
			 -EBUSY);
	assert_string_equal(
		err.msg,
		"sysctl 'net/ipv4/ip_forward': the net namespace is the host's own");
	assert_int_equal(try_open(SK_NS_IPC, "/proc/self/ns/ipc", "kernel/shmmax", NULL,
				  &err),
			 -EBUSY);
	assert_int_equal(try_open(SK_NS_IPC, "/proc/self/ns/ipc", "net/ipv4/ip_forward",
				  NULL, &err),
			 0);
}

static void test_only_what_a_stage_must_join_needs_one(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	bool needed = true;

	(void)state;
	assert_int_equal(try_open(SK_NS_MNT, "/proc/self/ns/mnt", NULL, &needed, &err),
			 0);
	assert_false(needed);
	/* one's own user namespace cannot be joined again */
	assert_int_equal(try_open(SK_NS_USER, "/proc/self/ns/user", NULL, &needed, &err),
			 0);
	assert_false(needed);
	assert_int_equal(try_open(SK_NS_UTS, "/proc/self/ns/uts", NULL, &needed, &err),
			 0);
	assert_true(needed);
}

/* In a process that the stage started: how far its clocks are from those outside. */
static int check_clocks(uint64_t boot, uint64_t mono, struct sk_err *err)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t boot_s = (sk_clock_boot() - boot) / SK_NS_PER_S;
		uint64_t mono_s = (sk_clock_mono() - mono) / SK_NS_PER_S;

		_exit(boot_s < 5000 || boot_s > 5060 || mono_s < 1000 || mono_s > 1060);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return sk_err_errno(err, "look at the clocks");
	return status == 0 ? 0 : sk_err_set(err, EPROTO, "the clocks were not set");
}

static int set_clocks(const void *ctx, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	sk_auto(sk_enter_finish) struct sk_enter enter = {.spec = spec};
	uint64_t boot = sk_clock_boot(), mono = sk_clock_mono();
	int r;

	(void)ctx;
	spec->process.time_offsets[0] =
		(struct sk_spec_time_offset){CLOCK_MONOTONIC, 1000, 500000000};
	spec->process.time_offsets[1] =
		(struct sk_spec_time_offset){CLOCK_BOOTTIME, 5000, 0};
	spec->process.nr_time_offsets = 2;
	r = sk_enter_open(spec, &enter, err);
	if (r == 0 && !sk_enter_is_needed(&enter))
		r = sk_err_set(err, EPROTO, "clocks need a stage too");
	if (r == 0)
		r = sk_enter_namespaces(&enter, err);
	if (r == 0 && sk_clock_boot() - boot > 60 * SK_NS_PER_S)
		r = sk_err_set(err, EPROTO, "the stage's own clocks have changed");
	return r < 0 ? r : check_clocks(boot, mono, err);
}

static void test_clocks_are_set_for_children(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	need_root();
	if (sk_trial_run(set_clocks, NULL, &err) != 0)
		fail_msg("%s", err.msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_joins_each_kind),
		cmocka_unit_test(test_root_joins_what_a_user_namespace_owns),
		cmocka_unit_test(test_user_joins_as_root_of_the_user_namespace),
		cmocka_unit_test(test_user_is_told_that_the_user_namespace_is_missing),
		cmocka_unit_test(test_path_of_something_else_is_refused),
		cmocka_unit_test(test_path_of_a_pipe_does_not_block),
		cmocka_unit_test(test_sysctl_of_the_callers_own_namespace_is_refused),
		cmocka_unit_test(test_only_what_a_stage_must_join_needs_one),
		cmocka_unit_test(test_clocks_are_set_for_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
