/* SPDX-License-Identifier: Apache-2.0 */
/* test_unpack - hostile archives stay inside the layer; honest ones arrive as they are */
#include <linux/capability.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/unit/images/unpack_world.h"

static void test_an_honest_archive_arrives_as_it_is(void **state)
{
	struct world *w = *state;
	struct stat st;

	ADD(w, '5', "./", .mode = 0711);
	ADD(w, '5', "./etc/", .mode = 0555);
	ADD(w, '0', "./etc/motd", .content = "hello\n", .mode = 0640);
	ADD(w, '2', "./etc/link", .link = "/etc/motd");
	ADD(w, '1', "./etc/hard", .link = "./etc/motd");
	ADD(w, '6', "fifo");
	ADD(w, '0', "/a/b/c", .content = "deep");
	ADD(w, '0', "su", .content = "x", .mode = 04755);
	expect_ok(w);
	assert_content(w, "etc/motd", "hello\n");
	assert_content(w, "a/b/c", "deep");
	assert_int_equal(stat_of(w, "etc/motd").st_mode, S_IFREG | 0640);
	assert_int_equal(stat_of(w, "etc/motd").st_nlink, 2);
	assert_int_equal(stat_of(w, "su").st_mode & 07777, 04755);
	assert_true(S_ISFIFO(stat_of(w, "fifo").st_mode));
	assert_true(S_ISLNK(stat_of(w, "etc/link").st_mode));
	st = stat_of(w, "etc");
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(stat_of(w, ".").st_mode & 07777, 0711);
	assert_int_equal(w->result.entries, 8);
	assert_int_equal(w->result.skipped, 0);
	assert_int_equal(w->result.bytes, 6 + 4 + 1);
	assert_int_equal(strlen(w->result.digest), 64);
}

static void test_owners_are_kept_by_root_and_not_by_others(void **state)
{
	struct world *w = *state;
	struct stat st;

	ADD(w, '0', "file", .content = "x", .uid = 1234, .gid = 4321);
	ADD(w, '2', "link", .link = "file", .uid = 1234, .gid = 4321);
	expect_ok(w);
	st = stat_of(w, "link");
	assert_int_equal(st.st_uid, w->opts.rootless ? geteuid() : 1234);
	assert_int_equal(stat_of(w, "file").st_gid, w->opts.rootless ? getegid() : 4321);
}

static void test_a_later_entry_replaces_an_earlier_one(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "x", .content = "old");
	ADD(w, '0', "x", .content = "new");
	ADD(w, '5', "d");
	ADD(w, '0', "d/f", .content = "1");
	ADD(w, '0', "d", .content = "now a file");
	ADD(w, '5', "twice", .mode = 0700);
	ADD(w, '5', "twice", .mode = 0750);
	expect_ok(w);
	assert_content(w, "x", "new");
	assert_content(w, "d", "now a file");
	assert_int_equal(stat_of(w, "twice").st_mode & 07777, 0750);
}

/* Names that lead out */

static void test_dot_dot_in_a_name_is_refused(void **state)
{
	static const char *const names[] = {"../secret", "a/../../secret", "..", "a/..",
					    "/../secret"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		struct world *w = *state;

		sk_str_clear(&w->tar);
		ADD(w, '0', names[i], .content = "pwned");
		expect_refused(w, EINVAL, "leads out of its folder with '..'");
	}
}

static void test_an_absolute_name_lies_in_the_layer(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "//tmp/skiff-test-absolute", .content = "x");
	expect_ok(w);
	assert_content(w, "tmp/skiff-test-absolute", "x");
	assert_int_equal(access("/tmp/skiff-test-absolute", F_OK), -1);
}

