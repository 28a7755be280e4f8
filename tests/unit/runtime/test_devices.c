// SPDX-License-Identifier: Apache-2.0
/* test_devices - device rules: as v1 writes them, and as v2's program answers on a real group */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/devices.h"

#define ANY SK_CGROUP_DEVICE_ANY
#define RWM SK_CGROUP_DEVICE_ALL

static const struct sk_cgroup_device_rule deny_all = {false, 'a', ANY, ANY, RWM};

static void test_rules_are_lines_of_v1(void **state)
{
	static const struct {
		struct sk_cgroup_device_rule rule;
		const char *line;
	} cases[] = {
		{{true, 'c', 1, 3, RWM}, "c 1:3 rwm"},
		{{false, 'b', 8, ANY, SK_CGROUP_DEVICE_READ}, "b 8:* r"},
		{{true, 'c', ANY, ANY, SK_CGROUP_DEVICE_MKNOD}, "c *:* m"},
		{{false, 'a', ANY, ANY, RWM}, "a *:* rwm"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char line[64];

		sk_cgroup_device_line(&cases[i].rule, line);
		assert_string_equal(line, cases[i].line);
	}
}

static void test_rules_before_the_last_reset_have_no_effect(void **state)
{
	struct sk_cgroup_device_rule given[] = {{true, 'c', 10, 229, RWM},
						deny_all,
						{true, 'c', 10, 230, RWM}};
	struct sk_cgroup_resources res = {.devices = given, .nr_devices = 3};
	sk_autofree struct sk_cgroup_device_rule *rules = NULL;
	size_t nr = 0;

	(void)state;
	assert_int_equal(sk_cgroup_device_rules(&res, &rules, &nr), 0);
	assert_true(nr > 10); /* and the devices that each container has */
	assert_int_equal(rules[0].type, 'a');
	assert_int_equal(rules[1].minor, 230);
}

struct fixture {
	int dirfd, enter_fd;
	char *dir;
	char *nodes;
};

static int setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));
	sk_autofree char *path = sk_strf("skiff-test-%d", getpid());
	const struct sk_cgroup_opts opts = {.path = path, .is_oci = true};
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;

	if (!fix)
		return -1;
	*state = fix;
	fix->dirfd = fix->enter_fd = -1;
	if (geteuid() != 0 || sk_cgroup_open(&opts, &cg, NULL) < 0)
		return 0;
	for (unsigned int i = 0; i < cg->nr; i++)
		if (cg->hiers[i].is_v2 && !cg->hiers[i].refused)
			fix->dir = strdup(cg->hiers[i].dir);
	if (!fix->dir)
		return 0;
	if (mkdir(fix->dir, 0755) < 0)
		return -1;
	fix->dirfd = open(fix->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fix->enter_fd = openat(fix->dirfd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	fix->nodes = strdup("/tmp/skiff-test-XXXXXX");
	return fix->enter_fd >= 0 && mkdtemp(fix->nodes) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;
	int r = 0;

	if (fix->dir) {
		r = rmdir(fix->dir);
		(void)sk_fs_remove_tree(AT_FDCWD, fix->nodes, NULL);
	}
	sk_close(&fix->dirfd);
	sk_close(&fix->enter_fd);
	free(fix->dir);
	free(fix->nodes);
	free(fix);
	return r;
}

static struct fixture *need(void **state)
{
	struct fixture *fix = *state;

	if (!fix->dir) {
		print_message("reason: needs root and cgroup v2\n");
		skip();
	}
	return fix;
}

static void attach(struct fixture *fix, const struct sk_cgroup_device_rule *rules,
		   size_t nr, bool replace)
{
	sk_autofree struct bpf_insn *program = NULL;
	int len = sk_cgroup_device_program(rules, nr, &program);
	int r;

	assert_true(len > 0);
	r = sk_cgroup_device_attach(fix->dirfd, program, len, replace);
	if (r == -EPERM) {
		print_message("reason: this kernel lets root attach no device program\n");
		skip();
	}
	assert_int_equal(r, 0);
}

/* errno of open(2), or of mknod(2) with @flags -1, by a process of the group; 0 when it worked */
static int attempt(struct fixture *fix, const char *path, int flags, dev_t dev)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (write(fix->enter_fd, "0", 1) < 0)
			_exit(255);
		if (flags < 0)
			_exit(mknod(path, S_IFCHR | 0600, dev) < 0 ? errno : 0);
		_exit(open(path, flags | O_CLOEXEC) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	return WEXITSTATUS(status);
}

static void test_a_denied_device_cannot_be_opened_and_an_allowed_one_can(void **state)
{
	struct fixture *fix = need(state);
	const struct sk_cgroup_device_rule rules[] = {deny_all, {true, 'c', 1, 3, RWM}};

	assert_int_equal(attempt(fix, "/dev/zero", O_RDONLY, 0), 0);
	attach(fix, rules, 2, false);
	assert_int_equal(attempt(fix, "/dev/null", O_RDWR, 0), 0);
	assert_int_equal(attempt(fix, "/dev/zero", O_RDONLY, 0), EPERM);
}

static void test_each_part_of_the_access_counts(void **state)
{
	struct fixture *fix = need(state);
	/* writing is taken away again from what was allowed as a whole */
	const struct sk_cgroup_device_rule rules[] = {
		deny_all,
		{true, 'c', 1, ANY, SK_CGROUP_DEVICE_READ},
		{true, 'c', 1, 5, SK_CGROUP_DEVICE_WRITE},
		{true, 'c', 1, 3, RWM},
		{false, 'c', 1, 3, SK_CGROUP_DEVICE_WRITE},
	};

	attach(fix, rules, SK_ARRAY_SIZE(rules), false);
	assert_int_equal(attempt(fix, "/dev/null", O_RDONLY, 0), 0);
	assert_int_equal(attempt(fix, "/dev/null", O_WRONLY, 0), EPERM);
	assert_int_equal(attempt(fix, "/dev/null", O_RDWR, 0), EPERM);
	/* two rules together allow both */
	assert_int_equal(attempt(fix, "/dev/zero", O_RDWR, 0), 0);
	assert_int_equal(attempt(fix, "/dev/full", O_RDONLY, 0), 0);
	assert_int_equal(attempt(fix, "/dev/full", O_RDWR, 0), EPERM);
}

static void test_nodes_may_be_made_but_not_opened(void **state)
{
	struct fixture *fix = need(state);
	sk_autofree char *zero = sk_strf("%s/zero", fix->nodes);
	const struct sk_cgroup_device_rule deny = deny_all;
	const struct sk_cgroup_device_rule rules[] = {deny_all,
						      {true, 'c', ANY, ANY,
						       SK_CGROUP_DEVICE_MKNOD}};

	attach(fix, &deny, 1, false);
	assert_int_equal(attempt(fix, zero, -1, makedev(1, 5)), EPERM);
	attach(fix, rules, 2, true);
	assert_int_equal(attempt(fix, zero, -1, makedev(1, 5)), 0);
	assert_int_equal(attempt(fix, zero, O_RDONLY, 0), EPERM);
}

static void test_an_update_replaces_the_rules_and_leaves_none_behind(void **state)
{
	struct fixture *fix = need(state);
	const struct sk_cgroup_device_rule deny = deny_all;
	const struct sk_cgroup_device_rule allow = {true, 'a', ANY, ANY, RWM};

	attach(fix, &deny, 1, false);
	assert_int_equal(attempt(fix, "/dev/null", O_RDONLY, 0), EPERM);
	/* were the old program still there, it would go on denying */
	attach(fix, &allow, 1, true);
	assert_int_equal(attempt(fix, "/dev/null", O_RDONLY, 0), 0);
	attach(fix, &deny, 1, true);
	assert_int_equal(attempt(fix, "/dev/null", O_RDONLY, 0), EPERM);
}

static void test_a_thousand_rules_are_one_program(void **state)
{
	struct fixture *fix = need(state);
	struct sk_cgroup_device_rule rules[1000];

	rules[0] = deny_all;
	for (int i = 1; i < 1000; i++)
		rules[i] = (struct sk_cgroup_device_rule){true, 'b', 100, i, RWM};
	rules[1].type = 'c';
	rules[1].major = 1;
	rules[1].minor = 3;
	attach(fix, rules, SK_ARRAY_SIZE(rules), false);
	assert_int_equal(attempt(fix, "/dev/null", O_RDONLY, 0), 0);
	assert_int_equal(attempt(fix, "/dev/zero", O_RDONLY, 0), EPERM);
}

#define ON_GROUP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_are_lines_of_v1),
		cmocka_unit_test(test_rules_before_the_last_reset_have_no_effect),
		ON_GROUP(test_a_denied_device_cannot_be_opened_and_an_allowed_one_can),
		ON_GROUP(test_each_part_of_the_access_counts),
		ON_GROUP(test_nodes_may_be_made_but_not_opened),
		ON_GROUP(test_an_update_replaces_the_rules_and_leaves_none_behind),
		ON_GROUP(test_a_thousand_rules_are_one_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
