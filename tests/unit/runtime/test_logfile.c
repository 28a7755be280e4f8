// SPDX-License-Identifier: Apache-2.0
/* The log of a detached container: lines, parts, rotation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "runtime/container/logfile.h"
#include "tests/unit/tempdir.h"

struct fixture {
	struct tempdir dir;
	struct sk_logfile *log;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_return_code(tempdir_make(&f->dir), errno);
	assert_int_equal(sk_logfile_open(f->dir.fd, 1000, &f->log, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sk_logfile_free(f->log);
	assert_int_equal(tempdir_remove(&f->dir), 0);
	free(f);
	return 0;
}

static void read_log(const struct fixture *f, char text[4096])
{
	sk_autoclose int fd = openat(f->dir.fd, "log", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, 4095);

	assert_true(n > 0);
	text[n] = '\0';
}

static struct sk_log_line first_line(const char *text)
{
	struct sk_log_line line;
	const char *newline = strchr(text, '\n');

	assert_non_null(newline);
	assert_true(sk_logfile_parse(text, (size_t)(newline - text), &line));
	return line;
}

static void test_a_line_in_pieces_becomes_one(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	struct sk_log_line line;

	sk_logfile_feed(f->log, 1, "hel", 3);
	sk_logfile_feed(f->log, 2, "oops\n", 5);
	sk_logfile_feed(f->log, 1, "lo\n", 3);
	read_log(f, text);
	line = first_line(text);
	assert_int_equal(line.stream, 2);
	assert_memory_equal(line.text, "oops", 4);
	line = first_line(strchr(text, '\n') + 1);
	assert_int_equal(line.stream, 1);
	assert_true(line.is_full);
	assert_int_equal(line.text_len, 5);
	assert_memory_equal(line.text, "hello", 5);
}

static void test_the_last_line_without_newline_is_a_part(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	struct sk_log_line line;

	sk_logfile_feed(f->log, 1, "end", 3);
	sk_logfile_flush(f->log);
	read_log(f, text);
	line = first_line(text);
	assert_false(line.is_full);
	assert_memory_equal(line.text, "end", 3);
}

static void test_a_full_log_is_rotated_and_only_three_files_stay(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	for (int i = 0; i < 200; i++)
		sk_logfile_feed(f->log, 1, "some text that fills\n", 21);
	assert_int_equal(fstatat(f->dir.fd, "log", &st, 0), 0);
	assert_true(st.st_size <= 1000);
	assert_int_equal(fstatat(f->dir.fd, "log.1", &st, 0), 0);
	assert_true(st.st_size <= 1000);
	assert_int_equal(fstatat(f->dir.fd, "log.2", &st, 0), 0);
	assert_false(sk_fs_exists(f->dir.fd, "log.3"));
}

static void test_malformed_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"x",
		"time",
		"time stdout",
		"time stdout F",
		"time stdwhat F text",
		"time stdout X text",
	};
	struct sk_log_line line;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++)
		assert_false(sk_logfile_parse(lines[i], strlen(lines[i]), &line));
	assert_true(sk_logfile_parse("t stdout F ", 11, &line));
	assert_int_equal(line.text_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_line_in_pieces_becomes_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_the_last_line_without_newline_is_a_part, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_full_log_is_rotated_and_only_three_files_stay, setup,
			teardown),
		cmocka_unit_test(test_malformed_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
