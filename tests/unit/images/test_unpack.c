/* SPDX-License-Identifier: Apache-2.0 */
/* test_unpack - hostile archives stay inside the layer; honest ones arrive as they are */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "images/unpack.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/images/tar.h"

/* dir/ holds layer/, which is unpacked into, and what must not change: secret, outside/. */
struct world {
	char dir[64];
	int dir_fd, layer_fd;
	struct sk_str tar;
	struct sk_unpack_opts opts;
	struct sk_unpack_result result;
	struct sk_err err;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/skiff-test-unpack-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->dir_fd >= 0);
	assert_int_equal(mkdirat(w->dir_fd, "layer", 0755), 0);
	assert_int_equal(mkdirat(w->dir_fd, "outside", 0755), 0);
	assert_int_equal(sk_fs_replace(w->dir_fd, "secret", "secret", 6, 0644, NULL), 0);
	w->layer_fd = openat(w->dir_fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->opts = (struct sk_unpack_opts){.max_bytes = 1 << 20,
					  .max_entries = 1000,
					  .rootless = geteuid() != 0};
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	sk_autofree char *secret = NULL;
	sk_auto(sk_strv_free) char **outside = NULL, **all = NULL;

	/* whatever the case was: nothing outside of the layer may have changed */
	assert_int_equal(sk_fs_read(w->dir_fd, "secret", 100, &secret, NULL), 0);
	assert_string_equal(secret, "secret");
	assert_int_equal(sk_fs_list(w->dir_fd, "outside", &outside), 0);
	assert_int_equal(sk_strv_len(outside), 0);
	assert_int_equal(sk_fs_list(w->dir_fd, ".", &all), 0);
	assert_int_equal(sk_strv_len(all), 3);
	sk_close(&w->layer_fd);
	sk_close(&w->dir_fd);
	sk_str_finish(&w->tar);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, w->dir, NULL), 0);
	free(w);
	return 0;
}

static int unpack_bytes(struct world *w, const void *bytes, size_t len)
{
	sk_autoclose int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, bytes, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	w->err = SK_ERR_INIT;
	return sk_unpack(fd, w->layer_fd, &w->opts, &w->result, &w->err);
}

static int unpack(struct world *w)
{
	tar_end(&w->tar);
	return unpack_bytes(w, w->tar.ptr, w->tar.len);
}

static void expect_ok(struct world *w)
{
	int r = unpack(w);

	if (r != 0)
		fail_msg("unpack: %d %s", r, w->err.msg);
}

static void expect_refused(struct world *w, int code, const char *text)
{
	int r = unpack(w);

	if (r != -code || !strstr(w->err.msg, text))
		fail_msg("wanted -%d '%s', got %d '%s'", code, text, r, w->err.msg);
}