static void test_a_link_as_a_parent_leads_inside_the_layer(void **state)
{
	struct world *w = *state;
	sk_autofree char *outside = sk_strf("%s/outside", w->dir.path);

	ADD(w, '5', "usr/lib");
	ADD(w, '2', "lib", .link = "usr/lib");
	ADD(w, '0', "lib/file", .content = "x");
	ADD(w, '2', "up", .link = "../outside");
	ADD(w, '5', "outside");
	ADD(w, '0', "up/file", .content = "inside");
	ADD(w, '2', "abs", .link = "/outside");
	ADD(w, '0', "abs/other", .content = "inside too");
	expect_ok(w);
	assert_content(w, "usr/lib/file", "x");
	assert_content(w, "outside/file", "inside");
	assert_content(w, "outside/other", "inside too");
	sk_str_clear(&w->tar);
	ADD(w, '2', "away", .link = outside);
	ADD(w, '0', "away/file", .content = "pwned");
	expect_refused(w, EINVAL, "its folder 'away' is a link that leads nowhere");
}

static void test_a_link_as_the_last_part_is_replaced(void **state)
{
	struct world *w = *state;

	ADD(w, '2', "s", .link = "../secret");
	ADD(w, '0', "s", .content = "own");
	ADD(w, '2', "d", .link = "../outside");
	ADD(w, '5', "d");
	ADD(w, '0', "d/file", .content = "own too");
	expect_ok(w);
	assert_content(w, "s", "own");
	assert_true(S_ISDIR(stat_of(w, "d").st_mode));
	assert_content(w, "d/file", "own too");
}

static void test_a_folder_replaced_by_a_link_between_its_files_stays_confined(
	void **state)
{
	struct world *w = *state;

	ADD(w, '5', "d");
	ADD(w, '0', "d/one", .content = "1");
	ADD(w, '2', "d", .link = "../outside");
	ADD(w, '0', "d/two", .content = "2");
	expect_refused(w, EINVAL, "a link that leads nowhere");
}

static void test_a_file_as_a_parent_is_refused(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "f", .content = "x");
	ADD(w, '0', "f/g", .content = "x");
	expect_refused(w, ENOTDIR, "entry 'f/g': open its folder 'f': Not a directory");
}

static void test_the_root_must_stay_a_folder(void **state)
{
	static const char types[] = {'0', '1', '2', '3', '6'};

	for (size_t i = 0; i < sizeof(types); i++) {
		struct world *w = *state;

		sk_str_clear(&w->tar);
		ADD(w, types[i], i % 2 ? "./" : "/.", .link = "x", .major = 1,
		    .minor = 3);
		if (unpack(w) == 0)
			fail_msg("type %c as the root was taken", types[i]);
		assert_int_equal(w->err.code, EINVAL);
	}
}

/* Hard links */

static void test_hard_links_to_the_outside_are_refused(void **state)
{
	static const char *const targets[] = {"../secret", "/etc/passwd", "nothing"};
	struct world *w = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(targets); i++) {
		sk_str_clear(&w->tar);
		ADD(w, '1', "h", .link = targets[i]);
		assert_int_equal(unpack(w), -EINVAL);
	}
	sk_str_clear(&w->tar);
	ADD(w, '2', "up", .link = "..");
	ADD(w, '1', "h", .link = "up/secret");
	expect_refused(w, EINVAL, "is a hard link to 'up/secret', which is not there");
}

static void test_a_hard_link_to_a_link_links_the_link(void **state)
{
	struct world *w = *state;

	ADD(w, '2', "s", .link = "../secret");
	ADD(w, '1', "h", .link = "s");
	ADD(w, '0', "h", .content = "own");
	expect_ok(w);
	assert_content(w, "h", "own");
}

static void test_a_hard_link_to_itself_or_a_folder_is_refused(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "f", .content = "x");
	ADD(w, '1', "./f", .link = "f");
	expect_refused(w, EINVAL, "it is a hard link to itself");
	sk_str_clear(&w->tar);
	ADD(w, '5', "d");
	ADD(w, '1', "h", .link = "d");
	expect_refused(w, EINVAL, "is a hard link to 'd', which is no file");
}

/* Whiteouts */

