// SPDX-License-Identifier: Apache-2.0
/* Options of OCI mounts: what each becomes, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

static struct sk_spec_mount *one_mount(struct sk_spec *spec, const char *fstype)
{
	struct sk_spec_mount *m = sk_spec_add_mount(spec, "/src", "/x", fstype, 0);

	assert_non_null(m);
	return m;
}

static void apply(struct sk_spec_mount *m, const char *option)
{
	struct sk_err err = SK_ERR_INIT;

	if (sk_spec_mount_option(m, option, &err) < 0)
		fail_msg("%s: %s", option, err.msg);
}

static void test_attributes(void **state)
{
	static const struct {
		const char *option;
		uint64_t set, clear, rec_set, rec_clear;
	} cases[] = {
		{"ro", MOUNT_ATTR_RDONLY, 0, 0, 0},
		{"rw", 0, MOUNT_ATTR_RDONLY, 0, 0},
		{"nosuid", MOUNT_ATTR_NOSUID, 0, 0, 0},
		{"suid", 0, MOUNT_ATTR_NOSUID, 0, 0},
		{"nodev", MOUNT_ATTR_NODEV, 0, 0, 0},
		{"noexec", MOUNT_ATTR_NOEXEC, 0, 0, 0},
		{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
		{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0},
		{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME & ~MOUNT_ATTR_NOATIME,
		 0, 0},
		{"relatime", 0, MOUNT_ATTR__ATIME, 0, 0},
		{"atime", 0, MOUNT_ATTR__ATIME, 0, 0},
		{"rro", 0, 0, MOUNT_ATTR_RDONLY, 0},
		{"rrw", 0, 0, 0, MOUNT_ATTR_RDONLY},
		{"rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0},
		{"rnosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
		{"rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME,
		 MOUNT_ATTR__ATIME & ~MOUNT_ATTR_STRICTATIME},
		{"silent", 0, 0, 0, 0},
		{"defaults", 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
		struct sk_spec_mount *m = one_mount(spec, "tmpfs");

		apply(m, cases[i].option);
		assert_int_equal(m->attr_set, cases[i].set);
		assert_int_equal(m->attr_clear & ~m->attr_set, cases[i].clear);
		assert_int_equal(m->rec_set, cases[i].rec_set);
		assert_int_equal(m->rec_clear & ~m->rec_set, cases[i].rec_clear);
		assert_null(m->data);
	}
}

static void test_the_last_of_two_opposites_wins(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m = one_mount(spec, NULL);

	(void)state;
	apply(m, "ro");
	apply(m, "rw");
	apply(m, "noatime");
	apply(m, "strictatime");
	assert_int_equal(m->attr_set, MOUNT_ATTR_STRICTATIME);
	assert_true(m->attr_clear & MOUNT_ATTR_RDONLY);
	apply(m, "ro");
	assert_false(m->attr_clear & MOUNT_ATTR_RDONLY);
}

static void test_propagation_and_words(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m = one_mount(spec, "tmpfs");

	(void)state;
	apply(m, "rslave");
	assert_int_equal(m->propagation, MS_SLAVE);
	assert_true(m->propagation_below);
	apply(m, "unbindable");
	assert_int_equal(m->propagation, MS_UNBINDABLE);
	assert_false(m->propagation_below);
	apply(m, "tmpcopyup");
	apply(m, "dest-nofollow");
	apply(m, "remount");
	apply(m, "sync");
	apply(m, "size=1m");
	assert_true(m->copy_up && m->target_nofollow && m->is_remount);
	assert_string_equal(m->data[0], "sync");
	assert_string_equal(m->data[1], "size=1m");
	assert_int_equal(sk_spec_propagation("rshared"), MS_SHARED | MS_REC);
	assert_int_equal(sk_spec_propagation("ro"), 0);
}

static void test_every_known_option_is_taken(void **state)
{
	const char *name;
	size_t nr = 0;

	(void)state;
	for (; (name = sk_spec_mount_option_name(nr)); nr++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();

		apply(one_mount(spec, "tmpfs"), name);
	}
	assert_true(nr > 60);
}

static void test_bind_mounts_have_no_data(void **state)
{
	static const struct {
		const char *option, *text;
	} cases[] = {
		{"readonly", "option 'readonly' of the bind mount on '/x' is not known"},
		{"mode=755", "option 'mode=755' of the bind mount on '/x' is not known"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
		struct sk_spec_mount *m = one_mount(spec, "none");
		struct sk_err err = SK_ERR_INIT;

		apply(m, cases[i].option);
		apply(m, "rbind");
		assert_true(!m->fstype && m->recursive);
		assert_int_equal(sk_spec_mounts_check(spec, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].text);
	}
}

static void test_what_cannot_be_is_refused(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m = one_mount(spec, NULL);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_spec_mount_option(m, "rsync", &err), -EOPNOTSUPP);
	assert_int_equal(sk_spec_mount_option(m, "lazytime", &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"option 'lazytime' belongs to a file system: a bind mount cannot change it");
	apply(m, "nolazytime");
	apply(m, "tmpcopyup");
	assert_int_equal(sk_spec_mounts_check(spec, &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"option 'tmpcopyup' of the mount on '/x' is for file systems of type tmpfs");
}

static void test_id_maps_are_read(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m = one_mount(spec, NULL);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	spec->ns[SK_NS_USER].is_new = true;
	spec->gids[spec->nr_gids++] = (struct sk_spec_idmap){0, 1000, 1};
	spec->gids[spec->nr_gids++] = (struct sk_spec_idmap){1, 5000, 100};
	apply(m, "ridmap=uids=0-1-10#10-11-5;gids=@7-3-10");
	assert_true(m->is_idmapped && m->idmap_below);
	assert_int_equal(m->nr_uids, 2);
	assert_int_equal(m->uids[1].outside, 11);
	assert_int_equal(sk_spec_mounts_finish(spec, &err), 0);
	assert_int_equal(m->uids[0].outside, 1);
	assert_int_equal(m->gids[0].inside, 7);
	assert_int_equal(m->gids[0].outside, 5002);
}

static void test_bad_id_maps_are_refused(void **state)
{
	static const struct {
		const char *option, *text;
	} cases[] = {
		{"idmap=uids=0-1", "id map '0-1' is not of the form INSIDE-OUTSIDE-SIZE"},
		{"idmap=ids=0-1-1",
		 "id map 'ids=0-1-1' is not of the form uids=LINES;gids=LINES"},
		{"idmap=", "id map '' is not of the form uids=LINES;gids=LINES"},
	};
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m = one_mount(spec, NULL);
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_int_equal(sk_spec_mount_option(m, cases[i].option, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].text);
	}
	assert_int_equal(sk_spec_mount_option(m, "idmap=uids=0-1-0;gids=0-1-1", &err),
			 -ERANGE);
	apply(m, "idmap=uids=0-1-1");
	assert_int_equal(sk_spec_mounts_finish(spec, &err), -EINVAL);
	assert_true(sk_str_ends(err.msg, "needs maps of user ids and of group ids"));
	apply(m, "idmap=gids=@0-0-9");
	assert_int_equal(sk_spec_mounts_finish(spec, &err), -EINVAL);
	assert_true(
		sk_str_ends(err.msg,
			    "lie in no single map of the container's user namespace"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_the_last_of_two_opposites_wins),
		cmocka_unit_test(test_propagation_and_words),
		cmocka_unit_test(test_every_known_option_is_taken),
		cmocka_unit_test(test_bind_mounts_have_no_data),
		cmocka_unit_test(test_what_cannot_be_is_refused),
		cmocka_unit_test(test_id_maps_are_read),
		cmocka_unit_test(test_bad_id_maps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