#define ADD(w, kind, path, ...)                                                          \
	tar_add(&(w)->tar,                                                               \
		&(struct tar_entry){.type = (kind), .name = (path), ##__VA_ARGS__})

static void assert_content(struct world *w, const char *path, const char *want)
{
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(w->layer_fd, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, want);
}

static struct stat stat_of(struct world *w, const char *path)
{
	struct stat st;

	if (fstatat(w->layer_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' is not there", path);
	return st;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip(); /* owners, devices and trusted attributes need root */
}

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
	sk_autofree char *outside = sk_strf("%s/outside", w->dir);

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

/* Bombs and limits */

static void test_bytes_entries_depth_and_names_are_limited(void **state)
{
	struct world *w = *state;
	sk_auto(sk_str_finish) struct sk_str deep = SK_STR_INIT;
	char name[300];

	w->opts.max_bytes = 3;
	ADD(w, '0', "f", .content = "1234");
	expect_refused(w, EFBIG, "the archive unpacks to more than 3 B");
	w->opts.max_bytes = 1 << 20;

	w->opts.max_entries = 2;
	sk_str_clear(&w->tar);
	ADD(w, '0', "1");
	ADD(w, '0', "2");
	expect_ok(w);
	w->tar.len -= 1024;
	ADD(w, '0', "3");
	expect_refused(w, E2BIG, "the archive has more than 2 entries");
	w->opts.max_entries = 1000;

	for (int i = 0; i < 300; i++)
		sk_str_add(&deep, "d/");
	sk_str_clear(&w->tar);
	tar_pax(&w->tar, "path", deep.ptr, deep.len);
	ADD(w, '5', "d");
	expect_refused(w, EINVAL, "its name is deeper than 256 folders");

	memset(name, 'n', sizeof(name));
	sk_str_clear(&w->tar);
	tar_pax(&w->tar, "path", name, sizeof(name));
	ADD(w, '0', "n");
	expect_refused(w, EINVAL, "a part of its name is longer than 255 bytes");
}

static void test_a_sparse_file_counts_with_its_holes_and_keeps_them(void **state)
{
	struct world *w = *state;

	static const char records[] = "26 GNU.sparse.size=200000\n"
				      "26 GNU.sparse.numblocks=1\n"
				      "27 GNU.sparse.map=100000,4\n";

	/* the map says: 4 bytes at 100000 */
	ADD(w, 'x', "pax", .content = records);
	ADD(w, '0', "sparse", .content = "data");
	expect_ok(w);
	assert_int_equal(stat_of(w, "sparse").st_size, 200000);
	assert_true(stat_of(w, "sparse").st_blocks < 100);
	assert_int_equal(w->result.bytes, 200000);
	w->opts.max_bytes = 150000;
	w->tar.len -= 1024;
	expect_refused(w, EFBIG, "the archive unpacks to more than");
}

static void compress_with(struct sk_str *ret, const void *bytes, size_t len,
			  int (*filter)(struct archive *))
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t size = len + (1 << 20), used = 0;
	char *buffer = malloc(size);

	assert_non_null(buffer);
	assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
	assert_int_equal(filter(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, buffer, size, &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, bytes, len), len);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	sk_str_add_bytes(ret, buffer, used);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	free(buffer);
}

static void test_usual_compressions_are_read_and_truncated_ones_refused(void **state)
{
	static int (*const filters[])(struct archive *) = {
		archive_write_add_filter_gzip, archive_write_add_filter_bzip2,
		archive_write_add_filter_xz,   archive_write_add_filter_zstd,
		archive_write_add_filter_lz4,
	};
	struct world *w = *state;
	sk_autofree char *noise = malloc(100000);
	unsigned int seed = 7;

	for (size_t i = 0; i < 100000; i++)
		noise[i] = (char)rand_r(&seed);
	ADD(w, '0', "f", .content = noise, .len = 100000);
	tar_end(&w->tar);
	for (size_t i = 0; i < SK_ARRAY_SIZE(filters); i++) {
		sk_auto(sk_str_finish) struct sk_str packed = SK_STR_INIT;

		compress_with(&packed, w->tar.ptr, w->tar.len, filters[i]);
		if (unpack_bytes(w, packed.ptr, packed.len) != 0)
			fail_msg("filter %zu: %s", i, w->err.msg);
		assert_int_equal(stat_of(w, "f").st_size, 100000);
		if (unpack_bytes(w, packed.ptr, packed.len / 2) == 0)
			fail_msg("filter %zu: half of the archive was taken", i);
		assert_int_not_equal(w->err.code, 0);
	}
}

static void test_a_bomb_is_stopped_by_its_growth(void **state)
{
	struct world *w = *state;
	sk_auto(sk_str_finish) struct sk_str packed = SK_STR_INIT;
	const size_t len = 300u << 20;
	char *zeros = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sk_str head = SK_STR_INIT;
	char *whole;

	assert_true(zeros != MAP_FAILED);
	w->opts.max_bytes = 1ull << 30;
	tar_add(&head, &(struct tar_entry){.type = '0',
					   .name = "bomb",
					   .size = "02260000000"}); /* 300 MiB */
	whole = malloc(512 + len);
	assert_non_null(whole);
	memcpy(whole, head.ptr, 512);
	memset(whole + 512, 0, len);
	compress_with(&packed, whole, 512 + len, archive_write_add_filter_zstd);
	free(whole);
	assert_int_equal(munmap(zeros, len), 0);
	sk_str_finish(&head);
	assert_int_equal(unpack_bytes(w, packed.ptr, packed.len), -EFBIG);
	assert_non_null(strstr(w->err.msg, "the archive grows more than 200 times"));
}

/* Malformed */

static void test_what_is_no_tar_archive_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const texts[] = {"", "hello, this is not an archive",
					    "\x1f\x8b\x08garbage"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		assert_true(unpack_bytes(w, texts[i], strlen(texts[i])) < 0);
		assert_non_null(strstr(w->err.msg, "archive"));
	}
	tar_end(&w->tar);
	assert_int_equal(unpack_bytes(w, w->tar.ptr, w->tar.len), -EINVAL);
	assert_non_null(strstr(w->err.msg, "the archive holds no files"));
}

static void test_truncated_content_and_broken_sums_are_refused(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "f", .content = "short", .size = "00000100000");
	assert_true(unpack_bytes(w, w->tar.ptr, w->tar.len) < 0);
	assert_non_null(strstr(w->err.msg, "runcated"));
	sk_str_clear(&w->tar);
	ADD(w, '0', "one", .content = "x");
	ADD(w, '0', "two", .content = "x");
	w->tar.ptr[1024 + 150]++;
	assert_true(unpack(w) < 0);
}

static void test_names_that_are_no_utf_8_are_refused(void **state)
{
	struct world *w = *state;

	ADD(w, '0', "caf\xe9", .content = "x");
	expect_refused(w, EINVAL, "its name is not UTF-8");
	assert_non_null(strstr(w->err.msg, "entry 'caf"));
	sk_str_clear(&w->tar);
	ADD(w, '0', "caf\xc3\xa9", .content = "x");
	tar_pax(&w->tar, "path", "na\xc3\xafve", 6);
	ADD(w, '0', "naive", .content = "y");
	expect_ok(w);
	assert_content(w, "caf\xc3\xa9", "x");
	assert_content(w, "na\xc3\xafve", "y");
}

static void test_links_to_an_empty_name_are_refused(void **state)
{
	struct world *w = *state;

	ADD(w, '2', "s", .link = "");
	expect_refused(w, EINVAL, "it is a link to an empty or overlong name");
}

static void test_outputs_stay_untouched_on_failure(void **state)
{
	struct world *w = *state;
	const struct sk_unpack_result before = {.bytes = 42, .digest = "untouched"};

	w->result = before;
	ADD(w, '0', "../x");
	assert_int_equal(unpack(w), -EINVAL);
	assert_memory_equal(&w->result, &before, sizeof(before));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
		CASE(test_bytes_entries_depth_and_names_are_limited),
		CASE(test_a_sparse_file_counts_with_its_holes_and_keeps_them),
		CASE(test_usual_compressions_are_read_and_truncated_ones_refused),
		CASE(test_a_bomb_is_stopped_by_its_growth),
		CASE(test_what_is_no_tar_archive_is_refused),
		CASE(test_truncated_content_and_broken_sums_are_refused),
		CASE(test_names_that_are_no_utf_8_are_refused),
		CASE(test_links_to_an_empty_name_are_refused),
		CASE(test_outputs_stay_untouched_on_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