static bool is_whiteout(struct world *w, const char *path)
{
	struct stat st = stat_of(w, path);

	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static bool is_opaque(struct world *w, const char *path)
{
	const char *key =
		w->opts.rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
	sk_autoclose int fd =
		openat(w->layer_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[4];

	assert_true(fd >= 0);
	return fgetxattr(fd, key, value, sizeof(value)) == 1 && value[0] == 'y';
}

static void test_whiteouts_become_those_of_overlayfs(void **state)
{
	struct world *w = *state;

	ADD(w, '5', "d");
	ADD(w, '0', "d/.wh.gone");
	ADD(w, '0', "d/sibling", .content = "x");
	ADD(w, '0', "d/.wh..wh..opq");
	ADD(w, '0', ".wh.top");
	ADD(w, '0', ".wh..wh.plnk");
	expect_ok(w);
	assert_true(is_whiteout(w, "d/gone"));
	assert_true(is_whiteout(w, "top"));
	assert_true(is_opaque(w, "d"));
	assert_content(w, "d/sibling", "x");
	assert_int_equal(w->result.skipped, 1);
	assert_false(sk_fs_exists(w->layer_fd, "d/.wh.gone"));
}

static void test_a_whiteout_beside_a_file_of_the_same_layer_leaves_the_file(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "before", .content = "1");
	ADD(w, '0', ".wh.before");
	ADD(w, '0', ".wh.after");
	ADD(w, '0', "after", .content = "2");
	ADD(w, '5', "dir1");
	ADD(w, '0', ".wh.dir1");
	ADD(w, '0', ".wh.dir2");
	ADD(w, '5', "dir2");
	expect_ok(w);
	assert_content(w, "before", "1");
	assert_content(w, "after", "2");
	assert_true(is_opaque(w, "dir1"));
	assert_true(is_opaque(w, "dir2"));
}

static void test_whiteouts_of_no_name_are_refused(void **state)
{
	static const char *const names[] = {".wh.", ".wh..", ".wh...", "d/.wh...",
					    "d/.wh."};
	struct world *w = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_str_clear(&w->tar);
		ADD(w, '5', "d");
		ADD(w, '0', names[i]);
		expect_refused(w, EINVAL, "it is a whiteout of no name");
	}
}

static void test_a_whiteout_through_a_link_stays_inside(void **state)
{
	struct world *w = *state;

	ADD(w, '2', "up", .link = "..");
	ADD(w, '0', "up/.wh.secret");
	ADD(w, '0', "up/.wh..wh..opq");
	expect_ok(w);
	assert_true(is_whiteout(w, "secret"));
	assert_true(is_opaque(w, "."));
}

static void test_device_0_0_is_refused(void **state)
{
	struct world *w = *state;

	need_root();
	ADD(w, '3', "etc/passwd");
	expect_refused(w, EINVAL,
		       "entry 'etc/passwd': it is device 0:0, which hides files");
}

/* Devices */

static void test_devices_are_made_by_root_and_left_out_rootless(void **state)
{
	struct world *w = *state;

	need_root();
	ADD(w, '3', "null", .major = 1, .minor = 3, .mode = 0666);
	ADD(w, '0', "f", .content = "x");
	expect_ok(w);
	assert_true(stat_of(w, "null").st_rdev == makedev(1, 3));
	assert_int_equal(unlinkat(w->layer_fd, "null", 0), 0);
	w->opts.rootless = true;
	expect_ok(w);
	assert_false(sk_fs_exists(w->layer_fd, "null"));
	assert_int_equal(w->result.skipped, 1);
}

static void test_a_device_number_that_would_be_cut_is_refused(void **state)
{
	struct world *w = *state;

	need_root();
	ADD(w, '3', "d", .major = 0x1000, .minor = 0);
	expect_refused(w, EINVAL, "its device number is out of range");
}

/* Attributes */

static bool has_xattr(struct world *w, const char *path, const char *key)
{
	sk_autoclose int fd = openat(w->layer_fd, path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fgetxattr(fd, key, NULL, 0) >= 0;
}

static void test_marks_of_overlayfs_in_an_archive_are_dropped(void **state)
{
	static const char *const keys[] = {
		"trusted.overlay.opaque", "trusted.overlay.redirect",
		"user.overlay.opaque",	  "user.overlay.redirect",
		"user.overlay.metacopy",
	};
	struct world *w = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		sk_autofree char *key = sk_strf("SCHILY.xattr.%s", keys[i]);

		sk_str_clear(&w->tar);
		tar_pax(&w->tar, key, "y", 1);
		ADD(w, '5', "d");
		expect_ok(w);
		assert_false(has_xattr(w, "d", keys[i]));
		assert_int_equal(w->result.skipped, 1);
	}
}

