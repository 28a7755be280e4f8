/* SPDX-License-Identifier: Apache-2.0 */
/* test_unpack_limits - bombs are stopped; truncated and malformed archives are refused */
#include <archive.h>
#include <archive_entry.h>

#include "tests/unit/images/unpack_world.h"

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
	assert_string_equal(
		w->err.hint,
		"give a whole tar archive, plain or of gzip, bzip2, xz, zstd or lz4");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
