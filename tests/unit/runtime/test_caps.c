/* SPDX-License-Identifier: Apache-2.0 */
/* test_caps - capability sets as the kernel shows them after they were applied in a child */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "runtime/sandbox/caps.h"

#define BIT(n) (1ull << (n))

/* What a child saw: written into memory that it shares with the test. */
struct seen {
	int r;
	struct sk_err err;
	struct sk_caps caps;
};

static uint64_t line_of(const char *text, const char *label)
{
	const char *p = strstr(text, label);

	return p ? strtoull(p + strlen(label), NULL, 16) : ~0ull;
}

static void read_own(struct sk_caps *ret)
{
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL) < 0)
		_exit(1);
	ret->bounding = line_of(text, "CapBnd:");
	ret->effective = line_of(text, "CapEff:");
	ret->permitted = line_of(text, "CapPrm:");
	ret->inheritable = line_of(text, "CapInh:");
	ret->ambient = line_of(text, "CapAmb:");
}

static struct seen *in_child(int (*body)(struct seen *seen))
{
	struct seen *seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	assert_true(seen != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		seen->r = body(seen);
		read_own(&seen->caps);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return seen;
}

static void release(struct seen *seen)
{
	assert_int_equal(munmap(seen, sizeof(*seen)), 0);
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip(); /* an ordinary user has no capabilities to reduce */
}

static int apply_default(struct seen *seen)
{
	struct sk_caps caps;

	int r;

	sk_caps_default(&caps);
	r = sk_caps_drop_bounding(&caps, &seen->err);
	return r < 0 ? r : sk_caps_apply(&caps, &seen->err);
}

static void test_the_default_is_nine_without_net_raw(void **state)
{
	struct sk_caps caps;

	(void)state;
	sk_caps_default(&caps);
	assert_int_equal(__builtin_popcountll(caps.bounding), 9);
	assert_int_equal(caps.bounding & (BIT(CAP_NET_RAW) | BIT(CAP_SYS_ADMIN)), 0);
	assert_true(caps.bounding == caps.effective && caps.bounding == caps.permitted);
	assert_true(caps.inheritable == 0 && caps.ambient == 0);
}

static void test_apply_leaves_exactly_the_default(void **state)
{
	struct sk_caps want;
	struct seen *seen;

	(void)state;
	need_root();
	sk_caps_default(&want);
	seen = in_child(apply_default);
	assert_int_equal(seen->r, 0);
	assert_memory_equal(&seen->caps, &want, sizeof(want));
	release(seen);
}

static int apply_over_setuid(struct seen *seen)
{
	struct sk_caps caps = {.bounding = BIT(CAP_CHOWN) | BIT(CAP_NET_BIND_SERVICE)};
	int r;

	caps.permitted = caps.effective = caps.inheritable = caps.ambient =
		BIT(CAP_NET_BIND_SERVICE);
	r = sk_caps_drop_bounding(&caps, &seen->err);
	if (r == 0)
		r = sk_caps_keep(true, &seen->err);
	if (r < 0)
		return r;
	if (setgroups(0, NULL) < 0 || setresgid(1234, 1234, 1234) < 0 ||
	    setresuid(1234, 1234, 1234) < 0)
		return -errno;
	return sk_caps_apply(&caps, &seen->err);
}

static void test_an_ambient_capability_survives_the_change_of_user(void **state)
{
	const uint64_t bind = BIT(CAP_NET_BIND_SERVICE);
	struct seen *seen;

	(void)state;
	need_root();
	seen = in_child(apply_over_setuid);
	assert_string_equal(seen->err.msg, "");
	assert_int_equal(seen->r, 0);
	assert_true(seen->caps.bounding == (bind | BIT(CAP_CHOWN)));
	assert_true(seen->caps.effective == bind && seen->caps.permitted == bind);
	assert_true(seen->caps.inheritable == bind && seen->caps.ambient == bind);
	release(seen);
}

static int apply_missing(struct seen *seen)
{
	struct sk_caps caps = {.bounding = ~0ull};
	int r;

	r = sk_caps_apply(&caps, &seen->err);
	if (r < 0)
		return r;
	caps.permitted = BIT(CAP_CHOWN);
	return sk_caps_apply(&caps, &seen->err);
}

static void test_apply_names_the_capability_that_the_caller_lacks(void **state)
{
	struct seen *seen;

	(void)state;
	seen = in_child(apply_missing);
	assert_int_equal(seen->r, -EPERM);
	assert_string_equal(seen->err.msg,
			    "CAP_CHOWN cannot be given: the caller lacks it");
	release(seen);
}

static int apply_nonsense(struct seen *seen)
{
	struct sk_caps caps = {.bounding = ~0ull, .effective = BIT(CAP_KILL)};

	if (sk_caps_apply(&caps, &seen->err) != -EINVAL ||
	    !strstr(seen->err.msg, "CAP_KILL is effective but not permitted"))
		return 1;
	caps.effective = 0;
	caps.ambient = BIT(CAP_KILL);
	if (sk_caps_apply(&caps, &seen->err) != -EINVAL ||
	    !strstr(seen->err.msg,
		    "CAP_KILL is ambient but not permitted and inheritable"))
		return 2;
	return 0;
}

static void test_apply_refuses_sets_that_contradict_each_other(void **state)
{
	struct seen *seen;

	(void)state;
	seen = in_child(apply_nonsense);
	assert_int_equal(seen->r, 0);
	release(seen);
}

static void test_full_is_what_the_caller_may_hand_on(void **state)
{
	struct sk_caps caps, own;

	(void)state;
	sk_caps_full(&caps);
	read_own(&own);
	assert_true(caps.bounding == own.bounding && caps.permitted == own.bounding);
	assert_true(caps.ambient == 0 && caps.inheritable == 0);
}

static void test_last_is_what_the_kernel_says(void **state)
{
	sk_autofree char *text = NULL;

	(void)state;
	assert_int_equal(sk_fs_read(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 16, &text,
				    NULL),
			 0);
	assert_int_equal(sk_caps_last(), strtoul(text, NULL, 10));
}

static void test_names_are_found_with_and_without_prefix(void **state)
{
	uint64_t mask = 42;

	(void)state;
	assert_int_equal(sk_caps_by_name("CAP_CHOWN", &mask), 0);
	assert_true(mask == BIT(CAP_CHOWN));
	assert_int_equal(sk_caps_by_name("net_raw", &mask), 0);
	assert_true(mask == BIT(CAP_NET_RAW));
	assert_int_equal(sk_caps_by_name("all", &mask), 0);
	assert_true(mask == ~0ull >> (63 - sk_caps_last()));
	mask = 42;
	assert_int_equal(sk_caps_by_name("CAP_FLY", &mask), -EINVAL);
	assert_int_equal(sk_caps_by_name("", &mask), -EINVAL);
	assert_int_equal(sk_caps_by_name("5", &mask), -EINVAL);
	assert_int_equal(sk_caps_by_name("CAP_5", &mask), -EINVAL);
	assert_int_equal(mask, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_default_is_nine_without_net_raw),
		cmocka_unit_test(test_apply_leaves_exactly_the_default),
		cmocka_unit_test(test_an_ambient_capability_survives_the_change_of_user),
		cmocka_unit_test(test_apply_names_the_capability_that_the_caller_lacks),
		cmocka_unit_test(test_apply_refuses_sets_that_contradict_each_other),
		cmocka_unit_test(test_full_is_what_the_caller_may_hand_on),
		cmocka_unit_test(test_last_is_what_the_kernel_says),
		cmocka_unit_test(test_names_are_found_with_and_without_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
