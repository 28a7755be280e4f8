/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_fixture - a real group for each case, with processes in it
 *
 *	struct fixture *fix = need(state, "memory");
 *
 *	assert_ok(sk_cgroup_create(fix->cg, &limits, &fix->err), &fix->err);
 *	pid = start(fix, wait_forever);
 *
 * Each case begins with a group that is described and not made; teardown() kills what is in it,
 * removes it and fails when a folder stays. Without root and cgroups there is none: need_root()
 * and need() skip.
 */
#ifndef SK_TEST_CGROUP_FIXTURE_H
#define SK_TEST_CGROUP_FIXTURE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

struct fixture {
	char *path;
	struct sk_cgroup *cg;
	struct sk_err err;
};

static inline int open_group(const char *path, struct sk_cgroup **ret, struct sk_err *err)
{
	return sk_cgroup_open(&(struct sk_cgroup_opts){.path = path}, ret, err);
}

static inline int setup_group(void **state, bool is_oci)
{
	struct fixture *fix = calloc(1, sizeof(*fix));
	struct sk_cgroup_opts opts = {.is_oci = is_oci};

	if (!fix)
		return -1;
	*state = fix;
	if (geteuid() != 0 || sk_cgroup_mode() == SK_CGROUP_NONE)
		return 0;
	opts.path = fix->path = sk_strf("skiff-test-%d/a/b", getpid());
	return sk_cgroup_open(&opts, &fix->cg, &fix->err) < 0 ? -1 : 0;
}

static inline int setup(void **state)
{
	return setup_group(state, false);
}

/* As an OCI runtime's: in every hierarchy. */
static inline int setup_oci(void **state)
{
	return setup_group(state, true);
}

static inline int teardown(void **state)
{
	struct fixture *fix = *state;
	int left = 0;

	if (fix->cg) {
		(void)sk_cgroup_kill(fix->cg, 5000, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		left = sk_cgroup_remove(fix->cg, &fix->err);
		if (left < 0)
			print_error("%s\n", fix->err.msg);
		sk_cgroup_remove_empty_parents(fix->cg);
		for (unsigned int i = 0; i < fix->cg->nr; i++) {
			sk_autofree char *top = sk_strf("%s/skiff-test-%d",
							fix->cg->hiers[i].base, getpid());

			if (sk_fs_exists(AT_FDCWD, top)) {
				print_error("left behind: %s\n", top);
				left = -1;
			}
		}
	}
	sk_cgroup_free(fix->cg);
	free(fix->path);
	free(fix);
	return left < 0 ? -1 : 0;
}

static inline struct fixture *need_root(void **state)
{
	struct fixture *fix = *state;

	if (fix->cg)
		return fix;
	print_message("reason: needs root and a cgroup mount\n");
	skip();
	return NULL;
}

static inline struct fixture *need(void **state, const char *controller)
{
	struct fixture *fix = need_root(state);

	if (!sk_cgroup_can_limit(fix->cg, controller)) {
		print_message("reason: no usable cgroup controller '%s'\n", controller);
		skip();
	}
	return fix;
}

static inline void assert_ok(int r, const struct sk_err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* A child that enters the group, says so, and runs @body. */
static inline pid_t start(struct fixture *fix, void (*body)(void))
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct sk_err err = SK_ERR_INIT;

		if (sk_cgroup_enter(fix->cg, true, &err) < 0)
			_exit(99);
		(void)!write(ready[1], "r", 1);
		(void)close(ready[1]);
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static inline void wait_forever(void)
{
	for (;;)
		(void)pause();
}

static inline int wait_status(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define T(name)	    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_OCI(name) cmocka_unit_test_setup_teardown(name, setup_oci, teardown)

#endif