static void test_user_attributes_are_kept_and_labels_left_out(void **state)
{
	struct world *w = *state;

	tar_pax(&w->tar, "SCHILY.xattr.user.note", "hello", 5);
	ADD(w, '0', "f", .content = "x");
	tar_pax(&w->tar, "SCHILY.xattr.security.selinux", "label", 5);
	ADD(w, '0', "g", .content = "x");
	expect_ok(w);
	assert_true(has_xattr(w, "f", "user.note"));
	assert_false(has_xattr(w, "g", "security.selinux"));
	assert_int_equal(w->result.skipped, 1);
}

static void test_file_capabilities_are_kept_when_they_are_well_formed(void **state)
{
	static const char good[20] = {0x01, 0x00, 0x00, 0x02, 0x00, 0x04};
	struct world *w = *state;

	need_root();
	tar_pax(&w->tar, "SCHILY.xattr.security.capability", good, sizeof(good));
	ADD(w, '0', "ping", .content = "x", .uid = 0, .mode = 0755);
	expect_ok(w);
	assert_true(has_xattr(w, "ping", "security.capability"));
	assert_int_equal(stat_of(w, "ping").st_mode & 07777, 0755);
	w->opts.rootless = true;
	expect_ok(w);
	assert_false(has_xattr(w, "ping", "security.capability"));
	w->opts.rootless = false;
	for (size_t len = 0; len < 30; len++) {
		char bytes[30] = {0x01, 0x00, 0x00, 0x02};

		if (len == sizeof(good))
			continue;
		sk_str_clear(&w->tar);
		tar_pax(&w->tar, "SCHILY.xattr.security.capability", bytes, len);
		ADD(w, '0', "f", .content = "x");
		expect_refused(w, EINVAL, "its capabilities are malformed");
	}
}

static void test_an_owner_out_of_range_is_refused(void **state)
{
	static const char *const owners[] = {"4294967295", "4294967296", "99999999999",
					     "-1"};
	struct world *w = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(owners); i++) {
		sk_str_clear(&w->tar);
		tar_pax(&w->tar, i % 2 ? "gid" : "uid", owners[i], strlen(owners[i]));
		ADD(w, '0', "f", .content = "x");
		if (unpack(w) == 0)
			fail_msg("owner %s was taken", owners[i]);
		assert_int_equal(w->err.code, EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_honest_archive_arrives_as_it_is),
		CASE(test_owners_are_kept_by_root_and_not_by_others),
		CASE(test_a_later_entry_replaces_an_earlier_one),
		CASE(test_dot_dot_in_a_name_is_refused),
		CASE(test_an_absolute_name_lies_in_the_layer),
		CASE(test_a_link_as_a_parent_leads_inside_the_layer),
		CASE(test_a_link_as_the_last_part_is_replaced),
		CASE(test_a_folder_replaced_by_a_link_between_its_files_stays_confined),
		CASE(test_a_file_as_a_parent_is_refused),
		CASE(test_the_root_must_stay_a_folder),
		CASE(test_hard_links_to_the_outside_are_refused),
		CASE(test_a_hard_link_to_a_link_links_the_link),
		CASE(test_a_hard_link_to_itself_or_a_folder_is_refused),
		CASE(test_whiteouts_become_those_of_overlayfs),
		CASE(test_a_whiteout_beside_a_file_of_the_same_layer_leaves_the_file),
		CASE(test_whiteouts_of_no_name_are_refused),
		CASE(test_a_whiteout_through_a_link_stays_inside),
		CASE(test_device_0_0_is_refused),
		CASE(test_devices_are_made_by_root_and_left_out_rootless),
		CASE(test_a_device_number_that_would_be_cut_is_refused),
		CASE(test_marks_of_overlayfs_in_an_archive_are_dropped),
		CASE(test_user_attributes_are_kept_and_labels_left_out),
		CASE(test_file_capabilities_are_kept_when_they_are_well_formed),
		CASE(test_an_owner_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
