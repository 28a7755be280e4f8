// SPDX-License-Identifier: Apache-2.0
/* test_sandbox_user - the user of a process, from files of a container that may lie */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/sandbox/child.h"
#include "tests/unit/tempdir.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "1000:x:0:0:liar:/root:/bin/sh\n"
			     "-1:x:0:0:liar:/root:/bin/sh\n"
			     "4294967296:x:0:0:liar:/root:/bin/sh\n"
			     "broken line\n"
			     "web:x:33:44:web:/srv:/bin/sh\n"
			     "bad:x:1x:0:bad:/:/bin/sh\n";
static const char group[] =
	"root:x:0:\nwww:x:55:web,other\nmore:x:66:web\nnone:x:77:other\n";

static void put(const char *path, const char *text)
{
	sk_autoclose int fd =
		openat(tempdir.fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static int look_up(const char *user, struct sk_child *c, struct sk_err *err)
{
	static struct sk_spec spec;

	if (faccessat(tempdir.fd, "etc", F_OK, 0) < 0) {
		assert_int_equal(mkdirat(tempdir.fd, "etc", 0700), 0);
		put("etc/passwd", passwd);
		put("etc/group", group);
	}
	spec = (struct sk_spec){.user = (char *)user};
	*c = (struct sk_child){.spec = &spec, .root_fd = tempdir.fd, .uid = 4242};
	return sk_child_user(c, err);
}

static void release(struct sk_child *c)
{
	sk_strv_free(c->env);
	free(c->groups);
}

static void test_a_name_brings_its_groups_and_home(void **state)
{
	struct sk_child c;

	(void)state;
	assert_int_equal(look_up("web", &c, NULL), 0);
	assert_int_equal(c.uid, 33);
	assert_int_equal(c.gid, 44);
	assert_int_equal(c.nr_groups, 2);
	assert_int_equal(c.groups[0], 55);
	assert_int_equal(c.groups[1], 66);
	assert_true(sk_strv_has(c.env, "HOME=/srv"));
	release(&c);
	assert_int_equal(look_up("web:77", &c, NULL), 0);
	assert_int_equal(c.gid, 77);
	assert_int_equal(c.nr_groups, 0);
	release(&c);
}

/* CVE-2026-30892. Guard: find_line() and is_bad_number() of sandbox/user.c. */
static void test_a_number_is_an_id_whatever_the_image_calls_its_users(void **state)
{
	static const char *const bad[] = {
		"-1", "4294967296",	"4294967295", "+0",	"",    ":0",
		"0:", "0:0:0",		"web:-1",     "nobody", "bad", "1000x",
		" 0", "web:4294967295",
	};
	struct sk_child c;

	(void)state;
	assert_int_equal(look_up("1000", &c, NULL), 0);
	assert_int_equal(c.uid, 1000);
	assert_int_equal(c.gid, 0);
	release(&c);
	assert_int_equal(look_up("33", &c, NULL), 0);
	assert_int_equal(c.uid, 33);
	assert_int_equal(c.gid, 44);
	release(&c);
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_err err = SK_ERR_INIT;

		if (look_up(bad[i], &c, &err) != -EINVAL)
			fail_msg("user '%s' is taken as %u:%u", bad[i], c.uid, c.gid);
		assert_true(err.msg[0]);
		release(&c);
	}
}

#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, tempdir_set_up, tempdir_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_name_brings_its_groups_and_home),
		TEST(test_a_number_is_an_id_whatever_the_image_calls_its_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
